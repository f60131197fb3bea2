"""Jobs as server-sent events: each event is a job as it is at that moment, its id `(moment, job)`, so that a client can resume."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

import anyio
from psycopg import OperationalError
from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse

from watchfloor.kernel.clock import monotonic
from watchfloor.kernel.db.session import wire_of
from watchfloor.kernel.errors import InvalidInput, SetupError
from watchfloor.kernel.jobs.queries import NO_JOB, find_job, list_changes
from watchfloor.kernel.tenancy.keys import still_valid

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from watchfloor.kernel.jobs.schemas import JobView
    from watchfloor.kernel.tenancy.access import Call

POLL_S = 2.0
PAUSE_S = 0.2  # rings within this time are one look
COMMENT_S = 15.0
CHECK_S = 5.0
# Commits arrive out of order: what was stamped this much earlier may become visible later.
OVERLAP = timedelta(seconds=5)
RESUMED = timedelta(days=1)
log = logging.getLogger("watchfloor.stream")


def read_position(text: str | None) -> tuple[datetime, UUID] | None:
    """Return the position a Last-Event-ID names, not older than a day.

    Raises:
        InvalidInput: It is not an id of these streams.
    """
    if not text:
        return None
    moment, _, job = text.partition("/")
    try:
        at = datetime.fromisoformat(moment)
        found = (at.astimezone(UTC), UUID(job))
    except (ValueError, OverflowError) as error:
        message = "Last-Event-ID is not an id of this stream; leave it out to start from now"
        raise InvalidInput(message) from error
    return max(found, (datetime.now(UTC) - RESUMED, NO_JOB))


def now_of(call: Call) -> datetime:
    """Return the database's time."""
    with call.transaction() as session:
        row = wire_of(session).execute("select wf_now()").fetchone()
    return row[0] if row else datetime.now(UTC)


async def all_jobs(call: Call, start: tuple[datetime, UUID] | None) -> AsyncIterator[str]:
    """Tell every change of the organisation's jobs after `start`, or from now on."""
    position = start or (await run_in_threadpool(now_of, call), NO_JOB)
    told: dict[UUID, datetime] = {}
    resumed = start

    def look(rung: list[UUID]) -> list[tuple[datetime, JobView]]:
        nonlocal position, resumed
        found: list[tuple[datetime, JobView]] = []
        since, last = (position[0] - OVERLAP, NO_JOB) if resumed is None else resumed
        while True:
            with call.transaction() as session:
                part = list_changes(session, call.org, since, last, rung=rung)
            found += [(moment, view) for moment, view in part if told.get(view.id) != moment]
            if len(part) < 1000:  # noqa: PLR2004 - queries.ROWS, a full page
                break
            since, last = part[-1][0], part[-1][1].id
            if len(found) > 1000:  # noqa: PLR2004 - the next look goes on from here
                break
        resumed = None
        position = max([position, *((moment, view.id) for moment, view in found)])
        told.update({view.id: moment for moment, view in found})
        for job in [job for job, moment in told.items() if moment < position[0] - 2 * OVERLAP]:
            del told[job]
        return found

    async for event in follow(call, lambda rung: [_event(moment, view) for moment, view in look(rung)]):
        yield event


async def one_job(call: Call, job: UUID) -> AsyncIterator[str]:
    """Tell one job as it is, then each change, and end after its last."""
    seen: JobView | None = None

    def look(_rung: list[UUID]) -> list[str]:
        nonlocal seen
        with call.transaction() as session:
            view = find_job(session, call.org, job)
        changed = view if view != seen else None
        seen = view
        return [_event(_moment(changed), changed)] if changed else []

    async for event in follow(call, look, until=lambda: seen is None or seen.finished_at is not None):
        yield event


def _event(moment: datetime, view: JobView) -> str:
    return f"id: {moment.isoformat()}/{view.id}\nevent: job\ndata: {view.model_dump_json()}\n\n"


async def follow(call: Call, look: Callable[[list[UUID]], list[str]], until: Callable[[], bool] = lambda: False) -> AsyncIterator[str]:
    """Tell what `look` returns as server-sent events: it is asked when jobs of the organisation report something, and every 2 s.

    `look` gets the jobs that reported and runs in a thread; a comment every 15 s keeps proxies from closing a silent line.
    """
    spoke = checked = monotonic()
    yield "retry: 2000\n\n"
    with call.listener.follow(call.org) as follower:
        while not call.listener.stopping:
            began = monotonic()
            try:
                for event in await run_in_threadpool(look, follower.take()):
                    yield event
                    spoke = monotonic()
                if until() or (began - checked > CHECK_S and not await run_in_threadpool(still_valid, call.ledger, call.actor)):
                    return
                checked = began if began - checked > CHECK_S else checked
            except (OperationalError, SetupError) as error:
                log.warning("a stream waits for the database: %s", str(error).strip()[:256])
            if monotonic() - spoke >= COMMENT_S:
                spoke = monotonic()
                yield ": still here\n\n"
            await follower.wait(POLL_S)
            await anyio.sleep(max(0.0, PAUSE_S - (monotonic() - began)))


def _moment(view: JobView) -> datetime:
    moments = (view.created_at, view.started_at, view.finished_at, view.progress.at if view.progress else None)
    return max(moment for moment in moments if moment is not None)


def streamed(caller: Call, events: AsyncIterator[str]) -> StreamingResponse:
    """Answer with server-sent events, as one of the key's few streams; raises TooMuch."""
    held = caller.limits.stream(caller.actor.key)
    held.__enter__()  # counted before the answer begins, so that a refusal is still an answer

    async def told() -> AsyncIterator[str]:
        try:
            async for event in events:
                yield event
        finally:
            held.__exit__(None, None, None)

    return StreamingResponse(told(), media_type="text/event-stream", headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
