"""`wf schedules`: run jobs by crontab or interval."""

from __future__ import annotations

import json as json_text
from datetime import timedelta  # noqa: TC003 - typer reads the annotation
from typing import TYPE_CHECKING, Annotated, Any

import typer

from watchfloor.kernel.errors import InvalidInput, NotFound
from watchfloor.kernel.settings import duration
from watchfloor.kernel.terminal import Json, desk, print_json, print_text, table

if TYPE_CHECKING:
    from watchfloor.kernel.jobs.schemas import ScheduleView
    from watchfloor.kernel.terminal import Floor

commands = typer.Typer(no_args_is_help=True, help="Run jobs by crontab or interval.")

Which = Annotated[str, typer.Argument(help="The schedule's name or id.", metavar="SCHEDULE")]


@commands.command("list")
def list_(context: typer.Context, *, json: Json = False) -> None:
    """List schedules and when they tick next."""
    with desk(context).floor() as floor:
        found = _all(floor)
    if json:
        print_json([schedule.model_dump(mode="json") for schedule in found])
        return
    table(("name", "kind", "rhythm", "zone", "next", "enabled", "id"), [_row(schedule) for schedule in found])


@commands.command()
def add(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="A name of your choice.")],
    kind: Annotated[str, typer.Argument(help="The kind of job, such as scans.run.")],
    *,
    cron: Annotated[str | None, typer.Option("--cron", help="Minute hour day month weekday, as '0 3 * * *'.")] = None,
    every: Annotated[
        timedelta | None, typer.Option("--every", parser=duration, metavar="DURATION", help="An interval, as 15m or 1d.")
    ] = None,
    tz: Annotated[str, typer.Option("--tz", help="The crontab's time zone.")] = "UTC",
    argument: Annotated[
        list[str] | None,
        typer.Option("--arg", "-a", metavar="NAME=VALUE", help="An argument of the job; repeatable; JSON values are understood."),
    ] = None,
    catch_up: Annotated[str, typer.Option("--catch-up", help="After an outage: none, latest or all missed instants.")] = "latest",
    overlap: Annotated[str, typer.Option("--overlap", help="While the last job runs: skip, queue or cancel_previous.")] = "skip",
    jitter: Annotated[timedelta, typer.Option("--jitter", parser=duration, metavar="DURATION", help="Spread over this span.")] = "0s",  # type: ignore[assignment] # read by the parser
    queue: Annotated[str | None, typer.Option("--queue", help="Another queue the kind allows.")] = None,
    priority: Annotated[int, typer.Option("--priority", min=0, max=10, help="Larger is more urgent.")] = 5,
    json: Json = False,
) -> None:
    """Create a schedule; prints its next instants."""
    chosen = desk(context).kinds().get(kind)
    if chosen is None:
        raise InvalidInput(f"there is no job kind {kind!r}; there are {', '.join(sorted(desk(context).kinds()))}.")
    _one_of("--catch-up", catch_up, ("none", "latest", "all"))
    _one_of("--overlap", overlap, ("skip", "queue", "cancel_previous"))
    with desk(context).floor() as floor:
        from watchfloor.kernel.audit.record import record  # noqa: PLC0415 - loads the database's libraries
        from watchfloor.kernel.jobs.enqueue import bind  # noqa: PLC0415 - see above
        from watchfloor.kernel.jobs.schedules import create, preview  # noqa: PLC0415 - see above

        request = bind(chosen, read_arguments(argument or []))
        options: dict[str, Any] = {"catch_up": catch_up, "overlap": overlap, "jitter": jitter, "queue": queue, "priority": priority}
        with floor.ledger.database.transaction(floor.org) as session:
            made = create(
                floor.ledger,
                session,
                floor.org,
                name=name,
                kind=chosen,
                request=request,
                cron=cron,
                every=every,
                tz=tz,
                actor="cli",
                **options,
            )
            record(session, floor.org, actor="cli", operation="schedule.create", object=str(made))
        upcoming = preview(cron, tz, every=every)
    if json:
        print_json({"id": made, "upcoming": upcoming})
        return
    print_text(f"Schedule {name} ({made}) is made. Next, in UTC:")
    print_text("\n".join(f"  {instant:%Y-%m-%d %H:%M:%S}" for instant in upcoming))


@commands.command()
def pause(context: typer.Context, schedule: Which) -> None:
    """Stop ticking."""
    _change(context, schedule, "pause")
    print_text(f"{schedule} is paused.")


@commands.command()
def resume(context: typer.Context, schedule: Which) -> None:
    """Tick again, from the next instant on."""
    _change(context, schedule, "resume")
    print_text(f"{schedule} ticks again.")


@commands.command()
def remove(context: typer.Context, schedule: Which) -> None:
    """Remove a schedule; jobs it made go on."""
    _change(context, schedule, "remove")
    print_text(f"{schedule} is removed.")


@commands.command()
def run(context: typer.Context, schedule: Which, *, json: Json = False) -> None:
    """Run the schedule's job now, beside its rhythm."""
    with desk(context).floor() as floor:
        from watchfloor.kernel.audit.record import record  # noqa: PLC0415 - loads the database's libraries
        from watchfloor.kernel.jobs.schedules import run_now  # noqa: PLC0415 - see above

        found = _find(floor, schedule)
        with floor.ledger.database.transaction(floor.org) as session:
            made = run_now(floor.ledger, session, floor.org, found.id, desk(context).kinds(), "cli")
            record(session, floor.org, actor="cli", operation="schedule.run", object=str(found.id), reason=str(made))
        floor.ledger.doorbell.ring("wf_ready", found.queue)
    if json:
        print_json({"id": made})
    else:
        print_text(str(made))


def read_arguments(given: list[str]) -> dict[str, Any]:
    """Read NAME=VALUE pairs; a value that is JSON is taken as such, anything else as text; a repeated name makes a list.

    Raises:
        InvalidInput: A pair has no "=".
    """
    values: dict[str, Any] = {}
    for pair in given:
        name, separator, text = pair.partition("=")
        if not separator or not name.strip():
            raise InvalidInput(f"{pair[:60]!r} is not NAME=VALUE.")
        try:
            value: Any = json_text.loads(text)
        except ValueError:
            value = text
        key = name.strip()
        if key in values:
            held = values[key] if isinstance(values[key], list) else [values[key]]
            values[key] = [*held, value]
        else:
            values[key] = value
    return values


def _change(context: typer.Context, schedule: str, verb: str) -> None:
    with desk(context).floor() as floor:
        from watchfloor.kernel.audit.record import record  # noqa: PLC0415 - loads the database's libraries
        from watchfloor.kernel.jobs import schedules  # noqa: PLC0415 - see above

        found = _find(floor, schedule)
        with floor.ledger.database.transaction(floor.org) as session:
            {"pause": schedules.pause, "resume": schedules.resume, "remove": schedules.remove}[verb](session, floor.org, found.id)
            record(session, floor.org, actor="cli", operation=f"schedule.{verb}", object=str(found.id), reason=found.name)


def _all(floor: Floor) -> list[ScheduleView]:
    from watchfloor.kernel.jobs.queries import list_schedules  # noqa: PLC0415 - loads the database's libraries

    with floor.ledger.database.transaction(floor.org) as session:
        return list_schedules(session, floor.org)


def _find(floor: Floor, wanted: str) -> ScheduleView:
    for schedule in _all(floor):
        if wanted in {schedule.name, str(schedule.id)}:
            return schedule
    raise NotFound(f"there is no schedule {wanted[:60]!r}; `watchfloor schedules list` shows those there are.")


def _one_of(option: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise InvalidInput(f"{option} {value[:40]!r} is not known; use {', '.join(allowed)}.")


def _row(schedule: ScheduleView) -> tuple[object, ...]:
    return (
        schedule.name,
        schedule.kind,
        schedule.cron or schedule.every,
        schedule.tz if schedule.cron else None,
        schedule.next_tick,
        schedule.enabled,
        schedule.id,
    )
