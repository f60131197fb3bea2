"""`wf notifications suppressions`: mail addresses that take no mail."""

from __future__ import annotations

from typing import Annotated

import typer

from watchfloor.capabilities.notifications.cli.work import id_of
from watchfloor.kernel.terminal import Json, desk, print_json, print_text, table

commands = typer.Typer(no_args_is_help=True, help="Mail addresses that take no mail.")


@commands.command("list")
def list_(
    context: typer.Context,
    *,
    limit: Annotated[int, typer.Option(min=1, max=500)] = 50,
    after: Annotated[str | None, typer.Option(help="The page after this `next` of --json.")] = None,
    json: Json = False,
) -> None:
    """List the addresses that take no mail now, masked, newest first."""
    with desk(context).floor() as floor, floor.ledger.database.transaction(floor.org) as session:
        from watchfloor.capabilities.notifications.queries import silences  # noqa: PLC0415 - loads the database's libraries

        found = silences.page_suppressions(session, limit=limit, after=after)
    if json:
        print_json(found)
        return
    rows = [(one.id, one.address, one.reason, one.until or "for good", one.created_by, one.created_at) for one in found.items]
    table(("Suppression", "Address", "Reason", "Until", "By", "Since"), rows)


@commands.command()
def rm(
    context: typer.Context, suppression: Annotated[str, typer.Argument(help="The suppression's id.", metavar="SUPPRESSION")]
) -> None:  # fmt: skip
    """Let mail go to an address again."""
    with desk(context).floor() as floor, floor.ledger.database.transaction(floor.org) as session:
        from watchfloor.capabilities.notifications.queries import silences  # noqa: PLC0415 - loads the database's libraries

        silences.remove_suppression(session, floor.org, id_of(suppression, "suppression"), actor="cli")
    print_text(f"{suppression} is removed.")
