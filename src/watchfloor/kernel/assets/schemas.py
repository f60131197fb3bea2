"""What callers send about assets and scope, and what they get back."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

Tag = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f,]*$")]


class Shape(BaseModel):
    """Unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class AssetView(Shape):
    """Something we know exists."""

    id: UUID
    kind: str
    key: str
    name: str | None
    tags: list[str]
    first_seen: datetime
    last_seen: datetime


class Tags(Shape):
    """The tags an asset shall have, instead of those it has."""

    tags: list[Tag] = Field(max_length=50)


class ScopeView(Shape):
    """One network or domain that may be looked at."""

    id: UUID
    target: str
    reason: str
    created_by: str
    created_at: datetime
    expires_at: datetime | None


class ScopeAdd(Shape):
    """Allow a network, an address or a domain to be looked at."""

    target: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300)]
    reason: Annotated[str, StringConstraints(max_length=2000, pattern=r"^[^\x00]*$")] = ""
    expires_at: AwareDatetime | None = None
