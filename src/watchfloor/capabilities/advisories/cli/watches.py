"""`wf advisories watch`: what to be told of."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from watchfloor.capabilities.advisories.cli.search import complete_query
from watchfloor.kernel.errors import InvalidInput, NotFound
from watchfloor.kernel.terminal import Json, desk, note, print_json, print_text, table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.orm import Session

commands = typer.Typer(no_args_is_help=True, help="Be told when something happens to advisories that matter to you.")


def complete_kind(incomplete: str) -> list[str]:
    """Complete what may happen, as it is written: with or without `advisory.`."""
    from watchfloor.capabilities.advisories.schemas.watches import KINDS, PREFIX  # noqa: PLC0415 - loads a library that help does without

    short = [one.removeprefix(PREFIX) for one in KINDS]
    return [one for one in dict.fromkeys((*short, *KINDS)) if one.startswith(incomplete.lower())] if incomplete else short


Which = Annotated[str, typer.Argument(help="The watch's name or id.", metavar="WATCH")]


@commands.command()
def add(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="What to call it.")],
    query: Annotated[
        str, typer.Argument(help="Which advisories, as in a search; leave it out for all.", autocompletion=complete_query)
    ] = "",
    *,
    kind: Annotated[
        list[str] | None,
        typer.Option("--kind", autocompletion=complete_kind, help="What has to happen, such as kev_added or match.new; may be repeated."),
    ] = None,
    min_score: Annotated[float, typer.Option("--min-score", min=0, max=100, help="The least priority.")] = 0,
    tag: Annotated[list[str] | None, typer.Option("--tag", help="Only what matches an asset with this tag; may be repeated.")] = None,
    json: Json = False,
) -> None:
    """Watch for something from now on: watchfloor advisories watch add openssh 'product:openssh' --kind kev_added --kind match.new."""
    from pydantic import ValidationError  # noqa: PLC0415 - loads a library that help does without

    from watchfloor.capabilities.advisories.schemas.watches import WatchCreate  # noqa: PLC0415 - see above

    try:
        wanted = WatchCreate(name=name, query=query, kinds=kind or [], min_score=min_score, asset_tags=tag or [])
    except ValidationError as error:
        first = error.errors()[0]
        raise InvalidInput(str(first["msg"]).removeprefix("Value error, "), field="/" + "/".join(map(str, first["loc"]))) from error

    with _at(context) as (session, org, least):
        from watchfloor.capabilities.advisories.queries import watches  # noqa: PLC0415 - loads the database's libraries

        made = watches.get_watch(session, org, watches.create_watch(session, org, wanted, actor="cli", least=least), least=least)
    print_json(made) if json else print_text(
        f"{name} is watched for from now on; see what it would have told: watchfloor advisories watch test"
    )


@commands.command("list")
def list_(context: typer.Context, *, json: Json = False) -> None:
    """List what is watched for."""
    with _at(context) as (session, org, least):
        from watchfloor.capabilities.advisories.queries import watches  # noqa: PLC0415 - loads the database's libraries

        found = watches.list_watches(session, org, least=least)
    if json:
        print_json(found)
        return
    rows = [
        (one.name, one.query, ", ".join(one.kinds) or "anything", one.min_score, ", ".join(one.asset_tags), "on" if one.enabled else "off",
         one.hits, one.last_hit_at, one.id)
        for one in found.items
    ]  # fmt: skip
    table(("name", "query", "kinds", "min score", "tags", "state", "hits", "last hit", "id"), rows)
    for one in found.items:
        if one.broken:
            note(f"{one.name} does not fire: {one.broken}")


@commands.command("test")
def try_(
    context: typer.Context,
    watch: Which,
    *,
    days: Annotated[int, typer.Option("--days", min=1, max=90, help="How far to look back.")] = 30,
    json: Json = False,
) -> None:
    """Show what a watch would have told in the last 30 days; nothing is sent."""
    with _at(context) as (session, org, least):
        from watchfloor.capabilities.advisories.queries import watching  # noqa: PLC0415 - loads the database's libraries

        found = watching.tried(session, org, _find(session, org, watch), days=days, least=least)
    if json:
        print_json(found)
        return
    table(
        ("when", "what", "cve", "priority", "assets", "title"),
        [(one.at, one.kind, one.cve_id, one.priority, one.assets or None, one.title[:60]) for one in found.items],
    )
    note(f"{found.total}{' or more' if found.total_capped else ''} in {found.days} days.")


@commands.command()
def rm(context: typer.Context, watch: Which) -> None:
    """Watch no longer."""
    with _at(context) as (session, org, _least):
        from watchfloor.capabilities.advisories.queries import watches  # noqa: PLC0415 - loads the database's libraries

        watches.delete_watch(session, org, _find(session, org, watch), actor="cli")
    print_text(f"{watch} is watched for no longer.")


@contextmanager
def _at(context: typer.Context) -> Iterator[tuple[Session, UUID, float]]:
    """Open the ledger; yields a session, the organisation, and how sure a match has to be."""
    from watchfloor.capabilities.advisories.settings import AdvisorySettings  # noqa: PLC0415 - loads a library that help does without
    from watchfloor.kernel.settings import read_settings  # noqa: PLC0415 - see above

    least = read_settings(AdvisorySettings, "advisories").finding_min_confidence
    with desk(context).floor() as floor, floor.ledger.database.transaction(floor.org) as session:
        yield session, floor.org, least


def _find(session: Session, org: UUID, wanted: str) -> UUID:
    """Return a watch by its name or id; raises NotFound."""
    from watchfloor.capabilities.advisories.queries.watches import find_watch  # noqa: PLC0415 - loads the database's libraries

    found = find_watch(session, org, wanted)
    if found is not None:
        return found
    try:
        return UUID(wanted)
    except ValueError:
        message = f"there is no watch {wanted[:60]!r}; `watchfloor advisories watch list` shows those there are"
        raise NotFound(message) from None
