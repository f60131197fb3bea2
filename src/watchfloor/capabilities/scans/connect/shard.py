"""One shard from request to answers: resolve, check each address, connect to every port, look at the open ones."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING

from watchfloor.capabilities.scans.connect.audit import audit
from watchfloor.capabilities.scans.connect.look import look
from watchfloor.capabilities.scans.connect.lookup import resolve
from watchfloor.capabilities.scans.connect.permit import Permit
from watchfloor.capabilities.scans.connect.scanner import ConnectScanner, Host
from watchfloor.capabilities.scans.connect.throttle import Throttle
from watchfloor.capabilities.scans.schemas import (
    Group,
    GroupCursor,
    HostAnswer,
    NameAnswer,
    PortAnswer,
    ProbeAnswers,
    ProbeHost,
    ProbeRequest,
    Rates,
    ResolveRequest,
    Stopped,
    Tally,
    each_port,
    port_ranges,
)
from watchfloor.kernel.contract import KeepingReport

if TYPE_CHECKING:
    from watchfloor.kernel.contract import Report

# The sandbox hands back at most 8 MB of JSON; base64 makes a third more of what is kept.
EVIDENCE_MAX = 4 * 1024 * 1024
# The first part goes out soon: it shows that this attempt got on, and open ports are worth seeing at once.
FIRST_KEEP_S = 0.5
# Large parts go out less often.
PART_BYTES = 512 * 1024
KEEP_MOST_S = 6.0  # a lease lives 15 s
TROUBLE = {
    "EMFILE": "This process ran out of file descriptors and went on with fewer connections; raise `ulimit -n` for more speed.",
    "ENFILE": "This machine ran out of open files and the scan went on with fewer connections.",
    "ENOBUFS": "This machine ran short of network memory and the scan slowed down.",
    "ENOMEM": "This machine ran short of memory and the scan slowed down.",
    "EADDRNOTAVAIL": "This machine ran out of source ports and the scan slowed down; widen net.ipv4.ip_local_port_range for more speed.",
    "EAGAIN": "This machine ran out of source ports or routes and the scan slowed down.",
    "EACCES": "The local firewall or security policy refused {} connections; those ports count as unreachable.",
    "EPERM": "The local firewall or security policy refused {} connections; those ports count as unreachable.",
}


def probe(request: ProbeRequest, report: Report) -> ProbeAnswers:
    """Return what the hosts of one shard answer. Runs in the sandbox.

    Reports (done, total, phase=group or `services`, note=JSON with `open`, `rate` per second and `eta_s`). With `keep_every` hands over
    what was learned so far, again and again, and takes new rates from the reply.

    Raises:
        OutOfScope: A host is not in the permitted ranges; nothing has been contacted then.
    """
    started = time.monotonic()
    names = resolve(ResolveRequest(names=request.names), report).names if request.names else ()
    shard = _Shard(request, _hosts(request, names), report, started)
    shard.run()
    return shard.answers(names)


def _hosts(request: ProbeRequest, names: tuple[NameAnswer, ...]) -> dict[str, str]:
    permit = Permit(request.permitted, request.control)
    for host in request.hosts:
        permit.demand(host.address, request.groups)
    resolved = [ProbeHost(address=address, name=answer.name) for answer in names for address in answer.addresses]
    for one in resolved:
        permit.demand(one.address, request.groups)
    hosts: dict[str, str] = {}
    for one in (*request.hosts, *resolved):
        hosts[one.address] = hosts.get(one.address) or one.name
    return hosts


class _Shard:
    """One probe in progress."""

    def __init__(self, request: ProbeRequest, hosts: dict[str, str], report: Report, started: float) -> None:
        self.names, self.limits, self.report, self.started = hosts, request.limits, report, started
        before = request.resume or ProbeAnswers()
        self.probes_before, self.elapsed_before, self.notes_before = before.probes, before.elapsed, before.notes
        self.rtt_before = {answer.address: answer.rtt_ms for answer in before.hosts}
        self.seen: dict[str, set[int]] = {address: set() for address in hosts}
        for answer in before.hosts:
            self.seen.get(answer.address, set()).update(each_port(answer.looked))
        self.spoke: dict[str, set[int]] = {address: set() for address in hosts}
        self.fresh: dict[str, list[PortAnswer]] = {}
        self.not_looked = self.evidence = 0
        self.late = False
        self.throttle = Throttle(request.rates) if request.rates else None
        self.keep_every = request.keep_every.total_seconds() if request.keep_every else None
        self.keep_at = started + FIRST_KEEP_S
        self.told: dict[str, object] = {}
        self.scanner = ConnectScanner(
            hosts,
            request.groups,
            request.limits,
            seed=request.seed,
            resume=request.resume,
            throttle=self.throttle,
            on_open=self._on_open,
            on_group=self._on_group,
            on_progress=self._on_progress,
        )

    def run(self) -> None:
        self.scanner.run()

    @property
    def opened(self) -> int:
        return sum(len(host.opened) for host in self.scanner.hosts)

    def _on_open(self, host: Host, port: int) -> None:
        del host, port
        self.keep_at = min(self.keep_at, time.monotonic() + FIRST_KEEP_S)

    def _on_progress(self, group: Group, done: int, total: int, opened: int) -> None:
        del opened
        elapsed = max(1e-3, time.monotonic() - self.started)
        rate = self.scanner.probes / elapsed
        note = {
            "open": self.opened, "rate": round(rate), "eta_s": round((total - done) / rate, 1) if rate else None, "loss": self._loss(),
            **({"held_back": True} if self.scanner.held_back else {}),
        }  # fmt: skip
        self.report(done, total, phase=group.value, note=json.dumps(note, separators=(",", ":")))
        self._keep()

    def _loss(self) -> float:
        """Return which part of the probes that were answered had to be repeated first."""
        answered = sum(host.pace.answered for host in self.scanner.hosts)
        return round(sum(host.pace.rescued for host in self.scanner.hosts) / answered, 4) if answered else 0.0

    def _keep(self) -> None:
        """Hand over what was learned, when it is time and the part before it is kept; take the rates of the last reply."""
        now = time.monotonic()
        if self.keep_every is None or not isinstance(self.report, KeepingReport):
            return
        if self.throttle is not None and (told := self.report.reply.get("rates")) and told != self.told:
            self.told = told
            self.throttle.allow(Rates.model_validate(told))
        if now < self.keep_at:
            return
        if not self.report.keep(self.answers((), part=True)):
            return
        size = self.evidence + sum(len(host.silent) + len(host.filtered_ports) for host in self.scanner.hosts) * 8
        starved = self.throttle is not None and self.throttle.starved
        self.keep_at = now + (FIRST_KEEP_S if starved else min(KEEP_MOST_S, self.keep_every * max(1, size // PART_BYTES)))
        self.fresh, self.evidence = {}, 0

    def _on_group(self, group: Group) -> None:
        """Look at what this group opened before the next group begins: critical services are known first."""
        del group
        fresh = [(host, port) for host in self.scanner.hosts for port in sorted(set(host.opened) - self.seen[host.address])]
        if not (self.limits.services and fresh):
            return
        room = max(0, self.limits.services_max - sum(map(len, self.seen.values())))
        self.not_looked += max(0, len(fresh) - room)
        if fresh[:room] and not self.scanner.stopped:
            asyncio.run(self._look_at(fresh[:room]))

    async def _look_at(self, fresh: list[tuple[Host, int]]) -> None:
        done = 0
        waiting = iter(fresh)

        async def worker() -> None:
            nonlocal done
            for host, port in waiting:
                name = self.names[host.address]
                answer = await look(host.address, port, name, self.limits)
                self._take(host.address, await audit(host.address, port, name, answer, self.limits))
                done += 1
                self.report(done, len(fresh), phase="services", note=json.dumps({"open": self.opened}))
                self._keep()

        try:
            async with asyncio.timeout(max(0.0, self.scanner.ends - time.monotonic())), asyncio.TaskGroup() as group:
                for _ in range(min(self.limits.looks_at_once, len(fresh))):
                    group.create_task(worker())
        except TimeoutError:
            self.late = True
            self.not_looked += len(fresh) - done

    def _take(self, address: str, answer: PortAnswer) -> None:
        self.seen[address].add(answer.port)
        if answer.replies or answer.tls:
            self.spoke[address].add(answer.port)
        if self.evidence + answer.kept_bytes > EVIDENCE_MAX:
            self.not_looked += 1
            return
        self.evidence += answer.kept_bytes
        self.fresh.setdefault(address, []).append(answer)

    def answers(self, names: tuple[NameAnswer, ...], *, part: bool = False) -> ProbeAnswers:
        """Return everything, hosts in the order asked, ports sorted."""
        place, standing = self.scanner.standing()
        return ProbeAnswers(
            hosts=tuple(self._host(host, *standing.get(host.address, (None, None))) for host in self.scanner.hosts),
            names=names,
            probes=self.probes_before + self.scanner.probes,
            elapsed=self.elapsed_before + timedelta(seconds=round(time.monotonic() - self.started, 3)),
            stopped=self.scanner.stopped or (Stopped.TIMEOUT if self.late else None),
            notes=tuple(dict.fromkeys((*self.notes_before, *self._notes()))),
            place=place if part else None,
        )

    def _host(self, host: Host, tally: Tally | None, cursor: GroupCursor | None) -> HostAnswer:
        srtt = host.pace.srtt
        # Of a host that accepts everything only what said something counts; the rest is as unknown as what was not asked.
        doubtful = set(host.opened) - self.spoke[host.address] if host.accepts_all else set()
        return HostAnswer(
            address=host.address,
            name=self.names[host.address],
            tallies=host.tallies if tally is None else host.tallies | {self.scanner.group: tally},
            open=port_ranges(sorted(set(host.opened) - doubtful)),
            filtered=port_ranges(sorted(set(host.filtered_ports))),
            skipped=port_ranges(sorted({*host.skipped_ports, *doubtful})),
            looked=port_ranges(sorted(self.seen[host.address] - doubtful)),
            ports=tuple(sorted((one for one in self.fresh.get(host.address, ()) if one.port not in doubtful), key=lambda one: one.port)),
            rtt_ms=self.rtt_before.get(host.address) if srtt is None else round(srtt * 1000, 3),
            cursor=cursor,
        )

    def _notes(self) -> list[str]:
        said = Counter(self.scanner.trouble)
        notes = [TROUBLE.get(name, "The system refused {} connections (" + name + "); those ports count as unreachable.").format(count)
                 for name, count in sorted(said.items())]  # fmt: skip
        if deceivers := sum(host.accepts_all for host in self.scanner.hosts):
            notes.append(
                f"{deceivers} hosts accept connections on every port (a tarpit or a SYN proxy); they were not scanned to the end, and only "
                "those of their ports that said something are listed as open."
            )
        if self.scanner.conntrack.pauses:
            notes.append(
                f"The scan paused {self.scanner.conntrack.pauses} times so as not to fill the connection table of this machine or its host; "
                "raise net.netfilter.nf_conntrack_max for more speed against silent hosts."
            )
        if not self.scanner.reuse:
            notes.append("This kernel does not let a refused socket be used again; the scan took a new one for each probe and was slower.")
        if self.not_looked:
            notes.append(
                f"{self.not_looked} open ports were not identified: time or the limit of {self.limits.services_max} per job was used up."
            )
        return notes
