"""Cut a snapshot into parts of a PDF: what is shown, in full or as rows, and where its rows begin; runs in the sandbox."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Final, NamedTuple

from watchfloor.capabilities.reports.engine.spool import Spool
from watchfloor.capabilities.reports.engine.to_pdf.shapes import Piece, Plan, PlanRequest, Sort
from watchfloor.capabilities.reports.engine.to_pdf.words import words
from watchfloor.capabilities.reports.engine.translate import translated
from watchfloor.capabilities.reports.engine.words import Words
from watchfloor.capabilities.reports.schemas.snapshot import FINDINGS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

    from watchfloor.capabilities.reports.schemas.snapshot import Head, Options, SectionHead, TableHead
    from watchfloor.kernel.contract import StreamingReport

ROWS: Final = 500  # of one part
IN_FULL: Final = 200
FULL_ROWS: Final = 100
PART_BYTES: Final = 1 << 21
FOR_EXECUTIVES: Final = 25
COLUMNS: Final = 8  # that stand beside each other on an upright page
LOOKED_THROUGH: Final = 5_000  # so many findings are asked for the gravest that are open
TITLE: Final = 300


class Run(NamedTuple):
    """Rows that make one part."""

    offset: int
    first: int
    rows: int
    size: int  # in bytes


def plan(request: PlanRequest, report: StreamingReport) -> Plan:
    """Return the parts; reads the whole snapshot once and proves that it is whole."""
    with report.file("snapshot") as file:
        spool = Spool(file)
        return _Planner(spool, file, request.options).plan()


def budgets(head: Head, counts: dict[str, int], options: Options) -> dict[str, int]:
    """Return how many rows of each table are printed: a fifth of all is kept for the tables of sections."""
    others = {table.key: counts.get(table.key, 0) for section in shown(head, options) for table in section.tables}
    if options.audience == "executive":
        return {FINDINGS: min(counts.get(FINDINGS, 0), FOR_EXECUTIVES)} | dict.fromkeys(others, 0)
    kept = min(sum(others.values()), options.pdf_rows_max // 5)
    budget = {FINDINGS: min(counts.get(FINDINGS, 0), options.pdf_rows_max - kept)}
    left = options.pdf_rows_max - budget[FINDINGS]
    for key, count in others.items():
        budget[key] = min(count, left)
        left -= budget[key]
    return budget


def shown(head: Head, options: Options) -> list[SectionHead]:
    """Return the sections that are for this audience, in their order."""
    return sorted((one for one in head.sections if options.audience in one.audiences), key=lambda one: (one.order, one.name))


class _Planner:
    def __init__(self, spool: Spool, file: BinaryIO, options: Options) -> None:
        self.spool, self.file, self.options = spool, file, options
        self.reader = Words(options.locale, options.time_zone)
        self.words = words(self.reader)
        spool.head = translated(spool.head, self.reader)
        self.budget = budgets(spool.head, spool.counts, options)

    def plan(self) -> Plan:
        pieces = [Piece(sort=Sort.FRONT, title=self.words["summary"])]
        pieces += self._findings()
        for section in shown(self.spool.head, self.options):
            pieces += self._section(section)
        pieces.append(Piece(sort=Sort.BACK, title=self.words["method"]))
        totals = {table: count for table, count in self.spool.counts.items() if count}
        return Plan(
            pieces=tuple(pieces), rows_shown=sum(self.budget.values()), rows_total=sum(totals.values()),
            left_out={table: count - self.budget.get(table, 0) for table, count in totals.items() if count > self.budget.get(table, 0)},
            findings=self.spool.counts.get(FINDINGS, 0), gravest=Piece(sort=Sort.LIST, title="", table=FINDINGS, offset=self.spool.begins.get(FINDINGS, 0), count=min(LOOKED_THROUGH, self.spool.counts.get(FINDINGS, 0))), in_full=self.in_full, sha256=self.spool.sha256,
        )  # fmt: skip

    @property
    def in_full(self) -> int:
        """Return how many findings are described in full."""
        if self.options.audience == "executive":
            return 0
        return self.budget[FINDINGS] if self.options.full else min(IN_FULL, self.budget[FINDINGS])

    def _findings(self) -> Iterator[Piece]:
        yield from self._pieces(Sort.LIST, FINDINGS, self.budget[FINDINGS], self.words["findings"], ROWS)
        yield from self._pieces(Sort.DETAILS, FINDINGS, self.in_full, self.words["details"], FULL_ROWS)

    def _section(self, section: SectionHead) -> Iterator[Piece]:
        intro = Piece(sort=Sort.SECTION, title=section.title[:TITLE], section=section.name, intro=True)
        printed = [table for table in section.tables if self.budget.get(table.key, 0)]
        begin = self._beginning(intro, printed)
        if begin.table or not printed:
            yield begin
        rest = printed[len(begin.more) + 1 if begin.table else 0 :]
        for number, table in enumerate(rest):
            for piece in self._pieces(Sort.SECTION, table.key, self.budget[table.key], table.title[:TITLE], ROWS):
                about = {"section": section.name, "level": 2}
                if number == piece.first == 0 and not begin.table:
                    about |= {"title": section.title[:TITLE], "level": 1, "intro": True}
                yield piece.model_copy(update=about)

    def _beginning(self, intro: Piece, printed: list[TableHead]) -> Piece:
        """Return a section's first part: with as many whole tables as one part may have, so that small ones share pages."""
        whole = list[Piece]()
        rows = size = 0
        for table in printed:
            runs = list(islice(self._runs(table.key, self.budget[table.key], ROWS), 2))
            rows, size = rows + runs[0].rows, size + runs[0].size
            if len(runs) > 1 or rows > ROWS or size > PART_BYTES or len(table.columns) > COLUMNS:
                break
            whole.append(
                Piece(
                    sort=Sort.SECTION,
                    title=table.title[:TITLE],
                    table=table.key,
                    offset=runs[0].offset,
                    count=runs[0].rows,
                    section=intro.section,
                )
            )
        if not whole:
            return intro
        first = whole[0]
        return intro.model_copy(update={"table": first.table, "offset": first.offset, "count": first.count, "more": tuple(whole[1:])})

    def _pieces(self, sort: Sort, table: str, count: int, title: str, rows: int) -> Iterator[Piece]:
        runs = list(self._runs(table, count, rows))
        for number, run in enumerate(runs):
            named = (
                self.words["range"].format(
                    title=title, first=self.reader.number(run.first + 1), last=self.reader.number(run.first + run.rows)
                )
                if len(runs) > 1
                else title
            )
            yield Piece(sort=sort, title=named, table=table, offset=run.offset, first=run.first, count=run.rows, level=2 if number else 1)

    def _runs(self, table: str, count: int, rows: int) -> Iterator[Run]:
        """Yield runs of at most so many rows, and of one row at least where rows are large."""
        at = start = self.spool.begins.get(table, 0)
        self.file.seek(at)
        first = have = 0
        for n in range(count):
            size = len(self.file.readline())
            if have and (have == rows or at + size - start > PART_BYTES):
                yield Run(start, first, have, at - start)
                start, first, have = at, n, 0
            at += size
            have += 1
        if have:
            yield Run(start, first, have, at - start)
