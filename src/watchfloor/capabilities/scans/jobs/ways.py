"""The other ways to look at a part of a scan: UDP ports, and nmap; each ends in the same rows as the usual way."""

from __future__ import annotations

from collections import Counter
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

from watchfloor.capabilities.scans.connect import ask_udp, nmap
from watchfloor.capabilities.scans.connect.nmap import run_nmap
from watchfloor.capabilities.scans.engine.imports.nmap import read_documents
from watchfloor.capabilities.scans.engine.imports.sighting import sighted
from watchfloor.capabilities.scans.engine.udp_sight import sight_udp
from watchfloor.capabilities.scans.jobs.refusal import write_down_all
from watchfloor.capabilities.scans.queries import learned, write
from watchfloor.capabilities.scans.schemas import Engine, ScanSummary, UdpRequest
from watchfloor.kernel import clock
from watchfloor.kernel.errors import GiveUp, OutOfScope, OutsideError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from watchfloor.capabilities.scans.engine.sight import Sighting
    from watchfloor.capabilities.scans.schemas import ProbeRequest
    from watchfloor.kernel.contract import JobContext


def another(taken: write.Taken) -> bool:
    """Tell whether a part is to be looked at in another way than by our own connections."""
    return bool(taken.part.udp) or taken.scan.request.engine is Engine.NMAP


def look(context: JobContext, taken: write.Taken, asked: ProbeRequest) -> ScanSummary:
    """Look at such a part and save what was learned; `asked` is what the usual way would be asked."""
    try:
        sightings, summary = _udp(context, taken, asked) if taken.part.udp else _nmap(context, taken, asked)
    except OutsideError as wrong:
        if isinstance(wrong, OutOfScope):
            write_down_all(context, [(wrong.target or "a part of the scan", str(wrong))])
        raise GiveUp(str(wrong)) from wrong
    # One order for all shards, so that their transactions do not wait for each other in a circle.
    ordered = sorted(sightings, key=lambda one: one.address)
    with context.transaction() as session:
        learned.save_part(session, context.org, taken, context.job_id, ordered, summary, actor=context.actor, known={})
    return summary


def _udp(context: JobContext, taken: write.Taken, asked: ProbeRequest) -> tuple[list[Sighting], ScanSummary]:
    request = UdpRequest(
        hosts=asked.hosts, ports=taken.part.udp, permitted=asked.permitted, timeout=asked.limits.timeout, max_rate=asked.limits.max_rate,
        checks=tuple(taken.scan.request.checks),
    )  # fmt: skip
    answers = context.sandbox(ask_udp, request)
    names = {host.address: host.name for host in asked.hosts}
    sightings = [one for host in answers.hosts if (one := sight_udp(host, names.get(host.address, ""), clock.now()))]
    left_out = (taken.part.size - len(asked.hosts)) * sum(last - first + 1 for first, last in taken.part.udp)
    return sightings, ScanSummary(
        **_counted(sightings), hosts=len(answers.hosts), probes=answers.probes, elapsed=answers.elapsed, stopped=answers.stopped,
        skipped=left_out + sum(host.skipped for host in answers.hosts), notes=(*answers.notes, *_unsure(sum(len(host.silent) for host in answers.hosts))),
    )  # fmt: skip


def _unsure(silent: int) -> tuple[str, ...]:
    return (f"{silent:,} UDP ports answered nothing: they are open or filtered, nobody can tell.",) if silent else ()


def _nmap(context: JobContext, taken: write.Taken, asked: ProbeRequest) -> tuple[list[Sighting], ScanSummary]:
    """Have nmap look in a box that may execute nmap, and have its words read in one that may execute nothing."""
    began, program = clock.now(), nmap.program()
    if program is None:
        raise GiveUp(nmap.MISSING)
    answers = context.sandbox(run_nmap, asked, programs=(program,))
    found = [host for document in context.sandbox(read_documents, answers).found for host in document.hosts]
    wanted = [port for group in asked.groups for first, last in group.ports for port in range(first, last + 1)]
    permitted = {ip_address(host.address) for host in asked.hosts}
    sightings = list(sighted([host for host in found if ip_address(host.address) in permitted], clock.now(), wanted=wanted).sightings)
    settled = sum(tally.open + tally.closed + tally.filtered for one in sightings for tally in one.tallies.values())
    # nmap says nothing about hosts that answered nothing, and nothing about those it had no time for.
    silent = 0 if answers.stopped else (len(asked.hosts) - len(sightings)) * len(wanted)
    total = taken.part.size * len(wanted)
    return sightings, ScanSummary(
        **_counted(sightings), hosts=len(asked.hosts), probes=settled + silent, elapsed=clock.now() - began, stopped=answers.stopped,
        skipped=max(0, total - settled - silent),
    )  # fmt: skip


def _counted(sightings: Sequence[Sighting]) -> dict[str, Any]:
    problems = [problem for one in sightings for problem in one.problems]
    return {
        "open": sum(tally.open for one in sightings for tally in one.tallies.values()), "services": sum(len(one.services) for one in sightings),
        "problems": len(problems), "by_severity": dict(Counter(problem.severity for problem in problems)),
    }  # fmt: skip
