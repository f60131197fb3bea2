"""Facts about reports as XLSX and bundles, and about the bytes of every format."""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import sys
import zipfile
from typing import IO, Any

import openpyxl  # type: ignore[import-untyped]  # it has no types
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from openpyxl.utils.escape import unescape  # type: ignore[import-untyped]  # it has no types

from tests.reports import model
from tests.reports.corpus import SPOOLABLE
from watchfloor.capabilities.reports.engine import to_xlsx
from watchfloor.capabilities.reports.engine.manifest import DOMAIN, Entry, Manifest, manifest
from watchfloor.capabilities.reports.engine.sheet import text as shown
from watchfloor.capabilities.reports.engine.to_bundle import BundleRequest, bundle
from watchfloor.capabilities.reports.engine.verify import verify_bundle, verify_file
from watchfloor.capabilities.reports.schemas.findings import COLUMNS
from watchfloor.capabilities.reports.schemas.snapshot import Options
from watchfloor.kernel.errors import Forged, InvalidInput

FORMATS = ("csv", "json", "xlsx", "sarif", "cyclonedx", "openvex", "csaf")
HASHES = """
import hashlib, importlib, sys
from tests.reports import model
from watchfloor.capabilities.reports.schemas.snapshot import Options
for name in sys.argv[1:]:
    out = bytearray()
    writer = importlib.import_module(f"watchfloor.capabilities.reports.engine.to_{name}")
    writer.write(model.spool(60), Options(author="A", author_url="https://example.org"), out.extend)
    print(name, hashlib.sha256(out).hexdigest())
"""


class Box:
    """What a box gives a function, in this process."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self._files, self.sent = files, bytearray()

    def __call__(self, done: int, total: int | None = None, **_: Any) -> None:
        assert done <= (total or 0)

    def file(self, name: str) -> IO[bytes]:
        return io.BytesIO(self._files[name])

    def send(self, frame: bytes) -> None:
        self.sent += frame


def book(count: int = 40, options: Options | None = None, **about: Any) -> Any:
    out = bytearray()
    to_xlsx.write(model.spool(count, **about), options or Options(), out.extend)
    return openpyxl.load_workbook(io.BytesIO(out))


def test_bytes_depend_on_neither_hash_seed_nor_zone_nor_language() -> None:
    told = set()
    for seed, zone, language in (("1", "UTC", "C"), ("2", "Asia/Kolkata", "de_DE.UTF-8")):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "TZ": zone, "LANG": language, "LC_ALL": language}
        told.add(
            subprocess.run([sys.executable, "-c", HASHES, *FORMATS], env=environment, check=True, capture_output=True, text=True).stdout
        )
    assert len(told) == 1
    assert told.pop().count("\n") == len(FORMATS)


def test_a_workbook_is_read_back_as_it_was() -> None:
    found = book()
    assert found.sheetnames == ["Findings", "Open ports", "About"]
    sheet = found["Findings"]
    rows = list(sheet.iter_rows(min_row=2, values_only=True))
    assert [row[0] for row in rows] == [one["fingerprint"] for one in model.findings(40)]
    assert (sheet.freeze_panes, sheet.max_column, sheet.auto_filter.ref.split(":")[0]) == ("A2", len(COLUMNS), "A1")
    assert (sheet.page_setup.orientation, sheet.page_setup.fitToHeight, sheet.print_title_rows) == ("landscape", 0, "$1:$1")
    names = [one.name for one in COLUMNS]
    assert isinstance(rows[0][names.index("port")], int)
    assert {type(row[names.index("kev")]) for row in rows} <= {bool, type(None)}


def test_a_workbook_shows_moments_in_the_readers_zone() -> None:
    sheet = book(options=Options(time_zone="Asia/Kolkata"))["Findings"]
    column = [one.name for one in COLUMNS].index("last_seen") + 1
    assert sheet.cell(1, column).value == "Last seen (Asia/Kolkata)"
    assert sheet.cell(2, column).value.isoformat() == "2026-06-01T18:00:00"


@pytest.mark.no_cover  # each text walks the same lines
@pytest.mark.parametrize("payload", SPOOLABLE, ids=range(len(SPOOLABLE)))
def test_no_cell_of_a_workbook_is_a_formula_or_a_link(payload: str) -> None:
    out = bytearray()
    to_xlsx.write(model.spool(2, services=1, text=payload), Options(), out.extend)
    found = openpyxl.load_workbook(io.BytesIO(out))
    assert found["Findings"].max_row == 3
    for sheet in found:
        assert all(cell.data_type != "f" and cell.hyperlink is None for row in sheet.iter_rows() for cell in row)
    assert not any("externalLink" in name for name in zipfile.ZipFile(io.BytesIO(out)).namelist())


def test_every_cell_of_a_workbook_says_what_was_said() -> None:
    found = book(len(SPOOLABLE), texts=SPOOLABLE)["Findings"]
    at = [one.name for one in COLUMNS].index("description")
    said = [unescape(row[at] or "") for row in found.iter_rows(min_row=2, values_only=True)]
    rows = model.findings(len(SPOOLABLE), texts=[payload.replace("\r\n", "\n") for payload in SPOOLABLE])
    assert said == [shown(row["description"]) for row in rows]


def test_what_a_workbook_is_about_stands_in_it_as_text() -> None:
    spool = model.spool(1)
    spool.head = spool.head.model_copy(update={"subject": "<r><t>x</t></is></c></r>"})
    out = bytearray()
    to_xlsx.write(spool, Options(), out.extend)
    facts = dict(openpyxl.load_workbook(io.BytesIO(out))["About"].iter_rows(min_row=2, values_only=True))
    assert facts["About"] == "<r><t>x</t></is></c></r>"


def test_a_table_goes_on_another_sheet_where_one_is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(to_xlsx, "ROWS_PER_SHEET", 25)
    found = book(60, services=0)
    assert found.sheetnames == ["Findings", "Findings (2)", "Findings (3)", "Open ports", "About"]
    assert [found[name].max_row for name in found.sheetnames[:3]] == [26, 26, 11]


def test_a_workbook_of_nothing_has_its_columns() -> None:
    assert book(0, services=0)["Findings"].max_row == 1


def bundled(change: bytes = b"", key: Ed25519PrivateKey | None = None) -> tuple[bytes, Ed25519PrivateKey]:
    key = key or Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    files = {"report.json": b"{}", "findings.csv": b"a,b\r\n" * 1000}
    told = manifest(
        Manifest(
            as_of=model.AS_OF, spec="0" * 64, snapshot="1" * 64, template_version=1,
            files=tuple(Entry(name=name, size=len(content), sha256=hashlib.sha256(content).hexdigest()) for name, content in files.items()),
        )
    )  # fmt: skip
    files["report.json"] += change
    box = Box(files)
    bundle(BundleRequest(manifest=told.decode(), signature=key.sign(DOMAIN + told).hex()), box)  # type: ignore[arg-type]  # as a box does
    return bytes(box.sent), key


def test_a_bundle_proves_itself() -> None:
    content, key = bundled()
    found = verify_bundle(io.BytesIO(content), key.public_key().public_bytes_raw())
    assert found.equal
    assert found.signed
    assert set(found.files) == {"findings.csv", "report.json"}
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.namelist() == ["manifest.json", "manifest.sig", "findings.csv", "report.json"]
        assert {one.date_time for one in archive.infolist()} == {(2026, 6, 1, 12, 30, 0)}
        assert archive.testzip() is None
        told = archive.read("manifest.json")
    assert verify_file("report.json", io.BytesIO(b"{}"), told) == ""
    assert "others" in verify_file("report.json", io.BytesIO(b"[]"), told)
    assert "longer" in verify_file("report.json", io.BytesIO(b"{}x"), told)
    assert "1 bytes" in verify_file("report.json", io.BytesIO(b"{"), told)
    assert "not name" in verify_file("other", io.BytesIO(b"{"), told)


def test_the_same_bundle_has_the_same_bytes() -> None:
    assert bundled()[0] == bundled()[0]


def test_another_key_has_not_signed_a_bundle() -> None:
    found = verify_bundle(io.BytesIO(bundled()[0]), Ed25519PrivateKey.generate().public_key().public_bytes_raw())
    assert (found.signed, found.equal) == (False, False)
    assert verify_bundle(io.BytesIO(bundled()[0]), None).signed is None


def test_a_file_other_than_its_manifest_is_not_bundled() -> None:
    with pytest.raises(Forged, match=r"report\.json"):
        bundled(change=b" ")


@pytest.mark.parametrize("name", ["findings.csv", "report.json", "new.txt", ""])
def test_a_changed_bundle_is_told(name: str) -> None:
    content, key = bundled()
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(out, "w") as new:
        for one in old.namelist():
            if one != name or one == "report.json":
                new.writestr(one, old.read(one) + (b" " if one == name else b""))
        if name == "new.txt":
            new.writestr(name, b"x")
    found = verify_bundle(out, key.public_key().public_bytes_raw())
    assert found.signed
    assert [one for one, trouble in found.files.items() if trouble] == ([name] if name else [])


@pytest.mark.parametrize("cut", [0, 10, 100, 500])
def test_a_cut_bundle_is_no_bundle(cut: int) -> None:
    with pytest.raises(InvalidInput):
        verify_bundle(io.BytesIO(bundled()[0][:cut]), None)
