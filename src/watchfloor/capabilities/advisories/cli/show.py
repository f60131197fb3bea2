"""`wf advisories show` and `score`: one advisory, who says what about it, and why it is as urgent as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from watchfloor.capabilities.advisories.cli import sheet
from watchfloor.capabilities.advisories.cli.search import ExposedTo, asked, read
from watchfloor.kernel.errors import InvalidInput
from watchfloor.kernel.terminal import Json, print_json

if TYPE_CHECKING:
    from datetime import date

    from watchfloor.capabilities.advisories.schemas.faces import Advisory, AffectedView, Changes, RawDocument, Score
    from watchfloor.kernel.db.session import Wire

HISTORY, LONG_HISTORY = 8, 500
Identity = Annotated[str, typer.Argument(help="An id: CVE-2024-3094, EUVD-2024-1234, GHSA-….", metavar="ID")]


def show(
    context: typer.Context,
    advisory: Identity,
    *,
    raw: Annotated[
        str | None, typer.Option("--raw", metavar="SOURCE", help="Print that source's document as it came: nvd, cve-list, euvd, ….")
    ] = None,
    history: Annotated[bool, typer.Option("--history", help="Show everything that happened to it.")] = False,
    json: Json = False,
) -> None:
    """Show an advisory: scores term by term, the BOD 26-04 verdict, sources, catalogs, affected products, references, history."""
    from watchfloor.capabilities.advisories.queries import record  # noqa: PLC0415 - loads the database's libraries
    from watchfloor.capabilities.advisories.queries.identity import get_key  # noqa: PLC0415 - see above
    from watchfloor.capabilities.advisories.queries.pages import labelled  # noqa: PLC0415 - see above
    from watchfloor.capabilities.advisories.queries.raw import raw_document  # noqa: PLC0415 - see above

    question = asked("")
    if raw is not None:
        src = labelled(raw)
        document: RawDocument = read(context, lambda wire: raw_document(wire, get_key(wire, advisory), src))
        print_json(document if json else document.document)
        return

    def whole(wire: Wire) -> tuple[Advisory, list[AffectedView], Changes]:
        return (
            record.get_record(wire, advisory, on=question.now.date(), least=question.least),
            record.list_affected(wire, advisory),
            record.list_history(wire, advisory, limit=LONG_HISTORY if history else HISTORY),
        )

    found, affected, changes = read(context, whole)
    if json:
        print_json(found.model_dump(mode="json") | {"affected": _plain(affected), "history": _plain(changes.items)})
        return
    sheet.show(found, affected, changes, whole=history)


def _plain(found: list[AffectedView]) -> list[dict[str, object]]:
    return [one.model_dump(mode="json") for one in found]


def score(
    context: typer.Context,
    advisory: Identity,
    *,
    exposure: ExposedTo = "unknown",
    confidence: Annotated[float, typer.Option("--confidence", min=0, max=1, help="How sure it is that the asset is affected.")] = 1.0,
    on: Annotated[str | None, typer.Option("--on", metavar="DATE", help="The day, as 2026-03-31.", show_default="today")] = None,
    json: Json = False,
) -> None:
    """Work out how urgent an advisory is for an asset, factor by factor."""
    from watchfloor.capabilities.advisories.queries import record  # noqa: PLC0415 - loads the database's libraries
    from watchfloor.capabilities.advisories.schemas.words import Exposure  # noqa: PLC0415 - see above

    if exposure not in set(Exposure):
        raise InvalidInput(f"there is no exposure {exposure[:40]!r}; choose from {', '.join(Exposure)}", field="/exposure")
    day = asked("").now.date() if on is None else _day(on)
    found: Score = read(context, lambda wire: record.get_score(wire, advisory, on=day, exposure=Exposure(exposure), confidence=confidence))
    print_json(found) if json else sheet.show_score(found)


def _day(text: str) -> date:
    from datetime import date  # noqa: PLC0415 - only here

    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise InvalidInput(f"{text[:40]!r} is no day; write one such as 2026-03-31", field="/on") from error
