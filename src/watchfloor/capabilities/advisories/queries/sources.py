"""Which sources are asked, and of which files are taken: the settings, and what an operator switched since."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from watchfloor.capabilities.advisories.queries.curator import curating
from watchfloor.capabilities.advisories.schemas.sync import FEEDS
from watchfloor.capabilities.advisories.schemas.words import Source, source_named
from watchfloor.kernel.audit.record import record
from watchfloor.kernel.errors import Conflict, InvalidInput, NotFound

if TYPE_CHECKING:
    from collections.abc import Collection
    from uuid import UUID

    from sqlalchemy.orm import Session

    from watchfloor.kernel.db.session import Wire


def get(name: str) -> Source:
    """Return the source of a name; raises NotFound, which names the nearest."""
    try:
        return source_named(name)
    except ValueError as error:
        near = difflib.get_close_matches(name.lower(), [one.label for one in Source], n=1)
        raise NotFound(f"{error}{f'; did you mean {near[0]}?' if near else ''}") from error


def switched(wire: Wire) -> dict[int, bool]:
    """Return which sources an operator has enabled or disabled, by number."""
    return dict(wire.execute("select src, enabled from adv_source").fetchall())


def enabled(wire: Wire, labels: Collection[str], sources: Collection[Source]) -> list[Source]:
    """Return those of `sources` that are asked: an operator's word, else whether the settings name them."""
    said = switched(wire)
    return [one for one in sources if said.get(int(one), one.label in labels)]


def closed(wire: Wire, labels: Collection[str]) -> list[Source]:
    """Return the sources whose files are not taken: those that come from files only and are not enabled."""
    optional = [one for one in Source if one.label not in FEEDS]
    return sorted(set(optional).difference(enabled(wire, labels, optional)))


def change(session: Session, org: UUID, src: Source, *, on: bool, actor: str) -> None:
    """Enable or disable a source; audited."""
    with curating(session) as wire:
        switch(wire, src, on=on, actor=actor)
    record(session, org, actor=actor, operation="source.enable" if on else "source.disable", object=src.label)


def switch(wire: Wire, src: Source, *, on: bool, actor: str) -> None:
    """Enable or disable a source."""
    wire.execute(
        "insert into adv_source (src, enabled, changed_by) values (%s, %s, %s) on conflict (src) do update "
        "set enabled = excluded.enabled, changed_at = wf_now(), changed_by = excluded.changed_by",
        (int(src), on, actor),
    )


def demand_online(wire: Wire, src: Source, labels: Collection[str], *, offline: bool) -> None:
    """Refuse to ask a source that cannot be asked.

    Raises:
        InvalidInput: It comes from files only.
        Conflict: It is disabled, or the installation is offline.
    """
    if src.label not in FEEDS:
        message = f"{src.label} comes from files only; import one: watchfloor advisories sync --from FILE"
        raise InvalidInput(message, field="/name")
    if offline:
        message = "this installation is offline (WATCHFLOOR_ADVISORIES_OFFLINE); import files instead"
        raise Conflict(message)
    if not enabled(wire, labels, [src]):
        message = f"{src.label} is disabled; enable it first: watchfloor advisories enable {src.label}"
        raise Conflict(message)
