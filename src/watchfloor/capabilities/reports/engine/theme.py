"""The colours of reports, and whether those that somebody chose can be read. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from watchfloor.capabilities.reports.engine.text import line
from watchfloor.kernel.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Mapping

LIGHT: Final = {
    "paper": "#f5f7fa", "card": "#ffffff", "ink": "#17202b", "soft": "#526071", "line": "#dbe1e8", "accent": "#1d5fbf",
    "critical": "#a4133c", "high": "#c2410c", "medium": "#8f5f06", "low": "#2563a8", "info": "#566273",
    "series1": "#1d5fbf", "series2": "#0f766e", "series3": "#9333a8", "series4": "#8f5f06", "series5": "#b0305c", "series6": "#526071",
}  # fmt: skip
DARK: Final = {
    "paper": "#0f141a", "card": "#171e27", "ink": "#e6ebf1", "soft": "#9fabba", "line": "#2b3644", "accent": "#7fb2ff",
    "critical": "#ff7d99", "high": "#ff9a5c", "medium": "#efc04f", "low": "#78b6f5", "info": "#a3b0bf",
    "series1": "#7fb2ff", "series2": "#4fd1c0", "series3": "#d79bf0", "series4": "#efc04f", "series5": "#ff9dbb", "series6": "#a3b0bf",
}  # fmt: skip
PRINT: Final = LIGHT | {"paper": "#ffffff", "ink": "#000000", "soft": "#414b57", "line": "#c3cad2"}
# What people may choose: the colour of headings, links and first series, and those of the other series; severities keep theirs, which readers
# learn once.
CHOICE: Final = ("accent", "series2", "series3", "series4", "series5", "series6")
LEAST: Final = 4.5  # WCAG 2.2, 1.4.3: text of ordinary size
HEX = re.compile(r"#[0-9a-fA-F]{6}\Z")


def colours(base: Mapping[str, str], chosen: Mapping[str, str]) -> dict[str, str]:
    """Return the tokens of a theme with those that somebody chose.

    The same choice serves light and dark: where a colour cannot be read on this base's paper, it is moved towards the base's ink until it can.

    Raises:
        InvalidInput: A token that cannot be chosen, or one that `check` refuses.
    """
    check(chosen)
    made = dict(base)
    for token, colour in chosen.items():
        made[token] = _readable(colour.lower(), base)
    if "accent" in chosen:
        made["series1"] = made["accent"]
    return made


def check(chosen: Mapping[str, str]) -> None:
    """Refuse colours that are none, that cannot be chosen, or that cannot be read on white paper.

    Raises:
        InvalidInput: Says which token, its contrast, and what is asked for.
    """
    for token, colour in chosen.items():
        if token not in CHOICE:
            raise InvalidInput(f"{line(token)!r} is no colour that can be chosen; what can: {', '.join(CHOICE)}", field=f"/theme/{token}")
        if not HEX.match(colour):
            raise InvalidInput(f"{token} is not a colour such as #1d5fbf", field=f"/theme/{token}")
        ratio = min(contrast(colour, LIGHT["paper"]), contrast(colour, LIGHT["card"]))
        if ratio < LEAST:
            said = f"{token} {colour} has a contrast of {ratio:.2f}:1 to the paper; people need {LEAST}:1, so choose a darker one"
            raise InvalidInput(said, field=f"/theme/{token}")


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours, 1 to 21. Source: WCAG 2.2, relative luminance."""
    dark, light = sorted((_luminance(one), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def _readable(colour: str, base: Mapping[str, str]) -> str:
    for tenth in range(11):
        moved = _mix(colour, base["ink"], tenth / 10)
        if min(contrast(moved, base["paper"]), contrast(moved, base["card"])) >= LEAST:
            return moved
    return base["ink"]


def _mix(one: str, other: str, part: float) -> str:
    return "#" + "".join(f"{round(a + (b - a) * part):02x}" for a, b in zip(_channels(one), _channels(other), strict=True))


def _channels(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _luminance(colour: str) -> float:
    red, green, blue = (_linear(channel / 255) for channel in _channels(colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4  # noqa: PLR2004 - the formula's own numbers
