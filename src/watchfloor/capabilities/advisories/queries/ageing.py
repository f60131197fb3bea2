"""Scores depend on the day: once a day, records that have reached an age or a due date are asked for again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from psycopg.types.json import Jsonb

from watchfloor.capabilities.advisories.queries.curator import WRITING, alone
from watchfloor.capabilities.advisories.queries.ingest import AGE

if TYPE_CHECKING:
    from datetime import date

    from watchfloor.kernel.db.session import Wire

ITSELF = 0  # the number under which the capability keeps what belongs to no source
AGEING = "ageing"
# Days since publication at which a term of the score changes, and days before a due date.
TOUCH = f"""
insert into adv_touched (k, mask)
select k, {AGE} from adv_cve
where published::date in (select %(today)s::date - age - late from unnest(array[15, 31, 91]) age, generate_series(0, %(days)s) late)
   or (kev and kev_due::date in (select %(today)s::date + 14 - late from generate_series(0, %(days)s) late))
on conflict (k) do update set mask = adv_touched.mask | excluded.mask
"""  # noqa: S608 - our own number
DAYS_MAX = 400


def age(wire: Wire, today: date) -> int:
    """Touch what has aged since the last time, at most once a day; return how many records that are."""
    row = wire.execute(
        "select (cursor->>'on')::date from adv_stream where src = %s and stream = %s for update", (ITSELF, AGEING)
    ).fetchone()
    last = row[0] if row else None
    if last is not None and last >= today:
        return 0
    wire.execute(
        "insert into adv_stream (src, stream, cursor) values (%s, %s, %s) on conflict (src, stream) do update set cursor = excluded.cursor",
        (ITSELF, AGEING, Jsonb({"on": today.isoformat()})),
    )
    if last is None:
        return 0
    alone(wire, WRITING)
    return wire.execute(TOUCH, {"today": today, "days": min((today - last).days - 1, DAYS_MAX)}).rowcount
