"""What an answer means, when to try again, and which hosts and channels are left alone for a while. Pure.

Source: SMTP replies are those of RFC 5321, Retry-After that of RFC 9110, Slack's words those of its Web API.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from watchfloor.capabilities.notifications.schemas.wire import ChannelKind, Sent

if TYPE_CHECKING:
    from datetime import datetime

# Seconds before each attempt: what stands at n is waited after n attempts, times a half to a whole.
SCHEDULES: Final[dict[ChannelKind, tuple[int, ...]]] = {
    ChannelKind.WEBHOOK: (0, 5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400),
    ChannelKind.EMAIL: (0, 60, 300, 900, 3600, 14_400, 43_200, 86_400),
    ChannelKind.SLACK: (0, 5, 30, 120, 600, 3600, 21_600),
    ChannelKind.APPRISE: (0, 60, 600, 3600, 21_600),
}
SHORTEST_WAIT_S: Final = 1.0
LONGEST_WAIT_S: Final = 86_400.0
SLOW_S: Final = 5.0  # how long a host is left alone that says it has too much to do, and not for how long
BOUNCED_FOR: Final = timedelta(days=90)
FAILURES_IN_A_ROW: Final = 5
FIRST_PAUSE: Final = timedelta(minutes=1)
LONGEST_PAUSE: Final = timedelta(minutes=30)
FAILING_FOR: Final = timedelta(days=3)
FAILING_ATTEMPTS: Final = 12

REFUSED: Final = frozenset({"egress_refused", "tls_name"})
OVERLOADED: Final = frozenset({"429", "502", "503", "504"})
BOUNCES: Final = frozenset({"550", "551", "553"})
RELAY_REFUSES_US: Final = "535"
SLACK_GONE: Final = frozenset(
    {
        "no_service", "channel_not_found", "channel_is_archived", "is_archived", "invalid_auth", "token_revoked", "token_expired", "invalid_token",
        "account_inactive", "not_authed", "410",
    }
)  # fmt: skip
SLACK_NEVER: Final = frozenset({"invalid_payload", "invalid_blocks", "invalid_blocks_format", "no_text"})
SLACK_LONG: Final = "msg_too_long"
SLACK_BUSY: Final = frozenset({"429", "ratelimited", "rate_limited"})


class Waits(StrEnum):
    """What is left alone, beside the delivery itself, after an answer."""

    NOTHING = "nothing"
    HOST = "host"
    CHANNEL = "channel"


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """What an answer means for its delivery (`kind`, `reason`) and for others: who waits how long, and which address is not mailed again."""

    kind: Sent
    reason: str = ""
    asked_s: float | None = None
    waits: Waits = Waits.NOTHING
    waits_s: float = 0.0
    suppress_for: timedelta | None = None
    shorter: bool = False


class State(StrEnum):
    """What becomes of a delivery after an attempt."""

    SENT = "sent"
    DUE = "due"
    DEAD = "dead"


@dataclass(frozen=True)
class Next:
    """What becomes of a delivery: `due` again at `due_at`, in its shorter form when `shorter`; or over, and why."""

    state: State
    reason: str = ""
    due_at: datetime | None = None
    shorter: bool = False


def judge(lane: ChannelKind, code: str, *, retry_after_s: float | None = None, short: bool = False) -> Judgement:
    """Return what a receiver's answer means; what nobody knows is tried again.

    Args:
        lane: How it was sent.
        code: The protocol's number, or a short word: ok, timeout, dns, tls, tls_name, reset, egress_refused, or one of Slack's.
        retry_after_s: What the receiver asked for.
        short: The shorter form was sent.
    """
    if code in REFUSED:
        return Judgement(kind=Sent.PERMANENT, reason="egress_refused")
    asked = None if retry_after_s is None else min(max(retry_after_s, SHORTEST_WAIT_S), LONGEST_WAIT_S)
    match lane:
        case ChannelKind.EMAIL:
            return _smtp(code)
        case ChannelKind.SLACK:
            return _slack(code, asked, short=short)
    return _http(code, asked)


def settle(lane: ChannelKind, attempt: int, judgement: Judgement, *, now: datetime, expires_at: datetime, chance: float) -> Next:
    """Return what becomes of a delivery.

    Args:
        lane: How it was sent.
        attempt: How many attempts were made, this one included.
        judgement: What the answer means.
        now: When it was given.
        expires_at: When the message is of no use any more.
        chance: A random number from 0 up to 1, so that those who failed together do not come back together.
    """
    if judgement.kind is Sent.OK:
        return Next(State.SENT)
    if judgement.kind is not Sent.RETRY:
        return Next(State.DEAD, judgement.reason or "refused")
    wait = wait_after(lane, attempt, chance, asked_s=judgement.asked_s)
    if wait is None:
        return Next(State.DEAD, judgement.reason or "attempts_used_up")
    if now >= expires_at:
        return Next(State.DEAD, "expired")
    return Next(State.DUE, judgement.reason, now if judgement.shorter else now + wait, judgement.shorter)


def wait_after(lane: ChannelKind, attempt: int, chance: float, *, asked_s: float | None = None) -> timedelta | None:
    """Return how long to wait after this many attempts, and at least as long as was asked for; None when there is no further attempt."""
    schedule = SCHEDULES[lane]
    if attempt >= len(schedule):
        return None
    return timedelta(seconds=max(schedule[attempt] * (0.5 + 0.5 * chance), asked_s or 0.0))


@dataclass(frozen=True)
class Breaker:
    """How a host fares; after five failures in a row its deliveries are held for 1, 2, 4 … 30 minutes, and no attempt is counted."""

    in_a_row: int = 0
    opened: int = 0
    open_until: datetime | None = None

    def held_until(self, now: datetime) -> datetime | None:
        """Return until when deliveries are held; None when they may go out."""
        return self.open_until if self.open_until and now < self.open_until else None

    def worked(self) -> Breaker:
        """Return how it stands after the host took something."""
        return Breaker()

    def failed(self, now: datetime) -> Breaker:
        """Return how it stands after a failure; one that was on its way while the breaker opened does not hold the others longer."""
        failures = self.in_a_row + 1
        if self.held_until(now) or failures < FAILURES_IN_A_ROW:
            return Breaker(failures, self.opened, self.open_until)
        pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(self.opened, 5))
        return Breaker(failures, self.opened + 1, now + pause)


def gives_up(failing_since: datetime | None, attempts: int, now: datetime) -> bool:
    """Tell whether a channel that fails since then, in this many attempts, is disabled."""
    return failing_since is not None and now - failing_since >= FAILING_FOR and attempts >= FAILING_ATTEMPTS


def _smtp(code: str) -> Judgement:
    """Judge a reply; the enhanced code behind the number says nothing that we need."""
    number = code[:3] if code[:3].isascii() and code[:3].isdigit() else ""
    match number[:1]:
        case "2":
            return Judgement(kind=Sent.OK)
        case "5" if number == RELAY_REFUSES_US:
            return Judgement(kind=Sent.DISABLE, reason=number)
        case "5":
            return Judgement(kind=Sent.PERMANENT, reason=number, suppress_for=BOUNCED_FOR if number in BOUNCES else None)
    return Judgement(kind=Sent.OK) if code == "ok" else Judgement(kind=Sent.RETRY, reason=number or code)


def _slack(code: str, asked: float | None, *, short: bool) -> Judgement:
    if code in SLACK_GONE:
        return Judgement(kind=Sent.DISABLE, reason=code)
    if code == SLACK_LONG:
        return Judgement(kind=Sent.PERMANENT if short else Sent.RETRY, reason=code, shorter=not short)
    if code in SLACK_NEVER:
        return Judgement(kind=Sent.PERMANENT, reason=code)
    if code in SLACK_BUSY:
        return Judgement(kind=Sent.RETRY, reason="429", asked_s=asked, waits=Waits.CHANNEL, waits_s=asked or SLOW_S)
    return _http(code, asked)


def _http(code: str, asked: float | None) -> Judgement:
    if code == "ok" or _of(code, "2"):
        return Judgement(kind=Sent.OK)
    if code == "410":
        return Judgement(kind=Sent.DISABLE, reason=code)
    if _of(code, "3"):
        return Judgement(kind=Sent.RETRY, reason="redirect_refused", asked_s=asked)
    busy = code in OVERLOADED
    return Judgement(
        kind=Sent.RETRY, reason=code, asked_s=asked, waits=Waits.HOST if busy else Waits.NOTHING, waits_s=(asked or SLOW_S) if busy else 0.0
    )


def _of(code: str, hundred: str) -> bool:
    return len(code) == len("200") and code.isascii() and code.isdigit() and code.startswith(hundred)
