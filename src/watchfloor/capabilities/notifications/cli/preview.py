"""`wf notifications preview`: who would be told of an event, over what and when. Nothing is sent and nothing is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from watchfloor.capabilities.notifications.cli.work import read_document, shaped
from watchfloor.kernel.terminal import Json, desk, note, print_json, table

if TYPE_CHECKING:
    from uuid import UUID

    from sqlalchemy.orm import Session

    from watchfloor.capabilities.notifications.schemas.message import Message


def preview(
    context: typer.Context,
    event: Annotated[
        str, typer.Argument(help='A JSON file such as {"event": "finding.opened", "severity": "high", "data": {}}; - is standard input.', metavar="EVENT.json")
    ],
    *,
    user: Annotated[str | None, typer.Option(help="As if only this person were told.")] = None,
    json: Json = False,
) -> None:  # fmt: skip
    """Show what would become of an event; nothing is sent."""
    from watchfloor.capabilities.notifications.engine.told import message_of  # noqa: PLC0415 - heavy imports wait until they are needed
    from watchfloor.capabilities.notifications.schemas.sends import SendEvent  # noqa: PLC0415 - see above
    from watchfloor.kernel.clock import now  # noqa: PLC0415 - see above

    asked = shaped(SendEvent, {"user_id": "nobody", **read_document(event)})
    message = message_of(asked.event, str(asked.severity), now(), asked.data, dedup_key=asked.dedup_key or "", title=asked.title or "")
    with desk(context).floor() as floor, floor.ledger.database.transaction(floor.org) as session:
        decisions = _decided(session, floor.org, message, [user] if user else None)
    if json:
        print_json({"message": message, "decisions": decisions})
        return
    shown = ("user", "kind", "channel", "address", "state", "reason", "due_at")
    table(("User", "Kind", "Channel", "Address", "State", "Reason", "When"), [[one[name] for name in shown] for one in decisions])
    if not decisions:
        note(f"Nobody follows {asked.event} of severity {asked.severity}.")


def _decided(session: Session, org: UUID, message: Message, users: list[str] | None) -> list[dict[str, object]]:
    from watchfloor.capabilities.notifications.jobs.deciding import Asked, judge  # noqa: PLC0415 - loads the database's libraries
    from watchfloor.capabilities.notifications.queries import channels, telling, wishes  # noqa: PLC0415 - see above
    from watchfloor.kernel.clock import now  # noqa: PLC0415 - see above

    masked = {one.id: one.address for one in channels.list_channels(session, org)}
    asked = Asked(message=message, now=now(), silences=wishes.list_silences(session, org), routed=True)
    found = judge(asked, telling.list_candidates(session, org, message.type, users))
    rows = [(one.candidate, one.state, one.reason, one.due_at) for one in found.decided]
    rows += [(one.candidate, "digest", one.reason, one.due_at) for one in found.joined]
    rows += [(one.candidate, "group", one.key, None) for one in found.grouped]
    return [
        {"user": who.user_id, "kind": who.kind, "channel": who.channel, "address": masked.get(who.channel), "state": state, "reason": reason, "due_at": due}
        for who, state, reason, due in rows
    ]  # fmt: skip
