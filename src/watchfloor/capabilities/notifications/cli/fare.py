"""`wf notifications health`, `stats` and `cleanup`: how messages fare, and how long they are kept."""

from __future__ import annotations

from typing import Annotated

import typer

from watchfloor.capabilities.notifications.cli.work import run, shaped
from watchfloor.kernel.terminal import Exit, Json, desk, print_json, print_text, table

EXITS = {"healthy": Exit.CLEAN, "degraded": Exit.FINDINGS, "unhealthy": Exit.ERROR}


def health(context: typer.Context, *, json: Json = False) -> None:
    """Tell how notifications fare: exit code 0 for healthy, 1 for degraded, 2 for unhealthy."""
    with desk(context).floor() as floor, floor.ledger.database.transaction(floor.org) as session:
        from watchfloor.capabilities.notifications.jobs.upkeep import health_of  # noqa: PLC0415 - loads the database's libraries

        found = health_of(session, floor.org)
    if json:
        print_json(found)
    else:
        print_text(f"Notifications are {found.status}.")
        table(
            ("Check", "Value", "Limit", "Fine"),
            [(one.name.replace("_", " "), f"{one.value:g}", f"{one.limit:g}", one.ok) for one in found.checks],
        )
    raise typer.Exit(EXITS[found.status])


def stats(
    context: typer.Context,
    *,
    window: Annotated[str, typer.Option(help="Such as 30m, 24h or 7d.")] = "24h",
    by: Annotated[str, typer.Option(help="Apart by channel, state, user or host.")] = "channel",
    json: Json = False,
) -> None:
    """Count the deliveries of the last while, and how long they took."""
    from watchfloor.capabilities.notifications.schemas.upkeep import AskStatistics  # noqa: PLC0415 - loads a library that help does without

    asked = shaped(AskStatistics, {"window": window, "by": [by]})
    with desk(context).floor() as floor, floor.ledger.database.transaction(floor.org) as session:
        from watchfloor.capabilities.notifications.jobs.upkeep import statistics_of  # noqa: PLC0415 - loads the database's libraries

        found = statistics_of(session, floor.org, asked)
    if json:
        print_json(found)
        return
    rows = [*sorted(found.groups[by].items()), ("all", found)]
    table(
        (by.capitalize(), "Deliveries", "Sent", "Retried", "Given up", "Held", "Suppressed", "Success", "p50 s", "p95 s", "p99 s"),
        [
            (name or "-", one.total, one.sent, one.retried, one.dead, one.held, one.suppressed,
             None if one.success_rate is None else f"{one.success_rate:.1%}", *(None if span is None else f"{span:.1f}" for span in (one.p50_s, one.p95_s, one.p99_s)))
            for name, one in rows
        ],
    )  # fmt: skip
    if found.by_reason:
        table(("Reason", "Deliveries"), [(reason or "-", count) for reason, count in found.by_reason.items()])


def cleanup(
    context: typer.Context,
    *,
    days: Annotated[int, typer.Option(min=1, max=36_500, help="Older than this.")] = 180,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count them.")] = False,
    json: Json = False,
) -> None:
    """Delete old notifications with all that belongs to them; what may still be sent is kept, however old."""
    from watchfloor.capabilities.notifications.jobs import cleanup_old_notifications  # noqa: PLC0415 - heavy imports wait until they are needed
    from watchfloor.capabilities.notifications.schemas.upkeep import CleanUp  # noqa: PLC0415 - see above

    with desk(context).floor(work=True) as floor:
        result = run(floor, cleanup_old_notifications, CleanUp(days_old=days, dry_run=dry_run))
    if json:
        print_json(result)
        return
    print_text(
        f"{result['deleted_count']} notifications {'would go' if dry_run else 'went'}; {result['kept_pending']} are kept, for they may still be sent."
    )
