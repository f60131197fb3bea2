"""Letters of every script in PDFs, the operator's fonts, and what is said where no font has a character."""
# ruff: noqa: RUF001 - letters of many scripts are the point

from __future__ import annotations

import hashlib
import io
import re
import struct
import unicodedata
from typing import TYPE_CHECKING, Any

import pikepdf
import pypdfium2
import pytest

from tests.reports import here, letters, model, promises
from tests.reports.boxes import Boxes, make
from tests.reports.letters import TEXTS
from tests.reports.test_pdf import PAGE, inert, text
from watchfloor.capabilities.reports.engine.to_pdf import archival, fonts, glyphs, part, typeface
from watchfloor.capabilities.reports.engine.to_pdf.fonts import CJK_FILE, SCRIPTS, Fonts
from watchfloor.capabilities.reports.engine.to_pdf.show import Show
from watchfloor.kernel.errors import GiveUp

if TYPE_CHECKING:
    from pathlib import Path

    from watchfloor.kernel.sandbox.zygote import Zygote

ETHIOPIC = "ሀለሐ"
STYLES = b'#d.known #text(weight: "semibold", d.known) #raw(d.known)'
COMMON = ["Fira Sans", "DejaVu Sans Mono", "Libertinus Serif", "New Computer Modern Math"]


@pytest.fixture
def boxes(nursery: Zygote) -> Boxes:
    return Boxes(nursery.address)


@pytest.fixture(scope="module")
def report(nursery: Zygote) -> bytes:
    """A report with all scripts in it."""
    texts = list(TEXTS.values())
    return make(Boxes(nursery.address), model.snapshot(len(texts), texts=texts, services=3).getvalue(), full=True)[0]


def faces_in(content: bytes) -> set[str]:
    """Return the names of the fonts that a PDF holds."""
    pdf = pikepdf.open(io.BytesIO(content))
    named = {str(one.BaseFont) for one in pdf.objects if isinstance(one, pikepdf.Dictionary) and "/BaseFont" in one}
    return {re.sub(r"^/[A-Z]{6}\+|-Identity-H$", "", one) for one in named}


def places(content: bytes, told: str) -> list[float]:
    """Return where letters stand on the first page that has them, from the left, in the order of `told`."""
    for page in pypdfium2.PdfDocument(content):
        found = page.get_textpage()
        whole = found.get_text_range()
        if set(told) <= set(whole):
            return [found.get_charbox(whole.index(one))[0] for one in told]
    raise AssertionError(told)


@pytest.mark.parametrize("script", TEXTS)
def test_what_a_target_said_is_copied_from_the_document_as_it_was(boxes: Boxes, script: str) -> None:
    said = TEXTS[script]
    content, rendered = make(boxes, model.snapshot(3, texts=[said] * 3, services=0).getvalue(), full=True)
    pages = [" ".join(page.split()) for page in text(content)]
    assert sum(page.count(said) for page in pages) > 15
    assert rendered.notes == ()


def test_a_document_with_all_scripts_keeps_its_promises(report: bytes) -> None:
    inert(report)
    pdf = pikepdf.open(io.BytesIO(report))
    assert pdf.check_pdf_syntax() == []
    assert promises.unreached(pdf) == []


def test_qpdf_finds_nothing_in_it(report: bytes) -> None:
    pdf = pikepdf.open(io.BytesIO(report))
    assert (pdf.check_pdf_syntax(), pdf.get_warnings()) == ([], [])


def test_nothing_speaks_against_it_as_an_archive_file(report: bytes) -> None:
    class Given(here.Report):
        def file(self, name: str) -> Any:
            assert name == "pdf"
            return io.BytesIO(report)

    assert archival.examine(archival.ArchivalRequest(), Given()).passed is not False


def test_every_character_that_a_script_is_said_to_have_has_a_glyph_in_every_style() -> None:
    told = [one for script in SCRIPTS for one in fonts_of(script.file)[0].glyphs if glyphs.within(one, script.characters)]
    assert set_in_type(told, STYLES) > 1000


def test_every_character_that_the_font_for_chinese_is_said_to_have_has_a_glyph() -> None:
    told = [one for one in fonts_of(CJK_FILE)[0].glyphs if not glyphs.common(one)]
    assert set_in_type(told, b"#d.known") > 43_000


def test_every_mark_is_shown_on_its_letter_or_replaced() -> None:
    marks = [chr(one) for one in (*range(0x300, 0x1000), 0x20DD, 0x3099, 0xFB1E) if unicodedata.category(chr(one))[0] == "M"]
    told = [f"a {letter}{mark}" for letter in "xבبकก中か한" for mark in marks]
    assert set_in_type(told, STYLES) > 1000
    assert glyphs.fit("क\u093f ب\u0670 x\u0670\u0670 א\u0591", Fonts().find) == ("क\u093f ب\u0670 x\ufffd\ufffd א\ufffd", 3)


def set_in_type(told: list[str], styles: bytes) -> int:
    """Set texts; return how many are shown as they are."""
    asked = Fonts("ja")
    shown = [glyphs.fit(one, asked.find) for one in told]
    for at in range(0, len(shown), 4000):
        known = " x".join(one for one, _ in shown[at : at + 4000])
        assert part.typeset(part.template("look") + styles, PAGE | {"known": known, "fonts": asked.about()}, part.STANDARDS)
    return sum(not missing for _, missing in shown)


def fonts_of(path: Path) -> list[typeface.Face]:
    with path.open("rb") as file:
        return typeface.faces(file)


def test_a_document_of_a_pages_own_letters_names_no_font_of_another_script() -> None:
    show = Show("de", "Europe/Berlin")
    assert show.line("Zoë Ж Σ → ∑") == "Zoë Ж Σ → ∑"
    assert show.fonts.about() == {"prose": COMMON, "code": [COMMON[1], COMMON[0], *COMMON[2:]], "japanese": [], "free": ""}


def test_only_the_scripts_of_a_document_are_in_it(boxes: Boxes) -> None:
    content, _ = make(boxes, model.snapshot(2, texts=[TEXTS["hebrew"]], services=0).getvalue())
    assert {one for one in faces_in(content) if not one.startswith(("FiraSans", "DejaVu"))} == {"Heebo-Regular"}


def test_japanese_stands_in_its_own_shapes_beside_chinese(boxes: Boxes) -> None:
    content, _ = make(boxes, model.snapshot(2, texts=["直骨", "直骨です"], services=0).getvalue())
    assert {"NotoSansCJKsc-Regular", "NotoSansCJKjp-Regular"} <= faces_in(content)


@pytest.mark.parametrize(
    ("locale", "face"), [("zh-TW", "tc"), ("zh-Hant-HK", "hk"), ("ko", "kr"), ("ja-JP", "jp"), ("de", "sc"), ("zh", "sc")]
)
def test_a_reader_sees_the_shapes_of_their_own_country(locale: str, face: str) -> None:
    content, _ = make(here.Here(), model.snapshot(1, texts=["直骨"], services=0).getvalue(), locale=locale)
    assert f"NotoSansCJK{face}-Regular" in faces_in(content)


def test_a_text_that_begins_right_to_left_runs_so_and_others_do_not(boxes: Boxes) -> None:
    content, _ = make(boxes, model.snapshot(1, texts=["שלום 123 Ωyz (ab) דף"], services=0).getvalue())
    first, latin, last = places(content, "שΩד")
    assert first > latin > last
    content, _ = make(boxes, model.snapshot(1, texts=["Ωyz שלום Яab"], services=0).getvalue())
    latin, hebrew, after = places(content, "ΩשЯ")
    assert latin < hebrew < after


def test_a_long_chinese_word_stays_in_its_column(boxes: Boxes) -> None:
    content, _ = make(boxes, model.snapshot(1, texts=["漢字仮名交文" * 8], services=0).getvalue())
    asset, state = (20 + 92) * 72 / 25.4, (20 + 127) * 72 / 25.4  # where these columns of the list begin
    boxed = [
        found.get_charbox(at)
        for found in (pypdfium2.PdfDocument(content)[3].get_textpage(),)
        for at in range(found.count_chars())
        if found.get_text_range(at, 1) in "漢字仮名交文"
    ]
    inside = [one for one in boxed if asset < one[0] < state]
    assert len(inside) == 48
    assert max(one[2] for one in inside) < state


def test_where_lines_end_anywhere_a_long_word_is_not_cut() -> None:
    show = Show("en", "UTC")
    assert show.soft("漢字" * 20, 8) == ["漢字" * 20]
    assert show.soft("aaaaaaaaaa漢字 b", 8) == ["aaaaaaaa", "aa", "漢字", " ", "b"]
    assert show.soft("漢字 漢字", 8) == "漢字 漢字"


def test_a_chart_says_in_words_what_its_picture_cannot_show(boxes: Boxes) -> None:
    content, rendered = make(boxes, model.snapshot(2, text=TEXTS["hindi"], services=3).getvalue())
    pdf = pikepdf.open(io.BytesIO(content))
    told = [str(one.Alt) for one in pdf.objects if isinstance(one, pikepdf.Dictionary) and one.get("/S") == "/Figure"]
    assert sum(TEXTS["hindi"] in one for one in told) == 2
    assert "replaced" in rendered.notes[0]
    assert sum(page.count("\ufffd") for page in text(content)[1:3]) > 0
    assert not any("\ufffd" in page for page in (text(content)[0], *text(content)[3:-1]))


def test_a_documents_title_is_told_whole_though_no_font_shows_it(boxes: Boxes) -> None:
    content, _ = make(boxes, model.snapshot(1, text=ETHIOPIC, services=0).getvalue())
    assert str(pikepdf.open(io.BytesIO(content)).docinfo.Title) == ETHIOPIC
    assert ETHIOPIC not in "".join(text(content))


@pytest.mark.parametrize(
    ("said", "shown", "replaced"),
    [
        ("Login 🔒", "Login [lock]", 1), ("🇩🇪", "[D][E]", 2), ("💀" * 41, "[skull]" * 40 + "\ufffd", 41), ("ሀ", "\ufffd", 1), ("🔒é漢", "[lock]é漢", 1),
        ("\U0001faff", "\ufffd", 1), ("✓ ☎ →", "✓ ☎ →", 0),
    ],
)  # fmt: skip
def test_an_emoji_without_a_font_is_told_by_its_name(said: str, shown: str, replaced: int) -> None:
    assert glyphs.fit(said, Fonts().find) == (shown, replaced)


def test_the_font_for_chinese_is_the_one_that_google_and_adobe_published() -> None:
    assert hashlib.sha256(CJK_FILE.read_bytes()).hexdigest() == "b76b0433203017ca80401b2ee0dd69350349871c4b19d504c34dbdd80541690a"


def test_the_operators_font_shows_what_no_other_does(boxes: Boxes) -> None:
    snapshot = model.snapshot(4, text=ETHIOPIC, services=2).getvalue()
    content, rendered = make(boxes, snapshot, fonts={"operator.ttf": letters.font()})
    inert(content)
    assert rendered.notes == ()
    assert "".join(text(content)).count(ETHIOPIC) > 30
    assert "Operator" in faces_in(content)
    assert content == make(boxes, snapshot, fonts={"operator.ttf": letters.font()})[0]


def test_all_weights_of_a_family_come_along() -> None:
    given = {
        "a.ttf": letters.font(weight=900),
        "b.ttf": letters.font(family="Other", weight=700),
        "c.ttf": letters.font(weight=600),
        "d.ttf": letters.font(),
    }
    found = fonts.Given(list(given), _files(given))
    assert found.find("ሀ") == (0, 2, 3)
    assert found.find("ጐ") == ()


def test_no_font_of_the_operators_is_read_before_a_text_needs_it(boxes: Boxes) -> None:
    broken = {"broken.ttf": b"no font"}
    content, _ = make(boxes, model.snapshot(2, texts=list(TEXTS.values()), services=0).getvalue(), fonts=broken)
    assert content == make(boxes, model.snapshot(2, texts=list(TEXTS.values()), services=0).getvalue())[0]
    with pytest.raises(
        GiveUp, match=r"part 1: the font broken.ttf in WATCHFLOOR_REPORTS_FONT_DIR cannot be used: it is neither .* replace it"
    ):
        make(boxes, model.snapshot(2, text=ETHIOPIC, services=0).getvalue(), fonts=broken)


def test_a_font_that_typst_cannot_read_is_named(boxes: Boxes) -> None:
    content = letters.font()
    (count,) = struct.unpack_from(">H", content, 4)
    tables = {name: content[at : at + size] for name, _, at, size in struct.iter_unpack(">4sLLL", content[12 : 12 + 16 * count])}
    del tables[b"hhea"]
    with pytest.raises(GiveUp, match=r"the font odd.ttf in WATCHFLOOR_REPORTS_FONT_DIR cannot be used: typst cannot read it"):
        make(boxes, model.snapshot(2, text=ETHIOPIC, services=0).getvalue(), fonts={"odd.ttf": letters.written(tables)})


def _files(given: dict[str, bytes]) -> Any:
    class Files(here.Report):
        def file(self, name: str) -> Any:
            return io.BytesIO(list(given.values())[int(name.removeprefix("font-"))])

    return Files()


FONT = letters.font()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "it is cut off"), (b"%PDF-1.7 and more", "it is neither TrueType nor OpenType"), (b"wOF2" + FONT[4:], "it is packed for the web"),
        (FONT[:40], "it is cut off"), (FONT[:-3000], "its table '.*' ends behind the end of the file"), (FONT[:4] + b"\xff\xff" + FONT[6:], "65535 tables"),
        (b"ttcf\x00\x01\x00\x00\xff\xff\xff\xff", "4294967295 fonts"), (FONT.replace(b"cmap", b"xmap"), "it has no table 'cmap'"),
        (FONT.replace(b"glyf", b"xlyf"), "it has no glyphs"),
        (FONT.replace(struct.pack(">HHHHL", 0, 1, 3, 10, 12), struct.pack(">HHHHL", 0, 1, 3, 9, 12)), "no table of Unicode characters"),
        (FONT.replace(struct.pack(">HHL", 12, 0, 28), struct.pack(">HHL", 2, 0, 28)), "no table of Unicode characters"),
        (FONT.replace(struct.pack(">LL", 1, letters.ETHIOPIC), struct.pack(">LL", 1 << 20, letters.ETHIOPIC)), "its table of characters is cut off"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_font_says_why(content: bytes, reason: str) -> None:
    with pytest.raises(typeface.BrokenFont, match=reason):
        typeface.faces(io.BytesIO(content))[0].glyphs  # noqa: B018 - reading it is the deed


def test_a_fonts_tables_of_characters_are_read_as_they_are_written() -> None:
    assert "".join(typeface.faces(io.BytesIO(letters.font(count=3)))[0].glyphs) == "ሀሁሂ"
    collection = fonts_of(CJK_FILE)
    assert [one.family for one in collection][:3] == ["Noto Sans CJK JP", "Noto Sans CJK KR", "Noto Sans CJK SC"]
    assert [one in collection[0].glyphs for one in "漢か한ꀀ\U0002000b"] == [True, True, True, False, True]
    segments = (
        struct.pack(">7H", 4, 0, 0, 8, 0, 0, 0) + struct.pack(">4H", 65, 70, 80, 0xFFFF) + bytes(2) + struct.pack(">4H", 65, 69, 75, 0xFFFF)
    )
    segments += struct.pack(">4H", 0, 0xFFFF - 69 + 1, 0, 1) + struct.pack(">4H", 0, 0, 4, 0) + struct.pack(">6H", 5, 0, 7, 0, 0, 9)
    table = struct.pack(">HHHHL", 0, 1, 3, 1, 12) + segments
    # The last segment before the end looks its glyphs up: 0 is none. The second moves 69 to 0, which is none.
    assert "".join(typeface.Face("", 400, table, slanted=False).glyphs) == "AFKMP"
