"""Facts about taking in what files say: what a complete set leaves out is gone, what could not be read is not."""

from __future__ import annotations

import gzip
import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

import pytest

from tests.advisories.boxes import NOW, read
from tests.advisories.factories import kev_catalog, nvd_feed, nvd_record
from tests.advisories.sources import Press, key
from watchfloor.capabilities.advisories.jobs.intake import Intake
from watchfloor.capabilities.advisories.schemas import frames
from watchfloor.capabilities.advisories.schemas.words import Source

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from uuid import UUID

    from watchfloor.capabilities.advisories.jobs.writing import Tally
    from watchfloor.kernel.contract import JobContext
    from watchfloor.kernel.jobs.ledger import Ledger

A, B, C = "CVE-2024-3094", "CVE-2021-44228", "CVE-2018-15473"


@pytest.fixture
def press(ledger: Ledger, org: UUID) -> Iterator[Press]:
    made = Press(ledger.database, org)
    made.forget()
    yield made
    made.forget()


def take(press: Press, *files: Any, **request: Any) -> Tally:
    """Read files and take what is in them."""
    return take_frames(press, read(*files, **request)[1].told)


def take_frames(press: Press, told: Iterable[frames.AnyFrame]) -> Tally:
    """Take frames."""
    with Intake(cast("JobContext", press), history=0) as intake:
        for frame in told:
            intake.take(frames.pack(frame))
    return intake.tally


def euvd(number: int, cve: str) -> bytes:
    found = {
        "id": f"EUVD-2024-{number}", "description": "A flaw.", "datePublished": "Jul 9, 2026, 3:06:00 PM", "dateUpdated": "Jul 10, 2026, 3:06:00 PM",
        "aliases": f"{cve}\n", "references": "", "assigner": "acme",
    }  # fmt: skip
    return json.dumps({"items": [found], "total": 1}).encode()


def test_a_mapping_of_euvd_ids_takes_no_record_back(press: Press) -> None:
    take(press, ("euvd.json", euvd(777, A)))
    mapping = f"euvd_id,cve_id\nEUVD-2024-777,{A}\nEUVD-2024-778,{B}\n".encode()
    assert take(press, ("mapping.csv", mapping)).lost == 0
    assert press.rows("select gone_at from adv_raw where src = %s", int(Source.EUVD)) == [(None,)]
    assert press.rows("select count(*) from adv_fact where src = %s", int(Source.EUVD)) == [(1,)]
    assert set(press.rows("select alias, k from adv_alias")) >= {("EUVD-2024-777", key(A)), ("EUVD-2024-778", key(B))}


@pytest.mark.parametrize(
    "broken", [{"dateAdded": "soon"}, {"dateAdded": None}, {"knownRansomwareCampaignUse": 7}], ids=["date", "no date", "type"]
)
def test_an_entry_that_cannot_be_read_is_not_removed_from_the_catalog(press: Press, broken: dict[str, Any]) -> None:
    take(press, ("kev.json", kev_catalog([A, B, C])))
    press.settle()
    catalog = json.loads(kev_catalog([A, B, C], version="2026.08.02"))
    catalog["vulnerabilities"][1] |= broken
    tally = take(press, ("kev.json", json.dumps(catalog).encode()), accept=frozenset({"G5"}))
    assert (tally.rejected, tally.lost) == (1, 0)
    press.settle()
    assert press.rows("select removed_at from adv_kev where k = %s", key(B)) == [(None,)]
    assert not [one for one in press.changes() if one[1] == "kev_removed"]


def test_while_an_entry_without_a_name_cannot_be_read_nothing_is_removed(press: Press) -> None:
    take(press, ("kev.json", kev_catalog([A, B, C])))
    catalog = json.loads(kev_catalog([A, C], version="2026.08.02"))
    catalog["vulnerabilities"].append({"dateAdded": "2026-07-01"})
    catalog["count"] = 3
    assert take(press, ("kev.json", json.dumps(catalog).encode())).lost == 0
    assert take(press, ("kev.json", kev_catalog([A, C], version="2026.08.03"))).lost == 1


def test_a_score_that_cannot_be_read_stays_what_it_was(press: Press) -> None:
    take(press, ("epss.csv.gz", scores(f"{A},0.5,0.9", f"{B},0.4,0.8")))
    take(press, ("epss.csv.gz", scores(f"{A},0.5,0.9", f"{B},much,0.8", day=2)))
    assert press.rows("select gone_at from adv_epss order by k") == [(None,), (None,)]
    take(press, ("epss.csv.gz", scores(f"{A},0.5,0.9", day=3)))
    assert press.rows("select count(*) from adv_epss where gone_at is not null") == [(1,)]


def test_a_cve_that_epss_leaves_out_keeps_its_score_and_nothing_is_said_of_it(press: Press) -> None:
    take(press, ("nvd.json", nvd_feed([nvd_record(3094, year=2024), nvd_record(44228, year=2021)])))
    take(press, ("epss.csv.gz", scores(f"{A},0.5,0.9", f"{B},0.4,0.8")))
    press.settle()
    said = press.changes()
    take(press, ("epss.csv.gz", scores(f"{A},0.5,0.9", day=2)))
    assert press.rows("select count(*) from adv_touched") == [(0,)]
    take(press, ("nvd.json", nvd_feed([nvd_record(44228, year=2021, modified=1)], at=NOW)))
    press.settle()
    assert press.rows("select epss from adv_cve where k = %s", key(B)) == [(40_000,)]
    assert [one for one in press.changes()[len(said) :] if "epss" in one[1]] == []
    take(press, ("epss.csv.gz", scores(f"{A},0.5,0.9", f"{B},0.6,0.8", day=4)))
    press.settle()
    again = press.rows("select e.gone_at, e.p, c.epss from adv_epss e join adv_cve c using (k) where k = %s", key(B))
    assert again == [(None, 60_000, 60_000)]


def test_a_score_that_did_not_move_is_not_written_again(press: Press) -> None:
    take(press, ("epss.csv.gz", scores(f"{A},0.5,0.9", f"{B},0.4,0.8")))
    before = dict(press.rows("select k, xmin::text from adv_epss"))
    take(press, ("epss.csv.gz", scores(f"{A},0.5,0.9", f"{B},0.3,0.8", f"{C},1e-05,0.1", day=2)))
    after = dict(press.rows("select k, xmin::text from adv_epss"))
    assert (after[key(A)], after[key(B)] != before[key(B)]) == (before[key(A)], True)
    assert press.rows("select p from adv_epss order by k") == [(1,), (30_000,), (50_000,)]


def test_what_a_file_began_and_did_not_end_is_not_taken_for_the_next(press: Press) -> None:
    told = read(("kev.json", kev_catalog([A])))[1].told
    begun = [one for one in told if not isinstance(one, frames.End)]
    take_frames(press, [*begun, frames.Refused("0", "G3", "is damaged"), *read(("epss.csv.gz", scores(f"{A},0.5,0.9")))[1].told])
    assert press.rows("select src, stream from adv_stream order by src") == [(int(Source.EPSS), "daily")]
    assert press.rows("select count(*) from adv_raw") == [(0,)]


def scores(*lines: str, day: int = 1) -> bytes:
    head = f"#model_version:v2026.01.01,score_date:2026-08-0{day}T00:00:00Z"
    return gzip.compress("\n".join([head, "cve,epss,percentile", *lines, ""]).encode())


def test_a_record_from_tomorrow_moves_the_watermark_to_now_and_no_further(press: Press) -> None:
    feed = nvd_feed([nvd_record(1)])
    later = feed.replace(b"2015-01-01T01:00:00.000", (NOW + timedelta(hours=20)).strftime("%Y-%m-%dT%H:%M:%S.000").encode())
    take(press, ("nvdcve-2.0-2015.json", later))
    assert press.rows("select watermark from adv_stream") == [(NOW,)]
