"""What stands on a report's page and in which order, asked piece by piece by its template. Pure."""

from __future__ import annotations

from functools import cached_property
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, Final

from markupsafe import Markup

from watchfloor.capabilities.reports.engine import charts, filtered, theme
from watchfloor.capabilities.reports.engine.attachment import Attachment
from watchfloor.capabilities.reports.engine.cells import OPENED, Cells
from watchfloor.capabilities.reports.engine.translate import said
from watchfloor.capabilities.reports.schemas.findings import findings_head
from watchfloor.capabilities.reports.schemas.snapshot import FINDINGS, Chart, Point, Series
from watchfloor.kernel.contract import Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from watchfloor.capabilities.reports.engine.charts import Drawn
    from watchfloor.capabilities.reports.engine.spool import Spool
    from watchfloor.capabilities.reports.engine.words import Words
    from watchfloor.capabilities.reports.schemas.snapshot import ColumnHead, Options, SectionHead, TableHead

GRAVEST: Final = 10
OPEN: Final = ("severity", "priority", "title", "target", "port", "cve", "first_seen")
PICKED: Final = ("severity", "state", "change")  # few values each: a reader chooses rows by them
ASIDE: Final = ("severity", "state", "title", "target", "port", "cve", "last_seen")
CHANGES: Final = ("new", "returned", "unchanged", "fixed")


class Page:
    """One reader's view of a snapshot; `shown` and `total` count rows of tables once the page is written."""

    def __init__(self, spool: Spool, options: Options, words: Words) -> None:
        """Show a snapshot to a reader."""
        self._spool = spool
        self._options = options
        self._words = words
        self._cells = Cells(words)
        self._columns = {column.name: column for column in findings_head(0).columns}
        self._colours = theme.colours(theme.LIGHT, options.theme)
        self.shown = 0
        self.total = 0
        self.remarks: list[str] = []
        # One limit for the page's findings, whatever their state.
        self._room = options.html_rows_max

    @property
    def sha256(self) -> str:
        """Return the hash of the snapshot."""
        return self._spool.sha256

    @property
    def full(self) -> bool:
        """Tell whether the reader wants all findings rather than the gravest."""
        return self._options.audience != "executive"

    @property
    def auditor(self) -> bool:
        """Tell whether the reader asks how all this came to be known."""
        return self._options.audience == "auditor"

    @cached_property
    def sections(self) -> list[SectionHead]:
        """The sections that are for this reader, in their order."""
        mine = [section for section in self._spool.head.sections if self._options.audience in section.audiences]
        return sorted(mine, key=lambda section: (section.order, section.name))

    @cached_property
    def tables(self) -> list[tuple[SectionHead, TableHead]]:
        """The tables of those sections; executives get none."""
        return [(section, table) for section in self.sections for table in section.tables] if self.full else []

    @cached_property
    def counts(self) -> dict[str, int]:
        """How many findings are open, by severity, gravest first, all named."""
        found = self._spool.head.findings.get("open", {})
        return {str(severity): found.get(str(severity), 0) for severity in reversed(Severity)}

    @cached_property
    def aside(self) -> dict[str, int]:
        """How many findings are accepted, false positives or fixed."""
        return {state: sum(found.values()) for state, found in sorted(self._spool.head.findings.items()) if state != "open"}

    @cached_property
    def changes(self) -> dict[str, int]:
        """How many findings are new, returned, unchanged and fixed; empty unless two scans are compared."""
        found = self._spool.head.changes
        return {change: found.get(change, 0) for change in CHANGES} if found or self._spool.head.scope.kind == "comparison" else {}

    @property
    def verdict(self) -> str:
        """The first sentence that a busy person reads."""
        return filtered.verdict(self._spool.head, self._words, self._verdict())

    def _verdict(self) -> str:
        total, words = sum(self.counts.values()), self._words
        urgent = self.counts["critical"] + self.counts["high"]
        if urgent:
            of = words.counted(total, "{count} open finding", "{count} open findings")
            return words("{urgent} of {findings} should be looked at first.").format(urgent=words.number(urgent), findings=of)
        if total:
            return words.counted(
                total, "{count} open finding, neither critical nor high.", "{count} open findings, none of them critical or high."
            )
        return self.nothing

    @property
    def nothing(self) -> str:
        """What is said where no open finding is listed."""
        return filtered.nothing(self._spool.head, self._words)

    @property
    def filtered(self) -> str:
        """By what the findings are filtered; empty where all are listed."""
        return filtered.told(self._spool.head, self._words)

    @property
    def left_out(self) -> str:
        """Which sections nobody chose; empty where all tell."""
        return filtered.left_out(self._spool.head, self._words)

    @property
    def unseen(self) -> list[SectionHead]:
        """Every section that did not look at everything, also one that is not told here."""
        return sorted((one for one in self._spool.head.sections if one.not_looked_at), key=lambda one: (one.order, one.name))

    @property
    def picture(self) -> Drawn:
        """How many findings are open, drawn."""
        points = tuple(Point(label=severity, value=count, tone=severity) for severity, count in self.counts.items())
        unit = "findings"
        return self.draw(Chart(kind="shares", title="Open findings by severity", unit=unit, series=(Series(label="", points=points),)))

    def draw(self, chart: Chart) -> Drawn:
        """Draw a chart in colours that follow light and dark."""
        return charts.draw(chart, self._colours, self._words)

    def markup(self, drawn: Drawn) -> Markup:
        """Return a picture as markup: it was escaped when it was drawn."""
        return Markup(drawn.svg)  # noqa: S704 - see above

    def columns(self, aside: bool = False) -> list[ColumnHead]:  # noqa: FBT001, FBT002 - templates call it
        """Return the columns of the table of open findings, or of those set aside."""
        names = ASIDE if aside else OPEN
        return [self._columns[name] for name in (*names, *(("change",) if self.changes else ()))]

    @property
    def beyond(self) -> int:
        """How many open findings are not among the gravest."""
        return max(sum(self.counts.values()) - GRAVEST, 0)

    def gravest(self) -> Iterator[tuple[dict[str, Any], Markup, Markup]]:
        """Yield the gravest open findings: the row, its severity and what it says."""
        wanted = {name: column for name, column in self._columns.items() if name in {"accepted_until", "kev", "fixed_in", "last_seen"}}
        for row in islice(self._findings(aside=False), GRAVEST):
            self.shown += 1
            badge = self._cells.inner(self._columns["severity"], row.get("severity"))
            told = self._cells.opened({**row, "evidence": None}, wanted)
            yield row, Markup(badge), Markup(told)  # noqa: S704 - cells escape
        self.total += sum(self.counts.values()) + sum(self.aside.values())

    def findings(self, aside: bool = False) -> Iterator[Markup]:  # noqa: FBT001, FBT002 - templates call it
        """Yield rows of findings until the page is full, the end of the table, and the rest as an attachment."""
        columns, rows = self.columns(aside), self._findings(aside=aside)
        # An asset's name is told again: in the table a long one is cut.
        top = ({column.name for column in columns} | set(OPENED)) - {"target"}
        facts = {name: column for name, column in self._columns.items() if name not in top}
        for row in islice(rows, self._room):
            self._room -= 1
            self.shown += 1
            self.total += 1
            yield Markup(self._cells.finding(columns, row, facts))  # noqa: S704 - cells escape
        yield from self._rest(rows, list(self._columns), "findings-set-aside" if aside else "findings")

    def rows(self, table: TableHead) -> Iterator[Markup]:
        """Yield a table's rows until the page is full, the end of the table, and the rest as an attachment."""
        rows, ours = self._spool.rows(table.key), [column for column in table.columns if column.words]
        for row in islice(rows, self._options.html_rows_max):
            self.shown += 1
            self.total += 1
            yield Markup(self._cells.row(table.columns, said(ours, row) if ours else row))  # noqa: S704 - cells escape
        yield from self._rest(rows, [column.name for column in table.columns], table.key)

    def _findings(self, *, aside: bool) -> Iterator[dict[str, Any]]:
        if not (sum(self.aside.values()) if aside else sum(self.counts.values())):
            return iter(())
        return (row for row in self._spool.rows(FINDINGS) if (row.get("state") != "open") is aside)

    def _rest(self, rows: Iterator[dict[str, Any]], columns: list[str], name: str) -> Iterator[Markup]:
        yield Markup("</tbody></table></div>\n")
        first = next(rows, None)
        if first is None:
            return
        held = Attachment(columns)
        safe = "".join(character if character.isascii() and character.isalnum() else "-" for character in name)[:80]
        yield Markup('<p class="notice"><a class="attachment" download="{}.csv" href="data:text/csv;base64,').format(safe)
        for piece in held.encode(chain((first,), rows)):
            yield Markup(piece)  # noqa: S704 - base64
        self.total += held.rows + held.left
        said = [self._words.counted(held.rows, "{count} more row as CSV", "{count} more rows as CSV")]
        yield Markup('">{}</a> \N{EN DASH} ').format(said[0])
        said.append(self._words("this page shows the first rows only; the link holds the others and needs no network."))
        if held.left:
            said.append(
                self._words.counted(held.left, "{count} row is in the CSV report only.", "{count} rows are in the CSV report only.")
            )
        self.remarks.append(" ".join(said))
        yield Markup("{}</p>\n").format(" ".join(said[1:]))
