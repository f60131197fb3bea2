"""Estimate how likely it is that a CVE was exploited at some time until now, from all its EPSS values since. Pure; shown, never scored.

EPSS tells the probability for the next 30 days; a day's share of it is taken as a thirtieth. Source: NIST CSWP 41, LEV.
"""

from __future__ import annotations

from math import exp, log
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date

UNIT = 100_000  # EPSS in hundred-thousandths
WINDOW = 30


def advance(total: float, p: int, since: date, until: date) -> float:
    """Return the logarithm of "not exploited until then": `total` up to `since`, and `p` on each day from then on."""
    return total + max(0, (until - since).days) * log(1 - p / UNIT / WINDOW)


def lev(total: float, p: int, since: date, on: date) -> float:
    """Return the probability, 0 to 1, of exploitation until a day; `p` has held since `since`."""
    return 1 - exp(advance(total, p, since, on))
