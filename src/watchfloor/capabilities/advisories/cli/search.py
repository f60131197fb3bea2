"""`wf advisories search`: find advisories by fields and words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from watchfloor.kernel.errors import InvalidInput
from watchfloor.kernel.terminal import Exit, Json, desk, note, print_json, print_text, table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from watchfloor.capabilities.advisories.queries.search import Asked
    from watchfloor.capabilities.advisories.schemas.faces import Advisories, AdvisoryLine
    from watchfloor.kernel.db.session import Wire

BANDS = ("critical", "high", "medium", "low", "info")
Limit = Annotated[int, typer.Option("--limit", min=1, max=500, help="How many.")]
Cursor = Annotated[str | None, typer.Option("--cursor", help="Go on where the page before ended.")]
TITLE = 60


def read(context: typer.Context, query: Callable[[Wire], Any]) -> Any:  # noqa: ANN401 - what the query returns
    """Run one query in a transaction of the organisation."""
    with desk(context).floor() as floor:
        from watchfloor.kernel.db.session import wire_of  # noqa: PLC0415 - loads the database's libraries

        with floor.ledger.database.transaction(floor.org) as session:
            return query(wire_of(session))


def asked(text: str, **more: Any) -> Asked:  # noqa: ANN401 - fields of Asked
    """Return a search that is asked now, here."""
    from watchfloor.capabilities.advisories.queries.search import Asked  # noqa: PLC0415 - loads the database's libraries
    from watchfloor.capabilities.advisories.settings import AdvisorySettings  # noqa: PLC0415 - see above
    from watchfloor.kernel import clock  # noqa: PLC0415 - see above
    from watchfloor.kernel.settings import read_settings  # noqa: PLC0415 - see above

    return Asked(text, clock.now(), least=read_settings(AdvisorySettings, "advisories").finding_min_confidence, **more)


def at_least(band: str | None) -> set[str]:
    """Return a band and those above it; none for None."""
    if band is None:
        return set()
    if band not in BANDS:
        raise InvalidInput(f"there is no band {band[:40]!r}; choose from {', '.join(BANDS)}", field="/fail-on")
    return set(BANDS[: BANDS.index(band) + 1])


def complete_query(incomplete: str) -> list[str]:
    """Complete the last word of a search: the name of a field, or after it one of the values that the field knows by itself."""
    from watchfloor.capabilities.advisories.queries.fields import language  # noqa: PLC0415 - loads the database's libraries
    from watchfloor.capabilities.advisories.queries.suggest import values_of  # noqa: PLC0415 - see above

    before, blank, word = incomplete.rpartition(" ")
    sign, word = ("-", word[1:]) if word.startswith("-") else ("", word)
    name, colon, value = word.lower().partition(":")
    fields = language(0.5).by_name
    if not colon:
        return [f"{before}{blank}{sign}{one}:" for one in fields if one.startswith(name)]
    several, comma, last = value.rpartition(",")
    held = set(several.split(","))
    known = values_of(fields[name]) if name in fields else []
    return [f"{before}{blank}{sign}{name}:{several}{comma}{one}" for one in known if one.startswith(last) and one not in held]


def complete_band(incomplete: str) -> list[str]:
    """Complete a band."""
    return [one for one in BANDS if one.startswith(incomplete.lower())]


def complete_exposure(incomplete: str) -> list[str]:
    """Complete from where an asset can be reached."""
    from watchfloor.capabilities.advisories.schemas.words import Exposure  # noqa: PLC0415 - loads a library that help does without

    return [str(one) for one in Exposure if one.startswith(incomplete.lower())]


FailOn = Annotated[
    str | None,
    typer.Option(
        "--fail-on",
        metavar="BAND",
        autocompletion=complete_band,
        help="Exit with 1 when one is in this band or above: critical, high, medium, low, info.",
    ),
]
ExposedTo = Annotated[
    str, typer.Option("--exposure", autocompletion=complete_exposure, help="internet, partner, internal, isolated or unknown.")
]


def search(
    context: typer.Context,
    query: Annotated[
        list[str] | None,
        typer.Argument(
            help="Fields and words that must all hold: 'product:openssh kev:true epss>0.5 cvss>=7 published>90d'.", metavar="QUERY…",
            autocompletion=complete_query,
        ),
    ] = None,
    *,
    sort: Annotated[
        str | None, typer.Option("--sort", help="priority, published, modified, changed, cvss, epss, kev, due, id or rank; -priority: greatest first.")
    ] = None,
    limit: Limit = 20,
    cursor: Cursor = None,
    facets: Annotated[bool, typer.Option("--facets", help="Show how the hits divide as well.")] = False,
    fields: Annotated[bool, typer.Option("--fields", help="List the fields of the search language.")] = False,
    fail_on: FailOn = None,
    json: Json = False,
) -> None:  # fmt: skip
    """Search advisories by fields, words and phrases; the most urgent first, or with words the best hits.

    Terms: field:one,other  field>=7  field:low..high  prefix*  "a phrase"  -excluded. An age is compared as one: published<90d is
    younger than 90 days, published>90d older. Exit codes: 0 clean, 1 something in the band of --fail-on or above, 2 error.
    """
    if fields:
        _show_fields(json=json)
        return
    from watchfloor.capabilities.advisories.queries.facets import FACETS  # noqa: PLC0415 - loads the database's libraries
    from watchfloor.capabilities.advisories.queries.search import search as find  # noqa: PLC0415 - see above

    failing = at_least(fail_on)
    text = " ".join(query or ())
    question = asked(text, sort=sort, limit=limit, cursor=cursor, facets=FACETS if facets else ())
    try:
        found: Advisories = read(context, lambda wire: find(wire, question))
    except InvalidInput as error:
        if error.position is not None and error.length is not None:
            note(f"  {text}\n  {' ' * error.position}{'^' * max(1, min(error.length, len(text) - error.position))}")
        raise
    print_json(found) if json else _show(found)
    raise typer.Exit(Exit.FINDINGS if any(one.band in failing for one in found.items) else Exit.CLEAN)


def rows(found: Iterable[AdvisoryLine]) -> list[tuple[object, ...]]:
    """Return advisories as rows of a table."""
    return [
        (
            one.id, one.band, f"{one.priority:.1f}", "-" if one.cvss_score is None else f"{one.cvss_score:.1f}", "-" if one.epss is None else f"{one.epss:.1%}",
            signs(one), one.published.date() if one.published else None, _short(one.title or one.summary),
        )
        for one in found
    ]  # fmt: skip


COLUMNS = ("advisory", "band", "priority", "cvss", "epss", "signs", "published", "title")


def signs(one: AdvisoryLine) -> str:
    """Return in a few words what is known of exploitation."""
    told = (
        (one.kev, "KEV"), (one.eukev, "EU KEV"), (one.ransomware, "ransomware"), (one.exploited and not (one.kev or one.eukev), "exploited"),
        (one.exploit is not None, one.exploit or ""), (one.matches > 0, f"{one.matches} asset{'s' if one.matches != 1 else ''}"),
        (one.state != "published", one.state),
    )  # fmt: skip
    return ", ".join(word for holds, word in told if holds)


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= TITLE else line[: TITLE - 1] + "…"


def _show(found: Advisories) -> None:
    if found.items:
        table(COLUMNS, rows(found.items))
    for name, facet in (found.facets or {}).items():
        print_text(f"{name}{' (of all)' if facet.whole else ''}: {', '.join(f'{one.value} {one.count:,}' for one in facet.values)}")
    total = f"more than {found.total:,}" if found.total_capped else f"{found.total:,}"
    print_text(f"{total} {'advisory' if found.total == 1 else 'advisories'}, in the order {found.sort}.")
    if found.next_cursor:
        note(f"There are more: --cursor {found.next_cursor}")


def _show_fields(*, json: bool) -> None:
    from watchfloor.capabilities.advisories.queries.fields import language  # noqa: PLC0415 - loads the database's libraries

    fields = language(0.5).fields
    if json:
        print_json([{"field": one.name, "about": one.about} for one in fields])
        return
    table(("field", "meaning"), [(one.name, one.about) for one in fields])
