"""What a bundle of advisories says about itself."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

FORMAT = 1
MEDIA_TYPE = "application/vnd.watchfloor.advisories+zstd"  # of artifacts that are bundles
MANIFEST, SIGNATURE = "manifest.json", "manifest.sig"
DOMAIN = b"watchfloor advisories bundle\0"  # so that what is signed here is a signature of nothing else
MANIFEST_LIMIT = 4 << 20
MEMBERS_MAX = 2000


class Shape(BaseModel):
    """A part of a manifest."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Member(Shape):
    """One file of a bundle, as it stands in it."""

    name: str = Field(max_length=100, pattern=r"^[a-z0-9][a-z0-9./-]*$")
    source: str
    size: int = Field(ge=0)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    rows: int = Field(ge=0)


class StreamState(Shape):
    """How far the exporter had read a stream of a source."""

    source: str
    stream: str = Field(max_length=100)
    watermark: datetime | None
    rows: int
    cursor: dict[str, Any]


class Manifest(Shape):
    """The first member; its signature is the second."""

    format: int
    made_at: datetime
    since: datetime | None
    key: str = Field(description="public key (Ed25519, base64) of who made it")
    streams: list[StreamState] = Field(max_length=1000)
    members: list[Member] = Field(max_length=MEMBERS_MAX)
    attribution: dict[str, str]
