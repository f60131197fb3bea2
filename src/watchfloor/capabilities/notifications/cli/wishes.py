"""`wf notifications preferences`: how one person wants to be told, and how those do who never said."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from watchfloor.capabilities.notifications.cli.work import read_document, shaped
from watchfloor.kernel.errors import InvalidInput
from watchfloor.kernel.terminal import Json, desk, note, print_json, table

if TYPE_CHECKING:
    from watchfloor.capabilities.notifications.schemas.preferences import DefaultPreference, PreferenceView


def preferences(
    context: typer.Context,
    user: Annotated[str | None, typer.Argument(help="Whose.", metavar="[USER]")] = None,
    *,
    default: Annotated[bool, typer.Option("--default", help="Instead: of everybody who never said.")] = False,
    set_: Annotated[
        str | None, typer.Option("--set", help="A JSON file with all of these wishes; - is standard input.", metavar="FILE")
    ] = None,
    json: Json = False,
) -> None:
    """Show how somebody wants to be told, or with --default who never said; with --set, let it be so from now on."""
    from watchfloor.capabilities.notifications.engine.quiet import check_quiet  # noqa: PLC0415 - heavy imports wait until they are needed
    from watchfloor.capabilities.notifications.queries import wishes  # noqa: PLC0415 - see above
    from watchfloor.capabilities.notifications.schemas.preferences import Wishes  # noqa: PLC0415 - see above

    if default == (user is not None):
        raise InvalidInput("name a person, or say --default")
    wanted = shaped(Wishes, read_document(set_)) if set_ else None
    if wanted is not None:
        check_quiet(wanted.quiet, wanted.timezone)
    with desk(context).floor() as floor, floor.ledger.database.transaction(floor.org) as session:
        if user is None:
            if wanted is not None:
                wishes.set_default_preference(session, floor.org, wanted, actor="cli")
            found: PreferenceView | DefaultPreference = wishes.get_default_preference(session, floor.org)
        else:
            if wanted is not None:
                wishes.set_preference(session, floor.org, user, wanted, actor="cli")
            found = wishes.get_preference(session, floor.org, user)
    if json:
        print_json(found)
        return
    said = found.wishes.model_dump(mode="json", exclude_none=True)
    table(("Wish", "Value"), [(name.replace("_", " "), _shown(value)) for name, value in said.items() if value not in ([], None)])
    if found.revision == 0:
        note(f"{user} never said anything; these are the defaults." if user else "Nothing was set; these are Watchfloor's own.")


def _shown(value: object) -> object:
    if isinstance(value, list):
        return "; ".join(str(_shown(one)) for one in value)
    if isinstance(value, dict):
        return ", ".join(f"{name} {_shown(part)}" for name, part in value.items())
    return value
