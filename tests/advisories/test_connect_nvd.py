"""NVD over the network: feeds with their declarations, the API page by page, and everything that can go wrong in between."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from tests.advisories.servers import NOW, Nvd, json_of, nvd_record
from tests.advisories.visits import HASTY, QUICK, Visitor
from tests.fetch.servers import PAGE, Answer, Asked, Server, serve
from watchfloor.kernel.errors import SourceChanged, SourceUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HEARTBLEED, LOG4SHELL, XZ, REGRESSHION = "CVE-2014-0160", "CVE-2021-44228", "CVE-2024-3094", "CVE-2024-6387"
FILLER = "9999"
API = "/rest/json/cves/2.0"


@pytest.fixture
def nvd() -> Nvd:
    """Four records, the last two modified within the week; and one for each year, since no year is empty."""
    made = Nvd()
    made.add(*(nvd_record(f"CVE-{year}-{FILLER}", NOW - timedelta(days=900)) for year in range(2002, 2027)))
    made.add(
        nvd_record(HEARTBLEED, NOW - timedelta(days=400)),
        nvd_record(LOG4SHELL, NOW - timedelta(days=60)),
        nvd_record(XZ, NOW - timedelta(days=5)),
        nvd_record(REGRESSHION, NOW - timedelta(days=1)),
    )
    return made


@pytest.fixture
def server(nvd: Nvd) -> Iterator[Server]:
    with serve(nvd.answer) as started:
        yield started


@pytest.fixture
def visit(server: Server, tmp_path: Path) -> Visitor:
    return Visitor(tmp_path / "work", "nvd", f"{server.url}/feeds/", server.url + API)


def ids(visit: Visitor) -> list[str]:
    return [name for name in visit.ids if not name.endswith(f"-{FILLER}")]


def feeds(server: Server) -> list[str]:
    """Return which feeds were loaded since the last look."""
    found = [path.removeprefix("/feeds/nvdcve-2.0-").removesuffix(".json.gz") for path in server.paths if path.endswith(".gz")]
    server.asked.clear()
    return found


def test_a_first_visit_loads_every_year_and_then_what_was_modified(visit: Visitor, server: Server) -> None:
    answer = visit()
    assert feeds(server) == [*map(str, range(2026, 2001, -1)), "modified"]
    assert ids(visit) == [HEARTBLEED, LOG4SHELL, XZ, REGRESSHION]
    assert visit.store.watermark("modified") == NOW - timedelta(days=1)
    assert (answer.complete, answer.gap, answer.unchanged) == (True, "", False)


def test_nothing_new_costs_one_small_question(visit: Visitor, server: Server) -> None:
    visit()
    server.asked.clear()
    answer = visit()
    assert answer.unchanged
    assert server.paths == ["/feeds/nvdcve-2.0-modified.meta"]


def test_within_a_week_the_modified_feed_is_enough(visit: Visitor, server: Server, nvd: Nvd) -> None:
    visit()
    feeds(server)
    nvd.now += timedelta(days=2)
    nvd.add(nvd_record(LOG4SHELL, nvd.now - timedelta(hours=1), "Rewritten."))
    answer = visit(nvd.now)
    assert feeds(server) == ["modified"]
    assert "Rewritten." in visit.text(LOG4SHELL)
    assert visit.store.watermark("modified") == nvd.now - timedelta(hours=1)
    assert not answer.complete


def test_after_a_week_a_gap_is_told_and_closed_by_the_years_that_differ(visit: Visitor, server: Server, nvd: Nvd) -> None:
    visit()
    feeds(server)
    nvd.now += timedelta(days=60)
    nvd.add(nvd_record(HEARTBLEED, nvd.now - timedelta(days=40), "Rewritten."), nvd_record(XZ, nvd.now - timedelta(hours=1)))
    answer = visit(nvd.now)
    assert feeds(server) == [*map(str, range(2026, 2001, -1)), "modified"]  # their timestamps changed, so did their sums
    assert "Rewritten." in visit.text(HEARTBLEED)
    assert "was last read as of 2026-08-19 12:00 UTC" in answer.gap
    assert [part.gap for part in visit.heard.parts] == [answer.gap]
    assert answer.complete


def test_years_whose_sums_are_the_same_are_not_loaded_again(visit: Visitor, server: Server, nvd: Nvd) -> None:
    nvd.whole = {str(year): nvd.feed(str(year)) for year in range(2002, 2027)}
    visit()
    feeds(server)
    del nvd.whole["2014"]
    nvd.now += timedelta(days=60)
    nvd.add(nvd_record(HEARTBLEED, nvd.now - timedelta(days=40), "Rewritten."))
    visit(nvd.now)
    assert feeds(server) == ["2014", "modified"]
    assert "Rewritten." in visit.text(HEARTBLEED)


def test_a_first_load_that_was_cut_short_goes_on_with_the_years_it_lacks(visit: Visitor, server: Server) -> None:
    visit(years=(2014, 2021))
    assert feeds(server) == ["2014", "2021"]
    assert ids(visit) == [HEARTBLEED, LOG4SHELL]
    visit()
    assert "2014" not in feeds(server)
    assert ids(visit) == [HEARTBLEED, LOG4SHELL, XZ, REGRESSHION]


def test_a_year_that_has_not_begun_at_nvd_is_not_missed(visit: Visitor, nvd: Nvd) -> None:
    nvd.absent = {"2026"}
    assert visit().complete
    nvd.absent = {"2025"}
    with pytest.raises(SourceChanged, match=r"G1: .* status 404"):
        visit(full=True)


def test_a_feed_replaced_between_its_declaration_and_itself_is_loaded_again(visit: Visitor, server: Server, nvd: Nvd) -> None:
    visit()
    feeds(server)
    nvd.now += timedelta(days=1)
    nvd.stale_meta = 1
    visit(nvd.now)
    assert feeds(server) == ["modified", "modified"]


def test_a_feed_that_is_not_what_is_declared_moves_nothing(visit: Visitor, nvd: Nvd) -> None:
    visit()
    before = dict(visit.store.streams)
    nvd.now += timedelta(days=1)
    nvd.add(nvd_record(XZ, nvd.now))
    nvd.stale_meta = 10
    with pytest.raises(SourceChanged, match=r"G3: nvdcve-2.0-modified.json.gz is not what its .meta declares"):
        visit(nvd.now, second_url="")
    assert visit.store.streams == before
    assert visit.heard.frames == []


@pytest.mark.parametrize("answer", [
    Answer(body=PAGE), Answer(body=b""), Answer(body=b"\x1f\x8b cut"), Answer(status=403, body=PAGE), Answer(status=503),
    Answer(body=b"x" * 100, cut=50), Answer(body=b"x" * 100, stall=50), Answer(status=302, headers={"Location": "https://elsewhere.example/"}),
], ids=["page", "empty", "broken gzip", "refused", "unavailable", "cut", "slow", "sent away"])  # fmt: skip
@pytest.mark.parametrize("file", ["meta", "json.gz"])
def test_whatever_comes_instead_of_a_feed_is_an_error_and_moves_nothing(
    visit: Visitor, server: Server, nvd: Nvd, answer: Answer, file: str
) -> None:
    visit()
    before = dict(visit.store.streams)
    nvd.now += timedelta(days=1)
    nvd.add(nvd_record(XZ, nvd.now, "Rewritten."))
    server.plan[f"/feeds/nvdcve-2.0-modified.{file}"] = [answer]
    with pytest.raises((SourceChanged, SourceUnavailable)):
        visit(nvd.now, second_url="", manners=HASTY)
    assert visit.store.streams == before
    assert "Rewritten." not in visit.text(XZ)


def test_where_the_feeds_do_not_answer_the_api_does(visit: Visitor, server: Server, nvd: Nvd) -> None:
    visit()
    nvd.now += timedelta(days=2)
    nvd.add(nvd_record(XZ, nvd.now - timedelta(hours=3), "Rewritten."))
    server.plan["/feeds/nvdcve-2.0-modified.meta"] = [Answer(status=403, body=PAGE)]
    answer = visit(nvd.now)
    assert "status 403" in answer.fell_back
    assert "Rewritten." in visit.text(XZ)
    assert visit.store.watermark("api") == nvd.now - timedelta(hours=3)
    del server.plan["/feeds/nvdcve-2.0-modified.meta"]
    server.asked.clear()
    visit(nvd.now + timedelta(days=6))
    assert feeds(server) == ["modified"]  # what the API told counts


def test_where_neither_answers_both_are_named(visit: Visitor, server: Server, nvd: Nvd) -> None:
    visit()
    server.plan["/feeds/nvdcve-2.0-modified.meta"] = [Answer(status=503)]
    server.plan[API] = [Answer(status=403, body=PAGE)]
    with pytest.raises(SourceUnavailable, match=r"status 403 \(Just a moment.*Before that the feeds: .* status 503"):
        visit(nvd.now + timedelta(days=1))


def test_who_mirrors_the_feeds_alone_does_not_want_nvd_asked(visit: Visitor, server: Server) -> None:
    visit()
    server.plan["/feeds/nvdcve-2.0-modified.meta"] = [Answer(status=503)]
    with pytest.raises(SourceUnavailable, match="status 503"):
        visit(second_url="https://services.nvd.nist.gov/rest/json/cves/2.0")


def windows(server: Server) -> list[str]:
    return [urlsplit(path).query for path in server.paths if path.startswith(API)]


def test_days_back_asks_the_api_for_a_frozen_window_with_its_zone(visit: Visitor, server: Server) -> None:
    visit(days_back=7, key="a-key")
    assert windows(server) == [
        "lastModStartDate=2026-08-13T02:00:00.000%2B00:00&lastModEndDate=2026-08-20T12:00:00.000%2B00:00&startIndex=0&resultsPerPage=2000"
    ]
    assert server.asked[0].headers["apikey"] == "a-key"
    assert ids(visit) == [XZ, REGRESSHION]


def test_days_back_takes_what_was_missed_before_as_well(visit: Visitor, server: Server, nvd: Nvd) -> None:
    visit()
    nvd.now += timedelta(days=30)
    nvd.add(nvd_record(XZ, nvd.now - timedelta(days=20), "Rewritten."))
    server.asked.clear()
    visit(nvd.now, days_back=3)
    assert windows(server)[0].startswith("lastModStartDate=2026-08-19T02:00:00.000")
    assert "Rewritten." in visit.text(XZ)
    assert visit.store.watermark("api") == nvd.now - timedelta(days=20)


def test_a_window_that_does_not_join_on_moves_no_watermark_that_counts(visit: Visitor, server: Server, nvd: Nvd) -> None:
    visit()
    nvd.now += timedelta(days=200)
    nvd.add(nvd_record(XZ, nvd.now - timedelta(days=1)))
    nvd.add(nvd_record(f"CVE-2027-{FILLER}", nvd.now - timedelta(days=60)))
    visit(nvd.now, days_back=3)
    assert visit.store.watermark("window") == nvd.now - timedelta(days=1)
    assert visit.store.watermark("api") is None
    feeds(server)
    assert "was last read as of" in visit(nvd.now).gap


def test_a_job_hears_that_a_visit_works_and_waits(visit: Visitor, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("watchfloor.capabilities.advisories.feeds.fetching.visit.TELL_EVERY_S", 0.001)
    server.plan[API] = [Answer(status=503), Answer(body=json_of({"totalResults": 0, "startIndex": 0, "vulnerabilities": []}))]
    visit(days_back=1, manners=QUICK.model_copy(update={"first_pause": timedelta(seconds=0.02)}))
    waiting = [note for *_, phase, note in visit.heard.told if phase == "waiting"]
    assert waiting[0] == "0 s, as the source asks"
    assert len(visit.heard.parts) > 3
    assert not any(part.gap for part in visit.heard.parts)


def test_a_long_time_is_asked_for_in_windows_that_nvd_allows(visit: Visitor, server: Server) -> None:
    visit(days_back=400)
    starts = [query.split("&")[0] for query in windows(server)]
    assert len(starts) == 4
    assert ids(visit) == [HEARTBLEED, LOG4SHELL, XZ, REGRESSHION]


def many(nvd: Nvd, count: int) -> list[str]:
    names = [f"CVE-2026-{10000 + number}" for number in range(count)]
    nvd.records = {name: nvd_record(name, NOW - timedelta(hours=number % 48)) for number, name in enumerate(names)}
    return names


def test_pages_are_turned_until_all_is_there(visit: Visitor, server: Server, nvd: Nvd) -> None:
    names = many(nvd, 2500)
    answer = visit(days_back=7)
    assert ids(visit) == names
    assert [query.split("&")[2] for query in windows(server)] == ["startIndex=0", "startIndex=2000"]
    assert not answer.incomplete


def test_a_mirror_with_smaller_pages_is_read_to_its_end(visit: Visitor, server: Server, nvd: Nvd) -> None:
    names = many(nvd, 500)
    nvd.page = 100
    visit(days_back=7)
    assert ids(visit) == names
    assert len(windows(server)) == 5


def test_refusals_and_breakdowns_between_pages_end_with_the_right_set(visit: Visitor, server: Server, nvd: Nvd) -> None:
    names = many(nvd, 600)
    nvd.page = 100
    troubles = [
        Answer(status=403, body=PAGE), Answer(status=503, body=b"upstream"), Answer(body=PAGE), Answer(status=429, headers={"Retry-After": "0"}),
        Answer(body=json_of({"vulnerabilities": []})), Answer(body=b'{"totalResults": 500, "startIndex": 0, "vulnerabilities": [{"cve"'),
        Answer(body=b"x" * 1000, cut=500), Answer(body=b"x" * 1000, stall=10), Answer(status=408), Answer(body=b"[" * 100_000), Answer(body=b""),
    ]  # fmt: skip
    calls: list[str] = []

    def troubled(asked: Asked) -> Answer:
        calls.append(asked.path)
        return troubles.pop(0) if troubles and len(calls) % 3 else nvd.answer(asked)

    server.answer = troubled
    answer = visit(days_back=7, manners=HASTY)
    assert not troubles
    assert ids(visit) == names
    assert not answer.incomplete


@pytest.mark.parametrize("answer", [
    Answer(status=403, body=PAGE), Answer(status=503), Answer(body=PAGE), Answer(body=b'{"totalResults": 5, "startIndex'), Answer(body=b"x" * 9, cut=4),
    Answer(body=b"x" * 9, stall=4), Answer(body=b'{"error": "x"}'),
], ids=["refused", "unavailable", "page", "half", "cut", "slow", "other"])  # fmt: skip
def test_an_api_that_stays_broken_is_an_error_and_moves_nothing(visit: Visitor, server: Server, nvd: Nvd, answer: Answer) -> None:
    many(nvd, 300)
    nvd.page = 100

    def second_page_fails(asked: Asked) -> Answer:
        return nvd.answer(asked) if "startIndex=0&" in asked.path else answer

    server.answer = second_page_fails
    with pytest.raises((SourceChanged, SourceUnavailable), match=r"127.0.0.1"):
        visit(days_back=7, manners=HASTY)
    assert visit.heard.frames == []
    assert visit.store.streams == {}


def test_a_wrong_key_is_told_in_nvds_own_words(visit: Visitor, server: Server) -> None:
    server.plan[API] = [Answer(status=404, headers={"message": "Invalid apiKey."})]
    with pytest.raises(SourceChanged, match=r"G1: 127.0.0.1 answers /rest/json/cves/2.0 with status 404 \(Invalid apiKey.\)"):
        visit(days_back=7, key="wrong")
    assert len(server.asked) == 1


def test_a_total_that_moved_between_pages_is_counted_once_more(visit: Visitor, server: Server, nvd: Nvd) -> None:
    names = many(nvd, 250)
    nvd.page = 100
    nvd.totals = [251] * 4
    answer = visit(days_back=7)
    assert ids(visit) == names
    assert len(windows(server)) == 7  # three pages and a fourth without anything, then three again
    assert not answer.incomplete


@pytest.mark.parametrize("total", [27_259, 1])
def test_a_total_that_is_never_right_is_told_and_moves_nothing_that_counts(visit: Visitor, server: Server, nvd: Nvd, total: int) -> None:
    visit()
    nvd.now += timedelta(days=2)
    nvd.add(nvd_record(XZ, nvd.now - timedelta(hours=1), "Rewritten."))
    nvd.totals = [total] * 20
    server.plan["/feeds/nvdcve-2.0-modified.meta"] = [Answer(status=503)]
    server.asked.clear()
    answer = visit(nvd.now)
    assert f"NVD says that {total} records were modified" in answer.incomplete
    assert len(windows(server)) <= 4
    assert "Rewritten." in visit.text(XZ)
    assert visit.store.watermark("api") is None


def test_pages_that_repeat_are_not_asked_for_for_ever(visit: Visitor, server: Server, nvd: Nvd) -> None:
    many(nvd, 100)
    first = nvd.answer(
        Asked(
            f"{API}?lastModStartDate=2026-08-01T00:00:00.000%2B00:00&lastModEndDate=2026-08-20T12:00:00.000%2B00:00&startIndex=0&resultsPerPage=10",
            {},
        )
    )
    body = first.body.replace(b'"totalResults": 100', b'"totalResults": 5000')
    server.plan[API] = [Answer(body=body)]
    answer = visit(days_back=7)
    assert len(windows(server)) == 4
    assert len(ids(visit)) == 10
    assert answer.incomplete


def test_a_window_without_results_moves_nothing(visit: Visitor, nvd: Nvd) -> None:
    visit()
    before = dict(visit.store.streams)
    nvd.records = {}
    answer = visit(days_back=7)
    assert answer.unchanged
    assert visit.heard.frames == []
    assert {name: one.watermark for name, one in visit.store.streams.items()} == {
        name: one.watermark for name, one in {**before, "": visit.store.streams[""]}.items()
    }


def test_nvd_is_asked_at_the_pace_it_wishes_for(visit: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []
    monkeypatch.setattr("watchfloor.kernel.fetch.patience.Pace.wait", lambda pace: waited.append(pace.interval_s))
    plain = QUICK.model_copy(update={"pace": None})
    visit(days_back=7, manners=plain)
    visit(days_back=7, manners=plain, key="k")
    assert waited == [6.5, 0.7]
