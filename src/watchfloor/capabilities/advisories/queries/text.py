"""Words and phrases to a query over adv_cve.tsv: stemmed as English in texts, exact in ids and names."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from watchfloor.kernel.db.filters import Given, Value

NOTHING = "''::tsquery"


def words(wanted: Sequence[Value], excluded: Sequence[Value], given: Given) -> str:
    """Return SQL that holds where a record has all the words that are wanted and none that are excluded.

    Beside others the excluded ones are part of their query: the index answers both, and no record has to be read.
    """
    if not wanted:
        return " and ".join(f"not (c.tsv @@ {tsquery([value], given)})" for value in excluded)
    return f"c.tsv @@ ({' && '.join([tsquery(wanted, given), *(f'!! {tsquery([value], given)}' for value in excluded)])})"


def tsquery(values: Sequence[Value], given: Given) -> str:
    """Return the query that all the words make; PostgreSQL works it out once, while it plans.

    A word that English texts leave out, such as `the`, asks for nothing, unless it is all that was asked for.
    """
    pairs = [_pair(value, given) for value in values]
    wanted = " && ".join(f"case when numnode({english}) = 0 then {NOTHING} else {english} || {plain} end" for english, plain in pairs)
    exact = " && ".join(plain for _english, plain in pairs)
    return f"(case when numnode({wanted}) = 0 then {exact} else {wanted} end)"


def _pair(value: Value, given: Given) -> tuple[str, str]:
    # A CPE name writes its blanks as underscores.
    text = value.text.replace("_", " ")
    if value.prefix:
        escaped = text.replace("\\", "\\\\").replace("'", "''")
        place = given.add(f"'{escaped}':*")
        return f"to_tsquery('english', {place})", f"to_tsquery('simple', {place})"
    place = given.add(text)
    return f"phraseto_tsquery('english', {place})", f"phraseto_tsquery('simple', {place})"
