"""Times as sources write them."""

from __future__ import annotations

from datetime import UTC, datetime

_NAIVE = {19, 23}  # lengths of timestamps to the second or millisecond without a zone


def moment(text: str | None) -> datetime | None:
    """Read a timestamp of ISO 8601; without a zone it is UTC, and what is none is None."""
    if not text:
        return None
    try:
        if len(text) in _NAIVE:
            return datetime.fromisoformat(text + "+00:00")
        found = datetime.fromisoformat(text.strip())
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
