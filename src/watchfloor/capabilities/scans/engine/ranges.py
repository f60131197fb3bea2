"""Sets of addresses as sorted ranges: counted and compared by arithmetic, never enumerated."""

from __future__ import annotations

from bisect import bisect_right
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


class Span(NamedTuple):
    """Addresses from `first` to `last`, both included."""

    version: int
    first: int
    last: int

    @property
    def size(self) -> int:
        """Return how many addresses this is."""
        return self.last - self.first + 1

    def at(self, index: int) -> Address:
        """Return one of its addresses by position."""
        return _address(self.version, self.first + index)


def _address(version: int, number: int) -> Address:
    return IPv4Address(number) if version == 4 else IPv6Address(number)  # noqa: PLR2004 - an IP version


def span(found: Address | Network) -> Span:
    """Return an address or a network as a span."""
    if isinstance(found, IPv4Address | IPv6Address):
        return Span(found.version, int(found), int(found))
    return Span(found.version, int(found.network_address), int(found.broadcast_address))


def between(first: str, last: str) -> Span:
    """Return the addresses from one to another, both written as text."""
    low, high = ip_address(first), ip_address(last)
    return Span(low.version, int(low), int(high))


def spans(networks: Iterable[str]) -> list[Span]:
    """Return networks written as text (host bits allowed) as merged spans."""
    return merge(span(ip_network(text, strict=False)) for text in networks)


def merge(found: Iterable[Span]) -> list[Span]:
    """Return the same addresses as sorted spans that neither touch nor overlap."""
    merged: list[Span] = []
    for new in sorted(found):
        previous = merged[-1] if merged else None
        if previous and previous.version == new.version and new.first <= previous.last + 1:
            merged[-1] = Span(new.version, previous.first, max(previous.last, new.last))
        else:
            merged.append(new)
    return merged


def subtract(whole: Sequence[Span], minus: Sequence[Span]) -> list[Span]:
    """Return what is in `whole` and not in `minus`; both merged."""
    left: list[Span] = []
    at = 0
    for version, start, last in whole:
        first = start
        # What ends before this span ends before all that follow; what reaches over its end is met again by the next.
        while at < len(minus) and (minus[at].version, minus[at].last) < (version, first):
            at += 1
        here = at
        while here < len(minus) and minus[here].version == version and minus[here].first <= last:
            cut = minus[here]
            if cut.first > first:
                left.append(Span(version, first, cut.first - 1))
            first = cut.last + 1
            here += 1
        if first <= last:
            left.append(Span(version, first, last))
    return left


def intersect(one: Sequence[Span], other: Sequence[Span]) -> list[Span]:
    """Return what is in both; both merged."""
    return subtract(one, subtract(one, other))


def holds(merged: Sequence[Span], wanted: Span) -> bool:
    """Tell whether every address of `wanted` is in the merged spans."""
    at = bisect_right(merged, (wanted.version, wanted.first, 1 << 128)) - 1
    return at >= 0 and merged[at].version == wanted.version and merged[at].first <= wanted.first and wanted.last <= merged[at].last
