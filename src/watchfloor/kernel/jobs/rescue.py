"""Keep the promise when something died: promote what is due, expire what is late, reap the lost, ring again for the unheard."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

from watchfloor.kernel.clock import monotonic
from watchfloor.kernel.jobs.statements import statement

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from watchfloor.kernel.db.session import Wire
    from watchfloor.kernel.jobs.ledger import Ledger

SESSION_TTL_S = 15.0
SELF_FENCE_S = 12.0
GRACE_S = 3.0
BEAT_S = 2.0
SWEEP_AGE_S = 30.0
MAX_CRASHES = 3
FORGET_ROWS, FORGET_S = 1000, 0.25

log = logging.getLogger("watchfloor.rescue")


def promote(ledger: Ledger) -> int:
    """Put scheduled jobs whose time has come in line."""
    rows = ledger.database.wire("wf_engine").execute(statement("promote"), prepare=True).fetchall()
    for queue in {str(row[0]) for row in rows}:
        ledger.doorbell.ring("wf_ready", queue)
    return len(rows)


def expire(ledger: Ledger) -> int:
    """End waiting jobs whose `expires_at` has passed."""
    row: Any = ledger.database.wire("wf_engine").execute(statement("expire"), prepare=True).fetchone()
    return int(row[0])


def lose_sessions(ledger: Ledger) -> list[str]:
    """Declare worker sessions lost that missed their beats; what they own is reaped next."""
    lost = ledger.database.wire("wf_engine").execute(statement("lose"), {"grace_s": GRACE_S}).fetchall()
    for session, queues in lost:
        log.warning("worker session %s is lost: no beat within %.0f s", session, SESSION_TTL_S + GRACE_S)
        ring_again(ledger, queues)
    return [str(session) for session, _queues in lost]


def reap(ledger: Ledger, session: object = None, dead: list[str] | None = None) -> int:
    """Plan the next attempt for jobs whose worker is gone; the third crash of one job quarantines it."""
    wire = ledger.database.wire("wf_engine")
    values = {"session": session, "dead": dead or [], "max_crashes": MAX_CRASHES}
    rows = wire.execute(statement("reap"), values, prepare=True).fetchall()
    for org, job, stage in rows:
        log.warning("job %s lost its worker; now %s", job, stage)
        if stage == "quarantined":
            wire.execute(statement("event"), {"org": org, "id": job, "type": "quarantined", "data": json.dumps({"crashes": MAX_CRASHES})})
    return len(rows)


def sweep(ledger: Ledger, broker_since: datetime | None = None, queues: Sequence[str] | None = None) -> int:
    """Put jobs back in line whose ticket was not heard; at once for tickets older than the broker's present incarnation."""
    wire = ledger.database.wire("wf_engine")
    values = {"age_s": SWEEP_AGE_S, "broker_since": broker_since, "queues": list(queues) if queues is not None else None}
    rows = wire.execute(statement("sweep"), values, prepare=True).fetchall()
    for org, job, redispatches in rows:
        wire.execute(statement("event"), {"org": org, "id": job, "type": "swept", "data": json.dumps({"redispatches": redispatches})})
    return len(rows)


def ring_again(ledger: Ledger, queues: Sequence[str] | None = None) -> int:
    """Ring again for every ticket under way on these queues: whoever held some of them is gone. A doubled ticket is dropped."""
    row: Any = ledger.database.wire("wf_engine").execute("select wf_now()").fetchone()
    swept = sweep(ledger, row[0], queues)
    if swept:
        ledger.doorbell.ring("wf_ready", "")
    return swept


def seal_orphans(ledger: Ledger) -> int:
    """Seal batches whose parent ended before it could; cancel the children of a parent that failed."""
    wire = ledger.database.wire("wf_engine")
    rows = wire.execute(statement("orphans"), prepare=True).fetchall()
    for org, batch, stage in rows:
        wire.execute(statement("seal"), {"org": org, "batch": batch})
        while stage != "succeeded":
            if not wire.execute(statement("cancel"), {"org": org, "ids": [], "batch": batch, "by": "parent failed"}).fetchall():
                break
    return len(rows)


def forget(ledger: Ledger) -> dict[str, int]:
    """Remove what its retention allows: payloads first, then ended jobs into the archive, then the archive itself.

    Each for a quarter of a second at most, because promotion and ticks wait meanwhile; called every few seconds that is
    thousands of jobs a second.
    """
    wire = ledger.database.wire("wf_engine")
    return {name: _while_full(wire, name) for name in ("forget_payloads", "archive", "forget_archive")}


def forget_rest(ledger: Ledger) -> dict[str, int]:
    """Remove old keys, ticks, events and sessions; rarely, because it reads whole tables."""
    wire = ledger.database.wire("wf_engine")
    return {name: wire.execute(statement(name)).rowcount for name in ("forget_rest", "forget_sessions")}


def _while_full(wire: Wire, name: str) -> int:
    deadline, total = monotonic() + FORGET_S, 0
    while True:
        found = wire.execute(statement(name), prepare=True).rowcount
        total += found
        if found < FORGET_ROWS or monotonic() > deadline:
            return total
