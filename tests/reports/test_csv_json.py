"""Facts about reports as CSV and JSON."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.reports import model
from tests.reports.corpus import PAYLOADS
from watchfloor.capabilities.reports.engine import to_csv, to_json
from watchfloor.capabilities.reports.engine.guard import STARTS, guarded
from watchfloor.capabilities.reports.schemas.snapshot import Options

if TYPE_CHECKING:
    from watchfloor.capabilities.reports.engine.spool import Spool

csv.field_size_limit(1 << 24)


def written(writer: Any, count: int) -> bytes:
    """Return the bytes that a writer makes of a snapshot."""
    return written_of(writer, model.spool(count))


def written_of(writer: Any, held: Spool) -> bytes:
    """Return the bytes that a writer makes of this snapshot."""
    out = bytearray()
    writer.write(held, Options(), out.extend)
    return bytes(out)


def test_csv_is_read_back_as_it_was() -> None:
    content = written(to_csv, count=40)
    assert content.startswith(b"\xef\xbb\xbf")
    rows = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))
    assert [row["fingerprint"] for row in rows] == [one["fingerprint"] for one in model.findings(40)]
    assert {row["kev"] for row in rows} <= {"", "true", "false"}
    assert content.count(b"\r\n") >= 41


def test_json_is_read_back_as_it_was() -> None:
    found = json.loads(written(to_json, count=40))
    assert found["findings"] == model.findings(40)
    assert len(found["tables"]["scans.services"]) == 30
    assert (found["schema"], found["as_of"], found["rows"]) == ("watchfloor-report/2", "2026-06-01T12:30:00Z", 70)


@pytest.mark.parametrize("writer", [to_csv, to_json])
def test_the_same_snapshot_gives_the_same_bytes(writer: Any) -> None:
    assert written(writer, count=30) == written(writer, count=30)


@pytest.mark.no_cover  # each text walks the same lines
@pytest.mark.parametrize("payload", PAYLOADS, ids=range(len(PAYLOADS)))
def test_hostile_text_is_inert(payload: str) -> None:
    held = model.spool(2, text=payload)
    rows = list(csv.reader(io.StringIO(written_of(to_csv, held).decode("utf-8-sig"), newline="")))
    assert len(rows) == 3
    assert not any(cell[:1] in STARTS and not _is_number(cell) for row in rows for cell in row if cell)
    assert len(json.loads(written_of(to_json, held))["findings"]) == 2


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("=1+1", "'=1+1"), ("+1", "'+1"), ("-1", "'-1"), ("@SUM(A1)", "'@SUM(A1)"), ("\tx", "'\tx"), ("\r=1", "'\r=1"), ("\n=1", "'\n=1"),
        (" =1", "' =1"), ("\u00a0=1", "'\u00a0=1"), ("\ufeff=1", "'\ufeff=1"), ("\N{FULLWIDTH EQUALS SIGN}1", "'\N{FULLWIDTH EQUALS SIGN}1"), ("\N{FULLWIDTH PLUS SIGN}1", "'\N{FULLWIDTH PLUS SIGN}1"), ("\N{FULLWIDTH HYPHEN-MINUS}1", "'\N{FULLWIDTH HYPHEN-MINUS}1"), ("\N{FULLWIDTH COMMERCIAL AT}x", "'\N{FULLWIDTH COMMERCIAL AT}x"),
        ("a=1", "a=1"), ("", ""), (" ", " "), ("'=1", "'=1"), ("1-2", "1-2"),
    ],
)  # fmt: skip
def test_what_could_be_a_formula_gets_an_apostrophe(text: str, safe: str) -> None:
    assert guarded(text) == safe
