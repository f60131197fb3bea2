"""A scan's part of a report: open ports, hosts, what changed; rows, never markup."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from uuid import UUID  # noqa: TC003 - psycopg makes rows of it

from psycopg.rows import dict_row
from sqlalchemy import func, select

from watchfloor.capabilities.scans.engine.french import FRENCH
from watchfloor.capabilities.scans.engine.german import GERMAN
from watchfloor.capabilities.scans.engine.spanish import SPANISH
from watchfloor.capabilities.scans.models import Scan
from watchfloor.capabilities.scans.queries import difference, read
from watchfloor.kernel.db.session import wire_of
from watchfloor.kernel.errors import InvalidInput
from watchfloor.kernel.sections import Column, Redact, ReportSection, Scope, SectionTable, Selection, Sort, Told

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sqlalchemy.orm import Session

    from watchfloor.capabilities.scans.engine.difference import Difference, PortChange
    from watchfloor.capabilities.scans.queries.views import ScanView

AT_ONCE: Final = 500
NAMED: Final = 10
METHOD: Final = (
    "Every port was asked for a TCP connection; silent ones were asked again before they counted as filtered.",
    "What answers was identified from its greeting, its answer to a plain HTTP request and its TLS handshake. Nobody signed in anywhere.",
)
# What the scan saw, and what others know of the assets that answered to it.
FINDINGS: Final = """
select s.finding as id, null::text as change from scan_finding s where s.org = %(org)s and s.scan = %(scan)s
union select f.id, null from finding f where f.org = %(org)s and f.capability <> 'scans' and f.state <> 'fixed'
  and f.asset in (select h.asset from host h where h.org = %(org)s and h.scan = %(scan)s)
"""
# A finding that only the earlier scan saw is fixed when something proved it; otherwise nobody knows.
COMPARED: Final = """
select coalesce(n.finding, b.finding) as id, case when n.finding is not null and b.finding is not null then 'unchanged'
    when b.finding is null then case when n.is_new then 'new' else 'returned' end
    when f.state = 'fixed' then 'fixed' else 'unknown' end as change
from (select finding, is_new from scan_finding where org = %(org)s and scan = %(scan)s) n
full join (select finding from scan_finding where org = %(org)s and scan = %(base)s) b on b.finding = n.finding
join finding f on f.org = %(org)s and f.id = coalesce(n.finding, b.finding)
union select f.id, case when f.fixed_at is not null then 'fixed' when f.first_seen > p.at then 'new' else 'unchanged' end
from finding f cross join (select coalesce(finished_at, created_at) as at from scan where org = %(org)s and id = %(base)s) p
where f.org = %(org)s and f.capability <> 'scans' and (f.fixed_at is null or f.fixed_at > p.at)
  and f.asset in (select h.asset from host h where h.org = %(org)s and h.scan in (%(scan)s, %(base)s))
"""
SERVICES: Final = """
select host(h.address) as address, h.name as host, s.port, s.protocol, nullif(s.name, 'unknown') as service, s.product, s.version,
  s.detail ->> 'tls_version' as tls, s.detail ->> 'cpe' as cpe, s.detail -> 'certificate' ->> 'not_after' as certificate_ends
from service s join host h on h.org = s.org and h.id = s.host where s.org = %(org)s and s.scan = %(scan)s order by h.address, s.port, s.protocol
"""
HOSTS: Final = """
select host(h.address) as address, h.name, coalesce(sum((t.value ->> 'open')::bigint), 0)::bigint as open,
  coalesce(sum((t.value ->> 'closed')::bigint), 0)::bigint as closed, coalesce(sum((t.value ->> 'filtered')::bigint), 0)::bigint as filtered,
  coalesce(sum((t.value ->> 'skipped')::bigint), 0)::bigint as skipped, h.rtt_ms
from host h left join lateral jsonb_each(h.counts) p on true left join lateral jsonb_each(p.value) t on true
where h.org = %(org)s and h.scan = %(scan)s group by h.id, h.address, h.name, h.rtt_ms order by h.address
"""
WATERMARK: Final = """
select c.state, c.finished_at, c.hosts_up, c.open_ports, c.findings, (select max(changed_at) from service s where s.org = c.org and s.scan = c.id)
from scan c where c.org = %(org)s and c.id = %(scan)s
"""
TOP: Final = """
select coalesce(nullif(name, 'unknown'), 'not identified') as label, count(*)::int as value from service
where org = %(org)s and scan = %(scan)s group by 1 order by 2 desc, 1 limit 12
"""


def accepts(session: Session, org: UUID, scope: Scope) -> bool:
    """Tell whether a scope is about scans of this organisation.

    Raises:
        InvalidInput: The scan to compare with began later: what is new would be called fixed.
    """
    wanted = {one for one in (scope.scan, scope.base) if one is not None}
    rows = session.execute(
        select(Scan.id, func.coalesce(Scan.started_at, Scan.created_at)).where(Scan.org == org, Scan.id.in_(wanted))
    ).all()
    began = {row[0]: row[1] for row in rows}
    if scope.scan in began and scope.base in began and began[scope.base] > began[scope.scan]:
        message = "base_scan_id is the earlier of two scans; this one began later, so exchange them"
        raise InvalidInput(message, field="/base_scan_id")
    return bool(wanted) and len(began) == len(wanted)


def watermark(session: Session, org: UUID, scope: Scope) -> str | None:
    """Return a word for what the scans know; None while one of them runs."""
    told = [_row(session, WATERMARK, org, scan) for scan in (scope.scan, scope.base) if scan is not None]
    return None if any(one["finished_at"] is None for one in told) else "|".join(str(value) for one in told for value in one.values())


def selected(session: Session, org: UUID, scope: Scope) -> Selection:
    """Return the findings of a scan, or of two with how they differ."""
    del session, org
    return Selection(sql=COMPARED if scope.base else FINDINGS, values={"scan": scope.scan, "base": scope.base})


def tell(session: Session, org: UUID, scope: Scope) -> Told:
    """Return what the scan was, and its numbers."""
    view = read.get_scan(session, org, _scan(scope))
    top = [dict(row) for row in _rows(session, TOP, org, scope)]
    chart = {"kind": "bars", "title": "Services found most", "unit": "open ports", "series": [{"label": "open ports", "points": top}]}
    return Told(
        title="Exposed services", summary=_summary(view), state="" if view.state == "finished" else view.state, subject=", ".join(view.targets[:NAMED]),
        figures=(
            ("Addresses looked at", view.hosts, ""), ("Addresses that answered", view.hosts_up, ""), ("Open ports", view.open_ports, ""),
        ),
        charts=(chart,) if top else (), notes=(*view.notes, *_compared(session, org, scope, view)), not_looked_at=view.not_looked_at, method=METHOD,
    )  # fmt: skip


def _scan(scope: Scope) -> UUID:
    assert scope.scan is not None  # noqa: S101 - `accepts` saw to it
    return scope.scan


def _summary(view: ScanView) -> str:
    targets = ", ".join(view.targets[:NAMED]) + (f" and {view.targets_total - NAMED} more" if view.targets_total > NAMED else "")
    ended = {
        "finished": "Everything that was asked for was looked at.",
        "cancelled": "The scan was cancelled before its end.",
        "running": "The scan is in progress: this is what was known at the moment of this report.",
    }
    return f"Targets: {targets}. Ports: {view.ports}. {ended.get(view.state, 'Not everything was looked at.')}"


def _base(session: Session, org: UUID, scope: Scope) -> UUID | None:
    return scope.base or difference.previous(session, org, _scan(scope))


def _compared(session: Session, org: UUID, scope: Scope, view: ScanView) -> Iterator[str]:
    """Yield sentences about the comparison with the scan before."""
    base = _base(session, org, scope) if view.finished_at is not None and view.targets else None
    if base is None:
        yield "This is the first scan of these targets and ports: there is nothing to compare it with."
        return
    before = read.get_scan(session, org, base)
    found = difference.difference(session, org, view.id, base)
    when = f" of {before.finished_at:%d %B %Y, %H:%M} UTC" if before.finished_at else ""
    yield f"Compared with the scan{when}."
    if found.cut:
        yield "Only the first 1,000 changes of each kind are listed; the API counts all."
    missed = found.not_compared
    if missed.hosts or missed.ports:
        yield f"Not compared, because one of the scans did not look there: {missed.hosts:,} hosts and {missed.ports:,} ports."


def _changes(session: Session, org: UUID, scope: Scope) -> Iterator[Mapping[str, Any]]:
    view = read.get_scan(session, org, _scan(scope))
    base = _base(session, org, scope) if view.finished_at is not None and view.targets else None
    if base is None:
        return
    names = ("what", "where", "port", "change", "before", "now")
    found = difference.difference(session, org, view.id, base)
    for row in _change_rows(found, _listed(session, org, scope, found)):
        yield dict(zip(names, row, strict=True))


def _listed(session: Session, org: UUID, scope: Scope, found: Difference) -> frozenset[UUID]:
    """Return those of the changed findings that the report lists."""
    ids = [one.finding for one in found.findings]
    if scope.filters is None:
        return frozenset(ids)
    sql = f"select f.id from finding f where f.org = %(org)s and f.id = any (%(ids)s) and {scope.filters.condition()}"  # noqa: S608 - our own columns
    return frozenset(row[0] for row in wire_of(session).execute(sql, {**scope.filters.values, "org": org, "ids": ids}).fetchall())


def _change_rows(found: Difference, listed: frozenset[UUID]) -> Iterator[tuple[str, str, str, str, str, str]]:
    for host in found.hosts:
        if host.change != "changed":  # what changed on a host is in the lines that follow
            yield "Host", f"{host.address} {host.name}".strip(), "", host.change, "", ""
    for port in found.ports:
        told = " ".join(part for part in (port.service, port.product, port.version) if part)
        yield "Port", port.address, f"{port.port}/{port.protocol}", _word(port), *(("", told) if "open" in port.change else (told, ""))
    for service in found.services:
        yield "Service", service.address, f"{service.port}/{service.protocol}", service.field, service.before, service.after
    for one in found.findings:
        if one.finding not in listed:
            continue
        where = "" if one.port is None else f"{one.port}/{one.protocol}"
        yield "Finding", one.target, where, one.change, *(("", one.title) if one.change != "fixed" else (one.title, ""))


def _word(port: PortChange) -> str:
    return {"reopened": "opened again", "filtered": "silent now"}.get(port.change, port.change)


def _services(session: Session, org: UUID, scope: Scope) -> Iterator[Mapping[str, Any]]:
    return _rows(session, SERVICES, org, scope)


def _hosts(session: Session, org: UUID, scope: Scope) -> Iterator[Mapping[str, Any]]:
    return _rows(session, HOSTS, org, scope)


def _rows(session: Session, sql: str, org: UUID, scope: Scope) -> Iterator[Mapping[str, Any]]:
    with wire_of(session).cursor("report_scans", row_factory=dict_row) as cursor:
        cursor.itersize = AT_ONCE
        cursor.execute(sql, {"org": org, "scan": scope.scan})
        yield from cursor


def _row(session: Session, sql: str, org: UUID, scan: UUID) -> dict[str, Any]:
    found = wire_of(session).cursor(row_factory=dict_row).execute(sql, {"org": org, "scan": scan}).fetchone()
    assert found is not None  # noqa: S101 - `accepts` saw to it
    return found


# What may have happened to a host, a port or a finding, and which property of a service is another.
CHANGES: Final = (
    *("new", "gone", "opened", "opened again", "closed", "silent now", "fixed", "returned"),
    *("name", "product", "version", "revision", "tls", "certificate"),
)
ADDRESS: Final = Column(name="address", title="Address", sort=Sort.CODE, redact=Redact.ASSET)
section: Final = ReportSection(
    title="Exposed services", order=20, accepts=accepts, watermark=watermark, tell=tell, findings=selected, words={"de": GERMAN, "es": SPANISH, "fr": FRENCH},
    tables=(
        SectionTable(
            name="changes", title="What changed", rows=_changes, empty="Nothing changed, or there is no earlier scan to compare with.",
            columns=(
                Column(name="what", title="What", words=("Host", "Port", "Service", "Finding")), Column(name="where", title="Where", sort=Sort.CODE, redact=Redact.ASSET), Column(name="port", title="Port"),
                Column(name="change", title="Change", words=CHANGES), Column(name="before", title="Before"), Column(name="now", title="Now"),
            ),
        ),
        SectionTable(
            name="services", title="Open ports", rows=_services, empty="No open port was seen.",
            columns=(
                ADDRESS, Column(name="host", title="Name", redact=Redact.ASSET), Column(name="port", title="Port", sort=Sort.NUMBER),
                Column(name="protocol", title="Protocol"), Column(name="service", title="Service"), Column(name="product", title="Product"),
                Column(name="version", title="Version"), Column(name="tls", title="TLS"), Column(name="cpe", title="CPE", sort=Sort.CODE),
                Column(name="certificate_ends", title="Certificate ends"),
            ),
        ),
        SectionTable(
            name="hosts", title="Hosts", rows=_hosts, empty="No address answered.",
            columns=(
                ADDRESS, Column(name="name", title="Name", redact=Redact.ASSET), Column(name="open", title="Open", sort=Sort.NUMBER),
                Column(name="closed", title="Closed", sort=Sort.NUMBER), Column(name="filtered", title="Filtered", sort=Sort.NUMBER),
                Column(name="skipped", title="Not looked at", sort=Sort.NUMBER), Column(name="rtt_ms", title="Answers after", sort=Sort.NUMBER, unit="ms"),
            ),
        ),
    ),
)  # fmt: skip
