"""Advisories as lists show them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from psycopg.rows import dict_row

from watchfloor.capabilities.advisories.schemas.faces import AdvisoryLine
from watchfloor.capabilities.advisories.schemas.words import Exploitation, Flag, State

if TYPE_CHECKING:
    from collections.abc import Sequence

    from watchfloor.kernel.db.session import Wire

SUMMARY = 300
UNIT = 100_000
COLUMNS = (
    "c.k, c.cve_id as id, t.title, left(t.descr, 301) as summary, c.state, c.priority, c.band, c.cvss_version, c.cvss_score, c.severity, c.epss, "
    "c.percentile, c.kev, c.eukev, c.ransomware, c.exploited_eu, c.exploitation, c.automatable, c.total, c.weaponised, c.poc, c.cwes, c.flags, "
    "c.criteria_sources <> '{}' as criteria, c.fix, c.published, c.modified, c.changed, c.kev_added, c.kev_due as due, "
    "(select count(distinct m.asset) from adv_match m where m.k = c.k and m.gone_at is null and m.confidence >= %(least)s::real) as matches"
)
TAGS = (Flag.DISPUTED, Flag.UNSUPPORTED, Flag.HOSTED)


def lines(wire: Wire, ks: Sequence[int], *, least: float) -> list[AdvisoryLine]:
    """Return these advisories in this order; matches less sure than `least` do not count."""
    query = f"select {COLUMNS} from unnest(%(ks)s::bigint[]) with ordinality as w (k, n) join adv_cve c on c.k = w.k join adv_text t on t.k = w.k order by w.n"  # noqa: S608 - our own columns
    cursor = wire.cursor(row_factory=dict_row)
    return [AdvisoryLine(**told(row)) for row in cursor.execute(query, {"ks": list(ks), "least": least}, prepare=False)]


def told(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row of COLUMNS in the words of a line."""
    summary, total, flags = row["summary"], row["total"], Flag(row["flags"])
    return {
        **row,
        "summary": summary if len(summary) <= SUMMARY else summary[: SUMMARY - 1] + "…",
        "state": State(row["state"]).name.lower(),
        "epss": fraction(row["epss"]),
        "exploited": bool(row["kev"] or row["eukev"] or row["exploited_eu"] or row["exploitation"] == Exploitation.ACTIVE),
        "exploitation": word(row["exploitation"]),
        "impact": impact(total),
        "exploit": "weaponised" if row["weaponised"] else "poc" if row["poc"] else None,
        "tags": [one.name.lower() for one in TAGS if one in flags and one.name],
    }


def fraction(hundred_thousandths: int | None) -> float | None:
    """Return an EPSS probability as a fraction."""
    return None if hundred_thousandths is None else hundred_thousandths / UNIT


def word(exploitation: int | None) -> str | None:
    """Return SSVC's word for exploitation."""
    return None if exploitation is None else Exploitation(exploitation).name.lower()


def impact(total: bool | None) -> str | None:  # noqa: FBT001 - the value itself
    """Return SSVC's word for technical impact."""
    return None if total is None else "total" if total else "partial"
