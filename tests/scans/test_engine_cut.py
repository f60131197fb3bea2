"""Facts about shards: all pairs once, critical ports first, sized by time, neighbours on different hosts."""

from __future__ import annotations

import tracemalloc
from collections import Counter
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchfloor.capabilities.scans.engine import cut, plan, ranges
from watchfloor.capabilities.scans.engine.ranges import Span
from watchfloor.capabilities.scans.engine.targets import Targets
from watchfloor.capabilities.scans.schemas import Group, Scope

HOME = Scope(networks=("127.0.0.0/8", "::1", "10.0.0.0/8", "fd00::/8"))
EVERYTHING = Scope(networks=("0.0.0.0/0", "::/0"))
MIB = 1 << 20


def test_small_scan_is_one_shard() -> None:
    found = plan.make(["127.0.0.1", "::1"], "all", HOME)
    assert [shard.groups for shard in cut.shards(found)] == [found.groups]
    assert [list(shard.addresses()) for shard in cut.shards(found)] == [["127.0.0.1", "::1"]]


SHARDED = [
    (["10.0.0.0/25"], "all", 1),
    (["10.0.0.0/22"], "top-1000", 1),
    (["10.0.0.0/24", "8.8.8.0/24"], "top-100", 1),
    (["8.8.8.8"], "all", 1),
    (["8.8.8.8"], "all", 4),
    (["8.8.8.0/30"], "all", 1),
    (["8.8.8.0/28"], "all", 3),
    (["8.8.8.8", "10.0.0.0/30"], "all", 1),
    (["10.0.0.1"], "all", 4),
    (["10.0.0.0/31"], "all", 8),
    ([f"9.9.{n}.9" for n in range(200)], "top-1000", 2),
    (["2001:db8::/118", "fd00::/120"], "top-100", 2),
]


@pytest.mark.parametrize(("targets", "asked", "workers"), SHARDED)
def test_shards_cover_every_pair_once_and_critical_first(targets: list[str], asked: str, workers: int) -> None:
    found = plan.make(targets, asked, EVERYTHING)
    shards = list(cut.shards(found, free_workers=workers))
    pairs = sum(shard.size * sum(plan.width(group.ports) for group in shard.groups) for shard in shards)
    assert pairs == found.pairs
    cells = [
        (address, group.group, part) for shard in shards for address in shard.addresses() for group in shard.groups for part in group.ports
    ]
    assert len(set(cells)) == len(cells)
    order = [list(Group).index(shard.groups[0].group) for shard in shards]
    assert order == sorted(order)


@pytest.mark.parametrize("workers", [1, 4])
def test_one_host_is_never_split_for_it_belongs_to_one_shard_at_a_time(workers: int) -> None:
    found = plan.make(["8.8.8.8"], "all", EVERYTHING)
    assert len(list(cut.shards(found, free_workers=workers))) == 1


def test_shards_of_near_networks_hold_at_most_sixty_four_hosts() -> None:
    found = plan.make(["10.0.0.0/22"], "80", HOME)
    assert [shard.size for shard in cut.shards(found)] == [64] * 16


@pytest.mark.parametrize(("targets", "pace"), [(["10.0.0.0/20"], cut.LOCAL_PACE), (["11.0.0.0/20"], cut.PUBLIC_PACE)])
@pytest.mark.parametrize("ports", ["top-1000", "all"])
def test_no_shard_has_more_probes_than_half_a_minute_at_its_pace(targets: list[str], pace: int, ports: str) -> None:
    found = (
        plan.make(targets, ports, EVERYTHING)
        if ports != "all"
        else plan.make(["10.0.0.0/28" if "10" in targets[0] else "11.0.0.0/30"], ports, EVERYTHING)
    )
    sizes = [shard.size * plan.width(shard.groups[0].ports) for shard in cut.shards(found)]
    assert max(sizes) <= 30 * pace


def test_shards_that_follow_each_other_look_at_different_hosts() -> None:
    found = plan.make(["8.8.8.0/28"], "all", EVERYTHING)
    shards = [shard for shard in cut.shards(found, free_workers=4) if shard.groups[0].group is Group.LOW]
    assert len(shards) > 16
    for at in range(len(shards) - 3):
        assert max(Counter(address for shard in shards[at : at + 4] for address in shard.addresses()).values()) == 1


def test_a_shard_stays_inside_one_network_where_that_is_full() -> None:
    found = plan.make(["11.0.0.0/22"], "top-1000", EVERYTHING)
    assert all(len(cut.nets(shard.spans)) == 1 for shard in cut.shards(found))


def test_networks_of_a_shard_are_whole_and_few() -> None:
    found = plan.make([f"9.{n // 250}.{n % 250}.9" for n in range(1000)], "80", EVERYTHING)
    shards = list(cut.shards(found))
    assert max(len(cut.nets(shard.spans)) for shard in shards) <= cut.NETS_MAX
    assert cut.nets([Span(4, 0x09000009, 0x09000109)]) == [Span(4, 0x09000000, 0x090000FF), Span(4, 0x09000100, 0x090001FF)]
    (whole,) = cut.nets(ranges.spans(["2001:db8:1:2::/64"]))
    assert whole == ranges.spans(["2001:db8:1::/48"])[0]


def test_longer_shards_are_fewer() -> None:
    found = plan.make(["8.8.8.0/26"], "all", EVERYTHING)
    assert len(list(cut.shards(found, duration=timedelta(minutes=2)))) < len(list(cut.shards(found)))


@pytest.mark.parametrize("network", ["10.0.0.0/16", "11.0.0.0/16"])
def test_a_16_times_1000_ports_is_planned_in_little_memory_and_few_thousand_shards(network: str) -> None:
    tracemalloc.start()
    found = plan.Plan(Targets(tuple(ranges.spans([network])), ()), plan.port_groups(plan.parse_ports("top-1000")))
    shards = list(cut.shards(found))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert sum(shard.size * plan.width(shard.groups[0].ports) for shard in shards) == 65_536_000
    assert 1000 < len(shards) < 10_000
    assert peak < 20 * MIB


@given(st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 300)), min_size=1, max_size=12), st.integers(1, 4000), st.integers(1, 9))
def test_whatever_the_targets_no_address_is_lost_or_doubled(found: list[tuple[int, int]], ports: int, workers: int) -> None:
    targets = tuple(ranges.merge(Span(4, (11 << 24) + first, (11 << 24) + first + size) for first, size in found))
    wanted = plan.Plan(Targets(targets, ()), plan.port_groups(list(range(1, ports + 1))))
    shards = list(cut.shards(wanted, duration=timedelta(seconds=1), free_workers=workers))
    assert sum(shard.size * plan.width(group.ports) for shard in shards for group in shard.groups) == wanted.pairs
    for group in wanted.groups:
        held = [one for shard in shards if shard.groups[0].group == group.group or len(shards) == 1 for one in shard.spans]
        assert tuple(ranges.merge(held)) == targets
