"""Files that come again: what is known is not sent, duplicates are settled, what is older is stale, and the log of changes is a plan."""

from __future__ import annotations

import gzip
import json
from array import array
from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec
import pytest

from tests.advisories.boxes import NOW, RECORDED, copied, only, read
from watchfloor.capabilities.advisories.feeds import cve_list, decode, packing
from watchfloor.capabilities.advisories.feeds.euvd import euvd_moment
from watchfloor.capabilities.advisories.schemas import frames
from watchfloor.capabilities.advisories.schemas.feed import Accepted, FeedFile, Given, Verdict
from watchfloor.capabilities.advisories.schemas.moments import moment
from watchfloor.capabilities.advisories.schemas.records.kev import KevEntry
from watchfloor.capabilities.advisories.schemas.words import key_of

FEED = RECORDED / "nvd" / "nvdcve-2.0-modified.json"
CATALOG = RECORDED / "kev" / "known_exploited_vulnerabilities.json"


def record(number: int, modified: str = "2026-05-01T10:00:00.000", **more: Any) -> dict[str, Any]:
    return {"cve": {"id": f"CVE-2024-{number}", "lastModified": modified, "vulnStatus": "Analyzed", **more}}


def lines(*records: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(one).encode() + b"\n" for one in records)


def test_what_is_known_is_counted_and_not_sent() -> None:
    _, first = read(FEED)
    outcomes, box = read(FEED, known={"nvd": first.known()})
    assert (only(outcomes).unchanged, only(outcomes).sent) == (5, 0)
    assert box.documents() == []
    (unchanged,) = box.all(frames.Unchanged)
    assert set(array("q", unchanged.ks)) == set(first.known())
    assert only(outcomes).watermark == datetime(2026, 2, 20, 16, 15, tzinfo=UTC)


def test_what_changed_is_sent_and_counts_as_known_from_then_on() -> None:
    _, first = read(FEED)
    changed = FEED.read_bytes().replace(b"Deferred", b"Analyzed")
    outcomes, box = read(changed, changed, known={"nvd": first.known()})
    assert [(one.sent, one.unchanged) for one in outcomes] == [(1, 4), (0, 5)]
    assert list(box.known()) == [key_of("CVE-2024-6387")]


def test_an_older_file_before_a_known_one_is_put_right_by_the_known_one() -> None:
    newer, older = lines(record(1000, "2026-05-02T00:00:00.000")), lines(record(1000, "2026-05-01T00:00:00.000"))
    _, first = read(newer)
    _, box = read(older, newer, known={"nvd": first.known()})
    assert [one.hash for one in box.documents()][-1] == first.documents()[0].hash


def test_the_same_document_in_another_spelling_is_known() -> None:
    plain = b'{"cve":{"id":"CVE-2024-1000","sourceIdentifier":"a/b","descriptions":[{"lang":"en","value":"ca\xc3\xb1a"}]}}'
    spelled = b'{ "cve" : { "id":"CVE-2024-1000",\n"sourceIdentifier":"a\\/b", "descriptions":[{"lang":"en","value":"ca\\u00f1a"}]}}'
    assert read(plain)[1].known() == read(spelled)[1].known()


def test_the_same_file_again_is_not_decoded() -> None:
    _, box = read(FEED)
    state = box.all(frames.End)[0].state
    before = Accepted(source="nvd", stream="modified", rows=5, sha256=state["sha256"])
    outcomes, box = read(FEED, accepted=(before,))
    assert (only(outcomes).verdict, only(outcomes).unchanged, box.told) == (Verdict.SAME, 5, [])


def test_of_two_records_of_one_cve_the_newer_stays() -> None:
    newer, older = record(1000, "2026-05-02T00:00:00.000", published="n"), record(1000, "2026-05-01T00:00:00.000")
    for content in (lines(newer, older, record(1001)), lines(older, newer, record(1001))):
        outcomes, box = read(content)
        assert (only(outcomes).rows, only(outcomes).distinct, only(outcomes).duplicates) == (3, 2, 1)
        assert box.known() == read(lines(newer, record(1001)))[1].known()


def catalog(*entries: dict[str, Any]) -> bytes:
    return json.dumps({"catalogVersion": "2026.03.16", "count": len(entries), "vulnerabilities": entries}).encode()


def test_of_two_entries_of_a_catalog_the_stored_one_stays_else_the_older() -> None:
    entry = json.loads(CATALOG.read_bytes())["vulnerabilities"][0]
    older, newer = {**entry, "dateAdded": "2024-01-01"}, {**entry, "dateAdded": "2024-02-02", "knownRansomwareCampaignUse": "Known"}
    for content in (catalog(older, newer), catalog(newer, older)):
        assert [one.date_added for one in read(content)[1].records(KevEntry).values()] == ["2024-01-01"]
        outcomes, box = read(content, known={"kev": read(catalog(newer))[1].known()})
        assert (only(outcomes).unchanged, box.documents()) == (1, [])


def test_an_older_catalog_is_stale_and_nothing_is_sent() -> None:
    before = Accepted(source="kev", stream="catalog", rows=3, as_of=datetime(2026, 3, 16, tzinfo=UTC))
    outcomes, box = read(CATALOG, accepted=(before,))
    assert (only(outcomes).verdict, box.told) == (Verdict.STALE, [])


def test_epss_of_a_stored_day_is_stale() -> None:
    file = RECORDED / "epss" / "epss_scores-2026-03-15.csv"
    before = Accepted(source="epss", stream="daily", rows=5, as_of=datetime(2026, 3, 15, 12, 55, tzinfo=UTC))
    assert only(read(file, accepted=(before,))[0]).verdict is Verdict.STALE


def test_timestamps_of_the_future_do_not_move_the_watermark() -> None:
    content = lines(record(1000, "2026-05-01T10:00:00.000"), record(1001, "2999-01-01T00:00:00.000"))
    outcomes, box = read(content)
    assert only(outcomes).watermark == datetime(2026, 5, 1, 10, tzinfo=UTC)
    assert len(box.documents()) == 2


def test_many_documents_are_compressed_with_a_dictionary_that_is_told_and_taken_back() -> None:
    many = lines(*(record(1000 + number, descriptions=[{"lang": "en", "value": f"Number {number} of many."}]) for number in range(500)))
    _, box = read(many)
    (trained,) = box.all(frames.Dictionary)
    assert box.all(frames.Begin)[0].dictionary == frames.TRAINED
    assert all(json.loads(raw)["vulnStatus"] == "Analyzed" for raw in box.raws().values())
    assert box.told.index(trained) < box.told.index(box.all(frames.Begin)[0])
    _, again = read(many, dictionaries=(Given(source="nvd", name="dictionary", number=7),), inputs={"dictionary": trained.data})
    assert again.all(frames.Dictionary) == []
    assert again.all(frames.Begin)[0].dictionary == 7
    assert [one.raw for one in again.documents()] == [one.raw for one in box.documents()]


@pytest.mark.parametrize("spooled", [1 << 20, 10_000])
def test_news_that_are_too_many_for_memory_wait_on_disk_and_those_too_many_for_it_are_read_twice(
    spooled: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = lines(*(record(1000 + number) for number in range(1000)), {"cve": {"id": "CVE-1"}})
    once = read(many)[1].documents()
    assert once[0].modified is not None
    monkeypatch.setattr(packing, "_KEPT_BYTES", 10_000)
    monkeypatch.setattr(packing, "_SPOOLED_BYTES", spooled)
    outcomes, box = read(many)
    assert only(outcomes).sent == 1000
    assert [(one.k, one.hash, one.modified, one.raw, bytes(one.record)) for one in box.documents()] == [
        (one.k, one.hash, one.modified, one.raw, bytes(one.record)) for one in once
    ]


def test_of_a_file_that_is_refused_nothing_waits_for_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packing, "_KEPT_BYTES", 10_000)
    damaged = gzip.compress(lines(*(record(1000 + number) for number in range(2000))))[:-20]
    outcomes, box = read(damaged, lines(*(record(5000 + number) for number in range(1000))))
    assert [one.sent for one in outcomes] == [0, 1000]
    assert len(box.known()) == 1000
    assert min(box.known()) == key_of("CVE-2024-5000")


def test_of_documents_is_known_whose_hash_it_is_and_when_it_was_made() -> None:
    at = datetime(2026, 5, 1, 10, 0, 0, 250_000, tzinfo=UTC)
    known = decode.Known()
    known.add(copied({7: bytes(16), -2: b"\xff" * 16}, at))
    assert (known.find(bytes(16)), known.find(b"\xff" * 16), known.find(b"\1" * 16)) == ((7, at.timestamp()), (-2, at.timestamp()), None)
    assert (known.holds(7, bytes(16)), known.holds(-2, bytes(16)), known.holds(8, bytes(16))) == (True, False, False)
    with pytest.raises(ValueError, match="cut off"):
        known.add(bytes(31))


def test_what_was_replaced_is_known_no_longer() -> None:
    known = decode.Known()
    known.add(copied({7: bytes(16)}))
    known.replace(7, b"\1" * 16)
    assert (known.find(bytes(16)), known.holds(7, bytes(16)), known.holds(7, b"\1" * 16)) == (None, False, True)


def minified(*records: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(one, separators=(",", ":")).encode() + b"\n" for one in records)


@pytest.mark.parametrize("wrapped", [True, False])
def test_a_record_that_stands_there_as_it_is_kept_is_not_read_again(wrapped: bool) -> None:  # noqa: FBT001 - a case
    at = datetime(2026, 5, 1, 10, tzinfo=UTC)
    content = minified(*(one if wrapped else one["cve"] for one in (record(1000), record(1001))))
    _, first = read(content)
    outcomes, box = read(content, known={"nvd": first.known()}, known_at=at)
    assert (only(outcomes).unchanged, only(outcomes).distinct, only(outcomes).sent) == (2, 2, 0)
    assert only(outcomes).watermark == at
    (unchanged,) = box.all(frames.Unchanged)
    assert set(array("q", unchanged.ks)) == set(first.known())


@pytest.mark.parametrize("behind", [b',"more":{}}', b"},{}", b"}}"])
def test_what_stands_behind_a_known_record_is_not_passed_over(behind: bytes) -> None:
    content = minified(record(1000))
    _, first = read(content)
    other = content[:-2] + behind + b"\n" + minified(record(1001))
    outcomes, _ = read(other, known={"nvd": first.known()})
    plain, _ = read(other)
    assert (only(outcomes).rows, only(outcomes).rejected) == (only(plain).rows, only(plain).rejected)


def test_of_a_known_record_and_another_of_the_same_cve_the_newer_stays() -> None:
    old, new = record(1000, "2026-05-01T00:00:00.000"), record(1000, "2026-05-02T00:00:00.000")
    _, first = read(minified(old))
    for content in (minified(old, new), minified(new, old)):
        outcomes, box = read(content, known={"nvd": first.known()}, known_at=datetime(2026, 5, 1, tzinfo=UTC))
        assert (only(outcomes).duplicates, only(outcomes).sent, only(outcomes).unchanged) == (1, 1, 0)
        assert box.known() == read(minified(new))[1].known()


def test_the_same_file_is_known_by_what_it_is_packed_to() -> None:
    packed = gzip.compress(FEED.read_bytes(), mtime=0)
    state = read(packed)[1].all(frames.End)[0].state
    before = Accepted(source="nvd", stream=only(read(packed)[0]).stream, rows=5, sha256=state["sha256"], packed=state["packed"])
    assert only(read(packed, accepted=(before,))[0]).verdict is Verdict.SAME
    outcomes, box = read(gzip.compress(FEED.read_bytes(), compresslevel=1, mtime=7), accepted=(before,))
    assert (only(outcomes).verdict, only(outcomes).unchanged, box.told) == (Verdict.SAME, 5, [])
    damaged = before.model_copy(update={"packed": "0" * 64, "sha256": "0" * 64})
    assert only(read(packed, accepted=(damaged,))[0]).verdict is Verdict.READ


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Jul 9, 2026, 3:06:00 PM", datetime(2026, 7, 9, 15, 6, tzinfo=UTC)),
        ("Jul 9, 2026, 12:06:00\u202fAM", datetime(2026, 7, 9, 0, 6, tzinfo=UTC)),
        ("Sept\u00a01,\u20092024, 12:00:01 pm", datetime(2024, 9, 1, 12, 0, 1, tzinfo=UTC)),
        ("Feb 30, 2024, 1:00:00 PM", None),
        ("2024-01-01", None),
        ("", None),
    ],
)
def test_dates_of_euvd_are_english_whatever_the_spaces(text: str, expected: datetime | None) -> None:
    assert euvd_moment(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-03-15T08:00:00.1234567", datetime(2026, 3, 15, 8, 0, 0, 123456, tzinfo=UTC)),
        ("2026-03-15T08:00:00.123", datetime(2026, 3, 15, 8, 0, 0, 123000, tzinfo=UTC)),
        ("2026-03-15T08:00:00", datetime(2026, 3, 15, 8, tzinfo=UTC)),
        ("2026-03-15T08:00:00Z", datetime(2026, 3, 15, 8, tzinfo=UTC)),
        ("2026-03-15T04:00:00-04:00", datetime(2026, 3, 15, 8, tzinfo=UTC)),
        ("0001-01-01T00:00:00+14:00", None),
        ("yesterday", None),
    ],
)
def test_timestamps_without_a_zone_are_utc(text: str, expected: datetime | None) -> None:
    assert moment(text) == expected


def test_the_log_of_changes_names_single_records_when_they_are_few() -> None:
    log = cve_list.delta_log((RECORDED / "cve-list" / "deltaLog.json").read_bytes())
    plan = cve_list.increment(log, datetime(2026, 3, 14, 12, tzinfo=UTC))
    assert set(plan.records) == {"CVE-2024-3094", "CVE-2024-6387"}
    assert plan.records["CVE-2024-3094"].endswith("/CVE-2024-3094.json")
    assert not plan.gap
    assert plan.latest == datetime(2026, 3, 15, 8, 10, tzinfo=UTC)


def test_the_log_of_changes_shows_a_gap_when_it_does_not_reach_back() -> None:
    log = cve_list.delta_log((RECORDED / "cve-list" / "deltaLog.json").read_bytes())
    assert cve_list.increment(log, datetime(2026, 3, 14, 8, 30, tzinfo=UTC)).gap
    assert cve_list.increment(log, None).gap
    assert cve_list.increment([], NOW).gap


def test_many_changes_are_fetched_as_archives_of_days() -> None:
    changed = [cve_list.Changed(f"CVE-2026-{number}", f"https://x/{number}") for number in range(10_000, 10_400)]
    looks = [cve_list.Log(fetch_time=(NOW - timedelta(days=day)).isoformat(), updated=tuple(changed)) for day in range(5)]
    plan = cve_list.increment(looks, NOW - timedelta(days=2))
    assert (plan.records, plan.gap) == ({}, False)
    assert plan.days == (date(2026, 8, 17), date(2026, 8, 18), date(2026, 8, 19), date(2026, 8, 20))


def test_frames_survive_the_way() -> None:
    document = frames.Document(1, bytes(16), NOW, b"x", msgspec.Raw(msgspec.msgpack.encode({"id": "x"})))
    for one in (frames.Documents(1, [document]), frames.Refused("f", "G2", "m"), frames.End("f", 1, "s", 1, 1, 0, 0, None, {}, {})):
        assert frames.unpack(frames.pack(one)) == one


def test_a_file_of_another_sort_than_asked_for_is_refused() -> None:
    outcomes, _ = read(FeedFile(name="x", label="kev.json", kind="kev"), inputs={"x": FEED})
    assert (only(outcomes).code, only(outcomes).verdict) == ("G2", Verdict.REFUSED)
