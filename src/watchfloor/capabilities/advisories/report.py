"""The part of reports about known vulnerabilities: which advisories meet the organisation's assets, and how fresh that knowledge is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from psycopg.rows import dict_row

from watchfloor.capabilities.advisories.engine.french import FRENCH
from watchfloor.capabilities.advisories.engine.german import GERMAN
from watchfloor.capabilities.advisories.engine.spanish import SPANISH
from watchfloor.capabilities.advisories.schemas.words import Source
from watchfloor.kernel.db.session import wire_of
from watchfloor.kernel.sections import Column, ReportSection, Scope, SectionTable, Sort, Told

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from uuid import UUID

    from sqlalchemy.orm import Session

AT_ONCE: Final = 500
METHOD: Final = (
    "Advisories of NVD, the CVE List, CISA's and the EU's catalogs, EUVD and EPSS are merged into one record for each CVE.",
    "A priority from 0 to 100 weighs exploitation that is known, its likelihood, severity and how exposed the asset is.",
    "What an asset runs is known from its answers alone; a distribution's own corrections may not be visible there.",
)
# Matches that hold at some moment of the period, of the assets with the scope's tag.
MEETING: Final = """
from adv_match m join adv_cve c on c.k = m.k join adv_text x on x.k = m.k
where m.org = %(org)s and m.first_seen < coalesce(%(until)s::timestamptz, 'infinity')
  and (m.gone_at is null or m.gone_at >= coalesce(%(since)s::timestamptz, '-infinity'))
  and (%(tag)s = '' or exists (select 1 from asset a where a.org = m.org and a.id = m.asset and %(tag)s = any (a.tags)))
"""
ADVISORIES: Final = f"""
select c.cve_id as advisory, x.title, max(m.priority) as priority, (array_agg(m.band order by m.priority desc))[1] as band, c.severity, c.cvss_score as cvss,
  c.epss / 100000.0::float8 as epss, c.kev, c.ransomware, min(m.due_on)::text as due, count(distinct m.asset)::int as assets, min(m.first_seen) as since,
  max(m.gone_at) filter (where m.gone_at is not null) as gone
{MEETING} group by c.k, c.cve_id, x.title, c.severity, c.cvss_score, c.epss, c.kev, c.ransomware order by max(m.priority) desc, c.k desc
"""
TOTALS: Final = f"""
select count(distinct m.k), count(distinct m.k) filter (where c.kev or c.eukev), count(distinct m.k) filter (where m.due_on < wf_now()::date),
  count(distinct m.asset), max(m.last_seen), max(c.changed), count(*) {MEETING} and m.gone_at is null
"""
BANDS: Final = f"select m.band as label, count(distinct m.k)::int as value {MEETING} and m.gone_at is null group by 1"
SOURCES: Final = "select src, max(checked_at) as checked from adv_stream group by src order by src"
LEVELS: Final = ("critical", "high", "medium", "low", "info", "none")
TONES: Final = {"critical": "critical", "high": "high", "medium": "medium", "low": "low"}


def accepts(session: Session, org: UUID, scope: Scope) -> bool:
    """Tell whether a scope is about assets and anything has ever met them."""
    if scope.scan is not None:
        return False
    return wire_of(session).execute("select 1 from adv_match where org = %s limit 1", (org,)).fetchone() is not None


def watermark(session: Session, org: UUID, scope: Scope) -> str | None:
    """Return a word for the matches, their advisories and the sources."""
    return f"{_totals(session, org, scope)}|{_sources(session)}"


def tell(session: Session, org: UUID, scope: Scope) -> Told:
    """Return how many advisories meet assets, and how fresh the sources are."""
    advisories, exploited, late, assets, *_ = _totals(session, org, scope)
    points = [{**row, "tone": TONES.get(str(row["label"]), "")} for row in _rows(session, BANDS, org, scope)]
    points.sort(key=lambda one: (list(TONES).index(one["tone"]) if one["tone"] else len(TONES), one["label"]))
    chart = {
        "kind": "bars",
        "title": "Known vulnerabilities by band",
        "unit": "advisories",
        "series": [{"label": "advisories", "points": points}],
    }
    return Told(
        summary=f"{advisories:,} known vulnerabilities meet {assets:,} assets.",
        figures=(
            ("Known vulnerabilities", advisories, ""), ("Known to be exploited", exploited, "in CISA's or the EU's catalog"), ("Past their deadline", late, ""),
        ),
        charts=(chart,) if points else (), method=(*METHOD, *(f"{name} was last asked on {when:%d %B %Y, %H:%M} UTC." for name, when in _sources(session))),
    )  # fmt: skip


def _totals(session: Session, org: UUID, scope: Scope) -> tuple[Any, ...]:
    row: Any = wire_of(session).execute(TOTALS, _values(org, scope)).fetchone()
    return tuple(row)


def _sources(session: Session) -> list[tuple[str, Any]]:
    rows = wire_of(session).execute(SOURCES).fetchall()
    return [(Source(src).label, checked) for src, checked in rows if checked is not None]


def _advisories(session: Session, org: UUID, scope: Scope) -> Iterator[Mapping[str, Any]]:
    return _rows(session, ADVISORIES, org, scope)


def _rows(session: Session, sql: str, org: UUID, scope: Scope) -> Iterator[Mapping[str, Any]]:
    with wire_of(session).cursor("report_advisories", row_factory=dict_row) as cursor:
        cursor.itersize = AT_ONCE
        cursor.execute(sql, _values(org, scope))
        yield from cursor


def _values(org: UUID, scope: Scope) -> dict[str, Any]:
    return {"org": org, "since": scope.since, "until": scope.until, "tag": scope.tag}


section: Final = ReportSection(
    title="Known vulnerabilities", order=30, accepts=accepts, watermark=watermark, tell=tell, words={"de": GERMAN, "es": SPANISH, "fr": FRENCH},
    tables=(
        SectionTable(
            name="advisories", title="Advisories that meet assets", rows=_advisories, empty="No advisory meets an asset.",
            columns=(
                Column(name="advisory", title="Advisory", sort=Sort.CODE), Column(name="title", title="Title"),
                Column(name="priority", title="Priority", sort=Sort.NUMBER), Column(name="band", title="Band", words=LEVELS), Column(name="severity", title="Severity", words=(*LEVELS, "unknown")),
                Column(name="cvss", title="CVSS", sort=Sort.NUMBER), Column(name="epss", title="EPSS", sort=Sort.NUMBER),
                Column(name="kev", title="Known exploited", sort=Sort.FLAG), Column(name="ransomware", title="Ransomware", sort=Sort.FLAG),
                Column(name="due", title="Due on"), Column(name="assets", title="Assets", sort=Sort.NUMBER),
                Column(name="since", title="Since", sort=Sort.MOMENT), Column(name="gone", title="Gone", sort=Sort.MOMENT),
            ),
        ),
    ),
)  # fmt: skip
