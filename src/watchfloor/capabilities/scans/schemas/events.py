"""What the events of scans say."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from pydantic import Field

from watchfloor.capabilities.scans.schemas.words import Shape
from watchfloor.kernel.contract import Severity


class Counts(Shape):
    """How many of each kind are different from one scan to the next of the same targets; lists of them may be cut, these are not."""

    hosts_new: int = 0
    hosts_gone: int = 0
    hosts_changed: int = 0
    ports_opened: int = 0
    ports_reopened: int = 0
    ports_closed: int = 0
    ports_filtered: int = 0
    services_changed: int = Field(0, description="Open ports whose service changed in one or several properties.")
    findings_new: int = 0
    findings_fixed: int = 0
    findings_returned: int = 0


class NotCompared(Shape):
    """What only one of the two scans looked at: neither new nor gone, unknown."""

    hosts: int = 0
    ports: int = Field(0, description="Ports that one scan saw open and the other did not look at.")


class ScanFinished(Shape):
    """What `scans.finished` says."""

    scan: UUID
    state: Literal["finished", "incomplete"] = Field(description="Incomplete when something was not looked at.")
    findings: dict[Severity, int] = Field(default_factory=dict, description="How many were found of each severity that there is.")
    error: str | None = Field(None, description="Why nothing was looked at; not there where something was.")


class ScanChanged(Shape):
    """What `scans.changed` says."""

    scan: UUID
    base: UUID = Field(description="The scan before it of the same targets.")
    counts: Counts = Field(description="What is different, those that are not zero.")
    not_compared: NotCompared


class ScanCancelled(Shape):
    """What `scans.cancelled` says."""

    scan: UUID


class ScansHealth(Shape):
    """What `scans.healthy` and `scans.unhealthy` say."""

    checks: list[str] = Field(description="Those that found trouble.")
    sentences: list[str] = Field(description="What the trouble is, in words.")
