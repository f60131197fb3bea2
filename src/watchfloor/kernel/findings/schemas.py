"""What callers send about findings, and what they get back."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from watchfloor.kernel.contract import Severity

Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=10_000, pattern=r"^[^\x00]*$")]
State = Literal["open", "fixed", "accepted", "false_positive"]


class Shape(BaseModel):
    """Unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, serialize_by_alias=True, validate_by_name=True)


class FindingView(Shape):
    """One thing wrong at one target."""

    id: UUID
    key: str
    capability: str
    check: str
    asset: UUID
    target: str
    protocol: str
    port: int | None
    title: str
    description: str
    severity: Severity
    remedy: str
    evidence: dict[str, Any]
    references: list[str]
    state: State = Field(description="What counts now; an acceptance that has expired counts as open again.")
    accepted_until: datetime | None
    reason: str | None = Field(description="Why it is in this state.")
    job: UUID | None = Field(description="The job that saw it last, or saw that it is gone.")
    first_seen: datetime
    last_seen: datetime
    fixed_at: datetime | None
    misses: int = Field(description="Looks in a row at which its port did not answer; the second one fixes it.")


class ChangeView(Shape):
    """One change of a finding's state; the first has no `from`."""

    id: UUID
    at: datetime
    from_state: State | None = Field(alias="from")
    to_state: State = Field(alias="to")
    accepted_until: datetime | None
    actor: str
    reason: str
    job: UUID | None


class FindingDetail(FindingView):
    """One finding with its newest 100 changes, newest first."""

    history: list[ChangeView]


class Triage(Shape):
    """Accept a finding's risk until a day, call it a false positive, or open it again; the reason is kept."""

    state: Literal["accepted", "false_positive", "open"]
    reason: Reason
    until: AwareDatetime | None = Field(
        None, description="The end of an acceptance, at most five years ahead; required there, refused elsewhere."
    )


class TriageMany(Triage):
    """One decision about several findings."""

    ids: list[UUID] = Field(min_length=1, max_length=1000)


class RefusedTriage(Shape):
    """A finding that could not be changed, and why."""

    id: UUID
    code: str
    detail: str


class TriageResult(Shape):
    """How many findings were changed, and those that were not."""

    changed: int
    refused: list[RefusedTriage]


class FindingTold(Shape):
    """What the events of findings say."""

    finding: UUID
    capability: str = Field(description="Whose check it is.")
    check: str
    target: str = Field(description="Where it is wrong.")
    port: int | None
    protocol: str
    title: str
    reason: str = Field(description="Why it is as it is now.")
    actor: str = Field(description="Who said so or looked.")


class FindingAccepted(FindingTold):
    """What `finding.accepted` says."""

    until: datetime | None = Field(None, description="When the acceptance ends; not there where it does not.")
