"""The CVE List over the network: the log, single records, archives of days, the baseline, and what can go wrong with each."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tests.advisories.servers import NOW, CveProgram, cve_record
from tests.advisories.visits import HASTY, Visitor
from tests.fetch.servers import PAGE, Answer, Server, serve
from watchfloor.kernel.errors import SourceChanged, SourceUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SHELLSHOCK, LOG4SHELL, XZ, REGRESSHION = "CVE-2014-6271", "CVE-2021-44228", "CVE-2024-3094", "CVE-2024-6387"
MIDNIGHT = datetime(2026, 8, 20, tzinfo=UTC)
BASELINE = "2026-08-20_all_CVEs_at_midnight.zip.zip"


@pytest.fixture
def program() -> CveProgram:
    """Three records at midnight, one since, and a log that reaches back thirty days."""
    made = CveProgram()
    old = [
        cve_record(SHELLSHOCK, NOW - timedelta(days=300)),
        cve_record(LOG4SHELL, NOW - timedelta(days=100)),
        cve_record(XZ, NOW - timedelta(days=2)),
    ]
    for record in old:
        made.records[record["cveMetadata"]["cveId"]] = record
    made.change(NOW - timedelta(days=30))
    made.release(BASELINE, old, nested=True)
    made.release("2026-08-19_delta_CVEs_at_end_of_day.zip", [])
    fresh = cve_record(REGRESSHION, NOW - timedelta(hours=2))
    made.release("2026-08-20_delta_CVEs_at_0900Z.zip", [])
    made.release("2026-08-20_delta_CVEs_at_1100Z.zip", [fresh])
    made.change(NOW - timedelta(hours=2), fresh)
    return made


@pytest.fixture
def server(program: CveProgram) -> Iterator[Server]:
    with serve(program.answer) as started:
        yield started


@pytest.fixture
def visit(server: Server, tmp_path: Path) -> Visitor:
    return Visitor(tmp_path / "work", "cve-list", f"{server.url}/releases", f"{server.url}/cves/deltaLog.json")


def loaded(server: Server) -> list[str]:
    """Return the files that were loaded since the last look."""
    found = [path.rpartition("/")[2] for path in server.paths if not path.startswith("/releases")]
    server.asked.clear()
    return found


def test_a_first_visit_loads_the_baseline_and_what_changed_since(visit: Visitor, server: Server) -> None:
    answer = visit()
    assert loaded(server) == [BASELINE, "2026-08-20_delta_CVEs_at_1100Z.zip"]
    assert visit.ids == [SHELLSHOCK, LOG4SHELL, XZ, REGRESSHION]
    assert visit.store.watermark("delta") == NOW - timedelta(hours=2)
    assert (answer.complete, answer.gap) == (True, "")


def test_few_changes_are_loaded_one_by_one_and_each_once(visit: Visitor, server: Server, program: CveProgram) -> None:
    visit()
    loaded(server)
    program.change(NOW - timedelta(minutes=50), cve_record(XZ, NOW - timedelta(minutes=55)))
    program.change(NOW - timedelta(minutes=20), cve_record(XZ, NOW - timedelta(minutes=25), "Rewritten."))
    answer = visit()
    assert sorted(loaded(server)) == sorted(["deltaLog.json", "CVE-2024-3094.json", "CVE-2024-6387.json"])
    assert "Rewritten." in visit.text(XZ)
    assert visit.store.watermark("log") == NOW - timedelta(minutes=25)
    assert answer.complete, "all since the watermark is there: where there was a gap, it is closed"


def test_a_log_that_did_not_change_is_not_sent(visit: Visitor, server: Server) -> None:
    visit()
    visit()
    loaded(server)
    answer = visit()
    assert answer.unchanged
    assert loaded(server) == ["deltaLog.json"]
    assert visit.heard.frames == []


def test_many_changes_are_loaded_as_one_archive_for_each_day(visit: Visitor, server: Server, program: CveProgram) -> None:
    visit()
    loaded(server)
    later = NOW + timedelta(days=2)
    batches = {
        day: [cve_record(f"CVE-2026-{10000 + day * 1000 + number}", NOW + timedelta(days=day, hours=1)) for number in range(200)]
        for day in (0, 1)
    }
    for day, records in batches.items():
        program.change(NOW + timedelta(days=day, hours=1), *records)
    program.release("2026-08-20_delta_CVEs_at_end_of_day.zip", batches[0])
    program.release("2026-08-21_delta_CVEs_at_end_of_day.zip", batches[1])
    answer = visit(later)
    assert loaded(server) == ["deltaLog.json", "2026-08-20_delta_CVEs_at_end_of_day.zip", "2026-08-21_delta_CVEs_at_end_of_day.zip"]
    assert len(visit.ids) == 404
    assert visit.store.watermark("delta") == NOW + timedelta(days=1, hours=1)
    assert not answer.gap


def test_a_log_that_does_not_reach_back_is_a_gap_that_the_baseline_closes(visit: Visitor, server: Server, program: CveProgram) -> None:
    visit()
    loaded(server)
    later = NOW + timedelta(days=60)
    lost = cve_record(SHELLSHOCK, NOW + timedelta(days=5), "Rewritten.")
    program.records[SHELLSHOCK] = lost
    program.log = []
    program.change(later - timedelta(days=15))
    program.release("2026-10-19_all_CVEs_at_midnight.zip.zip", program.records.values(), nested=True)
    answer = visit(later)
    assert loaded(server) == ["deltaLog.json", "2026-10-19_all_CVEs_at_midnight.zip.zip"]
    assert "Rewritten." in visit.text(SHELLSHOCK)
    assert "does not reach back to 2026-08-20 10:00 UTC" in answer.gap
    assert [part.gap for part in visit.heard.parts] == [answer.gap]
    assert answer.complete


def test_a_gap_is_told_even_if_it_cannot_be_closed(visit: Visitor, server: Server, program: CveProgram) -> None:
    visit()
    before = dict(visit.store.streams)
    program.log = []
    program.change(NOW + timedelta(days=50))
    server.plan["/releases"] = [Answer(status=503)]
    with pytest.raises(SourceUnavailable):
        visit(NOW + timedelta(days=60))
    assert len(visit.heard.parts) == 1
    assert visit.store.streams == before


def test_days_whose_archives_are_gone_are_a_gap(visit: Visitor, program: CveProgram) -> None:
    visit()
    for day in (1, 3):
        program.change(
            NOW + timedelta(days=day),
            *(cve_record(f"CVE-2026-{10000 + day * 1000 + number}", NOW + timedelta(days=day)) for number in range(200)),
        )
    program.release("2026-08-23_all_CVEs_at_midnight.zip.zip", list(program.records.values()), nested=True)
    answer = visit(NOW + timedelta(days=3, hours=1))
    assert "no archive of the changes of 2026-08-21, 2026-08-22" in answer.gap
    assert len(visit.ids) == 404


def test_a_day_without_archive_after_the_baseline_is_a_gap_though_the_rest_is_read(visit: Visitor, program: CveProgram) -> None:
    fresh = cve_record("CVE-2026-10001", NOW + timedelta(days=2))
    program.release("2026-08-20_delta_CVEs_at_end_of_day.zip", [program.records[REGRESSHION]])
    program.release("2026-08-22_delta_CVEs_at_1100Z.zip", [fresh])
    answer = visit(NOW + timedelta(days=2))
    assert "no archive of the changes of 2026-08-21" in answer.gap
    assert [part.gap for part in visit.heard.parts] == [answer.gap]
    assert not answer.complete
    assert "CVE-2026-10001" in visit.ids
    program.release("2026-08-22_all_CVEs_at_midnight.zip.zip", list(program.records.values()), nested=True)
    answer = visit(NOW + timedelta(days=2), full=True)
    assert (answer.complete, answer.gap) == (True, "")


def test_a_baseline_without_archives_since_is_a_gap(visit: Visitor) -> None:
    assert "2026-08-21, 2026-08-22" in visit(NOW + timedelta(days=3)).gap


def test_a_record_that_is_not_where_the_log_says_is_taken_from_its_day(visit: Visitor, server: Server, program: CveProgram) -> None:
    visit()
    loaded(server)
    change = cve_record(XZ, NOW - timedelta(minutes=30), "Rewritten.")
    program.change(NOW - timedelta(minutes=30), change)
    program.release("2026-08-20_delta_CVEs_at_1200Z.zip", [program.records[REGRESSHION], change])
    del program.records[XZ]
    visit()
    assert "2026-08-20_delta_CVEs_at_1200Z.zip" in loaded(server)
    assert "Rewritten." in visit.text(XZ)


def test_files_are_found_by_the_ends_of_their_names(visit: Visitor, server: Server, program: CveProgram) -> None:
    program.assets["2026-08-21_CVEs_renamed.zip"] = b""
    program.assets["notes_all_CVEs.txt"] = b""
    program.release("2026-08-18_all_CVEs_at_midnight.zip.zip", [], nested=True)
    visit()
    assert loaded(server)[0] == BASELINE
    program.assets = {"2026-08-21_CVEs_renamed.zip": b""}
    with pytest.raises(SourceChanged, match=r"names no file that ends in _all_CVEs_at_midnight.zip.zip"):
        visit(full=True)


def test_a_file_of_another_sum_than_declared_is_loaded_twice_and_refused(visit: Visitor, server: Server, program: CveProgram) -> None:
    program.declare[BASELINE] = {"digest": f"sha256:{hashlib.sha256(program.assets[BASELINE]).hexdigest()}"}
    assert visit().complete
    loaded(server)
    program.declare[BASELINE] = {"digest": f"sha256:{'0' * 64}"}
    with pytest.raises(SourceChanged, match=r"G3: .* even loaded twice"):
        visit(full=True)
    assert loaded(server) == [BASELINE, BASELINE]


@pytest.mark.parametrize("answer", [
    Answer(body=PAGE), Answer(body=b"{}"), Answer(body=b'[{"fetchTime": "2026'), Answer(status=403, body=b"rate limit"), Answer(body=b"x" * 99, cut=9),
    Answer(body=b"x" * 99, stall=9), Answer(body=b"[" * 50_000), Answer(status=404),
], ids=["page", "object", "half", "refused", "cut", "slow", "deep", "gone"])  # fmt: skip
def test_whatever_comes_instead_of_the_log_is_an_error_and_moves_nothing(
    visit: Visitor, server: Server, program: CveProgram, answer: Answer
) -> None:
    visit()
    before = dict(visit.store.streams)
    program.change(NOW, cve_record(XZ, NOW, "Rewritten."))
    server.plan["/cves/deltaLog.json"] = [answer]
    with pytest.raises((SourceChanged, SourceUnavailable)):
        visit(manners=HASTY)
    assert visit.store.streams == before
    assert "Rewritten." not in visit.text(XZ)


@pytest.mark.parametrize("answer", [
    Answer(body=PAGE), Answer(body=b"PK\x03\x04 no zip"), Answer(status=403), Answer(body=b"x" * 99, cut=9),
    Answer(status=302, headers={"Location": "http://169.254.169.254/latest"}),
], ids=["page", "broken", "refused", "cut", "sent away"])  # fmt: skip
def test_a_broken_baseline_is_an_error_and_moves_nothing(visit: Visitor, server: Server, program: CveProgram, answer: Answer) -> None:
    program.declare[BASELINE] = {"size": None}
    server.plan[f"/assets/{BASELINE}"] = [answer]
    with pytest.raises((SourceChanged, SourceUnavailable)):
        visit()
    assert visit.store.streams == {}
    assert visit.ids == []


def test_a_mirror_may_offer_the_baseline_alone(visit: Visitor, server: Server) -> None:
    program = CveProgram()
    program.release("all.zip", [cve_record(XZ, NOW)])
    server.plan["/mirror/all.zip"] = [Answer(body=program.assets["all.zip"])]
    answer = visit(url=f"{server.url}/mirror/all.zip")
    assert visit.ids == [XZ]
    assert answer.complete
