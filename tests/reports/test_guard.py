"""Facts about cells that a spreadsheet could take for formulas."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchfloor.capabilities.reports.engine.guard import BLANKS, STARTS, guarded

PREFIXES = ("", " ", "   ", "\u00a0", "\ufeff", " \u00a0\ufeff ")


@pytest.mark.parametrize("start", sorted(STARTS))
@pytest.mark.parametrize("prefix", PREFIXES)
def test_every_start_after_every_blank_gets_an_apostrophe(prefix: str, start: str) -> None:
    assert guarded(f"{prefix}{start}1+1") == f"'{prefix}{start}1+1"


@given(st.text(alphabet=st.one_of(st.sampled_from(sorted(STARTS) + list(BLANKS) + ["'", "1", "a"]), st.characters())))
def test_no_text_begins_like_a_formula(text: str) -> None:
    cell = guarded(text)
    assert cell.lstrip(BLANKS)[:1] not in STARTS
    assert cell in {text, f"'{text}"}
    assert guarded(cell) == cell
