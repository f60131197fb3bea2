"""`wf jobs`: list, show, watch, cancel, retry and purge jobs."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from watchfloor.kernel import clock
from watchfloor.kernel.errors import InvalidInput, NotFound
from watchfloor.kernel.settings import duration
from watchfloor.kernel.terminal import Exit, Json, desk, note, print_json, print_text, progress, table

if TYPE_CHECKING:
    from watchfloor.kernel.jobs.schemas import JobView
    from watchfloor.kernel.terminal import Floor

commands = typer.Typer(no_args_is_help=True, help="List, watch, cancel and repeat jobs.")

JobId = Annotated[str, typer.Argument(help="The job's id, as `watchfloor jobs list` shows it.", metavar="JOB")]
Timeout = Annotated[
    timedelta | None,
    typer.Option("--timeout", parser=duration, metavar="DURATION", help="How long to wait, as 90s or 5m.", show_default="for ever"),
]


@commands.command("list")
def list_(
    context: typer.Context,
    *,
    state: Annotated[str | None, typer.Option("--state", help="active, finished, or states such as FAILURE,REVOKED.")] = None,
    kind: Annotated[str | None, typer.Option("--kind", help="Only these kinds, comma-separated.")] = None,
    queue: Annotated[str | None, typer.Option("--queue", help="Only these queues, comma-separated.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=500, help="How many.")] = 50,
    after: Annotated[str | None, typer.Option("--after", help="Go on where the page before ended.")] = None,
    json: Json = False,
) -> None:
    """List jobs, newest first."""
    with desk(context).floor() as floor:
        from watchfloor.kernel.jobs.queries import list_jobs  # noqa: PLC0415 - loads the database's libraries

        with floor.ledger.database.transaction(floor.org) as session:
            page = list_jobs(session, floor.org, state=state, kind=kind, queue=queue, limit=limit, after=after)
    if json:
        print_json(page.model_dump(mode="json"))
        return
    table(("job", "kind", "state", "age", "took", "note"), [_row(job) for job in page.items])
    if page.next:
        note(f"There are more: --after {page.next}")


@commands.command()
def show(context: typer.Context, job: JobId, *, json: Json = False) -> None:
    """Show one job: attempts, events, result or error."""
    wanted = job_id(job)
    with desk(context).floor() as floor:
        document = _document(floor, wanted)
    if json:
        print_json(document)
        return
    view = document["job"]
    table(("field", "value"), [(name, value) for name, value in view.items() if value not in {None, ""} and name != "progress"])
    if document["attempts"]:
        columns = ("attempt", "outcome", "reason", "started_at", "ended_at", "child")
        table(columns, [[attempt[column] for column in columns] for attempt in document["attempts"]], title="Attempts")
    if document["events"]:
        table(("at", "type", "data"), [(event["at"], event["type"], event["data"]) for event in document["events"]], title="Events")
    for heading in ("result", "error"):
        if document[heading] is not None:
            print_text(f"{heading}:")
            print_json(document[heading]) if heading == "result" else print_text(document[heading])


@commands.command()
def watch(context: typer.Context, job: JobId, *, timeout: Timeout = None, json: Json = False) -> None:
    """Wait for a job's end; exit code 0 when it succeeded, 2 when it failed, 3 when it was cancelled or expired."""
    wanted = job_id(job)
    with desk(context).floor() as floor, progress() as bar:
        from watchfloor.kernel.jobs.watch import wait_for  # noqa: PLC0415 - loads the database's libraries

        view = wait_for(floor.ledger, floor.org, wanted, lambda seen: bar.show(*told(seen)), timeout=timeout, on_interrupt="leave")
        document = _document(floor, wanted)
    if json:
        print_json(document)
    else:
        note(f"{view.kind} {view.id}: {view.state}" + (f" ({view.reason})" if view.reason else ""))
        if document["result"] is not None:
            print_json(document["result"])
        if document["error"]:
            note(document["error"])
    raise typer.Exit(ending(view))


@commands.command()
def cancel(
    context: typer.Context, jobs: Annotated[list[str], typer.Argument(help="Ids of jobs.", metavar="JOB…")], *, json: Json = False
) -> None:
    """Cancel jobs: waiting ones at once, running ones within two seconds."""
    wanted = [job_id(job) for job in jobs]
    with desk(context).floor() as floor:
        from watchfloor.kernel.jobs.cancel import cancel as cancel_jobs  # noqa: PLC0415 - loads the database's libraries
        from watchfloor.kernel.jobs.queries import find_job  # noqa: PLC0415 - see above

        told_to = cancel_jobs(floor.ledger, floor.org, wanted, actor="cli")
        with floor.ledger.database.transaction(floor.org) as session:
            left = {job: find_job(session, floor.org, job) for job in wanted if job not in {one.id for one in told_to}}
    if json:
        print_json({"cancelled": told_to, "left": [{"id": job, "state": view.state if view else "unknown"} for job, view in left.items()]})
    else:
        table(
            ("job", "now"),
            [
                *((one.id, "stops" if one.stage == "running" else one.stage) for one in told_to),
                *((job, _why(view)) for job, view in left.items()),
            ],
        )
    if any(view is None for view in left.values()):
        raise typer.Exit(Exit.ERROR)


@commands.command()
def retry(context: typer.Context, job: JobId, *, json: Json = False) -> None:
    """Run an ended job again, as a new one with the same arguments."""
    wanted = job_id(job)
    with desk(context).floor() as floor:
        from watchfloor.kernel.jobs.cancel import replay  # noqa: PLC0415 - loads the database's libraries

        made = replay(floor.ledger, floor.org, wanted, desk(context).kinds(), actor="cli")
    if json:
        print_json({"id": made, "replay_of": wanted})
    else:
        print_text(str(made))


@commands.command()
def purge(
    context: typer.Context,
    *,
    queue: Annotated[str | None, typer.Option("--queue", help="Only this queue.")] = None,
    kind: Annotated[str | None, typer.Option("--kind", help="Only this kind.")] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    json: Json = False,
) -> None:
    """Cancel every job that waits; running jobs go on."""
    what = " and ".join(part for part in (f"queue {queue}" if queue else "", f"kind {kind}" if kind else "") if part) or "all queues"
    if not yes and not typer.confirm(f"Cancel every waiting job of {what}?", err=True):
        raise typer.Exit(Exit.CLEAN)
    with desk(context).floor() as floor:
        from watchfloor.kernel.jobs.cancel import purge as purge_jobs  # noqa: PLC0415 - loads the database's libraries

        number = purge_jobs(floor.ledger, floor.org, actor="cli", queue=queue, kind=kind)
    if json:
        print_json({"cancelled": number})
    else:
        print_text(f"{number} waiting jobs were cancelled.")


def job_id(text: str) -> UUID:
    """Read a job's id; raises InvalidInput."""
    try:
        return UUID(text)
    except ValueError:
        raise InvalidInput(f"{text[:60]!r} is not a job id; `watchfloor jobs list` shows them.") from None


def told(view: JobView) -> tuple[str, int, int, str]:
    """Return what a progress bar shows of a job: phase, done, total, note."""
    if view.progress is None:
        return {"RETRY": "waiting to try again", "PENDING": view.stage}.get(view.state, view.state.lower()), 0, 0, ""
    return view.progress.phase or "working", view.progress.done, view.progress.total, view.progress.note or ""


def ending(view: JobView) -> Exit:
    """Return the exit code that stands for how a job ended."""
    return {"SUCCESS": Exit.CLEAN, "FAILURE": Exit.ERROR}.get(view.state, Exit.UNKNOWN)


def _document(floor: Floor, job: UUID) -> dict[str, Any]:
    from watchfloor.kernel.jobs import queries  # noqa: PLC0415 - loads the database's libraries

    with floor.ledger.database.transaction(floor.org) as session:
        view = queries.find_job(session, floor.org, job)
        if view is None:
            raise NotFound(f"there is no job {job}; `watchfloor jobs list` shows those there are.")
        return {
            "job": view.model_dump(mode="json"),
            "attempts": [attempt.model_dump(mode="json") for attempt in queries.list_attempts(session, floor.org, job)],
            "events": [event.model_dump(mode="json") for event in queries.list_events(session, floor.org, job)],
            "result": queries.open_result(floor.ledger, session, floor.org, job),
            "error": queries.open_error(floor.ledger, session, floor.org, job),
        }


def _row(job: JobView) -> tuple[object, ...]:
    took = job.finished_at - job.started_at if job.finished_at and job.started_at else None
    done = (
        f"{job.progress.done}/{job.progress.total} {job.progress.phase or ''}".strip()
        if job.progress and job.progress.total and not job.finished_at
        else None
    )
    return job.id, job.kind, job.state, max(timedelta(0), clock.now() - job.created_at), took, done or job.reason


def _why(view: JobView | None) -> str:
    if view is None:
        return "unknown"
    return f"ended before: {view.state}" if view.finished_at else "was being cancelled already"
