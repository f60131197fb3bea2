"""Write SVG that a page under a strict policy and a PDF both take: attributes only, nothing loaded, every text escaped. Pure.

Colours stand twice: as an attribute for readers without style sheets, and as a class, so that a page can follow light and dark.
"""

from __future__ import annotations

import unicodedata
from html import escape
from typing import TYPE_CHECKING, Final

from watchfloor.capabilities.reports.engine.text import line

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SIZE: Final = 13.0
# Rather too wide than too narrow: of widespread fonts, DejaVu Sans runs widest.
AVERAGE, NARROW, BROAD, WIDE = 0.62, 0.38, 0.8, 1.02
TONES: Final = ("critical", "high", "medium", "low", "info")
# Lines at different angles and distances, so that areas differ without their colours; the first stays plain.
HATCHES: Final = ("", "M0 8L8 0", "M0 0L8 8", "M0 4H8", "M4 0V8", "M0 8L8 0M0 0L8 8", "M0 4H8M4 0V8", "M1 1h2v2h-2z")


def number(value: float) -> str:
    """Return a coordinate: at most two digits behind the point, never -0."""
    told = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if told == "-0" else told


def width(text: str, size: float = SIZE) -> float:
    """Return about how wide a text stands, in pixels; no font is asked."""
    return size * sum(_wide(character) for character in text)


def fitted(text: str, most: float, size: float = SIZE) -> str:
    """Return a text that is at most so wide; what was cut is marked."""
    text = line(text)
    if width(text, size) <= most:
        return text
    while text and width(text, size) > most - size:
        text = text[:-1]
    return text.rstrip() + "…"


class Drawing:
    """Collects shapes of one picture."""

    def __init__(self, colours: Mapping[str, str], name: str) -> None:
        """Draw with theme tokens; `name` makes the ids of this picture differ from those of others."""
        self._colours = colours
        self._name = name
        self._shapes: list[str] = []
        self._hatched: set[int] = set()

    def text(
        self, x: float, y: float, text: str, *, anchor: str = "start", tint: str = "ink", size: float = SIZE, bold: bool = False
    ) -> None:
        """Write one line; `y` is its base line."""
        weight = ' font-weight="bold"' if bold else ""
        place = "" if anchor == "start" else f' text-anchor="{anchor}"'
        self._shapes.append(
            f'<text x="{number(x)}" y="{number(y)}" font-size="{number(size)}"{place}{weight} {self._paint(fill=tint)}>{escape(text)}</text>'
        )

    def bar(self, x: float, y: float, wide: float, high: float, tint: str, hatch: int = 0, *, round_: float = 2) -> None:
        """Fill a box; a hatch other than 0 tells it from others without colour."""
        box = f'<rect x="{number(x)}" y="{number(y)}" width="{number(max(wide, 0))}" height="{number(high)}" rx="{number(min(round_, max(wide, 0) / 2))}"'
        self._shapes.append(f"{box} {self._paint(fill=tint)}/>")
        if self._hatch(hatch):
            self._shapes.append(f'{box} fill="url(#{self._name}-{hatch % len(HATCHES)})"/>')

    def area(self, path: str, tint: str, hatch: int = 0, *, seam: bool = True) -> None:
        """Fill a path, parted from its neighbours by a seam in the paper's colour."""
        self._shapes.append(f'<path d="{path}" {self._paint(fill=tint, stroke="card")} stroke-width="{2 if seam else 0}"/>')
        if self._hatch(hatch):
            self._shapes.append(f'<path d="{path}" fill="url(#{self._name}-{hatch % len(HATCHES)})"/>')

    def line(self, points: Sequence[tuple[float, float]], tint: str, *, thick: float = 1, dash: str = "") -> None:
        """Draw through points."""
        told = " ".join(f"{number(x)},{number(y)}" for x, y in points)
        dashed = f' stroke-dasharray="{dash}"' if dash else ""
        self._shapes.append(
            f'<polyline points="{told}" fill="none" {self._paint(stroke=tint)} stroke-width="{number(thick)}" stroke-linejoin="round"{dashed}/>'
        )

    def mark(self, x: float, y: float, tint: str, shape: int) -> None:
        """Set one of five marks that differ in shape: disc, square, triangle, diamond, ring."""
        paint, r = self._paint(fill=tint), 3.6
        match shape % 5:
            case 0:
                self._shapes.append(f'<circle cx="{number(x)}" cy="{number(y)}" r="{r}" {paint}/>')
            case 4:
                ring = f'{self._paint(fill="card", stroke=tint)} stroke-width="2"'
                self._shapes.append(f'<circle cx="{number(x)}" cy="{number(y)}" r="{r}" {ring}/>')
            case kind:
                corners = {1: ((-3.4, -3.4), (3.4, -3.4), (3.4, 3.4), (-3.4, 3.4)), 2: ((0, -4.6), (4.4, 3.4), (-4.4, 3.4)), 3: ((0, -5), (5, 0), (0, 5), (-5, 0))}[kind]  # fmt: skip
                told = " ".join(f"{number(x + dx)},{number(y + dy)}" for dx, dy in corners)
                self._shapes.append(f'<polygon points="{told}" {paint}/>')

    def svg(self, wide: float, high: float, alt: str) -> str:
        """Return the picture; `alt` is its name to those who do not see it."""
        hatches = "".join(self._pattern(hatch) for hatch in sorted(self._hatched))
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" class="chart" role="img" direction="ltr" aria-label="{escape(alt)}" viewBox="0 0 {number(wide)} {number(high)}"'
            f' width="{number(wide)}" height="{number(high)}" font-family="{escape(self._colours.get("font", "sans-serif"))}">'
            f"{f'<defs>{hatches}</defs>' if hatches else ''}{''.join(self._shapes)}</svg>"
        )

    def _hatch(self, hatch: int) -> bool:
        if hatch % len(HATCHES):
            self._hatched.add(hatch % len(HATCHES))
        return bool(hatch % len(HATCHES))

    def _pattern(self, hatch: int) -> str:
        return (
            f'<pattern id="{self._name}-{hatch}" width="8" height="8" patternUnits="userSpaceOnUse">'
            f'<path d="{HATCHES[hatch]}" fill="none" {self._paint(stroke="card")} stroke-width="1.2" stroke-opacity="0.55"/></pattern>'
        )

    def _paint(self, **tokens: str) -> str:
        classes = " ".join(f"{what[0]}-{token}" for what, token in tokens.items())
        return f'class="{classes}" ' + " ".join(f'{what}="{escape(self._colours[token])}"' for what, token in tokens.items())


def _wide(character: str) -> float:
    if unicodedata.east_asian_width(character) in "WF":
        return WIDE
    if unicodedata.category(character) in {"Mn", "Me", "Cf"}:
        return 0.0
    return NARROW if character in " .,:;'|!iljtfrI()[]" else BROAD if character in "mwMW@%—" or character.isupper() else AVERAGE
