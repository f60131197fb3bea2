"""Ask the engine, for each channel that could tell a message, whether and when it does; the first refusal is the reason that is stored."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING

from watchfloor.capabilities.notifications.engine import route
from watchfloor.capabilities.notifications.engine.escalate import UNREACHED
from watchfloor.capabilities.notifications.engine.mentions import mentions, subject_of
from watchfloor.capabilities.notifications.engine.quiet import quiet_until
from watchfloor.capabilities.notifications.engine.route import Occasion, State
from watchfloor.capabilities.notifications.engine.told import labels_of
from watchfloor.capabilities.notifications.engine.zones import known_zone
from watchfloor.capabilities.notifications.jobs.access import Knowing
from watchfloor.capabilities.notifications.queries.telling import Decided
from watchfloor.capabilities.notifications.schemas.preferences import STORED, Wishes
from watchfloor.capabilities.notifications.schemas.rules import AssetFilter
from watchfloor.capabilities.notifications.schemas.times import DigestPlan
from watchfloor.kernel.contract import Severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from watchfloor.capabilities.notifications.engine.digest import DigestWindow
    from watchfloor.capabilities.notifications.engine.matching import Silence, Subject
    from watchfloor.capabilities.notifications.queries.telling import Candidate
    from watchfloor.capabilities.notifications.schemas.message import Message

UNTOLD = {"silenced", "inhibited", "no_access"}  # what nobody is to know of starts no escalation
STATES = {State.DUE: "due", State.HELD: "held", State.SUPPRESSED: "suppressed"}
SAID = {**STATES, State.JOINED: "digest", State.DROPPED: "dropped"}


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What is decided about: a message, at a moment, under the silences that hold then.

    `subject` is what rules look at, where any do; `graver` is what is open and graver, by channel. What is `routed` is gathered in groups
    where routes ask for it, and starts their escalations; what somebody sends by hand is not. Who decides about many gives all of them what `knowing`
    found out.
    """

    message: Message
    now: datetime
    silences: Sequence[Silence] = ()
    subject: Subject | None = None
    graver: Mapping[UUID, Severity] = field(default_factory=dict)
    occasion: Occasion = Occasion.EVENT
    routed: bool = False
    knowing: Knowing | None = None


@dataclass(frozen=True)
class Joined:
    """A candidate that hears of it in a digest."""

    candidate: Candidate
    window: DigestWindow
    due_at: datetime
    reason: str


@dataclass(frozen=True)
class Grouped:
    """A candidate that hears of it with others of the same key."""

    candidate: Candidate
    key: str


@dataclass(frozen=True)
class Decisions:
    """What becomes of a message: rows, places in digests and groups, and the escalations that begin."""

    decided: list[Decided] = field(default_factory=list)
    joined: list[Joined] = field(default_factory=list)
    grouped: list[Grouped] = field(default_factory=list)
    escalations: list[UUID] = field(default_factory=list)

    @property
    def told(self) -> bool:
        """Tell whether anybody asked for such a message."""
        return bool(self.decided or self.joined or self.grouped)


def decide(asked: Asked, candidates: Iterable[Candidate]) -> tuple[list[Decided], list[Joined]]:
    """Return what becomes of each candidate, and who hears of it in a digest; who did not ask for such messages is left out."""
    found = judge(asked, candidates)
    return found.decided, found.joined


def judge(asked: Asked, candidates: Iterable[Candidate]) -> Decisions:
    """Return what becomes of each candidate, and what begins; who did not ask for such messages is left out."""
    found, answers = Decisions(), _answers(asked, candidates)
    for row, one in answers:
        if one.state in STATES:
            found.decided.append(Decided(row, STATES[one.state], one.reason or None, one.due_at, bypassed=_bypassed(asked, one)))
        elif one.group is not None:
            found.grouped.append(Grouped(row, one.group))
        elif one.state is State.JOINED and one.window is not None and one.due_at is not None:
            found.joined.append(Joined(row, one.window, one.due_at, one.reason))
    if asked.routed and asked.message.type != UNREACHED and any(row.escalation_id for row, _ in answers):
        found.escalations.extend(_escalations(answers))
    return found


def _escalations(answers: Sequence[tuple[Candidate, route.Decision]]) -> list[UUID]:
    """Return the escalations of routes that told this, or would have, had not another told it over the same channel; groups begin theirs when they are sent."""
    gathered = {row.route for row, one in answers if one.group is not None}
    found = {
        row.escalation_id
        for row, one in answers
        if row.escalation_id is not None and row.route not in gathered and one.reason not in UNTOLD
        and (one.state is not State.DROPPED or one.reason == "same_address")
    }  # fmt: skip
    return sorted(found)


def explain(asked: Asked, candidates: Iterable[Candidate]) -> list[tuple[Candidate, str, str, datetime | None]]:
    """Return state, reason and time for each candidate, those included that would leave no row: `dropped`, with the reason."""
    return [(row, SAID[one.state] if one.group is None else "group", one.reason, one.due_at) for row, one in _answers(asked, candidates)]


def _answers(asked: Asked, candidates: Iterable[Candidate]) -> list[tuple[Candidate, route.Decision]]:
    rows, message, knowing = list(candidates), asked.message, asked.knowing or Knowing()
    subject = asked.subject or subject_of(message, mentions(message), ())
    notice = route.Notice(subject=subject, labels=labels_of(message) if asked.routed else message.facts)
    ways = [
        _candidate(
            one, may_see=knowing.may(message.type, one.role, one.owner_role), graver=asked.graver.get(one.channel), routed=asked.routed
        )
        for one in rows
    ]
    return list(zip(rows, route.route(notice, ways, asked.silences, asked.now, occasion=asked.occasion), strict=True))


def inactive(state: str) -> str:
    """Return why a channel in a state takes no messages; empty for one that does."""
    return {"active": "", "unverified": "channel_unverified"}.get(state, "channel_inactive")


def _candidate(one: Candidate, *, may_see: bool, graver: Severity | None, routed: bool) -> route.Candidate:
    wishes = wished(one.wishes)
    return route.Candidate(
        user=one.user_id, channel=one.channel, address=bytes(one.address), may_see=may_see, inactive=inactive(one.state), suppressed=one.suppressed,
        told=one.told, open_severity=graver,
        follows=_follows(one.min_severity, one.digest, one.asset_filter, one.group_by if routed else None, mandatory=one.mandatory),
        wishes=replace(wishes, bypassed=one.bypassed) if one.bypassed else wishes,
    )  # fmt: skip


@lru_cache(maxsize=4096)
def _follows(min_severity: str, digest: str | None, asset_filter: str | None, group_by: str | None, *, mandatory: bool) -> route.Follows:
    plan = DigestPlan.model_validate_json(digest) if digest else None
    assets = AssetFilter.model_validate_json(asset_filter) if asset_filter else AssetFilter()
    return route.Follows(
        min_severity=Severity(min_severity), mandatory=mandatory, digest=plan, assets=assets, grouped=group_by is not None,
        group_by=tuple(json.loads(group_by or "[]")),
    )  # fmt: skip


@lru_cache(maxsize=4096)
def wished(wishes: str | None) -> route.Wishes:
    """Return stored wishes as the engine reads them, read once for the thousands of people who wish the same."""
    return wishes_of(read_wishes(wishes))


def read_wishes(wishes: str | None) -> Wishes:
    """Return a person's wishes as they are stored; the defaults when they never said any."""
    return Wishes.model_validate_json(wishes, context={STORED: True}) if wishes else Wishes()


def wishes_of(wishes: Wishes) -> route.Wishes:
    """Return a person's wishes as the engine reads them; a zone that is not known any more counts as UTC."""
    zone, _ = known_zone(wishes.timezone)
    return route.Wishes(
        zone=zone, quiet=wishes.quiet, bypass=wishes.bypass_severity, bypass_per_hour=wishes.bypass_per_hour, max_per_hour=wishes.max_per_hour,
        opted_out=wishes.opted_out, paused_until=wishes.paused_until,
    )  # fmt: skip


def _bypassed(asked: Asked, one: route.Decision) -> bool:
    wishes = one.candidate.wishes
    return one.state is State.DUE and bool(wishes.quiet) and quiet_until(wishes.quiet, wishes.zone, asked.now) is not None
