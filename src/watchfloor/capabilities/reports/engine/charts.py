"""Pictures as our own SVG, each with its text and a table; the same numbers give the same bytes. Pure."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from watchfloor.capabilities.reports.engine.drawing import HATCHES, TONES, Drawing, fitted, width
from watchfloor.capabilities.reports.engine.text import line
from watchfloor.capabilities.reports.engine.words import ENGLISH
from watchfloor.capabilities.reports.schemas.snapshot import Point

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from watchfloor.capabilities.reports.engine.words import Words
    from watchfloor.capabilities.reports.schemas.snapshot import Chart, Series

WIDE: Final = 640.0
SLICES, BARS, LINES, TOLD = 7, 20, 6, 12
ROW: Final = 28.0
LABEL, BESIDE = 230.0, 118.0  # how wide a bar's label may be, and one beside a ring
STRONG: Final = 1.06  # strong letters are wider
Size = tuple[float, float]
DASHES: Final = ("", "7 3", "2 3", "9 3 2 3", "5 5", "1 4")


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """One picture, what it says in words, and its numbers: the first row has the columns' names."""

    svg: str
    wide: float  # of the picture, in pixels
    alt: str
    table: tuple[tuple[str, ...], ...]


def draw(chart: Chart, colours: Mapping[str, str], words: Words = ENGLISH) -> Drawn:
    """Draw a chart.

    `colours` are the tokens of `theme.py` by name; besides, `font` may name the family of its letters. Values below zero and values that are no
    numbers are drawn as nothing and told as they are.
    """
    alt = _told(chart, words)
    name = "h" + hashlib.sha256(repr(chart).encode("utf-8", "backslashreplace")).hexdigest()[:10]
    drawing = Drawing(colours, name)
    wide, high = {"shares": _shares, "bars": _bars, "stack": _stack, "trend": _trend}[chart.kind](drawing, chart, words)
    return Drawn(svg=drawing.svg(wide, high, alt), wide=wide, alt=alt, table=_table(chart, words))


def _shares(drawing: Drawing, chart: Chart, words: Words) -> Size:
    points = _few([point for series in chart.series for point in series.points if _size(point)], SLICES, words)
    whole = _sum(points)
    if not whole:
        return _nothing(drawing, words)
    names = [fitted(_named(point.label, words), BESIDE) for point in points]
    notes = [f"{words.number(point.value)} · {words.percent(_size(point) / whole)}" for point in points]
    # As wide as the longest label needs: on a narrow screen the ring is not made small by blank margins.
    high, outer, inner, room = 212.0, 92.0, 58.0, max(width(name) * STRONG for name in names + notes)
    wide = 2 * (outer + 34 + room)
    middle = (wide / 2, high / 2)
    sides: tuple[list[tuple[float, int]], list[tuple[float, int]]] = ([], [])
    begin = 0.0
    for n, point in enumerate(points):
        share = _size(point) / whole
        drawing.area(_ring(middle, outer, inner, begin, begin + share), _token(point, n), seam=len(points) > 1)
        half = (begin + share / 2) * math.tau
        sides[0 if math.sin(half) >= 0 else 1].append((middle[1] - (outer + 14) * math.cos(half), n))
        begin += share
    for side, places in enumerate(sides):
        sign = 1 - 2 * side
        for (wanted, n), y in zip(sorted(places), _apart([at for at, _ in sorted(places)], 34.0, 14.0, high - 18.0), strict=True):
            edge = middle[0] + sign * (outer + 34)
            near = middle[0] + sign * math.sqrt(max((outer + 3) ** 2 - min(abs(wanted - middle[1]), outer) ** 2, 0))
            drawing.line(
                [(near, min(max(wanted, middle[1] - outer), middle[1] + outer)), (edge - sign * 16, y), (edge - sign * 4, y)], "soft"
            )
            anchor = ("start", "end")[side]
            drawing.text(edge, y - 2, names[n], anchor=anchor, bold=True)
            drawing.text(edge, y + 13, notes[n], anchor=anchor, tint="soft", size=12)
    drawing.text(middle[0], middle[1] + 4, fitted(words.number(whole), 2 * inner - 12, 26), anchor="middle", size=26, bold=True)
    drawing.text(middle[0], middle[1] + 22, fitted(words(chart.unit), 2 * inner - 20, 12), anchor="middle", tint="soft", size=12)
    return wide, high


def _bars(drawing: Drawing, chart: Chart, words: Words) -> Size:
    named = len(chart.series) > 1
    points = [
        point.model_copy(update={"label": f"{series.label}: {point.label}"}) if named else point
        for series in chart.series
        for point in series.points
    ]
    points = _few(points, BARS, words)
    if not points:
        return _nothing(drawing, words)
    names = [fitted(_named(point.label, words), LABEL) for point in points]
    left = max(width(name) for name in names) + 14
    values = [words.number(point.value) for point in points]
    room, most = WIDE - left - max(width(value) for value in values) * 1.15 - 16, max(_size(point) for point in points) or 1.0
    drawing.line([(left, 4), (left, 4 + ROW * len(points))], "line")
    for n, (point, value) in enumerate(zip(points, values, strict=True)):
        y, wide = 4 + ROW * n, room * (_size(point) / most)
        drawing.text(left - 10, y + 19, names[n], anchor="end")
        drawing.bar(left, y + 5, wide, ROW - 10, _token(point, 0))
        drawing.text(left + wide + 8, y + 19, value, bold=True)
    return WIDE, 8 + ROW * len(points)


def _stack(drawing: Drawing, chart: Chart, words: Words) -> Size:
    rows, labels = _few_rows(chart.series, words), _labels(chart.series)
    if not rows or not labels:
        return _nothing(drawing, words)
    below = _legend(drawing, [(label, _tone(chart.series, label)) for label in labels[: len(HATCHES)]], words)
    left = min(max(width(fitted(words(row.label), 200)) for row in rows) + 14, 214)
    totals = [words.number(_sum(row.points)) for row in rows]
    room, most = WIDE - left - max(width(total) for total in totals) * 1.15 - 16, max(_sum(row.points) for row in rows) or 1.0
    for n, (row, total) in enumerate(zip(rows, totals, strict=True)):
        y, x = below + 40 * n, left
        drawing.text(left - 10, y + 28, fitted(words(row.label), left - 13), anchor="end")
        for point in row.points:
            place = min(labels.index(point.label), len(HATCHES) - 1)
            wide, told = room * (_size(point) / most), words.number(point.value)
            if wide:
                drawing.bar(x, y + 14, max(wide - 1.5, 0.75), 20, _token(point, place), place)
            if wide > width(told, 11) + 4:
                drawing.text(x + wide / 2, y + 10, told, anchor="middle", tint="soft", size=11)
            x += wide
        drawing.text(x + 8, y + 29, total, bold=True)
    return WIDE, below + 40 * len(rows) + 4


def _trend(drawing: Drawing, chart: Chart, words: Words) -> Size:
    lines, labels = [series for series in chart.series if series.points][:LINES], _labels(chart.series)
    if not lines or not labels:
        return _nothing(drawing, words)
    top, bottom, names = 14.0, 216.0, [fitted(_named(series.label, words), 130) for series in lines]
    ticks = _ticks(max(_size(point) for series in lines for point in series.points))
    left = max(width(words.number(tick), 12) for tick in ticks) + 12
    right = WIDE - 14 - max(width(f"{name} {words.number(series.points[-1].value)}") for name, series in zip(names, lines, strict=True))
    places = _along(labels, left + 8, right - 8)

    def height(value: float) -> float:
        return bottom - (bottom - top) * (value / ticks[-1])

    for tick in ticks:
        drawing.line([(left, height(tick)), (right, height(tick))], "line")
        drawing.text(left - 8, height(tick) + 4, words.number(tick), anchor="end", tint="soft", size=12)
    _moments(drawing, labels, places, bottom + 20, words)
    ends = _apart([height(_size(series.points[-1])) for series in lines], 17.0, top, bottom)
    for n, (series, name, end) in enumerate(zip(lines, names, ends, strict=True)):
        token = _token(series.points[-1], n)
        path = sorted((places[point.label], height(_size(point))) for point in series.points)
        drawing.line(path, token, thick=2.2, dash=DASHES[n])
        for x, y in path if len(path) <= 40 else path[-1:]:  # noqa: PLR2004 - more marks than that hide the line
            drawing.mark(x, y, token, n)
        drawing.text(right + 8, end + 4, f"{name} {words.number(series.points[-1].value)}", size=SMALL)
    return WIDE, bottom + 28


SMALL: Final = 12.5


def _moments(drawing: Drawing, labels: Sequence[str], places: Mapping[str, float], y: float, words: Words) -> None:
    free = -math.inf
    for n, label in enumerate(labels):
        told = fitted(words.day(moment) if (moment := _moment(label)) else label, 110, 12)
        half = width(told, 12) / 2
        last, middle = places[labels[-1]] - width(told, 12), max(places[label], half + 1)
        if middle - half > free and (middle + half < last or n == len(labels) - 1):
            drawing.text(middle, y, told, anchor="middle", tint="soft", size=12)
            free = middle + half + 14


def _legend(drawing: Drawing, entries: Sequence[tuple[str, str]], words: Words) -> float:
    x, y = 0.0, 6.0
    for n, (label, tone) in enumerate(entries):
        told = fitted(_named(label, words), 180)
        if x and x + width(told) + 40 > WIDE:
            x, y = 0.0, y + 22
        drawing.bar(x, y, 14, 14, tone if tone in TONES else f"series{n % 6 + 1}", n)
        drawing.text(x + 20, y + 12, told)
        x += width(told) + 42
    return y + 22


def _nothing(drawing: Drawing, words: Words) -> Size:
    drawing.bar(0, 0, WIDE, 56, "line", round_=6)
    drawing.text(WIDE / 2, 33, words("No data."), anchor="middle")
    return WIDE, 56


def _ring(middle: tuple[float, float], outer: float, inner: float, begin: float, end: float) -> str:
    # A whole circle is two arcs: one that ends where it began is none.
    stops = [begin, (begin + end) / 2, end] if end - begin > 0.5 else [begin, end]  # noqa: PLR2004 - half a circle

    def at(radius: float, part: float) -> str:
        return f"{middle[0] + radius * math.sin(part * math.tau):.2f} {middle[1] - radius * math.cos(part * math.tau):.2f}"

    there = "".join(f"A{outer} {outer} 0 0 1 {at(outer, stop)}" for stop in stops[1:])
    back = "".join(f"A{inner} {inner} 0 0 0 {at(inner, stop)}" for stop in reversed(stops[:-1]))
    return f"M{at(outer, begin)}{there}L{at(inner, end)}{back}Z"


def _apart(wanted: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Move places so far that they keep a gap, in their order of height, and stay between two bounds as long as there is room."""
    order = sorted(range(len(wanted)), key=lambda n: (wanted[n], n))
    placed, floor_ = list(wanted), low
    for n in order:
        placed[n] = floor_ = max(placed[n], floor_)
        floor_ += gap
    ceiling = high
    for n in reversed(order):
        placed[n] = ceiling = min(placed[n], ceiling)
        ceiling -= gap
    return placed


def _ticks(most: float) -> list[float]:
    if most <= 0:
        return [0.0, 1.0]
    rough = most / 4
    power = 10.0 ** math.floor(math.log10(rough))
    step = next((factor * power for factor in (1, 2, 5) if rough <= factor * power), 10 * power)
    step = max(step, 1.0) if most >= 1 else step
    return [step * n for n in range(math.ceil(most / step - 1e-9) + 1)]


def _along(labels: Sequence[str], left: float, right: float) -> dict[str, float]:
    moments = [_moment(label) for label in labels]
    numbers = [moment.timestamp() for moment in moments if moment] if all(moments) else [float(n) for n in range(len(labels))]
    first, span = numbers[0], numbers[-1] - numbers[0]
    return {label: left + (right - left) * ((at - first) / span if span else 0.5) for label, at in zip(labels, numbers, strict=True)}


def _moment(label: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(label)
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def _labels(series: Sequence[Series]) -> list[str]:
    """Return the labels of all points, moments in their order, others as they came."""
    found = list(dict.fromkeys(point.label for one in series for point in one.points))
    moments = {label: _moment(label) for label in found}
    return sorted(found, key=lambda label: str(moments[label])) if all(moments.values()) else found


def _few(points: Sequence[Point], most: int, words: Words) -> list[Point]:
    if len(points) <= most:
        return list(points)
    rest = points[most - 1 :]
    return [*points[: most - 1], Point(label=f"{words('other')} ({words.number(len(rest))})", value=_sum(rest), tone="info")]


def _few_rows(series: Sequence[Series], words: Words) -> list[Series]:
    if len(series) <= BARS:
        return list(series)
    rest, added = series[BARS - 1 :], dict[str, Point]()
    for point in (point for one in rest for point in one.points):
        added[point.label] = point.model_copy(update={"value": _size(point) + (added[point.label].value if point.label in added else 0)})
    label = f"{words('other')} ({words.number(len(rest))})"
    return [*series[: BARS - 1], rest[0].model_copy(update={"label": label, "points": tuple(added.values())})]


def _tone(series: Sequence[Series], label: str) -> str:
    return next((point.tone for one in series for point in one.points if point.label == label), "")


def _token(point: Point, n: int) -> str:
    return point.tone if point.tone in TONES else f"series{n % 6 + 1}"


def _size(point: Point) -> float:
    # Sums of a few of these stay numbers.
    return min(max(point.value, 0.0), 1e300) if math.isfinite(point.value) else 0.0


def _sum(points: Sequence[Point]) -> float:
    return math.fsum(_size(point) for point in points)


def _told(chart: Chart, words: Words) -> str:
    """Say the numbers of a picture: the title, then each series, the first twelve points of it."""
    title = line(chart.title)
    told: list[str] = []
    for series in chart.series[:TOLD]:
        label: Callable[[str], str] = words.severity
        said = [f"{_spoken(point.label, words)} {words.number(point.value)}" for point in series.points[:TOLD]]
        if len(series.points) > TOLD:
            said.append(words("{count} more in the table").format(count=words.number(len(series.points) - TOLD)))
        points = ", ".join(said) or words("No data.")
        told.append(words.named(label(line(series.label)), points) if series.label and len(chart.series) > 1 else points)
    if len(chart.series) > TOLD:
        told.append(words("{count} more in the table").format(count=words.number(len(chart.series) - TOLD)))
    unit = f" ({words(line(chart.unit))})" if chart.unit else ""
    return words.named(f"{words(title)}{unit}", "; ".join(told) or words("No data."))


def _table(chart: Chart, words: Words) -> tuple[tuple[str, ...], ...]:
    unit = _capital(words(line(chart.unit)) or words("Value"))
    if len(chart.series) <= 1:
        points = chart.series[0].points if chart.series else ()
        return ((words(line(chart.title)), unit), *((_named(point.label, words), words.number(point.value)) for point in points))
    labels = _labels(chart.series)
    values = [{point.label: words.number(point.value) for point in series.points} for series in chart.series]
    head = (unit, *(_named(series.label, words) for series in chart.series))
    return (head, *((_named(label, words), *(found.get(label, "\N{EN DASH}") for found in values)) for label in labels))


def _spoken(label: str, words: Words) -> str:
    return f"{words.day(moment)}:" if (moment := _moment(label)) else words.severity(line(label))


def _named(label: str, words: Words) -> str:
    if moment := _moment(label):
        return words.day(moment)
    told = words.severity(line(label))
    return _capital(told) if label in TONES else told


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
