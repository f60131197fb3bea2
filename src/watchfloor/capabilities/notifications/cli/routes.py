"""`wf notifications routes`: which events go to which channels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from watchfloor.capabilities.notifications.cli.work import id_of, shaped
from watchfloor.kernel.settings import duration
from watchfloor.kernel.terminal import Json, desk, print_json, print_text, table

if TYPE_CHECKING:
    from watchfloor.capabilities.notifications.schemas.channels import RouteView

commands = typer.Typer(no_args_is_help=True, help="Which events go to which channels.")


@commands.command("list")
def list_(context: typer.Context, *, json: Json = False) -> None:
    """List routes."""
    with desk(context).floor() as floor, floor.ledger.database.transaction(floor.org) as session:
        from watchfloor.capabilities.notifications.queries import wishes  # noqa: PLC0415 - loads the database's libraries

        found = wishes.list_routes(session, floor.org)
    if json:
        print_json({"items": found})
        return
    rows = [
        (one.id, one.name, one.owner, ", ".join(one.events), one.min_severity, _when(one),
         "yes" if one.mandatory else "", "on" if one.enabled else "off", ", ".join(map(str, one.channels)))
        for one in found
    ]  # fmt: skip
    table(("Route", "Name", "Owner", "Events", "Least severity", "When", "Mandatory", "State", "Channels"), rows)


@commands.command()
def add(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="What to call it.", metavar="NAME")],
    *,
    channel: Annotated[list[str], typer.Option("--channel", help="A channel's id; may be repeated.")],
    event: Annotated[list[str] | None, typer.Option("--event", help="Such as scans.finished or finding.*; all without; may be repeated.")] = None,
    min_severity: Annotated[str, typer.Option(help="info, low, medium, high or critical.")] = "info",
    owner: Annotated[str, typer.Option(help="Whose it is; the organisation's own without.")] = "",
    digest: Annotated[str | None, typer.Option(help="Tell all at once: hourly, daily or weekly; at once without.")] = None,
    at: Annotated[str | None, typer.Option(help="With a daily or weekly digest: the local time, as 08:00.")] = None,
    weekday: Annotated[str | None, typer.Option(help="With a weekly digest: mon, tue …")] = None,
    group_by: Annotated[
        str | None, typer.Option(help="Tell together what has these in common, joined by commas: asset, type, severity, any fact; '' for all together.")
    ] = None,
    group_wait: Annotated[str, typer.Option(help="How long a group's first message waits for others.")] = "30s",
    group_interval: Annotated[str, typer.Option(help="How long later ones wait after the last sending.")] = "5m",
    repeat_interval: Annotated[str, typer.Option(help="When what still holds is said again, unless it is acknowledged.")] = "24h",
    escalation: Annotated[str | None, typer.Option(help="Who is told next while nobody acknowledges: an escalation's id.")] = None,
    mandatory: Annotated[bool, typer.Option("--mandatory", help="Told even to who opted out or sleeps.")] = False,
    json: Json = False,
) -> None:  # fmt: skip
    """Send events to channels from now on: watchfloor notifications routes add urgent --event 'finding.*' --min-severity high --channel ID."""
    from watchfloor.capabilities.notifications.queries import wishes  # noqa: PLC0415 - heavy imports wait until they are needed
    from watchfloor.capabilities.notifications.schemas.channels import RouteCreate  # noqa: PLC0415 - see above

    told: dict[str, Any] = {
        "name": name, "owner": owner, "min_severity": min_severity, "mandatory": mandatory, "channels": [id_of(one, "channel") for one in channel],
        "group_by": [one.strip() for one in group_by.split(",") if one.strip()] if group_by is not None else None,
        "group_wait": duration(group_wait), "group_interval": duration(group_interval), "repeat_interval": duration(repeat_interval),
        "escalation_id": id_of(escalation, "escalation") if escalation else None,
        "digest": {key: value for key, value in (("mode", digest), ("at_local", at), ("weekday", weekday)) if value} or None,
    }  # fmt: skip
    wish = shaped(RouteCreate, told | ({"events": event} if event else {}))
    with desk(context).floor() as floor, floor.ledger.database.transaction(floor.org) as session:
        made = wishes.get_route(session, floor.org, wishes.add_route(session, floor.org, wish, actor="cli"))
    print_json(made) if json else print_text(str(made.id))


@commands.command()
def rm(context: typer.Context, route: Annotated[str, typer.Argument(help="The route's id.", metavar="ROUTE")]) -> None:
    """Send these events no longer; what was told stays told."""
    with desk(context).floor() as floor, floor.ledger.database.transaction(floor.org) as session:
        from watchfloor.capabilities.notifications.queries import wishes  # noqa: PLC0415 - loads the database's libraries

        wishes.remove_route(session, floor.org, id_of(route, "route"), actor="cli")
    print_text(f"{route} is removed.")


def _when(route: RouteView) -> str:
    if route.group_by is not None:
        return f"grouped by {', '.join(route.group_by)}" if route.group_by else "all together"
    return route.digest.mode if route.digest else "at once"
