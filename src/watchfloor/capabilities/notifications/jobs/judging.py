"""Judge once more what is about to go out: who was told minutes or days ago that a message is theirs may not want it, or may not know it, by now."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING

from watchfloor.capabilities.notifications.engine.digest import DIGEST
from watchfloor.capabilities.notifications.engine.grouped import GROUP, Sending, Standing
from watchfloor.capabilities.notifications.engine.matching import silenced
from watchfloor.capabilities.notifications.engine.route import Occasion, unwanted
from watchfloor.capabilities.notifications.jobs.access import Knowing
from watchfloor.capabilities.notifications.jobs.deciding import Asked, judge, wished
from watchfloor.capabilities.notifications.jobs.gathered import digest_message, group_text
from watchfloor.capabilities.notifications.jobs.subjects import subjects_of
from watchfloor.capabilities.notifications.queries import digests, groups, telling, waiting, wishes
from watchfloor.capabilities.notifications.queries.inbox import GATHERED
from watchfloor.capabilities.notifications.queries.unsubscribing import list_mandatory
from watchfloor.capabilities.notifications.schemas.message import Message
from watchfloor.kernel.clock import now
from watchfloor.kernel.contract import Severity
from watchfloor.kernel.jobs.ledger import ledger

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from sqlalchemy.orm import Session

    from watchfloor.capabilities.notifications.engine.matching import Subject
    from watchfloor.capabilities.notifications.queries.waiting import Part, Waiting


@dataclass(frozen=True)
class Judged:
    """What must not go out and why, and what says something else by now than it said when it was made; by delivery."""

    refused: dict[UUID, str] = field(default_factory=dict)
    reworded: dict[UUID, Message] = field(default_factory=dict)


def judge_again(session: Session, org: UUID, deliveries: Sequence[UUID]) -> Judged:
    """Ask again what may have changed since these were decided: access, silences, wishes, channels, and what digests and groups are about.

    What somebody sent by hand is told through silences, as it was decided; what is repeated by hand, against wishes as well. What a digest
    or group names and its reader may not know any more is taken out of it for good.
    """
    rows = waiting.list_waiting(session, org, deliveries)
    return _Judging(session, org, rows).judged() if rows else Judged()


class _Judging:
    """One batch; what is asked of the database is asked for all of it at once."""

    def __init__(self, session: Session, org: UUID, rows: Sequence[Waiting]) -> None:
        self.session, self.org, self.rows, self.at, self.knowing, self.found = session, org, rows, now(), Knowing(), Judged()
        gathered = {kind: sorted({row.notification for row in rows if row.type == kind}) for kind in GATHERED}
        self.parts: dict[UUID, list[Part]] = defaultdict(list)
        for part in waiting.list_of_digests(session, org, gathered[DIGEST]) + waiting.list_of_groups(session, org, gathered[GROUP]):
            self.parts[part.whole].append(part)
        self.emptied = waiting.list_emptied(session, org, [one for one in gathered[DIGEST] if one not in self.parts])
        self.types = waiting.types_in_groups(session, org, gathered[GROUP])
        self.mandatory = list_mandatory(session, org, self._refusing())
        self.silences = wishes.list_silences(session, org)
        self.subjects = self._subjects() if self.silences else {}

    def judged(self) -> Judged:
        for row in self.rows:
            over = None if row.replayed else row.over
            if reason := over or self._refusal(row) or self._gathered(row):
                self.found.refused[row.id] = reason
        return self.found

    def _refusing(self) -> set[tuple[str, str]]:
        """Return those people and events of whom only a mandatory route lets anything through."""
        asked = {(row.user_id, row.wishes, type_) for row in self.rows if row.wishes for type_ in self._types_of(row)}
        return {(user, type_) for user, wishes_, type_ in asked if unwanted(wished(wishes_), type_, self.at)}

    def _types_of(self, row: Waiting) -> set[str]:
        return {row.type, *(part.type for part in self.parts.get(row.notification, ()))}

    def _subjects(self) -> dict[UUID, Subject]:
        """Return what messages are about, for they are silenced by that; digests and groups are, by what is in them."""
        single = {row.notification for row in self.rows if row.type not in GATHERED}
        within = {part.id for part in chain.from_iterable(self.parts.values())}
        texts = telling.open_messages(self.session, ledger().vault, self.org, [*single, *within])
        return dict(zip(texts, subjects_of(self.session, self.org, list(texts.values()), self.silences), strict=True))

    def _refusal(self, row: Waiting) -> str:
        candidate = row.candidate(mandatory=row.replayed or (row.user_id, row.type) in self.mandatory)
        if candidate is None:
            return "channel_removed"
        message = Message(type=row.type, severity=Severity(row.severity), title=row.title, occurred_at=row.occurred_at)
        subject = self.subjects.get(row.notification)
        silences = () if row.manual or subject is None else self.silences
        asked = Asked(message=message, now=self.at, silences=silences, subject=subject, occasion=Occasion.WIRE, knowing=self.knowing)
        return judge(asked, [candidate]).decided[0].reason or ""

    def _gathered(self, row: Waiting) -> str:
        """Word a digest or a group anew where it says something else by now; return why it must not go out at all."""
        parts = self.parts.get(row.notification, [])
        if row.type not in GATHERED or not parts:
            return "" if self._may_all(row) else "no_access"
        refused = self._refused(row, parts)
        self._take_out(row, [part for part in parts if refused.get(part.id) == "no_access"])
        kept = [part for part in parts if part.id not in refused]
        first = next(iter(refused.values()), "")
        return self._digest(row, kept, first) if row.type == DIGEST else self._group(row, parts, kept, first)

    def _may_all(self, row: Waiting) -> bool:
        """Tell whether its receiver may know of everything that a group named that is out already, or that a step is about."""
        return row.notification not in self.emptied and all(
            self.knowing.may(type_, row.role, row.owner_role) for type_ in self.types.get(row.notification, ())
        )

    def _refused(self, row: Waiting, parts: Sequence[Part]) -> Mapping[UUID, str]:
        by_type: dict[str, str] = {}
        for type_ in {part.type for part in parts}:
            unread = "" if self.knowing.may(type_, row.role, row.owner_role) else "no_access"
            must = row.replayed or (row.user_id, type_) in self.mandatory
            by_type[type_] = unread or ("" if must else unwanted(wished(row.wishes), type_, self.at))
        silent = set() if row.manual else {part.id for part in parts if part.id in self.subjects and self._silenced(part)}
        found = {part.id: by_type[part.type] or ("silenced" if part.id in silent else "") for part in parts}
        return {one: reason for one, reason in found.items() if reason}

    def _silenced(self, part: Part) -> bool:
        return silenced(self.silences, self.subjects[part.id], self.at)

    def _take_out(self, row: Waiting, unread: Sequence[Part]) -> None:
        """Let the log say that its reader was not told; a channel of somebody else says nothing about what its reader was told."""
        candidate = row.candidate(mandatory=False)
        hidden = [part for part in unread if candidate is not None and not self.knowing.may(part.type, row.role)]
        for part in hidden:
            assert candidate is not None  # noqa: S101 - else nothing is hidden
            telling.store_deliveries(self.session, self.org, part.id, [telling.Decided(candidate, "suppressed", "no_access")])
        for gathered in {part.gathered for part in hidden}:
            ids = [part.id for part in hidden if part.gathered == gathered]
            if row.type == GROUP:
                groups.take_out(self.session, self.org, gathered, ids)
            else:
                digests.take_out(self.session, self.org, gathered, ids)

    def _digest(self, row: Waiting, kept: Sequence[Part], refusal: str) -> str:
        items = [digests.Item(part.id, part.type, part.severity, part.title, part.occurred_at, part.settled) for part in kept]
        message = digest_message(kept[0].gathered, kept[0].how, items, row.occurred_at) if kept else None
        if message is None:
            return refusal
        self.found.reworded[row.id] = message
        return ""

    def _group(self, row: Waiting, parts: Sequence[Part], kept: Sequence[Part], refusal: str) -> str:
        says = [(Standing.RESOLVED if part.settled else Standing(part.how), part) for part in kept]
        news = {part.how for part in parts} - {Standing.STILL}
        if not says or (news and refusal and all(how is Standing.STILL for how, _ in says)):
            return refusal
        if refusal or any(how != part.how for how, part in says):
            says.sort(key=lambda one: list(Standing).index(one[0]))
            sending = Sending(group=str(kept[0].gathered), number=0, at=row.occurred_at)
            message = group_text(self.session, self.org, sending, kept[0].group_by or (), says)
            stored = telling.open_messages(self.session, ledger().vault, self.org, [row.notification])[row.notification]
            self.found.reworded[row.id] = message.model_copy(update={"dedup_key": stored.dedup_key})
        return ""
