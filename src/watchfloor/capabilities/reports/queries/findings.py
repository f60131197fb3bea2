"""Findings of a scope as rows: chosen by the sections, or all of the organisation; gravest first, a few hundred in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from psycopg.rows import dict_row

from watchfloor.kernel.db.session import wire_of
from watchfloor.kernel.sections import Selection

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from uuid import UUID

    from sqlalchemy.orm import Session

    from watchfloor.kernel.sections import FindingFilter, Scope

AT_ONCE: Final = 500
# A finding that was fixed before the period, or seen first after it, is none of the period's.
OWN: Final = """
select f.id, null::text as change from finding f
where f.org = %(org)s and f.first_seen < coalesce(%(until)s::timestamptz, 'infinity')
  and (f.fixed_at is null or f.fixed_at >= coalesce(%(since)s::timestamptz, '-infinity'))
"""
WITH_TAG: Final = OWN + "and exists (select 1 from asset a where a.org = f.org and a.id = f.asset and %(tag)s = any (a.tags))"  # noqa: S608 - our own columns
PRIORITY: Final = "case when jsonb_typeof(f.evidence -> 'priority') = 'number' then (f.evidence ->> 'priority')::float8 end"
STATE: Final = "wf_finding_state(f.state, f.accepted_until)"
ROWS: Final = f"""
with chosen as materialized ({{selection}})
select left(encode(sha256(convert_to(f.key, 'UTF8')), 'hex'), 32) as fingerprint, f.severity, f.evidence, f.title, f.target, f.port, f.protocol,
  wf_finding_state(f.state, f.accepted_until) as state, c.change, f."check", f.capability, f.description, f.remedy, f."references", f.reason,
  f.accepted_until, f.first_seen, f.last_seen, f.fixed_at, {PRIORITY} as priority
from chosen c join finding f on f.org = %(org)s and f.id = c.id
order by f.severity_rank desc, {PRIORITY} desc nulls last, f.key
"""  # noqa: S608 - our own columns
# Findings are recorded and judged in place: whatever of one may change between two reports, one of these changes with it.
WATERMARK: Final = """
with chosen as materialized ({selection})
select count(*), bit_xor(hash_record_extended(
  (f.id, f.last_seen, f.fixed_at, wf_finding_state(f.state, f.accepted_until), f.accepted_until, f.reason, c.change), 0))
from chosen c join finding f on f.org = %(org)s and f.id = c.id
"""


def own_selection(scope: Scope) -> Selection:
    """Return the findings of an organisation or of the assets with a tag, over the scope's period."""
    return Selection(sql=WITH_TAG if scope.tag else OWN, values={"since": scope.since, "until": scope.until, "tag": scope.tag})


def union(selections: Sequence[Selection]) -> Selection:
    """Return one selection of all; a finding that several choose comes once."""
    if len(selections) == 1:
        return selections[0]
    values: dict[str, Any] = {}
    for one in selections:
        values |= one.values
    inner = " union all ".join(f"({one.sql})" for one in selections)
    return Selection(sql=f"select id, min(change) as change from ({inner}) every group by id", values=values)  # noqa: S608 - queries of our sections


def listed(selection: Selection, filters: FindingFilter | None) -> Selection:
    """Return those of a selection that pass a filter."""
    if filters is None:
        return selection
    sql = f"select s.id, s.change from ({selection.sql}) s join finding f on f.org = %(org)s and f.id = s.id where {filters.condition()}"  # noqa: S608 - our own columns
    return Selection(sql=sql, values={**selection.values, **filters.values})


def unlisted(session: Session, org: UUID, selection: Selection, filters: FindingFilter | None) -> dict[str, int]:
    """Return how many of a selection do not pass a filter, by state."""
    if filters is None:
        return {}
    sql = f"select {STATE}, count(*) from ({selection.sql}) s join finding f on f.org = %(org)s and f.id = s.id where {filters.condition()} is not true group by 1"  # noqa: S608 - our own columns
    return dict(sorted(wire_of(session).execute(sql, {**selection.values, **filters.values, "org": org}).fetchall()))


def known_capabilities(session: Session, org: UUID) -> set[str]:
    """Return whose checks have found anything here."""
    return {row[0] for row in wire_of(session).execute("select distinct capability from finding where org = %s", (org,)).fetchall()}


def watermark(session: Session, org: UUID, selection: Selection) -> str:
    """Return a word that changes whenever a row of the selection does."""
    sql = WATERMARK.format(selection=selection.sql)
    row: Any = wire_of(session).execute(sql, {**selection.values, "org": org}).fetchone()
    return "|".join(str(value) for value in row)


def count(session: Session, org: UUID, selection: Selection) -> int:
    """Count the rows of the selection."""
    row: Any = wire_of(session).execute(f"select count(*) from ({selection.sql}) chosen", {**selection.values, "org": org}).fetchone()  # noqa: S608 - a query of our sections
    return int(row[0])


def rows(session: Session, org: UUID, selection: Selection) -> Iterator[dict[str, Any]]:
    """Yield the rows of the table of findings, their evidence as text."""
    with wire_of(session).cursor("report_findings", row_factory=dict_row) as cursor:
        cursor.itersize = AT_ONCE
        cursor.execute(ROWS.format(selection=selection.sql), {**selection.values, "org": org})
        for found in cursor:
            yield _row(found)


def _row(found: dict[str, Any]) -> dict[str, Any]:
    evidence: Mapping[str, Any] = found.pop("evidence")
    cve = evidence.get("cve")
    return {
        **found,
        "cve": [cve] if isinstance(cve, str) and cve.startswith("CVE-") else [],
        "evidence": _told(evidence),
        "kev": evidence.get("kev"),
        "fixed_in": evidence.get("fixed_in"),
        **{name: value if isinstance(value := evidence.get(name), str) else None for name in ("product", "version", "cpe")},
    }


def _told(evidence: Mapping[str, Any]) -> str:
    """Return what a finding rests on, as text: what the target answered, or the facts one a line."""
    text = evidence.get("text")
    if isinstance(text, str):
        return text
    shown = ((name.replace("_", " "), value) for name, value in evidence.items() if value not in (None, "", [], {}))
    return "\n".join(f"{name}: {value}" for name, value in shown)
