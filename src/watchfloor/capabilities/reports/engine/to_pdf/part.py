"""Compile one part of a PDF with typst; runs in the sandbox. The snapshot's text reaches typst as JSON and is never read as markup."""

from __future__ import annotations

import json
import os
import re
from functools import partial
from importlib.resources import files
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

import typst

from watchfloor.capabilities.reports.engine.theme import LIGHT, PRINT, colours
from watchfloor.capabilities.reports.engine.to_pdf import back, findings, front, section
from watchfloor.capabilities.reports.engine.to_pdf.book import BUNDLED, book
from watchfloor.capabilities.reports.engine.to_pdf.fonts import Given
from watchfloor.capabilities.reports.engine.to_pdf.glyphs import PACKAGE
from watchfloor.capabilities.reports.engine.to_pdf.shapes import Compiled, Done, PartRequest, Piece, Sort
from watchfloor.capabilities.reports.engine.to_pdf.show import Plain, Show
from watchfloor.capabilities.reports.engine.translate import translated
from watchfloor.capabilities.reports.schemas.snapshot import Head
from watchfloor.kernel.errors import GiveUp

if TYPE_CHECKING:
    from typing import BinaryIO

    from watchfloor.kernel.contract import StreamingReport

STANDARDS: Final[list[typst.PDFStandard]] = ["a-3a", "ua-1"]
FRAME: Final = 1 << 20
FRONT_PAGES: Final = 3  # as most have
TRIES: Final = 4
SAMPLE: Final = 100  # rows of a table that decide how wide its columns are
GRAVEST: Final = 5
PAGES: Final = re.compile(rb"%PDF-1\.\d\n%....\n\n1 0 obj\n<</Type/Pages/Count (\d+)/", re.DOTALL)


class Logo(NamedTuple):
    """A picture of the organisation, and the name under which the template finds it."""

    name: str
    content: bytes


class Has(NamedTuple):
    """What parts are made of besides their request."""

    snapshot: BinaryIO
    logo: Logo | None
    given: Given


class GlyphMissing(GiveUp):
    """typst has no glyph for a text."""


def compile_part(request: PartRequest, report: StreamingReport) -> Compiled:
    """Send each part as PDF; asked for none, the number of each page.

    Raises:
        GiveUp: typst refuses one, for its accessibility or its archive form too.
    """
    # A box for each core makes more of them than threads would, and what typst needs of memory does not depend on chance.
    os.environ["RAYON_NUM_THREADS"] = "1"
    so_far, done, stamp = request, list[Done](), b""
    with report.file("snapshot") as snapshot, Given(request.fonts, report) as given:
        head = translated(Head.model_validate_json(snapshot.readline()), _show(request).reader)
        has = Has(snapshot, _logo(request, report), given)
        for number in request.numbers:
            document, show = _numbered(head, so_far, number, has)
            _send(document, report)
            done.append(Done(pages=_pages(document), size=len(document)))
            pages = so_far.pages | {number: done[-1].pages}
            so_far = so_far.model_copy(update={"pages": pages, "missing": so_far.missing + show.missing, "cut": so_far.cut + show.cut})
        if not request.numbers:
            stamp = _stamp(head, so_far, given)
            _send(stamp, report)
    return Compiled(parts=tuple(done), stamp=len(stamp), missing=so_far.missing - request.missing, cut=so_far.cut - request.cut)


def _numbered(head: Head, request: PartRequest, number: int, has: Has) -> tuple[bytes, Show]:
    """Compile a part; the front until it has as many pages as its contents were counted with."""
    piece = request.plan.pieces[number]
    if piece.sort != Sort.FRONT:
        return _document(head, request, piece, has)
    pages = FRONT_PAGES
    for _ in range(TRIES):
        found = _document(head, request.model_copy(update={"pages": request.pages | {number: pages}}), piece, has)
        if (counted := _pages(found[0])) == pages:
            return found
        pages = counted
    raise GiveUp("the front has another number of pages whenever its contents name them")


def _stamp(head: Head, request: PartRequest, given: Given) -> bytes:
    show, total = _show(request, given), sum(request.pages.values())
    told = {"numbers": [show.number(one) for one in range(1, total + 1)], "total": show.number(total)}
    return _compile("stamp", everywhere(head, request, request.plan.pieces[0], show) | told, show, [])


def _show(request: PartRequest, given: Given | None = None, plain: Plain = Plain.NOWHERE) -> Show:
    return Show(request.options.locale, request.options.time_zone, given, plain)


def _document(head: Head, request: PartRequest, piece: Piece, has: Has) -> tuple[bytes, Show]:
    """Compile a part; with the commonest letters only, when typst cannot set a text though it has each of its characters: first in pictures."""
    for plain in Plain:
        show = _show(request, has.given, plain)
        if plain is Plain.PICTURES and piece.sort != Sort.FRONT:
            continue
        try:
            return _compile(piece.sort, told(head, request, piece, has.snapshot, has.logo, show), show, STANDARDS, has.logo), show
        except GlyphMissing:
            if plain is Plain.ANYWHERE:
                raise
    raise AssertionError


def told(head: Head, request: PartRequest, piece: Piece, snapshot: BinaryIO, logo: Logo | None, show: Show) -> dict[str, Any]:
    """Return all that a part's template shows."""
    data = everywhere(head, request, piece, show)
    match piece.sort:
        case Sort.FRONT:
            drawn = {"file": logo.name, "alt": show.title(head.org)} if logo else None
            return data | {"front": front.front(head, request, _gravest(snapshot, request.plan.gravest), show) | {"logo": drawn}}
        case Sort.LIST:
            return data | _list(head, request, piece, snapshot, show)
        case Sort.DETAILS:
            return data | {"rows": [findings.full(row, n, show) for n, row in numbered(snapshot, piece)]}
        case Sort.SECTION:
            return data | section.section(
                head, piece, partial(rows, snapshot), show, partial(_sample, request, snapshot), figures=not front.summed_up(head, request)
            )
        case Sort.BACK:
            return data | {"back": back.back(head, request, show)}


def everywhere(head: Head, request: PartRequest, piece: Piece, show: Show) -> dict[str, Any]:
    """Return what every template shows or needs."""
    options = request.options
    return {
        "title": show.title(head.title), "author": show.title(options.author or head.org), "org": show.brief(head.org, 38), "words": show.words,
        "lang": show.reader.language, "dir": show.reader.runs, "broad": False, "date": {"year": head.as_of.year, "month": head.as_of.month, "day": head.as_of.day},
        "moment": show.minute(head.as_of), "running": show.brief(head.title, 90), "classification": show.line(options.classification, 60),
        "look": colours(PRINT, options.theme) | {"wash": LIGHT["paper"]}, "heading": show.title(piece.title), "level": piece.level,
        "fonts": show.fonts.about(),
    }  # fmt: skip


def rows(snapshot: BinaryIO, piece: Piece) -> list[dict[str, Any]]:
    """Return the part's rows."""
    snapshot.seek(piece.offset)
    return [json.loads(snapshot.readline())["r"] for _ in range(piece.count)]


def _gravest(snapshot: BinaryIO, piece: Piece) -> list[dict[str, Any]]:
    """Return the first of the rows that are open."""
    snapshot.seek(piece.offset)
    found = (json.loads(snapshot.readline())["r"] for _ in range(piece.count))
    return list(islice((row for row in found if row.get("state") == "open"), GRAVEST))


def _sample(request: PartRequest, snapshot: BinaryIO, piece: Piece) -> list[dict[str, Any]]:
    """Return rows that decide how wide a table's columns are: the same in each of its parts."""
    first = next((one for one in request.plan.pieces if one.table == piece.table), piece)
    return rows(snapshot, first.model_copy(update={"count": min(first.count, SAMPLE)}))


def numbered(snapshot: BinaryIO, piece: Piece) -> enumerate[dict[str, Any]]:
    """Return the part's rows with their numbers in the whole table, from 1."""
    return enumerate(rows(snapshot, piece), piece.first + 1)


def _list(head: Head, request: PartRequest, piece: Piece, snapshot: BinaryIO, show: Show) -> dict[str, Any]:
    full = request.plan.in_full
    remarks = []
    if piece.first == 0:
        remarks.append(show.counted("list_intro", full, full=show.number(full)) if full else show.words["list_intro_none"])
        if 0 < full < request.plan.findings:
            remarks.append(show.words["list_rest"])
    marked = request.options.audience != "executive"
    told = [findings.compact(row, n, show, marked=marked and n > full) for n, row in numbered(snapshot, piece)]
    widths = findings.COMPARED if head.scope.kind == "comparison" else findings.WIDTHS
    return {"rows": told, "heights": [findings.tall(one, widths, show) for one in told], "widths": widths, "remarks": remarks}


def _send(document: bytes, report: StreamingReport) -> None:
    for at in range(0, len(document), FRAME):
        report.send(document[at : at + FRAME])


def _pages(document: bytes) -> int:
    """Return how many pages typst wrote: the page tree is its first object, so a text in the document cannot stand there."""
    found = PAGES.match(document)
    if found is None:
        raise GiveUp("typst wrote a PDF whose first object is not its page tree; this version of it is not known here")
    return int(found[1])


def template(name: str) -> bytes:
    """Return a template's source."""
    return (files(PACKAGE) / "templates" / f"{name}.typ").read_bytes()


def _logo(request: PartRequest, report: StreamingReport) -> Logo | None:
    if not request.options.logo or not any(request.plan.pieces[one].sort == Sort.FRONT for one in request.numbers):
        return None
    with report.file("logo") as file:
        content = file.read()
    return Logo("logo.png" if content.startswith(b"\x89PNG") else "logo.svg", content)


def _compile(name: str, data: dict[str, Any], show: Show, standards: list[typst.PDFStandard], logo: Logo | None = None) -> bytes:
    """Set a part with the fonts that its texts need: only now they are known."""
    fonts, families = book(show.fonts)
    rules = [one for one, needed in (("rtl", show.fonts.right_to_left), ("kana", show.fonts.kana)) if needed]
    source = b"".join(template(one) for one in ("look", *rules, name))
    return typeset(source, data | {"fonts": show.fonts.about(families)}, standards, logo, fonts)


def typeset(
    source: bytes, data: dict[str, Any], standards: list[typst.PDFStandard], logo: Logo | None = None, fonts: typst.Fonts = BUNDLED
) -> bytes:  # fmt: skip
    """Return what typst makes of a template and its data.

    Raises:
        GlyphMissing: No font has a glyph for a text.
        GiveUp: Anything else that typst refuses.
    """
    # A folder with nothing but the logo is all that typst may read, for files and for packages.
    with TemporaryDirectory() as folder:
        if logo:
            (Path(folder) / logo.name).write_bytes(logo.content)
        try:
            made = typst.Compiler(
                root=folder, font_paths=fonts, ignore_system_fonts=True, sys_inputs={"data": json.dumps(data)}, package_path=folder,
                package_cache_path=folder,
            ).compile(source, format="pdf", pdf_standards=standards, pdf_tags=bool(standards))  # fmt: skip
        except typst.TypstError as error:
            if "could not be displayed" in error.message or "codepoint" in error.message:
                raise GlyphMissing(f"typst: {error.message}") from error
            raise GiveUp(f"typst: {error.message}") from error
    return cast("bytes", made)
