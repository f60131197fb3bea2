"""Heights of rows that are told to typst: never less than what it needs."""

from __future__ import annotations

import json
import random
from tempfile import TemporaryDirectory
from typing import Any, Final

import pytest
import typst

from tests.reports import model
from tests.reports.corpus import PAYLOADS
from watchfloor.capabilities.reports.engine.to_pdf import book, heights, part
from watchfloor.capabilities.reports.engine.to_pdf.heights import Cell, height
from watchfloor.capabilities.reports.engine.to_pdf.shapes import PartRequest, Piece, Plan, Sort
from watchfloor.capabilities.reports.engine.to_pdf.show import Show
from watchfloor.capabilities.reports.schemas.snapshot import Head, Options

HEAD = Head.model_validate_json(model.snapshot(0).readline())
PIECE = Piece(sort=Sort.LIST, title="A list")
PLAN = Plan(pieces=(PIECE,), rows_shown=0, rows_total=0, left_out={}, findings=0, gravest=PIECE, in_full=0, sha256="")
SHOW = Show("en", "UTC")
PAGE = part.everywhere(HEAD, PartRequest(options=Options(), numbers=(0,), plan=PLAN), PIECE, SHOW)
ALPHABET: Final = "abcdefgmilWMO 0123456789    .,:;!?()[]{}<>/\\|-_+=*&%$#@\"'`~^äöüßÉñŁœ«»¡¿§°"
STYLES = pytest.mark.parametrize(
    ("style", "how"), [("one", {}), ("code(one)", {"code": True}), ('text(weight: "semibold", one)', {"strong": True})]
)


def ask(markup: str, **data: Any) -> Any:
    """Return what typst answers to `markup`, which labels it <x>, set as tables are."""
    source = part.template("look") + b"#set text(size: 8.4pt, kerning: false, ligatures: false)\n" + markup.encode()
    with TemporaryDirectory() as folder:
        compiler = typst.Compiler(
            input=source, root=folder, font_paths=book.BUNDLED, ignore_system_fonts=True, sys_inputs={"data": json.dumps(PAGE | data)},
            package_path=folder, package_cache_path=folder,
        )  # fmt: skip
        return json.loads(compiler.query("<x>", field="value", one=True))


def measured(texts: list[Any], width: float, style: str) -> list[float]:
    markup = f"#context [#metadata(d.texts.map(told => {{ let one = soft(told); measure(block(width: d.width * 1pt, {style})).height.pt() }}))<x>]"
    return list(ask(markup, texts=texts, width=width))


def sentences() -> list[str]:
    """Return texts of few and many words, of letters and of everything else."""
    rng = random.Random(3)  # noqa: S311 - a model, not a secret
    words = [one["title"] for one in model.findings(60)] + [one["fingerprint"] for one in model.findings(20)]
    strange = ["".join(rng.choices(ALPHABET, k=rng.randrange(1, 160))) for _ in range(400)]
    return [SHOW.line(one) for one in (*words, *strange, *PAYLOADS, "", "a" * 33, "a" * 64, "foo (bar) /baz", "Möglich «so» ¿ja? " * 5)]


def test_typst_says_the_same_of_every_letter() -> None:
    known = heights._widths()
    assert len(known) > 200
    markup = '#context [#metadata(d.texts.map(one => measure("|" + one + "|").width.pt() - measure("||").width.pt()))<x>]'
    found = dict(zip(known, ask(markup, texts=list(known)), strict=True))
    assert {one: round(width / 8.4 * 1000) for one, width in found.items()} == known


@STYLES
@pytest.mark.parametrize("width", [40.0, 98.0, 161.0, 400.0])
def test_no_row_is_told_to_be_lower_than_its_texts(style: str, how: dict[str, bool], width: float) -> None:
    texts = sentences()
    told = [height([Cell(one, width, **how)]) for one in texts]
    sure = [(one, high) for one, high in zip(texts, told, strict=True) if high is not None]
    assert len(sure) > 50
    for (text, high), needed in zip(sure, measured([one for one, _ in sure], width, style), strict=True):
        assert needed <= high - 2 * heights.ABOVE + 0.01, text


@STYLES
def test_pieces_of_long_words_are_counted_too(style: str, how: dict[str, bool]) -> None:
    texts = [SHOW.soft(one, 8) for one in sentences()]
    told = [height([Cell(one, 60.0, **how)]) for one in texts]
    sure = [(one, high) for one, high in zip(texts, told, strict=True) if high is not None]
    assert len(sure) > 50
    for (text, high), needed in zip(sure, measured([one for one, _ in sure], 60.0, style), strict=True):
        assert needed <= high - 2 * heights.ABOVE + 0.01, text


def test_a_text_with_letters_of_unknown_width_is_left_to_typst() -> None:
    assert height([Cell("中文", 400.0)]) is None
    assert height([Cell("a\u00adb", 400.0)]) is None
    assert height([Cell("a", 400.0), Cell("w" * 100, 40.0)]) is None


def test_a_row_is_as_high_as_its_highest_cell() -> None:
    one, two = Cell("a", 100.0), Cell("some words that need more than one line", 60.0)
    below = height([one, (two, one)])
    assert height([one]) == pytest.approx(2 * heights.ABOVE + heights.CAPITALS, abs=0.01)
    assert height([one, two]) == height([two, one])
    assert below is not None
    assert below == pytest.approx((height([two]) or 0) + heights.CAPITALS + heights.LEADING, abs=0.01)
