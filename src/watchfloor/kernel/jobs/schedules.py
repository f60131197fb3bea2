"""Schedules: planned instants on the database's clock, each with exactly one job, however many schedulers run."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

from watchfloor.kernel.contract import Severity, queue_named
from watchfloor.kernel.db.ids import new_id
from watchfloor.kernel.db.session import wire_of
from watchfloor.kernel.errors import Conflict, InvalidInput, NotFound
from watchfloor.kernel.events.outbox import Told, emit_by
from watchfloor.kernel.jobs.enqueue import Options, enqueue
from watchfloor.kernel.jobs.statements import statement
from watchfloor.kernel.jobs.states import stored_priority

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from uuid import UUID

    from pydantic import BaseModel
    from sqlalchemy.orm import Session

    from watchfloor.kernel.contract import JobKind
    from watchfloor.kernel.db.session import Wire
    from watchfloor.kernel.jobs.ledger import Ledger

CatchUp = Literal["none", "latest", "all"]
Overlap = Literal["skip", "queue", "cancel_previous"]
RECORDED = 500  # missed ticks written down at once
WALKED = 100_000  # instants looked at to find the present; a minute's cron after ten weeks
LATE = timedelta(seconds=90)  # a tick this late was missed, and the catch-up rule decides
SHORTEST = timedelta(seconds=1)
NEWS = timedelta(hours=1)

log = logging.getLogger("watchfloor.schedules")


@dataclass(frozen=True)
class Rhythm:
    """When a schedule ticks: a crontab in a time zone, or an interval from its first tick on."""

    cron: str | None
    every: timedelta | None
    tz: str = "UTC"

    def check(self) -> None:
        """Raise InvalidInput when it could never tick."""
        if (self.cron is None) == (self.every is None):
            message = "a schedule needs either a crontab or an interval"
            raise InvalidInput(message, field="/cron")
        if self.every is not None and self.every < SHORTEST:
            message = f"an interval of {self.every} is too short; the shortest is {SHORTEST}"
            raise InvalidInput(message, field="/every")
        next(self.after(datetime.now(UTC)))

    def after(self, moment: datetime) -> Iterator[datetime]:
        """Yield the instants after `moment`, in UTC. Of a doubled local hour only the first counts."""
        if self.every is not None:
            while True:
                moment += self.every
                yield moment
        try:
            zone = ZoneInfo(self.tz)
        except (ZoneInfoNotFoundError, ValueError) as error:
            message = f"{self.tz!r} is not a time zone; names look like Europe/Berlin"
            raise InvalidInput(message, field="/tz") from error
        try:
            for local in CronSim(self.cron or "", moment.astimezone(zone)):
                yield local.astimezone(UTC)
        except CronSimError as error:
            message = f"{self.cron!r} is not a crontab: {error}. Five fields: minute hour day month weekday"
            raise InvalidInput(message, field="/cron") from error
        message = f"{self.cron!r} never comes"
        raise InvalidInput(message, field="/cron")


def preview(cron: str | None, tz: str, n: int = 5, every: timedelta | None = None) -> list[datetime]:
    """Return the next n instants from now."""
    return list(islice(Rhythm(cron, every, tz).after(datetime.now(UTC)), n))


def create(
    ledger: Ledger, session: Session, org: UUID, *, name: str, kind: JobKind[Any, Any], request: BaseModel,
    cron: str | None = None, every: timedelta | None = None, tz: str = "UTC", catch_up: CatchUp = "latest", overlap: Overlap = "skip",
    jitter: timedelta = timedelta(0), queue: str | None = None, priority: int = 5, actor: str = "",
) -> UUID:  # fmt: skip
    """Create a schedule; its first tick is the first instant after now.

    Raises:
        Conflict: The organisation has a schedule of this name.
    """
    rhythm = Rhythm(cron, every, tz)
    rhythm.check()
    wire = wire_of(session)
    row: Any = wire.execute("select wf_now(), exists (select 1 from schedule where org = %s and name = %s)", (org, name)).fetchone()
    if row[1]:
        message = f"there is a schedule named {name!r} already; remove it first or choose another name"
        raise Conflict(message)
    schedule = new_id()
    kid, blob = ledger.vault.seal(org, f"schedule|args|{schedule}", request.model_dump_json(exclude_defaults=True).encode())
    values = {
        "org": org, "id": schedule, "name": name, "kind": kind.name, "queue": str(queue_named(queue or kind.queue)), "cron": cron,
        "every_s": every.total_seconds() if every else None, "tz": tz, "next_tick": next(rhythm.after(row[0])), "catch_up": catch_up,
        "overlap": overlap, "jitter": jitter, "priority": stored_priority(priority), "max_failures": kind.attempts,
        "limit_s": kind.timeout.total_seconds(), "soft_s": kind.soft_timeout.total_seconds() if kind.soft_timeout else None,
        "keep_s": kind.keep_result.total_seconds(), "short": kind.short, "kid": kid, "args": blob, "actor": actor,
    }  # fmt: skip
    wire.execute(statement("create_schedule"), values)
    return schedule


def pause(session: Session, org: UUID, schedule: UUID) -> None:
    """Stop ticking; instants that pass meanwhile are not made up for."""
    _change(session, "update schedule set enabled = false where org = %s and id = %s", org, schedule)


def resume(session: Session, org: UUID, schedule: UUID) -> None:
    """Tick again, from the first instant after now."""
    wire = wire_of(session)
    row: Any = wire.execute(
        "select cron, every_s, tz, wf_now() from schedule where org = %s and id = %s for update", (org, schedule)
    ).fetchone()
    if row is None:
        raise NotFound(_unknown(schedule))
    upcoming = next(Rhythm(row[0], timedelta(seconds=row[1]) if row[1] else None, row[2]).after(row[3]))
    wire.execute("update schedule set enabled = true, next_tick = %s where org = %s and id = %s", (upcoming, org, schedule))


def remove(session: Session, org: UUID, schedule: UUID) -> None:
    """Remove a schedule; jobs it made go on."""
    _change(session, "delete from schedule where org = %s and id = %s", org, schedule)


def run_now(ledger: Ledger, session: Session, org: UUID, schedule: UUID, kinds: Mapping[str, JobKind[Any, Any]], actor: str) -> UUID:
    """Enqueue the schedule's job once, beside its rhythm."""
    row: Any = (
        wire_of(session)
        .execute("select kind, queue, priority, kid, args, name from schedule where org = %s and id = %s", (org, schedule))
        .fetchone()
    )
    if row is None:
        raise NotFound(_unknown(schedule))
    kind = kinds[row[0]]
    request = kind.arguments.model_validate_json(ledger.vault.open(org, row[3], f"schedule|args|{schedule}", bytes(row[4])))
    return enqueue(ledger, session, org, kind, request, Options(queue=row[1], priority=9 - row[2], actor=actor, label=row[5])).id


def tick(ledger: Ledger) -> int:
    """Turn every due instant into its job, or into a note why there is none; return how many jobs were made."""
    wire = ledger.database.wire("wf_engine")
    made = 0
    with wire.transaction():
        for row in wire.execute(statement("due"), prepare=True).fetchall():
            try:
                made += _tick_one(wire, row)
            except InvalidInput as error:  # of one schedule, whose time zone or crontab this machine knows no more
                log.warning("schedule %s can tick no more and is paused: %s", row[1], error)
                wire.execute("update schedule set enabled = false where org = %s and id = %s", (row[0], row[1]))
    if made:
        ledger.doorbell.ring("wf_ready", "")
    return made


def plan(rhythm: Rhythm, first: datetime, now: datetime, catch_up: CatchUp) -> tuple[list[tuple[datetime, str | None]], datetime]:
    """Return the instants from `first` to `now`, each with the reason it is skipped or None, and the next one after. Pure."""
    instants = [first]
    for upcoming in islice(rhythm.after(first), WALKED):
        if upcoming > now or (catch_up == "all" and len(instants) == RECORDED):
            break
        instants.append(upcoming)
    else:
        upcoming = next(rhythm.after(_grid(rhythm, first, now)))
    kept = instants[-RECORDED:]
    if catch_up == "all":
        return [(instant, None) for instant in kept], upcoming
    runs = kept[-1] if catch_up == "latest" or now - kept[-1] <= LATE else None
    return [(instant, None if instant == runs else "missed") for instant in kept], upcoming


def _grid(rhythm: Rhythm, first: datetime, now: datetime) -> datetime:
    """Return a moment from which the rhythm goes on in step: an interval counts from its first tick, a crontab from anywhere."""
    return now if rhythm.every is None else first + (now - first) // rhythm.every * rhythm.every


def _tick_one(wire: Wire, row: Any) -> int:  # noqa: ANN401 - the type is the caller's
    org, schedule, kind, _queue, cron, every_s, tz, next_tick, catch_up, overlap, _jitter_s, now, name = row
    ticks, upcoming = plan(Rhythm(cron, timedelta(seconds=every_s) if every_s else None, tz), next_tick, now, catch_up)
    unfinished = [found[0] for found in wire.execute(statement("unfinished"), {"org": org, "schedule": schedule}).fetchall()]
    if unfinished and overlap == "skip":
        ticks = [(instant, skipped or "overlap") for instant, skipped in ticks]
    if unfinished and overlap == "cancel_previous":
        wire.execute(statement("cancel"), {"org": org, "ids": unfinished, "batch": None, "by": "schedule"})
    values = {
        "org": org, "schedule": schedule, "ticks": [instant for instant, _ in ticks], "skips": [skipped for _, skipped in ticks],
        "jobs": [None if skipped else new_id() for _, skipped in ticks], "next": upcoming, "jitter": (schedule.int % 997) / 997,
    }  # fmt: skip
    counted: Any = wire.execute(statement("tick"), values).fetchone()
    if (told := missed(ticks, now)) is not None:
        severity = Severity.INFO if told["runs"] else Severity.MEDIUM
        emit_by(wire, org, [Told("schedule.missed", severity, {"schedule": str(schedule), "name": name, "kind": kind, **told})])
    return int(counted[0])


def missed(ticks: Sequence[tuple[datetime, str | None]], now: datetime) -> dict[str, Any] | None:
    """Return what there is to tell of instants that were missed: how many, between when, and whether the newest runs late at least.

    None when that is no news: of a schedule that runs every minute some minutes without a scheduler change nothing, as long as it runs now.
    Pure.
    """
    gone = [instant for instant, skipped in ticks if skipped == "missed"]
    runs = any(skipped is None for _, skipped in ticks)
    if not gone or (runs and now - gone[0] < NEWS):
        return None
    return {"missed": len(gone), "first": gone[0].isoformat(), "last": gone[-1].isoformat(), "runs": runs}


def _change(session: Session, sql: Any, org: UUID, schedule: UUID) -> None:  # noqa: ANN401 - the type is the caller's
    if wire_of(session).execute(sql, (org, schedule)).rowcount == 0:
        raise NotFound(_unknown(schedule))


def _unknown(schedule: UUID) -> str:
    return f"there is no schedule {schedule}; `watchfloor schedules list` shows those there are"
