"""What callers send about API keys and people, and what they get back."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints


class Shape(BaseModel):
    """Unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class KeyView(Shape):
    """An API key without its secret."""

    id: UUID
    public_id: str = Field(description="the part that may be shown: wf_<this>_…")
    name: str
    role: str
    created_by: str
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    used_at: datetime | None = Field(description="to the minute")


class KeyCreate(Shape):
    """Ask for an API key; its role may hold no permission the caller lacks."""

    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
    role: Annotated[str, StringConstraints(max_length=40)]
    expires: timedelta = Field(timedelta(days=90), gt=timedelta(0), le=timedelta(days=366), description="seconds or ISO 8601 duration")


class KeyMade(Shape):
    """A new API key; `key` is shown this once."""

    key: str


class ActorView(Shape):
    """Who the API takes the caller for."""

    org: UUID
    name: str
    role: str
    permissions: list[str]


class MemberView(Shape):
    """A person of the organisation; what they may know follows from the role while they are active."""

    name: str
    role: str
    state: str = Field(description="active, disabled or removed")
    created_by: str
    created_at: datetime
    changed_by: str
    changed_at: datetime


class MemberSet(Shape):
    """What somebody is; the role may hold no permission the caller lacks."""

    role: Annotated[str, StringConstraints(max_length=40)]
    enabled: bool = Field(default=True, description="Who is not is told nothing.")
