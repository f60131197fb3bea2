"""`wf assets`: what we know exists, what runs there, from where it can be reached."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from watchfloor.kernel.errors import InvalidInput, NotFound
from watchfloor.kernel.terminal import Json, desk, note, print_json, print_text, table

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from watchfloor.kernel.assets.schemas import AssetView, FactView
    from watchfloor.kernel.terminal import Floor

commands = typer.Typer(no_args_is_help=True, help="Show what we know exists, tag it, say from where it can be reached.")

AssetName = Annotated[str, typer.Argument(help="The asset's id, or its address.", metavar="ASSET")]
MOST = 500
TAG_CHARACTERS = 200
TAGS = 50


class Exposed(StrEnum):
    """From where an asset can be reached."""

    INTERNET = "internet"
    PARTNER = "partner"
    INTERNAL = "internal"
    ISOLATED = "isolated"
    UNKNOWN = "unknown"


@commands.command("list")
def list_(
    context: typer.Context,
    *,
    tag: Annotated[str | None, typer.Option("--tag", help="Those with this tag.")] = None,
    kind: Annotated[str | None, typer.Option("--kind", help="Those of this kind, such as host.")] = None,
    exposure: Annotated[Exposed | None, typer.Option("--exposure", help="Those that can be reached from there.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=MOST, help="How many.")] = 50,
    after: Annotated[str | None, typer.Option("--after", help="Go on where the page before ended.")] = None,
    json: Json = False,
) -> None:
    """List assets, newest first."""
    with desk(context).floor() as floor:
        from watchfloor.kernel.assets.queries import list_assets  # noqa: PLC0415 - loads the database's libraries

        with floor.ledger.database.transaction(floor.org) as session:
            page = list_assets(session, floor.org, tag=tag, kind=kind, exposure=exposure, limit=limit, after=after)
    if json:
        print_json(page)
        return
    rows = [(one.key, one.name, one.kind, ", ".join(one.tags), one.exposure, one.last_seen, one.id) for one in page.items]
    table(("address", "name", "kind", "tags", "exposure", "last seen", "id"), rows)
    if page.next:
        note(f"There are more: --after {page.next}")


@commands.command()
def show(
    context: typer.Context,
    asset: AssetName,
    *,
    gone: Annotated[bool, typer.Option("--gone", help="Also what a look found gone.")] = False,
    json: Json = False,
) -> None:
    """Show an asset and what runs there."""
    with desk(context).floor() as floor, floor.ledger.database.transaction(floor.org) as session:
        found = _find(session, floor, asset)
        facts = _facts(session, floor, found.id, gone=gone)
    if json:
        print_json({"asset": found, "facts": facts})
        return
    names = f" ({', '.join(found.names)})" if found.names else ""
    print_text(f"{found.kind} {found.key}{names}, id {found.id}")
    print_text(
        f"tags: {', '.join(found.tags) or '-'}; exposure: {found.exposure}; seen {found.first_seen:%Y-%m-%d} to {found.last_seen:%Y-%m-%d}"
    )
    if facts:
        rows = [
            (one.kind, f"{one.port}/{one.protocol}" if one.port else None, one.name, one.product, f"{one.version} {one.revision}".strip(),
             ", ".join(one.cpe23), one.observed_at, one.gone_at)
            for one in facts
        ]  # fmt: skip
        table(("kind", "port", "service", "product", "version", "cpe", "observed", "gone"), rows)


@commands.command()
def tag(
    context: typer.Context,
    asset: AssetName,
    tags: Annotated[list[str], typer.Argument(help="The tags it shall have besides its own; with --remove, no longer.", metavar="TAG…")],
    *,
    remove: Annotated[bool, typer.Option("--remove", help="Take these tags away instead.")] = False,
    json: Json = False,
) -> None:
    """Give an asset tags, or take them away. `watchfloor scan tag:web` scans all hosts that have the tag web."""
    wanted = {_tag(text) for text in tags}
    with desk(context).floor() as floor, floor.ledger.database.transaction(floor.org) as session:
        from watchfloor.kernel.assets import inventory, queries  # noqa: PLC0415 - loads the database's libraries

        found = _find(session, floor, asset)
        kept = set(found.tags) - wanted if remove else set(found.tags) | wanted
        if len(kept) > TAGS:
            raise InvalidInput(f"an asset has {TAGS} tags at most; these would be {len(kept)}", field="/tags")
        inventory.tag(session, floor.org, found.id, sorted(kept), actor="cli")
        found = queries.get_asset(session, floor.org, found.id)
    print_json(found) if json else print_text(f"{found.key} has the tags: {', '.join(found.tags) or '-'}")


@commands.command()
def exposure(
    context: typer.Context,
    asset: AssetName,
    exposed: Annotated[Exposed, typer.Argument(help="From where it can be reached.")],
    *,
    json: Json = False,
) -> None:
    """Say from where an asset can be reached; what is exposed to the internet matters most."""
    with desk(context).floor() as floor, floor.ledger.database.transaction(floor.org) as session:
        from watchfloor.kernel.assets import inventory, queries  # noqa: PLC0415 - loads the database's libraries

        found = _find(session, floor, asset)
        inventory.expose(session, floor.org, found.id, exposed, actor="cli")
        found = queries.get_asset(session, floor.org, found.id)
    print_json(found) if json else print_text(f"{found.key} can be reached from: {found.exposure}")


def _tag(text: str) -> str:
    plain = text.strip()
    if not plain or len(plain) > TAG_CHARACTERS or "," in plain or not plain.isprintable():
        raise InvalidInput(f"{text[:60]!r} is no tag: 1 to {TAG_CHARACTERS} printable characters without a comma.", field="/tags")
    return plain


def _find(session: Session, floor: Floor, wanted: str) -> AssetView:
    """Return an asset by its id or key; raises NotFound."""
    from watchfloor.kernel.assets.queries import get_asset, list_assets  # noqa: PLC0415 - loads the database's libraries

    try:
        return get_asset(session, floor.org, UUID(wanted))
    except ValueError:
        pass
    found = list_assets(session, floor.org, key=wanted.strip().strip("[]").lower(), limit=2).items
    if len(found) > 1:
        raise InvalidInput(f"There are several assets {wanted[:80]!r}; give the id, as `watchfloor assets list` shows it.")
    if not found:
        raise NotFound(f"there is no asset {wanted[:80]!r}; `watchfloor assets list` shows those there are")
    return found[0]


def _facts(session: Session, floor: Floor, asset: UUID, *, gone: bool) -> list[FactView]:
    from watchfloor.kernel.assets.queries import list_facts  # noqa: PLC0415 - loads the database's libraries

    found: list[FactView] = []
    page: Any = None
    while page is None or page.next:
        page = list_facts(session, floor.org, asset, gone=gone, limit=MOST, after=page.next if page else None)
        found += page.items
    return sorted(found, key=lambda one: (one.kind, one.protocol, one.port or 0, one.product))
