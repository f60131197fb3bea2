"""Job kinds that start a scan: one that exists, one of an address, one that finds hosts, one a day."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Final, TypedDict
from uuid import UUID  # noqa: TC003 - pydantic reads it when the program runs

from pydantic import Field

from watchfloor.capabilities.scans.engine.scan_types import asked_by
from watchfloor.capabilities.scans.jobs.run import RunScan, ScanPlanned, plan_scan
from watchfloor.capabilities.scans.queries import daily
from watchfloor.capabilities.scans.schemas import Discovery, OneScan, Shape
from watchfloor.capabilities.scans.settings import ScanSettings
from watchfloor.kernel.contract import Queue, job
from watchfloor.kernel.errors import GiveUp, InvalidInput
from watchfloor.kernel.settings import read_settings

if TYPE_CHECKING:
    from watchfloor.kernel.contract import JobContext

Target = Annotated[str, Field(min_length=1, max_length=300)]
# Ports of which a living host answers at least one, if only with a refusal.
KNOCK: Final = "22,80,135,139,443,445,3389,8080"


class Limits(TypedDict):
    """What the kinds of this folder have in common."""

    queue: Queue
    timeout: timedelta
    attempts: int
    first_delay: timedelta


LIMITS: Final = Limits(queue=Queue.SCANS, timeout=timedelta(minutes=30), attempts=4, first_delay=timedelta(seconds=60))


class SecurityScan(Shape):
    """An address, host name or network to look at, and how: quick, standard, full, port_scan and their usual synonyms."""

    target_ip: Target
    scan_type: str = Field("default", max_length=40)


class DiscoverNetwork(Shape):
    """A network whose living hosts are wanted."""

    cidr: Target
    confirmed: bool = Field(default=False, description="A network of more addresses than usual is meant.")


class DailyScan(Shape):
    """Nothing is asked: targets come from the organisation's assets and the settings."""


class DailyScanned(Shape):
    """The scan that was planned, or the reason why there is none."""

    scan_id: UUID | None = None
    targets: int = 0
    shards: int = 0
    note: str = ""


@job("scans.execute_vulnerability_scan", OneScan, **LIMITS)
def execute_vulnerability_scan(context: JobContext, request: OneScan) -> ScanPlanned:
    """Start a scan that exists: a draft under its own id, an ended one again as a new scan."""
    return plan_scan(context, RunScan(scan_id=request.scan_id))


@job("scans.security_scan", SecurityScan, **LIMITS)
def security_scan(context: JobContext, request: SecurityScan) -> ScanPlanned:
    """Look at one target in the way that its scan type names; the scan has the job's id."""
    try:
        asked = asked_by(request.scan_type)
    except InvalidInput as error:
        raise GiveUp(str(error)) from error
    return plan_scan(context, RunScan(targets=[request.target_ip], name=f"{request.scan_type} scan of {request.target_ip}"[:200], **asked))


@job("scans.discover_network", DiscoverNetwork, **LIMITS)
def discover_network(context: JobContext, request: DiscoverNetwork) -> ScanPlanned:
    """Find the living hosts of a network by asking a few ports that most have or refuse; its hosts become assets."""
    asked = RunScan(
        targets=[request.cidr], ports=KNOCK, services=False, discovery=Discovery.ON, confirmed=request.confirmed,
        name=f"hosts of {request.cidr}"[:200],
    )  # fmt: skip
    return plan_scan(context, asked)


@job("scans.daily_security_scan", DailyScan, **LIMITS)
def daily_security_scan(context: JobContext, _request: DailyScan) -> DailyScanned:
    """Look at what shall be looked at every day: assets tagged `daily`, and targets of the setting that the scope allows.

    An organisation that tagged nothing is not scanned: that something may be looked at does not mean that it shall be, every night.
    """
    with context.transaction() as session:
        targets = daily.targets(session, context.org, read_settings(ScanSettings, "scans").daily_targets.split(","))
        before = daily.unfinished(session, context.org, other_than=context.job_id)
    if not targets:
        return DailyScanned(note="Nothing is to be scanned daily: tag assets `daily`, or set WATCHFLOOR_SCANS_DAILY_TARGETS.")
    if before is not None:
        return DailyScanned(targets=len(targets), note=f"The daily scan {before} has not ended yet; this one was left out.")
    planned = plan_scan(context, RunScan(targets=targets, name=daily.NAME, confirmed=True))
    return DailyScanned(scan_id=planned.scan_id, targets=len(targets), shards=planned.shards)
