"""`wf notifications templates`: an organisation's own words for its notifications."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from watchfloor.capabilities.notifications.cli.work import read_bytes, read_document, shaped
from watchfloor.kernel.errors import InvalidInput
from watchfloor.kernel.terminal import Json, desk, note, print_json, print_text, table

if TYPE_CHECKING:
    from watchfloor.capabilities.notifications.schemas.wire import ChannelKind

commands = typer.Typer(no_args_is_help=True, help="Your own words for notifications.")
Event = Annotated[str, typer.Argument(help="An event such as finding.opened, all of a noun as finding.*, or * for all.", metavar="EVENT")]
Kind = Annotated[str, typer.Argument(help="email, webhook, slack or apprise.", metavar="KIND")]
BodyFrom = typer.Option("--body-from", help="A file with the text; - is standard input.", metavar="FILE")


@commands.command("list")
def list_(context: typer.Context, *, json: Json = False) -> None:
    """List the words that are kept."""
    with desk(context).floor() as floor, floor.ledger.database.transaction(floor.org) as session:
        from watchfloor.capabilities.notifications.queries import templates  # noqa: PLC0415 - loads the database's libraries

        found = templates.list_templates(session, floor.org)
    if json:
        print_json({"items": found})
        return
    table(
        ("Event", "Kind", "Subject", "By", "Changed"), [(one.event, one.kind, one.subject, one.changed_by, one.changed_at) for one in found]
    )


@commands.command("set")
def set_(
    context: typer.Context,
    event: Event,
    kind: Kind,
    *,
    subject: Annotated[str, typer.Option("--subject", help="A mail's subject, a chat's heading, a webhook's title.")],
    body_from: Annotated[str, BodyFrom],
    json: Json = False,
) -> None:
    """Word such messages so from now on; {target} is a fact of the event, {port|none} has words for where there is none."""
    from watchfloor.capabilities.notifications.engine.wording import check  # noqa: PLC0415 - heavy imports wait until they are needed
    from watchfloor.capabilities.notifications.queries import templates  # noqa: PLC0415 - see above
    from watchfloor.capabilities.notifications.schemas.templates import TemplateText  # noqa: PLC0415 - see above

    place, text = _place(event, kind), shaped(TemplateText, {"subject": subject, "body": _text(body_from)})
    check(place[0], text)
    with desk(context).floor() as floor, floor.ledger.database.transaction(floor.org) as session:
        templates.set_template(session, floor.org, *place, text, actor="cli")
        made = templates.get_template(session, floor.org, *place)
    print_json(made) if json else print_text(f"{event} over {kind} is worded so from now on.")


@commands.command()
def show(context: typer.Context, event: Event, kind: Kind, *, json: Json = False) -> None:
    """Show the words for an event, or for a pattern, over one kind of channel."""
    place = _place(event, kind)
    with desk(context).floor() as floor, floor.ledger.database.transaction(floor.org) as session:
        from watchfloor.capabilities.notifications.queries import templates  # noqa: PLC0415 - loads the database's libraries

        found = templates.get_template(session, floor.org, *place)
    print_json(found) if json else print_text(f"{found.subject}\n\n{found.body}")


@commands.command()
def preview(
    context: typer.Context,
    event: Annotated[str, typer.Argument(help="An event such as finding.opened.", metavar="EVENT")],
    kind: Kind,
    *,
    subject: Annotated[str | None, typer.Option("--subject", help="Try this subject; what is kept without.")] = None,
    body_from: Annotated[str | None, BodyFrom] = None,
    data: Annotated[str | None, typer.Option("--data", help="A JSON file with the event's facts; - is standard input.", metavar="FILE")] = None,
    severity: Annotated[str, typer.Option(help="info, low, medium, high or critical.")] = "info",
    title: Annotated[str | None, typer.Option(help="The event's own title.")] = None,
    json: Json = False,
) -> None:  # fmt: skip
    """Show an event as it would be worded; nothing is sent and nothing is kept."""
    from watchfloor.capabilities.notifications.jobs import wording  # noqa: PLC0415 - heavy imports wait until they are needed
    from watchfloor.capabilities.notifications.schemas.templates import PreviewTemplate  # noqa: PLC0415 - see above

    told: dict[str, Any] = {
        "event": event, "kind": kind, "subject": subject, "body": _text(body_from) if body_from else None, "severity": severity, "title": title,
        "data": read_document(data) if data else None,
    }  # fmt: skip
    with desk(context).floor() as floor, floor.ledger.database.transaction(floor.org) as session:
        found = wording.preview(session, floor.org, shaped(PreviewTemplate, told))
    if json:
        print_json(found)
        return
    print_text("\n".join([found.subject, "", *found.lines]))
    if found.problem:
        note(f"Your own words do not fit, so these are Watchfloor's: {found.problem}.")
    elif not found.own:
        note(
            f"There are no words of your own for {event} over {kind}; these are Watchfloor's. A template may name {', '.join(found.names)}."
        )


@commands.command()
def delete(context: typer.Context, event: Event, kind: Kind) -> None:
    """Word such messages as Watchfloor does again."""
    place = _place(event, kind)
    with desk(context).floor() as floor, floor.ledger.database.transaction(floor.org) as session:
        from watchfloor.capabilities.notifications.queries import templates  # noqa: PLC0415 - loads the database's libraries

        templates.delete_template(session, floor.org, *place, actor="cli")
    print_text(f"{event} over {kind} is worded by Watchfloor again.")


def _place(event: str, kind: str) -> tuple[str, ChannelKind]:
    """Return what a template is kept under; raises InvalidInput."""
    from watchfloor.capabilities.notifications.schemas.templates import TemplatePlace  # noqa: PLC0415 - heavy imports wait until they are needed

    found = shaped(TemplatePlace, {"event": event, "kind": kind})
    return found.event, found.kind


def _text(source: str) -> str:
    """Return a file's text, or that of standard input for `-`."""
    try:
        return read_bytes(source).decode().rstrip("\n")
    except UnicodeDecodeError:
        raise InvalidInput(f"{source} holds no text") from None
