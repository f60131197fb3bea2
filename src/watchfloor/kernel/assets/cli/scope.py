"""`wf scope`: say what may be looked at."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from watchfloor.kernel import clock
from watchfloor.kernel.errors import NotFound
from watchfloor.kernel.settings import duration
from watchfloor.kernel.terminal import Json, desk, print_json, print_text, table

if TYPE_CHECKING:
    from watchfloor.kernel.assets.schemas import ScopeView
    from watchfloor.kernel.terminal import Floor

commands = typer.Typer(no_args_is_help=True, help="Say what may be looked at.")

MOST = 500
DATES = ["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"]


@commands.command("list")
def list_(context: typer.Context, *, json: Json = False) -> None:
    """List what may be looked at, on which ports, by whose permission and until when; and what is excluded."""
    with desk(context).floor() as floor:
        found = _all(floor)
    if json:
        print_json([entry.model_dump(mode="json") for entry in found])
        return
    columns = ("target", "rule", "ports", "reason", "approved by", "valid from", "until", "id")
    rows = [
        (one.target, _rule(one), one.ports or "all", one.reason, one.approved_by, one.valid_from, one.expires_at or "no end", one.id)
        for one in found
    ]
    table(columns, rows)


def _rule(entry: ScopeView) -> str:
    word = "excluded" if entry.exclude else "allowed"
    now = clock.now()
    if entry.expires_at and entry.expires_at <= now:
        return f"{word} (expired)"
    return f"{word} (not yet)" if entry.valid_from > now else word


@commands.command()
def add(
    context: typer.Context,
    target: Annotated[str, typer.Argument(help="An address, a network such as 192.0.2.0/24, or a domain, which covers its subdomains.")],
    *,
    exclude: Annotated[bool, typer.Option("--exclude", help="Forbid it, whatever else allows it.")] = False,
    ports: Annotated[
        str | None, typer.Option("--ports", help="The only ports that may be looked at, as 80,443.", show_default="all")
    ] = None,
    reason: Annotated[str, typer.Option("--reason", help="Why it may be looked at: a contract, a ticket.")] = "",
    approved_by: Annotated[str, typer.Option("--approved-by", help="The name of who allowed it.", show_default="cli")] = "",
    proof: Annotated[str, typer.Option("--proof", help="Where the permission can be read: a document, a ticket.")] = "",
    valid_from: Annotated[
        datetime | None,
        typer.Option(
            "--from", formats=DATES, metavar="DATE", help="From when (UTC), as 2026-12-24 or 2026-12-24T20:00.", show_default="now"
        ),
    ] = None,
    expires: Annotated[
        timedelta | None,
        typer.Option(
            "--expires", parser=duration, metavar="DURATION", help="For how long, as 30d; 366 days at most.", show_default="a year"
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Allow a target, or exclude one. Allow only what you own or were asked to look at."""
    begins = valid_from.replace(tzinfo=UTC) if valid_from else None
    until = (begins or clock.now()) + expires if expires else None
    with desk(context).floor() as floor:
        from watchfloor.kernel.assets.queries import get_scope  # noqa: PLC0415 - loads the database's libraries
        from watchfloor.kernel.assets.scope import add_scope  # noqa: PLC0415 - see above

        with floor.ledger.database.transaction(floor.org) as session:
            made = add_scope(
                session, floor.org, target, actor="cli", exclude=exclude, ports=ports, reason=reason, approved_by=approved_by, proof=proof,
                valid_from=begins, expires_at=until,
            )  # fmt: skip
            entry = get_scope(session, floor.org, made)
    if json:
        print_json(entry)
        return
    end = f" until {entry.expires_at:%Y-%m-%d}" if entry.expires_at else ""
    on = f" on ports {entry.ports}" if entry.ports else ""
    print_text(f"{entry.target} is excluded{end}." if exclude else f"{entry.target} may be looked at{on}{end}.")


@commands.command()
def remove(
    context: typer.Context,
    entry: Annotated[str, typer.Argument(help="The entry's target or id.")],
    *,
    exclude: Annotated[bool, typer.Option("--exclude", help="Of this target, end the exclusion.")] = False,
) -> None:
    """Forbid again what an entry allowed, or end an exclusion."""
    with desk(context).floor() as floor:
        from watchfloor.kernel.assets.scope import remove_scope  # noqa: PLC0415 - loads the database's libraries

        found = _find(floor, entry, exclude=exclude)
        with floor.ledger.database.transaction(floor.org) as session:
            remove_scope(session, floor.org, found.id, actor="cli")
    print_text(f"{found.target} is no longer excluded." if found.exclude else f"{found.target} may no longer be looked at.")


def _all(floor: Floor) -> list[ScopeView]:
    from watchfloor.kernel.assets.queries import list_scope  # noqa: PLC0415 - loads the database's libraries

    found: list[ScopeView] = []
    after: str | None = None
    with floor.ledger.database.transaction(floor.org) as session:
        while True:
            page = list_scope(session, floor.org, limit=MOST, after=after)
            found += page.items
            after = page.next
            if after is None:
                return found


def _find(floor: Floor, wanted: str, *, exclude: bool) -> ScopeView:
    from watchfloor.kernel.assets.target import parse_target  # noqa: PLC0415 - needed here alone

    entries = _all(floor)
    try:
        entry = UUID(wanted)
        found = [one for one in entries if one.id == entry]
    except ValueError:
        target = str(parse_target(wanted, widest=False))
        found = [one for one in entries if one.target == target and one.exclude is exclude]
    if not found:
        raise NotFound(f"{wanted[:80]!r} is not {'excluded' if exclude else 'in the scope'}; `watchfloor scope list` shows what is.")
    return found[0]
