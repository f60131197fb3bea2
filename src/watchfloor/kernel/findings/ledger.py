"""Record, close and accept findings: the same key twice is one finding, and none ends without an event and an audit row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from psycopg.types.json import Jsonb

from watchfloor.kernel.audit.record import record as audit
from watchfloor.kernel.contract import Severity
from watchfloor.kernel.db.ids import new_id
from watchfloor.kernel.db.session import wire_of
from watchfloor.kernel.errors import Conflict, NotFound
from watchfloor.kernel.events.outbox import emit

if TYPE_CHECKING:
    from collections.abc import Collection
    from uuid import UUID

    from sqlalchemy.orm import Session

RECORD = """
with old as (select state from finding where org = %(org)s and key = %(key)s for update),
new as (
  insert into finding as f (org, id, key, capability, "check", asset, target, port, title, severity, severity_rank, remedy, evidence, job)
  select %(org)s, %(id)s, %(key)s, %(capability)s, %(check)s, %(asset)s, %(target)s, %(port)s, %(title)s, %(severity)s, %(rank)s, %(remedy)s,
    %(evidence)s, %(job)s
  from (select 1) one left join old on true -- so that the old state is read before it is replaced
  on conflict (org, key) do update set title = excluded.title, severity = excluded.severity, severity_rank = excluded.severity_rank,
    remedy = excluded.remedy, evidence = excluded.evidence, job = excluded.job, asset = excluded.asset, target = excluded.target,
    last_seen = greatest(f.last_seen, excluded.last_seen), closed_at = null,
    state = case f.state when 'closed' then 'open' else f.state end
  returning id, (xmax = 0) as fresh)
select new.id, new.fresh, (select state from old) from new
"""


def record(
    session: Session, org: UUID, *, key: str, capability: str, check: str, asset: UUID, target: str, port: int | None, title: str,
    severity: Severity, evidence: dict[str, Any] | str, remedy: str, job: UUID | None,
) -> bool:  # fmt: skip
    """Record one finding and tell whether it is new.

    Seen again it keeps its first sight and its acceptance; a closed one opens again, which is an event too.
    """
    told = evidence if isinstance(evidence, dict) else {"text": evidence}
    values = {
        "org": org, "id": new_id(), "key": key, "capability": capability, "check": check, "asset": asset, "target": target, "port": port,
        "title": title, "severity": str(severity), "rank": Severity(severity).rank, "remedy": remedy, "evidence": Jsonb(told), "job": job,
    }  # fmt: skip
    row: Any = wire_of(session).execute(RECORD, values, prepare=True).fetchone()
    finding, fresh, before = row
    if fresh or before == "closed":
        name = "finding.opened" if fresh else "finding.reopened"
        data = {"finding": str(finding), "capability": capability, "check": check, "target": target, "title": title}
        emit(session, org, name, severity=Severity(severity), data=data, job=job)
    return bool(fresh)


def close_missing(
    session: Session, org: UUID, *, capability: str, asset: UUID, seen: Collection[str], job: UUID | None, actor: str, reason: str,
    ports: Collection[int] | None = None,
) -> list[UUID]:  # fmt: skip
    """Close the open findings of one asset that a complete look did not find again; each gets an event and an audit row.

    Args:
        session: The organisation's transaction.
        org: Whose findings.
        capability: Whose checks looked.
        asset: What was looked at.
        seen: The keys found this time.
        job: The job that looked.
        actor: On whose behalf.
        reason: Why absence proves that it is gone, such as "port closed"; without a reason nothing may be closed.
        ports: The ports that were really looked at; findings elsewhere stay open. None means that everything was looked at.
    """
    if not reason.strip():
        message = "a finding is closed for a reason; say what showed that it is gone"
        raise Conflict(message)
    rows = wire_of(session).execute(
        "update finding set state = 'closed', closed_at = wf_now(), job = %(job)s where org = %(org)s and capability = %(capability)s "
        "and asset = %(asset)s and state in ('open', 'accepted') and not key = any (%(seen)s::text[]) "
        'and (%(ports)s::integer[] is null or port = any (%(ports)s::integer[])) returning id, severity, target, title, "check"',
        {"org": org, "capability": capability, "asset": asset, "seen": list(seen), "job": job, "ports": None if ports is None else list(ports)},
    ).fetchall()  # fmt: skip
    for finding, severity, target, title, check in rows:
        data = {"finding": str(finding), "capability": capability, "check": check, "target": target, "title": title, "reason": reason}
        emit(session, org, "finding.closed", severity=Severity(severity), data=data, job=job)
        audit(session, org, actor=actor, operation="finding.close", object=str(finding), reason=reason)
    return [row[0] for row in rows]


def triage(session: Session, org: UUID, finding: UUID, *, state: Literal["accepted", "open"], note: str, actor: str) -> None:
    """Accept an open finding's risk, or open an accepted one again.

    Raises:
        NotFound: There is none of this id.
        Conflict: It is closed: nothing is wrong there any more.
    """
    wire = wire_of(session)
    row = wire.execute("select state, severity from finding where org = %s and id = %s for update", (org, finding)).fetchone()
    if row is None:
        message = f"there is no finding {finding}"
        raise NotFound(message)
    if row[0] == "closed":
        message = f"finding {finding} is closed: it was not seen any more. It opens by itself when it is seen again."
        raise Conflict(message)
    wire.execute("update finding set state = %s, note = %s where org = %s and id = %s", (state, note, org, finding))
    audit(session, org, actor=actor, operation="finding.triage", object=str(finding), reason=f"{state}: {note}")
    name = "finding.accepted" if state == "accepted" else "finding.reopened"
    emit(session, org, name, severity=Severity(row[1]), data={"finding": str(finding), "note": note})
