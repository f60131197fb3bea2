"""What callers of a scan send and get back."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated
from uuid import UUID

from pydantic import BeforeValidator, Field

from watchfloor.capabilities.scans.schemas.words import TARGETS_MAX, Discovery, Engine, Group, Profile, Shape, Stopped, Target
from watchfloor.kernel.contract import Severity


def _text(ports: object) -> object:
    """Take one port as a number too, as JSON and command lines write it."""
    return str(ports) if isinstance(ports, int) and not isinstance(ports, bool) else ports


class ScanRequest(Shape):
    """Look at these targets."""

    targets: list[Target] = Field(
        max_length=TARGETS_MAX,
        description="Addresses, networks (192.168.1.0/24), ranges (192.168.1.10-20, 2001:db8::1-2001:db8::ff), host names, and "
        "`tag:web` for all assets that have the tag when the scan starts.",
    )
    exclude: list[Target] = Field(
        default=[],
        max_length=TARGETS_MAX,
        description="What to leave out: addresses, networks, ranges and names; a name covers those below it.",
    )
    ports: Annotated[str, BeforeValidator(_text)] = Field(
        "top-1000", max_length=20_000, description="Numbers, ranges, top-100, top-1000 or all, joined by commas."
    )
    timeout: timedelta = Field(timedelta(hours=1), gt=timedelta(0), le=timedelta(hours=24))
    max_concurrent: int = Field(2000, ge=1, le=20_000)
    max_rate: int | None = Field(None, ge=1, le=1_000_000, description="Most connection attempts per second of the whole scan.")
    profile: Profile = Field(Profile.NORMAL, description="polite, normal or fast: what the fields that are left out mean.")
    services: bool = Field(default=True, description="Identify what answers on each open port.")
    checks: list[Annotated[str, Field(pattern=r"^[a-z0-9-]{1,40}$")]] = Field(
        default=[], max_length=20, description="Opt-in checks that are not made otherwise, such as default-snmp-community."
    )
    discovery: Discovery = Field(Discovery.AUTO, description="Look for hosts before their ports are asked: auto (wide targets), on or off.")
    engine: Engine = Field(Engine.NATIVE, description="native, or nmap where it is installed.")
    name: str = Field("", max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$", description="What people call this scan; its targets when empty.")
    confirmed: bool = Field(default=False, description="A scan of more addresses or probes than usual is meant.")


class ScanEstimate(Shape):
    """How big a scan would be; each name counts as one address until it is resolved."""

    addresses: int
    names: int = Field(description="Of the addresses, how many are names still to be resolved.")
    ports: int
    probes: int
    duration: timedelta = Field(description="About how long it would take with the workers there are now.")
    needs_confirmation: bool = Field(default=False, description="More than usual: send `confirmed: true`, or --yes on the command line.")
    notes: tuple[str, ...] = ()


class CheckView(Shape):
    """One check for people to read: what it looks for, what it needs, what it sends."""

    id: str
    title: str
    severity: Severity
    category: str
    description: str
    needs: str
    sends: str
    remedy: str
    references: tuple[str, ...]
    on_by_default: bool


class ScanSummary(Shape):
    """How a scan or shard ended."""

    hosts: int = 0
    open: int = 0
    services: int = 0
    problems: int = 0
    by_severity: dict[Severity, int] = {}
    probes: int = 0
    skipped: int = 0
    settled: dict[Group, int] = {}
    elapsed: timedelta = timedelta(0)
    stopped: Stopped | None = None
    notes: tuple[str, ...] = ()


class OneScan(Shape):
    """The scan a job works for."""

    scan_id: UUID
