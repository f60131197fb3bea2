"""The recorded files of the sources: every one is told for what it is, and holds what was counted in it."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from array import array
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from tests.advisories.boxes import only, read
from tests.advisories.data import shared
from watchfloor.capabilities.advisories.schemas import frames
from watchfloor.capabilities.advisories.schemas.feed import Accepted, Kind, Verdict
from watchfloor.capabilities.advisories.schemas.records.cve_list import CveRecord
from watchfloor.capabilities.advisories.schemas.records.kev import KevEntry
from watchfloor.capabilities.advisories.schemas.records.nvd import NvdRecord
from watchfloor.capabilities.advisories.schemas.records.overrides import Override
from watchfloor.capabilities.advisories.schemas.words import key_of, name_of

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.data


@pytest.mark.parametrize(("year", "count"), [("2003", 1555), ("2004", 2707), ("2026", 7346), ("modified", 2286), ("recent", 1447)])
def test_a_feed_agrees_with_its_meta_and_loses_no_record(year: str, count: int) -> None:
    meta, packed = (shared(f"nvd/feeds/nvdcve-2.0-{year}.{ending}") for ending in ("meta", "json.gz"))
    outcomes, box = read(meta, packed)
    assert (outcomes[1].verdict, outcomes[1].stream, outcomes[1].distinct, outcomes[1].rejected) == (Verdict.READ, year, count, 0)
    plain = {one["cve"]["id"]: one["cve"] for one in json.loads(gzip.decompress(packed.read_bytes()))["vulnerabilities"]}
    assert {name_of(k) for k in box.known()} == set(plain)
    for k, raw in box.raws().items():
        assert json.loads(raw) == plain[name_of(k)]
    for k, record in box.records(NvdRecord).items():
        criteria = [match for one in record.configurations for node in one.nodes for match in node.cpe_match]
        written = [match for one in plain[name_of(k)].get("configurations", []) for node in one["nodes"] for match in node["cpeMatch"]]
        assert [one.criteria for one in criteria] == [one["criteria"] for one in written]
        assert [one.version_end_excluding for one in criteria] == [one.get("versionEndExcluding") for one in written]


def test_2002_holds_the_years_before_it() -> None:
    _, box = read(shared("nvd/feeds/nvdcve-2.0-2002.json.gz"))
    assert {name_of(k)[4:8] for k in box.known()} == {"1999", "2000", "2001", "2002"}


def test_the_page_that_a_mirror_kept_for_a_feed_is_refused() -> None:
    folder = shared("nvd/feeds/modified-history")
    for page in folder.glob("*39d4d68*"):
        assert only(read(page)[0]).code == "G2"


def test_three_states_of_modified_end_as_the_last_says() -> None:
    states = [
        *sorted(shared("nvd/feeds/modified-history").glob("*e7cbda7.json.gz")),
        *sorted(shared("nvd/feeds/modified-history").glob("*430d984.json.gz")),
    ]
    states += [*sorted(shared("nvd/feeds/modified-history").glob("*5f1fd64.json.gz")), shared("nvd/feeds/nvdcve-2.0-modified.json.gz")]
    outcomes, box = read(*states)
    assert all(one.verdict is Verdict.READ for one in outcomes)
    assert 0 < outcomes[1].unchanged < outcomes[1].distinct
    last = read(states[-1])[1].known()
    assert last.items() <= box.known().items()


def test_lines_and_api_answers_of_other_projects_are_read() -> None:
    outcomes, box = read(shared("nvd/records/fixture-records.jsonl"))
    assert (only(outcomes).kind, only(outcomes).rows, only(outcomes).rejected) == (Kind.NVD_RECORDS, 223, 6)
    assert key_of("CVE-2024-3094") in box.known()
    outcomes, _ = read(*sorted(shared("nvd/api").glob("*.json")))
    assert {one.verdict for one in outcomes} == {Verdict.READ}
    held = {one.label: one.rows for one in outcomes}
    assert (held["google__test.json"], held["aboutcode-org__rejected_nvd.json"]) == (13, 1)
    assert sum(bool(one.notes) for one in outcomes) == 2


def test_the_sample_of_the_cve_list_is_read_whole_as_lines_and_as_archives() -> None:
    sample = shared("cve5/cve5-sample-3000.jsonl.gz")
    outcomes, box = read(sample)
    assert (only(outcomes).distinct, only(outcomes).rejected) == (3000, 0)
    records = box.records(CveRecord)
    assert sum(one.cve_metadata.state == "REJECTED" for one in records.values()) == 145
    assert sum(bool(one.containers.cna.cpe_applicability) for one in records.values()) == 410
    assert sum("disputed" in one.containers.cna.tags for one in records.values()) == 122
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for line in gzip.decompress(sample.read_bytes()).splitlines():
            one = json.loads(line)
            archive.writestr(f"cves/x/{one['cveMetadata']['cveId']}.json", json.dumps(one, indent=4))
    outer = io.BytesIO()
    with zipfile.ZipFile(outer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("cves.zip", packed.getvalue())
    outcomes, again = read(outer.getvalue())
    assert (only(outcomes).stream, again.known()) == ("baseline", box.known())


def test_records_of_5_2_and_changes_of_three_days_are_read() -> None:
    outcomes, box = read(*sorted(shared("cve5/v5.2").glob("*.json")))
    assert {one.verdict for one in outcomes} == {Verdict.READ}
    assert {one.data_version for one in box.records(CveRecord).values()} == {"5.2"}
    for name in ("cve5/delta-2025-01-22.jsonl.gz", "cve5/delta-2025-01-23_24.even.jsonl.gz"):
        changed = [json.loads(line)["new"] for line in gzip.decompress(shared(name).read_bytes()).splitlines()]
        outcomes, _ = read(b"".join(json.dumps(one).encode() + b"\n" for one in changed if one))
        assert (only(outcomes).kind, only(outcomes).rejected) == (Kind.CVE_RECORDS, 0)


def test_kev_as_json_is_kev_as_csv() -> None:
    _, catalog = read(shared("kev/cisagov-2025.08.25.known_exploited_vulnerabilities.json"))
    _, table = read(shared("kev/cisagov-2025.08.25.known_exploited_vulnerabilities.csv"))
    assert table.known() == catalog.known()
    assert len(catalog.known()) == 1404


def test_kev_of_two_weeks_differs_in_what_was_added_and_flipped_whatever_the_formatting() -> None:
    _, first = read(shared("kev/kev-2026.08.07.json"))
    outcomes, second = read(shared("kev/kev-2026.08.20.min.json"), known={"kev": first.known()})
    old, new = first.records(KevEntry), second.records(KevEntry)
    added = new.keys() - old.keys()
    flipped = [k for k in new.keys() & old.keys() if new[k].ransomware != old[k].ransomware]
    assert (len(added), len(flipped)) == (11, 11)
    assert only(outcomes).unchanged + only(outcomes).sent == 1673


def test_an_entry_that_kev_held_twice_for_a_day_never_changes() -> None:
    states = sorted(shared("kev/snapshots").glob("kev-2024-09-*.json.gz"))
    twice = key_of("CVE-2019-1069")
    known: dict[int, bytes] = {}
    for state in states:
        _, box = read(state, known={"kev": known})
        assert not known or twice not in box.known()
        known |= box.known()


def test_epss_files_are_complete_but_one() -> None:
    for day, rows in (("2026-06-14", 341_309), ("2026-06-21", 341_602), ("2026-08-09", 356_353)):
        outcomes, box = read(shared(f"epss/epss_scores-{day}.csv.gz"))
        assert (only(outcomes).verdict, only(outcomes).distinct, only(outcomes).rejected) == (Verdict.READ, rows, 0)
        assert sum(one.count for one in box.all(frames.Scores)) == rows
        assert only(outcomes).watermark == datetime.fromisoformat(day).replace(tzinfo=UTC)
    partial = shared("epss/epss_scores-2025-04-27.csv.gz")
    assert only(read(partial)[0]).code == "G5"
    before = Accepted(source="epss", stream="daily", rows=341_309, as_of=datetime(2026, 6, 14, tzinfo=UTC))
    assert only(read(partial, accepted=(before,))[0]).code == "G5"


def test_answers_of_euvd_are_read() -> None:
    folder = shared("euvd")
    skipped = {"enisa-eukev-2026-08-21.json"}
    files = [one for one in sorted(folder.iterdir()) if one.name not in skipped]
    outcomes, box = read(*files)
    assert {one.verdict for one in outcomes} == {Verdict.READ}
    assert sum(one.rejected for one in outcomes) == 0
    pages = [one for one in outcomes if "search-exploited-page" in one.label]
    assert [one.notes for one in pages] == [("is a part: 100 of 1639 records",)] * 2
    aliases = {cve for one in box.all(frames.Aliases) for cve in array("q", one.cve)}
    assert len([k for k in aliases if name_of(k).startswith("CVE-2024-204")]) == 8
    outcomes, box = read(folder / "enisa-eukev-2026-08-21.json")
    assert (only(outcomes).kind, len(box.documents())) == (Kind.EU_KEV, 39)


def test_overrides_and_exploits_are_read() -> None:
    outcomes, box = read(shared("overrides/anchore-nvd-overrides.jsonl.zst"))
    assert (only(outcomes).kind, only(outcomes).distinct, only(outcomes).rejected) == (Kind.OVERRIDES, 32_184, 0)
    assert sum(one.suppresses for one in box.records(Override).values()) == 37
    outcomes, box = read(shared("exploits/metasploit_cves.txt"))
    assert (only(outcomes).distinct, [one.ref for one in box.rejects()]) == (3106, ["CVE-0000-0000", "CVE-1978-1234"])


def test_what_is_no_file_of_a_source_is_refused() -> None:
    others: list[Path] = [
        shared("kev/kev-history-events.until-2025-06-06.jsonl"),
        shared("epss/epss_weekly_stats.csv"),
        shared("epss/epss_history_selected.json.gz"),
        shared("kev/cisagov-2025.08.25.known_exploited_vulnerabilities_schema.json"),
        shared("cve5/delta-2025-01-22.jsonl.gz"),
    ]
    outcomes, _ = read(*others)
    assert {one.verdict for one in outcomes} == {Verdict.REFUSED}
