"""FIRST's answer to a question for single scores; the daily file travels as columns."""

from __future__ import annotations

import msgspec


class EpssScore(msgspec.Struct, frozen=True, gc=False):
    """One score; numbers are text of nine decimals."""

    cve: str = ""
    epss: str = ""
    percentile: str = ""
    date: str = ""


class EpssAnswer(msgspec.Struct, frozen=True, gc=False):
    """A page of scores."""

    status: str = ""
    total: int = 0
    data: tuple[EpssScore, ...] = ()
