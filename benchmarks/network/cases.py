"""The cases, each with its network, its goals, and who is measured how often."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Final

from benchmarks.network.namespaces import Rule, Way, address
from benchmarks.network.peers import Order

PEERS_OF_ONE: Final = ("nmap", "asyncio", "c-reuse", "c-plain")
SPEAKERS_SEED: Final = 7


@dataclass(frozen=True, kw_only=True)
class Case:
    """One case. `rounds` are ours; a slow peer has fewer turns, in the first rounds. Goals are least upper bounds by figure.

    A goal's name is a figure of ours (`wall_s`, `cpu_s`, `memory_mb`, `critical_s`, `after_flag_ms`) or `wall/PEER`, `cpu/PEER`: the
    median of ratios inside each round.
    """

    name: str
    title: str
    goals: dict[str, float]
    rounds: int
    peers: dict[str, int] = field(default_factory=dict)
    way: Way = field(default_factory=Way)
    ports: int = 65_535
    opened: int = 20
    hosts: int = 1
    family: int = 4
    dropped: bool = False
    loopback: bool = False
    groups: bool = False
    nothing_filtered: bool = False
    cancel_after_s: float | None = None

    def open_ports(self) -> tuple[int, ...]:
        """Return the same random ports in every run."""
        return tuple(sorted(random.Random(SPEAKERS_SEED).sample(range(1, self.ports + 1), self.opened)))  # noqa: S311 - no secret

    def order(self) -> Order:
        """Return what is to be scanned."""
        hosts = ("127.0.0.1" if self.family == 4 else "::1",) if self.loopback else self.targets()  # noqa: PLR2004 - an IP version
        return Order(hosts, 1, self.ports, self.groups, self.cancel_after_s)

    def targets(self) -> tuple[str, ...]:
        """Return the targets' addresses."""
        return tuple(address(number, self.family) for number in range(1, self.hosts + 1))

    def network(self) -> Way:
        """Return the way, with the ports that pass when all others are dropped."""
        if not self.dropped:
            return self.way
        dropping = Rule(host=5 if self.hosts > 1 else None, kept=self.open_ports())
        return Way(delay_ms=self.way.delay_ms, loss_per_probe=self.way.loss_per_probe, rules=(*self.way.rules, dropping))


FAR: Final = Way(delay_ms=20)
LOSSY: Final = Way(delay_ms=20, loss_per_probe=0.01)
LAN_GOALS: Final = {"wall/nmap": 0.95, "cpu/nmap": 1.0, "wall/c-reuse": 1.4, "memory_mb": 40.0}
LAN_PEERS: Final = {"nmap": 20, "asyncio": 3, "c-reuse": 20, "c-plain": 20}
MIXED: Final = (Rule(host=6, rst_rate=200), Rule(host=7, syn_rate=1000))

CASES: Final = (
    Case(name="lan", title="65,535 ports of one host over a veth pair", goals=LAN_GOALS, rounds=20, peers=LAN_PEERS),
    Case(name="lan-ipv6", title="the same by IPv6", goals=LAN_GOALS, rounds=20, peers=LAN_PEERS, family=6),
    Case(name="far", title="65,535 ports at 20 ms, 1 % of probes lost", goals={"wall_s": 2.5, "wall/nmap": 0.1, "memory_mb": 40.0}, rounds=20, way=LOSSY,
         peers={"nmap": 2, "asyncio": 2, "c-reuse": 2}),
    Case(name="lossy", title="65,535 ports at 20 ms, 6 % of probes lost", goals={"wall_s": 5.0, "memory_mb": 40.0}, rounds=10,
         way=Way(delay_ms=20, loss_per_probe=0.06), peers={"nmap": 1, "c-reuse": 2}),
    Case(name="dropped", title="65,535 ports at 20 ms, all SYNs but those to 20 ports dropped", goals={"wall_s": 60.0, "memory_mb": 40.0}, rounds=10, way=FAR,
         dropped=True, peers={"nmap": 1}),
    Case(name="policer", title="20,000 ports at 20 ms behind a policer of 5,000 SYNs a second", goals={"wall_s": 7.0, "memory_mb": 40.0}, rounds=10,
         way=Way(delay_ms=20, rules=(Rule(syn_rate=5000),)), ports=20_000, opened=15, nothing_filtered=True, peers={"nmap": 2, "asyncio": 1, "c-reuse": 2}),
    Case(name="subnet", title="128 hosts x 1,000 ports at 20 ms", goals={"wall_s": 8.0, "memory_mb": 40.0}, rounds=10, way=FAR, hosts=128, ports=1000,
         opened=12, peers={"nmap": 1, "asyncio": 1}),
    Case(name="subnet-mixed", title="the same, one host filtered, one with 200 resets a second, one behind a policer of 1,000/s", goals={}, rounds=3,
         way=Way(delay_ms=20, rules=MIXED), hosts=128, ports=1000, opened=12, dropped=True),
    Case(name="empty", title="all ports of an empty loopback", goals={"memory_mb": 40.0}, rounds=20, opened=0, loopback=True),
    Case(name="groups", title="priority groups of one host at 20 ms, 1 % of probes lost", goals={"critical_s": 1.04}, rounds=10, way=LOSSY, groups=True),
    Case(name="groups-ipv6", title="the same by IPv6", goals={"critical_s": 1.04}, rounds=10, way=LOSSY, groups=True, family=6),
    Case(name="cancel", title="cancelled 0.3 s after the start, veth pair", goals={"after_flag_ms": 10.0}, rounds=10, cancel_after_s=0.3),
    Case(name="cancel-far", title="cancelled 1 s after the start, 20 ms, 6 % lost", goals={"after_flag_ms": 10.0}, rounds=10,
         way=Way(delay_ms=20, loss_per_probe=0.06), cancel_after_s=1.0),
    Case(name="cancel-dropped", title="cancelled after 3 s of silence", goals={"after_flag_ms": 10.0}, rounds=10, way=FAR, dropped=True, cancel_after_s=3.0),
    Case(name="cancel-ipv6", title="cancelled 0.3 s after the start, veth pair, IPv6", goals={"after_flag_ms": 10.0}, rounds=10, cancel_after_s=0.3, family=6),
)  # fmt: skip


def quick(case: Case) -> Case:
    """Return a case small enough for a test; its figures mean nothing."""
    changed = case.__dict__ | {
        "rounds": 1,
        "peers": dict.fromkeys(case.peers, 1),
        "ports": min(case.ports, 1000),
        "hosts": min(case.hosts, 8),
    }
    if case.cancel_after_s:
        changed["cancel_after_s"] = 0.005
    return Case(**changed)
