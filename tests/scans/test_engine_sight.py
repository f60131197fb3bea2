"""Facts about what is kept of a host: which ports are known, which stayed silent, and which were not looked at."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.scans.factories import answer
from watchfloor.capabilities.scans.engine.sight import Sighting, sight
from watchfloor.capabilities.scans.schemas import Group, GroupCursor, HostAnswer, PortAnswer, PortGroup, PortRange, Tally

NOW = datetime(2026, 1, 1, tzinfo=UTC)
GROUPS = (PortGroup(group=Group.CRITICAL, ports=((20, 29),)), PortGroup(group=Group.HIGH, ports=((8000, 8009),)))


def seen(
    tally: Tally,
    *ports: PortAnswer,
    opened: tuple[PortRange, ...] = (),
    filtered: tuple[PortRange, ...] = (),
    skipped: tuple[PortRange, ...] = (),
) -> Sighting | None:
    found = HostAnswer(
        address="127.0.0.1", tallies={Group.CRITICAL: tally}, open=opened, filtered=filtered, skipped=skipped, ports=ports
    )  # fmt: skip
    return sight(found, GROUPS, NOW)


def test_a_silent_port_leaves_the_others_known() -> None:
    found = seen(Tally(closed=9, filtered=1), filtered=((23, 23),))
    assert found is not None
    assert (sorted(found.known_ports), sorted(found.filtered_ports)) == ([20, 21, 22, 24, 25, 26, 27, 28, 29], [23])


def test_a_port_that_was_skipped_is_neither_known_nor_silent() -> None:
    found = seen(Tally(closed=7, skipped=3), skipped=((27, 29),))
    assert found is not None
    assert (sorted(found.known_ports), sorted(found.filtered_ports)) == ([20, 21, 22, 23, 24, 25, 26], [])


def test_ports_of_a_group_that_never_began_are_not_known() -> None:
    found = seen(Tally(closed=10))
    assert found is not None
    assert not found.known_ports & set(range(8000, 8010))


def test_an_open_port_is_known_only_when_its_service_was_looked_at() -> None:
    found = seen(Tally(open=2, closed=8), answer(b"220 hello\r\n", port=21), opened=((21, 22),))
    assert found is not None
    assert 21 in found.known_ports
    assert 22 not in found.known_ports
    assert [service.port for _group, service in found.services] == [21]
    assert [service.port for _group, service in found.unlooked] == [22]


def test_a_part_of_a_group_under_way_knows_no_closed_port() -> None:
    part = HostAnswer(
        address="127.0.0.1", tallies={Group.CRITICAL: Tally(open=1, closed=4, skipped=5)}, open=((21, 21),), filtered=((23, 23),),
        ports=(answer(b"220 hello\r\n", port=21),), cursor=GroupCursor(next=6),
    )  # fmt: skip
    found = sight(part, GROUPS, NOW)
    assert found is not None
    assert (set(found.known_ports), set(found.filtered_ports)) == ({21}, set())
    assert found.tallies[Group.CRITICAL].closed == 4


def test_what_an_earlier_part_looked_at_is_not_looked_at_again_and_still_listed() -> None:
    end = HostAnswer(
        address="127.0.0.1", tallies={Group.CRITICAL: Tally(open=2, closed=8)}, open=((21, 22),), looked=((21, 22),),
        ports=(answer(b"SSH-2.0-OpenSSH_9.2p1\r\n", port=22),),
    )  # fmt: skip
    found = sight(end, GROUPS, NOW)
    assert found is not None
    assert [service.port for _group, service in found.services] == [22]
    assert [service.port for _group, service in found.unlooked] == [21]
    assert 21 not in found.known_ports


@pytest.mark.parametrize("part", [False, True])
def test_of_a_host_that_accepts_every_port_few_are_listed_and_all_are_counted(*, part: bool) -> None:
    tarpit = HostAnswer(
        address="127.0.0.1", tallies={Group.LOW: Tally(open=5000)}, open=((10_000, 14_999),), cursor=GroupCursor() if part else None
    )
    found = sight(tarpit, (), NOW)
    assert found is not None
    assert (len(found.unlooked), found.unlisted) == ((0, 5000) if part else (1024, 3976))


def test_a_silent_address_is_no_host() -> None:
    assert seen(Tally(filtered=10), filtered=((20, 29),)) is None
