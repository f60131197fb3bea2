"""Which page each part begins on. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


def starts(pages: Mapping[int, int], parts: int) -> tuple[int, ...]:
    """Return the page on which each part begins, from 1, and the one after the last; a part that is not there yet has none."""
    told = [1]
    for number in range(parts):
        told.append(told[-1] + pages.get(number, 0))
    return tuple(told)


def order(parts: int) -> tuple[int, ...]:
    """Return in which order parts are compiled: the front names the pages of the others, and the back what all of them could not show."""
    return (*range(1, parts - 1), 0, parts - 1)
