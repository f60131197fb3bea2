"""`wf advisories enable` and `disable`: which sources are used."""

from __future__ import annotations

from typing import Annotated

import typer

from watchfloor.kernel.terminal import Json, desk, note, print_json, print_text


def complete_source(incomplete: str) -> list[str]:
    """Complete the name of a source."""
    from watchfloor.capabilities.advisories.schemas.words import Source  # noqa: PLC0415 - loads a library that help does without

    return [one.label for one in Source if one.label.startswith(incomplete.lower())]


Which = Annotated[
    str,
    typer.Argument(help="nvd, cve-list, kev, eu-kev, euvd, epss, overrides or exploits.", metavar="SOURCE", autocompletion=complete_source),
]


def enable(context: typer.Context, source: Which, *, json: Json = False) -> None:
    """Use a source from now on, whatever the settings say."""
    _change(context, source, on=True, json=json)


def disable(context: typer.Context, source: Which, *, json: Json = False) -> None:
    """Use a source no longer; what is known from it stays."""
    _change(context, source, on=False, json=json)


def _change(context: typer.Context, name: str, *, on: bool, json: bool) -> None:
    with desk(context).floor() as floor:
        from watchfloor.capabilities.advisories.queries import sources  # noqa: PLC0415 - loads the database's libraries
        from watchfloor.capabilities.advisories.queries.pages import get_source_state  # noqa: PLC0415 - see above
        from watchfloor.capabilities.advisories.schemas.sync import FEEDS  # noqa: PLC0415 - see above
        from watchfloor.capabilities.advisories.settings import AdvisorySettings  # noqa: PLC0415 - see above
        from watchfloor.kernel.db.session import wire_of  # noqa: PLC0415 - see above
        from watchfloor.kernel.settings import read_settings  # noqa: PLC0415 - see above

        src, labels = sources.get(name), read_settings(AdvisorySettings, "advisories").used
        with floor.ledger.database.transaction(floor.org) as session:
            sources.change(session, floor.org, src, on=on, actor="cli")
            found = get_source_state(wire_of(session), labels, src.label)
    if json:
        print_json(found)
        return
    print_text(f"{src.label} is {'enabled' if on else 'disabled'}.")
    if on:
        how = f"--source {src.label}" if src.label in FEEDS else "--from FILE"
        note(f"Read it now: watchfloor advisories sync {how}")
