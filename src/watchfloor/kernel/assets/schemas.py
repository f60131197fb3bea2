"""What callers send about assets and scope, and what they get back."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

Tag = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f,]*$")]

Text = Annotated[str, StringConstraints(max_length=2000, pattern=r"^[^\x00]*$")]
Exposure = Literal["internet", "partner", "internal", "isolated", "unknown"]
FactKind = Literal["service", "os", "hardware"]


class Shape(BaseModel):
    """Unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class AssetView(Shape):
    """Something we know exists."""

    id: UUID
    kind: str
    key: str
    name: str | None
    names: list[str]
    tags: list[str]
    exposure: Exposure
    first_seen: datetime
    last_seen: datetime


class Tags(Shape):
    """The tags an asset shall have, instead of those it has."""

    tags: list[Tag] = Field(max_length=50)


class SetExposure(Shape):
    """From where an asset can be reached."""

    exposure: Exposure


class FactView(Shape):
    """One thing that runs on an asset."""

    id: UUID
    asset: UUID
    kind: FactKind
    port: int | None
    protocol: str
    name: str = Field(description="The service's name, such as ssh.")
    product: str
    version: str
    revision: str = Field(description="The distribution's package revision, where it is known.")
    cpe23: list[str]
    first_seen: datetime
    observed_at: datetime
    changed_at: datetime
    gone_at: datetime | None = Field(description="When a look found it gone; null while it is there or nobody looked again.")


class ScopeView(Shape):
    """One network or domain that may be looked at, or (`exclude`) must not be, whatever else allows it."""

    id: UUID
    target: str
    exclude: bool
    ports: str | None = Field(description="The only ports that may be looked at; null means all.")
    reason: str
    approved_by: str
    proof: str
    created_by: str
    created_at: datetime
    valid_from: datetime
    expires_at: datetime | None


class ScopeAdd(Shape):
    """Allow a network, an address or a domain to be looked at, or (`exclude`) forbid it whatever else allows it."""

    target: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300)]
    exclude: bool = False
    ports: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)] | None = Field(
        None, description="The only ports that may be looked at, as 80,443,8000-8100; all without it."
    )
    reason: Text = Field("", description="Why it may be looked at: a contract, a ticket.")
    approved_by: Annotated[str, StringConstraints(max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")] = Field(
        "", description="Who allowed it; the caller without it."
    )
    proof: Text = Field("", description="Where the permission can be read: a document, a ticket, a DNS record.")
    valid_from: AwareDatetime | None = Field(None, description="From when; at once without it.")
    expires_at: AwareDatetime | None = Field(
        None, description="Until when, a year after valid_from at most, which is also the default; an exclusion has no limit."
    )
