"""Write down what an import is made of, and read which hosts are known better than a file can know them."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

from watchfloor.capabilities.scans.engine.ranges import merge, span
from watchfloor.capabilities.scans.schemas import ScanSummary
from watchfloor.kernel.db.session import wire_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy.orm import Session

    from watchfloor.capabilities.scans.engine.imports.found import FoundHost
    from watchfloor.capabilities.scans.engine.imports.sighting import Part


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


def looked_at_since(session: Session, org: UUID, addresses: Sequence[str], at: datetime | None) -> frozenset[str]:
    """Return which known hosts were seen after a moment; all known ones when the moment is unknown."""
    sql = (
        "select key from asset where org = %s and kind = 'host' and key = any (%s) "
        "and (%s::timestamptz is null or last_seen > least(%s::timestamptz, wf_now()))"
    )
    return frozenset(row[0] for row in wire_of(session).execute(sql, (org, list(addresses), at, at)).fetchall())
