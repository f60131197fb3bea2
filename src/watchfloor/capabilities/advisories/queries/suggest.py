"""What may be typed next in a search: fields, words of a field, names of products and vendors, weaknesses, ids."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchfloor.capabilities.advisories.queries.cpe_names import name_spellings, years
from watchfloor.capabilities.advisories.queries.fields import BANDS, Urgency, language
from watchfloor.capabilities.advisories.queries.products import CNA_NAME
from watchfloor.capabilities.advisories.schemas.faces import Suggestion
from watchfloor.capabilities.advisories.schemas.words import FIRST_YEAR, YEAR
from watchfloor.kernel.db.filters import Choice, Dated, Field, Flag, Given
from watchfloor.kernel.db.filters.kinds import beginning
from watchfloor.kernel.errors import InvalidInput

if TYPE_CHECKING:
    from datetime import datetime

    from watchfloor.kernel.db.session import Wire

MOST = 20
RECENT = 20_000  # advisories whose weaknesses are counted: those published last
WORDS = ("any", "none")


def suggest(wire: Wire, name: str | None, prefix: str, *, now: datetime) -> list[Suggestion]:
    """Return what begins with `prefix` in a field, the most frequent first; without a field the fields themselves.

    Raises:
        InvalidInput: There is no such field.
    """
    known = language(0.5).by_name
    if not name:
        return [Suggestion(value=one.name, about=one.about) for one in known.values() if one.name.startswith(prefix.lower())][:MOST]
    if name not in known:
        raise InvalidInput(f"there is no field {name[:40]!r}; there are {', '.join(known)}", field="/field")
    given = Given(now)
    if name in {"vendor", "product"}:
        return _named(wire, name, prefix, given)
    if name == "cwe":
        return _weaknesses(wire, prefix)
    if name == "id":
        return _ids(wire, prefix, given)
    return [Suggestion(value=word) for word in values_of(known[name]) if word.startswith(prefix.lower())][:MOST]


def values_of(field: Field) -> list[str]:
    """Return the words that a field knows by itself: its choices, or whether there is anything."""
    kind = field.kind
    if isinstance(kind, Urgency):
        return list(BANDS)
    if isinstance(kind, Choice):
        return [*kind.choices, *kind.apart]
    if isinstance(kind, Flag | Dated):
        return ["true", "false"]
    return [word for word, _sql in getattr(kind, "conditions", ())] or list(WORDS)


def _named(wire: Wire, column: str, prefix: str, given: Given) -> list[Suggestion]:
    where = " or ".join(f"({beginning(column, one, given)})" for one in name_spellings(prefix)) if prefix else "true"
    query = (
        f"select {column}, sum(cves)::integer from adv_product where ({where}) and part::text <> {given.add(CNA_NAME)} and {column} <> '' "  # noqa: S608 - columns of our own
        f"group by 1 order by 2 desc, 1 limit {MOST}"
    )
    return [Suggestion(value=value, count=count) for value, count in wire.execute(query.encode(), given.parameters, prepare=False)]


def _weaknesses(wire: Wire, prefix: str) -> list[Suggestion]:
    start = f"CWE-{prefix.upper().removeprefix('CWE').removeprefix('-')}"
    query = (
        "select cwe from (select unnest(cwes) as cwe from (select cwes from adv_cve where published is not null order by published desc limit %s) newest) each_one "
        "where starts_with(cwe, %s) group by 1 order by count(*) desc, 1 limit %s"
    )
    return [Suggestion(value=value) for (value,) in wire.execute(query, (RECENT, start, MOST))]


def _ids(wire: Wire, prefix: str, given: Given) -> list[Suggestion]:
    """Suggest CVEs, newest first; a prefix that names no year yet says nothing about where to look."""
    low, high = years(prefix) or (FIRST_YEAR * YEAR, given.now.year * YEAR + YEAR)
    query = "select c.cve_id, t.title from adv_cve c join adv_text t using (k) where c.merged_into is null and k >= %s and k < %s and starts_with(c.cve_id, %s) order by k desc limit %s"
    return [Suggestion(value=value, about=title) for value, title in wire.execute(query, (low, high, prefix.upper(), MOST))]
