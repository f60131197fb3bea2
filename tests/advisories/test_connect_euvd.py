"""ENISA's database over the network: pages, totals that move, and what is loaded once in a while only."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tests.advisories.servers import NOW, Euvd, euvd_record
from tests.advisories.visits import HASTY, Visitor
from tests.fetch.servers import PAGE, Answer, Asked, Server, serve
from watchfloor.kernel.errors import SourceChanged, SourceUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LOG4SHELL, XZ, REGRESSHION = "CVE-2021-44228", "CVE-2024-3094", "CVE-2024-6387"


@pytest.fixture
def euvd() -> Euvd:
    return Euvd([
        euvd_record("2021-31257", LOG4SHELL, NOW - timedelta(days=300), exploitedSince="Dec 10, 2021, 12:00:00 AM"),
        euvd_record("2024-21344", XZ, NOW - timedelta(days=20)),
        euvd_record("2024-2455", REGRESSHION, NOW - timedelta(days=2)),
    ])  # fmt: skip


@pytest.fixture
def server(euvd: Euvd) -> Iterator[Server]:
    with serve(euvd.answer) as started:
        yield started


@pytest.fixture
def visit(server: Server, tmp_path: Path) -> Visitor:
    return Visitor(tmp_path / "work", "euvd", f"{server.url}/api/")


def asked(server: Server) -> list[str]:
    """Return what was asked for since the last look."""
    found = [path.removeprefix("/api/") for path in server.paths]
    server.asked.clear()
    return found


def test_a_first_visit_loads_mapping_exploited_and_the_last_month(visit: Visitor, server: Server) -> None:
    answer = visit()
    assert asked(server) == [
        "dump/cve-euvd-mapping", "search?exploited=true&page=0&size=100",
        "search?fromUpdatedDate=2026-07-21&toUpdatedDate=2026-08-20&page=0&size=100",
    ]  # fmt: skip
    assert visit.ids == [LOG4SHELL, XZ, REGRESSHION]
    assert visit.store.pairs["EUVD-2021-31257"] == LOG4SHELL
    assert visit.store.watermark("search") == NOW - timedelta(days=2)
    assert answer.complete
    assert visit.heard.parts == []


def test_later_visits_ask_for_what_was_updated_since_the_day_before(visit: Visitor, server: Server, euvd: Euvd) -> None:
    visit()
    asked(server)
    later = NOW + timedelta(hours=2)
    euvd.records[1] = euvd_record("2024-21344", XZ, later - timedelta(hours=1), description="Rewritten.")
    answer = visit(later)
    assert asked(server) == ["search?fromUpdatedDate=2026-08-17&toUpdatedDate=2026-08-20&page=0&size=100"]
    assert "Rewritten." in visit.text(XZ)
    assert visit.store.watermark("search") == later - timedelta(hours=1)
    assert not answer.complete


def test_what_is_exploited_is_asked_daily_and_the_mapping_weekly(visit: Visitor, server: Server) -> None:
    visit()
    asked(server)
    visit(NOW + timedelta(days=1))
    assert [path.split("&")[0] for path in asked(server)] == ["search?exploited=true", "search?fromUpdatedDate=2026-08-17"]
    visit(NOW + timedelta(days=7))
    assert asked(server)[0] == "dump/cve-euvd-mapping"


def test_pages_are_turned_until_as_many_are_there_as_it_says(visit: Visitor, server: Server, euvd: Euvd) -> None:
    euvd.records = [
        euvd_record(f"2026-{number}", f"CVE-2026-{number}", NOW - timedelta(hours=number % 24)) for number in range(10_000, 10_750)
    ]
    answer = visit()
    assert len(visit.ids) == 750
    assert sum("fromUpdatedDate" in path for path in asked(server)) == 8
    assert not answer.incomplete


def test_two_pages_of_more_are_kept_but_the_watermark_stays(visit: Visitor, euvd: Euvd) -> None:
    euvd.records = [euvd_record(f"2026-{number}", f"CVE-2026-{number}", NOW - timedelta(hours=1)) for number in range(10_000, 10_150)]
    euvd.totals = [0, *[1639] * 20]
    answer = visit()
    assert "1639 records updated since 2026-07-21 and gave 150" in answer.incomplete
    assert len(visit.ids) == 150
    assert visit.store.watermark("search") is None
    euvd.totals = []
    assert not visit().incomplete
    assert visit.store.watermark("search") == NOW - timedelta(hours=1)


def test_a_total_that_moves_is_counted_once_more(visit: Visitor, server: Server, euvd: Euvd) -> None:
    euvd.totals = [1, 3, 3]
    answer = visit()
    assert sum("fromUpdatedDate" in path for path in asked(server)) == 3  # a page, one behind it that is empty, and again
    assert not answer.incomplete


def test_a_search_too_large_for_one_file_moves_the_watermark_with_its_last(
    visit: Visitor, euvd: Euvd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("watchfloor.capabilities.advisories.feeds.fetching.parts.PART", 10_000)
    euvd.records = [euvd_record(f"2026-{number}", f"CVE-2026-{number}", NOW - timedelta(hours=1)) for number in range(10_000, 10_150)]
    answer = visit()
    streams = [one.stream for one in answer.files]
    assert len(visit.ids) == 150
    assert streams[0] == "mapping"
    assert streams[-1] == "search"
    assert set(streams[1:-1]) == {"search-part"}


def test_nothing_found_is_an_answer_and_moves_nothing(visit: Visitor, server: Server, euvd: Euvd) -> None:
    visit()
    before = visit.store.watermark("search")
    euvd.records = []
    server.plan["/api/search"] = [Answer(status=204)]
    answer = visit(NOW + timedelta(hours=1))
    assert answer.unchanged
    assert visit.store.watermark("search") == before


@pytest.mark.parametrize("answer", [
    Answer(status=403, body=PAGE), Answer(status=429), Answer(status=503), Answer(body=PAGE), Answer(body=b'{"items": [{"id": "EUVD-2026-1"'), Answer(body=b""),
    Answer(body=b"[]"), Answer(body=b"x" * 99, cut=9), Answer(body=b"x" * 99, stall=9), Answer(body=b'{"items": null, "total": 3}'),
], ids=["refused", "too often", "unavailable", "page", "half", "empty", "list", "cut", "slow", "null"])  # fmt: skip
def test_a_page_that_is_missing_is_an_error_and_moves_nothing(visit: Visitor, server: Server, euvd: Euvd, answer: Answer) -> None:
    visit()
    before = dict(visit.store.streams)
    euvd.records += [euvd_record(f"2026-{number}", f"CVE-2026-{number}", NOW) for number in range(10_000, 10_150)]
    server.answer = lambda request: answer if "page=1" in request.path else euvd.answer(request)
    with pytest.raises((SourceChanged, SourceUnavailable), match=r"127\.0\.0\.1|EUVD"):
        visit(NOW + timedelta(hours=1), manners=HASTY)
    assert visit.heard.frames == []
    assert visit.store.streams == before


def test_troubles_that_pass_end_with_the_right_set(visit: Visitor, server: Server, euvd: Euvd) -> None:
    euvd.records += [euvd_record(f"2026-{number}", f"CVE-2026-{number}", NOW) for number in range(10_000, 10_450)]
    troubles = [
        Answer(status=429, headers={"Retry-After": "0"}),
        Answer(status=503),
        Answer(body=PAGE),
        Answer(body=b"{}"),
        Answer(body=b"x" * 9, cut=3),
    ]

    def troubled(request: Asked) -> Answer:
        return troubles.pop() if troubles and "search" in request.path and len(server.asked) % 2 else euvd.answer(request)

    server.answer = troubled
    assert not visit().incomplete
    assert not troubles
    assert len(visit.ids) == 453


def test_moments_of_the_source_are_utc(visit: Visitor, euvd: Euvd) -> None:
    euvd.records = [euvd_record("2026-1", XZ, datetime(2026, 8, 20, 0, 30, tzinfo=UTC))]
    visit()
    assert visit.store.watermark("search") == datetime(2026, 8, 20, 0, 30, tzinfo=UTC)
