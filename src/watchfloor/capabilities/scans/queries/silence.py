"""Findings on addresses that stayed silent: their ports were asked, and silence in two scans one after the other says that they are gone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from watchfloor.capabilities.scans.engine.known import know
from watchfloor.capabilities.scans.queries.known import coverage
from watchfloor.kernel.db.session import wire_of
from watchfloor.kernel.findings.ledger import SILENT, close_missing

if TYPE_CHECKING:
    from uuid import UUID

    from sqlalchemy.orm import Session

OPEN: Final = """
select a.id, a.key, f.protocol, array_agg(f.port), array(
    select jsonb_object_keys(h.counts) from host h where h.org = %(org)s and h.scan = %(scan)s and h.asset = a.id)
from finding f join asset a on a.org = f.org and a.id = f.asset and a.kind = 'host'
where f.org = %(org)s and f.capability = 'scans' and f.state in ('open', 'accepted') and f.port is not null
group by a.org, a.id, a.key, f.protocol order by a.id, f.protocol
"""


def fix_silent(session: Session, org: UUID, scan: UUID) -> list[UUID]:
    """Count a miss for each finding whose address answered nothing to the part of an ended scan that asked its port; return those fixed now.

    Parts that got an answer have said what they know. A scan that nobody at all answered proves nothing: the way to its targets may have
    been cut. Nor does a file of another scanner, which does not say whom it asked in vain.
    """
    wire = wire_of(session)
    row = wire.execute(
        "select actor from scan c where org = %s and id = %s and request->>'engine' is distinct from 'import' and exists (select 1 from host where org = c.org and scan = c.id)",
        (org, scan),
    ).fetchone()
    if row is None:
        return []
    covered = coverage(session, org, scan)
    jobs: dict[int, UUID] = dict(wire.execute("select n, job from shard where org = %s and scan = %s", (org, scan)).fetchall())
    fixed: list[UUID] = []
    for asset, address, protocol, ports, answered in wire.execute(OPEN, {"org": org, "scan": scan}).fetchall():
        for part in covered.of(address):
            known = know(address, [part], None)
            silent = set() if str(part.n) in answered else {port for port in ports if known.state((protocol, port)) == "filtered"}
            if silent:
                fixed += close_missing(
                    session, org, capability="scans", asset=asset, seen=(), job=jobs[part.n], actor=row[0] or "scans", reason=SILENT, ports=(),
                    filtered=silent, protocol=protocol, look=scan,
                )  # fmt: skip
    return fixed
