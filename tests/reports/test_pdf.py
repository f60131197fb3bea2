"""PDFs as they are made: in boxes, in parts, joined."""
# ruff: noqa: RUF001 - letters of many scripts are the point

from __future__ import annotations

import hashlib
import io
import os
import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pikepdf
import pypdfium2
import pytest
from pikepdf import Array, Dictionary, Pdf

from tests.reports import here, model, promises
from tests.reports.boxes import Boxes, make
from tests.reports.corpus import PAYLOADS
from watchfloor.capabilities.reports.engine.links import web
from watchfloor.capabilities.reports.engine.spool import Spooling
from watchfloor.capabilities.reports.engine.to_pdf import check, findings, glyphs, opening, part, reading
from watchfloor.capabilities.reports.engine.to_pdf.section import Layout
from watchfloor.capabilities.reports.engine.to_pdf.sending import Sending
from watchfloor.capabilities.reports.engine.to_pdf.shapes import PartRequest, Piece, Plan, Sort
from watchfloor.capabilities.reports.engine.to_pdf.show import Show
from watchfloor.capabilities.reports.engine.to_pdf.structure import Structure
from watchfloor.capabilities.reports.engine.to_pdf.writing import Writing
from watchfloor.capabilities.reports.jobs import pdf as handler
from watchfloor.capabilities.reports.schemas.snapshot import ColumnHead, Head, Options, SectionHead, TableHead
from watchfloor.kernel.errors import GiveUp
from watchfloor.kernel.sections import Sort as Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from watchfloor.kernel.sandbox.zygote import Zygote

SCRIPTS = {
    "arabic": "السلام عليكم ١٢٣", "hebrew": "שלום עולם", "chinese": "中文测试", "japanese": "日本語のテスト", "korean": "한국어", "thai": "สวัสดี", "hindi": "नमस्ते क्षत्रिय",
    "emoji": "😀 👩‍👩‍👧 🇩🇪 ✓ → ∑ ∞", "combining": "z̴̢̛̪͙͙͕̤͓a͏̷l͢g̸o", "long": "A" * 3000, "private": "\ue000\uf8ff\U000f0000", "blank": "   ",
    "lines": "a\nb\r\nc\td\x0be\x85f\u2028g", "mathematical": "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𝕏", "links": "wf-part:0 https://example.org/" + "a/b_c." * 60, "nothing": "\u200b\u2060\ufeff",
    "postscript": "%!PS (a) Tj ET\nendstream endobj xref <</Type/Pages/Count 9/", "typst": '#read("/etc/passwd") $x^2$ *bold* <label> #{1+1} \\ = Heading',
}  # fmt: skip
HEAD = Head.model_validate_json(model.snapshot(0).readline())
PIECE = Piece(sort=Sort.LIST, title="A list")
PLAN = Plan(pieces=(PIECE,), rows_shown=0, rows_total=0, left_out={}, findings=0, gravest=PIECE, in_full=0, sha256="")
PAGE = part.everywhere(HEAD, PartRequest(options=Options(), numbers=(0,), plan=PLAN), PIECE, Show("en", "UTC"))


@pytest.fixture
def boxes(nursery: Zygote) -> Boxes:
    return Boxes(nursery.address)


@pytest.fixture(scope="module")
def report(nursery: Zygote) -> bytes:
    """A report with everything in it: full and compact findings, two sections' worth of tables, charts, attachments."""
    snapshot = model.snapshot(620, services=30).getvalue()
    return make(
        Boxes(nursery.address), snapshot, attached={"findings.csv": b"a,b\r\n1,2\r\n", "report.json": b'{"a":1}'}, classification="Internal"
    )[0]


def opened(content: bytes) -> Pdf:
    return pikepdf.open(io.BytesIO(content))


def text(content: bytes) -> list[str]:
    """Return the text of every page."""
    document = pypdfium2.PdfDocument(content)
    return [page.get_textpage().get_text_range() for page in document]


def kids(element: Any) -> Iterator[Any]:
    """Yield the elements right below one."""
    below = element.get("/K", Array())
    yield from (one for one in (below if isinstance(below, Array) else [below]) if isinstance(one, Dictionary) and "/S" in one)


def walk(element: Any) -> Iterator[Any]:
    yield element
    for one in kids(element):
        yield from walk(one)


def tree(pdf: Pdf) -> list[Any]:
    """Return every element in reading order."""
    return [one for top in kids(pdf.Root.StructTreeRoot) for one in walk(top)]


@pytest.mark.parametrize(("count", "parts"), [(0, 3), (12, 5), (1700, 9)])
def test_however_many_parts_there_are_the_document_keeps_its_promises(boxes: Boxes, count: int, parts: int) -> None:
    snapshot = model.snapshot(count, services=5).getvalue()
    content, rendered = make(boxes, snapshot)
    pdf = opened(content)
    assert list(promises.broken(pdf)) == []
    assert rendered.pages == len(pdf.pages)
    assert boxes.told[-1] == (0, parts, "merge")
    assert pdf.check_pdf_syntax() == []
    assert promises.unreached(pdf) == []


def test_every_table_has_headers_that_its_cells_name(report: bytes) -> None:
    pdf = opened(report)
    tables = [one for one in tree(pdf) if one.S == "/Table"]
    assert len(tables) > 5
    named = {str(one.ID): one for one in tree(pdf) if "/ID" in one}
    for table in tables:
        heads = [one for one in walk(table) if one.S == "/TH"]
        assert heads
        for cell in (one for one in walk(table) if one.S == "/TD"):
            wanted = [str(name) for attributes in cell.A for name in attributes.get("/Headers", [])]
            assert len(wanted) == 1
            assert named[wanted[0]] in heads


def test_names_of_header_cells_are_found_in_the_tree_of_names(report: bytes) -> None:
    pdf = opened(report)
    listed = pdf.Root.StructTreeRoot.IDTree.Names
    names = [bytes(one) for one in list(listed)[::2]]
    assert names == sorted(set(names))
    assert {str(one.ID) for one in tree(pdf) if "/ID" in one} == {name.decode() for name in names}


def test_headings_never_skip_a_level(report: bytes) -> None:
    pdf = opened(report)
    levels = [int(str(one.S)[2:]) for one in tree(pdf) if re.fullmatch(r"/H\d", str(one.S))]
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    assert levels.count(1) == 5  # summary, findings, in full, services, method


def test_every_picture_says_what_it_shows(report: bytes) -> None:
    pdf = opened(report)
    figures = [one for one in tree(pdf) if one.S == "/Figure"]
    assert len(figures) == 3
    assert all(len(str(one.Alt)) > 10 for one in figures)


def test_every_element_is_reached_from_the_root_and_from_its_content(report: bytes) -> None:
    pdf = opened(report)
    reached = {one.objgen for one in tree(pdf)}
    stored = {one.objgen for one in pdf.objects if isinstance(one, Dictionary) and one.get("/Type") == "/StructElem"}
    assert reached == stored
    numbers = pdf.Root.StructTreeRoot.ParentTree.Nums
    keys = [int(one) for one in list(numbers)[::2]]
    assert keys == sorted(set(keys))
    assert {int(page.StructParents) for page in pdf.pages} <= set(keys)
    assert pdf.Root.StructTreeRoot.ParentTreeNextKey > keys[-1]
    assert all(one.P.objgen in reached or one.S == "/Document" for one in tree(pdf))


def test_every_fingerprint_is_found_once(report: bytes) -> None:
    told = re.sub(r"\s", "", "".join(text(report)))
    for one in model.findings(620):
        assert told.count(one["fingerprint"]) == 1


def test_every_page_says_which_of_how_many_it_is(report: bytes) -> None:
    pages = text(report)
    for number, page in enumerate(pages, 1):
        assert f"Page {number:,} of {len(pages):,}" in " ".join(page.split())
        assert "INTERNAL" in page


def test_contents_lead_to_the_page_they_name(report: bytes) -> None:
    pdf = opened(report)
    pages: dict[object, int] = {page.objgen: number for number, page in enumerate(pdf.pages, 1)}
    links = [one for page in pdf.pages for one in page.get("/Annots", []) if "/Dest" in one]
    told = " ".join(" ".join(text(report)[:4]).split())
    assert len(links) >= 5
    for one in links:
        title, page = str(one.Contents), pages[one.Dest[0].objgen]
        assert re.search(rf"{re.escape(title)} [. ]*{page} ", told)


def test_bookmarks_name_every_part_and_finding(report: bytes) -> None:
    pdf = opened(report)
    with pdf.open_outline() as outline:
        tops = [one.title for one in outline.root]
        full = outline.root[2]
        assert tops == ["Summary", "Findings 1–500", "Findings in full 1–100", "Exposed services", "Method and limits"]
        assert len(full.children) == 100 + 1
        assert len(full.children[-1].children) == 100


def test_files_travel_inside_as_they_are(boxes: Boxes) -> None:
    attached = {"findings.csv": os.urandom(3 << 20), "report.json": b'{"a":"\xc3\xa4"}'}
    content, _ = make(boxes, attached=attached)
    pdf = opened(content)
    assert {name: one.get_file().read_bytes() for name, one in pdf.attachments.items()} == attached
    assert [str(one.AFRelationship) for one in pdf.Root.AF] == ["/Data", "/Data"]
    told = re.sub(r"\s", "", text(content)[-1])
    assert all(hashlib.sha256(file).hexdigest() in told for file in attached.values())


def test_a_file_too_large_to_travel_is_named_with_its_hash(boxes: Boxes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handler, "INSIDE_BYTES", 100)
    content, rendered = make(boxes, attached={"findings.csv": b"x" * 101, "report.json": b"{}"})
    assert list(opened(content).attachments) == ["report.json"]
    assert rendered.notes == ("findings.csv was too large to be attached",)
    assert "too large to travel inside" in " ".join(text(content)[-1].split())


def test_rows_beyond_the_limit_are_counted_on_the_page(boxes: Boxes) -> None:
    content, rendered = make(boxes, model.snapshot(300, services=5).getvalue(), pdf_rows_max=100)
    assert (rendered.rows_shown, rendered.rows_total) == (100, 305)
    told = " ".join(text(content)[-1].split())
    assert "205 of 305 rows are not printed here" in told
    assert "Findings: 95 of 300 rows are printed." in told
    assert re.sub(r"\s", "", "".join(text(content))).count(model.findings(300)[94]["fingerprint"]) == 1


def test_an_executive_gets_a_few_pages(boxes: Boxes) -> None:
    content, rendered = make(boxes, model.snapshot(900).getvalue(), audience="executive")
    told = " ".join(text(content))
    assert rendered.pages is not None
    assert rendered.pages <= 7
    assert rendered.rows_shown == 25
    assert "HTTP/1.1 200 OK" not in told


def test_full_describes_every_finding(boxes: Boxes) -> None:
    content, _ = make(boxes, model.snapshot(530, services=0).getvalue(), full=True)
    assert sum(page.count("X-Request") for page in text(content)) == 530


@pytest.mark.parametrize("name", SCRIPTS)
def test_any_script_in_any_place_keeps_the_document_whole(boxes: Boxes, name: str) -> None:
    content, rendered = make(boxes, model.snapshot(4, text=SCRIPTS[name], services=3).getvalue(), classification=SCRIPTS[name][:60])
    inert(content)
    assert rendered.pages == len(text(content))


def test_small_tables_of_a_section_share_its_pages(boxes: Boxes) -> None:
    content, rendered = make(boxes, model.snapshot(0, services=3, tables=4).getvalue())
    pages = text(content)
    (page,) = (one for one in pages if "Table 0" in one)
    assert all(f"Table {n}" in page and f"table {n}" in page for n in range(4))
    assert "Open ports" in page
    assert (rendered.rows_shown, list(promises.broken(opened(content)))) == (11, [])


def test_a_table_that_fits_no_part_with_others_begins_its_own(boxes: Boxes) -> None:
    content, _ = make(boxes, model.snapshot(0, services=700, tables=2).getvalue())
    pages = text(content)
    assert sum(page.count("192.0.2.") for page in pages) == 700 + 4 + 3  # and the subject, the targets, and what was excluded
    assert any("Table 0" in page and "Open ports" not in page for page in pages[4:])
    assert list(promises.broken(opened(content))) == []


def test_the_summary_names_open_findings_when_graver_ones_are_set_aside(boxes: Boxes, monkeypatch: pytest.MonkeyPatch) -> None:
    real = model.row

    def row(n: int, *options: Any) -> dict[str, Any]:
        made = real(n, *options)
        return made | {"state": "accepted" if made["severity"] == "critical" else "open"}

    monkeypatch.setattr(model, "row", row)
    summary = text(make(boxes, model.snapshot(120).getvalue())[0])[1]
    first = summary.partition("What to look at first")[2].partition("Open findings by severity")[0]
    assert (first.count("High"), first.count("Critical")) == (5, 0)


def test_executives_see_no_fingerprints(boxes: Boxes) -> None:
    snapshot = model.snapshot(12, services=0).getvalue()
    told = {audience: "".join(text(make(boxes, snapshot, audience=audience)[0])) for audience in ("executive", "engineer")}
    assert {audience: one.count("0000000b") for audience, one in told.items()} == {"executive": 0, "engineer": 1}


def test_what_stands_between_backquotes_is_set_as_code_and_ports_have_no_separators(boxes: Boxes) -> None:
    told = "".join(text(make(boxes, model.snapshot(1, text="Set `Options -Indexes` off", services=0, tables=1).getvalue())[0]))
    remedy = told.partition("WHAT TO DO")[2].partition("REFERENCES")[0]
    assert "Set Options -Indexes off" in remedy
    assert told.count("8443") == 2
    assert "8,443" not in told


def test_an_unpaired_backquote_stays_what_it_is() -> None:
    show = Show("en", "UTC")
    assert (show.spans("a `b` c"), show.spans("a ` c")) == (["a ", "b", " c"], ["a ` c"])


def test_the_end_of_a_page_parts_no_row(boxes: Boxes) -> None:
    name = "a host with a name of very many words " * 3
    for page in text(make(boxes, model.snapshot(60, text=name, services=0).getvalue())[0]):
        rows = re.split(r"^(?=\d+ (?:Critical|High|Medium|Low|Info) )", page, flags=re.MULTILINE)[1:]
        assert all(re.search(r":(?:22|80|443|5900|8443)\b", one) for one in rows)


def test_hostile_texts_are_printed_as_texts(boxes: Boxes) -> None:
    texts = [one.encode("utf-8", "replace").decode() for one in PAYLOADS]
    assert len(texts) > 200
    content, rendered = make(boxes, model.snapshot(len(texts), texts=texts).getvalue(), full=True)
    inert(content)
    told = re.sub(r"\s", "", "".join(text(content)))
    for one in ("<script>alert(1)</script>", '#read("/etc/passwd")', "{{7*7}}", "=Heading", "javascript:alert(1)"):
        assert told.count(one) >= 3
    assert rendered.rows_shown == len(texts) + 30


def inert(content: bytes) -> None:
    """Fail when anything in a PDF could run, open or hide something, or when it breaks a promise."""
    pdf = opened(content)
    assert list(promises.broken(pdf)) == []
    assert all("/JavaScript" not in one and "/AA" not in one for one in pdf.objects if isinstance(one, Dictionary))
    for one in (one for page in pdf.pages for one in page.get("/Annots", []) if "/A" in one):
        assert (str(one.A.S), str(one.Contents), web(str(one.A.URI))) == ("/URI", str(one.A.URI), str(one.A.URI))  # it says where it leads
    assert "/OpenAction" not in pdf.Root
    assert not re.search("[\u202a-\u202e\u2066-\u2069]", "".join(text(content)))


def test_what_no_font_has_is_replaced_and_counted(boxes: Boxes) -> None:
    content, rendered = make(boxes, model.snapshot(4, text="தமிழ்", services=0).getvalue())
    assert re.fullmatch(r"\d+ characters have no glyph and were replaced; WATCHFLOOR_REPORTS_FONT_DIR names a folder .*", rendered.notes[0])
    assert "\ufffd" in "".join(text(content))
    assert "stand as" in text(content)[-1]


def test_every_character_that_is_said_to_have_a_glyph_has_one_in_every_style() -> None:
    known = [chr(one) for first, last in glyphs.ranges() for one in range(first, last + 1)]
    assert len(known) > 7000
    source = part.template("look") + b'#for one in d.known [x#one #text(weight: "semibold", one) #text(style: "italic", one) #raw(one)]'
    assert part.typeset(source, PAGE | {"known": known}, part.STANDARDS)
    assert glyphs.fit("Zoë க Ж") == ("Zoë \ufffd Ж", 1)


def test_a_text_that_cannot_be_set_though_its_characters_can_is_made_plain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(glyphs, "unknown", lambda: re.compile("[^\x00-\U0010ffff]"))
    content, rendered = make(here.Here(), model.snapshot(4, text="தமிழ் Zoë", services=0).getvalue())
    assert "Zoë" in "".join(text(content))
    assert "replaced" in rendered.notes[0]


def test_a_part_that_dies_is_made_again_in_a_box_of_its_own(nursery: Zygote) -> None:
    boxes = Boxes(nursery.address, cramped=[1])
    content, _ = make(boxes)
    assert boxes.ran == ["plan", *["compile_part"] * 7, "merge"]
    assert content == make(Boxes(nursery.address))[0]


def test_page_numbers_that_die_are_made_again(nursery: Zygote) -> None:
    boxes = Boxes(nursery.address, cramped=[2])
    content, _ = make(boxes)
    assert boxes.ran == ["plan", *["compile_part"] * 3, "merge"]
    assert content == make(Boxes(nursery.address))[0]


def test_page_numbers_that_die_twice_are_named(nursery: Zygote) -> None:
    with pytest.raises(GiveUp, match=r"^render_failed: page numbers: sandbox: deadline"):
        make(Boxes(nursery.address, cramped=[2, 3]))


def test_a_part_that_dies_twice_is_named(nursery: Zygote) -> None:
    with pytest.raises(GiveUp, match=r"^render_failed: part 1: sandbox: deadline"):
        make(Boxes(nursery.address, cramped=[1, 2]))


def test_a_merge_that_dies_is_named(nursery: Zygote) -> None:
    with pytest.raises(GiveUp, match=r"^render_failed: merge: sandbox: deadline"):
        make(Boxes(nursery.address, cramped=[3]))


@pytest.mark.parametrize(
    ("markup", "refusal"),
    [
        (b"= One\n=== Three", "PDF/UA-1 error: skipped from heading level 1 to 3"),
        (b'#image(bytes("<svg xmlns=\'http://www.w3.org/2000/svg\'/>"), format: "svg")', "PDF/UA-1 error: missing alt text"),
        (b"#set document(title: none)\n= One", "PDF/UA-1 error: missing document title"),
    ],
)
def test_what_is_not_accessible_is_refused_by_the_compiler(markup: bytes, refusal: str) -> None:
    with pytest.raises(GiveUp, match=refusal):
        part.typeset(part.template("look") + markup, PAGE, part.STANDARDS)


TABLE = b"""= One
#figure(image(bytes("<svg xmlns='http://www.w3.org/2000/svg' width='4' height='4'/>"), format: "svg", alt: "A (small) picture"))
#table(columns: 2, table.header([A], [B]), [1], [2])"""


@pytest.fixture(scope="module")
def compiled() -> bytes:
    """A part with a picture and a table."""
    return part.typeset(part.template("look") + TABLE, PAGE, part.STANDARDS)


def found(compiled: bytes, before: bytes = b"", after: bytes = b"") -> list[str]:
    """Return which promises a part breaks, with some of it replaced."""
    whole = reading.read(compiled, 0)
    text = whole.text.replace(before, after, 1) if before else whole.text
    assert not before or text != whole.text
    return list(check.problems(text, opening.Opened(whole, text)))


def test_a_picture_that_lost_its_words_is_refused(compiled: bytes) -> None:
    words = b"<" + b"A (small) picture".hex().encode() + b">"
    assert found(compiled) == []
    assert found(compiled, b"/Alt" + words) == ["a figure has no alternative text"]
    assert found(compiled, words, b"( )") == ["a figure has no alternative text"]


def test_names_that_two_have_and_pages_that_are_not_there_are_refused(compiled: bytes) -> None:
    assert found(compiled, b"/ID(U1x1y0)", b"/ID(U1x0y0)") == ["two elements have the same name"]
    page = re.search(rb"/Pg (\d+) 0 R", compiled)
    assert page
    assert found(compiled, page[0], b"/Pg 1 0 R") == ["an element stands on a page that is not in the document"]


def test_headers_that_nobody_has_are_refused() -> None:
    structure = Structure(Writing(Sending(here.Report())))
    structure.fit(b"<</Type/StructElem/S/TD/P 2 0 R/A[<</O/Table/Headers[(U1x9y9)]>>]/K[0]>>", 3, 1)
    with pytest.raises(GiveUp, match="names p3-U1x9y9 as its header, and no header"):
        check.resolve(structure.nameless())


def test_a_part_with_other_pages_than_it_had_is_refused(compiled: bytes) -> None:
    whole = reading.read(compiled, 0)
    with pytest.raises(GiveUp, match="has 1 pages, and had 2"):
        check.check(whole.text, opening.Opened(whole, whole.text), 2)


def test_the_document_says_that_it_is_an_archive_for_everybody(report: bytes) -> None:
    pdf = opened(report)
    with pdf.open_metadata(set_pikepdf_as_editor=False, update_docinfo=False) as said:
        assert (said["pdfaid:part"], said["pdfaid:conformance"], said["pdfuaid:part"]) == ("3", "A", "1")
        assert said["dc:title"] == "Exposed services of Example Ltd"
        assert said["xmp:CreateDate"] == "2026-06-01T12:30:00+00:00"
    assert pdf.Root.Lang == "en"
    assert pdf.Root.MarkInfo.Marked
    assert pdf.Root.ViewerPreferences.DisplayDocTitle
    assert pdf.docinfo.CreationDate == "D:20260601123000Z"
    assert len(pdf.Root.OutputIntents) == 1


def test_a_logo_stands_on_the_cover_with_the_organisations_name(boxes: Boxes) -> None:
    picture = b"<svg xmlns='http://www.w3.org/2000/svg' width='40' height='20'><rect width='40' height='20' fill='#1d5fbf'/></svg>"
    content, _ = make(boxes, logo=picture)
    pdf = opened(content)
    assert str(next(one for one in tree(pdf) if one.S == "/Figure").Alt) == "Example Ltd"


def test_words_numbers_and_times_are_the_readers(boxes: Boxes) -> None:
    content, _ = make(boxes, model.snapshot(1200, services=0).getvalue(), locale="de", time_zone="Europe/Berlin", audience="executive")
    assert "14:30 UTC+02:00" in text(content)[0]
    assert f"Seite 2 von {len(opened(content).pages)}" in " ".join(text(content)[1].split())
    assert opened(content).Root.Lang == "de"


@pytest.mark.parametrize(
    ("locale", "language", "said", "note"),
    [
        ("fr", "fr", "sont \u00e0 examiner en priorit\u00e9", False),
        ("es-MX", "es", "deben examinarse primero", False),
        ("ar", "en", "should be looked at first", True),
        ("he-IL", "en", "should be looked at first", True),
    ],
)
def test_a_reader_reads_their_language_or_is_told_that_there_is_none(
    boxes: Boxes, locale: str, language: str, said: str, *, note: bool
) -> None:
    content, _ = make(boxes, locale=locale, audience="executive")
    cover, summary = (" ".join(one.split()) for one in text(content)[:2])
    assert opened(content).Root.Lang == language
    assert said in summary
    assert ("not translated into your language yet" in cover) == note


def test_what_is_short_in_headers_and_whole_on_the_cover_is_not_told_to_be_cut() -> None:
    show, head = Show("en", "UTC"), HEAD.model_copy(update={"org": "o" * 150, "title": "t" * 150})
    told = part.everywhere(head, PartRequest(options=Options(), numbers=(0,), plan=PLAN), PIECE, show)
    assert (len(told["org"]), len(told["running"]), show.cut) == (38, 90, 0)


def test_what_a_section_says_is_unfinished_is_said_once(boxes: Boxes) -> None:
    about = SectionHead(name="scans", title="Exposed services", state="running")
    snapshot = io.BytesIO()
    Spooling(io.BytesIO()).close(HEAD.model_copy(update={"state": "running", "sections": (about,), "rows": 0}), snapshot)
    told = " ".join(text(make(boxes, snapshot.getvalue())[0])[1].split())
    assert told.count("was in the state") == 1


def test_words_that_run_from_right_to_left_turn_the_page_around() -> None:
    markup = b"#listing((1fr, 1fr), ([One], [Two]), ([three], [four]))"
    found = {}
    for way in ("ltr", "rtl"):
        page = pypdfium2.PdfDocument(part.typeset(part.template("look") + markup, PAGE | {"dir": way}, part.STANDARDS))[0].get_textpage()
        told = page.get_text_range()
        found[way] = page.get_charbox(told.index("One"))[0] < page.get_charbox(told.index("Two"))[0]
    assert found == {"ltr": True, "rtl": False}


def test_a_name_that_runs_from_right_to_left_keeps_its_port_behind_it() -> None:
    show = Show("en", "UTC")
    assert findings.where({"target": "web-1", "port": 443}, show) == "web-1:443"
    assert findings.where({"target": "\u05e9\u05dc\u05d5\u05dd", "port": 443}, show).endswith("\u200e:443")


def test_a_table_of_many_columns_lies_on_its_side_and_its_pages_are_numbered_in_the_middle(boxes: Boxes) -> None:
    content, _ = make(boxes, wide(30))
    pdf = opened(content)
    assert list(promises.broken(pdf)) == []
    broad = [number for number, page in enumerate(pdf.pages) if page.MediaBox[2] > page.MediaBox[3]]
    assert broad
    for number in (0, *broad):
        page = pypdfium2.PdfDocument(content)[number]
        words = page.get_textpage()
        at = words.search(f"Page {number + 1}").get_next()
        assert at
        left, right = words.get_charbox(at[0])[0], words.get_charbox(at[0] + len(f"Page {number + 1} of {len(pdf.pages)}") - 1)[2]
        assert (left + right) / 2 == pytest.approx(page.get_width() / 2, abs=1)


def wide(rows: int) -> bytes:
    """Return a snapshot with a table of twelve columns."""
    columns = tuple(ColumnHead(name=f"c{n}", title=f"Certificate {n}") for n in range(12))
    table = TableHead(key="scans.many", title="Many", columns=columns, rows=rows)
    body, out = io.BytesIO(), io.BytesIO()
    spooling = Spooling(body)
    for n in range(rows):
        spooling.add("scans.many", {one.name: f"value {n}" for one in columns})
    section = SectionHead(name="scans", title="Exposed services", tables=(table,))
    spooling.close(HEAD.model_copy(update={"sections": (section,), "rows": rows, "findings": {}}), out)
    return out.getvalue()


def test_no_word_of_a_head_or_a_cell_is_broken_while_there_is_room() -> None:
    columns = tuple(ColumnHead(name=name, title=title, sort=sort) for name, title, sort in (
        ("a", "Rançongiciel", Kind.FLAG), ("b", "Title", Kind.TEXT), ("c", "Advisory", Kind.CODE), ("d", "Since", Kind.MOMENT)
    ))  # fmt: skip
    row = {"a": True, "b": "Heap overflow in the parser of Example Server", "c": "CVE-2026-12345", "d": "2026-05-01T10:00:00+00:00"}
    layout = Layout(TableHead(key="x", title="x", columns=columns), [one.title for one in columns], [row])
    assert not layout.broad
    assert sum(layout.widths) == pytest.approx(95)
    assert [room >= least for room, least in zip(layout.rooms, (12, 40, 14, 10), strict=True)] == [True, False, True, True]
    assert layout.rooms[1] == max(layout.rooms)


@pytest.mark.parametrize("size", [(3000, 100), (100, 3000), (64, 64)])
def test_a_logo_of_any_shape_stays_in_its_place(size: tuple[int, int]) -> None:
    picture = f"<svg xmlns='http://www.w3.org/2000/svg' width='{size[0]}' height='{size[1]}'><rect width='100%' height='100%' fill='#1d5fbf'/></svg>"
    content, _ = make(here.Here(), logo=picture.encode(), audience="executive")
    drawn = next(one for one in pypdfium2.PdfDocument(content)[0].get_objects() if one.type == pypdfium2.raw.FPDF_PAGEOBJ_FORM)
    left, bottom, right, top = drawn.get_bounds()
    assert right - left <= 81 * 72 / 25.4
    assert top - bottom <= 17 * 72 / 25.4


def test_qpdf_finds_nothing(report: bytes) -> None:
    pdf = pikepdf.open(io.BytesIO(report))
    assert (pdf.check_pdf_syntax(), pdf.get_warnings()) == ([], [])


SCRIPT = "import sys; from tests.reports.here import digest; sys.stdout.write(digest())"


def test_the_same_data_gives_the_same_bytes_anywhere() -> None:
    told = set()
    for seed, zone, language in (("0", "UTC", "C.UTF-8"), ("1", "Asia/Tokyo", "de_DE.UTF-8"), ("random", "America/New_York", "C")):
        env = os.environ | {"PYTHONHASHSEED": seed, "TZ": zone, "LANG": language, "LC_ALL": language}
        ran = subprocess.run(
            [sys.executable, "-c", SCRIPT], env=env, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=True
        )
        told.add(ran.stdout)
    assert len(told) == 1
    assert len(told.pop()) == 64
