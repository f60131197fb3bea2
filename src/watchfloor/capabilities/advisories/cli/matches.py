"""`wf advisories matches`: what of yours advisories meet, why, and how sure it is."""

from __future__ import annotations

from typing import Annotated

import typer

from watchfloor.kernel.errors import InvalidInput
from watchfloor.kernel.terminal import Json, desk, note, print_json, table


def matches(
    context: typer.Context,
    advisory: Annotated[
        str | None, typer.Argument(help="Only this advisory, such as CVE-2024-6387.", metavar="CVE", show_default=False)
    ] = None,
    *,
    query: Annotated[
        str, typer.Option("--query", "-q", help="Which of them: 'product:openssh band>=high port:22'; see `advisories search --fields`.")
    ] = "",
    candidates: Annotated[bool, typer.Option("--candidates", help="Also what is too unsure to be a finding.")] = False,
    gone: Annotated[bool, typer.Option("--gone", help="Also what is over.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=500)] = 50,
    json: Json = False,
) -> None:
    """List which advisories meet which of your assets, gravest first, with the reason."""
    from watchfloor.capabilities.advisories.queries.matched import Wanted, list_matches  # noqa: PLC0415 - loads the database's libraries
    from watchfloor.capabilities.advisories.schemas.words import key_of  # noqa: PLC0415 - see above
    from watchfloor.kernel import clock  # noqa: PLC0415 - see above
    from watchfloor.kernel.db.session import wire_of  # noqa: PLC0415 - see above

    k = None if advisory is None else key_of(advisory.upper())
    if advisory is not None and k is None:
        raise InvalidInput(f"{advisory[:40]!r} is not a CVE id.", field="/advisory")
    wanted = Wanted(least=0.0 if candidates else None, text=query, now=clock.now(), k=k, gone=gone)
    with desk(context).floor() as floor, floor.ledger.database.transaction(floor.org) as session:
        found = list_matches(wire_of(session), floor.org, wanted, limit=limit)
    if json:
        print_json(found)
        return
    columns = ("advisory", "band", "priority", "sure", "target", "port", "due", "why")
    table(
        columns,
        [(one.id, one.band, one.priority, f"{one.confidence:.0%}", one.target, one.port, one.due_on, one.why) for one in found.items],
    )
    if found.next_cursor:
        note(f"There are more than these {limit}; see the rest with --limit, or over REST.")
