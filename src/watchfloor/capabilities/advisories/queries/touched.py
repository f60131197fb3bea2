"""CVEs that are to be merged again, in their order: looked at, and taken."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from watchfloor.kernel.db.session import Wire

AFTER = "select k, mask, xmin::text from adv_touched where k > %s order by k limit %s"
# By place, not by key: whatever the planner believes about a table that fills and empties all the time, this stays a walk along an index.
TAKE = """
delete from adv_touched
where ctid = any (array(select ctid from adv_touched where k > %s and k <= %s order by k limit %s for update skip locked))
returning k, mask, xmin::text
"""


def after(wire: Wire, last: int, count: int) -> list[tuple[int, int, str]]:
    """Return the next CVEs beyond one, why they were touched, and the version of that row."""
    return wire.execute(AFTER, (last, count)).fetchall()


def take(wire: Wire, last: int, top: int, count: int) -> dict[int, tuple[int, str]]:
    """Take CVEs beyond one and up to another; what somebody else is writing about is left to them."""
    return {k: (mask, version) for k, mask, version in wire.execute(TAKE, (last, top, count))}
