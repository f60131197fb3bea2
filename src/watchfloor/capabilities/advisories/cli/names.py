"""`wf advisories names`: what the words of a CNA mean."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from watchfloor.capabilities.advisories.cli.aliases import have_rematched, tell_rematch
from watchfloor.capabilities.advisories.cli.search import Cursor, Limit, read
from watchfloor.kernel.terminal import Json, desk, note, print_json, print_text, table

if TYPE_CHECKING:
    from collections.abc import Iterable

    from watchfloor.capabilities.advisories.schemas.names import Names, NameView

commands = typer.Typer(no_args_is_help=True, help="Which product is meant by the words of those who assign CVEs.")
Product = Annotated[str, typer.Argument(help="The product, in the words of the CNA.", metavar="WORDS")]
Vendor = Annotated[str, typer.Option("--vendor", help="The vendor, in the words of the CNA.")]
HEAD = ("words", "vendor", "mean", "origin", "for", "against", "confidence", "used")


@commands.command("list")
def list_(
    context: typer.Context,
    prefix: Annotated[str, typer.Argument(help="How the words, or the vendor's, begin.")] = "",
    *,
    manual: Annotated[bool, typer.Option("--manual", help="Only what people said.")] = False,
    limit: Limit = 50,
    cursor: Cursor = None,
    json: Json = False,
) -> None:
    """List what words mean, learned and said."""
    from watchfloor.capabilities.advisories.queries.meanings import list_names  # noqa: PLC0415 - loads the database's libraries

    found: Names = read(context, lambda wire: list_names(wire, prefix, manual=manual, limit=limit, cursor=cursor))
    if json:
        print_json(found)
        return
    table(HEAD, _rows(found.items))
    if found.next_cursor:
        note(f"There are more: --cursor {found.next_cursor}")


@commands.command("set")
def set_(
    context: typer.Context,
    words: Product,
    means: Annotated[list[str], typer.Argument(help="All products that they mean, as vendor:product.", metavar="PRODUCT…")],
    *,
    vendor: Vendor = "",
    json: Json = False,
) -> None:
    """Say what words mean: watchfloor advisories names set 'HTTP Server' apache:http_server --vendor 'Apache Software Foundation'."""
    with desk(context).floor() as floor:
        from watchfloor.capabilities.advisories.queries.meanings import set_name  # noqa: PLC0415 - loads the database's libraries
        from watchfloor.capabilities.advisories.schemas.names import NameChanged  # noqa: PLC0415 - see above

        with floor.ledger.database.transaction(floor.org) as session:
            found, changed = set_name(session, floor.org, vendor, words, means, actor="cli")
            made = have_rematched(floor, session, changed)
    if json:
        print_json(NameChanged(items=found, job=made))
        return
    table(HEAD, _rows(found))
    tell_rematch(made)


@commands.command()
def rm(context: typer.Context, words: Product, *, vendor: Vendor = "", json: Json = False) -> None:
    """Let words mean what was learned of them."""
    with desk(context).floor() as floor:
        from watchfloor.capabilities.advisories.queries.meanings import remove_name  # noqa: PLC0415 - loads the database's libraries
        from watchfloor.capabilities.advisories.schemas.names import Mapped  # noqa: PLC0415 - see above

        with floor.ledger.database.transaction(floor.org) as session:
            made = have_rematched(floor, session, remove_name(session, floor.org, vendor, words, actor="cli"))
    if json:
        print_json(Mapped(job=made))
        return
    print_text(f"{words} means what was learned of it.")
    tell_rematch(made)


def _rows(found: Iterable[NameView]) -> list[tuple[object, ...]]:
    return [
        (one.product, one.vendor, one.means, one.origin, one.support, one.against, one.confidence, "yes" if one.used else "no")
        for one in found
    ]
