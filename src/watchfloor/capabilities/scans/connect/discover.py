"""Find which of many addresses have a host: ICMP echo where the system lets us, TCP to a few ports, the neighbour table. Runs in the sandbox."""

from __future__ import annotations

import os
import select
import socket
import struct
import time
from collections import Counter
from datetime import timedelta
from ipaddress import ip_address
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Final

from watchfloor.capabilities.scans.connect.permit import Permit
from watchfloor.capabilities.scans.connect.scanner import ConnectScanner
from watchfloor.capabilities.scans.schemas import (
    AddressRange,
    DiscoverAnswers,
    DiscoverRequest,
    Group,
    Limits,
    PortGroup,
    Stopped,
)
from watchfloor.kernel.errors import OutOfScope

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from watchfloor.kernel.contract import Report

# A kernel keeps about a thousand unresolved neighbours; a sweep of more at once loses some.
AT_ONCE: Final = 512
ECHO_S: Final = (0.5, 1.0)  # how long each try waits
ECHO_A_TURN: Final = 64
NEIGHBOURS: Final = Path("/proc/net/arp")
COMPLETE: Final = 0x2
NO_ICMP: Final = "ICMP echo is not permitted here (net.ipv4.ping_group_range), so hosts were looked for by TCP alone."


def discover(request: DiscoverRequest, report: Report) -> DiscoverAnswers:
    """Return the addresses at which something answered, were it a refusal.

    Raises:
        OutOfScope: A range is not permitted; nothing has been sent then.
    """
    permit = Permit(request.permitted)
    for one in request.ranges:
        if not (permit.holds(one.first) and permit.holds(one.last)):
            raise OutOfScope(f"{one.first} to {one.last} is not in the ranges this job may contact; nothing was sent.")
    return _Discovery(request, report).run()


class _Discovery:
    """One sweep in progress."""

    def __init__(self, request: DiscoverRequest, report: Report) -> None:
        self.request, self.report = request, report
        self.total = sum(int(ip_address(one.last)) - int(ip_address(one.first)) + 1 for one in request.ranges)
        self.alive: list[str] = []
        self.ways: Counter[str] = Counter()
        self.done = self.probes = 0
        self.icmp = request.icmp
        self.started = time.monotonic()
        self.ends = self.started + request.timeout.total_seconds()

    def run(self) -> DiscoverAnswers:
        addresses = _each(self.request.ranges)
        stopped = None
        while chunk := list(islice(addresses, AT_ONCE)):
            if time.monotonic() >= self.ends:
                stopped = Stopped.TIMEOUT
                # Nobody asked these: they are looked at as if discovery had been off.
                self.alive += [*chunk, *addresses]
                break
            self._sweep(chunk)
            self.done += len(chunk)
            self.report(self.done, self.total, phase="discovery", note="")
        return DiscoverAnswers(
            alive=tuple(_ranges(self.alive)), ways=dict(self.ways), probes=self.probes, stopped=stopped,
            elapsed=timedelta(seconds=round(time.monotonic() - self.started, 3)), notes=(NO_ICMP,) if self.request.icmp and not self.icmp else (),
        )  # fmt: skip

    def _sweep(self, chunk: list[str]) -> None:
        """Ask the cheapest question first and the next one only of those that stayed silent."""
        found = self._found("icmp", self._echo(chunk)) if self.icmp else set()
        left = [address for address in chunk if address not in found]
        found |= self._found("tcp", self._connect(left)) if left else set()
        found |= self._found("neighbour", neighbours() & {address for address in left if address not in found})
        self.alive += [address for address in chunk if address in found]

    def _found(self, way: str, addresses: set[str]) -> set[str]:
        self.ways[way] += len(addresses)
        return addresses

    def _connect(self, addresses: list[str]) -> set[str]:
        ports = tuple((port, port) for port in sorted(self.request.ports))
        limits = Limits(
            timeout=timedelta(seconds=max(0.001, self.ends - time.monotonic())), max_rate=self.request.max_rate, max_concurrent=self.request.max_concurrent,
            services=False,
        )  # fmt: skip
        scanner = ConnectScanner(addresses, (PortGroup(group=Group.CRITICAL, ports=ports),), limits)
        scanner.run()
        self.probes += scanner.probes
        return {host.address for host in scanner.hosts if any(tally.open or tally.closed for tally in host.tallies.values())}

    def _echo(self, addresses: list[str]) -> set[str]:
        """Return who echoes; without the permission to ask, nobody, and it is not tried again."""
        found: set[str] = set()
        for version, family, protocol in ((4, socket.AF_INET, socket.IPPROTO_ICMP), (6, socket.AF_INET6, socket.IPPROTO_ICMPV6)):
            asked = [address for address in addresses if ip_address(address).version == version]
            if not asked:
                continue
            try:
                sock = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK, protocol)
            except OSError:
                self.icmp = False
                return found
            with sock:
                for patience in ECHO_S:
                    found |= self._echo_once(sock, version, [address for address in asked if address not in found], patience)
        return found

    def _echo_once(self, sock: socket.socket, version: int, addresses: list[str], patience: float) -> set[str]:
        found: set[str] = set()
        token = os.urandom(16)
        for start in range(0, len(addresses), ECHO_A_TURN):
            for address in addresses[start : start + ECHO_A_TURN]:
                try:
                    sock.sendto(echo(version, start & 0xFFFF, token), (address, 0))
                except OSError:  # no route, or no room: TCP will tell
                    continue
                self.probes += 1
            found |= _heard(sock, token, 0.01)
        ends = time.monotonic() + patience
        while addresses and len(found) < len(addresses) and (left := ends - time.monotonic()) > 0:
            found |= _heard(sock, token, left)
        return found & set(addresses)


def echo(version: int, sequence: int, token: bytes) -> bytes:
    """Return an echo request; the kernel fills in our identifier and, for IPv6, the checksum."""
    plain = struct.pack(">BBHHH", 8 if version == 4 else 128, 0, 0, 0, sequence) + token  # noqa: PLR2004 - an IP version
    total = sum(struct.unpack(f">{len(plain) // 2}H", plain))
    total = (total & 0xFFFF) + (total >> 16)
    return plain[:2] + struct.pack(">H", ~(total + (total >> 16)) & 0xFFFF) + plain[4:]


def _heard(sock: socket.socket, token: bytes, patience: float) -> set[str]:
    """Return who sent our token back until the line is quiet for a moment or patience ends."""
    found: set[str] = set()
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    while poll.poll(patience * 1000):
        try:
            data, sender = sock.recvfrom(2048)
        except OSError:  # an error of an earlier datagram
            continue
        if data[8:] == token and data[:1] in {b"\0", b"\x81"}:
            found.add(str(ip_address(sender[0].partition("%")[0])))
        patience = 0.0
    return found


def neighbours(table: Path = NEIGHBOURS) -> set[str]:
    """Return the IPv4 addresses on our own links that the kernel has met: a host that answers ARP is there, however silent."""
    try:
        lines = table.read_text(encoding="ascii").splitlines()[1:]
    except OSError:
        return set()
    fields = [line.split() for line in lines]
    return {one[0] for one in fields if len(one) >= 4 and int(one[2], 16) & COMPLETE and one[3] != "00:00:00:00:00:00"}  # noqa: PLR2004 - columns


def _each(ranges: Iterable[AddressRange]) -> Iterator[str]:
    for one in ranges:
        first, last = ip_address(one.first), ip_address(one.last)
        yield from (str(first + at) for at in range(int(last) - int(first) + 1))


def _ranges(addresses: Iterable[str]) -> Iterator[AddressRange]:
    """Yield the same addresses, which are in order, as ranges."""
    first = last = None
    for address in map(ip_address, addresses):
        if last is not None and address.version == last.version and int(address) == int(last) + 1:
            last = address
            continue
        if first is not None:
            yield AddressRange(first=str(first), last=str(last))
        first = last = address
    if first is not None:
        yield AddressRange(first=str(first), last=str(last))
