"""Record what is wrong and what is gone: the same key twice is one finding, and none is fixed without a look that proves it."""

from __future__ import annotations

from dataclasses import dataclass
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

# Rows are locked in the order of their keys, so that two who record the same findings never wait for each other in a circle.
RECORD = """
with told as materialized (
  select * from jsonb_to_recordset(%(rows)s) as t (id uuid, key text, "check" text, asset uuid, target text, protocol text, port integer,
    title text, description text, severity text, rank smallint, remedy text, "references" text[], evidence jsonb)),
old as materialized (
  select f.key, f.state from finding f where f.org = %(org)s and f.key in (select key from told) order by f.key for update),
new as (
  insert into finding as f (org, id, key, capability, "check", asset, target, protocol, port, title, description, severity, severity_rank,
    remedy, "references", evidence, job)
  select %(org)s, t.id, t.key, %(capability)s, t."check", t.asset, t.target, t.protocol, t.port, t.title, t.description, t.severity, t.rank,
    t.remedy, t."references", t.evidence, %(job)s
  from told t left join old on old.key = t.key order by t.key -- joined so that the old state is read before it is replaced
  on conflict (org, key) do update set title = excluded.title, description = excluded.description, severity = excluded.severity,
    severity_rank = excluded.severity_rank, remedy = excluded.remedy, "references" = excluded."references", evidence = excluded.evidence,
    job = excluded.job, asset = excluded.asset, target = excluded.target, protocol = excluded.protocol, port = excluded.port,
    last_seen = greatest(f.last_seen, excluded.last_seen), fixed_at = null, misses = 0, missed_by = null,
    state = case f.state when 'fixed' then 'open' else wf_finding_state(f.state, f.accepted_until) end,
    accepted_until = case wf_finding_state(f.state, f.accepted_until) when 'accepted' then f.accepted_until end,
    reason = case when f.state = 'fixed' then %(again)s when wf_finding_state(f.state, f.accepted_until) <> f.state then %(expired)s
      else f.reason end
  returning id, key, (xmax = 0) as fresh, state)
select new.id, new.key, new.fresh, old.state, new.state from new left join old using (key) order by new.key
"""


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What is wrong at one target, as it is seen now; `key` names it once in an organisation."""

    key: str
    check: str
    asset: UUID
    target: str
    title: str
    severity: Severity
    evidence: dict[str, Any] | str
    remedy: str
    port: int | None = None
    protocol: str = "tcp"
    description: str = ""
    references: Sequence[str] = ()


def record(
    session: Session, org: UUID, *, key: str, capability: str, check: str, asset: UUID, target: str, port: int | None, title: str,
    severity: Severity, evidence: dict[str, Any] | str, remedy: str, job: UUID | None, protocol: str = "tcp", description: str = "",
    references: Sequence[str] = (), actor: str | None = None, quiet: bool = False,
) -> bool:  # fmt: skip
    """Record one finding and tell whether it is new.

    Seen again it keeps its first sight. A fixed one and one whose acceptance has expired open again, which is an event too; a false
    positive and a valid acceptance stay what they are. `actor` is the capability when nobody else is told. Of `quiet` ones nobody hears.
    """
    one = Seen(
        key=key, check=check, asset=asset, target=target, port=port, protocol=protocol, title=title, severity=severity, evidence=evidence,
        remedy=remedy, description=description, references=references,
    )  # fmt: skip
    return key in record_all(session, org, [one], capability=capability, job=job, actor=actor, quiet=quiet)


def record_all(
    session: Session, org: UUID, seen: Iterable[Seen], *, capability: str, job: UUID | None, actor: str | None = None, quiet: bool = False
) -> set[str]:  # fmt: skip
    """Record findings in one statement, each as `record` does it; return the keys of those that are new. Of one key the last one counts."""
    by_key = {one.key: one for one in seen}
    if not by_key:
        return set()
    values = {
        "org": org, "capability": capability, "job": job, "again": SEEN_AGAIN, "expired": EXPIRED,
        "rows": Jsonb([_row(one) for one in by_key.values()]),
    }  # fmt: skip
    opened: dict[str, list[Subject]] = {}
    fresh_ones = set()
    for finding, key, fresh, before, state in wire_of(session).execute(RECORD, values, prepare=True).fetchall():
        if fresh:
            fresh_ones.add(key)
        if fresh or before != state:
            one = by_key[key]
            subject = Subject(
                finding, None if fresh else before, str(one.severity), capability, one.check, one.target, one.protocol, one.port, one.title
            )
            opened.setdefault(FIRST_SEEN if fresh else SEEN_AGAIN if before == "fixed" else EXPIRED, []).append(subject)
    for reason, subjects in opened.items():
        tell(session, org, subjects, to="open", actor=actor or capability, operation="finding.reopen", reason=reason, job=job, quiet=quiet)
    return fresh_ones


def _row(one: Seen) -> dict[str, Any]:
    return {
        "id": str(new_id()), "key": one.key, "check": one.check, "asset": str(one.asset), "target": one.target, "protocol": one.protocol,
        "port": one.port, "title": one.title, "description": one.description, "severity": str(one.severity), "rank": Severity(one.severity).rank,
        "remedy": one.remedy, "references": list(one.references),
        "evidence": one.evidence if isinstance(one.evidence, dict) else {"text": one.evidence},
    }  # fmt: skip


def close_missing(
    session: Session, org: UUID, *, capability: str, asset: UUID, seen: Collection[str], job: UUID | None, actor: str, reason: str,
    ports: Container[int] | None = None, filtered: Container[int] = (), protocol: str = "tcp", look: UUID | None = None,
    quiet: bool = False,
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
        quiet: Nobody hears of it: it is told as a whole by somebody else.
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
        _fix(session, org, ids, reason=why, actor=actor, job=job, quiet=quiet)
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


def _fix(session: Session, org: UUID, findings: Iterable[UUID], *, reason: str, actor: str, job: UUID | None, quiet: bool = False) -> None:
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
    tell(session, org, changed, to="fixed", actor=actor, operation="finding.fix", reason=reason, job=job, quiet=quiet)
