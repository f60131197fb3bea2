"""Lists narrowed by `field=value` and `field=one,other`, each checked against what the column can hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from watchfloor.kernel.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Select
    from sqlalchemy.orm import InstrumentedAttribute

CHOICES = 50


def words(name: str, text: str | None, known: Iterable[str] | None = None) -> list[str]:
    """Split `one,other`; an unknown word is an error, never an empty list.

    Raises:
        InvalidInput: A word is not in `known`, is empty, or there are more than 50.
    """
    if text is None:
        return []
    found = [word.strip() for word in text.split(",")]
    allowed = None if known is None else list(known)
    wrong = [word for word in found if not word or (allowed is not None and word not in allowed)]
    if wrong or len(found) > CHOICES:
        hint = f"choose from {', '.join(allowed)}" if allowed else f"give up to {CHOICES} words joined by commas"
        message = f"{name}: {wrong[0][:60]!r} is not known; {hint}" if wrong else f"{name}: more than {CHOICES} words; {hint}"
        raise InvalidInput(message, field=f"/{name}")
    return found


def matching(query: Select[*tuple[Any, ...]], chosen: dict[InstrumentedAttribute[Any], list[str]]) -> Select[*tuple[Any, ...]]:
    """Keep the rows whose columns hold one of the chosen values; an empty choice keeps all."""
    for column, values in chosen.items():
        if values:
            query = query.where(column.in_(values))
    return query
