"""Facts about the order in which it is decided who is told: every refusal, and that the first one is the reason."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import combinations
from typing import Any, TypeAlias
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from watchfloor.capabilities.notifications.engine.digest import DigestWindow
from watchfloor.capabilities.notifications.engine.matching import Silence, Subject
from watchfloor.capabilities.notifications.engine.route import Candidate, Decision, Follows, Notice, Occasion, State, Wishes, route
from watchfloor.capabilities.notifications.schemas.rules import AssetFilter, Matchers
from watchfloor.capabilities.notifications.schemas.times import DigestPlan, Mode, QuietWindow
from watchfloor.kernel.contract import Severity

NOW = datetime(2026, 1, 12, 23, 30, tzinfo=UTC)  # half past midnight in Berlin
NIGHT = (QuietWindow(start="22:00", end="07:00"),)
MORNING = datetime(2026, 1, 13, 6, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")
HOUR = DigestWindow(NOW - timedelta(minutes=30), NOW + timedelta(minutes=30))
SILENCE = Silence(matchers=Matchers(events=("finding.*",)), starts_at=NOW, ends_at=NOW + timedelta(hours=1))
NOTICE = Notice(
    subject=Subject(type="finding.opened", severity=Severity.HIGH, assets=("db-1.example.org",), tags=("prod",)),
    labels={"asset": "db-1.example.org"},
)
ANA = Candidate(user="ana", channel=UUID(int=1), address=b"ana", may_see=True, wishes=Wishes(zone=BERLIN))
EVENT, MANUAL, RELEASE, GROUP, MEMBER, STEP, PAGE, WIRE = Occasion

World: TypeAlias = tuple[Notice, Candidate, list[Silence]]
Change: TypeAlias = Callable[[World], World]


def with_wishes(candidate: Candidate, **wishes: Any) -> Candidate:
    return replace(candidate, wishes=replace(candidate.wishes, **wishes))


def with_follows(candidate: Candidate, **follows: Any) -> Candidate:
    return replace(candidate, follows=replace(candidate.follows, **follows))


# What refuses, in the order in which it is asked: number, change to the world, state and reason.
def unsubscribed(world: World) -> World:
    return world[0], with_follows(world[1], events=("scans.*",)), world[2]


def blind(world: World) -> World:
    return world[0], replace(world[1], may_see=False), world[2]


def doubled(world: World) -> World:
    return replace(world[0], duplicate=True), world[1], world[2]


def silent(world: World) -> World:
    return world[0], world[1], [*world[2], SILENCE]


def inhibited(world: World) -> World:
    return world[0], replace(world[1], open_severity=Severity.CRITICAL), world[2]


def opted_out(world: World) -> World:
    return world[0], with_wishes(world[1], opted_out=("reports.*", "finding.opened")), world[2]


def paused(world: World) -> World:
    return world[0], with_wishes(world[1], paused_until=NOW + timedelta(minutes=1)), world[2]


def too_light(world: World) -> World:
    return world[0], with_follows(world[1], min_severity=Severity.CRITICAL), world[2]


def other_asset(world: World) -> World:
    return world[0], with_follows(world[1], assets=AssetFilter(names=("web-*",))), world[2]


def inactive(world: World) -> World:
    return world[0], replace(world[1], inactive="channel_inactive"), world[2]


def bounced(world: World) -> World:
    return world[0], replace(world[1], suppressed=True), world[2]


def gathered(world: World) -> World:
    return world[0], with_follows(world[1], digest=DigestPlan(mode=Mode.DAILY, at_local="08:00")), world[2]


def grouped(world: World) -> World:
    return world[0], with_follows(world[1], grouped=True, group_by=("asset",)), world[2]


def capped(world: World) -> World:
    return world[0], replace(world[1], told=60), world[2]


def asleep(world: World) -> World:
    return world[0], with_wishes(world[1], quiet=NIGHT), world[2]


REFUSALS: list[tuple[int, Change, State, str]] = [
    (1, unsubscribed, State.DROPPED, "not_subscribed"),
    (2, blind, State.SUPPRESSED, "no_access"),
    (3, doubled, State.DROPPED, "duplicate"),
    (5, silent, State.SUPPRESSED, "silenced"),
    (6, inhibited, State.SUPPRESSED, "inhibited"),
    (8, opted_out, State.SUPPRESSED, "opted_out"),
    (8, paused, State.SUPPRESSED, "paused"),
    (9, too_light, State.DROPPED, "below_severity"),
    (9, other_asset, State.DROPPED, "other_asset"),
    (10, inactive, State.SUPPRESSED, "channel_inactive"),
    (10, bounced, State.SUPPRESSED, "address_suppressed"),
    (11, gathered, State.JOINED, "digest"),
    (11, grouped, State.JOINED, "grouped"),
    (12, capped, State.JOINED, "rate_cap"),
    (13, asleep, State.HELD, "quiet_hours"),
]
NAMES = [reason for _, _, _, reason in REFUSALS]


def decided(world: World, occasion: Occasion = EVENT) -> Decision:
    [decision] = route(world[0], [world[1]], world[2], NOW, occasion=occasion)
    return decision


def test_without_a_refusal_it_is_due_now() -> None:
    assert decided((NOTICE, ANA, [])) == Decision(candidate=ANA, state=State.DUE)


@pytest.mark.parametrize(("number", "change", "state", "reason"), REFUSALS, ids=NAMES)
def test_refusal(number: int, change: Change, state: State, reason: str) -> None:
    del number
    told = decided(change((NOTICE, ANA, [])))
    assert (told.state, told.reason) == (state, reason)


@pytest.mark.parametrize(("first", "second"), list(combinations(range(len(REFUSALS)), 2)), ids=lambda n: NAMES[n])
def test_first_refusal_is_the_reason(first: int, second: int) -> None:
    both = REFUSALS[first][1](REFUSALS[second][1]((NOTICE, ANA, [])))
    assert decided(both).reason == REFUSALS[first][3]


@pytest.mark.parametrize(
    ("occasion", "skipped"),
    [
        (EVENT, set()),
        (MANUAL, {1, 3, 5, 6, 8, 9}),
        (RELEASE, {3, 6, 11, 12}),
        (GROUP, {1, 3, 5, 6, 9, 11}),
        (MEMBER, {1, 2, 3, 6, 9, 10, 11, 12, 13}),
        (STEP, {1, 3, 6, 9, 11, 12}),
        (PAGE, {1, 3, 6, 9, 11, 12, 13}),
        (WIRE, {1, 3, 6, 9, 11, 12, 13}),
    ],
)
def test_each_occasion_leaves_out_its_questions_and_no_other(occasion: Occasion, skipped: set[int]) -> None:
    left_out = {number for number, change, _, _ in REFUSALS if decided(change((NOTICE, ANA, [])), occasion).state is State.DUE}
    assert left_out == skipped


def test_mandatory_leaves_out_wishes_and_filters_and_no_other() -> None:
    must = with_follows(ANA, mandatory=True)
    left_out = {number for number, change, _, _ in REFUSALS if decided(change((NOTICE, must, []))).state is State.DUE}
    assert left_out == {8, 9}


def test_release_leaves_a_reason_on_each_row_that_is_not_told() -> None:
    for number, change, state, reason in REFUSALS:
        told = decided(change((NOTICE, ANA, [])), RELEASE)
        if number in {1, 2, 5, 8, 9, 10}:
            assert (told.state, told.reason) == (State.SUPPRESSED, reason), state


def test_history_concerns_nobody() -> None:
    assert route(replace(NOTICE, history=True), [ANA], [], NOW) == []


@pytest.mark.parametrize(
    ("open_severity", "state"),
    [(None, State.DUE), (Severity.MEDIUM, State.DUE), (Severity.HIGH, State.DUE), (Severity.CRITICAL, State.SUPPRESSED)],
)
def test_only_something_graver_inhibits(open_severity: Severity | None, state: State) -> None:
    assert decided((NOTICE, replace(ANA, open_severity=open_severity), [])).state is state


def test_pause_ends_by_itself() -> None:
    assert decided((NOTICE, with_wishes(ANA, paused_until=NOW), [])).state is State.DUE


def test_silence_of_something_else_does_not_silence() -> None:
    other = replace(SILENCE, matchers=Matchers(events=("scans.*",)))
    assert decided((NOTICE, ANA, [other])).state is State.DUE


def test_quiet_hours_hold_until_morning() -> None:
    assert decided(asleep((NOTICE, ANA, []))).due_at == MORNING


def test_digest_is_sent_at_the_end_of_its_window() -> None:
    told = decided(gathered((NOTICE, ANA, [])))
    assert told.window == DigestWindow(datetime(2026, 1, 12, 7, tzinfo=UTC), datetime(2026, 1, 13, 7, tzinfo=UTC))
    assert told.due_at == datetime(2026, 1, 13, 7, tzinfo=UTC)


def test_group_is_that_of_the_labels() -> None:
    one, other = (decided(grouped((replace(NOTICE, labels={"asset": name}), ANA, []))).group for name in ("a", "b"))
    assert one is not None
    assert one != other


def test_what_is_over_the_cap_joins_the_digest_of_the_hour_and_waits_for_morning() -> None:
    told = decided(capped((NOTICE, ANA, [])))
    assert (told.window, told.due_at) == (HOUR, HOUR.end)
    assert decided(capped(asleep((NOTICE, ANA, [])))).due_at == MORNING
    assert decided((NOTICE, replace(ANA, told=59), [])).state is State.DUE


CRITICAL = replace(NOTICE, subject=replace(NOTICE.subject, severity=Severity.CRITICAL))


@pytest.mark.parametrize(
    ("notice", "wishes", "state", "reason", "due_at"),
    [
        (CRITICAL, {}, State.DUE, "", None),
        (CRITICAL, {"bypassed": 4}, State.DUE, "", None),
        (CRITICAL, {"bypassed": 5}, State.JOINED, "bypass_cap", HOUR.end),
        (CRITICAL, {"bypass_per_hour": 0}, State.JOINED, "bypass_cap", HOUR.end),
        (NOTICE, {}, State.HELD, "quiet_hours", MORNING),
        (NOTICE, {"bypass": Severity.HIGH}, State.DUE, "", None),
        (NOTICE, {"bypass": Severity.HIGH, "bypassed": 5}, State.JOINED, "bypass_cap", HOUR.end),
    ],
)
def test_what_is_grave_enough_passes_quiet_hours_a_few_times_an_hour(
    notice: Notice, wishes: dict[str, object], state: State, reason: str, due_at: datetime | None
) -> None:
    told = decided((notice, with_wishes(ANA, quiet=NIGHT, **wishes), []))
    assert (told.state, told.reason, told.due_at) == (state, reason, due_at)
    assert told.bypassed == (state is State.DUE)


def test_cap_on_what_passes_counts_for_quiet_hours_only() -> None:
    assert decided((CRITICAL, with_wishes(ANA, bypassed=50), [])) == Decision(candidate=with_wishes(ANA, bypassed=50), state=State.DUE)


def told(*candidates: Candidate, notice: Notice = NOTICE) -> list[tuple[State, str]]:
    return [(one.state, one.reason) for one in route(notice, candidates, [], NOW)]


DOUBLE = (State.DROPPED, "same_address")
DUE = (State.DUE, "")


def test_two_routes_to_one_channel_are_one_delivery() -> None:
    assert told(ANA, ANA) == [DUE, DOUBLE]


def test_two_channels_to_one_address_are_one_delivery() -> None:
    assert told(ANA, replace(ANA, channel=UUID(int=2))) == [DUE, DOUBLE]


def test_two_people_with_one_address_are_one_delivery() -> None:
    assert told(ANA, replace(ANA, user="ben", channel=UUID(int=2))) == [DUE, DOUBLE]


def test_two_addresses_of_one_person_are_two_deliveries() -> None:
    assert told(ANA, replace(ANA, channel=UUID(int=2), address=b"ana's other")) == [DUE, DUE]


def test_route_that_filters_it_out_does_not_keep_another_from_telling() -> None:
    assert told(with_follows(ANA, min_severity=Severity.CRITICAL), ANA) == [(State.DROPPED, "below_severity"), DUE]


def test_soonest_of_several_ways_counts() -> None:
    daily = with_follows(ANA, digest=DigestPlan())
    assert told(daily, ANA) == [DOUBLE, DUE]
    assert told(daily, with_wishes(ANA, quiet=NIGHT)) == [DOUBLE, (State.HELD, "quiet_hours")]


def test_mandatory_route_tells_who_opted_out() -> None:
    out = with_wishes(ANA, opted_out=("*",))
    assert told(out, with_follows(out, mandatory=True)) == [DOUBLE, DUE]
    assert told(out, out) == [(State.SUPPRESSED, "opted_out"), DOUBLE]


def test_who_may_not_see_it_keeps_nobody_else_from_being_told_and_has_a_row() -> None:
    blind_ben = replace(ANA, user="ben", channel=UUID(int=2), may_see=False)
    assert told(blind_ben, ANA) == [(State.SUPPRESSED, "no_access"), DUE]
    assert told(blind_ben, blind_ben, replace(blind_ben, user="cleo")) == [
        (State.SUPPRESSED, "no_access"),
        DOUBLE,
        (State.SUPPRESSED, "no_access"),
    ]


def test_same_input_same_decisions() -> None:
    crowd = [replace(ANA, user=f"u{n % 7}", channel=UUID(int=n % 11), address=bytes([n % 5])) for n in range(100)]
    first = route(NOTICE, crowd, [SILENCE], NOW + timedelta(hours=2))
    assert first == route(NOTICE, crowd, [SILENCE], NOW + timedelta(hours=2))
    assert [one.candidate for one in first] == crowd
    due = [one.candidate for one in first if one.state is State.DUE]
    assert len({one.address for one in due}) == len({(one.user, one.channel) for one in due}) == len(due)


def test_follows_all_events_by_default() -> None:
    assert Follows() == Follows(events=("*",), min_severity=Severity.INFO)
