"""Write what happened to advisories, in the transaction that did it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchfloor.capabilities.advisories.queries import rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from watchfloor.capabilities.advisories.schemas.changes import Change
    from watchfloor.kernel.db.session import Wire


def write(wire: Wire, changes: Sequence[Change]) -> None:
    """Add changes to the history, in this order."""
    if changes:
        rows.copy(wire, "adv_change", "k, kind, old, new, src, quiet", map(_pack, changes))


def hold(wire: Wire, held: Iterable[tuple[int, tuple[int, ...]]]) -> None:
    """Remember which thresholds of EPSS records count as above although their probability is not."""
    with wire.cursor() as cursor:
        cursor.executemany("update adv_epss set held = %s where k = %s", [(list(thresholds), k) for k, thresholds in held])


def _pack(one: Change) -> bytes:
    return b"".join((
        b"\0\x06", rows.int8(one.k), rows.text(one.kind), rows.NULL if one.old is None else rows.document(one.old),
        rows.NULL if one.new is None else rows.document(one.new), rows.int2(one.src), rows.flag(one.quiet),
    ))  # fmt: skip
