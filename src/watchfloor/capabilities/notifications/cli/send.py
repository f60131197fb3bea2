"""`wf notifications send` and `test`: one message over one channel, and what came of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from watchfloor.capabilities.notifications.cli.work import id_of, read_document, run, shaped
from watchfloor.kernel.settings import duration
from watchfloor.kernel.terminal import Exit, Json, desk, note, print_json, print_text

if TYPE_CHECKING:
    from collections.abc import Mapping

KINDS = ("email", "webhook", "slack", "apprise")
Timeout = Annotated[str, typer.Option(help="Wait no longer than this, such as 5m; the message is tried on.")]


def send(
    context: typer.Context,
    user: Annotated[str, typer.Argument(help="Whom to tell.", metavar="USER")],
    title: Annotated[str, typer.Argument(help="What to tell, in one line.", metavar="TITLE")],
    *,
    message: Annotated[str, typer.Option(help="The text.")] = "",
    event: Annotated[str, typer.Option(help="What kind of news it is.")] = "message.sent",
    severity: Annotated[str, typer.Option(help="info, low, medium, high or critical.")] = "info",
    channel: Annotated[str | None, typer.Option(help=f"{', '.join(KINDS)}, or one channel's id; their first one, mail before others.")] = None,
    data: Annotated[str | None, typer.Option(help="A JSON file with more facts; - is standard input.", metavar="FILE")] = None,
    dedup_key: Annotated[str | None, typer.Option(help="Messages with the same key are told once.")] = None,
    timeout: Timeout = "1m",
    json: Json = False,
) -> None:  # fmt: skip
    """Tell one person something over one channel: exit code 0 when the channel took it, 1 when it is held or suppressed, 2 when it failed."""
    facts = {**(read_document(data) if data else {}), **({"message": message} if message else {})}
    told: dict[str, Any] = {"event": event, "user_id": user, "title": title, "severity": severity, "data": facts, "dedup_key": dedup_key}
    if channel is not None:
        told |= {"channel": channel} if channel in KINDS else {"channel_id": id_of(channel, "channel")}
    _send(context, told, timeout, json=json)


def try_(
    context: typer.Context,
    channel: Annotated[str, typer.Argument(help="The channel's id, as `watchfloor notifications channels list` shows it.", metavar="CHANNEL")],
    *,
    timeout: Timeout = "1m",
    json: Json = False,
) -> None:  # fmt: skip
    """Send a message over a channel as every other is sent."""
    told = {"event": "message.test", "user_id": "cli", "channel_id": id_of(channel, "channel"), "title": "This is a test message"}
    _send(context, told, timeout, json=json)


def _send(context: typer.Context, told: Mapping[str, object], timeout: str, *, json: bool) -> None:
    from watchfloor.capabilities.notifications.jobs import send_notification  # noqa: PLC0415 - heavy imports wait until they are needed
    from watchfloor.capabilities.notifications.queries import channels  # noqa: PLC0415 - see above
    from watchfloor.capabilities.notifications.schemas.sends import SendNotification  # noqa: PLC0415 - see above

    request = shaped(SendNotification, {"notification": {name: value for name, value in told.items() if value is not None}})
    patience = duration(timeout)
    with desk(context).floor(work=True) as floor:
        if request.notification.channel_id is not None:
            with floor.ledger.database.transaction(floor.org) as session:
                channels.get_channel(session, floor.org, request.notification.channel_id)
        result = run(floor, send_notification, request, timeout=patience)
    if json:
        print_json(result)
    elif result["success"]:
        print_text(f"Sent: delivery {result['delivery_id']}")
    else:
        until = f" until {result['held_until']}" if result["held_until"] else ""
        note(f"The message is {result['state']}{until}: {result['reason'] or 'no reason is known'}.")
    raise typer.Exit(Exit.CLEAN if result["success"] else Exit.FINDINGS)
