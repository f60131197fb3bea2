"""`wf notifications routes`: which events go to which channels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from watchfloor.capabilities.notifications.cli.work import id_of, shaped
from watchfloor.kernel.settings import duration
from watchfloor.kernel.terminal import Json, desk, print_json, print_text, table

if TYPE_CHECKING:
    from watchfloor.capabilities.notifications.schemas.channels import RouteView
    from watchfloor.capabilities.notifications.schemas.rules import AssetFilter

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
        (one.id, one.name, one.owner, ", ".join(one.events), one.min_severity, _shown(one.asset_filter), _when(one),
         "yes" if one.mandatory else "", "on" if one.enabled else "off", ", ".join(map(str, one.channels)))
        for one in found
    ]  # fmt: skip
    table(("Route", "Name", "Owner", "Events", "Least severity", "Assets", "When", "Mandatory", "State", "Channels"), rows)


@commands.command()
def add(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="What to call it.", metavar="NAME")],
    *,
    channel: Annotated[list[str], typer.Option("--channel", help="A channel's id; may be repeated.")],
    event: Annotated[list[str] | None, typer.Option("--event", help="Such as scans.finished or finding.*; all without; may be repeated.")] = None,
    min_severity: Annotated[str, typer.Option(help="info, low, medium, high or critical.")] = "info",
    asset: Annotated[list[str] | None, typer.Option("--asset", help="Only about assets of this name or address, as web-*; may be repeated.")] = None,
    tag: Annotated[list[str] | None, typer.Option("--tag", help="Only about assets with this tag; may be repeated.")] = None,
    not_asset: Annotated[list[str] | None, typer.Option("--not-asset", help="Never about assets of this name; may be repeated.")] = None,
    not_tag: Annotated[list[str] | None, typer.Option("--not-tag", help="Never about assets with this tag; may be repeated.")] = None,
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
    mandatory: Annotated[bool, typer.Option("--mandatory", help="Told even to who opted out; quiet hours hold it all the same.")] = False,
    json: Json = False,
) -> None:  # fmt: skip
    """Send events to channels from now on: watchfloor notifications routes add urgent --event 'finding.*' --min-severity high --channel ID."""
    from watchfloor.capabilities.notifications.queries import wishes  # noqa: PLC0415 - heavy imports wait until they are needed
    from watchfloor.capabilities.notifications.schemas.channels import RouteCreate  # noqa: PLC0415 - see above

    told: dict[str, Any] = {
        "name": name, "owner": owner, "min_severity": min_severity, "mandatory": mandatory, "channels": [id_of(one, "channel") for one in channel],
        "group_by": _labels(group_by) if group_by is not None else None,
        "group_wait": duration(group_wait), "group_interval": duration(group_interval), "repeat_interval": duration(repeat_interval),
        "escalation_id": id_of(escalation, "escalation") if escalation else None,
        "digest": {key: value for key, value in (("mode", digest), ("at_local", at), ("weekday", weekday)) if value} or None,
    }  # fmt: skip
    wish = shaped(RouteCreate, told | ({"events": event} if event else {}) | _assets(asset, tag, not_asset, not_tag))
    with desk(context).floor() as floor, floor.ledger.database.transaction(floor.org) as session:
        made = wishes.get_route(session, floor.org, wishes.add_route(session, floor.org, wish, actor="cli"))
    print_json(made) if json else print_text(str(made.id))


@commands.command()
def edit(
    context: typer.Context,
    route: Annotated[str, typer.Argument(help="The route's id.", metavar="ROUTE")],
    *,
    name: Annotated[str | None, typer.Option("--name", help="What to call it.")] = None,
    channel: Annotated[list[str] | None, typer.Option("--channel", help="All of its channels anew, by their ids; may be repeated.")] = None,
    event: Annotated[list[str] | None, typer.Option("--event", help="All of its events anew; may be repeated.")] = None,
    min_severity: Annotated[str | None, typer.Option(help="info, low, medium, high or critical.")] = None,
    asset: Annotated[list[str] | None, typer.Option("--asset", help="Only about assets of this name or address, as web-*; may be repeated.")] = None,
    tag: Annotated[list[str] | None, typer.Option("--tag", help="Only about assets with this tag; may be repeated.")] = None,
    not_asset: Annotated[list[str] | None, typer.Option("--not-asset", help="Never about assets of this name; may be repeated.")] = None,
    not_tag: Annotated[list[str] | None, typer.Option("--not-tag", help="Never about assets with this tag; may be repeated.")] = None,
    all_assets: Annotated[bool, typer.Option("--all-assets", help="About any asset again.")] = False,
    digest: Annotated[str | None, typer.Option(help="Tell all at once: hourly, daily or weekly; `none` tells at once.")] = None,
    at: Annotated[str | None, typer.Option(help="With a daily or weekly digest: the local time, as 08:00.")] = None,
    weekday: Annotated[str | None, typer.Option(help="With a weekly digest: mon, tue …")] = None,
    group_by: Annotated[str | None, typer.Option(help="Tell together what has these in common, joined by commas; `none` tells each at once.")] = None,
    group_wait: Annotated[str | None, typer.Option(help="How long a group's first message waits for others.")] = None,
    group_interval: Annotated[str | None, typer.Option(help="How long later ones wait after the last sending.")] = None,
    repeat_interval: Annotated[str | None, typer.Option(help="When what still holds is said again, unless it is acknowledged.")] = None,
    escalation: Annotated[str | None, typer.Option(help="Who is told next while nobody acknowledges: an escalation's id, or `none`.")] = None,
    mandatory: Annotated[bool | None, typer.Option("--mandatory/--no-mandatory", help="Told even to who opted out; quiet hours hold it all the same.")] = None,
    enabled: Annotated[bool | None, typer.Option("--on/--off", help="Whether it tells anything.")] = None,
    json: Json = False,
) -> None:  # fmt: skip
    """Change a route; what is not named stays as it is: watchfloor notifications routes edit ROUTE --min-severity high."""
    from watchfloor.capabilities.notifications.queries import changing, wishes  # noqa: PLC0415 - heavy imports wait until they are needed
    from watchfloor.capabilities.notifications.schemas.changes import RouteChange  # noqa: PLC0415 - see above

    told: dict[str, Any] = {
        "name": name, "events": event, "min_severity": min_severity, "mandatory": mandatory, "enabled": enabled,
        "channels": [id_of(one, "channel") for one in channel] if channel else None,
    }  # fmt: skip
    told = {key: value for key, value in told.items() if value is not None} | _digest(digest, at, weekday)
    told |= {"asset_filter": None} if all_assets else _assets(asset, tag, not_asset, not_tag)
    waits = {"group_wait": group_wait, "group_interval": group_interval, "repeat_interval": repeat_interval}
    told |= {key: duration(value) for key, value in waits.items() if value is not None}
    if group_by is not None:
        told["group_by"] = None if group_by == "none" else _labels(group_by)
    if escalation is not None:
        told["escalation_id"] = None if escalation == "none" else id_of(escalation, "escalation")
    wanted, which = shaped(RouteChange, told), id_of(route, "route")
    with desk(context).floor() as floor, floor.ledger.database.transaction(floor.org) as session:
        changing.change_route(session, floor.org, which, wanted, actor="cli")
        made = wishes.get_route(session, floor.org, which)
    print_json(made) if json else print_text(f"{route} is changed.")


@commands.command()
def rm(context: typer.Context, route: Annotated[str, typer.Argument(help="The route's id.", metavar="ROUTE")]) -> None:
    """Send these events no longer; what was told stays told."""
    with desk(context).floor() as floor, floor.ledger.database.transaction(floor.org) as session:
        from watchfloor.capabilities.notifications.queries import wishes  # noqa: PLC0415 - loads the database's libraries

        wishes.remove_route(session, floor.org, id_of(route, "route"), actor="cli")
    print_text(f"{route} is removed.")


def _labels(text: str) -> list[str]:
    return [one.strip() for one in text.split(",") if one.strip()]


def _when(route: RouteView) -> str:
    if route.group_by is not None:
        return f"grouped by {', '.join(route.group_by)}" if route.group_by else "all together"
    return route.digest.mode if route.digest else "at once"


def _shown(wanted: AssetFilter | None) -> str:
    """Return a filter in a few words."""
    if wanted is None:
        return ""
    parts = (("", wanted.names), ("tag ", wanted.tags), ("not ", wanted.exclude_names), ("not tag ", wanted.exclude_tags))
    return ", ".join(f"{word}{one}" for word, found in parts for one in found)


def _assets(names: list[str] | None, tags: list[str] | None, no_names: list[str] | None, no_tags: list[str] | None) -> dict[str, Any]:
    """Return a route's filter, if one is given."""
    parts = {"names": names, "tags": tags, "exclude_names": no_names, "exclude_tags": no_tags}
    told = {key: value for key, value in parts.items() if value}
    return {"asset_filter": told} if told else {}


def _digest(mode: str | None, at: str | None, weekday: str | None) -> dict[str, Any]:
    """Return what of a route's digest changes: nothing, all of it, or that there is one."""
    if mode == "none" and not (at or weekday):
        return {"digest": None}
    plan = {key: value for key, value in (("mode", mode), ("at_local", at), ("weekday", weekday)) if value}
    return {"digest": plan} if plan else {}
