"""Connect to many ports of many hosts from one thread: sockets that are used again, one edge-triggered epoll, adaptive pace.

Linux puts a socket back into its unconnected state when the error of a refused connect is collected by another connect, so that one
descriptor asks port after port. POSIX leaves that open, therefore `reuse_works` tries it first.
"""

from __future__ import annotations

import errno
import random
import resource
import select
import socket
import struct
import time
import zlib
from array import array
from collections import deque
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING

from watchfloor.capabilities.scans.connect.control import Cap, Pace
from watchfloor.capabilities.scans.schemas import (
    Group,
    GroupCursor,
    HostAnswer,
    Limits,
    Place,
    PortGroup,
    PortRange,
    ProbeAnswers,
    Stopped,
    Tally,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from watchfloor.capabilities.scans.connect.throttle import Throttle

STILL_CONNECTING = frozenset((errno.EALREADY, errno.EINPROGRESS))
NO_LINGER = struct.pack("ii", 1, 0)
BATCH = 128
SPARE_DESCRIPTORS = 64
CONFIRMATIONS = 4
SELF_CONNECTS = 8
UNREACHABLE_IN_A_ROW = 3
BETWEEN_REPORTS = 0.25
TICKS = 64  # per second: how exactly a missing answer is noticed

Address = tuple[str, int] | tuple[str, int, int, int]


class Waiting:
    """A probe that was sent and not answered."""

    __slots__ = ("attempt", "host", "port", "sent", "sock")

    def __init__(self, host: Host, port: int, attempt: int, sock: socket.socket, sent: float) -> None:
        """Note when it was sent."""
        self.host, self.port, self.attempt, self.sock, self.sent = host, port, attempt, sock, sent


class Host:
    """One address: its pace, and where it stands in the present group."""

    __slots__ = (
        "address", "again", "closed", "confirming", "family", "filtered", "filtered_ports", "gone", "in_flight", "loopback", "next", "opened", "opened_before", "pace", "passes",
        "queued", "rescued_before", "silent", "skipped", "skipped_ports", "tallies", "unreachable", "unreachable_row",
    )  # fmt: skip

    def __init__(self, address: str) -> None:
        """Begin with nothing known."""
        parsed = ip_address(address)
        self.address = address
        self.family = socket.AF_INET if parsed.version == 4 else socket.AF_INET6  # noqa: PLR2004 - an IP version
        self.loopback = parsed.is_loopback
        self.pace = Pace()
        self.opened: list[int] = []
        self.filtered_ports, self.skipped_ports = array("H"), array("H")  # asked without an answer, unreachable ones too; not settled
        self.tallies: dict[Group, Tally] = {}
        self.opened_before = 0
        self.gone = False
        self.unreachable_row = self.in_flight = 0
        self.begin()

    def begin(self) -> None:
        """Start a group."""
        self.next = self.closed = self.filtered = self.unreachable = self.skipped = self.passes = self.rescued_before = 0
        self.again: deque[tuple[int, int]] = deque()
        self.silent = array("H")
        self.confirming = self.queued = False

    def restore(self, answer: HostAnswer, place: Place) -> None:
        """Know again what an earlier attempt learned."""
        self.opened = list(each_port(answer.open))
        self.filtered_ports = array("H", each_port(answer.filtered))
        self.tallies = {group: tally for group, tally in answer.tallies.items() if group in place.finished}

    def go_on(self, cursor: GroupCursor) -> None:
        """Stand in the present group where an earlier attempt stood; what was in flight then is asked again."""
        self.next, self.closed, self.filtered, self.unreachable = cursor.next, cursor.closed, cursor.filtered, cursor.unreachable
        self.again = deque((port, 0) for port in each_port(cursor.pending))
        self.silent = array("H", each_port(cursor.silent))

    def room(self) -> int:
        """Return how many more probes may go out now."""
        room = self.pace.room()
        return (max(1, room // 4) if self.confirming else room) - self.in_flight


def port_ranges(ports: Iterable[int]) -> tuple[PortRange, ...]:
    """Return sorted ports as ranges."""
    found: list[PortRange] = []
    for port in ports:
        if found and found[-1][1] == port - 1:
            found[-1] = (found[-1][0], port)
        else:
            found.append((port, port))
    return tuple(found)


def each_port(ranges: Iterable[PortRange]) -> Iterator[int]:
    """Yield every port of these ranges."""
    return (port for first, last in ranges for port in range(first, last + 1))


def reuse_works() -> bool:
    """Try on this machine whether one socket can be refused twice and then connect."""
    with socket.socket() as closed, socket.socket() as listening, socket.socket() as sock:
        sock.settimeout(0)
        closed.bind(("127.0.0.1", 0))
        listening.bind(("127.0.0.1", 0))
        listening.listen(1)
        refused = [_connect_and_collect(sock, closed.getsockname()) for _ in range(2)]
        return refused == [errno.ECONNREFUSED] * 2 and _connect_and_collect(sock, listening.getsockname()) == 0


def _connect_and_collect(sock: socket.socket, address: Address) -> int:
    """Connect, wait up to a second, and collect the result with a second connect."""
    answer = sock.connect_ex(address)
    if answer != errno.EINPROGRESS:
        return answer
    poll = select.poll()
    poll.register(sock, select.POLLOUT)
    poll.poll(1000)
    return sock.connect_ex(address)


def _has_family(family: int) -> bool:
    try:
        socket.socket(family, socket.SOCK_STREAM).close()
    except OSError as wrong:
        return wrong.errno != errno.EAFNOSUPPORT
    return True


def descriptors_free() -> int:
    """Return how many sockets this process may still open, less a reserve."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    try:
        used = sum(1 for _ in Path("/proc/self/fd").iterdir())
    except OSError:
        used = SPARE_DESCRIPTORS
    return max(8, limit - used - min(SPARE_DESCRIPTORS, limit // 4))


class ConnectScanner:
    """Ask every port of every host, group by group; `run` returns when all is known or time is up.

    `on_open(host, port)` is called for each open port at once, `on_group(group)` after each group, `on_progress(group, done, total,
    opened)` a few times a second; `cancelled()` is asked at least every few milliseconds.
    """

    def __init__(
        self,
        hosts: Iterable[str],
        groups: Sequence[PortGroup],
        limits: Limits,
        *,
        on_open: Callable[[Host, int], None] = lambda host, port: None,  # noqa: ARG005 - an observer may ignore all
        on_group: Callable[[Group], None] = lambda group: None,  # noqa: ARG005
        on_progress: Callable[[Group, int, int, int], None] = lambda group, done, total, opened: None,  # noqa: ARG005
        cancelled: Callable[[], bool] = lambda: False,
        seed: int = 0,
        reuse: bool | None = None,
        resume: ProbeAnswers | None = None,
        throttle: Throttle | None = None,
    ) -> None:
        """Prepare; nothing is opened before `run`. `reuse=False` takes a new socket for each probe; `resume` goes on from a part."""
        self.hosts = [Host(address) for address in hosts]
        self.groups, self.limits, self.seed = groups, limits, seed
        self.on_open, self.on_group, self.on_progress, self.cancelled = on_open, on_group, on_progress, cancelled
        self.reuse = reuse_works() if reuse is None else reuse
        self.cap = Cap(min(limits.max_concurrent, descriptors_free()))
        self.free: dict[int, list[socket.socket]] = {socket.AF_INET: [], socket.AF_INET6: []}
        self.registered: set[int] = set()
        self.waiting: dict[int, Waiting] = {}
        self.deadlines: dict[int, list[Waiting]] = {}
        self.ready: deque[Host] = deque()
        self.ports = array("H")
        self.probes = self.settled = self.opened = 0
        self.stopped: Stopped | None = None
        self.trouble: dict[str, int] = {}
        self.self_connects: dict[tuple[str, int], int] = {}
        self.waits_for_descriptors = False
        self.missing_families = {family for family in {host.family for host in self.hosts} if not _has_family(family)}
        self.throttle, self.held_back = throttle, False
        self.place = (resume.place if resume else None) or Place()
        self.resumed = {answer.address: answer for answer in resume.hosts} if resume else {}
        for host in self.hosts:
            if host.address in self.resumed:
                host.restore(self.resumed[host.address], self.place)

    def run(self) -> None:
        """Scan; results are in `hosts[…].tallies` and `.opened`, and in `trouble` what the system refused, by errno name."""
        self.started = time.monotonic()
        self.ends = self.started + self.limits.timeout.total_seconds()
        self.tick = int(self.started * TICKS)
        self.epoll = select.epoll()
        try:
            for group in self.groups:
                if group.group not in self.place.finished:
                    self._scan_group(group)
                    self.place = Place(finished=(*self.place.finished, group.group))
                self.on_group(group.group)
        finally:
            self._drop_waiting()
            self._release_idle()
            self.epoll.close()

    def _scan_group(self, group: PortGroup) -> None:
        self.ports = array("H", (port for first, last in group.ports for port in range(first, last + 1)))
        random.Random(f"{self.seed}:{group.group}").shuffle(self.ports)  # noqa: S311 - spreads load, keeps no secret
        for host in self.hosts:
            host.begin()
            if host.family in self.missing_families:
                host.next, host.unreachable = len(self.ports), len(self.ports)
                host.filtered_ports.extend(self.ports)
        self._take_up(group.group)
        self.settled, self.group = 0, group.group
        self.total = len(self.ports) * len(self.hosts)
        self.ready = deque(self.hosts)
        for host in self.hosts:
            host.queued = True
        self._loop()
        for host in self.hosts:
            host.skipped_ports.extend(self._unsettled(host))
            host.tallies[self.group] = self._tally(host)
        self.on_progress(self.group, self.total, self.total, self.opened)

    def _tally(self, host: Host) -> Tally:
        opened = len(host.opened) - host.opened_before
        known = opened + host.closed + host.filtered + host.unreachable
        return Tally(open=opened, closed=host.closed, filtered=host.filtered, unreachable=host.unreachable, skipped=len(self.ports) - known)

    def _unsettled(self, host: Host) -> list[int]:
        return [*self.ports[host.next :], *(port for port, _ in host.again), *host.silent]

    # Going on where an earlier attempt stopped

    def _take_up(self, group: Group) -> None:
        """Begin a group, or go on in it when the ports are in the order that the cursors speak of."""
        mine, order = set(self.ports), zlib.crc32(self.ports.tobytes())
        goes_on = self.place.group == group and self.place.order == order
        self.place = Place(finished=self.place.finished, group=group, order=order)
        for host in self.hosts:
            host.opened_before = sum(port not in mine for port in host.opened)
            cursor = self.resumed[host.address].cursor if goes_on and host.address in self.resumed else None
            if cursor is not None:
                host.go_on(cursor)
            else:
                host.opened = [port for port in host.opened if port not in mine]
                host.filtered_ports = array("H", (port for port in host.filtered_ports if port not in mine))
        self.resumed = {}
        self.opened = sum(len(host.opened) - host.opened_before for host in self.hosts)

    def standing(self) -> tuple[Place, dict[str, tuple[Tally, GroupCursor]]]:
        """Return where the scan stands, and in an unfinished group the tally and cursor of each host; call it from a callback."""
        if self.place.group is None:
            return self.place, {}
        in_flight: dict[int, list[int]] = {}
        for one in self.waiting.values():
            in_flight.setdefault(id(one.host), []).append(one.port)
        found = {}
        for host in self.hosts:
            pending = sorted({*in_flight.get(id(host), ()), *(port for port, _ in host.again)})
            cursor = GroupCursor(
                next=host.next, closed=host.closed, filtered=host.filtered, unreachable=host.unreachable, pending=port_ranges(pending),
                silent=port_ranges(sorted(host.silent)),
            )  # fmt: skip
            found[host.address] = (self._tally(host), cursor)
        return self.place, found

    def _loop(self) -> None:
        reported = 0.0
        while self.ready or self.waiting:
            now = time.monotonic()
            if self._must_stop(now):
                break
            if now - reported >= BETWEEN_REPORTS:
                reported = now
                self.on_progress(self.group, min(self._done(), self.total), self.total, self.opened)
            self.cap.recover(now)
            self._send(now)
            self._receive()
            self._expire(time.monotonic())
        self._drop_waiting()

    def _done(self) -> int:
        return sum(host.closed + host.filtered + host.unreachable for host in self.hosts) + self.opened

    def _must_stop(self, now: float) -> bool:
        if self.stopped is None:
            if self.cancelled():
                self.stopped = Stopped.CANCELLED
            elif now >= self.ends:
                self.stopped = Stopped.TIMEOUT
        return self.stopped is not None

    def _drop_waiting(self) -> None:
        """Forget what is in flight; those ports stay `skipped`."""
        for one in self.waiting.values():
            self._discard(one.sock)
            one.host.in_flight -= 1
            one.host.again.append((one.port, one.attempt))
        self.waiting.clear()
        self.deadlines.clear()
        self.ready.clear()

    # Sending

    def _send(self, now: float) -> None:
        """Send to the hosts in turn, at most one batch before answers are looked at."""
        budget = self._rate_budget(now)
        self.held_back = self.throttle is not None
        while self.ready and budget > 0:
            room = min(budget, int(self.cap.now) - len(self.waiting))
            if room <= 0:
                return
            host = self.ready.popleft()
            host.queued = False
            sent = self._send_to(host, min(room, BATCH, host.room(), self._allowed(host, now)), now)
            if self.throttle is not None:
                self.throttle.spend(host.address, sent)
                self.held_back = self.held_back and not sent
            budget -= max(1, sent)
            self._requeue(host)
            if self.waits_for_descriptors:
                return

    def _allowed(self, host: Host, now: float) -> int:
        return BATCH if self.throttle is None else self.throttle.room(host.address, now)

    def _rate_budget(self, now: float) -> int:
        if self.throttle is not None:
            return min(BATCH, self.throttle.all_room(now))
        if self.limits.max_rate is None:
            return BATCH
        return min(BATCH, int(self.limits.max_rate * (now - self.started)) + 1 - self.probes)

    def _requeue(self, host: Host) -> None:
        """Put a host that has something to ask and room for it back into the turn; close its group when it has nothing left."""
        if host.queued:
            return
        if not host.again and host.next >= len(self.ports) and not host.in_flight:
            self._confirm(host)
        if (host.again or host.next < len(self.ports)) and host.room() > 0:
            host.queued = True
            self.ready.append(host)

    def _confirm(self, host: Host) -> None:
        """Ask silent ports of a host that refuses most others again, slowly, until a pass rescues none; then they are filtered.

        A policer on the way drops what comes too fast: without this, open ports are missed.
        """
        rescued = host.pace.rescued > host.rescued_before
        if host.silent and host.closed > len(host.silent) and host.passes < CONFIRMATIONS and (rescued or not host.passes):
            host.passes += 1
            host.confirming, host.rescued_before = True, host.pace.rescued
            last = self.limits.tries - 1
            host.again.extend((port, max(1, last)) for port in host.silent)
        else:
            host.filtered += len(host.silent)
            host.filtered_ports.extend(host.silent)
        host.silent = array("H")

    def _send_to(self, host: Host, count: int, now: float) -> int:
        """Send up to `count` probes to one host; many of them are answered inside the call itself."""
        ports, free, pace, again = self.ports, self.free[host.family], host.pace, host.again
        tail = () if host.family == socket.AF_INET else (0, 0)
        address, refused, reuse = host.address, errno.ECONNREFUSED, self.reuse
        end, sent, quick = len(ports), 0, 0
        while sent < count:
            if again:
                port, attempt = again.popleft()
            elif host.next < end:
                port, attempt = ports[host.next], 0
                host.next += 1
            else:
                break
            sock = free.pop() if free else self._open(host.family)
            if sock is None:
                again.appendleft((port, attempt))
                break
            sent += 1
            answer = sock.connect_ex((address, port, *tail))
            if answer == refused:
                if attempt:
                    host.closed += 1
                    pace.reply(now, attempt=attempt)
                else:
                    quick += 1
                if reuse:
                    free.append(sock)
                else:
                    self._discard(sock)
            elif answer == errno.EINPROGRESS:
                self._wait(Waiting(host, port, attempt, sock, now))
            elif not self._settle(Waiting(host, port, attempt, sock, now), answer, now, at_once=True):
                break
        host.closed += quick
        pace.answered += quick
        self.probes += sent
        return sent

    def _open(self, family: int) -> socket.socket | None:
        """Return a new socket, or None when this machine has no more; then fewer are used from now on."""
        try:
            sock = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        except OSError as wrong:
            if wrong.errno not in {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}:
                raise
            self._note(wrong.errno)
            self._release_idle()
            self.cap.short_of_descriptors(len(self.waiting))
            self.waits_for_descriptors = True
            return None
        return sock

    def _release_idle(self) -> None:
        for idle in self.free.values():
            while idle:
                self._discard(idle.pop())

    def _wait(self, one: Waiting) -> None:
        fd = one.sock.fileno()
        self.waiting[fd] = one
        one.host.in_flight += 1
        tick = int((one.sent + one.host.pace.rto(one.attempt)) * TICKS) + 1
        due = self.deadlines.get(tick)
        if due is None:
            self.deadlines[tick] = [one]
        else:
            due.append(one)
        if fd not in self.registered:
            self.registered.add(fd)
            self.epoll.register(fd, select.EPOLLOUT | select.EPOLLET)

    # Answers

    def _receive(self) -> None:
        """Take what has been answered; wait only when nothing can be sent."""
        pause = 0.0 if self._can_send() else 0.01
        self.waits_for_descriptors = False
        if not self.waiting and not pause:
            return
        waiting = self.waiting
        for fd, _ in self.epoll.poll(pause, 1024):
            one = waiting.get(fd)
            if one is None:
                continue
            host = one.host
            # The second connect collects the refusal and puts the socket back into its first state.
            answer = one.sock.connect_ex((host.address, one.port) if host.family == socket.AF_INET else (host.address, one.port, 0, 0))
            if answer not in STILL_CONNECTING:
                del waiting[fd]
                self._answered(one, answer, time.monotonic())

    def _can_send(self) -> bool:
        if not self.ready or self.waits_for_descriptors or self.held_back or len(self.waiting) >= int(self.cap.now):
            return False
        return self._rate_budget(time.monotonic()) > 0

    def _answered(self, one: Waiting, answer: int, now: float) -> None:
        host, pace = one.host, one.host.pace
        host.in_flight -= 1
        if not one.attempt and (pace.answered & 7 == 0 or pace.srtt is None):
            pace.sample(now - one.sent)
        if answer == errno.ECONNREFUSED:
            host.closed += 1
            pace.reply(now, attempt=one.attempt)
            self._give_back(host.family, one.sock)
        else:
            self._settle(one, answer, now, at_once=False)
        if not host.queued:
            self._requeue(host)

    def _give_back(self, family: int, sock: socket.socket) -> None:
        if self.reuse:
            self.free[family].append(sock)
        else:
            self._discard(sock)

    def _settle(self, one: Waiting, answer: int, now: float, *, at_once: bool) -> bool:
        """Note an answer that is not a refusal; returns False when sending to this host must pause."""
        if answer in {0, errno.EISCONN}:
            self._open_port(one, now)
            return True
        host, port, attempt = one.host, one.port, one.attempt
        self._discard(one.sock)
        if answer in {errno.EADDRNOTAVAIL, errno.EAGAIN, errno.ENOBUFS, errno.ENOMEM}:
            self._note(answer)
            self.cap.short_of_ports()
            host.again.append((port, attempt))
            self.waits_for_descriptors = True
            return False
        if answer in {errno.ECONNRESET, errno.ECONNABORTED}:
            host.closed += 1
            host.pace.reply(now, attempt=attempt)
            return True
        if answer == errno.ETIMEDOUT:
            host.silent.append(port)
            return True
        host.unreachable += 1
        host.filtered_ports.append(port)
        if answer in {errno.EACCES, errno.EPERM} or answer not in {errno.EHOSTUNREACH, errno.ENETUNREACH}:
            self._note(answer)
        return not at_once or self._still_there(host)

    def _still_there(self, host: Host) -> bool:
        """Drop a host that this machine has no route to; a router's answer about one port does not count, others may be open."""
        host.unreachable_row += 1
        if host.loopback or host.pace.answered or host.unreachable_row < UNREACHABLE_IN_A_ROW:
            return True
        host.unreachable += len(self.ports) - host.next + len(host.again)
        host.filtered_ports.extend((*self.ports[host.next :], *(asked for asked, _ in host.again)))
        host.next = len(self.ports)
        host.again.clear()
        host.unreachable_row = 0
        return False

    def _open_port(self, one: Waiting, now: float) -> None:
        host, port, attempt, sock = one.host, one.port, one.attempt, one.sock
        try:
            ourselves = sock.getsockname()[:2] == sock.getpeername()[:2]
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
        except OSError:  # It was reset in the meantime: it did accept.
            ourselves = False
        self._discard(sock)
        if ourselves:
            # On loopback a socket that happens to have the asked port as its own connects to itself: nobody listens there.
            seen = self.self_connects[host.address, port] = self.self_connects.get((host.address, port), 0) + 1
            if seen < SELF_CONNECTS:
                host.again.append((port, attempt))
            else:
                host.closed += 1
            return
        host.opened.append(port)
        self.opened += 1
        host.pace.reply(now, attempt=attempt)
        self.on_open(host, port)

    def _expire(self, now: float) -> None:
        """Ask again, or note as silent, what has not been answered in time."""
        present = int(now * TICKS)
        for tick in range(self.tick, present):
            for one in self.deadlines.pop(tick, ()):
                # Answered in time: its descriptor is closed, idle or waits for another answer.
                if self.waiting.get(one.sock.fileno()) is one:
                    self._silent(one)
        self.tick = max(self.tick, present)

    def _silent(self, one: Waiting) -> None:
        host = one.host
        del self.waiting[one.sock.fileno()]
        host.in_flight -= 1
        self._discard(one.sock)
        if one.attempt == 0:
            host.pace.silent += 1
        if one.attempt + 1 < host.pace.tries(self.limits.tries) and not host.confirming:
            host.again.append((one.port, one.attempt + 1))
        else:
            host.silent.append(one.port)
        self._requeue(host)

    def _discard(self, sock: socket.socket) -> None:
        # Closing takes the descriptor out of epoll; its number may come back as another socket.
        self.registered.discard(sock.fileno())
        sock.close()

    def _note(self, number: int) -> None:
        name = errno.errorcode.get(number, str(number))
        self.trouble[name] = self.trouble.get(name, 0) + 1
