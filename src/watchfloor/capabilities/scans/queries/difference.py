"""Compare a scan with the one before it: load both a page of hosts at a time, let the engine judge, tell when something changed."""

from __future__ import annotations

import hashlib
import json
from functools import reduce
from typing import TYPE_CHECKING, Any, Final

from psycopg.rows import dict_row

from watchfloor.capabilities.scans.engine.difference import Comparison, Difference, FindingStates
from watchfloor.capabilities.scans.engine.known import Answers, Known, Place, know, over
from watchfloor.capabilities.scans.engine.plan import ports_by_protocol
from watchfloor.capabilities.scans.engine.ranges import subtract
from watchfloor.capabilities.scans.engine.targets import parse_exclusions, parse_targets
from watchfloor.capabilities.scans.queries.known import coverage, hosts_of, pages
from watchfloor.capabilities.scans.queries.silence import fix_silent
from watchfloor.capabilities.scans.schemas import Engine
from watchfloor.kernel.contract import Severity
from watchfloor.kernel.db.session import wire_of
from watchfloor.kernel.errors import Conflict, NotFound
from watchfloor.kernel.events.outbox import emit

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from uuid import UUID

    from sqlalchemy.orm import Session

BACK: Final = 8  # incomplete scans in a row that the knowledge of earlier ones is laid under


def announce(session: Session, org: UUID, scan: UUID, *, job: UUID | None) -> Difference | None:
    """Settle what went silent, note which scan came before this one, emit `scans.changed` when something is different now.

    Call it in the transaction that ends the scan. Returns what is different, or None when there was no scan of the same targets and ports before.
    """
    wire = wire_of(session)
    looked = wire.execute(
        "select 1 from scan c where org = %s and id = %s and (silent_hosts <> '[]' or exists (select 1 from shard s where s.org = c.org "
        "and s.scan = c.id and s.state = 'finished'))",
        (org, scan),
    ).fetchone()
    if looked is None:  # it knows nothing: the next scan is compared with the one before this
        return None
    fix_silent(session, org, scan)
    subject = _subject(_row(session, org, scan)["request"])
    wire.execute(
        "update scan set subject = %(subject)s, previous_scan = (select id from scan where org = %(org)s and subject = %(subject)s "
        "and id <> %(scan)s and finished_at is not null order by finished_at desc limit 1) where org = %(org)s and id = %(scan)s",
        {"subject": subject, "org": org, "scan": scan},
    )
    base = previous(session, org, scan)
    if base is None:
        return None
    found = difference(session, org, scan)
    if found.changed:
        worse = [one.severity for one in found.findings if one.change != "fixed"]
        data = {
            "scan": str(scan), "base": str(base), "counts": found.counts.model_dump(exclude_defaults=True),
            "not_compared": found.not_compared.model_dump(),
        }  # fmt: skip
        emit(session, org, "scans.changed", severity=max(worse, key=lambda one: one.rank, default=Severity.INFO), data=data, job=job)
    return found


def previous(session: Session, org: UUID, scan: UUID) -> UUID | None:
    """Return the scan of the same targets and ports that ended last before this one ended, or None."""
    row = _row(session, org, scan)
    if row["subject"]:
        found: UUID | None = row["previous_scan"]
        return found
    # This one has not ended yet, or was cancelled.
    sql = "select id from scan where org = %s and subject = %s and finished_at is not null and created_at < %s order by finished_at desc limit 1"
    newest = wire_of(session).execute(sql, (org, _subject(row["request"]), row["created_at"])).fetchone()
    return newest[0] if newest else None


def difference(session: Session, org: UUID, scan: UUID, base: UUID | None = None) -> Difference:
    """Return what changed from `base`, by default the scan before of the same targets, to `scan`.

    Where the scan before did not look at everything, those before it fill its gaps; a base that was named stands for itself.

    Raises:
        NotFound: There is no such scan.
        Conflict: There is no scan of the same targets before, or the base has not ended.
    """
    before = base or previous(session, org, scan)
    if before is None:
        raise Conflict(f"there is no scan of the same targets and ports before {scan}; name the one to compare with")
    bases = [before] if base else list(_chain(session, org, before))
    present, newest, oldest = (_row(session, org, one) for one in (scan, before, bases[-1]))
    if newest["finished_at"] is None:
        raise Conflict(f"scan {before} has not ended; nothing can be compared with it yet")
    comparison = Comparison()
    for looks in _looks(session, org, scan, bases):
        earlier = _earlier(session, org, looks, before=oldest["created_at"])
        for old, new in looks:
            comparison.host(old, new, earlier.get(new.address, ()))
    for states in _findings(session, org, present, newest):
        comparison.finding(states)
    return comparison.result(base=before, scan=scan)


def _looks(session: Session, org: UUID, scan: UUID, bases: Sequence[UUID]) -> Iterator[list[tuple[Known, Known]]]:
    """Yield pages of hosts as they were known before and as the scan found them, in the order of their addresses."""
    scans = [scan, *bases]
    covered = {one: coverage(session, org, one) for one in scans}
    for addresses in pages(session, org, scans):
        hosts = hosts_of(session, org, scans, addresses)

        def known(one: UUID, address: str, hosts: dict[tuple[UUID, str], Answers] = hosts) -> Known:
            return know(address, covered[one].of(address), hosts.get((one, address)), sought=covered[one].sought(address))

        yield [(reduce(over, (known(one, address) for one in bases)), known(scan, address)) for address in addresses]


def _chain(session: Session, org: UUID, scan: UUID) -> Iterator[UUID]:
    """Yield a scan and, while they did not look at everything, those before it."""
    for _ in range(BACK):
        yield scan
        row = _row(session, org, scan)
        if row["state"] == "finished" or row["previous_scan"] is None:
            return
        scan = row["previous_scan"]


def _row(session: Session, org: UUID, scan: UUID) -> dict[str, Any]:
    sql = "select id, request, state, subject, previous_scan, created_at, started_at, finished_at from scan where org = %s and id = %s"
    found = wire_of(session).cursor(row_factory=dict_row).execute(sql, (org, scan)).fetchone()
    if found is None:
        raise NotFound(f"there is no scan {scan}; `watchfloor scans list` shows those there are")
    return found


def _subject(request: dict[str, Any]) -> str:
    """Return one word for what a request looks at, however its targets and ports are written."""
    wanted, excluded = parse_targets(request["targets"]), parse_exclusions(request.get("exclude") or [])
    asked = {
        "spans": subtract(wanted.spans, excluded.spans), "names": sorted(wanted.names), "tags": sorted(wanted.tags),
        "excluded": sorted(excluded.names), **_ports(request),
    }  # fmt: skip
    return hashlib.sha256(json.dumps(asked, sort_keys=True, default=list).encode()).hexdigest()


def _ports(request: dict[str, Any]) -> dict[str, Any]:
    """Return what was asked of each target; a file of another scanner is compared with other files."""
    if request.get("engine") == Engine.IMPORT:
        return {"ports": "imported"}
    groups, udp = ports_by_protocol(request["ports"])
    tcp = sorted(port for group in groups for first, last in group.ports for port in range(first, last + 1))
    return {"ports": tcp, "udp": udp} if udp else {"ports": tcp}


def _earlier(session: Session, org: UUID, looks: Sequence[tuple[Known, Known]], *, before: Any) -> dict[str, set[Place]]:  # noqa: ANN401 - a moment of the database
    """Return which of the ports that opened had been open in a scan before those that are compared."""
    opened = [(new.address, *place) for old, new in looks for place in new.services if old.state(place) in {"closed", "filtered"}]
    if not opened:
        return {}
    found: dict[str, set[Place]] = {}
    rows = wire_of(session).execute(
        "select distinct t.address, t.protocol, t.port from unnest(%(addresses)s::text[], %(protocols)s::text[], %(ports)s::int[]) t (address, protocol, port) "
        "join asset a on a.org = %(org)s and a.kind = 'host' and a.key = t.address "
        "join host h on h.org = %(org)s and h.asset = a.id join scan c on c.org = %(org)s and c.id = h.scan and c.created_at < %(before)s "
        "join service s on s.org = %(org)s and s.host = h.id and s.protocol = t.protocol and s.port = t.port",
        {"org": org, "before": before, **{name: [one[n] for one in opened] for n, name in enumerate(("addresses", "protocols", "ports"))}},
    )
    for address, protocol, port in rows:
        found.setdefault(address, set()).add((protocol, port))
    return found


# What a file of another scanner changes, its scan changes itself: no jobs work for that.
FINDINGS: Final = """
with seen as (
  select finding from scan_finding where org = %(org)s and scan in (%(scan)s, %(base)s)
  union select c.finding from shard s join finding_change c on c.org = s.org and c.job = s.job where s.org = %(org)s and s.scan = %(scan)s
  union select finding from finding_change where org = %(org)s and job = %(scan)s)
select f.id as finding, f."check", f.title, f.severity, f.target, f.protocol, f.port,
  (select to_state from finding_change c where c.org = f.org and c.finding = f.id and (c.at <= %(began)s
    or c.job in (select job from shard s where s.org = f.org and s.scan = %(base)s union all select %(base)s)) order by c.at desc, c.id desc limit 1) as before,
  (select to_state from finding_change c where c.org = f.org and c.finding = f.id and (c.at <= coalesce(%(now)s, wf_now())
    or c.job in (select job from shard s where s.org = f.org and s.scan = %(scan)s union all select %(scan)s)) order by c.at desc, c.id desc limit 1) as after
from seen join finding f on f.org = %(org)s and f.id = seen.finding order by f.severity_rank desc, f.target, f.port, f."check", f.id
"""


def _findings(session: Session, org: UUID, scan: dict[str, Any], base: dict[str, Any]) -> Iterator[FindingStates]:
    """Yield what either scan saw, or this one found gone, with its state as the base left it and at the end of this one.

    What other scans found while the base ran is not what the base knew.
    """
    values = {
        "org": org,
        "scan": scan["id"],
        "base": base["id"],
        "began": base["started_at"],
        "now": scan["finished_at"],
    }
    with wire_of(session).cursor(f"findings_{scan['id'].hex}", row_factory=dict_row) as cursor:
        for row in cursor.execute(FINDINGS, values):
            yield FindingStates(**row)
