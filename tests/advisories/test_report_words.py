"""Facts about the words of the advisories' part of reports."""

from __future__ import annotations

from watchfloor.capabilities.advisories.engine.normalise.said import SEVERITIES
from watchfloor.capabilities.advisories.report import section
from watchfloor.capabilities.advisories.schemas.words import Band


def test_every_band_and_severity_is_a_word_of_ours() -> None:
    words = {column.name: set(column.words) for column in section.tables[0].columns}
    assert words["band"] == set(Band)
    assert words["severity"] >= {word for _, word in SEVERITIES} | {"unknown"}
