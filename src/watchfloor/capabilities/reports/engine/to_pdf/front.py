"""What cover, summary and contents say. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from watchfloor.capabilities.reports.engine import filtered
from watchfloor.capabilities.reports.engine.charts import LABEL, TOLD, draw
from watchfloor.capabilities.reports.engine.drawing import width
from watchfloor.capabilities.reports.engine.theme import PRINT, colours
from watchfloor.capabilities.reports.engine.to_pdf import findings
from watchfloor.capabilities.reports.engine.to_pdf.numbering import starts
from watchfloor.capabilities.reports.engine.to_pdf.plan import shown
from watchfloor.capabilities.reports.schemas.snapshot import Chart, Point, Series
from watchfloor.kernel.contract import Severity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from watchfloor.capabilities.reports.engine.to_pdf.shapes import PartRequest
    from watchfloor.capabilities.reports.engine.to_pdf.show import Show
    from watchfloor.capabilities.reports.schemas.snapshot import Figure, Head

FIGURES: Final = 8
CHARTS: Final = 5
WORST_FIRST: Final = tuple(reversed(Severity))
STATES: Final = ("open", "accepted", "false_positive", "fixed")


class Entry(NamedTuple):
    """A line of the contents: a part's title, its number and the page it begins on."""

    title: str
    part: int
    page: int
    level: int


def front(head: Head, request: PartRequest, gravest: Sequence[dict[str, Any]], show: Show) -> dict[str, Any]:
    """Return the first pages."""
    options, words = request.options, show.words
    states = [one for one in STATES if head.findings.get(one)] or ["open"]
    return {
        "kind": words["audience"][options.audience], "note": show.reader.note, "subject": show.line(head.subject, 300), "facts": list(_facts(head, request, show)), "verdict": verdict(head, show),
        "remarks": list(_remarks(head, show)), "figures": [figure(one, show) for one in _figures(head, request)][:FIGURES],
        "states": states, "severity_heads": [words["column"]["severity"], *(words["state"][one] for one in states), words["column"]["total"]],
        "severities": [_severity(head, one, states, show) for one in WORST_FIRST],
        "counted": _counted(head, words), "shares": _chart(_shares(head, show), request, show) if any(head.findings.get("open", {}).values()) else None,
        "charts": [_chart(one, request, show) for section in shown(head, request.options) for one in section.charts][:CHARTS],
        "urgent": [{"severity": row["severity"], "title": show.line(row["title"]), "asset": findings.where(row, show)} for row in gravest],
        "contents": [{"title": show.title(one.title), "part": one.part, "page": show.number(one.page), "level": one.level} for one in _contents(request)],
    }  # fmt: skip


def verdict(head: Head, show: Show) -> str:
    """Return the first sentence a busy person reads."""
    counts = head.findings.get("open", {})
    total, urgent = sum(counts.values()), sum(counts.get(one, 0) for one in ("critical", "high"))
    key = "none" if not total else "calm" if not urgent else "one_urgent" if show.reader.single(urgent) else "urgent"
    if total == 1:
        key = "urgent_one" if urgent else "calm_one"
    return show.line(
        filtered.verdict(head, show.reader, show.words[f"verdict_{key}"].format(total=show.number(total), urgent=show.number(urgent))), 500
    )


def summed_up(head: Head, request: PartRequest) -> bool:
    """Tell whether the summary has every figure, and a reader who wants it short need not see them again."""
    return request.options.audience == "executive" and len(_figures(head, request)) <= FIGURES


def figure(one: Figure, show: Show) -> dict[str, str | list[str]]:
    """Return a number that people should see first."""
    value = show.number(one.value) if isinstance(one.value, int | float) else show.line(one.value or "\N{EN DASH}", 40)
    return {"label": show.soft(show.line(one.label, 60), 16), "value": show.soft(value, 9), "note": show.line(one.note, 100)}


def _facts(head: Head, request: PartRequest, show: Show) -> list[tuple[str, str]]:
    names, options = show.words["fact"], request.options
    told = [
        ("organisation", show.line(head.org)), ("scope", show.words["scope"][head.scope.kind]), ("as_of", show.minute(head.as_of)),
        ("data_state", show.line(head.state)), ("author", show.line(options.author)),
    ]  # fmt: skip
    facts = [(names[name], value) for name, value in told if value]
    said = show.line(filtered.told(head, show.reader), 400)  # a cover is one page
    return [*facts, (filtered.heading(show.reader), said)] if said else facts


def _remarks(head: Head, show: Show) -> list[dict[str, str]]:
    words = show.words
    told = []
    if said := filtered.told(head, show.reader):
        told.append({"head": show.reader.named(filtered.heading(show.reader)), "text": show.line(said, 1000)})
    if said := filtered.left_out(head, show.reader):
        told.append({"head": "", "text": show.line(said, 1000)})
    states = {one.title: one.state for one in head.sections}
    if head.state not in states.values():  # a section says it of itself
        states[head.title] = head.state
    for title, state in states.items():
        if state:
            told.append(
                {"head": words["unfinished"], "text": words["unfinished_text"].format(title=show.line(title), state=show.line(state))}
            )
    if head.changes:
        counted = [
            words["change_count"].format(word=words["change"].get(name, name), count=show.number(count))
            for name, count in head.changes.items()
        ]
        told.append({"head": words["changes"], "text": ", ".join(counted)})
    return told


def _contents(request: PartRequest) -> Iterator[Entry]:
    pieces = request.plan.pieces
    begin = starts(request.pages, len(pieces))
    return (Entry(one.title, number, begin[number], one.level) for number, one in enumerate(pieces) if number)


def _figures(head: Head, request: PartRequest) -> list[Figure]:
    return [figure for one in shown(head, request.options) for figure in one.figures]


def _severity(head: Head, severity: Severity, states: list[str], show: Show) -> dict[str, Any]:
    counts = [head.findings.get(state, {}).get(severity, 0) for state in states]
    return {"severity": severity, "counts": [show.number(one) for one in (*counts, sum(counts))]}


def _counted(head: Head, words: dict[str, Any]) -> str:
    """Return the heading of what is counted by severity, nothing where nothing was found."""
    if any(head.findings.get("open", {}).values()):
        return str(words["open_findings"])
    return str(words["findings"]) if head.findings else ""


def _shares(head: Head, show: Show) -> Chart:
    words, counts = show.words, head.findings.get("open", {})
    points = tuple(Point(label=words["severity"][one], value=counts.get(one, 0), tone=one) for one in WORST_FIRST)
    return Chart(
        kind="shares", title=words["open_findings"], unit=words["findings"], series=(Series(label=words["findings"], points=points),)
    )


def _chart(chart: Chart, request: PartRequest, show: Show) -> dict[str, Any]:
    """Draw a chart with texts that can be printed; its words and its table may say what a picture cannot show."""
    look = colours(PRINT, request.options.theme) | {"font": "Fira Sans"}
    told = _fitting(chart, show.line, show)
    said = draw(told, look, show.reader)
    shown = _fitting(chart, show.drawn, show) if show.plain else told
    drawn = draw(shown, look, show.reader) if shown != told else said
    table = () if len(said.table) <= 1 or (shown == told and _says_all(told)) else said.table
    return {"title": told.title, "svg": drawn.svg, "wide": drawn.wide, "alt": said.alt, "table": table}


def _fitting(chart: Chart, line: Callable[[object, int], str], show: Show) -> Chart:
    series = tuple(
        Series(label=line(one.label, 60), points=tuple(point.model_copy(update={"label": line(point.label, 40)}) for point in one.points))
        for one in chart.series
    )
    return Chart(kind=chart.kind, title=show.title(chart.title), unit=line(chart.unit, 30), series=series)


def _says_all(chart: Chart) -> bool:
    """Tell whether a picture, and its words, have every name and number themselves."""
    return (
        chart.kind == "bars"
        and len(chart.series) == 1
        and len(chart.series[0].points) <= TOLD
        and all(width(point.label) <= LABEL for point in chart.series[0].points)
    )
