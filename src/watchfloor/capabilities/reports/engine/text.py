"""Text from outside, made safe to show: nothing in it hides, reorders or floods. Pure."""

from __future__ import annotations

import re

# C0, C1, direction overrides and isolates, zero width, byte order mark, line separators: they hide or reorder what a reader sees.
HIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff\ufff9-\ufffb]")
NONCHARACTERS = re.compile("[\ufdd0-\ufdef\ufffe\uffff]")
LINE, PROSE, LINES = 300, 10_000, 100
CUT = " […]"


def visible(text: str) -> str:
    r"""Return text in which every character that hides or reorders others is written as \\uNNNN; tabs and line feeds stay."""
    if text.isascii() and text.isprintable():  # nearly all
        return text
    told = HIDDEN.sub(lambda found: f"\\u{ord(found[0]):04x}", text.replace("\r\n", "\n"))
    return NONCHARACTERS.sub("\ufffd", told)


def line(text: str) -> str:
    """Return one visible line of at most 300 characters; what was cut is marked."""
    return _cut(visible(" ".join(text[: 4 * LINE].split())), LINE)


def prose(text: str) -> str:
    """Return visible sentences, at most 10,000 characters; what was cut is marked."""
    return _cut(visible(text[: PROSE + 1]), PROSE)


def evidence(text: str) -> str:
    """Return what a target answered, visible, at most 100 lines and 10,000 characters."""
    lines = text[: PROSE + 1].splitlines()
    kept = "\n".join(visible(one) for one in lines[:LINES])
    return _cut(kept + (CUT if len(lines) > LINES else ""), PROSE)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - len(CUT)] + CUT
