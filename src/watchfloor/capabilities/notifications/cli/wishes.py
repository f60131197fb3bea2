"""`wf notifications preferences`: how one person wants to be told, and how those do who never said."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from watchfloor.capabilities.notifications.cli.work import read_document, shaped
from watchfloor.kernel import clock
from watchfloor.kernel.errors import InvalidInput
from watchfloor.kernel.settings import duration
from watchfloor.kernel.terminal import Json, desk, note, print_json, table

if TYPE_CHECKING:
    from uuid import UUID

    from sqlalchemy.orm import Session

    from watchfloor.capabilities.notifications.schemas.preferences import DefaultPreference, PreferenceView, Wishes


def preferences(
    context: typer.Context,
    user: Annotated[str | None, typer.Argument(help="Whose.", metavar="[USER]")] = None,
    *,
    default: Annotated[bool, typer.Option("--default", help="Instead: of everybody who never said.")] = False,
    set_: Annotated[
        str | None, typer.Option("--set", help="A JSON file with all of these wishes; - is standard input.", metavar="FILE")
    ] = None,
    pause_until: Annotated[
        datetime | None, typer.Option("--pause-until", help="Tell them nothing until this moment (UTC) but what is mandatory.")
    ] = None,
    pause_for: Annotated[str | None, typer.Option("--pause-for", help="The same for a while, such as 8h.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="End such a pause now.")] = False,
    json: Json = False,
) -> None:
    """Show how somebody wants to be told, or with --default who never said; with --set, let it be so; with --pause-until, leave them alone."""
    from watchfloor.capabilities.notifications.engine.quiet import check_quiet  # noqa: PLC0415 - heavy imports wait until they are needed
    from watchfloor.capabilities.notifications.queries import wishes  # noqa: PLC0415 - see above
    from watchfloor.capabilities.notifications.schemas.preferences import Wishes  # noqa: PLC0415 - see above

    if default == (user is not None):
        raise InvalidInput("name a person, or say --default")
    if sum((set_ is not None, pause_until is not None, pause_for is not None, resume)) > 1:
        raise InvalidInput("give one of --set, --pause-until, --pause-for and --resume")
    until = _until(pause_until, pause_for)
    if user is None and (until is not None or resume):
        raise InvalidInput("a pause is one person's: name them instead of --default")
    wanted = shaped(Wishes, read_document(set_)) if set_ else None
    if wanted is not None:
        check_quiet(wanted.quiet, wanted.timezone)
    with desk(context).floor() as floor, floor.ledger.database.transaction(floor.org) as session:
        found: PreferenceView | DefaultPreference
        if user is None:
            found = _default(session, floor.org, wanted)
        else:
            _change(session, floor.org, user, wanted, until, resume=resume)
            found = wishes.get_preference(session, floor.org, user)
    if json:
        print_json(found)
        return
    said = found.wishes.model_dump(mode="json", exclude_none=True)
    table(("Wish", "Value"), [(name.replace("_", " "), _shown(value)) for name, value in said.items() if value not in ([], None)])
    if found.revision == 0:
        note(f"{user} never said anything; these are the defaults." if user else "Nothing was set; these are Watchfloor's own.")


def _default(session: Session, org: UUID, wanted: Wishes | None) -> DefaultPreference:
    from watchfloor.capabilities.notifications.queries import wishes  # noqa: PLC0415 - see above

    if wanted is not None:
        wishes.set_default_preference(session, org, wanted, actor="cli")
    return wishes.get_default_preference(session, org)


def _change(session: Session, org: UUID, user: str, wanted: Wishes | None, until: datetime | None, *, resume: bool) -> None:
    from watchfloor.capabilities.notifications.queries import wishes  # noqa: PLC0415 - see above

    if wanted is not None:
        wishes.set_preference(session, org, user, wanted, actor="cli")
    if until is not None:
        wishes.pause(session, org, user, until, actor="cli")
    if resume:
        wishes.resume(session, org, user, actor="cli")


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
