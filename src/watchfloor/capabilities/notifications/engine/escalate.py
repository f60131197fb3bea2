"""Escalations: who is told next while nobody acknowledges, and whose turn it is. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, TypeAlias

from watchfloor.capabilities.notifications.engine.zones import known_zone, local_of, moment, parse_zone

if TYPE_CHECKING:
    from watchfloor.capabilities.notifications.schemas.message import Message
    from watchfloor.capabilities.notifications.schemas.rules import Escalation, Rotation, Step

UNREACHED: Final = "escalation.unreached"  # starts no escalation itself: that would never end
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


def check_zones(escalation: Escalation) -> None:
    """Raise InvalidInput for a rotation in a zone that nobody knows."""
    for n, step in enumerate(escalation.steps):
        if step.rotation is not None:
            parse_zone(step.rotation.timezone, field=f"/steps/{n}/rotation/timezone")


def step_message(message: Message, name: str, told: Told, *, run: str, notification: str, steps: int) -> Message:
    """Return what a step says: the message, which step of what it is, and how to end it."""
    ask = f"Say that you look after it, or the next is told: watchfloor notifications acknowledge {notification}"
    facts = {**message.facts, "escalation": name, "step": f"{told.step + 1} of {steps}"}
    changes = {
        "title": f"Escalated: {message.title}"[:200], "lines": (*message.lines[:199], ask), "facts": facts, "dedup_key": f"escalation:{run}:{told.step}",
    }  # fmt: skip
    return message.model_copy(update=changes)


def _due(steps: Sequence[Step], run: Run, *, at_once: datetime | None) -> datetime | None:
    if run.step + 1 >= len(steps):
        return None
    planned = run.started_at + steps[run.step + 1].after
    return planned if at_once is None else min(planned, at_once)


def _named(step: Step, now: datetime) -> list[str]:
    turn = [on_duty(step.rotation, now)] if step.rotation else []
    return list(dict.fromkeys([*step.users, *turn]))
