"""Parts of PDFs are read as typst writes them, and nothing that a text says is taken for more than a text."""

from __future__ import annotations

import io
import re

import pikepdf
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.reports import here, model
from tests.reports.boxes import make
from tests.reports.corpus import PAYLOADS
from watchfloor.capabilities.reports.engine.to_pdf import part, reading
from watchfloor.capabilities.reports.engine.to_pdf.opening import Opened
from watchfloor.capabilities.reports.engine.to_pdf.sending import Sending
from watchfloor.capabilities.reports.engine.to_pdf.shapes import PartRequest, Piece, Plan, Sort
from watchfloor.capabilities.reports.engine.to_pdf.show import Show
from watchfloor.capabilities.reports.engine.to_pdf.writing import TOGETHER, Writing, string
from watchfloor.capabilities.reports.schemas.snapshot import Head, Options
from watchfloor.kernel.errors import GiveUp

HEAD = Head.model_validate_json(model.snapshot(0).readline())
PIECE = Piece(sort=Sort.LIST, title="A list")
PLAN = Plan(pieces=(PIECE,), rows_shown=0, rows_total=0, left_out={}, findings=0, gravest=PIECE, in_full=0, sha256="")
PAGE = part.everywhere(HEAD, PartRequest(options=Options(), numbers=(0,), plan=PLAN), PIECE, Show("en", "UTC"))
NASTY = (
    "5 0 R", ") /JS 5 0 R (", "((((", "))))", "(a (b (c) d) e)", "\\", "\\)", "/ID(U1x0y0)", "/S/H1/", "<</Type/StructElem/S/Figure/", "endobj", "1 0 obj", "R",
    "/StructParents 7", "/CIDSet 3 0 R", "[1 0 R]", "<feff>", "wf-part:0", "/A<</Type/Action/S/URI/URI(wf-part:1)>>", "(U1x0y0)", "\\050", "a\\nb", "%PDF-1.7", "xref", "trailer",
)  # fmt: skip


def escaped(text: str) -> bytes:
    """Return a string as PDF lets one write it, its brackets plain where each has its other."""
    depth, lowest = 0, 0
    for one in text:
        depth += (one == "(") - (one == ")")
        lowest = min(lowest, depth)
    plain = depth == lowest == 0
    told = "".join(
        one
        if one in "()" and plain
        else "\\" + one
        if one in "()\\"
        else one
        if " " <= one <= "~"
        else {"\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b", "\f": "\\f"}.get(one, f"\\{ord(one):03o}")
        for one in text
    )
    return f"({told})".encode("ascii")


@given(st.lists(st.one_of(st.sampled_from(NASTY), st.text(st.characters(max_codepoint=127), max_size=20)), max_size=6).map("".join))
def test_a_string_keeps_what_it_says_and_looks_like_nothing_else(text: str) -> None:
    told = reading.tame(b"<</Title" + escaped(text) + b"/Dest 7 0 R>>")
    token = told.removeprefix(b"<</Title").removesuffix(b"/Dest 7 0 R>>")
    assert reading.decoded(token) == text
    assert not re.search(rb"[/R\[\]\\\n]|<<|>>", token[1:-1])
    assert b"(" not in token[1:]


@given(st.text(max_size=40).filter(lambda text: text.isprintable()))
def test_a_string_of_ours_is_read_back(text: str) -> None:
    pdf = pikepdf.Object.parse(b"<</T" + string(text) + b">>")
    assert str(pdf.T) == text


@pytest.mark.no_cover  # each text walks the same lines
def test_bookmarks_say_what_hostile_titles_say() -> None:
    texts = [one.encode("utf-8", "replace").decode() for one in (*NASTY, *PAYLOADS)]
    content, _ = make(here.Here(), model.snapshot(len(texts), texts=texts, services=0).getvalue(), full=True)
    with pikepdf.open(io.BytesIO(content)) as pdf, pdf.open_outline() as outline:
        tops = [one for one in outline.root if one.title.startswith("Findings in full")]
        found = {
            one.title.partition("  ")[2]
            for top in tops
            for one in (*top.children, *(inner for below in top.children for inner in below.children))
        }
    show = Show("en", "UTC")
    assert {show.line(one, 300).strip() for one in texts if show.line(one, 300).strip()} <= found


@pytest.fixture(scope="module")
def compiled() -> bytes:
    return part.typeset(part.template("look") + b"= One\nText", PAGE, part.STANDARDS)


def test_numbers_are_moved_and_nothing_else(compiled: bytes) -> None:
    first, moved = reading.read(compiled, 0), reading.read(compiled, 1000)
    back = re.sub(rb"(\d+)(?= 0 (?:R|obj\n))", lambda found: b"%d" % (int(found[0]) - 1000), moved.text)
    assert back == first.text
    assert {number + 1000: count for number, count in first.uses.items()} == dict(moved.uses)
    assert {number + 1000 for number in first.streams} == set(moved.streams)
    assert moved.root == first.root + 1000


def test_what_typst_did_not_write_is_refused(compiled: bytes) -> None:
    other = io.BytesIO()
    with pikepdf.open(io.BytesIO(compiled)) as pdf:
        pdf.save(other)
    for broken in (
        other.getvalue(),
        b"",
        compiled[:-400],
        compiled.replace(b"<</Length ", b"<</Length 1", 1),
        compiled.replace(b"\ntrailer\n", b"\nTrailer\n"),
    ):
        with pytest.raises(GiveUp, match="not understood here"):
            reading.read(broken, reading.size(broken))


def test_what_leads_nowhere_is_refused(compiled: bytes) -> None:
    found = reading.read(re.sub(rb"/Resources \d+ 0 R", b"/Resources 99999 0 R", compiled, count=1), 0)
    with pytest.raises(GiveUp, match="leads to an object that is not there"):
        Opened(found, found.text)


class Kept(here.Report):
    """Keeps what is sent."""

    def __init__(self) -> None:
        self.kept = bytearray()
        super().__init__(self.kept.extend)


@pytest.mark.parametrize("count", [0, 1, TOGETHER - 3, TOGETHER - 2, TOGETHER, 3 * TOGETHER + 1])
def test_every_object_is_found_where_the_table_says(count: int) -> None:
    report = Kept()
    sending = Sending(report)
    writing = Writing(sending)
    pages, page = writing.take(), writing.take()
    writing.add_all(
        {
            page: b"<</Type/Page/Parent %d 0 R/Resources<<>>/MediaBox[0 0 9 9]>>" % pages,
            pages: b"<</Type/Pages/Count 1/Kids[%d 0 R]>>" % page,
        }
    )
    numbers = [writing.new(b"(%d)" % one) for one in range(count)]
    packed = writing.packed(b"/Type/Any", b"some text")
    writing.take(5)  # numbers that nothing is written under
    root = writing.new(b"<</Type/Catalog/Pages %d 0 R>>" % pages)
    writing.finish({"Root": root})
    sending.finish()
    with pikepdf.open(io.BytesIO(bytes(report.kept))) as pdf:
        assert pdf.check_pdf_syntax() == []
        assert [str(pdf.get_object(number, 0)) for number in numbers] == [str(one) for one in range(count)]
        assert pdf.get_object(packed, 0).read_bytes() == b"some text"
