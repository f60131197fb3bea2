"""Send groups whose time has come: one message names what is new, what still holds and what is over."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final
from uuid import UUID

from watchfloor.capabilities.notifications.engine import group as engine
from watchfloor.capabilities.notifications.engine.escalate import UNREACHED
from watchfloor.capabilities.notifications.engine.grouped import Sending, Standing
from watchfloor.capabilities.notifications.engine.route import Occasion
from watchfloor.capabilities.notifications.jobs.access import Knowing
from watchfloor.capabilities.notifications.jobs.deciding import Asked, Decisions, judge, read_wishes
from watchfloor.capabilities.notifications.jobs.delivering import wake
from watchfloor.capabilities.notifications.jobs.escalating import wake_steps
from watchfloor.capabilities.notifications.jobs.gathered import group_text
from watchfloor.capabilities.notifications.jobs.subjects import subjects_of
from watchfloor.capabilities.notifications.jobs.telling import Telling
from watchfloor.capabilities.notifications.jobs.waking import wake_at
from watchfloor.capabilities.notifications.queries import groups, runs, telling, wishes
from watchfloor.capabilities.notifications.schemas.jobs import FlushedGroups, Nothing
from watchfloor.capabilities.notifications.schemas.message import Message
from watchfloor.kernel.contract import Queue, Severity, job
from watchfloor.kernel.jobs.ledger import ledger

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.orm import Session

    from watchfloor.capabilities.notifications.engine.matching import Silence
    from watchfloor.capabilities.notifications.queries.telling import Candidate
    from watchfloor.kernel.contract import JobContext

AT_ONCE: Final = 10


@job("notifications.flush_groups", Nothing, queue=Queue.NOTIFICATIONS, timeout=timedelta(seconds=120), keep_result=timedelta(hours=1))
def flush_groups(context: JobContext, request: Nothing) -> FlushedGroups:
    """Send groups whose time has come; one whose reader sleeps waits until they wake, one that has nothing to say is not sent."""
    del request
    flushing = Flushing(Telling(context))
    while True:
        with context.transaction() as session:
            due = groups.list_due(session, context.org, limit=AT_ONCE)
            silences = wishes.list_silences(session, context.org) if due else []
            for one in due:
                flushing.flush(session, one, silences)
            wake(session, context.org, flushing.telling.lanes, actor=context.actor)
            wake_steps(session, context.org, actor=context.actor)
            wake_groups(session, context.org, actor=context.actor)
        if len(due) < AT_ONCE:
            return flushing.done


def wake_groups(session: Session, org: UUID, *, actor: str) -> None:
    """Let groups be sent when the next one's time has come; call it in the transaction that put something into one."""
    wake_at(session, org, flush_groups, groups.next_due(session, org), actor=actor)


class Flushing:
    """Groups that one job sends, counted."""

    def __init__(self, telling_of: Telling) -> None:
        """Start with nothing."""
        self.telling, self.org, self.done, self._knowing = telling_of, telling_of.org, FlushedGroups(), Knowing()

    def flush(self, session: Session, one: groups.Open, silences: Sequence[Silence]) -> None:
        """Send one group, in the transaction that holds its lock and says when it is next."""
        groups.resolve_settled(session, self.org, one.id)
        rows = {str(row.notification): row for row in groups.list_members(session, self.org, one.id)}
        total = next((row.total for row in rows.values()), 0)
        channels = sorted({channel for row in rows.values() for channel in row.channels})
        candidates = telling.list_of_route(session, self.org, one.route_id, channels)
        rows = self._known(session, one, rows, candidates)
        told, after = engine.flush(
            one.state({key: engine.Member(row.resolved, row.told) for key, row in rows.items()}), one.timing, one.now
        )
        if told is None:  # its messages were deleted, or nobody may know of them any more
            self._settle(session, one, after, [])
            return
        refused = self._refused(session, rows, candidates, silences, one.now) if candidates else {}
        standing = ((Standing.NEW, told.new), (Standing.STILL, told.still), (Standing.RESOLVED, told.resolved))
        says = [(how, rows[key]) for how, keys in standing for key in keys if key not in refused]
        parts = [(*part, self._message(session, one, part[1], n)) for n, part in enumerate(self._parts(candidates, says, told))]
        decisions = [judge(Asked(message=message, now=one.now, occasion=Occasion.GROUP), some) for some, _, message in parts]
        if parts and (until := _asleep(decisions)):
            groups.postpone(session, self.org, one.id, until)
            self.done.postponed += 1
            return
        for (_, said, message), found in zip(parts, decisions, strict=True):
            self._send(session, one, message, found, said, escalates=_is_news(said, told))
        self.done.sent += bool(parts)
        self.done.empty += not parts
        self._suppress(session, {key: refused[key] for key in told.new if key in refused}, rows, candidates)
        more = total > len(rows) and any(row.resolved or not row.told for row in list(rows.values())[-1:])
        self._settle(session, one, after, [UUID(key) for key in (*told.new, *told.resolved)], sent=bool(parts), more=more)

    def _known(
        self, session: Session, one: groups.Open, rows: dict[str, groups.Shown], candidates: Sequence[Candidate]
    ) -> dict[str, groups.Shown]:
        """Take out what the group's reader may not know any more; that it was not told is on record. Return the others."""
        blind = {key: row for key, row in rows.items() if candidates and not self._knowing.may(row.type, candidates[0].role)}
        groups.take_out(session, self.org, one.id, [row.notification for row in blind.values()])
        self._suppress(session, {key: "no_access" for key, row in blind.items() if not row.told}, rows, candidates)
        return {key: row for key, row in rows.items() if key not in blind}

    def _parts(
        self, candidates: Sequence[Candidate], says: Sequence[tuple[Standing, groups.Shown]], told: engine.Flush
    ) -> list[tuple[list[Candidate], list[tuple[Standing, groups.Shown]]]]:
        """Return who is told what: a channel of somebody else names only what its owner may know as well."""
        types = {row.type for _, row in says}
        alike: dict[frozenset[str], list[Candidate]] = {}
        for one in candidates:
            alike.setdefault(frozenset(each for each in types if self._knowing.may(each, one.role, one.owner_role)), []).append(one)
        parts = [(some, [(how, row) for how, row in says if row.type in known]) for known, some in alike.items()]
        return [(some, said) for some, said in parts if said and (told.repeated or any(how is not Standing.STILL for how, _ in said))]

    def _send(
        self, session: Session, one: groups.Open, message: Message, found: Decisions, said: Sequence[tuple[Standing, groups.Shown]], *, escalates: bool
    ) -> None:  # fmt: skip
        notification = self.telling.note(session, message)
        self.telling.store(session, notification, found.decided, found.joined, group=one.id)
        groups.remember(session, self.org, one.id, notification, said)
        if escalates and one.escalation_id is not None:
            runs.begin(session, self.org, notification, [one.escalation_id], group=one.id)

    def _settle(
        self, session: Session, one: groups.Open, after: engine.Group, said: Sequence[UUID], *, sent: bool = False, more: bool = False
    ) -> None:
        """Write what was said; what was too much for one message comes with the next."""
        if more:
            after = engine.Group(members=after.members, next_flush_at=one.now + one.group_interval, last_sent_at=after.last_sent_at)
        groups.settle(session, self.org, one, after, said, sent=sent)
        if after.over:
            runs.resolve_group(session, self.org, one.id)

    def _message(self, session: Session, one: groups.Open, says: Sequence[tuple[Standing, groups.Shown]], part: int) -> Message:
        sending = Sending(group=str(one.id), number=one.flushes + 1, at=one.now, part=part)
        return group_text(session, self.org, sending, one.group_by or (), says)

    def _refused(
        self, session: Session, rows: Mapping[str, groups.Shown], candidates: Sequence[Candidate], silences: Sequence[Silence], now: datetime
    ) -> dict[str, str]:  # fmt: skip
        """Return those messages that are silenced by now, or that their reader does not want any more, and why."""
        wished = read_wishes(candidates[0].wishes)
        if not silences and not wished.opted_out and wished.paused_until is None:
            return {}
        texts = telling.open_messages(session, ledger().vault, self.org, [row.notification for row in rows.values()]) if silences else {}
        messages = [
            texts.get(row.notification)
            or Message(type=row.type, severity=Severity(row.severity), title=row.title, occurred_at=row.occurred_at)
            for row in rows.values()
        ]
        found = {}
        for key, message, subject in zip(rows, messages, subjects_of(session, self.org, messages, silences), strict=True):
            asked = Asked(message=message, now=now, silences=silences, subject=subject, occasion=Occasion.MEMBER, knowing=self._knowing)
            if refusal := judge(asked, candidates[:1]).decided[0].reason:
                found[key] = refusal
        return found

    def _suppress(
        self, session: Session, refused: Mapping[str, str], rows: Mapping[str, groups.Shown], candidates: Sequence[Candidate]
    ) -> None:
        """Let the log say why a message was not told."""
        for key, reason in refused.items():
            row = rows[key]
            decided = [telling.Decided(one, "suppressed", reason) for one in candidates if one.channel in row.channels]
            self.telling.store(session, row.notification, decided, [])


def _is_news(said: Sequence[tuple[Standing, groups.Shown]], told: engine.Flush) -> bool:
    """Tell whether a sending begins an escalation: it says something new, or again what nobody looks after."""
    news = Standing.STILL if told.repeated else Standing.NEW
    return any(how is news and row.type != UNREACHED for how, row in said)


def _asleep(decisions: Sequence[Decisions]) -> datetime | None:
    """Return when the first of those wakes who hear of this; None when somebody is awake."""
    rows = [each for found in decisions for each in found.decided]
    moments = [each.due_at for each in rows if each.state == "held" and each.due_at is not None]
    awake = any(found.joined for found in decisions) or any(each.state == "due" for each in rows)
    return None if awake or not moments else min(moments)
