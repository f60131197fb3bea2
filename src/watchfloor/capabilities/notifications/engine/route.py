"""Who is told, how and when: one list of questions in one order; the first that says no is the reason. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, tzinfo
from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING, Final, TypeAlias

from watchfloor.capabilities.notifications.engine.digest import OVERFLOW, DigestWindow, digest_due, digest_window
from watchfloor.capabilities.notifications.engine.group import group_key
from watchfloor.capabilities.notifications.engine.matching import Silence, Subject, assets_fit, event_fits, silenced
from watchfloor.capabilities.notifications.engine.quiet import quiet_until
from watchfloor.capabilities.notifications.schemas.rules import AssetFilter
from watchfloor.kernel.contract import Severity

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from watchfloor.capabilities.notifications.schemas.times import DigestPlan, QuietWindow

QUIET_HOURS: Final = "quiet_hours"


class Occasion(StrEnum):
    """Why it is decided.

    Something happened, somebody sends by hand, held messages are due; a group is sent, or one of its members is named in it; a step of an
    escalation tells, or pages; what was decided is about to go out, at first or once more.
    """

    EVENT = "event"
    MANUAL = "manual"
    RELEASE = "release"
    GROUP = "group"
    MEMBER = "member"
    STEP = "step"
    PAGE = "page"
    WIRE = "wire"


class State(IntEnum):
    """What becomes of a message for somebody, the best first; DROPPED leaves no row, all others do."""

    DUE = 0
    HELD = 1
    JOINED = 2
    SUPPRESSED = 3
    DROPPED = 4


@dataclass(frozen=True, kw_only=True)
class Notice:
    """What is told, and what is known about it already.

    `history` marks what is only kept (imports, rebuilds); `duplicate`, that its key was told before; `labels` are what routes group by.
    """

    subject: Subject
    labels: Mapping[str, str]
    history: bool = False
    duplicate: bool = False


@dataclass(frozen=True, kw_only=True)
class Wishes:
    """What somebody wished, and how much they were told in the hour that runs."""

    zone: tzinfo = UTC
    quiet: tuple[QuietWindow, ...] = ()
    bypass: Severity = Severity.CRITICAL
    bypass_per_hour: int = 5
    bypassed: int = 0
    max_per_hour: int = 60
    opted_out: tuple[str, ...] = ()
    paused_until: datetime | None = None


_ALL: Final = AssetFilter()


@dataclass(frozen=True, kw_only=True)
class Follows:
    """What a route asks for; `digest` is None for what is told at once, `grouped` says whether messages that are told at once are grouped."""

    events: tuple[str, ...] = ("*",)
    min_severity: Severity = Severity.INFO
    assets: AssetFilter = _ALL
    mandatory: bool = False
    digest: DigestPlan | None = None
    grouped: bool = False
    group_by: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """One way to tell one person: a channel, through a route.

    `address` is equal for channels that reach the same place; `inactive` says why it takes nothing; `told` counts what went over this channel
    to this person in the hour that runs; `open_severity` is the highest of open notifications of this type for the same asset that this
    channel told.
    """

    user: str
    channel: UUID
    address: bytes
    may_see: bool
    inactive: str = ""
    suppressed: bool = False
    told: int = 0
    open_severity: Severity | None = None
    follows: Follows = Follows()
    wishes: Wishes = Wishes()


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What becomes of a message for a candidate.

    DUE goes out now, HELD at `due_at`. JOINED is part of a group (`group`, when it has a key) or a digest (`window`, sent at `due_at`;
    with the reason `bypass_cap` its text is "N more critical"). SUPPRESSED and DROPPED are not told. `bypassed` marks what goes out though
    it is quiet, and counts towards its cap.
    """

    candidate: Candidate
    state: State
    reason: str = ""
    due_at: datetime | None = None
    window: DigestWindow | None = None
    group: str | None = None
    bypassed: bool = False


class Question(IntEnum):
    """The questions in their order; same address (4) is asked of all candidates together, mandatory (7) only leaves others out."""

    AUDIENCE = 1
    ACCESS = 2
    DUPLICATE = 3
    SILENCE = 5
    INHIBITION = 6
    OPTED_OUT = 8
    FILTER = 9
    CHANNEL = 10
    JOIN = 11
    RATE = 12
    QUIET = 13


@dataclass(frozen=True)
class _Case:
    notice: Notice
    candidate: Candidate
    silenced: bool
    now: datetime

    def answer(self, state: State, reason: str, due_at: datetime | None = None, window: DigestWindow | None = None) -> Decision:
        return Decision(candidate=self.candidate, state=state, reason=reason, due_at=due_at, window=window)


def route(
    notice: Notice, candidates: Sequence[Candidate], silences: Sequence[Silence], now: datetime, *, occasion: Occasion = Occasion.EVENT
) -> list[Decision]:
    """Return what becomes of a message for everybody who might hear it, in the order of the candidates.

    Of several ways to one channel or address the best counts, the others are dropped as `same_address`; a route that filters the message
    out does not keep another from telling it. What is only history concerns nobody. On release nothing is DROPPED: its row is there already.
    """
    if notice.history:
        return []
    quieted = silenced(silences, notice.subject, now)
    decisions = _once([_decide(_Case(notice, one, quieted, now), occasion) for one in candidates])
    if occasion is not Occasion.RELEASE:
        return decisions
    return [replace(one, state=State.SUPPRESSED) if one.state is State.DROPPED else one for one in decisions]


def unwanted(wishes: Wishes, type_: str, now: datetime) -> str:
    """Say why somebody does not want to hear of this type of event at this moment; an empty text when they do."""
    if event_fits(wishes.opted_out, type_):
        return "opted_out"
    return "paused" if wishes.paused_until is not None and now < wishes.paused_until else ""


def _decide(case: _Case, occasion: Occasion) -> Decision:
    follows, skipped = case.candidate.follows, _SKIPPED[occasion]
    if Question.AUDIENCE not in skipped and not event_fits(follows.events, case.notice.subject.type):
        return case.answer(State.DROPPED, "not_subscribed")
    if follows.mandatory:
        skipped |= _WISHED
    for question, ask in _QUESTIONS.items():
        if question not in skipped and (refusal := ask(case)) is not None:
            return refusal
    return case.answer(State.DUE, "")


def _access(case: _Case) -> Decision | None:
    return None if case.candidate.may_see else case.answer(State.SUPPRESSED, "no_access")


def _duplicate(case: _Case) -> Decision | None:
    return case.answer(State.DROPPED, "duplicate") if case.notice.duplicate else None


def _silence(case: _Case) -> Decision | None:
    return case.answer(State.SUPPRESSED, "silenced") if case.silenced else None


def _inhibition(case: _Case) -> Decision | None:
    higher = case.candidate.open_severity
    inhibited = higher is not None and higher.rank > case.notice.subject.severity.rank
    return case.answer(State.SUPPRESSED, "inhibited") if inhibited else None


def _opted_out(case: _Case) -> Decision | None:
    reason = unwanted(case.candidate.wishes, case.notice.subject.type, case.now)
    return case.answer(State.SUPPRESSED, reason) if reason else None


def _filter(case: _Case) -> Decision | None:
    follows, subject = case.candidate.follows, case.notice.subject
    if subject.severity.rank < follows.min_severity.rank:
        return case.answer(State.DROPPED, "below_severity")
    return None if assets_fit(follows.assets, subject) else case.answer(State.DROPPED, "other_asset")


def _channel(case: _Case) -> Decision | None:
    if case.candidate.inactive:
        return case.answer(State.SUPPRESSED, case.candidate.inactive)
    return case.answer(State.SUPPRESSED, "address_suppressed") if case.candidate.suppressed else None


def _join(case: _Case) -> Decision | None:
    follows = case.candidate.follows
    if follows.digest is not None:
        return _into(case, follows.digest, "digest")
    if not follows.grouped:
        return None
    return replace(case.answer(State.JOINED, "grouped"), group=group_key(follows.group_by, case.notice.labels))


def _rate(case: _Case) -> Decision | None:
    return _into(case, OVERFLOW, "rate_cap") if case.candidate.told >= case.candidate.wishes.max_per_hour else None


def _quiet(case: _Case) -> Decision | None:
    wishes = case.candidate.wishes
    until = quiet_until(wishes.quiet, wishes.zone, case.now)
    if until is None:
        return None
    if case.notice.subject.severity.rank < wishes.bypass.rank:
        return case.answer(State.HELD, QUIET_HOURS, until)
    if wishes.bypassed < wishes.bypass_per_hour:
        return replace(case.answer(State.DUE, ""), bypassed=True)
    # What comes after the cap is counted in one message at the end of the hour, which quiet hours do not hold either.
    window = digest_window(OVERFLOW, wishes.zone, case.now)
    return case.answer(State.JOINED, "bypass_cap", window.end, window)


def _into(case: _Case, plan: DigestPlan, reason: str) -> Decision:
    wishes = case.candidate.wishes
    window = digest_window(plan, wishes.zone, case.now)
    return case.answer(State.JOINED, reason, digest_due(window, wishes.quiet, wishes.zone), window)


def _once(decisions: Sequence[Decision]) -> list[Decision]:
    """Keep the best of decisions that reach the same person on one channel, or one address; drop the others."""
    taken: set[bytes | tuple[str, UUID]] = set()
    kept = list(decisions)
    for at in sorted(range(len(kept)), key=lambda n: kept[n].state):
        one = kept[at]
        if one.state is State.DROPPED:
            break
        places: set[bytes | tuple[str, UUID]] = {(one.candidate.user, one.candidate.channel)}
        if one.reason != "no_access":  # who may not know of it is not told apart by where others are told
            places.add(one.candidate.address)
        if taken & places:
            kept[at] = Decision(candidate=one.candidate, state=State.DROPPED, reason="same_address")
        taken |= places
    return kept


Ask: TypeAlias = Callable[[_Case], Decision | None]
_QUESTIONS: Final[dict[Question, Ask]] = {
    Question.ACCESS: _access,
    Question.DUPLICATE: _duplicate,
    Question.SILENCE: _silence,
    Question.INHIBITION: _inhibition,
    Question.OPTED_OUT: _opted_out,
    Question.FILTER: _filter,
    Question.CHANNEL: _channel,
    Question.JOIN: _join,
    Question.RATE: _rate,
    Question.QUIET: _quiet,
}
_WISHED: Final = frozenset({Question.OPTED_OUT, Question.FILTER})
# Somebody is named whatever routes say; who opted out is not reached, which makes the next step due.
_NAMED: Final = frozenset({Question.AUDIENCE, Question.DUPLICATE, Question.INHIBITION, Question.FILTER, Question.JOIN, Question.RATE})
_SKIPPED: Final[dict[Occasion, frozenset[Question]]] = {
    Occasion.EVENT: frozenset(),
    Occasion.MANUAL: frozenset({Question.AUDIENCE, Question.DUPLICATE, Question.SILENCE, Question.INHIBITION, *_WISHED}),
    Occasion.RELEASE: frozenset({Question.DUPLICATE, Question.INHIBITION, Question.JOIN, Question.RATE}),
    # What its members were asked is not asked of the group, and of members only what may have changed since. Somebody may want no groups.
    Occasion.GROUP: frozenset(
        {Question.AUDIENCE, Question.DUPLICATE, Question.SILENCE, Question.INHIBITION, Question.FILTER, Question.JOIN}
    ),
    Occasion.MEMBER: frozenset(
        {*_NAMED, Question.ACCESS, Question.CHANNEL, Question.QUIET}
    ),
    Occasion.STEP: _NAMED,
    Occasion.PAGE: _NAMED | {Question.QUIET},
    Occasion.WIRE: _NAMED | {Question.QUIET},
}  # fmt: skip
