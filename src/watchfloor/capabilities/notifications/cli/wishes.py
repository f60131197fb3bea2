"""`wf notifications preferences`: how one person wants to be told."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from watchfloor.capabilities.notifications.cli.work import read_document, shaped
from watchfloor.kernel import clock
from watchfloor.kernel.errors import InvalidInput
from watchfloor.kernel.settings import duration
from watchfloor.kernel.terminal import Json, desk, note, print_json, table


def preferences(
    context: typer.Context,
    user: Annotated[str, typer.Argument(help="Whose.", metavar="USER")],
    *,
    set_: Annotated[
        str | None, typer.Option("--set", help="A JSON file with all their wishes; - is standard input.", metavar="FILE")
    ] = None,
    pause_until: Annotated[
        datetime | None, typer.Option("--pause-until", help="Tell them nothing until this moment (UTC) but what is mandatory.")
    ] = None,
    pause_for: Annotated[str | None, typer.Option("--pause-for", help="The same for a while, such as 8h.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="End such a pause now.")] = False,
    json: Json = False,
) -> None:
    """Show how somebody wants to be told; with --set, let it be so from now on; with --pause-until, leave them alone for a while."""
    from watchfloor.capabilities.notifications.engine.quiet import check_quiet  # noqa: PLC0415 - heavy imports wait until they are needed
    from watchfloor.capabilities.notifications.queries import wishes  # noqa: PLC0415 - see above
    from watchfloor.capabilities.notifications.schemas.preferences import Wishes  # noqa: PLC0415 - see above

    if sum((set_ is not None, pause_until is not None, pause_for is not None, resume)) > 1:
        message = "give one of --set, --pause-until, --pause-for and --resume"
        raise InvalidInput(message)
    until = _until(pause_until, pause_for)
    wanted = shaped(Wishes, read_document(set_)) if set_ else None
    if wanted is not None:
        check_quiet(wanted.quiet, wanted.timezone)
    with desk(context).floor() as floor, floor.ledger.database.transaction(floor.org) as session:
        if wanted is not None:
            wishes.set_preference(session, floor.org, user, wanted, actor="cli")
        if until is not None:
            wishes.pause(session, floor.org, user, until, actor="cli")
        if resume:
            wishes.resume(session, floor.org, user, actor="cli")
        found = wishes.get_preference(session, floor.org, user)
    if json:
        print_json(found)
        return
    said = found.wishes.model_dump(mode="json", exclude_none=True)
    table(("Wish", "Value"), [(name.replace("_", " "), _shown(value)) for name, value in said.items() if value not in ([], None)])
    if found.revision == 0:
        note(f"{user} never said anything; these are the defaults.")


def _until(moment: datetime | None, span: str | None) -> datetime | None:
    """Return the end of a pause in UTC, None without one."""
    if moment is not None:
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    try:
        return clock.now() + duration(span) if span is not None else None
    except OverflowError:
        message = f"{span!r} is too long for a pause"
        raise InvalidInput(message) from None


def _shown(value: object) -> object:
    if isinstance(value, list):
        return "; ".join(str(_shown(one)) for one in value)
    if isinstance(value, dict):
        return ", ".join(f"{name} {_shown(part)}" for name, part in value.items())
    return value
