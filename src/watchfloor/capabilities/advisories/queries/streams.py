"""How far each source has been read: watermarks, what is kept to ask for news only, gaps, refusals."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from watchfloor.capabilities.advisories.schemas.words import Source
from watchfloor.kernel.errors import SourceChanged

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime, timedelta

    from watchfloor.capabilities.advisories.schemas.frames import Reject
    from watchfloor.kernel.db.session import Wire

PART = "-part"  # ends the name of a stream that is a part of another one
NOTES = "notes"  # in the cursor of `ALL`: what the source said last that an operator should know
ALL = ""  # the stream that stands for the source as a whole: when it was asked, what it keeps, how it failed


@dataclass(frozen=True)
class Stream:
    """One series of files of a source, and how far it is read."""

    src: int
    stream: str
    watermark: datetime | None = None
    cursor: dict[str, Any] = field(default_factory=dict)
    rows_ok: int = 0
    checked_at: datetime | None = None
    changed_at: datetime | None = None
    ok_at: datetime | None = None
    failures: int = 0
    gap_since: datetime | None = None
    gap_reason: str | None = None
    last_error: dict[str, Any] | None = None


COLUMNS = "src, stream, watermark, cursor, rows_ok, checked_at, changed_at, ok_at, failures, gap_since, gap_reason, last_error"


def streams_of(wire: Wire, src: Source | None = None) -> list[Stream]:
    """Return what is known of the streams of a source, or of all."""
    cursor = wire.cursor(row_factory=class_row(Stream))
    return cursor.execute(
        f"select {COLUMNS} from adv_stream where %(src)s::smallint is null or src = %(src)s order by src, stream",  # noqa: S608 - our own columns
        {"src": None if src is None else int(src)},
    ).fetchall()


def due(wire: Wire, src: Source, every: timedelta, *, again: bool = False) -> bool:
    """Tell whether a source was not asked, by anybody, for so long; a refusal counts as asked, an attempt that died does not.

    `again`: a further attempt of the same job, which is there to ask what did not answer the one before.
    """
    found = wire.execute(
        "select checked_at > wf_now() - %s::interval * 0.9 and not (%s and failures > 0 and last_error->>'code' <> %s) "
        "from adv_stream where src = %s and stream = %s",
        (every, again, SourceChanged.code, int(src), ALL),
    ).fetchone()
    return not (found and found[0])


def accepted(wire: Wire, src: Source, stream: str) -> dict[str, Any] | None:
    """Return what is kept of a stream that was taken in whole before, its cursor; None for one that never was."""
    row = wire.execute("select cursor from adv_stream where src = %s and stream = %s and ok_at is not null", (int(src), stream)).fetchone()
    return None if row is None else row[0]


def first(wire: Wire, src: Source, stream: str, *, complete: bool) -> bool:
    """Tell whether a stream is read for the first time, so that what it tells is no news.

    Increments of NVD and of the CVE List are news once anything of these was read; a year of NVD is no increment. EUVD has no whole: each of
    its searches begins by itself, and the parts of one are not it until the last is there.
    """
    base = stream.removesuffix(PART)
    if complete or src is Source.EUVD:
        return accepted(wire, src, base) is None
    if src is Source.NVD and base.isdecimal() and accepted(wire, src, base) is None:
        # The year that has just begun is read for the first time as well, and is news to who has followed the increments.
        row = wire.execute("select %s < extract(year from wf_now())", (int(base),)).fetchone()
        return bool(row and row[0]) or accepted(wire, src, "modified") is None
    row = wire.execute(
        "select exists (select from adv_stream where src = %s and stream <> %s and ok_at is not null)", (int(src), ALL)
    ).fetchone()
    return not (row and row[0])


def accept(
    wire: Wire, src: Source, stream: str, *, rows: int | None, watermark: datetime | None, cursor: dict[str, Any], changed: bool
) -> None:
    """Write down that a file of a stream was taken in whole; a watermark never goes back."""
    wire.execute(
        "insert into adv_stream as s (src, stream, watermark, cursor, rows_ok, checked_at, changed_at, ok_at) "
        "values (%(src)s, %(stream)s, %(watermark)s, %(cursor)s, coalesce(%(rows)s, 0), wf_now(), case when %(changed)s then wf_now() end, wf_now()) "
        "on conflict (src, stream) do update set watermark = greatest(s.watermark, excluded.watermark), cursor = s.cursor || excluded.cursor, "
        "rows_ok = coalesce(%(rows)s, s.rows_ok), checked_at = excluded.checked_at, changed_at = coalesce(excluded.changed_at, s.changed_at), "
        "ok_at = excluded.ok_at, failures = 0, last_error = null",
        {"src": int(src), "stream": stream, "watermark": watermark, "cursor": Jsonb(cursor), "rows": rows, "changed": changed},
    )


def reaches(wire: Wire, src: Source, moment: datetime, *, of: Sequence[str] | None = None) -> bool:
    """Tell whether a source, or some of its streams, is read at least up to a moment; one of which nothing was read yet reaches nowhere."""
    row = wire.execute(
        "select max(watermark) >= %s from adv_stream where src = %s and (%s::text[] is null or stream = any (%s))",
        (moment, int(src), of and list(of), of and list(of)),
    ).fetchone()
    return bool(row and row[0])


def close_gap(wire: Wire, src: Source) -> None:
    """Write down that a full load has closed the hole in what a source told."""
    wire.execute("update adv_stream set gap_since = null, gap_reason = null where src = %s and gap_since is not null", (int(src),))


def open_gap(wire: Wire, src: Source, reason: str) -> None:
    """Write down that something was missed that increments cannot bring back."""
    wire.execute(
        "insert into adv_stream as s (src, stream, gap_since, gap_reason) values (%s, %s, wf_now(), %s) on conflict (src, stream) do update "
        "set gap_since = coalesce(s.gap_since, excluded.gap_since), gap_reason = excluded.gap_reason",
        (int(src), ALL, reason[:500]),
    )


def failures(wire: Wire, src: Source) -> int:
    """Return how many times in a row a source was asked in vain."""
    row = wire.execute("select failures from adv_stream where src = %s and stream = %s", (int(src), ALL)).fetchone()
    return int(row[0]) if row else 0


def fail(wire: Wire, src: Source, error: dict[str, Any]) -> None:
    """Write down that a source was asked in vain; what it told before stays, and so does its watermark."""
    wire.execute(
        "insert into adv_stream as s (src, stream, checked_at, failures, last_error) "
        "values (%(src)s, %(stream)s, wf_now(), 1, %(error)s || jsonb_build_object('at', wf_now())) on conflict (src, stream) do update "
        "set checked_at = excluded.checked_at, failures = s.failures + 1, last_error = excluded.last_error",
        {"src": int(src), "stream": ALL, "error": Jsonb(error)},
    )


def reject(wire: Wire, src: Source, stream: str, rejects: Sequence[Reject]) -> None:
    """Keep what could not be taken, with the reason."""
    clean = [[one.ref[:200], one.reason[:500], one.sample[:500]] for one in rejects]
    columns = [
        [text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode() for text in column]
        for column in zip(*clean, strict=True)
    ]
    if clean:
        wire.execute(
            "insert into adv_reject (src, stream, ref, reason, sample) select %s, %s, * from unnest(%s::text[], %s::text[], %s::text[])",
            (int(src), stream, *columns),
        )
