"""What formats for machines have in common: JSON in pieces, moments in UTC, our own name. Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import msgspec

from watchfloor import __version__

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

TOOL: Final = "Watchfloor"
VERSION: Final = __version__
_encoded: Final = msgspec.json.Encoder(order="sorted").encode


def piece(value: Any) -> bytes:  # noqa: ANN401 - JSON
    """Return JSON whose bytes depend on the value alone; texts in it were made visible, so none holds half a character."""
    return _encoded(value)


def listed(values: Iterable[Any], out: Callable[[bytes], None]) -> int:
    """Write a list one value a line, and return how many there were."""
    count = 0
    out(b"[")
    for value in values:
        out((b",\n" if count else b"\n") + piece(value))
        count += 1
    out(b"\n]" if count else b"]")
    return count


def moment(at: datetime | str) -> str:
    """Return a moment as RFC 3339 in UTC, whole seconds.

    Raises:
        ValueError: It is no moment.
    """
    when = datetime.fromisoformat(at) if isinstance(at, str) else at
    if when.tzinfo is None:
        raise ValueError("a moment without its zone")
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
