"""Rows that are kept for a while only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchfloor.capabilities.advisories.queries.epss import CURVES_KEPT

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from watchfloor.kernel.db.session import Wire

# What goes, by table; each statement begins where `delete` or `select` is put before it.
OLD = {
    "adv_reject": "from adv_reject where at < %(before)s",
    "adv_raw_old": "from adv_raw_old where ctid = any (array(select w.ctid from (select ctid, row_number() over "
    "(partition by src, k order by fetched_at desc) as place from adv_raw_old) w where w.place > %(history)s))",
    "adv_epss_curve": "from adv_epss_curve where score_date < (select min(score_date) from "
    "(select distinct score_date from adv_epss_curve order by score_date desc limit %(curves)s) kept)",
    "adv_zdict": "from adv_zdict d where not exists (select from adv_raw r where r.dict_id = d.id) and not exists "
    "(select from adv_raw_old o where o.dict_id = d.id) and id < (select max(id) from adv_zdict n where n.src = d.src)",
}


def moment_before(wire: Wire, age: timedelta) -> datetime:
    """Return the database's time less an age."""
    row = wire.execute("select wf_now() - %s", (age,)).fetchone()
    if row is None:
        message = "the database does not tell the time"
        raise RuntimeError(message)
    moment: datetime = row[0]
    return moment


def clean(wire: Wire, before: datetime, *, history: int, dry_run: bool) -> int:
    """Remove rows that nobody needs any more, and return how many those are."""
    values = {"before": before, "history": history, "curves": CURVES_KEPT}
    count = 0
    for rest in OLD.values():
        if dry_run:
            row = wire.execute(f"select count(*) {rest}", values).fetchone()
            count += int(row[0]) if row else 0
        else:
            count += wire.execute(f"delete {rest}", values).rowcount
    return count
