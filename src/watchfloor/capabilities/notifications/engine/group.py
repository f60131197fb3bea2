"""Groups: messages that belong together go out together, again when something changed, and once more when nobody looks. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


@dataclass(frozen=True, kw_only=True)
class Timing:
    """How long a group waits before its first sending, between sendings, and before it says the same again."""

    wait: timedelta = timedelta(seconds=30)
    interval: timedelta = timedelta(minutes=5)
    repeat: timedelta = timedelta(hours=24)


@dataclass(frozen=True)
class Member:
    """One message of a group: whether it still holds, and whether the group said so already."""

    resolved: bool = False
    told: bool = False


@dataclass(frozen=True, kw_only=True)
class Group:
    """Messages by their ids, and when they go out next; a group that has none left is over."""

    members: Mapping[str, Member] = field(default_factory=dict)
    next_flush_at: datetime | None = None
    last_sent_at: datetime | None = None
    added_at: datetime | None = None
    acknowledged_at: datetime | None = None

    @property
    def over(self) -> bool:
        """Tell whether the next message with this key begins a new group."""
        return not self.members


@dataclass(frozen=True, kw_only=True)
class Flush:
    """What one sending says; `repeated` when all of it was said before."""

    new: tuple[str, ...]
    still: tuple[str, ...]
    resolved: tuple[str, ...]

    @property
    def repeated(self) -> bool:
        """Tell whether all of it was said before."""
        return not (self.new or self.resolved)


def group_key(group_by: Iterable[str], labels: Mapping[str, str]) -> str:
    """Return what messages of one group have in common; a label that a message lacks counts as empty. Without labels all are one group."""
    return json.dumps([[name, labels.get(name, "")] for name in sorted(set(group_by))], ensure_ascii=True, separators=(",", ":"))


def add(group: Group, ids: Iterable[str], timing: Timing, now: datetime) -> Group:
    """Add messages. The same one again changes nothing while it holds; one that was resolved is new."""
    new = {one: Member() for one in ids if one not in group.members or group.members[one].resolved}
    return replace(_changed(group, new, timing, now), added_at=now) if new else group


def resolve(group: Group, ids: Iterable[str], timing: Timing, now: datetime) -> Group:
    """Say that messages do not hold any more; the next sending names them, and then they are forgotten."""
    ended = {one: replace(group.members[one], resolved=True) for one in ids if one in group.members and not group.members[one].resolved}
    return _changed(group, ended, timing, now)


def acknowledge(group: Group, now: datetime) -> Group:
    """Say that somebody looks: what is known is not repeated. What comes later is told, and repeated, as ever."""
    waiting = any(member.resolved or not member.told for member in group.members.values())
    return replace(group, acknowledged_at=now, next_flush_at=group.next_flush_at if waiting else None)


def flush(group: Group, timing: Timing, now: datetime) -> tuple[Flush | None, Group]:
    """Return what is sent now, None when it is not time, and the group after that."""
    if group.over or group.next_flush_at is None or now < group.next_flush_at:
        return None, group
    told = Flush(
        new=tuple(one for one, member in group.members.items() if not member.resolved and not member.told),
        still=tuple(one for one, member in group.members.items() if not member.resolved and member.told),
        resolved=tuple(one for one, member in group.members.items() if member.resolved),
    )
    left = {one: Member(told=True) for one in (*told.still, *told.new)}
    looked_at = group.acknowledged_at is not None and (group.added_at is None or group.acknowledged_at >= group.added_at)
    repeats = now + timing.repeat if left and not looked_at else None
    return told, replace(group, members=left, last_sent_at=now, next_flush_at=repeats)


def _changed(group: Group, changes: Mapping[str, Member], timing: Timing, now: datetime) -> Group:
    if not changes:
        return group
    due = now + timing.wait
    if group.last_sent_at is not None:
        due = max(due, group.last_sent_at + timing.interval)
    # A repetition may be planned for much later; a change that waits already is never put off by the next one.
    planned = due if group.next_flush_at is None else min(due, group.next_flush_at)
    return replace(group, members={**group.members, **changes}, next_flush_at=planned)
