"""Cut a plan into shards: blocks of addresses times ports of one priority group, as ranges, sized by time. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from math import ceil
from typing import TYPE_CHECKING

from watchfloor.capabilities.scans.engine import scope as allowing
from watchfloor.capabilities.scans.engine.plan import width
from watchfloor.capabilities.scans.engine.ranges import Span, intersect, subtract

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from watchfloor.capabilities.scans.engine.plan import Plan
    from watchfloor.capabilities.scans.schemas import PortGroup, PortRange

# Probes per second that a shard may count on: dense local networks answer at once, much of the Internet stays silent.
LOCAL_PACE, PUBLIC_PACE = 20_000, 800
LOCAL_HOSTS, PUBLIC_HOSTS = 64, 256
# Networks whose load is watched as one; a shard meets few of them.
NET_BITS = {4: 8, 6: 80}
NETS_MAX = 64
# A very wide scan is cut into longer shards rather than into more of them.
SHARDS_MAX = 8_000


@dataclass(frozen=True, slots=True)
class Shard:
    """One job's part: these addresses times these groups."""

    spans: tuple[Span, ...]
    groups: tuple[PortGroup, ...]
    udp: tuple[PortRange, ...] = ()

    @property
    def size(self) -> int:
        """Return how many addresses it has."""
        return sum(one.size for one in self.spans)

    def addresses(self) -> Iterator[str]:
        """Yield the addresses as text."""
        return (str(one.at(index)) for one in self.spans for index in range(one.size))


@dataclass(frozen=True)
class _Part:
    """Addresses of one kind of distance: what a shard of them may hold."""

    spans: tuple[Span, ...]
    pairs: int
    hosts: int
    most_at_once: int

    def size(self, wide: int) -> int:
        """Return how many addresses go together when each has this many ports."""
        addresses = sum(one.size for one in self.spans)
        parallel = addresses if addresses * wide <= self.pairs else ceil(addresses / self.most_at_once)
        return max(1, min(self.hosts, self.pairs // max(1, wide), parallel))


def shards(plan: Plan, *, duration: timedelta = timedelta(seconds=20), free_workers: int = 1) -> Iterator[Shard]:
    """Cut the addresses of a plan into shards of about `duration`, the critical ports of all targets first.

    A scan that fits into one shard stays whole, so that a small one costs one job. A host belongs to one shard at a time, so one host
    alone is never cut by its ports; of several, neighbours in the order are different hosts wherever there are enough. Names are
    resolved before: put their addresses into the plan.
    """
    parts = [part for part in _parts(plan, duration, max(1, free_workers)) if part.spans]
    if len(parts) == 1 and _whole(plan, parts[0]):
        yield Shard(plan.targets.spans, plan.groups)
        return
    for group in plan.groups:
        for part in parts:
            yield from _cut(part, group)


def nets(spans: Sequence[Span]) -> list[Span]:
    """Return the networks (IPv4 /24, IPv6 /48) that hold these addresses, whole, each once."""
    found: dict[Span, None] = {}
    for piece in _pieces(spans):
        low = (1 << NET_BITS[piece.version]) - 1
        found[Span(piece.version, piece.first & ~low, piece.last | low)] = None
    return list(found)


def _parts(plan: Plan, duration: timedelta, free_workers: int) -> Iterator[_Part]:
    seconds = duration.total_seconds()
    near, far = intersect(plan.targets.spans, allowing.NOT_PUBLIC), subtract(plan.targets.spans, allowing.NOT_PUBLIC)
    for spans, pace, hosts in ((near, LOCAL_PACE, LOCAL_HOSTS), (far, PUBLIC_PACE, PUBLIC_HOSTS)):
        addresses = sum(one.size for one in spans)
        pairs = max(1, int(pace * seconds), ceil(addresses * plan.ports / SHARDS_MAX))
        yield _Part(tuple(spans), pairs, max(hosts, ceil(addresses * len(plan.groups) / SHARDS_MAX)), free_workers)


def _whole(plan: Plan, part: _Part) -> bool:
    addresses = plan.targets.size
    fits = addresses * plan.ports <= part.pairs and addresses <= part.hosts and len(nets(part.spans)) <= NETS_MAX
    return fits or addresses == 1


def _cut(part: _Part, group: PortGroup) -> Iterator[Shard]:
    wide = width(group.ports)
    size = part.size(wide)
    alone = sum(one.size for one in part.spans) == 1
    slices = 1 if alone else ceil(size * wide / part.pairs)
    for ports in _slices(group.ports, ceil(wide / slices)):
        held = (group.model_copy(update={"ports": ports}),)
        for addresses in _blocks(part.spans, size):
            yield Shard(addresses, held)


def _pieces(spans: Sequence[Span]) -> Iterator[Span]:
    """Yield the same addresses, cut where one network ends and the next begins."""
    for version, start, last in spans:
        first, net = start, 1 << NET_BITS[version]
        while first <= last:
            end = min(last, first | (net - 1))
            yield Span(version, first, end)
            first = end + 1


def _blocks(spans: Sequence[Span], size: int) -> Iterator[tuple[Span, ...]]:
    """Yield addresses in blocks of at most `size` that keep networks together: a network is cut only when it is larger than a block."""
    block: list[Span] = []
    room = size
    for piece in _pieces(spans):
        if piece.size > room or len(block) >= NETS_MAX:
            if block:
                yield tuple(block)
            block, room = [], size
        if piece.size <= size:
            block.append(piece)
            room -= piece.size
        else:
            yield from ((one,) for one in _even(piece, size))
    if block:
        yield tuple(block)


def _even(piece: Span, size: int) -> Iterator[Span]:
    count = ceil(piece.size / size)
    for n in range(count):
        yield Span(piece.version, piece.first + piece.size * n // count, piece.first + piece.size * (n + 1) // count - 1)


def _slices(ports: Sequence[PortRange], size: int) -> Iterator[tuple[PortRange, ...]]:
    """Yield the ports as runs of `size` ports."""
    held: list[PortRange] = []
    room = size
    for start, last in ports:
        first = start
        while first <= last:
            end = min(last, first + room - 1)
            held.append((first, end))
            room -= end - first + 1
            first = end + 1
            if not room:
                yield tuple(held)
                held, room = [], size
    if held:
        yield tuple(held)
