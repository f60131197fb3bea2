"""Facts about answers, waits, breakers and channels that fail for days."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from watchfloor.capabilities.notifications.engine.retry import (
    SCHEDULES,
    Breaker,
    Judgement,
    Next,
    State,
    Waits,
    gives_up,
    judge,
    settle,
    wait_after,
)
from watchfloor.capabilities.notifications.schemas.wire import ChannelKind, Sent

NOW = datetime(2026, 1, 12, 8, tzinfo=UTC)
LATER = NOW + timedelta(hours=72)
EMAIL, WEBHOOK, SLACK, APPRISE = ChannelKind.EMAIL, ChannelKind.WEBHOOK, ChannelKind.SLACK, ChannelKind.APPRISE
MINUTE, HOUR = 60, 3600


@pytest.mark.parametrize(
    ("lane", "waits"),
    [
        (WEBHOOK, [5, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR]),
        (EMAIL, [MINUTE, 5 * MINUTE, 15 * MINUTE, HOUR, 4 * HOUR, 12 * HOUR, 24 * HOUR]),
        (SLACK, [5, 30, 2 * MINUTE, 10 * MINUTE, HOUR, 6 * HOUR]),
        (APPRISE, [MINUTE, 10 * MINUTE, HOUR, 6 * HOUR]),
    ],
)
def test_waits_are_between_half_and_all_of_the_schedule_and_end(lane: ChannelKind, waits: list[int]) -> None:
    assert wait_after(lane, 0, 0.999) == timedelta()
    for attempt, seconds in enumerate(waits, start=1):
        assert wait_after(lane, attempt, 0.0) == timedelta(seconds=seconds / 2)
        assert wait_after(lane, attempt, 0.5) == timedelta(seconds=seconds * 0.75)
        nearly_all = wait_after(lane, attempt, 0.999999)
        assert nearly_all is not None
        assert timedelta(seconds=seconds * 0.99) < nearly_all < timedelta(seconds=seconds)
    assert wait_after(lane, len(waits) + 1, 0.0) is None
    assert wait_after(lane, len(waits) + 1, 0.0, asked_s=5) is None


def test_every_way_out_has_a_schedule() -> None:
    assert set(SCHEDULES) == set(ChannelKind)


# lane | code | what it means | reason
ANSWERS = """
webhook | 200            | ok        |
webhook | 204            | ok        |
webhook | 299            | ok        |
webhook | 301            | retry     | redirect_refused
webhook | 307            | retry     | redirect_refused
webhook | 400            | retry     | 400
webhook | 401            | retry     | 401
webhook | 404            | retry     | 404
webhook | 408            | retry     | 408
webhook | 410            | disable   | 410
webhook | 425            | retry     | 425
webhook | 429            | retry     | 429
webhook | 500            | retry     | 500
webhook | 502            | retry     | 502
webhook | 599            | retry     | 599
webhook | 100            | retry     | 100
webhook | timeout        | retry     | timeout
webhook | dns            | retry     | dns
webhook | tls            | retry     | tls
webhook | reset          | retry     | reset
webhook | tls_name       | permanent | egress_refused
webhook | egress_refused | permanent | egress_refused
webhook | 20             | retry     | 20
webhook | 2000           | retry     | 2000
webhook |                | retry     |
webhook | what is this   | retry     | what is this
email   | 250            | ok        |
email   | 251            | ok        |
email   | 421            | retry     | 421
email   | 450 4.2.0      | retry     | 450
email   | 452            | retry     | 452
email   | dropped        | retry     | dropped
email   | timeout        | retry     | timeout
email   | 500            | permanent | 500
email   | 550            | permanent | 550
email   | 551 5.1.6      | permanent | 551
email   | 553            | permanent | 553
email   | 554            | permanent | 554
email   | 535            | disable   | 535
email   | tls_name       | permanent | egress_refused
email   |                | retry     |
slack   | ok             | ok        |
slack   | 200            | ok        |
slack   | 429            | retry     | 429
slack   | ratelimited    | retry     | 429
slack   | 503            | retry     | 503
slack   | no_service     | disable   | no_service
slack   | channel_not_found | disable | channel_not_found
slack   | channel_is_archived | disable | channel_is_archived
slack   | invalid_auth   | disable   | invalid_auth
slack   | token_revoked  | disable   | token_revoked
slack   | msg_too_long   | retry     | msg_too_long
slack   | invalid_blocks | permanent | invalid_blocks
slack   | fatal_error    | retry     | fatal_error
apprise | ok             | ok        |
apprise | failed         | retry     | failed
apprise | egress_refused | permanent | egress_refused
"""
ROWS = [[cell.strip() for cell in line.split("|")] for line in ANSWERS.strip().splitlines()]


@pytest.mark.parametrize(("lane", "code", "kind", "reason"), ROWS, ids=[" ".join(row[:2]) for row in ROWS])
def test_answer_means(lane: str, code: str, kind: str, reason: str) -> None:
    told = judge(ChannelKind(lane), code)
    assert (told.kind, told.reason) == (Sent(kind), reason)


@pytest.mark.parametrize("lane", list(ChannelKind))
def test_digits_of_other_scripts_are_no_code(lane: ChannelKind) -> None:
    assert judge(lane, "\N{FULLWIDTH DIGIT TWO}\N{FULLWIDTH DIGIT FIVE}\N{FULLWIDTH DIGIT ZERO}").kind is Sent.RETRY


@pytest.mark.parametrize(
    ("lane", "code", "asked", "waits", "seconds"),
    [
        (WEBHOOK, "429", 30.0, Waits.HOST, 30.0),
        (WEBHOOK, "503", None, Waits.HOST, 5.0),
        (WEBHOOK, "502", 0.0, Waits.HOST, 1.0),
        (WEBHOOK, "504", 1e9, Waits.HOST, 86_400.0),
        (WEBHOOK, "500", 30.0, Waits.NOTHING, 0.0),
        (WEBHOOK, "200", 30.0, Waits.NOTHING, 0.0),
        (SLACK, "429", 17.0, Waits.CHANNEL, 17.0),
        (SLACK, "ratelimited", None, Waits.CHANNEL, 5.0),
        (SLACK, "503", None, Waits.HOST, 5.0),
        (APPRISE, "failed", None, Waits.NOTHING, 0.0),
        (EMAIL, "421", None, Waits.NOTHING, 0.0),
    ],
)
def test_who_has_too_much_to_do_is_left_alone(lane: ChannelKind, code: str, asked: float | None, waits: Waits, seconds: float) -> None:
    told = judge(lane, code, retry_after_s=asked)
    assert (told.waits, told.waits_s) == (waits, seconds)


@pytest.mark.parametrize(
    ("code", "bounced"), [("550", True), ("551", True), ("553", True), ("552", False), ("554", False), ("535", False), ("450", False)]
)
def test_address_that_is_none_is_not_mailed_for_ninety_days(code: str, *, bounced: bool) -> None:
    assert judge(EMAIL, code).suppress_for == (timedelta(days=90) if bounced else None)


def test_message_that_is_too_long_goes_out_once_more_in_its_shorter_form() -> None:
    first = judge(SLACK, "msg_too_long")
    assert settle(SLACK, 1, first, now=NOW, expires_at=LATER, chance=0.5) == Next(State.DUE, "msg_too_long", NOW, shorter=True)
    second = judge(SLACK, "msg_too_long", short=True)
    assert settle(SLACK, 2, second, now=NOW, expires_at=LATER, chance=0.5) == Next(State.DEAD, "msg_too_long")


@pytest.mark.parametrize(
    ("judgement", "attempt", "now", "becomes"),
    [
        (Judgement(kind=Sent.OK), 1, NOW, Next(State.SENT)),
        (Judgement(kind=Sent.OK), 10, LATER, Next(State.SENT)),
        (Judgement(kind=Sent.PERMANENT, reason="egress_refused"), 1, NOW, Next(State.DEAD, "egress_refused")),
        (Judgement(kind=Sent.PERMANENT), 1, NOW, Next(State.DEAD, "refused")),
        (Judgement(kind=Sent.DISABLE, reason="410"), 1, NOW, Next(State.DEAD, "410")),
        (Judgement(kind=Sent.RETRY, reason="500"), 1, NOW, Next(State.DUE, "500", NOW + timedelta(seconds=3.75))),
        (Judgement(kind=Sent.RETRY, reason="500"), 9, NOW, Next(State.DUE, "500", NOW + timedelta(hours=18))),
        (Judgement(kind=Sent.RETRY, reason="500"), 10, NOW, Next(State.DEAD, "500")),
        (Judgement(kind=Sent.RETRY), 10, NOW, Next(State.DEAD, "attempts_used_up")),
        (Judgement(kind=Sent.RETRY, reason="429", asked_s=60.0), 1, NOW, Next(State.DUE, "429", NOW + timedelta(seconds=60))),
        (Judgement(kind=Sent.RETRY, reason="429", asked_s=60.0), 2, NOW, Next(State.DUE, "429", NOW + timedelta(seconds=225))),
        (Judgement(kind=Sent.RETRY, reason="500"), 2, LATER - timedelta(seconds=1), Next(State.DUE, "500", LATER + timedelta(seconds=224))),
        (Judgement(kind=Sent.RETRY, reason="500"), 2, LATER, Next(State.DEAD, "expired")),
    ],
)
def test_delivery_becomes(judgement: Judgement, attempt: int, now: datetime, becomes: Next) -> None:
    assert settle(WEBHOOK, attempt, judgement, now=now, expires_at=LATER, chance=0.5) == becomes


def fail(breaker: Breaker, times: int, at: datetime) -> Breaker:
    for _ in range(times):
        breaker = breaker.failed(at)
    return breaker


def test_breaker_opens_after_five_failures_in_a_row() -> None:
    assert fail(Breaker(), 4, NOW).held_until(NOW) is None
    opened = fail(Breaker(), 5, NOW)
    assert opened.held_until(NOW) == NOW + timedelta(minutes=1)
    assert opened.held_until(NOW + timedelta(minutes=1)) is None


def test_one_success_between_failures_keeps_it_closed() -> None:
    assert fail(fail(Breaker(), 4, NOW).worked(), 4, NOW).held_until(NOW) is None


def test_each_failure_after_a_pause_doubles_it_up_to_half_an_hour() -> None:
    breaker, at, pauses = fail(Breaker(), 5, NOW), NOW, []
    for _ in range(8):
        until = breaker.held_until(at)
        assert until is not None
        pauses.append((until - at) // timedelta(minutes=1))
        breaker, at = breaker.failed(until), until
    assert pauses == [1, 2, 4, 8, 16, 30, 30, 30]
    assert breaker.worked() == Breaker()


def test_failures_that_were_on_their_way_do_not_lengthen_the_pause() -> None:
    opened = fail(Breaker(), 5, NOW)
    assert fail(opened, 200, NOW + timedelta(seconds=59)).held_until(NOW) == NOW + timedelta(minutes=1)


@pytest.mark.parametrize(
    ("failing_for", "attempts", "given_up"),
    [
        (timedelta(days=3), 12, True),
        (timedelta(days=9), 400, True),
        (timedelta(days=3) - timedelta(seconds=1), 400, False),
        (timedelta(days=9), 11, False),
        (None, 400, False),
    ],
)
def test_channel_is_given_up_after_five_days_and_a_dozen_attempts(failing_for: timedelta | None, attempts: int, *, given_up: bool) -> None:
    assert gives_up(NOW - failing_for if failing_for is not None else None, attempts, NOW) == given_up
