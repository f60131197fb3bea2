"""The moments at which a period is looked at. Pure."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from datetime import datetime

MOST: Final = 14
DAY: Final = timedelta(days=1)


def moments(begin: datetime, end: datetime) -> list[datetime]:
    """Return at most fourteen moments from begin to end, both included: a day apart or, in long periods, as many days as it takes."""
    if end <= begin:
        return [end]
    days = max(1, -(-(end - begin) // DAY) // (MOST - 2) + 1) if end - begin > (MOST - 1) * DAY else 1
    made = [begin + n * days * DAY for n in range(MOST)]
    # One so near the end that its name would stand on top of it, or be the same, is left out.
    return [begin, *(one for one in made[1:] if one < end - days * DAY / 4 and one.date() != end.date()), end]
