"""Scans, hosts, services, findings and progress, as views."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from psycopg.rows import dict_row
from sqlalchemy import Select, and_, func, or_, select

from watchfloor.capabilities.scans.models import Host, Scan, ScanFinding, ScannedService
from watchfloor.capabilities.scans.queries.views import (
    GroupProgress,
    HostView,
    ScanFindingView,
    ScanProgress,
    ScanView,
    ServiceView,
)
from watchfloor.capabilities.scans.schemas import Group, Tally
from watchfloor.kernel.contract import Severity
from watchfloor.kernel.db.filters import matching, words
from watchfloor.kernel.db.keyset import LIMIT, Page, page
from watchfloor.kernel.db.session import wire_of
from watchfloor.kernel.errors import NotFound
from watchfloor.kernel.findings.models import Finding
from watchfloor.kernel.jobs.models import Job

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from sqlalchemy.orm import Session

STATES = ("draft", "planned", "running", "finished", "incomplete", "cancelled")
TARGETS_SHOWN = 100
NAMED = 3


def get_scan(session: Session, org: UUID, scan: UUID) -> ScanView:
    """Return one scan; raises NotFound."""
    row = session.execute(_scans(org).where(Scan.id == scan)).first()
    if row is None:
        message = f"there is no scan {scan}; `watchfloor scans list` shows those there are"
        raise NotFound(message)
    return _scan(row)


def find_task(session: Session, org: UUID, task: UUID) -> ScanView | None:
    """Return the scan that has this id or whose first job has it, or None."""
    row = session.execute(_scans(org).where(or_(Scan.id == task, Scan.job == task)).order_by(Scan.id == task).limit(1)).first()
    return _scan(row) if row else None


def list_scans(session: Session, org: UUID, *, state: str | None = None, limit: int = LIMIT, after: str | None = None) -> Page[ScanView]:
    """List scans, newest first; `state` takes states joined by commas."""
    query = matching(_scans(org), {Scan.state: words("state", state, STATES)})
    return page(session, query, [Scan.id], shape=_scan, limit=limit, after=after)


def _scans(org: UUID) -> Select[Scan, Job]:
    """Select scans with the job that decides what becomes of them next."""
    return (
        select(Scan, Job)
        .outerjoin(Job, and_(Job.org == Scan.org, Job.id == func.coalesce(Scan.finish_job, Scan.job)))
        .where(Scan.org == org)
    )


def _scan(row: Any) -> ScanView:  # noqa: ANN401 - a row of the query above, with or without its key
    scan: Scan = row[0]
    state, error, ended = _outcome(scan, row[1])
    targets = scan.request.get("targets", [])
    return ScanView(
        id=scan.id, name=scan.request.get("name") or _name(targets), state=state, targets=targets[:TARGETS_SHOWN], targets_total=len(targets), ports=scan.request.get("ports", ""),
        engine=scan.request.get("engine", "native"), error=error,
        job=scan.job, hosts=scan.hosts, hosts_up=scan.hosts_up, probes=scan.probes, open_ports=scan.open_ports, findings=scan.findings,
        not_looked_at=scan.not_looked_at, notes=scan.notes, actor=scan.actor, created_at=scan.created_at, started_at=scan.started_at,
        finished_at=ended,
    )  # fmt: skip


def _name(targets: Sequence[str]) -> str:
    return ", ".join(targets[:NAMED]) + (f" and {len(targets) - NAMED} more" if len(targets) > NAMED else "")


def _outcome(scan: Scan, job: Job | None) -> tuple[str, str | None, Any]:
    """A scan whose job was stopped from outside has ended too, though nobody was left to write that into its row."""
    if scan.finished_at is not None or job is None or job.finished_at is None or job.state == "SUCCESS":
        return scan.state, scan.error, scan.finished_at
    return ("cancelled" if job.state == "REVOKED" else "incomplete"), scan.error or job.reason, job.finished_at


def list_hosts(session: Session, org: UUID, scan: UUID, *, limit: int = LIMIT, after: str | None = None) -> Page[HostView]:
    """List the addresses that answered; raises NotFound for an unknown scan."""
    get_scan(session, org, scan)
    return page(session, select(Host).where(Host.org == org, Host.scan == scan), [Host.id], shape=_host, limit=limit, after=after)


def _host(row: Any) -> HostView:  # noqa: ANN401 - a row of the query above, with or without its key
    host: Host = row[0]
    sums: Counter[str] = Counter()
    for groups in host.counts.values():
        for tally in groups.values():
            sums.update(tally)
    return HostView(id=host.id, address=str(host.address), name=host.name, asset=host.asset, rtt_ms=host.rtt_ms, ports=Tally(**sums))


def list_services(
    session: Session,
    org: UUID,
    scan: UUID,
    *,
    name: str | None = None,
    port: int | None = None,
    limit: int = LIMIT,
    after: str | None = None,
) -> Page[ServiceView]:
    """List open ports with what answers there; raises NotFound for an unknown scan."""
    get_scan(session, org, scan)
    joined = select(ScannedService, Host).join(Host, and_(Host.org == ScannedService.org, Host.id == ScannedService.host))
    query = matching(joined.where(ScannedService.org == org, ScannedService.scan == scan), {ScannedService.name: words("name", name)})
    if port is not None:
        query = query.where(ScannedService.port == port)
    return page(session, query, [ScannedService.id], shape=service_view, limit=limit, after=after)


def service_view(row: Any) -> ServiceView:  # noqa: ANN401 - a row of service and host, with or without its key
    """Return an open port as people read it."""
    service: ScannedService = row[0]
    host: Host = row[1]
    return ServiceView(
        id=service.id, address=str(host.address), host_name=host.name, port=service.port, protocol=service.protocol, group=service.port_group,
        name=service.name, product=service.product, version=service.version, confidence=service.confidence, detail=service.detail,
    )  # fmt: skip


def list_scan_findings(
    session: Session, org: UUID, scan: UUID, *, severity: str | None = None, limit: int = LIMIT, after: str | None = None
) -> Page[ScanFindingView]:
    """List what a scan found wrong, gravest first; raises NotFound for an unknown scan."""
    get_scan(session, org, scan)
    joined = select(Finding, ScanFinding).join(ScanFinding, and_(ScanFinding.org == Finding.org, ScanFinding.finding == Finding.id))
    query = matching(
        joined.where(ScanFinding.org == org, ScanFinding.scan == scan), {Finding.severity: words("severity", severity, Severity)}
    )
    return page(session, query, [Finding.severity_rank, Finding.id], shape=_finding, limit=limit, after=after)


def _finding(row: Any) -> ScanFindingView:  # noqa: ANN401 - a row of the query above, with or without its key
    found: Finding = row[0]
    seen: ScanFinding = row[1]
    return ScanFindingView(
        id=found.id, key=found.key, check=found.check, title=found.title, severity=Severity(found.severity), target=found.target,
        protocol=found.protocol, port=found.port, description=found.description, evidence=str(found.evidence.get("text", "")),
        remedy=found.remedy, references=found.references, state=found.state, accepted_until=found.accepted_until, reason=found.reason,
        is_new=seen.is_new, first_seen=found.first_seen,
        last_seen=found.last_seen,
    )  # fmt: skip


# While a scan runs a part that ended counts as done, or its group would never be; afterwards only what was settled does.
TOTALS = """
select t.key, sum(t.value::bigint)::bigint, coalesce(sum(case
    when s.state not in ('finished', 'abandoned') then 0
    when %(active)s or s.state = 'finished' and coalesce((s.summary->>'skipped')::bigint, 0) = 0 then t.value::bigint
    when s.summary->'settled' <> '{}' then coalesce((s.summary->'settled'->>t.key)::bigint, 0)
    when s.state = 'finished' then greatest(0, t.value::bigint - (s.summary->>'skipped')::bigint)
    else 0 end), 0)::bigint
from shard s cross join jsonb_each_text(s.totals) t where s.org = %(org)s and s.scan = %(scan)s group by t.key
"""
ENDED = """
select count(*), count(*) filter (where state in ('finished', 'abandoned')),
  coalesce(sum((summary->>'open')::int) filter (where state in ('finished', 'abandoned')), 0)::bigint
from shard where org = %(org)s and scan = %(scan)s
"""
RUNNING = """
select s.n, s.totals, s.summary, p.phase, p.done, p.note from shard s
left join job_progress p on p.org = s.org and p.job = s.job where s.org = %(org)s and s.scan = %(scan)s and s.state = 'taken' order by s.n
"""
SLOWED = "a limit of rate, this scan's own or one that all scans share, holds it back just now"


def scan_progress(session: Session, org: UUID, scan: UUID) -> ScanProgress:
    """Return how far a scan is, over all its shards; raises NotFound."""
    view, wire = get_scan(session, org, scan), wire_of(session)
    active = view.state == "running"
    values = {"org": org, "scan": scan, "active": active}
    totals: Any = wire.execute(TOTALS, values).fetchall()
    counted: Any = wire.execute(ENDED, values).fetchone()
    running = wire.cursor(row_factory=dict_row).execute(RUNNING, values).fetchall()
    total: Counter[str] = Counter({row[0]: row[1] for row in totals})
    done: Counter[str] = Counter({row[0]: row[2] for row in totals})
    for shard in running:
        done.update(_done(shard))
    groups = [GroupProgress(group=group, done=done[group], total=total[group]) for group in Group if total[group]]
    present = next((one for one in groups if one.done < one.total), None)
    rates = [(_number(_note(shard), "rate"), _number(_note(shard), "loss")) for shard in running if shard["phase"] in shard["totals"]]
    rate = sum(one for one, _loss in rates)
    return ScanProgress(
        scan=scan, state=view.state, phase=_phase(view.state, present, looking=any(shard["phase"] == "services" for shard in running)),
        current_group=present.group if present and active else None, group_size=present.total if present and active else 0,
        done=done.total(), total=total.total(), percent=_percent(done.total(), total.total()),
        open=counted[2] + sum(_opened(shard) for shard in running), rate=rate if active and rates else None,
        loss=round(sum(one * loss for one, loss in rates) / rate, 4) if active and rate else None,
        eta_s=_left(session, view, done.total(), total.total()), waits=_waits(running) if active else None,
        shards_done=counted[1], shards_total=counted[0], groups=groups,
    )  # fmt: skip


def _percent(done: int, total: int) -> float:
    """Round down, so that 100 means all."""
    return done * 1000 // total / 10 if total else 0.0


def _done(shard: dict[str, Any]) -> dict[str, int]:
    """Return a running shard's settled ports by group: what it last reported, or, where that is more, what it saved."""
    saved: dict[str, int] = shard["summary"].get("settled", {})
    reported = _reported(shard)
    return {group: min(total, max(saved.get(group, 0), reported.get(group, 0))) for group, total in shard["totals"].items()}


def _reported(shard: dict[str, Any]) -> dict[str, int]:
    """Groups run in order, so those before the present one are complete; a way that knows no groups tells of how many it has `done`."""
    totals: dict[str, int] = shard["totals"]
    if whole := _number(_note(shard), "of"):
        return {group: int(size * min(shard["done"], whole) / whole) for group, size in totals.items()}
    present = shard["phase"] if shard["phase"] in totals else _note(shard).get("group")
    settled: dict[str, int] = {}
    for group in Group:
        if group == present:
            return settled | {group: totals[group] if shard["phase"] == "services" else min(shard["done"], totals[group])}
        if present in totals and group in totals:
            settled[group] = totals[group]
    return {}


def _opened(shard: dict[str, Any]) -> int:
    return int(max(_number(_note(shard), "open"), _number(shard["summary"], "open")))


def _waits(running: list[dict[str, Any]]) -> str | None:
    notes = [_note(shard) for shard in running]
    waits = next((note["waits"] for note in notes if isinstance(note.get("waits"), str)), None)
    return waits or (SLOWED if any(note.get("held_back") for note in notes) else None)


def _number(held: dict[str, Any], name: str) -> float:
    found = held.get(name)
    return found if isinstance(found, int | float) else 0.0


def _note(shard: dict[str, Any]) -> dict[str, Any]:
    try:
        found = json.loads(shard["note"] or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _phase(state: str, present: GroupProgress | None, *, looking: bool) -> str:
    if state != "running":
        return "planning" if state == "planned" else state
    return "services" if looking else present.group if present else "finishing"


def _left(session: Session, view: ScanView, done: int, total: int) -> float | None:
    """Return the seconds left at the pace so far; None while there is no pace to speak of."""
    if view.state != "running" or not done or view.started_at is None:
        return None
    row: Any = wire_of(session).execute("select extract(epoch from wf_now() - %s)::float8", (view.started_at,)).fetchone()
    return float(round(max(0.0, row[0]) * (total - done) / done, 1))


def by_severity(session: Session, org: UUID, scan: UUID) -> dict[Severity, int]:
    """Count what a scan found wrong and nobody accepted, by severity."""
    sql = (
        "select f.severity, count(*) from scan_finding s join finding f on f.org = s.org and f.id = s.finding "
        "where s.org = %s and s.scan = %s and wf_finding_state(f.state, f.accepted_until) = 'open' group by f.severity"
    )
    return {Severity(row[0]): row[1] for row in wire_of(session).execute(sql, (org, scan)).fetchall()}
