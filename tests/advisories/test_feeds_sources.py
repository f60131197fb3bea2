"""What the files of each source say, read from recorded files of our own."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
import zipfile
from array import array
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import pytest
import zstandard

from tests.advisories.boxes import RECORDED, only, read
from watchfloor.capabilities.advisories.schemas import frames
from watchfloor.capabilities.advisories.schemas.feed import Kind, Verdict
from watchfloor.capabilities.advisories.schemas.records.cve_list import CveRecord
from watchfloor.capabilities.advisories.schemas.records.eu_kev import EuKevEntry
from watchfloor.capabilities.advisories.schemas.records.euvd import EuvdRecord
from watchfloor.capabilities.advisories.schemas.records.exploits import Exploit
from watchfloor.capabilities.advisories.schemas.records.kev import KevEntry
from watchfloor.capabilities.advisories.schemas.records.nvd import NvdRecord
from watchfloor.capabilities.advisories.schemas.records.overrides import Override
from watchfloor.capabilities.advisories.schemas.words import euvd_key_of, key_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

FEED = RECORDED / "nvd" / "nvdcve-2.0-modified.json"
META = RECORDED / "nvd" / "nvdcve-2.0-modified.meta"
CVES = sorted((RECORDED / "cve-list").glob("CVE-*.json"))
LOG4SHELL, XZ, OPENSSH, REJECTED = (key_of(name) or 0 for name in ("CVE-2021-44228", "CVE-2024-3094", "CVE-2024-6387", "CVE-2022-0094"))


def zipped(members: Sequence[tuple[str, bytes]], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method) as archive:
        for name, body in members:
            archive.writestr(name, body)
    return packed.getvalue()


def test_an_nvd_feed_is_read_with_what_its_envelope_says() -> None:
    outcomes, box = read(META, FEED)
    assert [one.verdict for one in outcomes] == [Verdict.NOTHING, Verdict.READ]
    assert (outcomes[1].kind, outcomes[1].stream, outcomes[1].rows, outcomes[1].distinct) == (Kind.NVD, "modified", 5, 5)
    begin, end = box.all(frames.Begin)[0], box.all(frames.End)[0]
    assert begin.as_of == datetime(2026, 3, 15, 8, 0, 0, 123456, tzinfo=UTC)
    assert not begin.complete
    assert end.watermark == datetime(2026, 2, 20, 16, 15, tzinfo=UTC)
    assert end.declared == {"total": 5, "start": 0, "page": 5}
    assert end.state["size"] == str(FEED.stat().st_size)
    records = box.records(NvdRecord)
    assert records[XZ].metrics.v31[0].source == "secalert@redhat.com"
    assert records[OPENSSH].configurations[0].operator == "AND"
    assert records[OPENSSH].vuln_status == "Deferred"
    assert records[LOG4SHELL].metrics.v2[0].base_severity == "HIGH"
    assert records[LOG4SHELL].descriptions[1].value.endswith("ñandú.")
    assert records[REJECTED].vuln_status == "Rejected"


def test_a_document_is_kept_minified_and_whole() -> None:
    _, box = read(FEED)
    original = {one["cve"]["id"]: one["cve"] for one in json.loads(FEED.read_bytes())["vulnerabilities"]}
    for raw in box.raws().values():
        assert json.loads(raw) == original[json.loads(raw)["id"]]
        assert raw == json.dumps(json.loads(raw), separators=(",", ":"), ensure_ascii=False).encode()


def test_feed_page_lines_and_packed_feed_hold_the_same_documents() -> None:
    _, feed = read(FEED)
    records = [one["cve"] for one in json.loads(FEED.read_bytes())["vulnerabilities"]]
    lines = b"".join(json.dumps({"cve": one}).encode() + b"\n" for one in records)
    bare = b"".join(json.dumps(one).encode() + b"\r\n" for one in records)
    with_more = b"".join(json.dumps({"cve": one, "_source": {"x": [1]}}).encode() + b"\n" for one in records)
    packed = [
        gzip.compress(FEED.read_bytes()),
        zipped([("nvdcve-2.0-modified.json", FEED.read_bytes())]),
        lines,
        zstandard.ZstdCompressor().compress(lines),
        gzip.compress(lines[:500]) + gzip.compress(lines[500:]),
        bare,
        with_more,
    ]
    for one in packed:
        outcomes, box = read(one)
        assert only(outcomes).message == ""
        assert box.known() == feed.known()


def test_a_page_that_counts_otherwise_than_it_holds_is_told_and_taken() -> None:
    outcomes, box = read(RECORDED / "nvd" / "page.json")
    assert (only(outcomes).stream, only(outcomes).notes) == ("api", ())
    wrong = (RECORDED / "nvd" / "page.json").read_bytes().replace(b'"resultsPerPage":2', b'"resultsPerPage":7')
    outcomes, box = read(wrong)
    assert only(outcomes).notes == ("declares 7 records on this page and holds 2",)
    assert len(box.documents()) == 2


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_the_cve_list_is_read_from_a_zip_in_a_zip(method: int) -> None:
    inner = zipped([("cves/deltaLog.json", b"[]"), *((f"cves/2024/{one.name}", one.read_bytes()) for one in CVES)])
    outcomes, box = read(("2026-03-15_all_CVEs_at_midnight.zip.zip", zipped([("cves.zip", inner)], method)))
    assert (only(outcomes).kind, only(outcomes).stream, only(outcomes).rows) == (Kind.CVE_LIST, "baseline", 3)
    records = box.records(CveRecord)
    score = records[XZ].containers.cna.metrics[0].cvss_v31
    assert score is not None
    assert score.base_score == 10
    other = records[XZ].containers.adp[0].metrics[0].other
    assert other is not None
    assert other.content["options"][0] == {"Exploitation": "POC"}
    assert records[OPENSSH].containers.cna.affected[0].versions[0].changes[0].at == "9.8p1"
    assert records[OPENSSH].containers.cna.cpe_applicability[0].nodes[0].cpe_match[0].version_end_excluding == "9.8"
    assert records[REJECTED].containers.cna.replaced_by == ("CVE-2022-0095",)


def test_delta_lines_and_single_files_of_the_cve_list_hold_the_same_documents() -> None:
    _, single = read(*CVES)
    for packed in (
        zipped([(f"deltaCves/{one.name}", one.read_bytes()) for one in CVES]),
        b"".join(json.dumps(json.loads(one.read_bytes())).encode() + b"\n" for one in CVES),
    ):
        outcomes, box = read(packed)
        assert only(outcomes).source == "cve-list"
        assert box.known() == single.known()
    assert single.all(frames.End)[0].watermark == datetime(2023, 11, 7, 3, 40, 56, 960000, tzinfo=UTC)


def test_kev_as_json_and_as_csv_is_the_same() -> None:
    outcomes, catalog = read(RECORDED / "kev" / "known_exploited_vulnerabilities.json")
    assert (only(outcomes).kind, only(outcomes).stream, only(outcomes).distinct) == (Kind.KEV, "catalog", 3)
    begin = catalog.all(frames.Begin)[0]
    assert begin.complete
    assert (begin.version, begin.as_of) == ("2026.03.15", datetime(2026, 3, 15, 17, 0, 27, 883700, tzinfo=UTC))
    outcomes, table = read(RECORDED / "kev" / "known_exploited_vulnerabilities.csv")
    assert only(outcomes).kind is Kind.KEV_CSV
    assert table.known() == catalog.known()
    entry = catalog.records(KevEntry)[LOG4SHELL]
    assert (entry.ransomware, entry.due_date, entry.cwes) == ("Known", "2021-12-24", ("CWE-20", "CWE-400", "CWE-502"))
    assert "https://nvd.nist.gov/vuln/detail/CVE-2021-44228" in entry.notes


def test_eu_kev_takes_missing_names_and_dates_to_come() -> None:
    outcomes, box = read(RECORDED / "eu-kev" / "eukev.json")
    assert (only(outcomes).kind, box.all(frames.Begin)[0].complete) == (Kind.EU_KEV, True)
    entries = box.records(EuKevEntry)
    assert (entries[OPENSSH].vulnerability_name, entries[OPENSSH].patched_since) == ("", "tbc")
    assert entries[LOG4SHELL].threat_actors == "several"
    assert only(outcomes).watermark == datetime(2026, 2, 10, tzinfo=UTC)


def test_euvd_is_keyed_by_its_cve_else_by_itself() -> None:
    outcomes, box = read(RECORDED / "euvd" / "search.json")
    assert only(outcomes).watermark == datetime(2026, 3, 9, 0, 6, tzinfo=UTC)
    records = box.records(EuvdRecord)
    assert set(records) == {OPENSSH, euvd_key_of("EUVD-2026-1234")}
    assert records[OPENSSH].products[0].product_version == "8.5p1 ≤9.7p1"
    assert records[OPENSSH].vendors[0].vendor.name == "OpenBSD"
    assert records[OPENSSH].exploited_since == "Jul 2, 2024, 12:00:00 AM"


@pytest.mark.parametrize("name", ["mapping.csv", "advisory.json"])
def test_euvd_ids_are_paired_with_cves(name: str) -> None:
    outcomes, box = read(RECORDED / "euvd" / name)
    aliases = box.all(frames.Aliases)[0]
    pairs = set(zip(array("q", aliases.euvd), array("q", aliases.cve), strict=True))
    assert pairs == {(euvd_key_of("EUVD-2024-37023"), OPENSSH), (euvd_key_of("EUVD-2021-36020"), LOG4SHELL)}
    assert box.all(frames.Begin)[0].complete == (name == "mapping.csv")
    assert only(outcomes).distinct == 2


@pytest.mark.parametrize("stamp", [b"2026-03-15T12:55:00Z", b"2026-03-15T00:00:00+0000"])
def test_epss_travels_as_columns(stamp: bytes) -> None:
    content = (RECORDED / "epss" / "epss_scores-2026-03-15.csv").read_bytes().replace(b"2026-03-15T12:55:00Z", stamp)
    outcomes, box = read(gzip.compress(content))
    assert (only(outcomes).kind, only(outcomes).stream, only(outcomes).distinct) == (Kind.EPSS, "daily", 5)
    scores = box.all(frames.Scores)[0]
    assert (scores.score_date, scores.model, scores.count) == (date(2026, 3, 15), "v2025.03.14", 5)
    found = dict(zip(array("q", scores.k), zip(array("i", scores.p), array("i", scores.percentile), strict=True), strict=True))
    assert found[LOG4SHELL] == (94358, 100000)
    assert found[REJECTED] == (43, 20000)


def test_overrides_as_lines_and_as_archive_are_the_same() -> None:
    lines = (RECORDED / "overrides" / "overrides.jsonl").read_bytes()
    outcomes, box = read(zstandard.ZstdCompressor().compress(lines))
    assert (only(outcomes).kind, only(outcomes).distinct) == (Kind.OVERRIDES, 2)
    found = box.records(Override)
    assert found[REJECTED].suppresses
    assert not found[XZ].suppresses
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for line in lines.splitlines():
            one = json.loads(line)
            body = json.dumps({"_annotation": {"cve_id": one["id"], "reason": one["reason"]}, "cve": one["cve"]}, indent=2).encode()
            entry = tarfile.TarInfo(f"overrides-main/data/{one['id']}.json")
            entry.size = len(body)
            archive.addfile(entry, io.BytesIO(body))
    outcomes, again = read(packed.getvalue())
    assert only(outcomes).kind is Kind.OVERRIDES
    assert {k: (one.reason, one.cve) for k, one in again.records(Override).items()} == {
        k: (one.reason, one.cve) for k, one in found.items()
    }


def test_exploits_come_as_ids_and_as_modules() -> None:
    outcomes, box = read(RECORDED / "exploits" / "ids.txt")
    assert set(box.records(Exploit)) == {LOG4SHELL, OPENSSH}
    assert [one.ref for one in box.rejects()] == ["CVE-0000-0000", "CVE-1978-1234"]
    assert only(outcomes).verdict is Verdict.READ
    outcomes, box = read(RECORDED / "exploits" / "modules_metadata_base.json")
    assert only(outcomes).kind is Kind.EXPLOITS
    assert box.records(Exploit) == {LOG4SHELL: Exploit("CVE-2021-44228", ("exploit/multi/http/log4shell_header_injection",))}


@pytest.mark.parametrize("name", ["nvd/nvdcve-2.0-modified.meta", "cve-list/deltaLog.json"])
def test_files_about_files_are_known_and_hold_nothing(name: str) -> None:
    outcomes, box = read(RECORDED / name)
    assert only(outcomes).verdict is Verdict.NOTHING
    assert box.told == []


def test_a_wrong_name_does_not_change_what_a_file_is(tmp_path: Path) -> None:
    misnamed = tmp_path / "epss_scores-current.csv.gz"
    misnamed.write_bytes((RECORDED / "kev" / "known_exploited_vulnerabilities.json").read_bytes())
    assert only(read(misnamed)[0]).kind is Kind.KEV
