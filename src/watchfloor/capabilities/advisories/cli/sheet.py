"""An advisory on a terminal: colours and boxes where there is one, plain lines in a pipe."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from watchfloor.capabilities.advisories.cli.search import signs
from watchfloor.kernel.telemetry import escape
from watchfloor.kernel.terminal import cell

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from watchfloor.capabilities.advisories.schemas.faces import Advisory, AffectedView, Changes, Factor, Score

COLOURS = {"critical": "bold white on red", "high": "bold red", "medium": "bold yellow", "low": "cyan", "info": "blue", "none": "dim"}
WIDTH, PIPE = 110, 100
BAR = 20
LINES = 12


class Sheet:
    """Writes headings, sentences and tables; what could steer a terminal is written out."""

    def __init__(self) -> None:
        """Find out what we write to: rich minds NO_COLOR, TERM and the width."""
        from rich.console import Console  # noqa: PLC0415 - 80 ms that nobody else pays

        terminal = sys.stdout.isatty()
        self._console = Console(highlight=False, soft_wrap=not terminal, width=None if terminal else PIPE, file=sys.stdout)
        if terminal and self._console.width > WIDTH:
            self._console.width = WIDTH

    def line(self, *parts: str | tuple[str, str]) -> None:
        """Write one line of parts, each plain or with its style."""
        from rich.text import Text  # noqa: PLC0415 - see above

        made = Text()
        for part in parts:
            text, style = part if isinstance(part, tuple) else (part, "")
            made.append("\n".join(escape(one) for one in text.split("\n")), style)
        self._console.print(made)

    def heading(self, text: str) -> None:
        """Begin a section."""
        self.line("")
        self.line((text, "bold underline"))

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """Write a table without lines; empty columns are left out."""
        from rich.table import Table  # noqa: PLC0415 - see above
        from rich.text import Text  # noqa: PLC0415 - see above

        cells = [[cell(value) for value in row] for row in rows]
        shown = [n for n in range(len(columns)) if any(row[n] != "-" for row in cells)]
        made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
        for n in shown:
            made.add_column(columns[n], overflow="fold")
        for row in cells:
            made.add_row(*(Text(row[n]) for n in shown))
        self._console.print(made)


def show(one: Advisory, affected: Sequence[AffectedView], changes: Changes, *, whole: bool) -> None:
    """Write a whole record."""
    sheet = Sheet()
    sheet.line(
        (one.id, "bold"), "  ", (f" {one.band.upper()} {one.priority:.1f} ", COLOURS[one.band]), f"  {signs(one)}" if signs(one) else ""
    )
    if one.title:
        sheet.line((one.title, "bold"))
    dates = [
        f"{name} {when:%Y-%m-%d}"
        for name, when in (("published", one.published), ("modified", one.modified), ("changed here", one.changed))
        if when
    ]
    sheet.line((", ".join([*dates, *one.aliases, *one.cwes, *one.tags, *([f"NVD: {one.nvd_status}"] if one.nvd_status else [])]), "dim"))
    if one.description:
        sheet.line("")
        sheet.line(one.description)
    _score(sheet, one.score)
    _scores(sheet, one)
    _products(sheet, affected, whole=whole)
    _sources(sheet, one)
    if one.references:
        sheet.heading("References")
        for reference in one.references if whole else one.references[:LINES]:
            sheet.line(f"{reference.url}  ", (", ".join(reference.tags), "dim"))
        _rest(sheet, len(one.references), whole=whole)
    _history(sheet, changes)


def show_score(score: Score) -> None:
    """Write a score alone."""
    sheet = Sheet()
    sheet.line((score.id, "bold"), "  ", (f" {score.band.upper()} {score.priority:.1f} ", COLOURS[score.band]))
    sheet.line((f"on {score.on}, exposure {score.exposure}, confidence {score.confidence:.0%}", "dim"))
    _score(sheet, score)


def _score(sheet: Sheet, score: Score) -> None:
    from watchfloor.capabilities.advisories.engine.explain import RULES  # noqa: PLC0415 - loads the engine

    if score.factors:
        sheet.heading("Priority")
        sheet.table(
            ("factor", "", "points", "because", "says"),
            [(one.factor, _bar(one), f"{one.points:5.1f} of {one.max:.0f}", _because(one), _says(one)) for one in score.factors],
        )
    if score.rule:
        sheet.line(("Rule: ", "bold"), RULES.get(score.rule, score.rule))
    if score.assumed:
        sheet.line((f"Assumed, because nobody told: {', '.join(score.assumed)}.", "dim"))
    if score.verdict is not None:
        sheet.heading("BOD 26-04")
        days = score.verdict.days
        sheet.line((score.verdict.deadline, "bold"), f", {days} days from the day it was first seen" if days else "", ".")
        if score.verdict.cisa_due:
            sheet.line(f"CISA's catalog says {score.verdict.cisa_due:%Y-%m-%d}.")
        if score.verdict.assumed:
            sheet.line((f"Assumed: {', '.join(score.verdict.assumed)}.", "dim"))
        sheet.line((score.verdict.notice, "dim"))


def _bar(one: Factor) -> str:
    full = round(BAR * one.points / one.max) if one.max else 0
    return "█" * full + "░" * (BAR - full)


def _because(one: Factor) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {_value(value)}" for name, value in one.inputs.items() if value not in (None, False, ""))


def _value(value: Any) -> str:  # noqa: ANN401 - an input of any factor
    return "yes" if value is True else f"{value:.4g}" if isinstance(value, float) else str(value)


def _says(one: Factor) -> str:
    return ", ".join([*one.sources, *([one.as_of.isoformat()] if one.as_of else [])])


def _scores(sheet: Sheet, one: Advisory) -> None:
    if one.cvss:
        sheet.heading("CVSS")
        sheet.table(
            ("", "version", "score", "severity", "by", "in", "vector"),
            [
                ("*" if cvss.chosen else "", cvss.version, f"{cvss.score:.1f}", cvss.severity, cvss.provider, cvss.source, cvss.vector)
                for cvss in one.cvss
            ],
        )
    epss = one.epss_detail
    if epss is not None or one.ssvc or one.kev_entries or one.exploits:
        sheet.heading("Exploitation")
    if epss is not None:
        rank = "" if epss.percentile is None else f", higher than {epss.percentile:.1%} of all"
        before = "" if epss.lev is None else f"; {epss.lev:.1%} that it has happened already (LEV)"
        sheet.line(f"EPSS: {epss.probability:.2%} within 30 days{rank}{before}  ", (f"{epss.as_of}" if epss.as_of else "", "dim"))
    for kev in one.kev_entries:
        name = "CISA KEV" if kev.catalog == "kev" else "EU KEV"
        told = [
            f"added {kev.added:%Y-%m-%d}",
            *([f"due {kev.due:%Y-%m-%d}"] if kev.due else []),
            *(["ransomware"] if kev.ransomware else []),
        ]
        gone = [f"taken out {kev.removed:%Y-%m-%d}"] if kev.removed else []
        sheet.line(f"{name}: {', '.join(told + gone)}. {kev.action}".rstrip())
    for ssvc in one.ssvc:
        told = [f"exploitation {ssvc.exploitation}", f"automatable {cell(ssvc.automatable)}", f"impact {ssvc.impact}"]
        sheet.line(f"SSVC: {', '.join(word for word in told if not word.endswith(('None', ' -')))}  ", (ssvc.role, "dim"))
    for ref in one.exploits:
        sheet.line(f"Exploit: {ref}")


def _products(sheet: Sheet, affected: Sequence[AffectedView], *, whole: bool) -> None:
    rows = list(
        dict.fromkeys(
            (f"{one.vendor} {one.product}".strip(), one.versions, one.fix, _with(one), one.source) for one in affected if one.vulnerable
        )
    )
    if not rows:
        return
    sheet.heading("Affected")
    sheet.table(("product", "versions", "fixed in", "only with", "says"), rows if whole else rows[:LINES])
    _rest(sheet, len(rows), whole=whole)


def _with(one: AffectedView) -> str:
    told = [f"{name.replace('_', ' ')} {value}" for name, value in one.attributes.items()]
    return ", ".join([*told, *(["what stands beside it"] if one.all_of else [])])


def _rest(sheet: Sheet, count: int, *, whole: bool) -> None:
    if count > LINES and not whole:
        sheet.line((f"… and {count - LINES:,} more: --history shows everything", "dim"))


def _sources(sheet: Sheet, one: Advisory) -> None:
    if one.sources:
        sheet.heading("Sources")
        sheet.table(
            ("source", "state", "status", "modified", "read", "won", "says otherwise"),
            [
                (
                    src.source,
                    src.state,
                    src.status,
                    src.modified.date() if src.modified else None,
                    src.fetched_at,
                    _won(one, src.source),
                    _lost(one, src.source),
                )
                for src in one.sources
            ],
        )
        for src in one.sources:
            sheet.line((src.notice, "dim"))
    if one.rejects:
        sheet.line((f"{one.rejects} documents about it could not be read: `watchfloor advisories rejects` tells why.", "yellow"))


def _won(one: Advisory, source: str) -> str:
    return ", ".join(name for name, told in one.provenance.items() if told[:1] == [source])


def _lost(one: Advisory, source: str) -> str:
    return ", ".join(name for name, told in one.provenance.items() if source in told[1:])


def _history(sheet: Sheet, changes: Changes) -> None:
    if not changes.items:
        return
    sheet.heading("History")
    sheet.table(
        ("when", "what", "before", "after", "says"),
        [(one.at, one.kind.partition(".")[2].replace("_", " "), _told(one.old), _told(one.new), one.source or "") for one in changes.items],
    )
    if changes.next_cursor:
        sheet.line((f"… {changes.total:,} changes in all: --history shows them", "dim"))


def _told(value: Any) -> str:  # noqa: ANN401 - plain JSON
    if isinstance(value, dict):
        return ", ".join(f"{name} {_told(held)}" for name, held in value.items())
    return "" if value is None else str(value)
