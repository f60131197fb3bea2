"""`wf tasks`: thin commands for operators: update, test, status, monitor, workers, scheduled."""

from __future__ import annotations

import sys
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from watchfloor.kernel.clock import monotonic
from watchfloor.kernel.errors import NotFound
from watchfloor.kernel.jobs.cli.jobs import JobId, Timeout, ending, job_id, told
from watchfloor.kernel.settings import duration
from watchfloor.kernel.terminal import Exit, Json, cell, desk, note, print_json, print_text, progress, spell, table

if TYPE_CHECKING:
    from uuid import UUID

    from watchfloor.kernel.jobs.schemas import QueueView, WorkerView
    from watchfloor.kernel.terminal import Floor

commands = typer.Typer(no_args_is_help=True, help="Operate: update, test, status, monitor, workers, scheduled.")

UPDATE, TEST = "advisories.update_vulnerabilities", "jobs.test"
HOPS = "select created_at, dispatched_at, started_at, finished_at, stage from job where org = %s and id = %s"


@commands.command()
def update(
    context: typer.Context,
    *,
    source: Annotated[list[str] | None, typer.Option("--source", help="Ask this source; may be repeated. All by default.")] = None,
    full: Annotated[bool, typer.Option("--full", help="Load whole sources again instead of what changed.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Ask even a source that was asked a moment ago.")] = False,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Wait for the end.")] = True,
    json: Json = False,
) -> None:
    """Update vulnerability intelligence now; an update of the same kind that is under way stands for this one."""
    kind = desk(context).kinds().get(UPDATE)
    if kind is None:
        note("This installation has no advisories capability, so there is nothing to update; nothing was learned.")
        if json:
            print_json({"state": "unknown", "reason": "no advisories capability"})
        raise typer.Exit(Exit.UNKNOWN)
    with desk(context).floor(work=wait) as floor:
        from watchfloor.kernel.jobs.enqueue import bind  # noqa: PLC0415 - loads the database's libraries
        from watchfloor.kernel.jobs.tasks import start_once  # noqa: PLC0415 - see above
        from watchfloor.kernel.jobs.watch import wait_for  # noqa: PLC0415 - see above

        wanted = {"sources": source, "full": full, "force": force}
        request = bind(kind, {name: value for name, value in wanted.items() if value})
        with floor.ledger.database.transaction(floor.org) as session:
            made = start_once(floor.ledger, session, floor.org, kind, request, "cli")
        floor.ledger.doorbell.ring("wf_ready", kind.queue)
        if not made.created:
            note(f"An update is under way already: {made.id}.")
        if not wait:
            print_json({"id": made.id, "coalesced": not made.created}) if json else print_text(str(made.id))
            return
        with progress() as bar:
            view = wait_for(floor.ledger, floor.org, made.id, lambda seen: bar.show(*told(seen)), on_interrupt="leave")
    print_json(view) if json else print_text(f"{view.kind} {view.id}: {view.state}")
    raise typer.Exit(ending(view))


@commands.command("test")
def try_out(context: typer.Context, *, timeout: Timeout = None, json: Json = False) -> None:
    """Send a job that does nothing through the whole engine and tell how long each hop took; exit code 2 when it got stuck."""
    kind = desk(context).kinds()[TEST]
    with desk(context).floor(work=True) as floor:
        from watchfloor.kernel.jobs.enqueue import Options, bind, submit  # noqa: PLC0415 - loads the database's libraries
        from watchfloor.kernel.jobs.watch import StillRunning, wait_for  # noqa: PLC0415 - see above

        began = monotonic()
        floor.ledger.database.wire("wf_app").execute("select 1")
        database = monotonic() - began
        began = monotonic()
        made = submit(floor.ledger, floor.org, kind, bind(kind, {}), Options(actor="cli", priority=9))
        enqueued = monotonic() - began
        state = "SUCCESS"
        try:
            state = wait_for(floor.ledger, floor.org, made.id, timeout=timeout or timedelta(seconds=30)).state
        except StillRunning:
            state = "STUCK"
        hops = _hops(floor, made.id)
    document = {"id": made.id, "state": state, "database_s": round(database, 4), "enqueue_s": round(enqueued, 4), **hops}
    if json:
        print_json(document)
    else:
        names = {
            "database_s": "database answers",
            "enqueue_s": "job stored",
            "dispatch_s": "dispatched by a scheduler",
            "worker_s": "taken by a worker",
            "run_s": "run and recorded",
        }
        table(
            ("hop", "took"),
            [
                (line, spell(timedelta(seconds=document[name]), places=4) if document.get(name) is not None else "never")
                for name, line in names.items()
            ],
        )
        note(f"job {made.id}: {state}" + (f". {document['advice']}" if document.get("advice") else ""))
    raise typer.Exit(Exit.CLEAN if state == "SUCCESS" else Exit.ERROR)


@commands.command()
def status(context: typer.Context, job: JobId, *, json: Json = False) -> None:
    """Tell one task's status in the words Celery's users know; exit code 0 unless there is no such task."""
    wanted = job_id(job)
    with desk(context).floor() as floor:
        from watchfloor.kernel.jobs.facade import read_job  # noqa: PLC0415 - loads the database's libraries

        found = read_job(floor.ledger, floor.org, wanted)
    if found is None:
        raise NotFound(f"there is no task {wanted}; `watchfloor jobs list` shows those there are.")
    document = {
        "id": wanted,
        "status": found["state"],
        **{name: found[name] for name in ("name", "worker", "retries", "date_done", "info", "result", "error", "traceback")},
    }
    if json:
        print_json(document)
        return
    table(("field", "value"), [(name, value) for name, value in document.items() if value not in (None, "") and name != "traceback"])
    if found["traceback"]:
        print_text(found["traceback"])


@commands.command()
def workers(context: typer.Context, *, json: Json = False) -> None:
    """List living workers: their active jobs and the kinds they registered."""
    with desk(context).floor() as floor:
        found = _workers(floor)
    if json:
        print_json([worker.model_dump(mode="json") for worker in found])
        return
    if not found:
        note("No worker is connected. Start one with `watchfloor worker` or `watchfloor up`.")
    for worker in found:
        state = "stopping" if worker.stopping else "at work" if worker.active else "idle"
        print_text(
            f"{worker.host} pid {worker.pid}: {state}, {len(worker.active)} of {worker.slots} slots, {worker.pool}, since {cell(worker.started_at)}"
        )
        print_text(f"  queues: {', '.join(worker.queues)}\n  registered: {', '.join(worker.kinds) or '-'}")
        for active in worker.active:
            print_text(f"  active: {active.kind} {active.job} since {cell(active.since)}")


@commands.command()
def scheduled(context: typer.Context, *, json: Json = False) -> None:
    """List schedules, and jobs planned for later."""
    with desk(context).floor() as floor:
        from watchfloor.kernel.jobs.queries import list_jobs, list_schedules  # noqa: PLC0415 - loads the database's libraries

        with floor.ledger.database.transaction(floor.org) as session:
            plans = list_schedules(session, floor.org)
            later = list_jobs(session, floor.org, state="scheduled", limit=500).items
    if json:
        print_json({"schedules": [plan.model_dump(mode="json") for plan in plans], "jobs": [job.model_dump(mode="json") for job in later]})
        return
    table(("name", "kind", "next", "enabled"), [(plan.name, plan.kind, plan.next_tick, plan.enabled) for plan in plans], title="Schedules")
    table(
        ("job", "kind", "runs at", "why"),
        [(job.id, job.kind, job.run_at, job.reason or "planned") for job in later],
        title="Jobs planned for later",
    )


@commands.command()
def monitor(
    context: typer.Context,
    *,
    interval: Annotated[timedelta, typer.Option("--interval", parser=duration, metavar="DURATION", help="Time between two looks.")] = "2s",  # type: ignore[assignment] # read by the parser
    once: Annotated[bool, typer.Option("--once", help="One look, then end; so it is where nobody watches.")] = False,
    json: Json = False,
) -> None:
    """Show queues, workers and running jobs, live until Ctrl-C."""
    with desk(context).floor() as floor:
        if json:
            print_json(_snapshot(floor))
        elif once or not sys.stdout.isatty():
            _print_snapshot(floor)
        else:
            _live(floor, max(0.2, interval.total_seconds()))


def _hops(floor: Floor, job: UUID) -> dict[str, Any]:
    """Return how long each hop took by the database's clock, and where the job is when it got stuck."""
    from watchfloor.kernel.db.session import wire_of  # noqa: PLC0415 - loads the database's libraries

    with floor.ledger.database.transaction(floor.org) as session:
        row: Any = wire_of(session).execute(HOPS, (floor.org, job)).fetchone()
    created, dispatched, started, finished, stage = row

    def span(first: Any, last: Any) -> float | None:  # noqa: ANN401 - columns
        return round((last - first).total_seconds(), 4) if first and last else None

    advice = {
        "queued": "No scheduler picked it up, or no worker with a free slot serves its queue: `watchfloor tasks workers`, `watchfloor queues list`.",
        "dispatched": "No worker answered its ticket: check the broker and the workers, `watchfloor doctor`.",
        "running": "A worker has taken it and does not end it: see the worker's log.",
    }
    return {
        "dispatch_s": span(created, dispatched), "worker_s": span(dispatched, started), "run_s": span(started, finished),
        "stage": stage, "advice": advice.get(stage),
    }  # fmt: skip


def _workers(floor: Floor) -> list[WorkerView]:
    from watchfloor.kernel.jobs.queries import list_workers  # noqa: PLC0415 - loads the database's libraries

    with floor.ledger.database.engine_transaction() as session:
        return [worker for worker in list_workers(session) if worker.alive]


def _queues(floor: Floor) -> list[QueueView]:
    from watchfloor.kernel.jobs.queries import list_queues  # noqa: PLC0415 - loads the database's libraries

    with floor.ledger.database.engine_transaction() as session:
        return list_queues(session)


def _snapshot(floor: Floor) -> dict[str, Any]:
    from watchfloor.kernel.jobs.queries import list_jobs  # noqa: PLC0415 - loads the database's libraries

    with floor.ledger.database.transaction(floor.org) as session:
        active = list_jobs(session, floor.org, state="running", limit=30).items
    return {
        "queues": [queue.model_dump(mode="json") for queue in _queues(floor)],
        "workers": [worker.model_dump(mode="json") for worker in _workers(floor)],
        "running": [job.model_dump(mode="json") for job in active],
    }


QUEUE_COLUMNS = ("name", "paused", "waiting", "scheduled", "blocked", "dispatched", "running")


def _rows(snapshot: dict[str, Any]) -> tuple[list[list[Any]], list[list[Any]], list[list[Any]]]:
    queues = [[queue[column] for column in QUEUE_COLUMNS] for queue in snapshot["queues"]]
    workers = [
        [worker["host"], worker["pid"], f"{len(worker['active'])}/{worker['slots']}", ",".join(worker["queues"]), worker["stopping"]]
        for worker in snapshot["workers"]
    ]
    running = []
    for job in snapshot["running"]:
        done = job["progress"]
        running.append(
            [
                job["id"],
                job["kind"],
                job["state"],
                f"{done['done']}/{done['total']} {done['phase'] or ''}".strip() if done else "-",
                job["started_at"],
            ]
        )
    return queues, workers, running


HEADINGS = (
    ("Queues", QUEUE_COLUMNS),
    ("Workers", ("host", "pid", "busy", "queues", "stopping")),
    ("Running", ("job", "kind", "state", "progress", "since")),
)


def _print_snapshot(floor: Floor) -> None:
    for (title, columns), rows in zip(HEADINGS, _rows(_snapshot(floor)), strict=True):
        table(columns, rows, title=title)


def _live(floor: Floor, seconds: float) -> None:
    import threading  # noqa: PLC0415 - only the live view waits

    from rich.console import Console, Group  # noqa: PLC0415 - only a terminal pays
    from rich.live import Live  # noqa: PLC0415 - see above

    from watchfloor.kernel.terminal import drawn  # noqa: PLC0415 - see above

    def look() -> Group:
        return Group(
            *(
                drawn(columns, [[cell(value) for value in row] for row in rows], title)
                for (title, columns), rows in zip(HEADINGS, _rows(_snapshot(floor)), strict=True)
            )
        )

    with Live(look(), console=Console(highlight=False), screen=True, auto_refresh=False) as live:
        while True:
            threading.Event().wait(seconds)
            live.update(look(), refresh=True)
