"""`wf notifications list`, `deliveries`, `attempts` and `replay`: what was sent to whom, how it went, and sending it again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from watchfloor.capabilities.notifications.cli.work import id_of, run, shaped
from watchfloor.kernel import clock
from watchfloor.kernel.errors import InvalidInput
from watchfloor.kernel.settings import duration
from watchfloor.kernel.terminal import Json, desk, note, print_json, print_text, table

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from watchfloor.kernel.terminal import Floor

FAILED = "dead"
PAGE = 500


def list_(
    context: typer.Context,
    *,
    severity: Annotated[str | None, typer.Option(help="Severities joined by commas.")] = None,
    event: Annotated[str | None, typer.Option(help="Events joined by commas.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=500)] = 50,
    after: Annotated[str | None, typer.Option(help="The page after this `next` of --json.")] = None,
    json: Json = False,
) -> None:
    """List notifications, newest first."""
    with desk(context).floor() as floor, floor.ledger.database.transaction(floor.org) as session:
        from watchfloor.capabilities.notifications.queries import lists  # noqa: PLC0415 - loads the database's libraries

        found = lists.list_notifications(session, severity=severity, type_=event, limit=limit, after=after)
    if json:
        print_json(found)
        return
    table(
        ("Notification", "When", "Event", "Severity", "Title", "Looked after by"),
        [(one.id, one.created_at, one.type, one.severity, one.title, one.acknowledged_by) for one in found.items],
    )


def deliveries(
    context: typer.Context,
    *,
    failed: Annotated[bool, typer.Option("--failed", help="Only those that were given up.")] = False,
    state: Annotated[str | None, typer.Option(help="States joined by commas: held, due, sending, sent, suppressed, dead.")] = None,
    channel: Annotated[str | None, typer.Option(help="Kinds of channels joined by commas.")] = None,
    user: Annotated[str | None, typer.Option(help="People joined by commas.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=500)] = 50,
    after: Annotated[str | None, typer.Option(help="The page after this `next` of --json.")] = None,
    json: Json = False,
) -> None:
    """List deliveries, newest first."""
    if failed and state:
        raise InvalidInput("--failed is a word for --state dead; say one of them")
    with desk(context).floor() as floor, floor.ledger.database.transaction(floor.org) as session:
        from watchfloor.capabilities.notifications.queries import lists  # noqa: PLC0415 - loads the database's libraries

        found = lists.list_deliveries(session, state=FAILED if failed else state, channel=channel, user=user, limit=limit, after=after)
    if json:
        print_json(found)
        return
    table(
        ("Delivery", "Made", "Kind", "User", "State", "Reason", "Attempts", "Answer", "Due"),
        [
            (one.id, one.created_at, one.lane, one.user_id, one.state, one.reason, one.attempt, one.last_code, one.due_at)
            for one in found.items
        ],
    )


def attempts(
    context: typer.Context, delivery: Annotated[str, typer.Argument(help="The delivery's id.", metavar="DELIVERY")], *, json: Json = False
) -> None:
    """List every try of a delivery: when, how long, to which address, and what came back."""
    which = _ids([delivery])[0]
    with desk(context).floor() as floor, floor.ledger.database.transaction(floor.org) as session:
        from watchfloor.capabilities.notifications.queries import lists  # noqa: PLC0415 - loads the database's libraries

        found = lists.list_attempts(session, floor.org, which)
    if json:
        print_json({"items": found})
        return
    table(
        ("Try", "At", "ms", "Outcome", "Code", "Address", "Reason", "Answer"),
        [(one.n, one.at, one.ms, one.outcome, one.code, one.address, one.reason, one.head) for one in found],
    )


def replay(
    context: typer.Context,
    delivery: Annotated[list[str] | None, typer.Argument(help="Deliveries by their ids.", metavar="[DELIVERY]…")] = None,
    *,
    since: Annotated[str | None, typer.Option(help="Instead: all that were given up in this last while, such as 2h.")] = None,
    channel: Annotated[str | None, typer.Option(help="With --since: of this channel alone, by its id.")] = None,
    state: Annotated[str, typer.Option(help="With --since: states joined by commas: dead, sent, suppressed.")] = FAILED,
    reason: Annotated[str, typer.Option(help="Why; the audit keeps it.")] = "",
    json: Json = False,
) -> None:
    """Send deliveries that are over again, ten a second; receivers know them by the id of the first sending."""
    from watchfloor.capabilities.notifications.jobs import replay_deliveries  # noqa: PLC0415 - heavy imports wait until they are needed
    from watchfloor.capabilities.notifications.schemas.upkeep import Replay  # noqa: PLC0415 - see above

    if bool(delivery) == bool(since) or (channel and not since):
        raise InvalidInput("name deliveries, or say --since, with or without --channel")
    began = clock.now() - duration(since) if since else None
    told: dict[str, Any] = {"reason": reason, "states": state.split(",")}
    if channel:
        told |= {"channel_id": id_of(channel, "channel"), "since": began}
    with desk(context).floor(work=True) as floor:
        if not channel:
            ids = _ids(delivery or []) if began is None else _since(floor, began, state)
            told["delivery_ids"] = ids
        # Nothing in that time is no mistake, and the job takes no empty list.
        result = run(floor, replay_deliveries, shaped(Replay, told)) if channel or told["delivery_ids"] else {"created": 0, "skipped": 0}
    if json:
        print_json(result)
        return
    print_text(f"{result['created']} sent again.")
    if result["skipped"]:
        note(f"{result['skipped']} were left out: they are still under way, or not there.")


def _since(floor: Floor, began: datetime, state: str) -> list[UUID]:
    """Return the deliveries of this time, newest first; raises InvalidInput for more than one job takes."""
    from watchfloor.capabilities.notifications.queries import lists  # noqa: PLC0415 - loads the database's libraries
    from watchfloor.capabilities.notifications.schemas.upkeep import REPLAYS_MAX  # noqa: PLC0415 - see above

    found: list[UUID] = []
    after = None
    with floor.ledger.database.transaction(floor.org) as session:
        while True:
            page = lists.list_deliveries(session, state=state, channel=None, user=None, limit=PAGE, after=after)
            young = [one.id for one in page.items if one.created_at >= began]
            found += young
            after = page.next
            if len(found) > REPLAYS_MAX:
                raise InvalidInput(f"more than {REPLAYS_MAX} deliveries; choose a shorter time, or one --channel", field="/since")
            if after is None or len(young) < len(page.items):
                return found


def _ids(given: list[str]) -> list[UUID]:
    from uuid import UUID  # noqa: PLC0415 - beside the annotation's import

    try:
        return [UUID(one) for one in given]
    except ValueError:
        raise InvalidInput("that is no delivery's id; `watchfloor notifications deliveries` shows those there are") from None
