"""`wf orgs`, `wf members` and `wf keys`: organisations, their people and API keys."""

from __future__ import annotations

from datetime import timedelta  # noqa: TC003 - typer reads the annotation
from typing import Annotated
from uuid import UUID

import typer

from watchfloor.kernel.errors import InvalidInput
from watchfloor.kernel.settings import duration
from watchfloor.kernel.terminal import Json, desk, note, print_json, print_text, table

orgs = typer.Typer(no_args_is_help=True, help="List and add organisations.")
members = typer.Typer(no_args_is_help=True, help="List people, say what they are, remove them.")
keys = typer.Typer(no_args_is_help=True, help="List, add and revoke API keys.")

NAME_CHARACTERS = 100


@orgs.command("list")
def list_orgs(context: typer.Context, *, json: Json = False) -> None:
    """List organisations."""
    with desk(context).floor() as floor:
        rows = floor.ledger.database.wire("wf_engine").execute("select name, id, created_at from org order by name limit 1000").fetchall()
    if json:
        print_json([{"name": name, "id": org, "created_at": created} for name, org, created in rows])
    else:
        table(("name", "id", "created"), rows)


@orgs.command("add")
def add_org(context: typer.Context, name: Annotated[str, typer.Argument(help="Its name.")], *, json: Json = False) -> None:
    """Add an organisation with a data key of its own; adding it twice changes nothing."""
    plain = name.strip()
    if not plain or len(plain) > NAME_CHARACTERS or not plain.isprintable():
        raise InvalidInput(f"an organisation's name has 1 to {NAME_CHARACTERS} printable characters.")
    with desk(context).floor() as floor:
        from watchfloor.kernel.tenancy.orgs import ensure_org  # noqa: PLC0415 - loads the database's libraries

        made = ensure_org(floor.ledger.database, floor.ledger.vault, plain)
    if json:
        print_json({"name": plain, "id": made})
    else:
        print_text(f"{plain}  {made}")
        note(
            "Its scope is empty: nothing may be looked at until `watchfloor scope add` allows it. Set WATCHFLOOR_DEFAULT_ORG to work in it."
        )


@members.command("list")
def list_people(context: typer.Context, *, json: Json = False) -> None:
    """List the organisation's people, the newest first, those who were removed included."""
    from watchfloor.kernel.tenancy.members import list_members  # noqa: PLC0415 - loads the database's libraries

    with desk(context).floor() as floor, floor.ledger.database.transaction(floor.org) as session:
        found = list_members(session, floor.org, limit=500).items
    if json:
        print_json([one.model_dump(mode="json") for one in found])
        return
    columns = ("name", "role", "state", "changed_by", "changed_at")
    table(columns, [[getattr(one, column) for column in columns] for one in found])


@members.command("set")
def set_person(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Who; the same name that channels and routes have as owner.")],
    *,
    role: Annotated[str, typer.Option("--role", help="What they may know.")] = "viewer",
    disabled: Annotated[bool, typer.Option("--disabled", help="Tell them nothing for now.")] = False,
    json: Json = False,
) -> None:
    """Make somebody a member of the organisation, or change what they are."""
    from watchfloor.kernel.tenancy.members import set_member  # noqa: PLC0415 - loads the database's libraries

    with desk(context).floor() as floor, floor.ledger.database.transaction(floor.org) as session:
        made = set_member(session, floor.org, name, role=role, enabled=not disabled, actor="cli")
    if json:
        print_json(made.model_dump(mode="json"))
    else:
        print_text(f"{made.name} is {made.role}, {made.state}.")


@members.command("remove")
def remove_person(context: typer.Context, name: Annotated[str, typer.Argument(help="Who.")]) -> None:
    """Remove somebody: they are told nothing more, not even what is on its way."""
    from watchfloor.kernel.tenancy.members import remove_member  # noqa: PLC0415 - loads the database's libraries

    with desk(context).floor() as floor, floor.ledger.database.transaction(floor.org) as session:
        remove_member(session, floor.org, name, actor="cli")
    print_text(f"{name} is removed and is told nothing more.")


@keys.command("list")
def list_(context: typer.Context, *, json: Json = False) -> None:
    """List API keys, newest first; secrets are stored nowhere."""
    with desk(context).floor() as floor:
        from watchfloor.kernel.tenancy.queries import list_keys  # noqa: PLC0415 - loads the database's libraries

        with floor.ledger.database.transaction(floor.org) as session:
            found = list_keys(session, floor.org, limit=500).items
    if json:
        print_json([key.model_dump(mode="json") for key in found])
        return
    columns = ("id", "public_id", "name", "role", "created_at", "expires_at", "revoked_at", "used_at")
    table(columns, [[getattr(key, column) for column in columns] for key in found])


@keys.command("add")
def add(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="What it is for.")],
    *,
    role: Annotated[str, typer.Option("--role", help="What it may do.")] = "viewer",
    expires: Annotated[
        timedelta, typer.Option("--expires", parser=duration, metavar="DURATION", help="How long it lives, as 90d.")
    ] = "90d",  # type: ignore[assignment] # read by the parser
    json: Json = False,
) -> None:
    """Make an API key and print it; it is shown this once."""
    with desk(context).floor() as floor:
        from watchfloor.kernel.tenancy.keys import make_key  # noqa: PLC0415 - loads the database's libraries

        made = make_key(floor.ledger, floor.org, name=name, role=role, actor="cli", expires=expires)
    if json:
        print_json({"key": made})
    else:
        print_text(made)
        note("Shown this once. Use it as: Authorization: Bearer wf_…")


@keys.command()
def revoke(context: typer.Context, key: Annotated[str, typer.Argument(help="The key's id, as `watchfloor keys list` shows it.")]) -> None:
    """Make a key useless from now on."""
    try:
        wanted = UUID(key)
    except ValueError:
        raise InvalidInput(f"{key[:12]!r} is not a key's id; `watchfloor keys list` shows them.") from None
    with desk(context).floor() as floor:
        from watchfloor.kernel.tenancy.keys import revoke as revoke_key  # noqa: PLC0415 - loads the database's libraries

        revoke_key(floor.ledger, floor.org, wanted, actor="cli")
    print_text(f"{wanted} is revoked.")
