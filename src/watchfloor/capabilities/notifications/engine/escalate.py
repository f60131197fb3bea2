"""Escalations: who is told next while nobody acknowledges, and whose turn it is. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, TypeAlias

from watchfloor.capabilities.notifications.engine.zones import known_zone, local_of, moment

if TYPE_CHECKING:
    from watchfloor.capabilities.notifications.schemas.rules import Escalation, Rotation, Step

ONE_WEEK: Final = timedelta(days=7)
Reachable: TypeAlias = Callable[[str], bool]


@dataclass(frozen=True, kw_only=True)
class Run:
    """One escalation on its way: `step` is the next one; `due_at` is None when there is none."""

    started_at: datetime
    step: int = 0
    due_at: datetime | None = None
    acknowledged_by: str | None = None
    acknowledged_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Told:
    """One step that is due: whom it tells. Without users nobody could be reached, and that is an alert of its own."""

    step: int
    users: tuple[str, ...]
    page: bool


def start(escalation: Escalation, now: datetime) -> Run:
    """Return a run that begins now."""
    return Run(started_at=now, due_at=now + escalation.steps[0].after)


def acknowledge(run: Run, who: str, now: datetime) -> Run:
    """Say that somebody takes care: no further step is due. The first who said so stays named."""
    if run.acknowledged_at is not None:
        return run
    return replace(run, due_at=None, acknowledged_by=who, acknowledged_at=now)


def advance(escalation: Escalation, run: Run, reachable: Reachable, now: datetime) -> tuple[list[Told], Run]:
    """Return the steps that are due by now, in their order, and the run after them.

    A step that reaches nobody makes the next one due at once. All steps that were missed come together: late rather than never.
    """
    told: list[Told] = []
    while run.due_at is not None and run.due_at <= now:
        step = escalation.steps[run.step]
        users = tuple(one for one in _named(step, now) if reachable(one))
        told.append(Told(step=run.step, users=users, page=step.page))
        run = replace(run, step=run.step + 1, due_at=_due(escalation.steps, run, at_once=now if not users else None))
    return told, run


def on_duty(rotation: Rotation, now: datetime) -> str:
    """Return whose turn it is; before the first hand-over it is the first one's already.

    Weeks are counted by the calendar of the rotation's zone, so that a change of clocks moves no hand-over.
    """
    zone, _ = known_zone(rotation.timezone)
    first = rotation.since + timedelta(days=(rotation.weekday.number - rotation.since.weekday()) % 7)
    weeks = (local_of(now, zone).date() - first) // ONE_WEEK
    if moment(datetime.combine(first + weeks * ONE_WEEK, rotation.at), zone) > now:
        weeks -= 1
    return rotation.users[max(0, weeks) % len(rotation.users)]


def _due(steps: Sequence[Step], run: Run, *, at_once: datetime | None) -> datetime | None:
    if run.step + 1 >= len(steps):
        return None
    planned = run.started_at + steps[run.step + 1].after
    return planned if at_once is None else min(planned, at_once)


def _named(step: Step, now: datetime) -> list[str]:
    turn = [on_duty(step.rotation, now)] if step.rotation else []
    return list(dict.fromkeys([*step.users, *turn]))
