"""Keep what another scanner saw as a scan of its own, under the same scope and the same checks."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING, Final

from watchfloor.capabilities.scans.engine import scope as allowing
from watchfloor.capabilities.scans.engine.imports.sighting import sighted
from watchfloor.capabilities.scans.engine.ranges import merge, span
from watchfloor.capabilities.scans.queries import difference, importing, learned, read, write
from watchfloor.capabilities.scans.queries.scope import scope_of
from watchfloor.capabilities.scans.schemas import TARGETS_MAX, Engine, ScanRequest
from watchfloor.kernel import clock
from watchfloor.kernel.audit.record import record
from watchfloor.kernel.contract import Severity
from watchfloor.kernel.db.ids import new_id
from watchfloor.kernel.errors import InvalidInput, OutOfScope
from watchfloor.kernel.events.outbox import emit

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from uuid import UUID

    from sqlalchemy.orm import Session

    from watchfloor.capabilities.scans.engine.imports.found import FoundHost, Imported
    from watchfloor.capabilities.scans.engine.ranges import Span
    from watchfloor.kernel.jobs.ledger import Ledger

HOSTS_AT_ONCE: Final = 500
SHOWN: Final = 5
TOLD_MAX: Final = 500


def import_scan(ledger: Ledger, org: UUID, found: Imported, *, actor: str) -> UUID:
    """Keep what a file says and return the scan's id; hosts are saved in portions, the scan ends when all are.

    Hosts outside the scope are left out and named. A finding closes only where the file proves its port closed, and neither opens nor
    closes on a host that was looked at after the file was written.

    Raises:
        InvalidInput: The file names no host that answered.
        OutOfScope: None of its hosts is in the scope.
    """
    with ledger.database.transaction(org) as session:
        hosts, missed = _in_scope(session, org, found)
        scan = _begin(session, org, found, hosts, missed, actor=actor)
    notes = list(found.notes)
    settled = told = 0
    for portion in _portions(hosts):
        with ledger.database.transaction(org) as session:
            newer, news = _save(session, org, scan, found, portion, told, actor=actor)
        settled += newer
        told += news
    if settled:
        notes.append(
            f"{_many(settled)} looked at after this file was written; {'its' if settled == 1 else 'their'} findings were left as they are."
        )
    with ledger.database.transaction(org) as session:
        _end(session, org, scan, missed, notes)
    return scan


def _in_scope(session: Session, org: UUID, found: Imported) -> tuple[list[FoundHost], list[str]]:
    if not found.hosts:
        raise InvalidInput(f"The file of {found.tool} names no host that answered; there is nothing to keep.", field="/file")
    scope = scope_of(session, org)
    kept: list[FoundHost] = []
    refused: list[str] = []
    for host in found.hosts:
        why = allowing.refusal(scope, host.address, host.name)
        refused += [why] if why else []
        kept += [] if why else [host]
    if not kept:
        raise OutOfScope(refused[0])
    missed = [f"{len(refused) - SHOWN} more addresses of the file are outside the scope."] if len(refused) > SHOWN else []
    return kept, [*refused[:SHOWN], *missed]


def _begin(session: Session, org: UUID, found: Imported, hosts: Sequence[FoundHost], missed: list[str], *, actor: str) -> UUID:
    scan = new_id()
    spans = merge(span(ip_address(host.address)) for host in hosts)
    at = f" of {found.at:%Y-%m-%d %H:%M} UTC" if found.at else ""
    request = ScanRequest(
        targets=[_said(one) for one in spans[:TARGETS_MAX]], ports="imported", engine=Engine.IMPORT, name=f"{found.tool}{at}"[:200]
    )
    parts = [importing.part(sighted(portion, clock.now()), portion) for portion in _portions(hosts)]
    write.insert_scan(session, org, scan, request, seed=0, actor=actor)
    importing.without_job(session, org, scan)
    write.insert_shards(session, org, scan, parts, hosts=len(hosts), not_looked_at=missed)
    record(session, org, actor=actor, operation="scan.import", object=str(scan), reason=f"{found.tool}, {len(hosts)} hosts")
    return scan


def _save(
    session: Session, org: UUID, scan: UUID, found: Imported, portion: Sequence[FoundHost], told: int, *, actor: str
) -> tuple[int, int]:
    """Save one portion as a part of the scan; return on how many of its hosts something newer is known, and how much news it has.

    News are problems and what is fixed. `told` counts those of the portions before: from `TOLD_MAX` on nobody hears of single ones, the end
    of the scan tells how many they are.
    """
    newer = importing.looked_at_since(session, org, [host.address for host in portion], found.at)
    part = sighted(portion, clock.now(), settled=newer)
    news = sum(len(one.problems) for one in part.sightings) + importing.count_fixes(session, org, part.sightings)
    taken = write.take_shard(session, org, scan, new_id())
    if taken is not None:
        ordered = sorted(part.sightings, key=lambda one: one.address)
        learned.save_part(session, org, taken, scan, ordered, importing.summary(part), actor=actor, known={}, quiet=told + news > TOLD_MAX)
    return len(newer), news


def _end(session: Session, org: UUID, scan: UUID, missed: list[str], notes: list[str]) -> None:
    state = "incomplete" if missed else "finished"
    write.end_scan(session, org, scan, state=state, notes=notes)
    found = read.by_severity(session, org, scan)
    data = {"scan": str(scan), "state": state, "findings": {str(severity): count for severity, count in found.items()}}
    emit(session, org, "scans.finished", severity=max(found, key=lambda one: one.rank, default=Severity.INFO), data=data)
    difference.announce(session, org, scan, job=None)


def _portions(hosts: Sequence[FoundHost]) -> Iterator[Sequence[FoundHost]]:
    return (hosts[at : at + HOSTS_AT_ONCE] for at in range(0, len(hosts), HOSTS_AT_ONCE))


def _said(one: Span) -> str:
    return str(one.at(0)) if one.size == 1 else f"{one.at(0)}-{one.at(one.size - 1)}"


def _many(hosts: int) -> str:
    return "1 host was" if hosts == 1 else f"{hosts:,} hosts were"
