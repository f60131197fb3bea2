"""Render a document as one HTML file: no scripts, nothing loaded, readable on screen and paper. Pure."""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from watchfloor.capabilities.reports.engine import charts
from watchfloor.capabilities.reports.engine.document import by_severity, counts, verdict, visible, worst_first

if TYPE_CHECKING:
    from watchfloor.capabilities.reports.schemas import Cell, Document

PACKAGE = "watchfloor.capabilities.reports.engine"


def render_html(document: Document) -> bytes:
    """Return the report as UTF-8; every text in it is shown as text, whatever it holds."""
    counted = by_severity(document)
    style = _style()
    html = _template().render(
        document=document,
        counts=counted,
        total=sum(counted.values()),
        verdict=verdict(counted),
        bar=charts.severity_bar(counted),
        style=style,
        policy=_policy(style),
    )
    return html.encode("utf-8", "backslashreplace")


def _policy(style: str) -> str:
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode("ascii")
    return f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'"


@lru_cache(maxsize=1)
def _environment() -> Environment:
    found = Environment(loader=PackageLoader(PACKAGE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    found.filters |= {"cell": _cell, "when": _when, "worst_first": worst_first, "visible": visible}
    found.tests["open"] = counts
    # Everything printed passes here before it is escaped.
    found.finalize = lambda value: visible(value) if type(value) is str else value
    return found


@lru_cache(maxsize=1)
def _template() -> Template:
    return _environment().get_template("report.html")


@lru_cache(maxsize=1)
def _style() -> str:
    source, _, _ = _environment().loader.get_source(_environment(), "report.css")  # type: ignore[union-attr]  # set above
    return source.strip()


def _cell(value: Cell) -> str:
    if value is None or value == "":
        return "\N{EN DASH}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,}" if isinstance(value, int) else visible(str(value))


def _when(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%d %B %Y, %H:%M UTC")
