"""Which sources are asked: the settings, and what an operator switched since."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

    from watchfloor.capabilities.advisories.schemas.words import Source
    from watchfloor.kernel.db.session import Wire


def switched(wire: Wire) -> dict[int, bool]:
    """Return which sources an operator has enabled or disabled, by number."""
    return dict(wire.execute("select src, enabled from adv_source").fetchall())


def enabled(wire: Wire, labels: Collection[str], sources: Collection[Source]) -> list[Source]:
    """Return those of `sources` that are asked: an operator's word, else whether the settings name them."""
    said = switched(wire)
    return [one for one in sources if said.get(int(one), one.label in labels)]


def switch(wire: Wire, src: Source, *, on: bool, actor: str) -> None:
    """Enable or disable a source."""
    wire.execute(
        "insert into adv_source (src, enabled, changed_by) values (%s, %s, %s) on conflict (src) do update "
        "set enabled = excluded.enabled, changed_at = wf_now(), changed_by = excluded.changed_by",
        (int(src), on, actor),
    )
