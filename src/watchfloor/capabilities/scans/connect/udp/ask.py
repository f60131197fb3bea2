"""Send datagrams to many ports of many hosts from one thread and gather what comes back, errors included."""

from __future__ import annotations

import errno
import json
import select
import socket
import time
from collections import Counter, deque
from dataclasses import dataclass, field
from datetime import timedelta
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final

from watchfloor.capabilities.scans.connect.permit import Permit
from watchfloor.capabilities.scans.connect.udp.datagrams import probes
from watchfloor.capabilities.scans.schemas import KEEP_BYTES, PortAnswer, Reply, Stopped, UdpAnswers, UdpHost, UdpRequest
from watchfloor.kernel.errors import OutOfScope

if TYPE_CHECKING:
    from collections.abc import Iterator

    from watchfloor.kernel.contract import Report

# Linux hosts send few errors a second to one address: asking slowly learns more than asking at once.
PER_HOST: Final = 4
AT_ONCE: Final = 256
WAITS_S: Final = (0.8, 1.6, 2.4)  # of each try
LOOK_S: Final = 0.05
TFTP: Final = 69
IP_RECVERR, IPV6_RECVERR = 11, 25  # Linux, which names neither in the socket module of older Pythons
REFUSED: Final = frozenset((errno.ECONNREFUSED,))
UNREACHABLE: Final = frozenset((errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EACCES, errno.EPERM, errno.ENOPROTOOPT))


@dataclass(eq=False)
class _Asking:
    """One port of one host that was asked."""

    host: _Host
    port: int
    sock: socket.socket
    datagrams: list[tuple[str, bytes]]
    attempt: int = 0
    due: float = 0.0
    replies: list[Reply] = field(default_factory=list)


@dataclass(eq=False)
class _Host:
    """One address: what is still to be asked, and what was learned."""

    address: str
    waiting: deque[int]
    in_flight: int = 0
    answers: list[PortAnswer] = field(default_factory=list)
    closed: list[int] = field(default_factory=list)
    silent: list[int] = field(default_factory=list)


def ask(request: UdpRequest, report: Report) -> UdpAnswers:
    """Return what the UDP ports of these hosts answer. Runs in the sandbox.

    Raises:
        OutOfScope: A host is not in the permitted ranges; nothing has been sent then.
    """
    permit = Permit(request.permitted)
    for host in request.hosts:
        if not permit.holds(host.address):
            raise OutOfScope(
                f"{host.address} is not in the ranges this job may contact; nothing was sent. Check the scope and start a new scan."
            )
    return _Asker(request, report).run()


class _Asker:
    """One shard of UDP ports in progress."""

    def __init__(self, request: UdpRequest, report: Report) -> None:
        self.request, self.report = request, report
        ports = [port for first, last in request.ports for port in range(first, last + 1)]
        self.hosts = [_Host(host.address, deque(ports)) for host in request.hosts]
        self.total, self.sent = len(ports) * len(self.hosts), 0
        self.asked: dict[int, _Asking] = {}
        self.trouble: Counter[str] = Counter()
        self.started = time.monotonic()
        self.ends = self.started + request.timeout.total_seconds()
        self.reported = 0.0

    def run(self) -> UdpAnswers:
        self.epoll = select.epoll()
        stopped = None
        try:
            while any(host.waiting or host.in_flight for host in self.hosts):
                if time.monotonic() >= self.ends:
                    stopped = Stopped.TIMEOUT
                    break
                self._begin()
                self._receive()
                self._again(time.monotonic())
                self._tell()
        finally:
            for one in self.asked.values():
                one.sock.close()
            self.epoll.close()
        return UdpAnswers(
            hosts=tuple(_learned(host) for host in self.hosts), probes=self.sent, stopped=stopped, notes=tuple(self._notes()),
            elapsed=timedelta(seconds=round(time.monotonic() - self.started, 3)),
        )  # fmt: skip

    def _room(self) -> int:
        rate = self.request.max_rate
        due = AT_ONCE if rate is None else int(rate * (time.monotonic() - self.started)) + 1 - self.sent
        return min(AT_ONCE - len(self.asked), due)

    def _begin(self) -> None:
        """Ask in turn: one port of each host, then the next of each."""
        for host in [host for host in self.hosts if host.waiting and host.in_flight < PER_HOST]:
            if self._room() <= 0:
                return
            self._ask(host, host.waiting.popleft())

    def _ask(self, host: _Host, port: int) -> None:
        try:
            sock = _opened(host.address, port)
        except OSError as wrong:
            self._failed(host, port, wrong)
            return
        one = _Asking(host, port, sock, probes(port, self.request.checks))
        self.asked[sock.fileno()] = one
        host.in_flight += 1
        self.epoll.register(sock.fileno(), select.EPOLLIN | select.EPOLLERR)
        self._send(one)

    def _send(self, one: _Asking) -> None:
        for _name, datagram in one.datagrams:
            try:
                one.sock.sendto(datagram, (one.host.address, one.port))
            except BlockingIOError:
                self.trouble["EAGAIN"] += 1
            except OSError as wrong:
                self._settle(one, wrong)
                return
            self.sent += 1
        one.due = time.monotonic() + WAITS_S[one.attempt]
        one.attempt += 1

    def _receive(self) -> None:
        for fd, _event in self.epoll.poll(LOOK_S, AT_ONCE):
            one = self.asked.get(fd)
            if one is None:
                continue
            try:
                data, sender = one.sock.recvfrom(65_535)
            except BlockingIOError:
                continue
            except OSError as wrong:
                self._settle(one, wrong)
                continue
            if ip_address(sender[0].partition("%")[0]) == ip_address(one.host.address):
                self._answered(one, data, int(sender[1]))

    def _answered(self, one: _Asking, data: bytes, port: int) -> None:
        """Take an answer; only TFTP's may come from another port, and the second SNMP question has its own answer."""
        name = one.datagrams[0][0]
        if one.port not in {port, TFTP}:
            return
        # An SNMPv3 report and a v1 response differ in their third byte's integer: the message's version.
        which = "snmp-public" if name == "snmp" and _snmp_version(data) in {0, 1} else name
        one.replies.append(Reply(probe=which, data=data[:KEEP_BYTES]))
        if len(one.replies) >= len(one.datagrams):
            self._settle(one)

    def _again(self, now: float) -> None:
        for one in [one for one in self.asked.values() if one.due <= now]:
            if one.replies or one.attempt >= min(len(WAITS_S), self.request.tries):
                self._settle(one)
            else:
                self._send(one)

    def _settle(self, one: _Asking, wrong: OSError | None = None) -> None:
        """Close one port's question."""
        self.asked.pop(one.sock.fileno(), None)
        one.sock.close()
        one.host.in_flight -= 1
        if one.replies:
            one.host.answers.append(PortAnswer(port=one.port, protocol="udp", replies=tuple(one.replies), looked=True))
        elif wrong is not None:
            self._failed(one.host, one.port, wrong)
        else:
            one.host.silent.append(one.port)

    def _failed(self, host: _Host, port: int, wrong: OSError) -> None:
        """An ICMP port unreachable is the host's own word that the port is closed; any other error is nobody's."""
        if wrong.errno in REFUSED:
            host.closed.append(port)
            return
        if wrong.errno not in UNREACHABLE:
            self.trouble[errno.errorcode.get(wrong.errno or 0, str(wrong.errno))] += 1
        host.silent.append(port)

    def _tell(self) -> None:
        now = time.monotonic()
        if now - self.reported >= 0.25:  # noqa: PLR2004 - four times a second
            self.reported = now
            done = sum(len(host.answers) + len(host.closed) + len(host.silent) for host in self.hosts)
            note = {"of": self.total, "open": sum(len(host.answers) for host in self.hosts)}
            self.report(done, self.total, phase="udp", note=json.dumps(note))

    def _notes(self) -> Iterator[str]:
        for name, count in sorted(self.trouble.items()):
            yield f"The system refused {count} datagrams ({name}); those ports count as not answered."


def _opened(address: str, port: int) -> socket.socket:
    """Return a socket that hears answers and ICMP errors. TFTP answers from another port, so it is not connected."""
    family = socket.AF_INET if ip_address(address).version == 4 else socket.AF_INET6  # noqa: PLR2004 - an IP version
    sock = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    try:
        level, option = (socket.IPPROTO_IP, IP_RECVERR) if family == socket.AF_INET else (socket.IPPROTO_IPV6, IPV6_RECVERR)
        sock.setsockopt(level, option, 1)
        if port != TFTP:
            sock.connect((address, port))
    except OSError:
        sock.close()
        raise
    return sock


def _learned(host: _Host) -> UdpHost:
    return UdpHost(
        address=host.address, ports=tuple(sorted(host.answers, key=lambda one: one.port)), closed=tuple(sorted(host.closed)),
        silent=tuple(sorted(host.silent)), skipped=len(host.waiting) + host.in_flight,
    )  # fmt: skip


def _snmp_version(data: bytes) -> int:
    """Return 0, 1 or 3 of an SNMP message whose length fits into one or three bytes, else -1."""
    at = 2 if data[1:2] < b"\x80" else 2 + (data[1] & 0x7F)
    return data[at + 2] if data[at : at + 2] == b"\2\1" and len(data) > at + 2 else -1
