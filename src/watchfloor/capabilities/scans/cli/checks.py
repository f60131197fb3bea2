"""`wf scans checks`: what is looked for, and what is sent for it."""

from __future__ import annotations

from typing import Annotated

import typer

from watchfloor.capabilities.scans.cli.scans import commands
from watchfloor.kernel.errors import InvalidInput
from watchfloor.kernel.terminal import Json, print_json, print_text, table


@commands.command("checks")
def checks(
    check: Annotated[str | None, typer.Argument(help="Show one check in full.", metavar="CHECK", show_default="all, one line each")] = None,
    *,
    json: Json = False,
) -> None:
    """List every check of a scan: what it looks for, what it sends, and whether it is on by default."""
    from watchfloor.capabilities.scans.engine.judge import catalogue  # noqa: PLC0415 - loads the library for certificates

    found = [one for one in catalogue() if check in {None, one.id}]
    if not found:
        raise InvalidInput(f"there is no check {check!r}; `watchfloor scans checks` shows those there are")
    if json:
        print_json(found)
    elif check is None:
        rows = [(one.id, one.severity, "on" if one.on_by_default else "asked for", one.title, one.sends) for one in found]
        table(("check", "severity", "is", "looks for", "sends"), rows)
    else:
        one = found[0]
        how = "on by default" if one.on_by_default else f"only with --check {one.id}"
        lines = (
            f"{one.id}: {one.title}",
            f"{one.severity}, {one.category}, {how}",
            one.description,
            f"Needs: {one.needs}",
            f"Sends: {one.sends}",
        )
        print_text("\n".join((*lines, f"Remedy: {one.remedy}", *(f"See {link}" for link in one.references))))
