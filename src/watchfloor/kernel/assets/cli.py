"""`wf scope`: say what may be looked at."""

from __future__ import annotations

from datetime import timedelta  # noqa: TC003 - typer reads the annotation
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from watchfloor.kernel import clock
from watchfloor.kernel.errors import NotFound
from watchfloor.kernel.settings import duration
from watchfloor.kernel.terminal import Json, desk, print_json, print_text, table

if TYPE_CHECKING:
    from watchfloor.kernel.assets.schemas import ScopeView
    from watchfloor.kernel.terminal import Floor

commands = typer.Typer(no_args_is_help=True, help="Say what may be looked at.")

MOST = 500


@commands.command("list")
def list_(context: typer.Context, *, json: Json = False) -> None:
    """List the networks, addresses and domains that may be looked at."""
    with desk(context).floor() as floor:
        found = _all(floor)
    if json:
        print_json([entry.model_dump(mode="json") for entry in found])
        return
    columns = ("target", "reason", "created_by", "created_at", "expires_at", "id")
    table(columns, [[getattr(entry, column) for column in columns] for entry in found])


@commands.command()
def add(
    context: typer.Context,
    target: Annotated[str, typer.Argument(help="An address, a network such as 192.0.2.0/24, or a domain, which covers its subdomains.")],
    *,
    reason: Annotated[str, typer.Option("--reason", help="Why it may be looked at: a contract, a ticket.")] = "",
    expires: Annotated[
        timedelta | None,
        typer.Option("--expires", parser=duration, metavar="DURATION", help="For how long, as 30d.", show_default="for ever"),
    ] = None,
    json: Json = False,
) -> None:
    """Allow a target. Add only what you own or were asked to look at."""
    with desk(context).floor() as floor:
        from watchfloor.kernel.assets.scope import add_scope  # noqa: PLC0415 - loads the database's libraries

        until = clock.now() + expires if expires else None
        with floor.ledger.database.transaction(floor.org) as session:
            made = add_scope(session, floor.org, target, actor="cli", reason=reason, expires_at=until)
    if json:
        print_json({"id": made, "target": target})
    else:
        print_text(f"{target} may be looked at.")


@commands.command()
def remove(context: typer.Context, entry: Annotated[str, typer.Argument(help="The entry's target or id.")]) -> None:
    """Forbid again what an entry allowed."""
    with desk(context).floor() as floor:
        from watchfloor.kernel.assets.scope import remove_scope  # noqa: PLC0415 - loads the database's libraries

        found = _find(floor, entry)
        with floor.ledger.database.transaction(floor.org) as session:
            remove_scope(session, floor.org, found, actor="cli")
    print_text(f"{entry} may no longer be looked at.")


def _all(floor: Floor) -> list[ScopeView]:
    from watchfloor.kernel.assets.queries import list_scope  # noqa: PLC0415 - loads the database's libraries

    found: list[ScopeView] = []
    after: str | None = None
    with floor.ledger.database.transaction(floor.org) as session:
        while True:
            page = list_scope(session, floor.org, limit=MOST, after=after)
            found += page.items
            after = page.next
            if after is None:
                return found


def _find(floor: Floor, wanted: str) -> UUID:
    from watchfloor.kernel.assets.scope import parse_target  # noqa: PLC0415 - loads the database's libraries

    try:
        return UUID(wanted)
    except ValueError:
        target = str(parse_target(wanted, widest=False))
    for entry in _all(floor):
        if entry.target == target:
            return entry.id
    raise NotFound(f"{wanted[:80]!r} is not in the scope; `watchfloor scope list` shows what is.")
