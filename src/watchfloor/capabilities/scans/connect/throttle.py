"""How many connection attempts may go out now: in all, to one network, to one host; each a bucket that fills with time."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from watchfloor.capabilities.scans.schemas import Rates

BURST_S = 0.1  # what was not used may be made up for within this time, no more
PLENTY = 1 << 30
NET_BITS = {4: 8, 6: 80}


class Bucket:
    """Holds at most a tenth of a second's worth, at least one."""

    __slots__ = ("at", "rate", "tokens")

    def __init__(self, rate: float) -> None:
        """Start with one, if any may go out."""
        self.rate, self.tokens, self.at = rate, min(1.0, rate), 0.0

    def room(self, now: float) -> int:
        """Return how many may go out."""
        if self.at:
            self.tokens = min(max(1.0, self.rate * BURST_S), self.tokens + self.rate * (now - self.at))
        self.at = now
        return int(self.tokens)


class Throttle:
    """The buckets of one shard; `allow` changes their rates while it runs."""

    def __init__(self, rates: Rates) -> None:
        """Know the first rates."""
        self.total, self.nets = Bucket(0.0), dict[str, Bucket]()
        self.hosts: dict[str, Bucket] = {}
        self.net_of: dict[str, str] = {}
        self.allow(rates)

    def allow(self, rates: Rates) -> None:
        """Take other rates from now on; a network that is not named is not limited."""
        self.rates = rates
        self.total.rate = PLENTY if rates.total is None else rates.total
        self.nets = {net: self.nets.get(net) or Bucket(rate) for net, rate in rates.nets.items()}
        for net, rate in rates.nets.items():
            self.nets[net].rate = rate

    @property
    def starved(self) -> bool:
        """Tell whether some part of this shard may send nothing at all: others have not made room yet."""
        return not self.total.rate or not all(bucket.rate for bucket in self.nets.values())

    def all_room(self, now: float) -> int:
        """Return how many may go out in all."""
        return self.total.room(now)

    def room(self, address: str, now: float) -> int:
        """Return how many may go out to one address."""
        return min((bucket.room(now) for bucket in self._buckets(address)), default=PLENTY)

    def spend(self, address: str, count: int) -> None:
        """Count attempts that went out."""
        for bucket in self._buckets(address):
            bucket.tokens -= count

    def _buckets(self, address: str) -> list[Bucket]:
        found = [self.total]
        net = self.net_of.get(address)
        if net is None:
            net = self.net_of[address] = net_of(address)
        if net in self.nets:
            found.append(self.nets[net])
        if self.rates.host is not None:
            host = self.hosts.get(address)
            if host is None:
                host = self.hosts[address] = Bucket(self.rates.host)
            found.append(host)
        return found


def net_of(address: str) -> str:
    """Return the first address of the network (IPv4 /24, IPv6 /48) that holds this one."""
    parsed = ip_address(address)
    bits = NET_BITS[parsed.version]
    return str(type(parsed)(int(parsed) >> bits << bits))
