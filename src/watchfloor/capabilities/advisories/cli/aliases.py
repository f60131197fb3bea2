"""`wf advisories alias`: products that stand for others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from watchfloor.capabilities.advisories.cli.search import Cursor, Limit, read
from watchfloor.kernel.terminal import Json, desk, note, print_json, print_text, table

if TYPE_CHECKING:
    from uuid import UUID

    from sqlalchemy.orm import Session

    from watchfloor.capabilities.advisories.schemas.names import Aliases
    from watchfloor.kernel.terminal import Floor

commands = typer.Typer(no_args_is_help=True, help="Say that one product is another: their advisories and assets are one.")
Other = Annotated[str, typer.Argument(help="The other name: vendor:product, part:vendor:product, or a CPE name.", metavar="ALIAS")]


@commands.command()
def add(
    context: typer.Context,
    alias: Other,
    product: Annotated[str, typer.Argument(help="The product that it is, as advisories name it.", metavar="PRODUCT")],
    *,
    json: Json = False,
) -> None:
    """Say that one product is another: watchfloor advisories alias add digium:asterisk asterisk:asterisk."""
    with desk(context).floor() as floor:
        from watchfloor.capabilities.advisories.queries import aliases  # noqa: PLC0415 - loads the database's libraries
        from watchfloor.capabilities.advisories.schemas.names import AliasChanged  # noqa: PLC0415 - see above
        from watchfloor.kernel.db.session import wire_of  # noqa: PLC0415 - see above

        with floor.ledger.database.transaction(floor.org) as session:
            number, changed = aliases.set_alias(session, floor.org, alias, product, actor="cli")
            found = aliases.get_alias(wire_of(session), number)
            made = have_rematched(floor, session, changed)
    if json:
        print_json(AliasChanged(**found.model_dump(), job=made))
        return
    print_text(f"{found.alias} stands for {found.product}.")
    tell_rematch(made)


@commands.command("list")
def list_(context: typer.Context, *, limit: Limit = 50, cursor: Cursor = None, json: Json = False) -> None:
    """List the products that stand for another one."""
    from watchfloor.capabilities.advisories.queries.aliases import list_aliases  # noqa: PLC0415 - loads the database's libraries

    found: Aliases = read(context, lambda wire: list_aliases(wire, limit=limit, cursor=cursor))
    if json:
        print_json(found)
        return
    table(
        ("alias", "advisories", "stands for", "advisories"),
        [(one.alias, f"{one.alias_cves:,}", one.product, f"{one.cves:,}") for one in found.items],
    )
    if found.next_cursor:
        note(f"There are more: --cursor {found.next_cursor}")


@commands.command()
def rm(context: typer.Context, alias: Other, *, json: Json = False) -> None:
    """Let a product be itself again."""
    with desk(context).floor() as floor:
        from watchfloor.capabilities.advisories.queries import aliases  # noqa: PLC0415 - loads the database's libraries
        from watchfloor.capabilities.advisories.schemas.names import Mapped  # noqa: PLC0415 - see above

        with floor.ledger.database.transaction(floor.org) as session:
            made = have_rematched(floor, session, aliases.remove_alias(session, floor.org, alias, actor="cli"))
    if json:
        print_json(Mapped(job=made))
        return
    print_text(f"{alias} is a product of its own again.")
    tell_rematch(made)


def have_rematched(floor: Floor, session: Session, products: list[int]) -> UUID | None:
    """Have matched again what a change concerns, in the transaction that changes it."""
    from watchfloor.capabilities.advisories.jobs.rematching import Rematch, rematch  # noqa: PLC0415 - loads the database's libraries
    from watchfloor.kernel.jobs.enqueue import Options, enqueue  # noqa: PLC0415 - see above

    if not products:
        return None
    return enqueue(floor.ledger, session, floor.org, rematch, Rematch(products=products), Options(actor="cli")).id


def tell_rematch(job: UUID | None) -> None:
    """Say which job matches again."""
    note("It was so already." if job is None else f"What this concerns is matched again: watchfloor jobs show {job}")
