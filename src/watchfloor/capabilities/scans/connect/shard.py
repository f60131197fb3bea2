"""One shard from request to answers: resolve, check each address, connect to every port, look at the open ones."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING

from watchfloor.capabilities.scans.connect.look import look
from watchfloor.capabilities.scans.connect.lookup import resolve
from watchfloor.capabilities.scans.connect.permit import Permit
from watchfloor.capabilities.scans.connect.scanner import ConnectScanner, Host
from watchfloor.capabilities.scans.schemas import (
    Group,
    HostAnswer,
    NameAnswer,
    PortAnswer,
    PortRange,
    ProbeAnswers,
    ProbeHost,
    ProbeRequest,
    ResolveRequest,
    Stopped,
)

if TYPE_CHECKING:
    from watchfloor.kernel.contract import Report

# The sandbox hands back at most 8 MB of JSON; base64 makes a third more of what is kept.
EVIDENCE_MAX = 4 * 1024 * 1024
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

    Reports (done, total, phase=group or `services`, note=JSON with `open`, `rate` per second and `eta_s`).

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
        self.found: list[tuple[Host, int]] = []
        self.looked: dict[str, list[PortAnswer]] = {address: [] for address in hosts}
        self.not_looked = self.opened = self.evidence = 0
        self.late = False
        self.scanner = ConnectScanner(
            hosts,
            request.groups,
            request.limits,
            seed=request.seed,
            on_open=self._on_open,
            on_group=self._on_group,
            on_progress=self._on_progress,
        )

    def run(self) -> None:
        self.scanner.run()

    def _on_open(self, host: Host, port: int) -> None:
        self.opened += 1
        self.found.append((host, port))

    def _on_progress(self, group: Group, done: int, total: int, opened: int) -> None:
        del opened
        elapsed = max(1e-3, time.monotonic() - self.started)
        rate = self.scanner.probes / elapsed
        note = {"open": self.opened, "rate": round(rate), "eta_s": round((total - done) / rate, 1) if rate else None}
        self.report(done, total, phase=group.value, note=json.dumps(note, separators=(",", ":")))

    def _on_group(self, group: Group) -> None:
        """Look at what this group opened before the next group begins: critical services are known first."""
        del group
        fresh, self.found = sorted(self.found, key=lambda one: (one[0].address, one[1])), []
        if not (self.limits.services and fresh):
            return
        room = max(0, self.limits.services_max - sum(map(len, self.looked.values())))
        self.not_looked += max(0, len(fresh) - room)
        if fresh[:room] and not self.scanner.stopped:
            asyncio.run(self._look_at(fresh[:room]))

    async def _look_at(self, fresh: list[tuple[Host, int]]) -> None:
        done = 0
        waiting = iter(fresh)

        async def worker() -> None:
            nonlocal done
            for host, port in waiting:
                answer = await look(host.address, port, self.names[host.address], self.limits)
                self._keep(host.address, answer)
                done += 1
                self.report(done, len(fresh), phase="services", note=json.dumps({"open": self.opened}))

        try:
            async with asyncio.timeout(max(0.0, self.scanner.ends - time.monotonic())), asyncio.TaskGroup() as group:
                for _ in range(min(self.limits.looks_at_once, len(fresh))):
                    group.create_task(worker())
        except TimeoutError:
            self.late = True
            self.not_looked += len(fresh) - done

    def _keep(self, address: str, answer: PortAnswer) -> None:
        size = sum(len(reply.data) for reply in answer.replies) + (len(answer.tls.certificate) if answer.tls else 0)
        if self.evidence + size > EVIDENCE_MAX:
            self.not_looked += 1
            return
        self.evidence += size
        self.looked[address].append(answer)

    def answers(self, names: tuple[NameAnswer, ...]) -> ProbeAnswers:
        """Return everything, hosts in the order asked, ports sorted."""
        return ProbeAnswers(
            hosts=tuple(self._host(host) for host in self.scanner.hosts),
            names=names,
            probes=self.scanner.probes,
            elapsed=timedelta(seconds=round(time.monotonic() - self.started, 3)),
            stopped=self.scanner.stopped or (Stopped.TIMEOUT if self.late else None),
            notes=tuple(self._notes()),
        )

    def _host(self, host: Host) -> HostAnswer:
        srtt = host.pace.srtt
        return HostAnswer(
            address=host.address,
            name=self.names[host.address],
            tallies=host.tallies,
            open=_ranges(sorted(set(host.opened))),
            filtered=_ranges(sorted(set(host.filtered_ports))),
            skipped=_ranges(sorted(set(host.skipped_ports))),
            ports=tuple(sorted(self.looked[host.address], key=lambda one: one.port)),
            rtt_ms=None if srtt is None else round(srtt * 1000, 3),
        )

    def _notes(self) -> list[str]:
        said = Counter(self.scanner.trouble)
        notes = [TROUBLE.get(name, "The system refused {} connections (" + name + "); those ports count as unreachable.").format(count)
                 for name, count in sorted(said.items())]  # fmt: skip
        if not self.scanner.reuse:
            notes.append("This kernel does not let a refused socket be used again; the scan took a new one for each probe and was slower.")
        if self.not_looked:
            notes.append(
                f"{self.not_looked} open ports were not identified: time or the limit of {self.limits.services_max} per job was used up."
            )
        return notes


def _ranges(ports: list[int]) -> tuple[PortRange, ...]:
    found: list[PortRange] = []
    for port in ports:
        if found and found[-1][1] == port - 1:
            found[-1] = (found[-1][0], port)
        else:
            found.append((port, port))
    return tuple(found)
