"""Write down what an import is made of, and read which hosts are known better than a file can know them."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, Final

from watchfloor.capabilities.scans.engine.ranges import merge, span
from watchfloor.capabilities.scans.schemas import ScanSummary
from watchfloor.capabilities.scans.schemas.ranges import port_ranges
from watchfloor.kernel.db.session import wire_of
from watchfloor.kernel.findings.ledger import MISSES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy.orm import Session

    from watchfloor.capabilities.scans.engine.imports.found import FoundHost
    from watchfloor.capabilities.scans.engine.imports.sighting import Part
    from watchfloor.capabilities.scans.engine.sight import Sighting


FIXES: Final = """
select count(*) from unnest(%(addresses)s::text[], %(protocols)s::text[], %(known)s::text[], %(silent)s::text[]) as t (address, protocol, known, silent)
join asset a on a.org = %(org)s and a.kind = 'host' and a.key = t.address
join finding f on f.org = a.org and f.asset = a.id and f.capability = 'scans' and f.state in ('open', 'accepted') and f.protocol = t.protocol
  and (f.port <@ t.known::int4multirange or f.port <@ t.silent::int4multirange and f.misses + 1 >= %(misses)s)
where not f.key = any (%(seen)s::text[])
"""


def part(found: Part, hosts: Sequence[FoundHost]) -> dict[str, Any]:
    """Return the row of a portion of hosts: who they are, and the ports that one of them was asked."""
    totals: Counter[str] = Counter()
    for one in found.sightings:
        totals.update({str(group): tally.open + tally.closed + tally.filtered for group, tally in one.tallies.items()})
    return {
        "request": {
            "spans": [(str(one.at(0)), str(one.at(one.size - 1))) for one in merge(span(ip_address(host.address)) for host in hosts)],
            "names": {host.address: host.name for host in hosts if host.name},
            "groups": [group.model_dump(mode="json") for group in found.groups],
        },
        "totals": dict(totals),
    }


def summary(found: Part) -> ScanSummary:
    """Count a portion as a part of any scan is counted."""
    tallies = [tally for one in found.sightings for tally in one.tallies.values()]
    return ScanSummary(
        hosts=len(found.sightings), open=sum(tally.open for tally in tallies), services=sum(len(one.services) for one in found.sightings),
        problems=sum(len(one.problems) for one in found.sightings), elapsed=timedelta(0),
    )  # fmt: skip


def without_job(session: Session, org: UUID, scan: UUID) -> None:
    """Say that no job works for a scan."""
    wire_of(session).execute("update scan set job = null where org = %s and id = %s", (org, scan))


def count_fixes(session: Session, org: UUID, sightings: Sequence[Sighting]) -> int:
    """Return how many findings these will fix: open ones where nothing was found again, and those that stay silent once too often."""
    values = {
        "org": org, "misses": MISSES, "addresses": [one.address for one in sightings], "protocols": [one.protocol for one in sightings],
        "known": [_ranges(one.known_ports) for one in sightings], "silent": [_ranges(one.filtered_ports) for one in sightings],
        "seen": [key for one in sightings for key in (*(problem.key for problem in one.problems), *one.unmade)],
    }  # fmt: skip
    row: Any = wire_of(session).execute(FIXES, values).fetchone()
    found: int = row[0]
    return found


def _ranges(ports: Iterable[int]) -> str:
    return "{" + ",".join(f"[{first},{last}]" for first, last in port_ranges(sorted(ports))) + "}"


def looked_at_since(session: Session, org: UUID, addresses: Sequence[str], at: datetime | None) -> frozenset[str]:
    """Return which known hosts were seen after a moment; all known ones when the moment is unknown."""
    sql = (
        "select key from asset where org = %s and kind = 'host' and key = any (%s) "
        "and (%s::timestamptz is null or last_seen > least(%s::timestamptz, wf_now()))"
    )
    return frozenset(row[0] for row in wire_of(session).execute(sql, (org, list(addresses), at, at)).fetchall())
