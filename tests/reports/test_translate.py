"""Facts about what sections say in another language."""

from __future__ import annotations

import io
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import openpyxl  # type: ignore[import-untyped]  # it has no types
import pytest

from tests.reports import model
from watchfloor.capabilities.reports.engine import to_csv, to_json, to_xlsx
from watchfloor.capabilities.reports.engine.spool import Spool, Spooling
from watchfloor.capabilities.reports.engine.to_html import write
from watchfloor.capabilities.reports.engine.to_pdf.section import section
from watchfloor.capabilities.reports.engine.to_pdf.shapes import Piece, Sort
from watchfloor.capabilities.reports.engine.to_pdf.show import Show
from watchfloor.capabilities.reports.engine.translate import Speech, translated
from watchfloor.capabilities.reports.engine.words import CATALOGUES, Words
from watchfloor.capabilities.reports.jobs import snapshot
from watchfloor.capabilities.reports.schemas.snapshot import ColumnHead, Figure, Options, SectionHead, TableHead
from watchfloor.kernel.sections import Scope

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import ModuleType

WORDS = {
    "Open ports": "Offene Ports", "{count} ports of {host} are open.": "{count} Ports von {host} sind offen.", "Seen on {moment}.": "Gesehen am {moment}.",
    "It ended: {ended}": "Es endete: {ended}", "All was seen.": "Alles wurde gesehen.",
}  # fmt: skip


@pytest.mark.parametrize(
    ("english", "german"),
    [
        ("Open ports", "Offene Ports"),
        ("1,234 ports of web-1 are open.", "1.234 Ports von web-1 sind offen."),
        ("7 ports of {host} are open.", "7 Ports von {host} sind offen."),
        ("Seen on 28 November 2026, 23:30 UTC.", "Gesehen am 29.11.2026, 00:30 UTC+01:00."),
        ("It ended: All was seen.", "Es endete: Alles wurde gesehen."),
        ("It ended: {0.__class__} {host!r}", "Es endete: {0.__class__} {host!r}"),
        ("Nobody knows this sentence.", "Nobody knows this sentence."),
    ],
)
def test_a_sentence_keeps_its_values_in_the_readers_writing(english: str, german: str) -> None:
    assert Speech(WORDS, Words("de", "Europe/Berlin"))(english) == german


def test_a_very_long_text_is_not_compared() -> None:
    long = "Seen on " + "x" * 5000 + "."
    assert Speech(WORDS, Words("de"))(long) == long


def test_a_language_without_words_stays_english() -> None:
    head = model.spool(1, services=1).head
    assert translated(head, Words("it")) == head
    assert translated(head, Words("en-US")) == head


@pytest.mark.parametrize(
    ("english", "german"),
    [
        ("Exposed services of Bank of Example", "Erreichbare Dienste \N{EN DASH} Bank of Example"),
        ("Scan of Hosts", "Scan \N{EN DASH} Hosts"),
        ("What changed between two scans of Example Ltd", "Änderungen zwischen zwei Scans \N{EN DASH} Example Ltd"),
        ("Exposure of shop, Example Ltd", "Angriffsfläche von shop \N{EN DASH} Example Ltd"),
        ("Exposure of Example Ltd", "Angriffsfläche \N{EN DASH} Example Ltd"),
        ("Something else", "Something else"),
    ],
)
def test_a_reports_title_is_the_readers_and_names_stay(english: str, german: str) -> None:
    about = SectionHead(
        name="scans", title="Exposed services", words={"de": {"Exposed services": "Erreichbare Dienste", "Hosts": "Rechner"}}
    )
    head = model.spool(1).head.model_copy(update={"title": english, "sections": (about,)})
    assert translated(head, Words("de")).title == german


@pytest.mark.parametrize("language", sorted(CATALOGUES))
@pytest.mark.parametrize(
    "scope",
    [
        Scope(kind="scan", scan=model.SCAN),
        Scope(kind="comparison", scan=model.SCAN, base=model.ORG),
        Scope(kind="assets", tag="shop"),
        Scope(kind="organisation"),
    ],
)
def test_every_title_that_a_report_can_have_is_the_readers(scope: Scope, language: str) -> None:
    english = snapshot._title(scope, None, "Example Ltd")
    told = translated(model.spool(1).head.model_copy(update={"title": english}), Words(language)).title
    assert "Example Ltd" in told
    assert not set(told.split()) & {"of", "Exposure", "What"}


def test_a_state_is_the_readers_in_its_section_and_on_the_cover() -> None:
    about = SectionHead(name="scans", title="Exposed services", state="running", words={"de": {"running": "läuft noch"}})
    head = translated(model.spool(1).head.model_copy(update={"state": "running", "sections": (about,)}), Words("de"))
    assert (head.state, head.sections[0].state) == ("läuft noch", "läuft noch")


@pytest.mark.parametrize("host", ["Offen", "Open ports", "fixed"])
def test_a_host_that_is_called_like_a_word_of_ours_keeps_its_name(host: str) -> None:
    say = Speech(WORDS | {"fixed": "behoben"}, Words("de"))
    assert say(f"3 ports of {host} are open.") == f"3 Ports von {host} sind offen."


CHANGED = (
    {"what": "Port", "change": "opened", "note": "opened"},
    {"what": "opened", "change": ["opened"], "note": None},
    {"what": "Port", "change": "exploded", "note": ""},
)


def changed() -> Spool:
    """Return a snapshot whose section has words of ours in cells."""
    columns = (
        ColumnHead(name="what", title="What", words={"Port": "Port"}), ColumnHead(name="change", title="Change", words={"opened": "opened"}),
        ColumnHead(name="note", title="Note"),
    )  # fmt: skip
    german = {"What": "Was", "Change": "Änderung", "Port": "Anschluss", "opened": "geöffnet", "What changed": "Was sich änderte"}
    table = TableHead(key="scans.changes", title="What changed", columns=columns, rows=len(CHANGED))
    about = SectionHead(name="scans", title="Exposed services", tables=(table,), words={"de": german})
    rows, out = io.BytesIO(), io.BytesIO()
    spooling = Spooling(rows)
    for row in CHANGED:
        spooling.add("scans.changes", dict(row))
    head = model.spool(0).head.model_copy(update={"sections": (about,), "rows": len(CHANGED), "findings": {}})
    spooling.close(head, out)
    out.seek(0)
    return Spool(out)


def rendered(write: Callable[..., object], locale: str) -> bytes:
    pieces = list[bytes]()
    write(changed(), Options(locale=locale), pieces.append)
    return b"".join(pieces)


def test_words_of_ours_in_cells_are_the_readers_and_words_of_others_stay() -> None:
    page = rendered(write, "de").decode()
    cells = re.findall(r"<td>(.*?)</td>", page[page.index("table-1") :])[:9]
    assert [re.sub("<[^>]*>", "", one) for one in cells] == [
        "Anschluss",
        "geöffnet",
        "opened",
        "opened",
        "opened",
        "\N{EN DASH}",
        "Anschluss",
        "exploded",
        "\N{EN DASH}",
    ]


def test_a_printed_cell_says_the_same_as_the_page() -> None:
    spool = changed()
    head = translated(spool.head, Words("de"))
    piece = Piece(sort=Sort.SECTION, title="", section="scans", table="scans.changes")
    rows = list(spool.rows("scans.changes"))
    told = section(head, piece, lambda _: rows, Show("de", "UTC"), lambda _: rows, figures=True)
    assert [row[:2] for row in told["tables"][0]["rows"]] == [["Anschluss", "geöffnet"], ["opened", "opened"], ["Anschluss", "exploded"]]


@pytest.mark.parametrize("machine", [to_json, to_csv], ids=["json", "csv"])
def test_programs_read_the_same_in_every_language(machine: ModuleType) -> None:
    assert rendered(machine.write, "de") == rendered(machine.write, "en")
    assert b"Anschluss" not in rendered(machine.write, "de")


def test_cells_of_a_spreadsheet_stay_as_programs_read_them(tmp_path: Path) -> None:
    (tmp_path / "de.xlsx").write_bytes(rendered(to_xlsx.write, "de"))
    told = [[cell.value for cell in row] for sheet in openpyxl.load_workbook(tmp_path / "de.xlsx") for row in sheet]
    assert ["Port", "opened", "opened"] in told


def test_a_german_page_says_what_its_sections_say_in_german() -> None:
    spool, pieces = model.spool(1, services=1), list[bytes]()
    told = SectionHead(
        name="scans",
        title="Open ports",
        summary="3 ports of web-1 are open.",
        figures=(Figure(label="Open ports", value=3),),
        words={"de": WORDS},
    )
    spool.head = spool.head.model_copy(update={"sections": (told,), "as_of": datetime(2026, 11, 28, tzinfo=UTC)})
    write(spool, Options(locale="de"), pieces.append)
    page = b"".join(pieces).decode()
    assert "3 Ports von web-1 sind offen." in page
    assert "Open ports" not in page
