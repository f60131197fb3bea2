"""What a bundle carries: documents as their sources wrote them, scores, pairs of ids, and how far each stream was read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import zstandard
from psycopg.types.json import Jsonb

from watchfloor.capabilities.advisories.queries.ageing import ITSELF
from watchfloor.capabilities.advisories.queries.epss import newest_curve
from watchfloor.capabilities.advisories.queries.streams import PART
from watchfloor.capabilities.advisories.schemas.words import Source, name_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from uuid import UUID

    from watchfloor.capabilities.advisories.schemas.bundle import StreamState
    from watchfloor.kernel.db.session import Wire

TAKEN: Final = "bundle-taken"
PAGE: Final = 2000
LARGEST: Final = 64 << 20
FIRST: Final = -(10**18)
DOCUMENTS: Final = """
select k, doc, dict_id from adv_raw where src = %(src)s and k > %(after)s and gone_at is null
  and (%(since)s::timestamptz is null or fetched_at > %(since)s) order by k limit %(limit)s
"""
SCORES: Final = """
select e.k, e.p, coalesce((select pct from adv_epss_curve c where c.score_date = %(day)s and c.p <= e.p order by c.p desc limit 1), 0)
from adv_epss e where e.gone_at is null and e.k > %(after)s order by e.k limit %(limit)s
"""
# The other aliases are in the documents.
PAIRS: Final = """
select alias, k from adv_alias where src = %(src)s and alias like 'EUVD-%%' and k > 0 and (alias, k) > (%(alias)s, %(k)s)
order by alias, k limit %(limit)s
"""


class Unpacker:
    """Unpacks stored documents; a dictionary is read once."""

    def __init__(self) -> None:
        """Know no dictionary yet."""
        self._known: dict[int | None, zstandard.ZstdDecompressor] = {None: zstandard.ZstdDecompressor()}

    def documents(self, src: Source, after: int, since: datetime | None, wire: Wire) -> list[tuple[int, bytes]]:
        """Return the next documents of a source by k, minified JSON as it was written; an empty list is the end."""
        rows = wire.execute(DOCUMENTS, {"src": int(src), "after": after, "since": since, "limit": PAGE}).fetchall()
        return [(k, self._with(wire, number).decompress(doc, max_output_size=LARGEST)) for k, doc, number in rows]

    def _with(self, wire: Wire, number: int | None) -> zstandard.ZstdDecompressor:
        if number not in self._known:
            row: Any = wire.execute("select dict from adv_zdict where id = %s", (number,)).fetchone()
            self._known[number] = zstandard.ZstdDecompressor(dict_data=zstandard.ZstdCompressionDict(row[0]))
        return self._known[number]


def scores(after: int, wire: Wire) -> list[tuple[int, str]]:
    """Return the next scores by k, each as a line of EPSS's file."""
    rows = wire.execute(SCORES, {"day": newest_curve(wire), "after": after, "limit": PAGE * 10}).fetchall()
    return [(k, f"{name_of(k)},{p / 100_000:.5f},{pct:.5f}\n") for k, p, pct in rows]


def pairs(after: tuple[str, int], wire: Wire) -> list[tuple[str, int]]:
    """Return the next pairs of EUVD id and CVE's number."""
    values = {"src": int(Source.EUVD), "alias": after[0], "k": after[1], "limit": PAGE * 10}
    return [(alias, k) for alias, k in wire.execute(PAIRS, values).fetchall()]


def count(wire: Wire, src: Source) -> int:
    """Return how many documents of a source are stored."""
    row: Any = wire.execute("select count(*) from adv_raw where src = %s and gone_at is null", (int(src),)).fetchone()
    return int(row[0])


def stored(wire: Wire, org: UUID, job: UUID) -> UUID | None:
    """Return the bundle that an earlier attempt of a job has stored."""
    row = wire.execute("select id from artifact where org = %s and job = %s", (org, job)).fetchone()
    return row[0] if row else None


def last_taken(wire: Wire) -> datetime | None:
    """Return when the newest bundle that was taken in had been made."""
    row = wire.execute(
        "select (cursor->>'made_at')::timestamptz from adv_stream where src = %s and stream = %s", (ITSELF, TAKEN)
    ).fetchone()
    return row[0] if row else None


def adopt(wire: Wire, states: list[StreamState], numbers: dict[str, int], *, own: str, made_at: datetime) -> None:
    """Write down that streams are read as far as the exporter had; `own` is the stream that reading the bundle made, which goes."""
    wire.execute("delete from adv_stream where stream in (%s, %s)", (own, own + PART))
    wire.execute(
        "insert into adv_stream (src, stream, cursor) values (%s, %s, %s) on conflict (src, stream) do update set cursor = excluded.cursor",
        (ITSELF, TAKEN, Jsonb({"made_at": made_at.isoformat()})),
    )
    for one in states:
        wire.execute(
            "insert into adv_stream as s (src, stream, watermark, cursor, rows_ok, checked_at, changed_at, ok_at) "
            "values (%s, %s, %s, %s, %s, wf_now(), wf_now(), wf_now()) on conflict (src, stream) do update set "
            "watermark = excluded.watermark, cursor = excluded.cursor, rows_ok = excluded.rows_ok, ok_at = excluded.ok_at",
            (numbers[one.source], one.stream, one.watermark, Jsonb(one.cursor), one.rows),
        )


def walk_pairs(found: list[tuple[str, int]]) -> Iterator[str]:
    """Yield lines of EUVD's mapping."""
    for alias, k in found:
        yield f"{alias},{name_of(k)}\n"
