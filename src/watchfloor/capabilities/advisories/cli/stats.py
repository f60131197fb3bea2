"""`wf advisories stats`: how many advisories there are, and how many of them are yours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from watchfloor.kernel.terminal import Json, desk, note, print_json, print_text, table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from watchfloor.capabilities.advisories.schemas.totals import Counts

LINES = 12  # of one metric


def stats(
    context: typer.Context,
    *,
    days: Annotated[int, typer.Option("--days", min=0, max=730, help="Also as they were on each of so many days.")] = 0,
    json: Json = False,
) -> None:
    """Count advisories and your matches by what matters, from counters: nothing is searched."""
    with desk(context).floor() as floor:
        from watchfloor.capabilities.advisories.queries.totals import statistics  # noqa: PLC0415 - loads the database's libraries
        from watchfloor.kernel.db.session import wire_of  # noqa: PLC0415 - see above

        with floor.ledger.database.transaction(floor.org) as session:
            found = statistics(wire_of(session), floor.org, days=days)
    if json:
        print_json(found)
        return
    print_text("Advisories")
    table(("metric", "value", "count"), list(_rows(found.counts)))
    print_text("Your assets")
    table(("metric", "value", "count"), list(_rows(found.matches)))
    if found.matches_counted_at is None:
        note("Your matches have not been counted yet: the schedule update-stats does it every 15 minutes.")
    for one in found.days:
        total, urgent = sum(one.counts.get("cves", {}).values()), one.matches.get("matches", {})
        print_text(f"{one.day}: {total:,} advisories, {sum(urgent.values()):,} matches, {urgent.get('critical', 0):,} of them critical")


def _rows(counts: Counts) -> Iterator[tuple[str, str, int]]:
    for metric, dims in counts.items():
        shown = sorted(dims.items(), reverse=True)[:LINES] if metric == "published_month" else list(dims.items())[:LINES]
        yield from ((metric, dim, value) for dim, value in shown)
