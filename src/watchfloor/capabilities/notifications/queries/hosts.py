"""Hosts that fail: counted, set aside for a while, forgotten with the first message they take."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from watchfloor.capabilities.notifications.engine.retry import FAILURES_IN_A_ROW, FIRST_PAUSE, LONGEST_PAUSE
from watchfloor.kernel.db.session import wire_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta
    from uuid import UUID

    from sqlalchemy.orm import Session

FAILED: Final = """
insert into notify_host as h (org, lane, host, failed) values (%(org)s, %(lane)s, %(host)s, 1)
on conflict (org, lane, host) do update set failed = h.failed + 1
returning failed, opened, open_until > wf_now()
"""
OPEN: Final = """
update notify_host set opened = opened + %(counts)s, open_until = greatest(open_until, wf_now() + %(pause)s), opened_at = coalesce(opened_at, wf_now())
where org = %(org)s and lane = %(lane)s and host = %(host)s
"""


def failed(session: Session, org: UUID, lane: str, host: str, *, pause: timedelta | None) -> None:
    """Count a failure; set the host aside for as long as it asked for, or because it is the fifth in a row.

    Failures that were on their way while it was set aside do not hold the others longer.
    """
    wire, key = wire_of(session), {"org": org, "lane": lane, "host": host}
    row: Any = wire.execute(FAILED, key).fetchone()
    in_a_row, opened, aside = row
    if pause is not None:
        wire.execute(OPEN, {**key, "pause": pause, "counts": 0})
    elif in_a_row >= FAILURES_IN_A_ROW and not aside:
        wire.execute(OPEN, {**key, "pause": min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(opened, 5)), "counts": 1})


def works(session: Session, org: UUID, lane: str, hosts: Sequence[str]) -> None:
    """Forget the failures of hosts that took a message."""
    if hosts:
        wire_of(session).execute("delete from notify_host where org = %s and lane = %s and host = any (%s)", (org, lane, list(hosts)))
