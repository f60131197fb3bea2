"""Record what is wrong and what is gone: the same key twice is one finding, and none is fixed without a look that proves it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from watchfloor.kernel.contract import Severity
from watchfloor.kernel.db.ids import new_id
from watchfloor.kernel.db.session import wire_of
from watchfloor.kernel.errors import Conflict
from watchfloor.kernel.findings.changes import COLUMNS, EXPIRED, Subject, tell

if TYPE_CHECKING:
    from collections.abc import Collection, Container, Iterable, Sequence
    from uuid import UUID

    from sqlalchemy.orm import Session

# A silent port may be a lost packet; silence in two looks one after the other is not.
MISSES = 2
FIRST_SEEN = "seen for the first time"
SEEN_AGAIN = "seen again"
NO_REASON = "a finding is fixed for a reason; say what showed that it is gone"
SILENT = "its port did not answer in two looks one after the other"

RECORD = """
with old as (select state, accepted_until from finding where org = %(org)s and key = %(key)s for update),
new as (
  insert into finding as f (org, id, key, capability, "check", asset, target, protocol, port, title, description, severity, severity_rank,
    remedy, "references", evidence, job)
  select %(org)s, %(id)s, %(key)s, %(capability)s, %(check)s, %(asset)s, %(target)s, %(protocol)s, %(port)s, %(title)s, %(description)s,
    %(severity)s, %(rank)s, %(remedy)s, %(references)s, %(evidence)s, %(job)s
  from (select 1) one left join old on true -- so that the old state is read before it is replaced
  on conflict (org, key) do update set title = excluded.title, description = excluded.description, severity = excluded.severity,
    severity_rank = excluded.severity_rank, remedy = excluded.remedy, "references" = excluded."references", evidence = excluded.evidence,
    job = excluded.job, asset = excluded.asset, target = excluded.target, protocol = excluded.protocol, port = excluded.port,
    last_seen = greatest(f.last_seen, excluded.last_seen), fixed_at = null, misses = 0, missed_by = null,
    state = case f.state when 'fixed' then 'open' else wf_finding_state(f.state, f.accepted_until) end,
    accepted_until = case wf_finding_state(f.state, f.accepted_until) when 'accepted' then f.accepted_until end,
    reason = case when f.state = 'fixed' then %(again)s when wf_finding_state(f.state, f.accepted_until) <> f.state then %(expired)s
      else f.reason end
  returning id, (xmax = 0) as fresh, state)
select new.id, new.fresh, (select state from old), new.state from new
"""


def record(
    session: Session, org: UUID, *, key: str, capability: str, check: str, asset: UUID, target: str, port: int | None, title: str,
    severity: Severity, evidence: dict[str, Any] | str, remedy: str, job: UUID | None, protocol: str = "tcp", description: str = "",
    references: Sequence[str] = (), actor: str | None = None,
) -> bool:  # fmt: skip
    """Record one finding and tell whether it is new.

    Seen again it keeps its first sight. A fixed one and one whose acceptance has expired open again, which is an event too; a false
    positive and a valid acceptance stay what they are. `actor` is the capability when nobody else is told.
    """
    told = evidence if isinstance(evidence, dict) else {"text": evidence}
    values = {
        "org": org, "id": new_id(), "key": key, "capability": capability, "check": check, "asset": asset, "target": target, "protocol": protocol,
        "port": port, "title": title, "description": description, "severity": str(severity), "rank": Severity(severity).rank, "remedy": remedy,
        "references": list(references), "evidence": Jsonb(told), "job": job, "again": SEEN_AGAIN, "expired": EXPIRED,
    }  # fmt: skip
    row: Any = wire_of(session).execute(RECORD, values, prepare=True).fetchone()
    finding, fresh, before, state = row
    if fresh or before != state:
        subject = Subject(finding, None if fresh else before, str(severity), capability, check, target, protocol, port, title)
        reason = FIRST_SEEN if fresh else SEEN_AGAIN if before == "fixed" else EXPIRED
        tell(session, org, [subject], to="open", actor=actor or capability, operation="finding.reopen", reason=reason, job=job)
    return bool(fresh)


def close_missing(
    session: Session, org: UUID, *, capability: str, asset: UUID, seen: Collection[str], job: UUID | None, actor: str, reason: str,
    ports: Container[int] | None = None, filtered: Container[int] = (), protocol: str = "tcp", look: UUID | None = None,
) -> list[UUID]:  # fmt: skip
    """Fix the findings of one asset that a look did not find again, where it really looked; return which are fixed now.

    Args:
        session: The organisation's transaction.
        org: Whose findings.
        capability: Whose checks looked.
        asset: What was looked at.
        seen: The keys found this time.
        job: The job that looked.
        actor: On whose behalf.
        reason: Why absence proves that it is gone, such as "port closed"; without a reason nothing is ever fixed.
        ports: Those that answered, closed or without the trouble. Findings elsewhere stay open. None: everything was looked at and answered.
        filtered: Those that were asked and stayed silent: a finding there is fixed at the second silent look in a row.
        protocol: Of these ports; findings of the other protocol are left alone.
        look: What the job is a part of. One look counts one miss, however often its jobs are repeated; by default the job itself.

    False positives are nobody's to fix: they stay, so that they never open again.
    """
    if not reason.strip():
        raise Conflict(NO_REASON)
    wire = wire_of(session)
    rows = wire.execute(
        f"select id, port, misses, missed_by, {COLUMNS} from finding where org = %s and capability = %s and asset = %s "  # noqa: S608 - our own columns
        "and state in ('open', 'accepted') and not key = any (%s::text[]) and (%s or protocol = %s) order by id for update",
        (org, capability, asset, list(seen), ports is None, protocol),
    ).fetchall()
    by_look = look or job
    gone = [row[0] for row in rows if ports is None or (row[1] is not None and row[1] in ports)]
    silent = [
        row for row in rows if row[0] not in gone and row[1] is not None and row[1] in filtered and (row[3] is None or row[3] != by_look)
    ]
    given_up = [row[0] for row in silent if row[2] + 1 >= MISSES]
    missed = [row[0] for row in silent if row[0] not in given_up]
    if missed:
        wire.execute("update finding set misses = misses + 1, missed_by = %s where org = %s and id = any (%s)", (by_look, org, missed))
    for ids, why in ((gone, reason), (given_up, SILENT)):
        _fix(session, org, ids, reason=why, actor=actor, job=job)
    return gone + given_up


def close(
    session: Session, org: UUID, keys: Collection[str], *, capability: str, reason: str, actor: str, job: UUID | None
) -> list[UUID]:  # fmt: skip
    """Fix findings by key, for a reason that shows that they are gone; return which are fixed now. False positives are nobody's to fix."""
    if not reason.strip():
        raise Conflict(NO_REASON)
    rows = wire_of(session).execute(
        "select id from finding where org = %s and capability = %s and key = any (%s) and state in ('open', 'accepted') order by id for update",
        (org, capability, list(keys)),
    )
    ids = [row[0] for row in rows]
    _fix(session, org, ids, reason=reason, actor=actor, job=job)
    return ids


def _fix(session: Session, org: UUID, findings: Iterable[UUID], *, reason: str, actor: str, job: UUID | None) -> None:
    ids = list(findings)
    if not ids:
        return
    cursor = wire_of(session).cursor(row_factory=class_row(Subject))
    changed = cursor.execute(
        f"with before as (select {COLUMNS} from finding where org = %(org)s and id = any (%(ids)s)), "  # noqa: S608 - our own columns
        "done as (update finding set state = 'fixed', fixed_at = wf_now(), accepted_until = null, misses = 0, missed_by = null, "
        "reason = %(reason)s, job = coalesce(%(job)s, job) where org = %(org)s and id = any (%(ids)s) returning id) "
        "select before.* from before join done using (id) order by id",
        {"org": org, "ids": ids, "reason": reason, "job": job},
    ).fetchall()
    tell(session, org, changed, to="fixed", actor=actor, operation="finding.fix", reason=reason, job=job)
