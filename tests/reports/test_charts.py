"""Facts about pictures in reports."""

from __future__ import annotations

import math
import re
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.reports.corpus import PAYLOADS
from watchfloor.capabilities.reports.engine import theme
from watchfloor.capabilities.reports.engine.charts import Drawn, draw
from watchfloor.capabilities.reports.engine.drawing import width
from watchfloor.capabilities.reports.engine.words import Words
from watchfloor.capabilities.reports.schemas.snapshot import Chart, Point, Series
from watchfloor.kernel.errors import InvalidInput

KINDS = ("shares", "bars", "stack", "trend")
SEVERITIES = ("critical", "high", "medium", "low", "info")
NAMESPACE = "{http://www.w3.org/2000/svg}"
ALLOWED = {"svg", "defs", "pattern", "path", "rect", "circle", "polygon", "polyline", "text"}
ATTRIBUTES = {
    "xmlns",
    "class",
    "role",
    "direction",
    "aria-label",
    "viewBox",
    "width",
    "height",
    "font-family",
    "font-size",
    "font-weight",
    "text-anchor",
    "id",
    "patternUnits",
    "d",
    "fill",
    "stroke",
    "stroke-width",
    "stroke-opacity",
    "stroke-linejoin",
    "stroke-dasharray",
    "x",
    "y",
    "rx",
    "cx",
    "cy",
    "r",
    "points",
}


def chart(kind: str, *values: float, labels: tuple[str, ...] = SEVERITIES, title: str = "Open findings") -> Chart:
    points = tuple(Point(label=label, value=value, tone=label) for label, value in zip(labels, values, strict=False))
    return Chart.model_validate({"kind": kind, "title": title, "unit": "findings", "series": (Series(label="now", points=points),)})


def drawn(one: Chart, words: Words | None = None) -> Drawn:
    return draw(one, theme.LIGHT, words or Words())


def shapes(svg: str) -> list[ET.Element]:
    """Return every element; an SVG that is no XML fails here."""
    return list(ET.fromstring(svg).iter())  # noqa: S314 - our own


def inert(svg: str) -> bool:
    found = shapes(svg)
    names = {one.tag.removeprefix(NAMESPACE) for one in found}
    attributes = {name for one in found for name in one.attrib}
    paints = {value for one in found for name, value in one.attrib.items() if name in {"fill", "stroke"}}
    return (
        names <= ALLOWED
        and attributes <= ATTRIBUTES
        and all(re.fullmatch(r"none|#[0-9a-f]{6}|url\(#h[0-9a-f]{10}-\d\)", one) for one in paints)
    )


@pytest.mark.parametrize("kind", KINDS)
def test_a_picture_says_its_numbers_in_words_and_in_a_table(kind: str) -> None:
    made = drawn(chart(kind, 3, 14, 1500, 22, 1))
    assert made.alt == "Open findings (findings): critical 3, high 14, medium 1,500, low 22, info 1"
    assert made.table == (
        ("Open findings", "Findings"),
        ("Critical", "3"),
        ("High", "14"),
        ("Medium", "1,500"),
        ("Low", "22"),
        ("Info", "1"),
    )
    root = shapes(made.svg)[0]
    assert (root.get("role"), root.get("aria-label")) == ("img", made.alt)
    assert inert(made.svg)


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_numbers_give_the_same_picture(kind: str) -> None:
    assert drawn(chart(kind, 3, 14, 40)) == drawn(chart(kind, 3, 14, 40))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "values", [(), (0,), (5,), (0, 0, 0), (1e300, 1e300, 1e300, 1e300), (1e-12, 1), (math.nan, math.inf), (-3, 2), (1, 10**12)]
)
def test_odd_numbers_make_a_picture(kind: str, values: tuple[float, ...]) -> None:
    svg = drawn(chart(kind, *values)).svg
    assert inert(svg)
    assert not re.search(r'[ "](?:nan|inf|-inf)[ ",]', svg)


def test_no_numbers_are_said_to_be_none() -> None:
    for kind in KINDS:
        made = drawn(Chart.model_validate({"kind": kind, "title": "Nothing"}))
        assert ("No data." in made.svg, made.alt, len(made.table)) == (True, "Nothing: No data.", 1)


def test_neighbours_differ_without_colours() -> None:
    filled = [
        one.get("fill", "") for one in shapes(drawn(chart("stack", 30, 20, 30, 10, 20)).svg) if str(one.get("fill")).startswith("url")
    ]
    assert len(set(filled)) == 4  # the first stays plain
    # What has its name beside it needs no pattern.
    for kind in ("shares", "bars"):
        svg = drawn(chart(kind, 30, 20, 30, 10, 20)).svg
        assert all(f">{name.capitalize()}<" in svg for name in SEVERITIES), kind
    months = tuple(f"2026-0{month}-01" for month in range(1, 7))
    series = tuple(
        Series(label=name, points=tuple(Point(label=month, value=n, tone=name) for n, month in enumerate(months)))
        for name in SEVERITIES[:4]
    )
    svg = drawn(Chart(kind="trend", title="t", series=series)).svg
    assert len(set(re.findall(r"stroke-dasharray=\"([^\"]+)\"", svg))) == 3
    assert all(f">{name.capitalize()} 5<" in svg for name in SEVERITIES[:4])


def test_many_parts_are_gathered_and_all_stand_in_the_table() -> None:
    labels = tuple(f"service {n}" for n in range(200))
    for kind in ("shares", "bars"):
        made = drawn(chart(kind, *(n + 1.0 for n in range(200)), labels=labels))
        assert ("other (" in made.svg, len(made.table)) == (True, 201)
        assert len(shapes(made.svg)) < 120
        assert made.alt.endswith("188 more in the table")


def test_moments_stand_where_they_belong() -> None:
    points = tuple(Point(label=label, value=1) for label in ("2026-12-31", "2026-01-01", "2026-01-02"))
    path = re.search(
        r'points="([^"]+)" fill="none" class="s-series1"',
        drawn(Chart(kind="trend", title="t", series=(Series(label="s", points=points),))).svg,
    )
    assert path
    first, second, last = (float(place.split(",")[0]) for place in path[1].split())
    assert (second - first) * 100 < last - second


def test_no_word_of_a_picture_is_cut_at_its_edge() -> None:
    points = tuple(Point(label=f"2026-11-{day}T00:00:00+00:00", value=day % 3) for day in range(20, 27))
    svg = drawn(Chart(kind="trend", title="t", series=(Series(label="low", points=points),))).svg
    middles = [(float(one.get("x", "")), one.text or "") for one in shapes(svg) if one.get("text-anchor") == "middle"]
    assert middles[0][1] == "20 Nov 2026"
    assert [text for x, text in middles if x < width(text, 12) / 2] == []


def test_pictures_speak_the_readers_language() -> None:
    made = drawn(chart("shares", 1500, 3), Words("de"))
    assert made.alt == "Offene Befunde (Befunde): kritisch 1.500, hoch 3"
    assert ">Kritisch<" in made.svg


def test_a_ring_is_as_wide_as_its_longest_label_needs() -> None:
    narrow, broad = (drawn(chart("shares", 5, 3, labels=(label, "b"))).wide for label in ("a", "a label of many letters"))
    assert narrow + 100 < broad < 520


@pytest.mark.no_cover  # each text walks the same lines
@pytest.mark.parametrize("kind", KINDS)
def test_hostile_labels_stay_text(kind: str) -> None:
    plain = len(shapes(drawn(chart(kind, 5, 3, labels=("plain", "text"), title="plain")).svg))
    for payload in PAYLOADS:
        safe = payload.encode("utf-8", "backslashreplace").decode()
        made = drawn(chart(kind, 5, 3, labels=(safe, "text"), title=safe))
        assert inert(made.svg), payload[:80]
        assert abs(len(shapes(made.svg)) - plain) <= 6, payload[:80]
        assert len(made.svg) < 20_000
        assert not re.search("[\x00-\x08\x0b-\x1f\u202a-\u202e\u2066-\u2069]", made.svg + made.alt)


@given(st.lists(st.tuples(st.text(max_size=12), st.floats(allow_nan=False)), max_size=30), st.sampled_from(KINDS))
def test_any_numbers_can_be_drawn(points: list[tuple[str, float]], kind: str) -> None:
    series = (Series(label="a", points=tuple(Point(label=label, value=value) for label, value in points)),) * 2
    assert inert(drawn(Chart.model_validate({"kind": kind, "title": "t", "series": series})).svg)


def test_every_colour_of_ours_can_be_read() -> None:
    for base in (theme.LIGHT, theme.DARK, theme.PRINT):
        for token, colour in base.items():
            if token not in {"paper", "card", "line"}:
                assert min(theme.contrast(colour, base["paper"]), theme.contrast(colour, base["card"])) >= 4.5, token


@pytest.mark.parametrize(
    ("chosen", "said"),
    [
        ({"accent": "#ffe066"}, r"contrast of 1\.\d\d:1 .* people need 4\.5:1"),
        ({"accent": "red"}, "not a colour such as"),
        ({"accent": "#1d5fbf;}*{display:none"}, "not a colour such as"),
        ({"critical": "#a4133c"}, "no colour that can be chosen"),
        ({"</style>": "#000000"}, "no colour that can be chosen"),
    ],
)
def test_colours_that_cannot_be_read_or_chosen_are_refused(chosen: dict[str, str], said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        theme.colours(theme.LIGHT, chosen)


def test_a_chosen_colour_can_be_read_in_the_dark_too() -> None:
    made = theme.colours(theme.DARK, {"accent": "#0B3D2E"})
    assert made["accent"] != "#0b3d2e"
    assert theme.contrast(made["accent"], theme.DARK["card"]) >= 4.5
    assert theme.colours(theme.LIGHT, {"accent": "#0B3D2E"})["accent"] == "#0b3d2e"


def test_contrast_is_what_the_guideline_says() -> None:
    assert (theme.contrast("#000000", "#ffffff"), round(theme.contrast("#777777", "#ffffff"), 2)) == (21.0, 4.48)
