"""The scan itself: group by group, hosts in turn, sending as long as there is room and taking answers as they come."""

from __future__ import annotations

import errno
import random
import time
from array import array
from collections import deque
from typing import TYPE_CHECKING

from watchfloor.capabilities.scans.connect.conntrack import Conntrack
from watchfloor.capabilities.scans.connect.control import Neighbourhood
from watchfloor.capabilities.scans.connect.scanner import sockets as machine
from watchfloor.capabilities.scans.connect.scanner.answers import Answers
from watchfloor.capabilities.scans.connect.scanner.beside import Watch
from watchfloor.capabilities.scans.connect.scanner.flight import Flight
from watchfloor.capabilities.scans.connect.scanner.host import Beside, Host, Waiting
from watchfloor.capabilities.scans.connect.scanner.standing import Standing
from watchfloor.capabilities.scans.schemas import Group, GroupCursor, Limits, Place, PortGroup, ProbeAnswers, Stopped, Tally

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterable, Sequence

    from watchfloor.capabilities.scans.connect.throttle import Throttle

REFUSED = errno.ECONNREFUSED
STILL_CONNECTING = frozenset((errno.EALREADY, errno.EINPROGRESS))
BATCH = 128
TURN = 16  # probes to one of several hosts at a time: bursts are what policers and limits on resets answer worst
CONFIRMATIONS = 8
BETWEEN_REPORTS = 0.25
# Linux keeps some 1,000 neighbours (gc_thresh3); so many addresses that have not answered are asked at once.
STRANGERS = 512
BETWEEN_ADMISSIONS = 0.05
POSTPONED = 1 << 16  # repeats of all strangers together that may wait, some 6 MB
PAUSE = 0.002  # the longest wait for answers: a cancelled scan notices after it


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
        conntrack: Conntrack | None = None,
    ) -> None:
        """Prepare; nothing is opened before `run`. `reuse=False` takes a new socket for each probe; `resume` goes on from a part."""
        nets: dict[str, Neighbourhood] = {}
        self.hosts = [Host(address, nets.setdefault(_net(address), Neighbourhood())) for address in hosts]
        self.groups, self.limits, self.seed = groups, limits, seed
        self.on_group, self.on_progress, self.cancelled = on_group, on_progress, cancelled
        self.reuse = machine.reuse_works() if reuse is None else reuse
        self.sockets = machine.Sockets(limits.max_concurrent, reuse=self.reuse)
        self.answers = Answers(self.sockets, on_open)
        self.watch = Watch(f"{seed}")
        self.conntrack = conntrack or Conntrack()
        self.ready: deque[Host] = deque()
        self.later: deque[Host] = deque()
        self.strangers: list[Host] = []
        self.ports = array("H")
        self.probes = self.unanswered = 0
        self.stopped: Stopped | None = None
        self.trouble = self.sockets.trouble
        self.throttle, self.held_back = throttle, False
        self.place = Standing(self.hosts, resume)
        self.missing_families = {family for family in {host.family for host in self.hosts} if not machine.has_family(family)}

    def run(self) -> None:
        """Scan; results are in `hosts[…].tallies` and `.opened`, and in `trouble` what the system refused, by errno name."""
        self.started = time.monotonic()
        self.ends = self.started + self.limits.timeout.total_seconds()
        self.sockets.start()
        self.flight = Flight(self.sockets, self.started)
        try:
            for group in self.groups:
                if group.group not in self.place.place.finished:
                    self._scan_group(group)
                    self.place.finish(group.group)
                self.on_group(group.group)
        finally:
            self._drop_waiting()
            self.sockets.close()

    def _scan_group(self, group: PortGroup) -> None:
        self.ports = array("H", (port for first, last in group.ports for port in range(first, last + 1)))
        random.Random(f"{self.seed}:{group.group}").shuffle(self.ports)  # noqa: S311 - spreads load, keeps no secret
        for host in self.hosts:
            host.begin()
        self.place.take_up(group.group, self.ports)
        self.answers.opened, self.group = sum(len(host.opened) - host.opened_before for host in self.hosts), group.group
        self.total = len(self.ports) * len(self.hosts)
        for host in self.hosts:
            if host.family in self.missing_families:
                host.give_up(self.ports)
        self.later, self.strangers, self.admitted_at = deque(self.hosts), [], 0.0
        self._loop()
        for host in self.hosts:
            host.skipped_ports.extend(host.left(self.ports))
            host.tallies[self.group] = host.tally(len(self.ports))
        self.on_progress(self.group, self.total, self.total, self.answers.opened)

    def standing(self) -> tuple[Place, dict[str, tuple[Tally, GroupCursor]]]:
        """Return where the scan stands, and in an unfinished group the tally and cursor of each host; call it from a callback."""
        return self.place.told(self.flight.waiting.values(), len(self.ports))

    def _loop(self) -> None:
        reported = 0.0
        while self.ready or self.later or self.flight.waiting:
            now = time.monotonic()
            if self._must_stop(now):
                break
            if now - reported >= BETWEEN_REPORTS:
                reported = now
                self.on_progress(self.group, min(self._done(), self.total), self.total, self.answers.opened)
                self.flight.relieve(now)
            self.sockets.cap.recover(now)
            self._admit(now)
            self._send(now)
            self._receive()
            self._expire(time.monotonic())
        self._drop_waiting()

    def _done(self) -> int:
        return sum(host.closed + host.filtered + host.unreachable for host in self.hosts) + self.answers.opened

    def _must_stop(self, now: float) -> bool:
        if self.stopped is None:
            if self.cancelled():
                self.stopped = Stopped.CANCELLED
            elif now >= self.ends:
                self.stopped = Stopped.TIMEOUT
        return self.stopped is not None

    def _drop_waiting(self) -> None:
        """Forget what is in flight; those ports stay `skipped`."""
        for one in self.flight.clear():
            one.host.again.append((one.port, one.attempt))
        self.ready.clear()
        self.later.clear()

    # Whose turn it is

    def _admit(self, now: float) -> None:
        """Let hosts in, as long as not too many of them have yet to give a sign of life."""
        if not self.later or now - self.admitted_at < BETWEEN_ADMISSIONS:
            return
        self.admitted_at = now
        self.strangers = [host for host in self.strangers if not (host.pace.answered or host.unreachable or self._finished(host))]
        while self.later and len(self.strangers) < STRANGERS:
            host = self.later.popleft()
            if not host.pace.answered:
                self.strangers.append(host)
            self._requeue(host)

    def _finished(self, host: Host) -> bool:
        return not host.again and host.next >= len(self.ports) and not host.in_flight

    def _requeue(self, host: Host) -> None:
        """Put a host that has something to ask and room for it back into the turn; close its group when it has nothing left."""
        if host.queued:
            return
        if self._finished(host):
            if isinstance(host, Beside):
                self.watch.judge(host)
                self._requeue(host.of)
                return
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

    # Sending

    def _send(self, now: float) -> None:
        """Send to the hosts in turn, at most one batch before answers are looked at."""
        budget = 0 if self.conntrack.must_pause(now, self.unanswered) else self._rate_budget(now)
        self.held_back = self.throttle is not None
        while self.ready and budget > 0:
            room = min(budget, int(self.sockets.cap.now) - len(self.flight))
            if room <= 0:
                return
            host = self.ready.popleft()
            host.queued = False
            sent = self._send_to(host, min(room, host.room(), TURN if self.ready else BATCH, self._allowed(host, now)), now)
            if self.throttle is not None:
                self.throttle.spend(host.address, sent)
                self.held_back = self.held_back and not sent
            budget -= max(1, sent)
            self._requeue(host)
            if self.sockets.short:
                return

    def _allowed(self, host: Host, now: float) -> int:
        return BATCH if self.throttle is None else self.throttle.room(host.address, now)

    def _rate_budget(self, now: float) -> int:
        if self.throttle is not None:
            return min(BATCH, self.throttle.all_room(now))
        if self.limits.max_rate is None:
            return BATCH
        return min(BATCH, int(self.limits.max_rate * (now - self.started)) + 1 - self.probes)

    def _send_to(self, host: Host, count: int, now: float) -> int:
        """Send up to `count` probes to one host; on loopback they are answered inside the call itself."""
        ports, free, again = self.ports, self.sockets.free[host.family], host.again
        address, tail, end = host.address, host.tail, len(ports)
        sent, at_once = 0, 0
        # Nobody knows how long to wait for a host that has never answered: other ports come first, repeats when it is known.
        stranger = host.pace.srtt is None and len(again) < POSTPONED // len(self.hosts)
        launched: list[tuple[socket.socket, int, int]] = []
        while sent < count:
            if again and not (stranger and host.next < end):
                port, attempt = again.popleft()
            elif host.next < end:
                port, attempt = ports[host.next], 0
                host.next += 1
            else:
                break
            sock = free.pop() if free else self.sockets.open(host.family, len(self.flight) + len(launched))
            if sock is None:
                again.appendleft((port, attempt))
                break
            sent += 1
            answer = sock.connect_ex((address, port, *tail))
            if answer == errno.EINPROGRESS:
                launched.append((sock, port, attempt))
            elif answer == REFUSED and not attempt:
                at_once += 1
                self.sockets.give_back(host.family, sock)
            elif not self._take(Waiting(host, port, attempt, sock, now), answer, now, at_once=True):
                break
        if at_once:
            host.closed += at_once
            host.pace.replies(now, at_once)
        self.probes += sent
        if launched:
            self._collect(host, launched, now)
        return sent

    def _collect(self, host: Host, launched: list[tuple[socket.socket, int, int]], now: float) -> None:
        """Wait for what was launched; a near host has already answered, which saves the way through epoll."""
        if not host.eager:
            for sock, port, attempt in launched:
                self.flight.add(Waiting(host, port, attempt, sock, now))
            return
        give_back, address, tail = self.sockets.give_back, host.address, host.tail
        refused = 0
        for sock, port, attempt in launched:
            answer = sock.connect_ex((address, port, *tail))
            if answer == REFUSED and not attempt:
                refused += 1
                give_back(host.family, sock)
            elif answer in STILL_CONNECTING:
                self.flight.add(Waiting(host, port, attempt, sock, now))
            else:
                self._take(Waiting(host, port, attempt, sock, now), answer, now, at_once=False)
        if refused:
            at = time.monotonic()
            host.answers_on = port
            host.closed += refused
            host.pace.sample(at - now)
            host.pace.replies(at, refused)
        host.eager = 2 * refused > len(launched)

    # Answers

    def _receive(self) -> None:
        """Take what has been answered; wait only when nothing can be sent."""
        pause = 0.0 if self._can_send() else PAUSE
        self.sockets.short = False
        waiting = self.flight.waiting
        if not waiting and not pause:
            return
        events = self.sockets.answered(pause)
        now = time.monotonic()
        for fd, _ in events:
            one = waiting.get(fd)
            if one is None:
                self.flight.late_answer(fd, now)
                continue
            host = one.host
            # The second connect collects the refusal and puts the socket back into its first state.
            answer = one.sock.connect_ex((host.address, one.port, *host.tail))
            if answer in STILL_CONNECTING:
                continue
            del waiting[fd]
            host.in_flight -= 1
            self._sample(one, now)
            self._take(one, answer, now, at_once=False)
            if not host.queued:
                self._requeue(host)

    def _sample(self, one: Waiting, now: float) -> None:
        pace = one.host.pace
        if one.attempt or (pace.answered & 7 and pace.srtt is not None):
            return
        unknown = pace.srtt is None
        pace.sample(now - one.sent)
        if unknown and pace.srtt is not None:
            self.flight.hurry(one.host)

    def _take(self, one: Waiting, answer: int, now: float, *, at_once: bool) -> bool:
        """Settle one port; returns False when sending to its host must pause."""
        host = one.host
        if answer != REFUSED:
            goes_on = self.answers.settle(one, answer, now, self.ports, at_once=at_once)
            self._beside(self.watch.decoy_for(host))
            return goes_on
        host.closed += 1
        host.answers_on = one.port
        host.pace.replies(now, attempt=one.attempt)
        self.sockets.give_back(host.family, one.sock)
        return True

    def _beside(self, host: Beside | None) -> None:
        """Ask something beside the scan, before all else."""
        if host is not None:
            host.queued = True
            self.ready.appendleft(host)

    def _can_send(self) -> bool:
        if not self.ready or self.sockets.short or self.held_back or self.conntrack.full or len(self.flight) >= int(self.sockets.cap.now):
            return False
        return self._rate_budget(time.monotonic()) > 0

    def _expire(self, now: float) -> None:
        """Ask again, or note as silent, what has not been answered in time."""
        for one in self.flight.overdue(now):
            host = one.host
            self.flight.let_go(one)
            self.unanswered += 1
            if one.attempt == 0 and not isinstance(host, Beside):
                host.pace.silent += 1
            if one.attempt + 1 < host.tries(self.limits.tries):
                host.again.append((one.port, one.attempt + 1))
            else:
                host.silent.append(one.port)
            self._beside(self.watch.canary_for(host, now))
            self._requeue(host)


def _net(address: str) -> str:
    """Return what hosts of one /24, or of one /64, have in common: good enough to guess a round trip."""
    return address.rpartition(".")[0] or ":".join(address.split(":")[:4])
