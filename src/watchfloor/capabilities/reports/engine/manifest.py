"""What a bundle says of its files, in bytes that can be signed. Pure."""

from __future__ import annotations

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from watchfloor.capabilities.reports.engine.machine import TOOL, VERSION
from watchfloor.capabilities.reports.engine.spool import canonical

NAME = "manifest.json"
SIGNATURE = "manifest.sig"
DOMAIN = b"watchfloor bundle 1\n"


class Entry(BaseModel):
    """One file: its name without folders, its bytes' count and SHA-256 in hex."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(max_length=120, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    size: int = Field(ge=0)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class Manifest(BaseModel):
    """What is in a bundle and what it was made from."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    manifest_version: int = 1
    as_of: AwareDatetime
    spec: str = Field(description="The hash of all options that decided the bytes, in hex.", pattern=r"^[0-9a-f]{64}$")
    snapshot: str = Field(pattern=r"^[0-9a-f]{64}$")
    template_version: int
    tool: str = f"{TOOL} {VERSION}"
    files: tuple[Entry, ...]
    missing: dict[str, str] = Field({}, description="Formats that could not be made, and why.")


def manifest(told: Manifest) -> bytes:
    """Return the bytes to sign after `DOMAIN`: files sorted by name, one line of JSON."""
    files = sorted((one.model_dump() for one in told.files), key=lambda one: one["name"])
    return canonical({**told.model_dump(mode="json"), "files": files})
