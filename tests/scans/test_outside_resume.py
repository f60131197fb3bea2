"""What a shard knows again when its box died: everything up to the last part, nothing twice; and how fast it may send."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.scans import servers
from tests.scans.test_outside import PERMITTED, Told, request
from watchfloor.capabilities.scans.connect import probe
from watchfloor.capabilities.scans.connect.throttle import Throttle
from watchfloor.capabilities.scans.schemas import Group, Place, ProbeAnswers, ProbeRequest, Rates, each_port

if TYPE_CHECKING:
    from pydantic import BaseModel

HOSTS = tuple(f"127.{os.getpid() % 200 + 10}.3.{n}" for n in (1, 2))  # of this test process alone
PORTS = list(range(20_000, 22_500))


class Died(Exception):
    """The box died."""


class Keeper(Told):
    """Keeps parts; dies after so many."""

    def __init__(self, parts: int) -> None:
        super().__init__()
        self.left, self.parts = parts, list[ProbeAnswers]()
        self.reply: dict[str, Any] = {}

    def keep(self, answer: BaseModel) -> bool:
        """Keep a part as the ledger would: as JSON."""
        if not self.left:
            raise Died
        self.left -= 1
        self.parts.append(ProbeAnswers.model_validate_json(answer.model_dump_json()))
        return True


def asked(**more: Any) -> ProbeRequest:
    found = request(PORTS, HOSTS).model_copy(update={"rates": Rates(total=4000.0), "keep_every": timedelta(seconds=0.2), "seed": 5, **more})
    assert found.permitted == PERMITTED
    return found


def died_after(parts: int, resume: ProbeAnswers | None = None) -> Keeper:
    keeper, died = Keeper(parts), False
    try:
        probe(asked(resume=resume), keeper)
    except* Died:  # alone, or in the group of those who looked at services just then
        died = True
    assert died
    return keeper


def facts(answers: ProbeAnswers) -> list[Any]:
    return [(host.address, host.tallies, host.open, host.filtered, host.skipped) for host in answers.hosts]


@pytest.mark.parametrize("deaths", [[1], [1, 1], [0, 2]])
def test_after_any_death_the_end_is_the_same(deaths: list[int]) -> None:
    with servers.listening(servers.banner(b"220 hello\r\n"), address=HOSTS[0], port=21_111):
        calm = probe(asked(rates=None, keep_every=None), Told())
        kept: ProbeAnswers | None = None
        evidence: list[int] = []
        for parts in deaths:
            keeper = died_after(parts, kept)
            kept = keeper.parts[-1] if keeper.parts else kept
            evidence += [port.port for part in keeper.parts for host in part.hosts for port in host.ports]
        end = probe(asked(resume=kept), Keeper(1000))
    assert facts(end) == facts(calm)
    assert end.probes == calm.probes


def test_a_part_says_exactly_what_is_settled() -> None:
    (part,) = died_after(1).parts
    assert part.place is not None
    assert part.place.group is not None
    for host in part.hosts:
        assert host.cursor is not None
        tally = host.tallies[part.place.group]
        assert tally.closed == host.cursor.next - len(list(each_port(host.cursor.pending)))
        assert tally.closed + tally.skipped == sum(
            last - first + 1 for group in asked().groups if group.group == part.place.group for first, last in group.ports
        )


def test_a_port_that_was_looked_at_is_not_looked_at_again() -> None:
    with servers.listening(servers.banner(b"220 hello\r\n"), address=HOSTS[0], port=21_111):
        calm = probe(asked(rates=None, keep_every=None), Told())
        again = probe(asked(rates=None, keep_every=None, resume=calm.model_copy(update={"place": Place(finished=tuple(Group))})), Told())
    assert [port.port for host in calm.hosts for port in host.ports] == [21_111]
    assert [port.port for host in again.hosts for port in host.ports] == []
    assert again.probes == calm.probes


def test_another_order_of_ports_begins_the_group_again() -> None:
    (part,) = died_after(1).parts
    end = probe(asked(resume=part, seed=6, rates=None, keep_every=None), Told())
    assert facts(end) == facts(probe(asked(rates=None, keep_every=None), Told()))


def test_rates_of_a_reply_hold_from_then_on() -> None:
    keeper = Keeper(1000)
    keeper.reply = {"rates": {"total": 1_000_000.0}}
    answers = probe(asked(rates=Rates(total=0.0)), keeper)
    assert sum(tally.closed for host in answers.hosts for tally in host.tallies.values()) == len(PORTS) * len(HOSTS)


def test_a_throttle_counts_host_network_and_all() -> None:
    throttle = Throttle(Rates(total=1000.0, host=100.0, nets={"192.0.2.0": 50.0}))
    sent = dict.fromkeys(("192.0.2.1", "192.0.2.2", "198.51.100.1"), 0)
    for tick in range(1, 2001):
        for address in sent:
            room = max(0, throttle.room(address, 1.0 + tick / 100))
            throttle.spend(address, room)
            sent[address] += room
    assert sent["192.0.2.1"] + sent["192.0.2.2"] == pytest.approx(50 * 20, rel=0.02)
    assert sent["198.51.100.1"] == pytest.approx(100 * 20, rel=0.02)


def test_a_throttle_that_may_send_nothing_is_starved() -> None:
    throttle = Throttle(Rates(total=0.0))
    assert (throttle.all_room(5.0), throttle.starved) == (0, True)
    throttle.allow(Rates(total=10.0))
    assert not throttle.starved
    assert throttle.room("192.0.2.1", 6.0) == 1
