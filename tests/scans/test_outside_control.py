"""Facts about the pace of a host and the gate before each connection."""

from __future__ import annotations

import pytest

from watchfloor.capabilities.scans.connect.control import LOSS_TOLERATED, WINDOW_MAX, WINDOW_MIN, WINDOW_SILENT, WINDOW_START, Cap, Pace
from watchfloor.capabilities.scans.connect.permit import Permit
from watchfloor.capabilities.scans.schemas import AddressRange


def test_unknown_host_gets_one_second() -> None:
    assert Pace().rto() == 1.0
    assert Pace().rto(1) == 1.0
    assert Pace().rto(2) == 2.0
    assert Pace().rto(5) == 2.0


@pytest.mark.parametrize(("rtt", "least", "most"), [(0.0001, 0.15, 0.15), (0.1, 0.3, 0.33), (0.9, 1.5, 1.5)])
def test_timer_follows_the_round_trip(rtt: float, least: float, most: float) -> None:
    pace = Pace()
    pace.sample(rtt)
    assert least <= pace.rto() <= most


def test_steady_round_trip_tightens_the_timer() -> None:
    pace = Pace()
    for _ in range(100):
        pace.sample(0.2)
    assert pace.rto() == pytest.approx(0.22, abs=0.01)


def test_answer_to_the_second_syn_is_no_round_trip() -> None:
    pace = Pace()
    pace.sample(1.02)
    assert (pace.srtt, pace.rto(), pace.epoch_lost) == (None, 1.0, 1)


def test_window_grows_with_answers_up_to_its_limit() -> None:
    pace = Pace()
    assert pace.room() == WINDOW_START
    for _ in range(5000):
        pace.replies(0.0)
    assert pace.room() == WINDOW_MAX


def test_loss_cuts_the_window_once_per_epoch() -> None:
    pace = Pace()
    for place in range(200):
        pace.replies(float(place), attempt=1 if place % 10 == 0 else 0)
    assert pace.window < WINDOW_START + 200
    assert not pace.growing
    assert pace.window >= WINDOW_MIN


def test_random_loss_restores_the_window() -> None:
    pace = Pace()
    epoch(pace, 100.0, replies=1000, lost=100)
    cut, before = pace.window, pace.window_before
    assert cut < before
    epoch(pace, 300.0, replies=200, lost=20)
    assert pace.window == before
    assert pace.tolerated > LOSS_TOLERATED


def test_congestion_keeps_the_window_low() -> None:
    pace = Pace()
    epoch(pace, 100.0, replies=1000, lost=100)
    before = pace.window_before
    epoch(pace, 200.0, replies=1000, lost=10)
    assert pace.window < before
    assert pace.tolerated == LOSS_TOLERATED


def epoch(pace: Pace, ends: float, *, replies: int, lost: int) -> None:
    if pace.epoch_start is None:
        pace.epoch_start = 0.0
    pace.epoch_replies, pace.epoch_lost = replies - 1, lost
    pace.replies(ends)


def test_silent_host_gets_a_fixed_window() -> None:
    pace = Pace()
    pace.silent = WINDOW_START + 1
    assert pace.room() == WINDOW_SILENT
    pace.answered = 100
    assert pace.room() == WINDOW_START


def test_tries_follow_what_the_host_does() -> None:
    pace = Pace()
    assert pace.tries(2) == 2
    pace.answered = 10
    assert pace.tries(2) == 3
    pace.replies(0.0, attempt=1)
    assert pace.tries(2) == 4


def test_cap_falls_and_recovers() -> None:
    cap = Cap(100)
    cap.short_of_ports()
    assert cap.now == 80
    cap.recover(1.0)
    assert cap.now == 89
    cap.recover(1.01)
    assert cap.now == 89
    cap.recover(2.0)
    cap.recover(3.0)
    assert cap.now == 100
    cap.short_of_descriptors(20)
    assert (cap.now, cap.most) == (20, 20)
    cap.short_of_descriptors(0)
    assert cap.most == 8


@pytest.mark.parametrize(
    ("address", "held"),
    [("127.0.0.1", True), ("127.0.0.0", True), ("127.0.0.3", True), ("127.0.0.4", False), ("126.255.255.255", False), ("::1", True), ("::2", False), ("::ffff:127.0.0.1", False)],
)  # fmt: skip
def test_gate_holds_only_what_is_listed(address: str, held: bool) -> None:  # noqa: FBT001 - a column of the table
    permit = Permit((AddressRange(first="::1", last="::1"), AddressRange(first="127.0.0.0", last="127.0.0.3")))
    assert permit.holds(address) is held
    assert not Permit(()).holds(address)
