"""Put messages into their groups and end them there: gathered while events are routed, written at once."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from watchfloor.capabilities.notifications.engine import group as engine
from watchfloor.capabilities.notifications.engine.grouped import ENDS
from watchfloor.capabilities.notifications.engine.told import about
from watchfloor.capabilities.notifications.queries import groups

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from sqlalchemy.orm import Session

    from watchfloor.capabilities.notifications.jobs.deciding import Grouped
    from watchfloor.capabilities.notifications.schemas.message import Message


@dataclass(frozen=True)
class _Step:
    """One message, in the order in which they came: it joins groups, and may end what was said about its subject."""

    subject: str
    ends: bool
    notification: UUID | None = None
    joins: dict[tuple[UUID, bytes], list[UUID]] = field(default_factory=dict)


class Gathering:
    """What one job puts into groups; nothing is asked of the database where no route groups and nothing ends."""

    def __init__(self) -> None:
        """Start with nothing."""
        self._steps: list[_Step] = []

    @property
    def ended(self) -> list[str]:
        """Return what was said to be over."""
        return [one.subject for one in self._steps if one.ends]

    def add(self, message: Message, notification: UUID | None, grouped: Sequence[Grouped]) -> None:
        """Remember a message: which groups it joins over which channels, and whether it ends what was said before."""
        subject = about(message)
        joins: dict[tuple[UUID, bytes], list[UUID]] = {}
        for one in grouped:
            if one.candidate.route is not None:
                key = hashlib.sha256(one.key.encode()).digest()
                joins.setdefault((one.candidate.route, key), []).append(one.candidate.channel)
        ends = bool(subject) and message.type in ENDS
        if joins or ends:
            self._steps.append(_Step(subject, ends, notification, joins))

    def store(self, session: Session, org: UUID) -> None:
        """Write all of it, under the locks of the routes and groups that it concerns."""
        if not self._steps:
            return
        joins = sorted({join for step in self._steps for join in step.joins})
        found = groups.open_groups(session, org, joins, self.ended)
        if not found:
            return
        ids = [step.notification for step in self._steps if step.notification is not None]
        known: dict[UUID, dict[UUID, groups.Known]] = {one.id: {} for one in found}
        for row in groups.list_known(session, org, known, ids, self.ended):
            known[row.group_id][row.notification] = row
        members: list[groups.Known] = []
        plans: dict[UUID, tuple[engine.Group, int]] = {}
        for one in found:
            before = known[one.id]
            after, group = self._played(one, before)
            members += [row for key, row in after.items() if before.get(key) != row]
            plans[one.id] = group, sum(not row.over for row in after.values()) - len(before)
        groups.keep(session, org, members, plans)

    def _played(self, one: groups.Open, before: dict[UUID, groups.Known]) -> tuple[dict[UUID, groups.Known], engine.Group]:
        """Return the members that change and the group, after everything that happened to it in its order."""
        rows = dict(before)
        group = one.state({str(key): engine.Member(row.resolved, row.told) for key, row in rows.items()})
        for step in self._steps:
            channels = step.joins.get((one.route_id, bytes(one.group_key)))
            about_it = [key for key, row in rows.items() if step.ends and row.subject == step.subject and not row.over]
            if channels is not None and step.notification is not None:
                # The message that says that something is over stands in the place of those that said that it is there.
                rows |= {key: replace(rows[key], over=True) for key in about_it if key != step.notification}
                group = replace(group, members={key: member for key, member in group.members.items() if key not in set(map(str, about_it))})
                group = engine.add(group, [str(step.notification)], one.timing, one.now)
                rows.setdefault(step.notification, groups.Known(one.id, step.notification, step.subject, channels))
                about_it = [step.notification] if step.ends else []
            group = engine.resolve(group, [str(key) for key in about_it], one.timing, one.now)
            rows |= {
                key: replace(row, told=group.members[str(key)].told, resolved=group.members[str(key)].resolved)
                for key, row in rows.items()
                if str(key) in group.members
            }
        return rows, group
