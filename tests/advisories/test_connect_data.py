"""Connectors against recorded answers of the sources, served on loopback as the sources serve them."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.advisories.data import shared, shared_json
from tests.advisories.servers import CveProgram, Euvd, Nvd, date_of
from tests.advisories.visits import HASTY, Visitor
from tests.fetch.servers import Answer, Asked, Server, serve
from watchfloor.capabilities.advisories.schemas.fetch import SoFar
from watchfloor.kernel.errors import SourceChanged, SourceUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.data
MARCH = datetime(2026, 3, 15, 12, 0, tzinfo=UTC)
API = "/rest/json/cves/2.0"


@pytest.fixture
def server() -> Iterator[Server]:
    with serve() as started:
        yield started


def modified() -> dict[str, dict[str, Any]]:
    return {item["cve"]["id"]: item["cve"] for item in shared_json("nvd/feeds/nvdcve-2.0-modified.json.gz")["vulnerabilities"]}


@pytest.fixture
def nvd(server: Server) -> Nvd:
    """The API over the records of the modified feed."""
    made = Nvd(records=modified(), now=MARCH)
    server.answer = made.answer
    return made


@pytest.fixture
def visit(server: Server, tmp_path: Path) -> Visitor:
    return Visitor(tmp_path / "work", "nvd", f"{server.url}/feeds/", server.url + API)


def test_the_api_gives_the_same_records_as_the_feed(visit: Visitor, nvd: Nvd) -> None:
    answer = visit(MARCH, days_back=9)
    assert visit.ids == sorted(nvd.records)
    assert not answer.incomplete
    assert visit.store.watermark("window") == max(map(date_of, nvd.records.values()))


def test_the_api_with_troubles_gives_the_same_records(visit: Visitor, server: Server, nvd: Nvd) -> None:
    page = shared("nvd/feeds/modified-history/nvdcve-2.0-modified.2026-03-11T1418.39d4d68.json.gz").read_bytes()
    nvd.page = 500
    calls: list[str] = []

    def troubled(asked: Asked) -> Answer:
        calls.append(asked.path)
        right = nvd.answer(asked)
        troubles = [
            Answer(status=403, body=page), Answer(body=page), Answer(body=right.body[: len(right.body) // 2]), Answer(status=503),
            Answer(body=right.body, cut=len(right.body) // 2), Answer(body=right.body, stall=1000),
        ]  # fmt: skip
        return troubles[len(calls) // 2 % len(troubles)] if len(calls) % 2 else right

    server.answer = troubled
    answer = visit(MARCH, days_back=9, manners=HASTY)
    assert len(calls) == 10
    assert visit.ids == sorted(nvd.records)
    assert not answer.incomplete


def test_the_api_that_breaks_down_on_its_second_page_moves_nothing(visit: Visitor, server: Server, nvd: Nvd) -> None:
    server.answer = lambda asked: nvd.answer(asked) if "startIndex=0&" in asked.path else Answer(status=503)
    with pytest.raises(SourceUnavailable, match="status 503"):
        visit(MARCH, days_back=9)
    assert visit.store.streams == {}
    assert visit.ids == []


@pytest.mark.parametrize(("file", "ids", "total"), [("google__test", 13, 1), ("aboutcode-org__rejected_nvd", 1, 27259)])
def test_envelopes_that_contradict_themselves_are_told_and_kept(visit: Visitor, server: Server, file: str, ids: int, total: int) -> None:
    server.plan[API] = [Answer(body=shared(f"nvd/api/{file}.json").read_bytes())]
    answer = visit(MARCH, days_back=9)
    assert len(visit.ids) == ids
    assert f"NVD says that {total} records" in answer.incomplete
    assert len(server.asked) <= 4
    assert visit.store.watermark("api") is None


def test_a_second_page_that_begins_elsewhere_is_told(visit: Visitor, server: Server) -> None:
    server.plan[API] = [Answer(body=shared(f"nvd/api/aquasecurity__respPage{number}.json").read_bytes()) for number in (1, 2)]
    answer = visit(MARCH, days_back=9)
    assert len(visit.ids) == 3
    assert answer.notes == ("NVD's page from 2 on says that it begins at 3",)
    assert not answer.incomplete


def serve_feeds(server: Server, name: str, folder: str = "nvd/feeds", stem: str = "") -> None:
    for end in ("json.gz", "meta"):
        body = shared(f"{folder}/{stem or f'nvdcve-2.0-{name}'}.{end}").read_bytes()
        server.plan[f"/feeds/nvdcve-2.0-{name}.{end}"] = [Answer(body=body)]


@pytest.mark.parametrize("year", [2002, 2004])
def test_a_yearly_feed_is_what_its_declaration_says(visit: Visitor, server: Server, year: int) -> None:
    serve_feeds(server, str(year))
    answer = visit(MARCH, years=(year,))
    assert answer.files[0].distinct == len(visit.ids) > 1000
    assert set(visit.store.streams) == {str(year), ""}


def test_three_days_of_modified_feeds_end_in_the_last_state_of_each_record(visit: Visitor, server: Server) -> None:
    visit.store.streams = {str(year): SoFar(stream=str(year)) for year in range(2002, 2027)}
    visit.store.streams["modified"] = SoFar(stream="modified", watermark=datetime(2026, 3, 11, 23, tzinfo=UTC))
    stems = ["2026-03-12T0659.e7cbda7", "2026-03-13T0658.430d984", "2026-03-14T1257.5f1fd64"]
    wanted: dict[str, str] = {}
    for stem in stems:
        serve_feeds(server, "modified", "nvd/feeds/modified-history", f"nvdcve-2.0-modified.{stem}")
        feed = json.loads(gzip.decompress(server.plan["/feeds/nvdcve-2.0-modified.json.gz"][0].body))
        wanted |= {item["cve"]["id"]: item["cve"]["lastModified"] for item in feed["vulnerabilities"]}
        visit(datetime.fromisoformat(stem[:10]).replace(tzinfo=UTC) + timedelta(hours=19), second_url="")
    assert visit.ids == sorted(wanted)
    for name in list(wanted)[::100]:
        assert json.loads(visit.text(name))["lastModified"].startswith(wanted[name][:19])
    before = dict(visit.store.streams)
    serve_feeds(server, "modified")
    for end in ("json.gz", "meta"):  # what was really served on the 11th
        body = shared(f"nvd/feeds/modified-history/nvdcve-2.0-modified.2026-03-11T1418.39d4d68.{end}").read_bytes()
        server.plan[f"/feeds/nvdcve-2.0-modified.{end}"] = [Answer(body=body)]
        with pytest.raises(SourceChanged, match=r"G2|G7"):
            visit(MARCH, second_url="")
        serve_feeds(server, "modified")
    assert visit.store.streams == before


def lines(path: str) -> list[Any]:
    return [json.loads(line) for line in gzip.decompress(shared(path).read_bytes()).splitlines()]


def test_a_baseline_and_the_changes_of_days_are_loaded_and_read(server: Server, tmp_path: Path) -> None:
    program = CveProgram()
    server.answer = program.answer
    sample = lines("cve5/cve5-sample-3000.jsonl.gz")
    days = {22: lines("cve5/delta-2025-01-22.jsonl.gz"), 24: lines("cve5/delta-2025-01-23_24.even.jsonl.gz")}
    program.release("2025-01-22_all_CVEs_at_midnight.zip.zip", sample, nested=True)
    visit = Visitor(tmp_path / "work", "cve-list", f"{server.url}/releases", f"{server.url}/cves/deltaLog.json")
    program.change(datetime(2025, 1, 1, tzinfo=UTC))
    visit(datetime(2025, 1, 22, 1, tzinfo=UTC))
    before = set(visit.ids)
    assert len(before) == 3000
    for day, changes in days.items():
        news = [one["new"] for one in changes]
        program.release(f"2025-01-{day}_delta_CVEs_at_end_of_day.zip", news)
        program.change(datetime(2025, 1, day, 23, tzinfo=UTC), *news)
    program.release("2025-01-23_delta_CVEs_at_end_of_day.zip", [days[24][0]["new"]])
    answer = visit(datetime(2025, 1, 25, 1, tzinfo=UTC))
    assert not answer.gap
    changed = {one["new"]["cveMetadata"]["cveId"]: one["new"] for changes in days.values() for one in changes}
    assert set(visit.ids) == before | set(changed)
    for name in list(changed)[::20]:
        assert changed[name]["cveMetadata"]["dateUpdated"][:19] in visit.text(name)


def test_kev_from_one_state_to_the_next(server: Server, tmp_path: Path) -> None:
    visit = Visitor(tmp_path / "work", "kev", f"{server.url}/kev.json")
    server.plan["/kev.json"] = [Answer(body=shared("kev/kev-2026.08.07.json").read_bytes())]
    visit(datetime(2026, 8, 8, tzinfo=UTC))
    assert len(visit.ids) == 1662
    server.plan["/kev.json"] = [Answer(body=shared("kev/kev-2026.08.20.min.json").read_bytes())]
    visit(datetime(2026, 8, 21, tzinfo=UTC))
    assert len(visit.ids) == 1673
    server.plan["/kev.json"] = [Answer(body=gzip.decompress(shared("kev/snapshots/kev-2024-09-20.503d56d.json.gz").read_bytes()))]
    assert visit(datetime(2026, 8, 22, tzinfo=UTC)).unchanged


def test_epss_from_one_day_to_the_next_and_an_incomplete_day_refused(server: Server, tmp_path: Path) -> None:
    visit = Visitor(tmp_path / "work", "epss", f"{server.url}/")
    for day, rows in (("2026-06-21", 341_602), ("2026-08-09", 356_353)):
        server.plan["/epss_scores-current.csv.gz"] = [Answer(body=shared(f"epss/epss_scores-{day}.csv.gz").read_bytes())]
        assert visit(datetime(2026, 8, 20, tzinfo=UTC)).files[0].distinct == rows
    held = dict(visit.store.scores)
    server.plan["/epss_scores-current.csv.gz"] = [Answer(body=shared("epss/epss_scores-2025-04-27.csv.gz").read_bytes())]
    with pytest.raises(SourceChanged, match="G5"):
        visit(datetime(2026, 8, 20, tzinfo=UTC))
    assert visit.store.scores == held


def test_two_recorded_pages_of_1639_exploited_are_kept_and_known_to_be_a_part(server: Server, tmp_path: Path) -> None:
    pages = [shared(f"euvd/caisarus__search-exploited-page{number}.json").read_bytes() for number in (0, 1)]
    mapping = shared("euvd/randomn4me__cve_euvd_mapping.csv").read_bytes()
    empty = json.dumps({"items": [], "total": 1639}).encode()

    def answer(asked: Asked) -> Answer:
        if "mapping" in asked.path:
            return Answer(body=mapping)
        if "exploited=true" not in asked.path:
            return Euvd().answer(asked)
        page = int(asked.path.partition("page=")[2].partition("&")[0])
        return Answer(body=pages[page] if page < 2 else empty)

    server.answer = answer
    visit = Visitor(tmp_path / "work", "euvd", f"{server.url}/api/")
    told = visit(datetime(2026, 7, 12, tzinfo=UTC))
    assert "1639 exploited records and gave 200" in told.incomplete
    assert 190 < len(visit.ids) <= 200
    assert "exploited" not in visit.store.streams


def test_the_eu_catalog_as_it_is_published(server: Server, tmp_path: Path) -> None:
    server.plan["/eukev.json"] = [Answer(body=shared("euvd/enisa-eukev-2026-08-21.json").read_bytes())]
    visit = Visitor(tmp_path / "work", "eu-kev", f"{server.url}/eukev.json")
    visit(datetime(2026, 8, 21, tzinfo=UTC))
    assert len(visit.ids) == 39
