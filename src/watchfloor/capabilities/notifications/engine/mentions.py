"""Which assets a message is about, as far as it says. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from watchfloor.capabilities.notifications.engine.matching import About, Subject

if TYPE_CHECKING:
    from collections.abc import Sequence

    from watchfloor.capabilities.notifications.schemas.message import Message


@dataclass(frozen=True)
class Mentions:
    """What a message calls its assets: one by a name or address, any number by their ids; not `complete` when it is about more than it names."""

    text: str
    ids: tuple[UUID, ...]
    complete: bool


@dataclass(frozen=True)
class Asset:
    """One asset as the inventory knows it: every name and address, and its tags."""

    id: UUID
    names: tuple[str, ...]
    tags: tuple[str, ...]


def mentions(message: Message) -> Mentions:
    """Return what a message says about its assets."""
    listed, more = (message.facts.get(name, "") for name in ("assets", "asset_ids"))
    given = [message.asset, *listed.split(", "), *more.split(", ")]
    ids = tuple(dict.fromkeys(found for one in given if (found := _id(one)) is not None))
    # What lists its assets counts them beside the list; what counts them lists their ids beside the count.
    count = listed if listed.isdigit() else message.facts.get("count", "") if ids else ""
    complete = not (count.isascii() and count.isdigit() and int(count[:9]) > len(ids))
    return Mentions(text="" if _id(message.asset) else message.asset, ids=ids, complete=complete)


def subject_of(message: Message, said: Mentions, known: Sequence[Asset]) -> Subject:
    """Return what rules look at: what the inventory knows of what the message names; a name that it does not know stands for itself.

    Several assets can have one name; then the message is about each of them.
    """
    named = [one for one in known if said.text and said.text in one.names]
    listed = [one for one in known if one.id in said.ids and one not in named]
    found = [About((*one.names,), one.tags) for one in [*named, *listed]]
    if said.text and not named:
        found.insert(0, About((said.text,)))
    first = found[0] if found else About()
    complete = said.complete and len(listed) + len(named) >= len(said.ids)
    return Subject(
        type=message.type, severity=message.severity, assets=first.names, tags=first.tags, others=tuple(found[1:]), complete=complete
    )


def _id(text: str) -> UUID | None:
    try:
        return UUID(text) if len(text) == 36 else None  # noqa: PLR2004 - as ids are written
    except ValueError:
        return None
