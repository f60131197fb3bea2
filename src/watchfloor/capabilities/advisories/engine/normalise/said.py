"""What several sources write in the same way: languages, weaknesses and severities. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

CWE = re.compile(r"\s*CWE-([0-9]{1,5})(?![0-9])", re.ASCII)
HIGHEST = 10
SEVERITIES = ((9.0, "critical"), (7.0, "high"), (4.0, "medium"), (0.1, "low"), (0.0, "none"))
SEVERITIES_V2 = ((7.0, "high"), (4.0, "medium"), (0.0, "low"))


class Said(Protocol):
    """A text in a language."""

    @property
    def lang(self) -> str:
        """Return its language, such as en or en-US."""

    @property
    def value(self) -> str:
        """Return the text."""


def english(texts: Sequence[Said]) -> str:
    """Return the first English text, or the first of all where none is English."""
    for text in texts:
        if text.lang.lower().startswith("en") and text.value.strip():
            return text.value.strip()
    return next((text.value.strip() for text in texts if text.value.strip()), "")


def weaknesses(texts: Iterable[str | None]) -> tuple[str, ...]:
    """Return the CWEs that texts begin with, sorted; NVD-CWE-noinfo and prose are none."""
    return tuple(sorted({f"CWE-{int(one[1])}" for one in map(CWE.match, filter(None, texts)) if one}))


def score_of(score: float | None) -> float | None:
    """Return a CVSS score with one decimal; None for what is none."""
    return round(score, 1) if score is not None and 0 <= score <= HIGHEST else None


def severity(score: float, version: str) -> str:
    """Return the word for a CVSS score; v2 knows no critical."""
    return next(word for least, word in (SEVERITIES_V2 if version == "2.0" else SEVERITIES) if score >= least)
