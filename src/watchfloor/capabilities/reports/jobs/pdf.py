"""Make a PDF in boxes: one that plans, one for each part, one that joins them."""

from __future__ import annotations

import hashlib
import tempfile
from typing import IO, TYPE_CHECKING, Final

from watchfloor.capabilities.reports.engine.render import Rendered
from watchfloor.capabilities.reports.engine.to_pdf.boxes import compile_part, merge, plan
from watchfloor.capabilities.reports.engine.to_pdf.numbering import order, starts
from watchfloor.capabilities.reports.engine.to_pdf.shapes import (
    Attached,
    Compiled,
    Merged,
    MergeRequest,
    PartRequest,
    Piece,
    PlanRequest,
    Sort,
)
from watchfloor.kernel.errors import GiveUp

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from watchfloor.capabilities.reports.engine.to_pdf.shapes import Plan
    from watchfloor.capabilities.reports.schemas.snapshot import Options
    from watchfloor.kernel.contract import JobContext

INSIDE_BYTES: Final = 50 << 20
BLOCK: Final = 1 << 20
BOX_ROWS: Final = 500
WEIGHTS: Final = {Sort.DETAILS: 3}  # of a finding in full, in rows
Span = tuple[int, int]  # where a part begins, and how long it is


def pdf(
    context: JobContext,
    snapshot: IO[bytes],
    options: Options,
    attached: Mapping[str, IO[bytes]],
    out: IO[bytes],
    *,
    logo: IO[bytes] | None = None,
    fonts: Mapping[str, IO[bytes]] | None = None,
) -> Rendered:
    """Write the report as PDF into `out`, with the files inside that fit; the same snapshot, options, files and fonts give the same bytes.

    Raises:
        GiveUp: "render_failed: part n" when a part failed twice, "render_failed: merge" when joining them did.
    """
    files = {"snapshot": snapshot} | ({"logo": logo} if logo is not None else {})
    files |= {f"font-{number}": file for number, file in enumerate((fonts or {}).values())}
    with tempfile.TemporaryFile() as parts:
        return _Making(context, files, options, _told(attached), parts, tuple(fonts or ())).make(attached, out)


def groups(pieces: Sequence[Piece]) -> Iterator[tuple[int, ...]]:
    """Yield parts that are small enough, together, for one box, in the order of compiling: what a box takes to start is more than they take."""
    group, have = list[int](), 0
    for number in order(len(pieces)):
        weight = pieces[number].count * WEIGHTS.get(pieces[number].sort, 1)
        if group and have + weight > BOX_ROWS:
            yield tuple(group)
            group, have = [], 0
        group.append(number)
        have += weight
    yield tuple(group)


class _Making:
    """One PDF on its way: where each part lies in the file of parts, and how many pages it has."""

    def __init__(
        self, context: JobContext, files: dict[str, IO[bytes]], options: Options, told: tuple[Attached, ...], parts: IO[bytes],
        fonts: tuple[str, ...],
    ) -> None:  # fmt: skip
        self.context, self.files, self.options, self.told, self.parts = context, files, options, told, parts
        self.fonts = fonts
        self.end = self.missing = self.cut = 0
        self.spans: dict[int, Span] = {}
        self.pages: dict[int, int] = {}
        self.stamp: Span = (0, 0)

    def make(self, attached: Mapping[str, IO[bytes]], out: IO[bytes]) -> Rendered:
        """Plan, compile, join."""
        planned: Plan = self.context.sandbox(plan, PlanRequest(options=self.options), files={"snapshot": self.files["snapshot"]})
        for group in groups(planned.pieces):
            self._compile(planned, group)
        # In a box of its own: what typst has learned from the front would sometimes make it need half as much memory again.
        self._compile(planned, ())
        merged = self._merge(planned, attached, out)
        return Rendered(rows_shown=planned.rows_shown, rows_total=planned.rows_total, pages=merged.pages, notes=self._notes(planned))

    def _compile(self, planned: Plan, group: tuple[int, ...]) -> None:
        """Compile small parts in one box; when that fails, each in a box of its own."""
        self.context.progress(len(self.spans), len(planned.pieces), phase="parts")
        try:
            self._boxed(planned, group)
        except GiveUp as error:
            self.context.log.warning("a PDF's %s failed and is tried again: %s", _named(group), error)
            for numbers in [(number,) for number in group] if group else [()]:
                self._boxed(planned, numbers)

    def _boxed(self, planned: Plan, group: tuple[int, ...]) -> None:
        """Compile behind the parts that are there; what a box that failed has written is written over."""
        request = PartRequest(
            options=self.options, numbers=group, pages=self.pages, attached=self.told, plan=planned, missing=self.missing, cut=self.cut,
            fonts=self.fonts,
        )  # fmt: skip
        self.parts.seek(self.end)
        self.parts.truncate()
        try:
            made: Compiled = self.context.sandbox(compile_part, request, stream=lambda frame: _write(self.parts, frame), files=self.files)
        except GiveUp as error:
            raise GiveUp(f"render_failed: {_named(group)}: {error}") from error
        if self.parts.tell() - self.end != sum(one.size for one in made.parts) + made.stamp or len(made.parts) != len(group):
            raise GiveUp(f"render_failed: {_named(group)}: other bytes came than were told")
        self._take(made, group)

    def _take(self, made: Compiled, group: tuple[int, ...]) -> None:
        for number, one in zip(group, made.parts, strict=True):
            self.spans[number] = (self.end, one.size)
            self.pages[number] = one.pages
            self.end += one.size
        self.stamp = (self.end, made.stamp)
        self.missing += made.missing
        self.cut += made.cut

    def _merge(self, planned: Plan, attached: Mapping[str, IO[bytes]], out: IO[bytes]) -> Merged:
        parts = len(planned.pieces)
        self.context.progress(0, parts, phase="merge")
        files = {"snapshot": self.files["snapshot"], "parts": self.parts}
        files |= {f"attached-{number}": attached[one.name] for number, one in enumerate(self.told) if one.inside}
        request = MergeRequest(
            options=self.options, spans=tuple(self.spans[number] for number in range(parts)), stamp=self.stamp,
            levels=tuple(one.level for one in planned.pieces), titles=tuple(one.title for one in planned.pieces), starts=starts(self.pages, parts),
            attached=self.told,
        )  # fmt: skip
        try:
            made: Merged = self.context.sandbox(merge, request, stream=lambda frame: _write(out, frame), files=files)
        except GiveUp as error:
            raise GiveUp(f"render_failed: merge: {error}") from error
        return made

    def _notes(self, planned: Plan) -> tuple[str, ...]:
        told = [
            f"{planned.rows_total - planned.rows_shown} rows are in the attached files only" * (planned.rows_total > planned.rows_shown)
        ]
        told.append(
            f"{self.missing} characters have no glyph and were replaced; WATCHFLOOR_REPORTS_FONT_DIR names a folder with more fonts"
            * bool(self.missing)
        )
        told.append(f"{self.cut} texts were cut" * bool(self.cut))
        told += [f"{one.name} was too large to be attached" for one in self.told if not one.inside]
        return tuple(filter(None, told))


def _named(group: tuple[int, ...]) -> str:
    return f"part {group[0]}" if group else "page numbers"


def _write(out: IO[bytes], frame: bytes) -> None:
    out.write(frame)


def _told(attached: Mapping[str, IO[bytes]]) -> tuple[Attached, ...]:
    """Return name, size and hash of the files; those that fit together go inside."""
    told, left = [], INSIDE_BYTES
    for name, file in attached.items():
        file.seek(0)
        whole, size = hashlib.sha256(), 0
        while block := file.read(BLOCK):
            whole.update(block)
            size += len(block)
        inside = size <= left
        left -= size if inside else 0
        told.append(Attached(name=name, size=size, sha256=whole.hexdigest(), inside=inside))
    return tuple(told)
