"""What reports tell themselves of assets with a tag, or of the organisation over a period: what is known at all, and how findings came and went.

To auditors they tell which reports of the same scope were written before.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Final

from psycopg.rows import dict_row

from watchfloor.capabilities.reports.engine import french, german, spanish
from watchfloor.capabilities.reports.engine.period import moments
from watchfloor.capabilities.reports.engine.spec import scope_hash
from watchfloor.capabilities.reports.schemas.words import Audience
from watchfloor.kernel.assets.inventory import EXPOSURES
from watchfloor.kernel.contract import Severity
from watchfloor.kernel.db.session import wire_of
from watchfloor.kernel.sections import Column, Redact, ReportSection, Scope, SectionTable, Sort, Told

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from uuid import UUID

    from sqlalchemy.orm import Session

AT_ONCE: Final = 500
LOOK_BACK: Final = timedelta(days=90)  # where no beginning is given
METHOD: Final = "A finding counts as open until a look proved that it is fixed, or somebody accepted it or called it a false positive."
NOTHING: Final = "No asset was known by then: nothing was looked at, so nothing could be found."
ASSETS: Final = "from asset a where a.org = %(org)s and a.first_seen <= %(end)s and (%(tag)s = '' or %(tag)s = any (a.tags))"
TOTALS: Final = f"select count(*), count(*) filter (where a.last_seen < %(begin)s), max(a.last_seen) {ASSETS}"
# What a change adds to the open findings, between which two moments.
MOVES: Final = f"""
select width_bucket(c.at, %(moments)s::timestamptz[]) as step, f.severity, count(*) filter (where c.to_state = 'open')::int as came,
  count(*) filter (where c.from_state = 'open')::int as went
from finding_change c join finding f on f.org = c.org and f.id = c.finding
where c.org = %(org)s and c.at <= %(end)s and (c.to_state = 'open') <> coalesce(c.from_state = 'open', false)
  and f.asset in (select a.id {ASSETS}) and {{listed}} group by 1, 2
"""  # noqa: S608 - our own columns
ROWS: Final = f"""
select a.key as asset, a.name, a.exposure, a.first_seen, a.last_seen, (select count(*)::int from finding f where f.org = a.org and f.asset = a.id
  and wf_finding_state(f.state, f.accepted_until) = 'open' and {{listed}}) as open
{ASSETS} order by a.key, a.kind
"""  # noqa: S608 - our own columns
MARK: Final = f"""
select count(*), max(a.last_seen), md5(string_agg(a.exposure, '' order by a.id)),
  (select max(c.at) from finding_change c where c.org = %(org)s), (select count(*) from finding f where f.org = %(org)s and f.state = 'open'),
  (select min(f.accepted_until) from finding f where f.org = %(org)s and f.accepted_until > wf_now()) {ASSETS}
"""  # noqa: S608 - our own columns
NONE_WRITTEN: Final = "No report of this scope was written before."
WRITTEN: Final = "from report r where r.org = %(org)s and r.scope_hash = %(scope)s and r.state in ('ready', 'lost', 'deleted') and r.ready_at is not null"
WRITTEN_ROWS: Final = f"""
select r.ready_at, r.format, r.options ->> 'audience' as audience, r.redaction, r.state, r.retention = 'hold' as held, r.created_by, r.hold_by,
  encode(r.sha256, 'hex') as sha256, r.id::text as report {WRITTEN} order by r.ready_at desc, r.id
"""
# A report for auditors that came with the last look at this list would make another one necessary, which would come with it, and so on without end:
# so those count only when something was done to them since. What was written for others is news, and so is a hold or a deletion.
WRITTEN_MARK: Final = f"""
select count(*), bit_xor(hash_record_extended((r.id, r.state, r.retention = 'hold', r.hold_by), 0))
{WRITTEN} and (r.options ->> 'audience' <> 'auditor' or r.retention = 'hold' or r.state <> 'ready')
"""
TALLY: Final = f"""
select count(*), count(*) filter (where r.retention = 'hold'), count(*) filter (where r.state <> 'ready') {WRITTEN}
"""


@dataclass(frozen=True)
class Period:
    """From when until when, by the database's clock."""

    begin: datetime
    end: datetime


def accepts(session: Session, org: UUID, scope: Scope) -> bool:
    """Tell whether a scope is about assets rather than about scans."""
    del session, org
    return scope.kind in {"assets", "organisation"}


def watermark(session: Session, org: UUID, scope: Scope) -> str | None:
    """Return a word for assets, changes of findings, and the day, on which the period ends where it has no end."""
    period = _period(session, scope)
    row: Any = wire_of(session).execute(MARK, _values(org, scope, period)).fetchone()
    return "|".join(str(value) for value in (*row, period.end.date()))


def tell(session: Session, org: UUID, scope: Scope) -> Told:
    """Return what is known of the assets, and how many findings were open when."""
    period, wire = _period(session, scope), wire_of(session)
    values = _values(org, scope, period)
    row: Any = wire.execute(TOTALS, values).fetchone()
    known, unseen, last = row
    steps = moments(period.begin, period.end)
    moves = wire.cursor(row_factory=dict_row).execute(MOVES.format(listed=_listed(scope)), {**values, "moments": steps}).fetchall()
    came, went = (sum(one[name] for one in moves if one["step"]) for name in ("came", "went"))
    between = f"{period.begin:%d %B %Y, %H:%M} UTC", f"{period.end:%d %B %Y, %H:%M} UTC"
    return Told(
        summary=f"From {between[0]} to {between[1]}: {came:,} findings came, {went:,} ended.",
        figures=(
            ("Assets known", known, ""), ("Not seen in the period", unseen, ""), ("Findings that came", came, ""), ("Findings that ended", went, ""),
        ),
        charts=(_course(steps, moves),) if moves and _counts_open(scope) else (), not_looked_at=tuple(_gaps(known, unseen)), method=(METHOD,),
        notes=(f"An asset was last seen on {last:%d %B %Y, %H:%M} UTC.",) if last else (),
    )  # fmt: skip


def _gaps(known: int, unseen: int) -> Iterator[str]:
    if not known:
        yield NOTHING
    if unseen:
        yield f"{unseen:,} of {known:,} assets were not seen in the period: what is known of them is older."


def _course(steps: list[datetime], moves: list[dict[str, Any]]) -> dict[str, Any]:
    """Return a chart of how many findings were open at each moment, gravest first."""
    series = []
    for severity in map(str, reversed(Severity)):
        mine = [one for one in moves if one["severity"] == severity]
        added = [sum(one["came"] - one["went"] for one in mine if one["step"] == step) for step in range(len(steps))]
        points = [
            {"label": at.replace(microsecond=0).isoformat(), "value": value, "tone": severity}
            for at, value in zip(steps, accumulate(added), strict=True)
        ]
        if any(point["value"] for point in points):
            series.append({"label": severity, "points": points})
    return {"kind": "trend", "title": "Open findings over time", "unit": "findings", "series": series}


def _period(session: Session, scope: Scope) -> Period:
    row: Any = wire_of(session).execute("select wf_now()").fetchone()
    end: datetime = min(scope.until or row[0], row[0])
    return Period(scope.since or end - LOOK_BACK, end)


def _values(org: UUID, scope: Scope, period: Period) -> dict[str, Any]:
    return {"org": org, "tag": scope.tag, "begin": period.begin, "end": period.end, **(scope.filters.values if scope.filters else {})}


def _listed(scope: Scope) -> str:
    """Return a condition on findings that are listed, whatever state they are in now: how they came and went is the course of all states."""
    return scope.filters.condition(any_state=True) if scope.filters else "true"


def _counts_open(scope: Scope) -> bool:
    return scope.filters is None or scope.filters.lists_open


def _assets(session: Session, org: UUID, scope: Scope) -> Iterator[Mapping[str, Any]]:
    with wire_of(session).cursor("report_assets", row_factory=dict_row) as cursor:
        cursor.itersize = AT_ONCE
        cursor.execute(ROWS.format(listed=_listed(scope)), _values(org, scope, _period(session, scope)))
        # Where no open finding is listed, none must not be counted as none.
        yield from cursor if _counts_open(scope) else ({**row, "open": None} for row in cursor)


section: Final = ReportSection(
    title="Assets and the course of findings", order=10, accepts=accepts, watermark=watermark, tell=tell, words={"de": german.SECTION, "es": spanish.SECTION, "fr": french.SECTION},
    tables=(
        SectionTable(
            name="assets", title="Assets", rows=_assets, empty=NOTHING,
            columns=(
                Column(name="asset", title="Asset", sort=Sort.CODE, redact=Redact.ASSET), Column(name="name", title="Name", redact=Redact.ASSET),
                Column(name="exposure", title="Exposure", words=EXPOSURES), Column(name="open", title="Open findings", sort=Sort.NUMBER),
                Column(name="first_seen", title="First seen", sort=Sort.MOMENT), Column(name="last_seen", title="Last seen", sort=Sort.MOMENT),
            ),
        ),
    ),
)  # fmt: skip


def written_watermark(session: Session, org: UUID, scope: Scope) -> str:
    """Return a word for the reports of a scope that were written for others, and for what was done to any of them."""
    row: Any = wire_of(session).execute(WRITTEN_MARK, _of_scope(org, scope)).fetchone()
    return "|".join(map(str, row))


def tell_written(session: Session, org: UUID, scope: Scope) -> Told:
    """Return how many reports of a scope there are, and what the list means."""
    row: Any = wire_of(session).execute(TALLY, _of_scope(org, scope)).fetchone()
    total, held, gone = row
    return Told(
        summary=f"Reports of this scope that were written before: {total:,}." if total else NONE_WRITTEN,
        figures=(("Reports written", total, ""), ("Reports held", held, ""), ("Reports whose file is gone", gone, "")),
        method=(
            "The list has the reports of the same scope that were ready when the data was read; a report does not list itself.",
            "A deleted report stays in the list with the hash of its file: whoever still has the file can prove it.",
        ),
    )  # fmt: skip


def _of_scope(org: UUID, scope: Scope) -> dict[str, Any]:
    return {"org": org, "scope": scope_hash(scope)}


def _written(session: Session, org: UUID, scope: Scope) -> Iterator[Mapping[str, Any]]:
    with wire_of(session).cursor("report_written", row_factory=dict_row) as cursor:
        cursor.itersize = AT_ONCE
        cursor.execute(WRITTEN_ROWS, _of_scope(org, scope))
        yield from cursor


written: Final = ReportSection(
    title="Reports written before", order=90, accepts=lambda _session, _org, _scope: True, watermark=written_watermark, tell=tell_written,
    audiences=frozenset({Audience.AUDITOR.value}), words={"de": german.SECTION, "es": spanish.SECTION, "fr": french.SECTION},
    tables=(
        SectionTable(
            name="reports", title="Reports", rows=_written, empty=NONE_WRITTEN,
            columns=(
                Column(name="ready_at", title="Written", sort=Sort.MOMENT), Column(name="format", title="Format"),
                Column(name="audience", title="Audience", words=tuple(map(str, Audience))), Column(name="redaction", title="Redaction"),
                Column(name="state", title="File", words=("ready", "lost", "deleted")), Column(name="held", title="Held", sort=Sort.FLAG),
                Column(name="created_by", title="Asked for by", redact=Redact.PERSON), Column(name="hold_by", title="Held by", redact=Redact.PERSON),
                Column(name="sha256", title="SHA-256", sort=Sort.CODE), Column(name="report", title="Report", sort=Sort.CODE),
            ),
        ),
    ),
)  # fmt: skip
