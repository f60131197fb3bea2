"""`wf notifications inbox`, `read` and `acknowledge`: what one person was told, and who looks after it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

import typer

from watchfloor.kernel.errors import InvalidInput
from watchfloor.kernel.terminal import Json, desk, print_json, print_text, table

User = Annotated[str, typer.Argument(help="Whose inbox.")]


def inbox(
    context: typer.Context, user: User, *, unread: Annotated[bool, typer.Option("--unread", help="Only what was not read.")] = False,
    severity: Annotated[str | None, typer.Option(help="Severities joined by commas.")] = None,
    event: Annotated[str | None, typer.Option(help="Events joined by commas.")] = None,
    search: Annotated[str | None, typer.Option(help="Words of the title, all of which must be there.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=500)] = 50, after: Annotated[str | None, typer.Option(help="The page after this `next` of --json.")] = None,
    json: Json = False,
) -> None:  # fmt: skip
    """List what a person was told over any channel, newest first, and how much of it is unread."""
    with desk(context).floor() as floor, floor.ledger.database.transaction(floor.org) as session:
        from watchfloor.capabilities.notifications.queries import inbox as queries  # noqa: PLC0415 - loads the database's libraries

        found = queries.list_inbox(session, user=user, unread=unread, severity=severity, type_=event, q=search, limit=limit, after=after)
        left = queries.count_unread(session, user)
    if json:
        print_json({**found.model_dump(mode="json"), "unread": left.model_dump(mode="json")})
        return
    table(
        ("Notification", "When", "Read", "Event", "Severity", "Title"),
        [(one.id, one.created_at, "yes" if one.read_at else "no", one.type, one.severity, one.title) for one in found.items],
    )
    print_text(f"{left.total} unread" + "".join(f", {count} {severity}" for severity, count in left.by_severity.items()))


def read(
    context: typer.Context, user: User, notifications: Annotated[list[str] | None, typer.Argument(help="Which; all when none is named.")] = None, *,
    until: Annotated[datetime | None, typer.Option(help="All that came until this moment (UTC).")] = None, json: Json = False,
) -> None:  # fmt: skip
    """Mark what a person was told as read."""
    ids = [_id(one) for one in notifications] if notifications else None
    until = until.replace(tzinfo=UTC) if until is not None and until.tzinfo is None else until
    with desk(context).floor() as floor, floor.ledger.database.transaction(floor.org) as session:
        from watchfloor.capabilities.notifications.queries import inbox as queries  # noqa: PLC0415 - loads the database's libraries

        marked = queries.mark_read(session, floor.org, user, ids=ids, until=until, actor="cli")
    print_json({"marked": marked}) if json else print_text(f"{marked} marked as read.")


def acknowledge(
    context: typer.Context, notification: Annotated[str, typer.Argument(help="The notification's id.", metavar="NOTIFICATION")],
) -> None:  # fmt: skip
    """Say that somebody looks after it: its escalations end, and it is not repeated. Who was first stays."""
    with desk(context).floor() as floor, floor.ledger.database.transaction(floor.org) as session:
        from watchfloor.capabilities.notifications.queries import acknowledging  # noqa: PLC0415 - loads the database's libraries

        acknowledging.acknowledge(session, floor.org, _id(notification), actor="cli")
    print_text(f"{notification} is looked after.")


def _id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise InvalidInput(f"{text[:60]!r} is no notification's id; `watchfloor notifications inbox USER` shows those there are.") from None
