"""Findings for the templates: compact rows, and all that is known of one. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from watchfloor.capabilities.reports.engine.links import web
from watchfloor.capabilities.reports.engine.to_pdf.heights import Cell, column, height

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from watchfloor.capabilities.reports.engine.to_pdf.show import Show

# What a finding's box of facts shows, in this order; those of a kind of code are set in a fixed width.
FACTS: Final = (
    ("target", "code"), ("port", "port"), ("priority", "number"), ("capability", "line"), ("cve", "list"), ("check", "code"), ("product", "line"),
    ("version", "line"), ("fixed_in", "line"), ("cpe", "code"), ("first_seen", "minute"), ("last_seen", "minute"), ("fixed_at", "minute"),
    ("accepted_until", "minute"), ("fingerprint", "code"),
)  # fmt: skip
# How wide the columns of compact rows are, in millimetres.
WIDTHS: Final = (13, 20, 59, 33, 22, 23)
LEFT_TO_RIGHT: Final = "\u200e"
COMPARED: Final = (13, 20, 53, 33, 28, 23)  # where a state tells what changed too
HALF: Final = 34  # characters of half a box of facts
ACROSS: Final = 95  # characters across a page
TOGETHER: Final = 12  # lines that stand on one page
LINK: Final = 300
Row = dict[str, Any]


def compact(row: Mapping[str, Any], number: int, show: Show, *, marked: bool) -> Row:
    """Return a finding as one row; with `marked` its fingerprint stands there too."""
    return {
        "n": show.number(number), "severity": _severity(row), "title": show.line(row.get("title") or ""),
        "mark": show.line(row.get("fingerprint") or "") if marked else "", "asset": show.soft(where(row, show), 18), "state": state(row, show),
        "since": show.day(row.get("first_seen")),
    }  # fmt: skip


def tall(row: Row, widths: Sequence[int], show: Show) -> float | None:
    """Return the height of a compact row, where it is certain."""
    number, severity, title, asset, state_, since = (column(one / sum(widths)) for one in widths)
    told = Cell(row["title"], title)
    return height((
        Cell(row["n"], number), Cell(show.words["severity"].get(row["severity"], row["severity"]), severity, strong=True),
        (told, Cell(row["mark"], title, code=True)) if row["mark"] else told, Cell(row["asset"], asset, code=True), Cell(row["state"], state_),
        Cell(row["since"], since),
    ))  # fmt: skip


def full(row: Mapping[str, Any], number: int, show: Show) -> Row:
    """Return a finding with its facts, its texts and what a target answered."""
    return {
        "n": show.number(number), "severity": _severity(row), "title": show.line(row.get("title") or "", 300).strip() or "\N{EN DASH}", "tags": list(_tags(row, show)),
        "facts": list(_facts(row, show)), "parts": list(_parts(row, show)),
    }  # fmt: skip


def where(row: Mapping[str, Any], show: Show) -> str:
    """Return the asset, with its port where there is one."""
    target, port = show.line(row.get("target") or "", 100), row.get("port")
    if not isinstance(port, int):
        return target
    # A name of letters that run from right to left would have the port stand before it.
    mark = "" if target.isascii() else LEFT_TO_RIGHT
    return f"[{target}]:{port}" if target.count(":") > 1 else f"{target}{mark}:{port}"


def state(row: Mapping[str, Any], show: Show) -> str:
    """Return a finding's state, and how it changed where that is known."""
    told = show.words["state"].get(row.get("state"), show.line(row.get("state") or ""))
    change = show.words["change"].get(row.get("change"))
    return f"{change} · {told}" if change and change != told else str(told)


def _severity(row: Mapping[str, Any]) -> str:
    return str(row.get("severity") or "")


def _tags(row: Mapping[str, Any], show: Show) -> Iterator[str]:
    yield state(row, show)
    if row.get("kev"):
        yield show.words["kev"]


def _facts(row: Mapping[str, Any], show: Show) -> Iterator[Row]:
    names = show.words["fact"]
    for key, kind in FACTS:
        value = row.get(key)
        if value is None or value in ("", []):
            continue
        match kind:
            case "minute":
                told = show.minute(str(value))
            case "number":
                told = show.number(value)
            case "port":
                told = show.line(f"{value}/{row.get('protocol') or '?'}")
            case "list":
                told = show.line(", ".join(map(str, value)))
            case _:
                told = show.line(value)
        yield {"name": names[key], "value": told, "code": kind == "code", "wide": key != "target" and len(told) > HALF}


def _parts(row: Mapping[str, Any], show: Show) -> Iterator[Row]:
    names = show.words["part"]
    for key in ("description", "evidence", "remedy", "reason"):
        if text := row.get(key):
            code = key == "evidence"
            lines = [show.code(text)] if code else show.prose(text)
            yield {
                "name": names[key], "kind": "code" if code else "prose", "short": _short(lines[0].split("\n") if code else lines),
                "text": lines if code else [show.spans(one) for one in lines],
            }  # fmt: skip
    if references := row.get("references"):
        links = [{"text": show.line(one, LINK), "web": len(str(one)) <= LINK and web(str(one)) is not None} for one in references[:10]]
        yield {"name": names["references"], "kind": "links", "short": True, "text": links}


def _short(lines: Sequence[str]) -> bool:
    return sum(1 + len(one) // ACROSS for one in lines) <= TOGETHER
