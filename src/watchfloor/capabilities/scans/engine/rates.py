"""Which limits a shard keeps together with every other: of its networks, its scan and its worker; and what its share of them means. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zlib import crc32

from watchfloor.capabilities.scans.engine.cut import nets
from watchfloor.capabilities.scans.engine.ranges import holds, intersect, spans
from watchfloor.capabilities.scans.engine.scope import NOT_PUBLIC
from watchfloor.capabilities.scans.schemas import Profile, Rates
from watchfloor.kernel.contract import Want

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from watchfloor.capabilities.scans.engine.ranges import Span
    from watchfloor.capabilities.scans.settings import ScanSettings

LOOPBACK = spans(("127.0.0.0/8", "::1/128"))
MEMBERS = 256
# How a profile presses a single host, as a part of the operator's rate for public hosts; a near host sets its own pace except for the polite.
PRESS = {Profile.POLITE: 0.2, Profile.NORMAL: 1.0, Profile.FAST: 10.0}


def wants(held: Sequence[Span], scan: UUID, max_rate: int | None, settings: ScanSettings) -> list[Want]:
    """Return what a shard of these addresses has to lease before it sends anything, and again while it does."""
    found = [Want(key="worker", per_second=float(settings.worker_rate))]
    if max_rate is not None:
        found.append(Want(key=f"scan:{scan}", per_second=float(max_rate)))
    for net in nets(held):
        # ::/48 holds ::1 and nothing else that answers.
        local = holds(LOOPBACK, net) or (net.version == 6 and net.first == 0)  # noqa: PLR2004 - an IP version
        rate = None if local else float(settings.net_rate)
        found.append(Want(key=f"net:{net.at(0)}", per_second=rate, members=_members(net, held)))
    return found


def _members(net: Span, held: Sequence[Span]) -> frozenset[int]:
    """Return the addresses of a network as numbers from 0 to 255: the last byte of an IPv4 address, a hash of an IPv6 address."""
    inside = intersect(held, [net])
    if net.version == 4:  # noqa: PLR2004 - an IP version
        return frozenset(number & 0xFF for one in inside for number in range(one.first, one.last + 1))
    if sum(one.size for one in inside) >= MEMBERS:
        return frozenset(range(MEMBERS))
    return frozenset(crc32(one.at(index).packed) % MEMBERS for one in inside for index in range(one.size))


def rates(shares: Mapping[str, float], held: Sequence[Span], profile: Profile, settings: ScanSettings) -> Rates:
    """Return what a shard may send with these shares."""
    total = min(share for key, share in shares.items() if not key.startswith("net:"))
    return Rates(
        total=total, host=_of_one_host(held, profile, settings),
        nets={key.removeprefix("net:"): share for key, share in shares.items() if key.startswith("net:")},
    )  # fmt: skip


def _of_one_host(held: Sequence[Span], profile: Profile, settings: ScanSettings) -> float | None:
    near = bool(intersect(list(held)[:1], NOT_PUBLIC))
    if near and (profile is not Profile.POLITE or holds(LOOPBACK, held[0])):
        return None
    return settings.host_rate * PRESS[profile]
