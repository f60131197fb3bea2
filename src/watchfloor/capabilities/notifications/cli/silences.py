"""`wf notifications silence`: what nobody is told for a while."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from watchfloor.capabilities.notifications.cli.work import id_of, shaped
from watchfloor.kernel import clock
from watchfloor.kernel.settings import duration
from watchfloor.kernel.terminal import Json, desk, print_json, print_text, table

commands = typer.Typer(no_args_is_help=True, help="What nobody is told for a while.")


@commands.command("list")
def list_(
    context: typer.Context,
    *,
    over: Annotated[bool, typer.Option("--over", help="Those that are over as well.")] = False,
    json: Json = False,
) -> None:
    """List silences that hold now or will."""
    with desk(context).floor() as floor, floor.ledger.database.transaction(floor.org) as session:
        from watchfloor.capabilities.notifications.queries import silences  # noqa: PLC0415 - loads the database's libraries

        found = silences.list_silences(session, floor.org, over=over)
    if json:
        print_json({"items": found})
        return
    rows = [
        (one.id, one.starts_at, one.ends_at, ", ".join(one.matchers.events), ", ".join(one.matchers.severities),
         ", ".join((*one.matchers.assets.names, *(f"tag {tag}" for tag in one.matchers.assets.tags))), one.reason, one.actor)
        for one in found
    ]  # fmt: skip
    table(("Silence", "From", "Until", "Events", "Severities", "Assets", "Reason", "By"), rows)


@commands.command()
def add(
    context: typer.Context,
    *,
    reason: Annotated[str, typer.Option(help="Why; shown to everybody.")],
    for_: Annotated[str, typer.Option("--for", help="How long, such as 2h.")],
    event: Annotated[list[str] | None, typer.Option("--event", help="Such as scans.*; * for all; may be repeated.")] = None,
    severity: Annotated[list[str] | None, typer.Option("--severity", help="Of this severity; may be repeated.")] = None,
    asset: Annotated[list[str] | None, typer.Option("--asset", help="About assets of this name, as web-*; may be repeated.")] = None,
    tag: Annotated[list[str] | None, typer.Option("--tag", help="About assets with this tag; may be repeated.")] = None,
    start: Annotated[datetime | None, typer.Option("--from", help="From this moment (UTC); from now without.")] = None,
    json: Json = False,
) -> None:
    """Tell nobody of such events for a while; the log keeps what would have been told."""
    from watchfloor.capabilities.notifications.queries import silences  # noqa: PLC0415 - heavy imports wait until they are needed
    from watchfloor.capabilities.notifications.schemas.silences import SilenceCreate  # noqa: PLC0415 - see above

    begins = (start.replace(tzinfo=UTC) if start.tzinfo is None else start) if start else clock.now()
    matchers = {"events": event or [], "severities": severity or [], "assets": {"names": asset or [], "tags": tag or []}}
    wish = shaped(SilenceCreate, {"matchers": matchers, "starts_at": begins, "ends_at": begins + duration(for_), "reason": reason})
    with desk(context).floor() as floor, floor.ledger.database.transaction(floor.org) as session:
        made = silences.get_silence(session, floor.org, silences.add_silence(session, floor.org, wish, actor="cli"))
    print_json(made) if json else print_text(str(made.id))


@commands.command()
def end(context: typer.Context, silence: Annotated[str, typer.Argument(help="The silence's id.", metavar="SILENCE")]) -> None:
    """End a silence now."""
    with desk(context).floor() as floor, floor.ledger.database.transaction(floor.org) as session:
        from watchfloor.capabilities.notifications.queries import silences  # noqa: PLC0415 - loads the database's libraries

        silences.end_silence(session, floor.org, id_of(silence, "silence"), actor="cli")
    print_text(f"{silence} is over.")
