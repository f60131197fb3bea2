"""`wf advisories match`: which advisories affect a product."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from watchfloor.capabilities.advisories.cli.search import ExposedTo, FailOn, asked, at_least, read
from watchfloor.kernel.errors import InvalidInput
from watchfloor.kernel.terminal import Exit, Json, note, print_json, print_text, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from watchfloor.capabilities.advisories.schemas.faces import MatchView, ProductText, Tried

LINES = 50


def match(
    context: typer.Context,
    what: Annotated[
        list[str], typer.Argument(help="CPE names, or products with their versions such as 'OpenSSH 8.9p1'.", metavar="PRODUCT…")
    ],
    *,
    platform: Annotated[list[str] | None, typer.Option("--platform", metavar="CPE", help="What they run on; may be repeated.")] = None,
    exposure: ExposedTo = "unknown",
    candidates: Annotated[bool, typer.Option("--candidates", help="Also list what is too unsure to be a match.")] = False,
    fail_on: FailOn = None,
    json: Json = False,
) -> None:
    """Say which advisories affect a product, as if an asset ran it; nothing is kept.

    Exit codes: 0 clean, 1 a match in the band of --fail-on or above, 2 error, 3 nothing could be decided about something.
    """
    from watchfloor.capabilities.advisories.queries.trying import try_match  # noqa: PLC0415 - loads the database's libraries
    from watchfloor.capabilities.advisories.schemas.faces import MatchRequest  # noqa: PLC0415 - see above
    from watchfloor.capabilities.advisories.schemas.words import Exposure  # noqa: PLC0415 - see above

    failing = at_least(fail_on)
    if exposure not in set(Exposure):
        raise InvalidInput(f"there is no exposure {exposure[:40]!r}; choose from {', '.join(Exposure)}", field="/exposure")
    cpes = [one for one in what if one.lower().startswith("cpe:")]
    request = MatchRequest(
        cpes=cpes,
        products=[_product(one) for one in what if one not in cpes],
        platform=platform or [],
        exposure=Exposure(exposure),
        candidates=candidates,
    )
    question = asked("")
    found: Tried = read(context, lambda wire: try_match(wire, request, on=question.now.date(), least=question.least))
    print_json(found) if json else _show(found, candidates=candidates)
    urgent = any(one.band in failing for one in found.matches)
    raise typer.Exit(Exit.FINDINGS if urgent else Exit.UNKNOWN if found.undecided else Exit.CLEAN)


def _product(text: str) -> ProductText:
    """Read `OpenSSH 8.9p1`: the last word is the version where it has a digit."""
    from watchfloor.capabilities.advisories.schemas.faces import ProductText  # noqa: PLC0415 - loads the database's libraries

    name, _, last = text.strip().rpartition(" ")
    if name and any(character.isdigit() for character in last):
        return ProductText(text=name.strip()[:300], version=last[:255])
    if not text.strip():
        raise InvalidInput("a product's name is empty; write one such as 'OpenSSH 8.9p1'", field="/products")
    return ProductText(text=text.strip()[:300])


def _show(found: Tried, *, candidates: bool) -> None:
    _table(found.matches, "Matches")
    print_text(f"{found.matches_total:,} matches, {found.candidates_total:,} candidates.")
    if candidates:
        _table(found.candidates, "Candidates")
    elif found.candidates_total:
        note("--candidates lists what is too unsure to be a match.")
    for one in found.undecided:
        note(f"{one.item}: {one.reason}")


def _table(views: Sequence[MatchView], title: str) -> None:
    if not views:
        return
    rows = [
        (
            one.item,
            one.id,
            one.band,
            f"{one.priority:.1f}",
            f"{one.confidence:.0%}",
            one.match_class,
            "KEV" if one.kev else "",
            one.fix,
            one.deadline,
            one.why,
        )
        for one in views[:LINES]
    ]
    table(("product", "advisory", "band", "priority", "sure", "match", "", "fixed in", "BOD 26-04", "why"), rows, title=title)
    if len(views) > LINES:
        note(f"The first {LINES} of {len(views):,}; --json lists all.")
