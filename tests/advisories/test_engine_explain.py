"""Facts about the words for a score's rule."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from watchfloor.capabilities.advisories.engine.explain import RULES
from watchfloor.capabilities.advisories.engine.priority import Where, score
from watchfloor.capabilities.advisories.schemas.merged import Merged
from watchfloor.capabilities.advisories.schemas.words import Exposure, Flag, State

ON = date(2026, 8, 20)


def record(**fields: Any) -> Merged:
    return Merged(k=20240000006387, cve_id="CVE-2024-6387", **fields)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"kev": True, "total": True}, "At least 90"), ({"eukev": True, "ransomware": True}, "At least 80"), ({"kev": True, "total": False}, "At least 70"),
        ({"poc": True, "automatable": True, "total": True}, "At least 70"), ({"flags": Flag.DISPUTED}, "At most 44"),
        ({"cvss_score": 6.9, "automatable": True, "total": True}, "At most 44"), ({"cvss_score": 3.0, "automatable": False}, ""),
        ({"state": State.REJECTED}, ""), ({"merged_into": 1}, ""),
    ],
)  # fmt: skip
def test_every_rule_has_its_words(fields: dict[str, Any], words: str) -> None:
    one = record(**fields)
    rule = score(one, ON, Where(Exposure.INTERNET)).rule
    assert (rule == "") == (words == "")
    assert RULES.get(rule, "").startswith(words)
