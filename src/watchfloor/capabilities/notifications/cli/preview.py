"""`wf notifications preview`: who would be told of an event, over what and when. Nothing is sent and nothing is kept."""

from __future__ import annotations

from typing import Annotated, Final

import typer

from watchfloor.capabilities.notifications.cli.work import read_document, shaped
from watchfloor.kernel.terminal import Json, desk, note, print_json, table

TELLING: Final = {"user_id", "dedup_key"}  # of the file of an event that is sent; nothing is sent here


def preview(
    context: typer.Context,
    event: Annotated[
        str, typer.Argument(help='A JSON file such as {"event": "finding.opened", "severity": "high", "data": {}}; - is standard input.', metavar="EVENT.json")
    ],
    *,
    user: Annotated[str | None, typer.Option(help="As if only this person were told.")] = None,
    dropped: Annotated[bool, typer.Option("--dropped", help="Also the routes that do not tell it, and why not.")] = False,
    json: Json = False,
) -> None:  # fmt: skip
    """Show what would become of an event; nothing is sent."""
    from watchfloor.capabilities.notifications.jobs.previewing import preview as decided  # noqa: PLC0415 - heavy imports wait until they are needed
    from watchfloor.capabilities.notifications.schemas.previews import PreviewEvent  # noqa: PLC0415 - see above

    told = {name: value for name, value in read_document(event).items() if name not in TELLING}
    asked = shaped(PreviewEvent, {**told, "user_ids": [user] if user else None, "dropped": dropped})
    with desk(context).floor() as floor, floor.ledger.database.transaction(floor.org) as session:
        found = decided(session, floor.org, asked)
    if json:
        print_json(found)
        return
    shown = ("user", "kind", "channel", "address", "state", "reason", "due_at")
    table(
        ("User", "Kind", "Channel", "Address", "State", "Reason", "When"),
        [[getattr(one, name) for name in shown] for one in found.decisions],
    )
    if not found.decisions:
        note(f"Nobody follows {asked.event} of severity {asked.severity}.")
    elif (total := sum(found.counts.values())) > len(found.decisions):
        note(f"{total} in all: {', '.join(f'{count} {state}' for state, count in found.counts.items())}.")
