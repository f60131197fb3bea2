"""List an organisation's matches, gravest first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, tzinfo
from typing import TYPE_CHECKING, Any

from psycopg.rows import dict_row

from watchfloor.capabilities.advisories.queries.fields import language_of_matches
from watchfloor.capabilities.advisories.schemas.matched import Matched, MatchPage
from watchfloor.capabilities.advisories.schemas.words import MatchClass, Source
from watchfloor.capabilities.advisories.settings import AdvisorySettings
from watchfloor.kernel.db.filters import Given
from watchfloor.kernel.errors import InvalidInput
from watchfloor.kernel.settings import read_settings

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from watchfloor.kernel.db.session import Wire

LIMIT_MAX = 500
# The page after a match begins behind its place, which is its priority and its id.
LIST = """
select m.id as match, c.cve_id as id, t.title, m.asset, a.key as target, nullif(f.port, 0) as port, coalesce(f.product, '') as product,
  coalesce(f.version, '') as version, m.class as match_class, m.confidence, m.why->>'match' as why, m.src, m.criterion->>'text' as versions,
  m.criterion->>'fix' as fix, m.exposure, m.priority, m.band, m.verdict, m.due_on, m.first_seen, m.last_seen, m.gone_at, m.gone_reason
from adv_match m join adv_cve c on c.k = m.k join adv_text t on t.k = m.k join asset a on (a.org, a.id) = (m.org, m.asset)
left join asset_fact f on (f.org, f.id) = (m.org, m.fact)
where m.org = %(org)s and (%(gone)s or m.gone_at is null) and m.confidence >= %(least)s
  and (%(asset)s::uuid is null or m.asset = %(asset)s) and (%(k)s::bigint is null or m.k = %(k)s)
  and (%(kind)s::text is null or m.class = %(kind)s) and (%(band)s::text is null or m.band = %(band)s)
  and (%(verdict)s::text is null or m.verdict = %(verdict)s) and {filter}
  and (%(after)s::uuid is null or (m.priority, m.id) < (select p.priority, p.id from adv_match p where p.org = %(org)s and p.id = %(after)s))
order by m.priority desc, m.id desc limit %(limit)s
"""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Which matches to list; None and False ask for nothing.

    `text` is in the language of searches, its ages counted from `now`, its days those of `zone`. Without `least` they are at least as sure
    as a finding, unless the text asks for a confidence.
    """

    least: float | None = None
    text: str = ""
    now: datetime
    zone: tzinfo = UTC
    k: int | None = None
    asset: UUID | None = None
    kind: MatchClass | None = None
    band: str | None = None
    verdict: str | None = None
    gone: bool = False


def list_matches(wire: Wire, org: UUID, wanted: Wanted, *, limit: int = 50, after: UUID | None = None) -> MatchPage:
    """Return a page of matches.

    Raises:
        InvalidInput: The limit is outside 1 to 500, or a part of the text has no meaning.
    """
    if not 1 <= limit <= LIMIT_MAX:
        raise InvalidInput(f"limit {limit} is outside 1 to {LIMIT_MAX}", field="/limit")
    default = read_settings(AdvisorySettings, "advisories").finding_min_confidence
    found_by = language_of_matches(default).compile(wanted.text, Given(wanted.now, wanted.zone))
    asked = any(term.field == "confidence" for term in found_by.terms)
    least = wanted.least if wanted.least is not None else 0.0 if asked else default
    values = found_by.given.parameters | {
        "org": org, "least": least, "k": wanted.k, "asset": wanted.asset, "kind": wanted.kind and str(wanted.kind), "band": wanted.band,
        "verdict": wanted.verdict, "gone": wanted.gone, "after": after, "limit": limit + 1,
    }  # fmt: skip
    found: list[dict[str, Any]] = (
        wire.cursor(row_factory=dict_row).execute(LIST.replace("{filter}", found_by.sql).encode(), values).fetchall()
    )
    items = [_shown(row) for row in found[:limit]]
    return MatchPage(items=items, next_cursor=str(items[-1].match) if len(found) > limit else None)


def _shown(row: dict[str, Any]) -> Matched:
    source, why = Source(row.pop("src")).label, row.pop("why") or ""
    texts = {name: row.pop(name) or "" for name in ("versions", "fix")}
    row |= {"confidence": round(row["confidence"], 3), "priority": round(row["priority"], 1)}
    return Matched(**row, **texts, source=source, why=why)
