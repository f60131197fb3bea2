"""`wf advisories products`, `kev`, `status` and `rejects`: what is named, what is exploited, how far sources are read, what was refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from watchfloor.capabilities.advisories.cli.search import Cursor, Limit, asked, read
from watchfloor.kernel import clock
from watchfloor.kernel.errors import InvalidInput
from watchfloor.kernel.terminal import Exit, Json, note, print_json, print_text, spell, table

if TYPE_CHECKING:
    from datetime import date, datetime

    from watchfloor.capabilities.advisories.schemas.faces import Changes, KevEntries, ProductLine, Rejects, SourceView

TROUBLE = {"failing", "gap", "never"}
SAMPLE = 60


def products(
    context: typer.Context,
    prefix: Annotated[str, typer.Argument(help="The beginning of a product's or vendor's name, or vendor:product.")] = "",
    *,
    json: Json = False,
) -> None:
    """List products that advisories name, those with most advisories first."""
    from watchfloor.capabilities.advisories.queries.pages import list_products  # noqa: PLC0415 - loads the database's libraries

    found: list[ProductLine] = read(context, lambda wire: list_products(wire, asked(""), prefix))
    if json:
        print_json([one.model_dump(mode="json") for one in found])
        return
    table(("part", "vendor", "product", "advisories"), [(one.part, one.vendor, one.product, f"{one.cves:,}") for one in found])


def kev(
    context: typer.Context,
    *,
    changes: Annotated[bool, typer.Option("--changes", help="What changed in the catalogs instead of what they hold.")] = False,
    since: Annotated[str | None, typer.Option("--since", metavar="DATE", help="With --changes: from that day on, as 2026-03-31.")] = None,
    catalog: Annotated[str | None, typer.Option("--catalog", help="kev (CISA's) or eu-kev.", show_default="both")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
    json: Json = False,
) -> None:
    """List what is known to be exploited, newest first, or what changed there."""
    from watchfloor.capabilities.advisories.queries import pages, record  # noqa: PLC0415 - loads the database's libraries
    from watchfloor.capabilities.advisories.schemas.changes import CATALOG_KINDS  # noqa: PLC0415 - see above

    if changes:
        day = _day(since)
        told: Changes = read(
            context, lambda wire: record.list_history(wire, None, kinds=CATALOG_KINDS, since=day, limit=limit, cursor=cursor)
        )
        if json:
            print_json(told)
            return
        rows = [(one.at, one.id, one.kind.partition(".")[2].replace("_", " "), one.old, one.new, one.source) for one in told.items]
        table(("when", "advisory", "what", "before", "after", "says"), rows)
        _more(told.next_cursor)
        return
    if since is not None:
        raise InvalidInput("--since goes with --changes.", field="/since")
    found: KevEntries = read(context, lambda wire: pages.list_kev(wire, [catalog] if catalog else [], limit=limit, cursor=cursor))
    if json:
        print_json(found)
        return
    table(
        ("added", "catalog", "advisory", "due", "ransomware", "name"),
        [(one.added.date(), one.catalog, one.id, one.due.date() if one.due else None, one.ransomware, one.name) for one in found.items],
    )
    print_text(f"{found.total:,} entries.")
    _more(found.next_cursor)


def status(context: typer.Context, *, json: Json = False) -> None:
    """Show how far each source is read. Exit codes: 0 all is well, 2 error, 3 a source was refused, has a gap, or was never read."""
    from watchfloor.capabilities.advisories.queries.pages import list_source_states  # noqa: PLC0415 - loads the database's libraries
    from watchfloor.capabilities.advisories.settings import AdvisorySettings  # noqa: PLC0415 - see above
    from watchfloor.kernel.settings import read_settings  # noqa: PLC0415 - see above

    labels = read_settings(AdvisorySettings, "advisories").used
    found: list[SourceView] = read(context, lambda wire: list_source_states(wire, labels))
    if json:
        print_json([one.model_dump(mode="json") for one in found])
    else:
        table(
            ("source", "state", "records", "as of", "asked", "changed", "failures"),
            [
                (one.name, one.state, f"{one.rows:,}", one.watermark, _ago(one.checked_at), _ago(one.changed_at), one.failures or None)
                for one in found
            ],
        )
        for one in found:
            if one.last_error:
                note(f"{one.name}: {one.last_error.get('message') or one.last_error.get('code') or one.last_error}")
            for text in one.notes:
                note(f"{one.name}: {text}")
            if one.gap_since:
                note(
                    f"{one.name}: something was missed since {one.gap_since:%Y-%m-%d}: {one.gap_reason}. `watchfloor advisories sync --source {one.name} --full` loads it again."
                )
    raise typer.Exit(Exit.UNKNOWN if any(one.enabled and one.state in TROUBLE for one in found) else Exit.CLEAN)


def rejects(
    context: typer.Context,
    *,
    source: Annotated[str | None, typer.Option("--source", help="Of one source only.")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
    json: Json = False,
) -> None:
    """List documents that could not be read, newest first, with the reason."""
    from watchfloor.capabilities.advisories.queries.pages import list_rejects  # noqa: PLC0415 - loads the database's libraries

    found: Rejects = read(context, lambda wire: list_rejects(wire, source, limit=limit, cursor=cursor))
    if json:
        print_json(found)
        return
    table(
        ("when", "source", "stream", "document", "reason", "sample"),
        [(one.at, one.source, one.stream, one.ref, one.reason, one.sample[:SAMPLE]) for one in found.items],
    )
    print_text(f"{found.total:,} documents could not be read.")
    _more(found.next_cursor)


def _ago(when: datetime | None) -> str | None:
    return None if when is None else f"{spell(clock.now() - when)} ago"


def _more(cursor: str | None) -> None:
    if cursor:
        note(f"There are more: --cursor {cursor}")


def _day(text: str | None) -> date | None:
    from datetime import date  # noqa: PLC0415 - only here

    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError as error:
        raise InvalidInput(f"{str(text)[:40]!r} is no day; write one such as 2026-03-31", field="/since") from error
