"""Pictures as our own SVG, each with its text; the same numbers give the same bytes. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchfloor.kernel.contract import Severity

if TYPE_CHECKING:
    from collections.abc import Mapping

WORST_FIRST = tuple(reversed(Severity))
WIDTH, HEIGHT, LEAST = 720, 28, 10


def severity_bar(counts: Mapping[Severity, int]) -> str:
    """Return one bar cut by severity, worst at the left; every severity that occurs is wide enough to see."""
    present = [(severity, counts[severity]) for severity in WORST_FIRST if counts.get(severity)]
    said = ", ".join(f"{count} {severity}" for severity, count in present) or "no findings"
    shapes, at = [], 0
    for severity, width in zip((severity for severity, _ in present), _widths([count for _, count in present]), strict=True):
        shapes.append(f'<rect class="fill-{severity}" x="{at}" y="0" width="{width}" height="{HEIGHT}"/>')
        at += width
    return (
        f'<svg class="bar" role="img" aria-label="Findings by severity: {said}" viewBox="0 0 {WIDTH} {HEIGHT}" preserveAspectRatio="none">'
        f'<rect class="fill-none" x="0" y="0" width="{WIDTH}" height="{HEIGHT}"/>{"".join(shapes)}</svg>'
    )


def _widths(counts: list[int]) -> list[int]:
    """Return whole widths that add up to WIDTH, none below LEAST."""
    if not counts:
        return []
    total, room = sum(counts), WIDTH - LEAST * len(counts)
    widths = [LEAST + room * count // total for count in counts]
    widths[0] += WIDTH - sum(widths)
    return widths
