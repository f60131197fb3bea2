"""Damaged, hostile and incomplete files: each is refused by its guard's code with nothing sent, or loses only the records that are bad."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import random
import struct
import tarfile
import tracemalloc
import zipfile
from datetime import UTC, datetime
from typing import Any

import pytest
import zstandard

from tests.advisories.boxes import NOW, RECORDED, Box, only, read
from watchfloor.capabilities.advisories.feeds import guards
from watchfloor.capabilities.advisories.feeds.read import read_files
from watchfloor.capabilities.advisories.schemas import frames
from watchfloor.capabilities.advisories.schemas.feed import Accepted, FeedFile, FeedRequest, Kind, Verdict
from watchfloor.capabilities.advisories.schemas.records.nvd import NvdRecord
from watchfloor.capabilities.advisories.schemas.words import key_of
from watchfloor.kernel.errors import SourceChanged

FEED = RECORDED / "nvd" / "nvdcve-2.0-modified.json"
META = RECORDED / "nvd" / "nvdcve-2.0-modified.meta"


def record(number: int, **more: Any) -> dict[str, Any]:
    text = hashlib.sha256(str(number).encode()).hexdigest()
    return {"cve": {"id": f"CVE-2024-{number}", "lastModified": "2026-05-01T10:00:00.000", "vulnStatus": text, **more}}


def feed(count: int, **more: Any) -> bytes:
    envelope = {"resultsPerPage": count, "startIndex": 0, "totalResults": count, "format": "NVD_CVE", "version": "2.0"}
    every = [record(1000 + number) for number in range(count)]
    return json.dumps({**envelope, "timestamp": "2026-05-02T00:00:00.000", "vulnerabilities": every, **more}).encode()


def zipped(members: dict[str, bytes], **how: Any) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in members.items():
            entry = zipfile.ZipInfo(name)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = how.get("mode", 0) << 16
            archive.writestr(entry, body)
    return packed.getvalue()


def flipped(content: bytes, place: int) -> bytes:
    return content[:place] + bytes([content[place] ^ 0xFF]) + content[place + 1 :]


PAGE = b"<!DOCTYPE html>\n<html><title>Just a moment...</title></html>"
BILLION_LAUGHS = b'<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]><lolz>&b;</lolz>'
BIG = feed(3000)
CVE = b'{"dataType":"CVE_RECORD","cveMetadata":{"cveId":"CVE-2024-1000"},"containers":{}}'
SPACES = b'{"format":"NVD_CVE","vulnerabilities":[{"cve":{}},' + b" " * (20 << 20)


REFUSED = [
    (b"", "G2", "is empty"),
    (b" \r\n", "G2", "is empty"),
    (PAGE, "G2", "HTML page"),
    (gzip.compress(PAGE), "G2", "HTML page"),
    (BILLION_LAUGHS, "G2", "XML"),
    (b"%PDF-1.7", "G2", "none of the files"),
    (b'{"hello": "world"}', "G2", "none of the sources"),
    (b"[]", "G2", "none of the sources"),
    (b"[" * 1_000_000, "G2", "none of the sources"),
    (b'{"a":' * 100_000, "G2", "none of the sources"),
    (b'{"format":"NVD_CVE","vulnerabilities":[' + b"[" * 1_000_000, "G7", "recursion"),
    (gzip.compress(gzip.compress(BIG)), "G4", "packed twice"),
    (gzip.compress(BIG)[:-9], "G3", "cut off"),
    (gzip.compress(BIG) + b"and more", "G2", "goes on"),
    (flipped(gzip.compress(BIG), -3 % len(gzip.compress(BIG))), "G3", "damaged"),
    (zstandard.ZstdCompressor().compress(BIG)[:-1], "G3", "cut off"),
    (zstandard.ZstdCompressor().compress(BIG) + b"and something more", "G3", "damaged"),
    (BIG[:-1], "G7", "cut off"),
    (BIG[: len(BIG) // 2], "G7", "cut off"),
    (BIG + b"}", "G7", "no answer of NVD"),
    (BIG.decode().encode("utf-16"), "G7", "UTF-16"),
    (BIG.decode().encode("utf-16-le"), "G7", "UTF-16"),
    (BIG.decode().encode("utf-32-be"), "G7", "UTF-16"),
    (gzip.compress(SPACES, 9), "G4", "bombs"),
    (zstandard.ZstdCompressor().compress(SPACES), "G4", "bombs"),
    (zipped({"../CVE-2024-1000.json": CVE, "b": b""}), "G4", "leads out"),
    (zipped({"/etc/CVE-2024-1000.json": CVE, "b": b""}), "G4", "leads out"),
    (zipped({"a\\..\\CVE-2024-1000.json": CVE, "b": b""}), "G4", "leads out"),
    (zipped({"CVE-2024-1000.json": b"/etc/passwd", "b": b""}, mode=0o120777), "G4", "link"),
    (zipped({"CVE-2024-1000.json": b"0" * (4 << 20), "b": b""}), "G4", "bombs"),
    (zipped({"a.zip": zipped({"b.zip": zipped({"CVE-2024-1000.json": CVE})})}), "G4", "inside archives"),
    (zipped({"readme.txt": b"", "b": b""}), "G2", "without any CVE record"),
    (zipped({}), "G2", "without any CVE record"),
    (zipped({"CVE-2024-1000.json": CVE})[:-30], "G3", "cut off"),
    (b"#model_version:v4\ncve,epss,percentile\n", "G7", "does not begin"),
    (b"cve,epss,percentile\nCVE-2024-1000,0.1,0.2\n", "G7", "does not begin"),
    (b"#model_version:v4,score_date:2026-99-01T00:00:00Z\ncve,epss,percentile\n", "G7", "no date"),
    (b'{"catalogVersion":"2026.03.15","count":1}', "G7", "no catalog"),
    (b'{"catalogVersion":"2026.03.15","count":2,"vulnerabilities":[]}', "G5", "declares 2"),
    (b'{"catalogVersion":"2026.03.15","count":0,"vulnerabilities":[]}', "G5", "no record"),
    (b"lastModifiedDate:2026-03-15T04:00:00-04:00\r\nsize:1\r\n", "G7", "no .meta"),
]


@pytest.mark.parametrize(("content", "code", "words"), REFUSED, ids=[f"{code} {words}" for _content, code, words in REFUSED])
def test_what_is_no_whole_file_of_a_source_is_refused_with_nothing_sent(content: bytes, code: str, words: str) -> None:
    outcomes, box = read(content)
    found = only(outcomes)
    assert (found.verdict, found.code) == (Verdict.REFUSED, code)
    assert words in found.message
    assert [type(one) for one in box.told] == [frames.Refused]


def test_a_refusal_is_raised_with_its_code_and_the_file() -> None:
    with pytest.raises(SourceChanged, match=r"^G2: nvdcve\.json\.gz is an HTML page"):
        read(("nvdcve.json.gz", PAGE), keep_going=False)


def test_the_other_files_are_read_when_one_is_refused() -> None:
    outcomes, box = read(("a.json", PAGE), FEED)
    assert [one.verdict for one in outcomes] == [Verdict.REFUSED, Verdict.READ]
    assert len(box.documents()) == 5


def test_a_feed_that_is_not_as_its_meta_says_is_refused() -> None:
    outcomes, _ = read(META, (FEED.name, FEED.read_bytes().replace(b"Deferred", b"Analyzed")))
    assert (outcomes[1].code, "sha256" in outcomes[1].message) == ("G3", True)
    outcomes, _ = read(META, (FEED.name, FEED.read_bytes() + b"\n"))
    assert (outcomes[1].code, "bytes unpacked" in outcomes[1].message) == ("G3", True)
    asked = FeedFile(name="x", sha256=hashlib.sha256(FEED.read_bytes()).hexdigest().upper(), size=FEED.stat().st_size)
    assert only(read(asked, inputs={"x": gzip.compress(FEED.read_bytes())})[0]).verdict is Verdict.READ


def test_a_complete_set_that_lost_a_twentieth_is_refused_until_an_operator_passes_it() -> None:
    before = Accepted(source="nvd", stream="2024", rows=106)
    named = ("nvdcve-2.0-2024.json", feed(100))
    outcomes, box = read(named, accepted=(before,))
    assert (only(outcomes).code, box.documents()) == ("G5", [])
    assert only(read(named, accepted=(before.model_copy(update={"rows": 105}),))[0]).verdict is Verdict.READ
    outcomes, box = read(named, accepted=(before,), accept=frozenset({"G5"}))
    assert only(outcomes).notes[0].startswith("G5 passed by an operator")
    assert len(box.documents()) == 100


def test_a_feed_that_declares_more_than_it_holds_is_refused() -> None:
    outcomes, _ = read(("nvdcve-2.0-2024.json", feed(100, totalResults=101)))
    assert (only(outcomes).code, "declares 101 records and holds 100" in only(outcomes).message) == ("G5", True)


def test_a_part_of_epss_is_refused_even_without_anything_to_compare_it_with() -> None:
    numbers = random.Random(7)  # noqa: S311 - the same every time
    scores = sorted(numbers.random() for _ in range(3000))
    rows = [f"CVE-2024-{1000 + place},{p:.5f},{(place + 1) / 3000:.5f}" for place, p in enumerate(scores)]
    head = "#model_version:v4,score_date:2026-03-15T00:00:00Z\ncve,epss,percentile\n"
    assert only(read((head + "\n".join(rows)).encode())[0]).verdict is Verdict.READ
    outcomes, _ = read((head + "\n".join(rows[1000:])).encode())
    assert (only(outcomes).code, "percentiles" in only(outcomes).message) == ("G5", True)


def test_bad_records_are_left_out_with_their_reason_and_the_rest_goes_in() -> None:
    bad = [
        b'{"cve":{"id":"CVE-2024-2001","metrics":"none"}}',
        b'{"cve":{"id":"CVE-2024-2002","descriptions":[{"lang":"en","value":"caf\xe9"}]}}',
        b'{"cve":{"id":"","vulnStatus":"Analyzed"}}',
        b'{"cve":{"id":"CVE-1987-1111"}}',
        b"{}",
        b"null",
    ]
    content = feed(20).replace(b'"vulnerabilities": [', b'"vulnerabilities": [' + b",".join(bad) + b",")
    outcomes, box = read(content)
    assert (only(outcomes).rows, only(outcomes).distinct, only(outcomes).rejected) == (26, 20, 6)
    assert len(box.documents()) == 20
    assert [one.ref for one in box.rejects()][:2] == ["CVE-2024-2001", "CVE-2024-2002"]
    assert "metrics" in box.rejects()[0].reason
    assert box.rejects()[0].sample.startswith('{"cve":{"id":"CVE-2024-2001"')


def test_a_file_of_which_much_cannot_be_read_is_refused() -> None:
    bad = b",".join(b'{"cve":{"id":"CVE-2024-%d","metrics":1}}' % number for number in range(2000, 2006))
    content = feed(300).replace(b'"vulnerabilities": [', b'"vulnerabilities": [' + bad + b",")
    outcomes, box = read(content)
    assert (only(outcomes).code, box.documents()) == ("G8", [])
    assert "6 of 306" in only(outcomes).message
    outcomes, box = read(content, accept=frozenset({"G8"}))
    assert len(box.documents()) == 300
    assert only(read(b'{"cve":{"id":"CVE-2024-1000","vulnStatus":"x","metrics":1}}\n', accept=frozenset({"G8"}))[0]).code == "G8"


def test_what_a_record_lacks_or_writes_otherwise_does_not_cost_it() -> None:
    odd: dict[str, Any] = {
        "metrics": {"cvssMetricV31": [{"source": "x"}, {"cvssData": {"baseScore": "9.8", "vectorString": None}}], "ssvcV203": 7},
        "vulnStatus": "never heard of",
        "weaknesses": None,
        "unheard": {"of": []},
    }
    _, box = read(feed(3).replace(b'"vulnerabilities": [', b'"vulnerabilities": [' + json.dumps(record(2000, **odd)).encode() + b","))
    found = box.records(NvdRecord)[key_of("CVE-2024-2000") or 0]
    assert found.metrics.v31[0].cvss_data is None
    assert found.metrics.v31[1].cvss_data is not None
    assert found.metrics.v31[1].cvss_data.base_score == 9.8
    assert (found.vuln_status, found.weaknesses) == ("never heard of", ())


def test_nul_and_byte_order_mark_are_taken_out() -> None:
    content = b"\xef\xbb\xbf" + feed(30).replace(b'"NVD_CVE"', b'"NVD\0_CVE"').replace(b"CVE-2024-1003", b"CVE-2024-1003\\u0000")
    outcomes, box = read(content)
    assert (only(outcomes).nul_removed, only(outcomes).rejected, len(box.documents())) == (1, 0, 30)
    assert not any(b"u0000" in raw for raw in box.raws().values())


def test_a_line_without_end_costs_one_record_and_little_memory() -> None:
    """As a file of 4 GB would, this one of 600 MB consists of a few records and one endless line."""

    class Endless(io.RawIOBase):
        """A file that is longer than what it holds."""

        def __init__(self) -> None:
            super().__init__()
            self.start = b"".join(json.dumps(record(1000 + number)).encode() + b"\n" for number in range(100))
            self.size, self.place = 600 << 20, 0

        def seek(self, place: int, whence: int = 0) -> int:
            self.place = place if whence == 0 else self.size + place
            return self.place

        def read(self, size: int = -1) -> bytes:
            wanted = min(size, self.size - self.place)
            found = self.start[self.place : self.place + wanted]
            found += b"A" * (wanted - len(found))
            self.place += len(found)
            return found

    box = Box({"x": Endless()})  # type: ignore[dict-item] # what of a binary file is used
    tracemalloc.start()
    try:
        answer = read_files(FeedRequest(files=(FeedFile(name="x"),), now=NOW), box)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (only(answer.files).distinct, only(answer.files).rejected) == (100, 1)
    assert box.rejects()[0].ref == "line 101"
    assert peak < 80 << 20


def test_a_plain_file_larger_than_any_source_is_refused_unread() -> None:
    class Sparse(io.BytesIO):
        """A file that claims 13 GB."""

        def seek(self, place: int, whence: int = 0) -> int:
            return 13 << 30 if whence == io.SEEK_END else super().seek(place, whence)

    box = Box({"x": Sparse(b"CVE-2024-1000\n")})
    answer = read_files(FeedRequest(files=(FeedFile(name="x"),), now=NOW, keep_going=True), box)
    assert only(answer.files).code == "G4"


def test_the_largest_arrays_are_cut_without_being_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("watchfloor.capabilities.advisories.feeds.opened.PIECE", 50_000)
    tricky = [
        record(5000 + number, descriptions=[{"value": '}, {"cve": {"id": "x"}}, ]}'}], cveTags=[{"cve": 1}, {"cve": 2}])
        for number in range(2000)
    ]
    for separators in ((",", ":"), (", ", ": "), (" ,\r\n  ", " :\t")):
        body = json.dumps({"format": "NVD_CVE", "vulnerabilities": tricky, "timestamp": "2026-05-02T00:00:00"}, separators=separators)
        outcomes, box = read(body.encode())
        assert (only(outcomes).distinct, only(outcomes).rejected) == (2000, 0)
        assert box.all(frames.Begin)[0].as_of == datetime(2026, 5, 2, tzinfo=UTC)


def test_a_record_larger_than_is_taken_is_left_out() -> None:
    outcomes, box = read(feed(3).replace(b'"vulnStatus"', b'"x": "' + b"y" * (4 << 20) + b'", "vulnStatus"', 1))
    assert (only(outcomes).distinct, only(outcomes).rejected) == (2, 1)
    assert "bytes" in box.rejects()[0].reason


def test_no_frame_is_larger_than_allowed() -> None:
    noise = random.Random(7)  # noqa: S311 - the same every time
    large = [record(1000 + number, cveTags=[{"tags": [noise.randbytes(500_000).hex()]}]) for number in range(6)]
    _, box = read(b"".join(json.dumps(one).encode() + b"\n" for one in large))
    assert len(box.documents()) == 6
    assert box.largest <= frames.FRAME_LIMIT_BYTES


def test_a_damaged_member_of_an_archive_costs_one_record() -> None:
    members = {f"CVE-2024-{number}.json": CVE.replace(b"1000", b"%d" % number) for number in range(1000, 1400)}
    packed = zipped(members)
    place = packed.index(b"CVE-2024-1007.json") + len("CVE-2024-1007.json") + 20
    outcomes, box = read(flipped(packed, place))
    assert (only(outcomes).kind, only(outcomes).distinct, only(outcomes).rejected) == (Kind.CVE_LIST, 399, 1)
    assert box.rejects()[0].ref == "CVE-2024-1007.json"


def test_a_zip_that_lists_more_than_it_has_is_refused() -> None:
    packed = bytearray(zipped({"CVE-2024-1000.json": CVE, "CVE-2024-1001.json": CVE}))
    struct.pack_into("<H", packed, packed.rindex(b"PK\5\6") + 10, 60_000)
    assert only(read(bytes(packed))[0]).code == "G3"


@pytest.mark.parametrize("name", ["../x/CVE-2024-1000.json", "/x/CVE-2024-1000.json"])
def test_an_archive_of_overrides_may_not_lead_out(name: str) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        archive.addfile(tarfile.TarInfo(name))
    assert only(read(packed.getvalue())[0]).code == "G4"


def test_limits_are_those_of_the_design() -> None:
    assert (guards.MEMBER_LIMIT, guards.TOTAL_LIMIT, guards.RATIO_LIMIT, guards.DEPTH_LIMIT) == (2 << 30, 12 << 30, 100, 2)


def test_more_records_than_can_be_remembered_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guards, "ROWS_LIMIT", 9_000)
    ids = b"".join(b"CVE-2024-%d\n" % number for number in range(1000, 12_000))
    mapping = b"euvd_id,cve_id\n" + b"".join(b"EUVD-2024-%d,CVE-2024-%d\n" % (number, number) for number in range(1000, 12_000))
    scores = b"#model_version:v4,score_date:2026-03-15T00:00:00Z\ncve,epss,percentile\n" + b"CVE-2024-1000,0.1,0.1\n" * 11_000
    for content in (ids, mapping, scores):
        assert only(read(content)[0]).code == "G4"


def test_rows_that_are_no_scores_are_left_out() -> None:
    rows = ["CVE-1978-1234,0.1,0.2", "CVE-2024-1000,1.5,0.2", "CVE-2024-1001,nan,0.2", "CVE-2024-1002,0.1", "CVE-2024-1003,0.5,1.0"]
    head = "#model_version:v4,score_date:2026-03-15T00:00:00Z\ncve,epss,percentile\n"
    outcomes, box = read((head + "\n".join(rows)).encode())
    assert (only(outcomes).distinct, [one.ref for one in box.rejects()]) == (1, ["line 3", "line 4", "line 5", "line 6"])
