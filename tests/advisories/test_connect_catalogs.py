"""The catalogs of exploited vulnerabilities and EPSS over the network."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.advisories.servers import NOW, epss_file, eu_kev_catalog, kev_catalog
from tests.advisories.visits import HASTY, Visitor
from tests.fetch.servers import PAGE, Answer, Server, serve
from watchfloor.kernel.errors import EgressRefused, SetupError, SourceChanged, SourceUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LOG4SHELL, XZ, REGRESSHION = "CVE-2021-44228", "CVE-2024-3094", "CVE-2024-6387"
CISA, GITHUB = "/feeds/known_exploited_vulnerabilities.json", "/kev-data/known_exploited_vulnerabilities.json"
TAGGED = {"ETag": '"one"', "Last-Modified": "Thu, 20 Aug 2026 08:00:00 GMT"}


@pytest.fixture
def server() -> Iterator[Server]:
    with serve() as started:
        started.plan[CISA] = [Answer(body=kev_catalog([LOG4SHELL, XZ]), headers=TAGGED)]
        started.plan[GITHUB] = [Answer(body=kev_catalog([LOG4SHELL, XZ, REGRESSHION]))]
        started.plan["/eukev.json"] = [Answer(body=eu_kev_catalog([XZ]))]
        started.plan["/epss_scores-current.csv.gz"] = [Answer(status=302, headers={"Location": "/epss_scores-2026-08-20.csv.gz"})]
        started.plan["/epss_scores-2026-08-20.csv.gz"] = [
            Answer(body=epss_file({LOG4SHELL: (0.94358, 0.99958), XZ: (0.8, 0.5)}), headers=TAGGED)
        ]
        yield started


def visitor(folder: Path, server: Server, source: str, path: str, second: str = "", **options: Any) -> Visitor:
    return Visitor(folder / "work", source, server.url + path, server.url + second if second else "", **options)


@pytest.fixture
def kev(server: Server, tmp_path: Path) -> Visitor:
    return visitor(tmp_path, server, "kev", CISA, GITHUB)


def test_the_catalog_is_loaded_and_then_only_if_it_is_another(kev: Visitor, server: Server) -> None:
    assert kev().kept == {"url": server.url + CISA, "etag": '"one"', "last_modified": "Thu, 20 Aug 2026 08:00:00 GMT"}
    assert kev.ids == [LOG4SHELL, XZ]
    server.plan[CISA] = [Answer(status=304)]
    answer = kev()
    assert answer.unchanged
    assert server.asked[-1].headers["if-none-match"] == '"one"'
    assert answer.kept["etag"] == '"one"'
    server.plan[CISA] = [Answer(body=kev_catalog([LOG4SHELL, XZ]))]
    kev(full=True)
    assert "if-none-match" not in server.asked[-1].headers


@pytest.mark.parametrize("answer", [
    Answer(status=403, body=PAGE), Answer(status=503), Answer(body=PAGE), Answer(body=kev_catalog([XZ]), cut=100), Answer(body=kev_catalog([XZ])[:200]),
    Answer(body=b"{}", stall=1), Answer(status=404),
], ids=["refused", "unavailable", "page", "cut", "half", "slow", "gone"])  # fmt: skip
def test_the_other_place_is_asked_where_the_first_does_not_serve_us(kev: Visitor, server: Server, answer: Answer) -> None:
    server.plan[CISA] = [answer]
    told = kev(manners=HASTY)
    assert kev.ids == [LOG4SHELL, XZ, REGRESSHION]
    assert "127.0.0.1" in told.fell_back


def test_marks_of_one_place_are_not_shown_to_the_other(kev: Visitor, server: Server) -> None:
    kev()
    server.plan[CISA] = [Answer(status=503)]
    kev()
    assert "if-none-match" not in server.asked[-1].headers


def test_where_no_place_answers_both_are_named_and_the_old_catalog_stays(kev: Visitor, server: Server) -> None:
    kev()
    before = dict(kev.store.streams)
    server.plan[CISA] = [Answer(status=403, body=PAGE)]
    server.plan[GITHUB] = [Answer(status=404)]
    with pytest.raises(SourceUnavailable, match=r"Neither place .* status 403 .* status 404"):
        kev()
    assert kev.store.streams == before


def test_a_catalog_that_lost_entries_is_refused(kev: Visitor, server: Server) -> None:
    server.plan[CISA] = [Answer(body=kev_catalog(f"CVE-2024-{number}" for number in range(1000, 1100)))]
    kev()
    server.plan[CISA] = [Answer(body=kev_catalog(f"CVE-2024-{number}" for number in range(1000, 1050)))]
    with pytest.raises(SourceChanged, match="G5"):
        kev()
    server.plan[CISA] = [Answer(body=kev_catalog([f"CVE-2024-{number}" for number in range(1000, 1100)], count=1700))]
    with pytest.raises(SourceChanged, match=r"G5: .* declares 1700 records and holds 100"):
        kev()
    assert len(kev.ids) == 100


def test_an_older_catalog_changes_nothing(kev: Visitor, server: Server) -> None:
    kev()
    server.plan[CISA] = [Answer(body=kev_catalog([LOG4SHELL, XZ, REGRESSHION], released=NOW - timedelta(days=3)))]
    assert kev().unchanged
    assert kev.ids == [LOG4SHELL, XZ]


def test_the_eu_catalog_is_loaded(server: Server, tmp_path: Path) -> None:
    visit = visitor(tmp_path, server, "eu-kev", "/eukev.json")
    visit()
    assert visit.ids == [XZ]
    server.plan["/eukev.json"] = [Answer(body=eu_kev_catalog([XZ])[:-20])]
    with pytest.raises(SourceChanged, match=r"G7: 127.0.0.1: the answer is no JSON to its end"):
        visit()


@pytest.fixture
def epss(server: Server, tmp_path: Path) -> Visitor:
    return visitor(tmp_path, server, "epss", "/")


def test_the_scores_of_the_day_are_followed_to_where_they_are(epss: Visitor, server: Server) -> None:
    answer = epss()
    assert epss.store.scores == {LOG4SHELL: 94358, XZ: 80000}
    assert answer.files[0].label == "epss_scores-2026-08-20.csv.gz"
    assert epss.store.watermark("daily") == datetime(2026, 8, 20, tzinfo=UTC)
    server.plan["/epss_scores-2026-08-20.csv.gz"] = [Answer(status=304)]
    assert epss().unchanged
    assert server.asked[-1].headers["if-none-match"] == '"one"'


def test_scores_of_a_day_that_is_known_change_nothing(epss: Visitor, server: Server) -> None:
    epss()
    server.plan["/epss_scores-2026-08-20.csv.gz"] = [Answer(body=epss_file({LOG4SHELL: (0.1, 0.1), XZ: (0.8, 0.5)}))]
    assert epss().unchanged
    assert epss.store.scores[LOG4SHELL] == 94358


@pytest.mark.parametrize("body", [
    epss_file({XZ: (0.8, 0.5)})[:-12], gzip.compress(b"cve,epss\n"), PAGE, gzip.compress(PAGE), b"",
], ids=["cut off", "another table", "page", "packed page", "empty"])  # fmt: skip
def test_what_is_no_file_of_scores_is_refused(epss: Visitor, server: Server, body: bytes) -> None:
    epss()
    before = dict(epss.store.streams)
    server.plan["/epss_scores-2026-08-20.csv.gz"] = [Answer(body=body)]
    with pytest.raises(SourceChanged, match=r"G[27]"):
        epss()
    assert epss.store.streams == before


def test_a_packed_file_that_is_labelled_as_packed_once_more_is_read(epss: Visitor, server: Server) -> None:
    body = gzip.compress(epss_file({XZ: (0.8, 0.5)}))
    server.plan["/epss_scores-2026-08-20.csv.gz"] = [Answer(body=body, headers={"Content-Encoding": "gzip"})]
    epss()
    assert epss.store.scores == {XZ: 80000}


def test_a_source_is_not_asked_without_tls_nor_at_addresses_nearby(server: Server, tmp_path: Path) -> None:
    for url in ("http://www.cisa.gov/x", "https://www.cisa.gov:8443/x"):
        with pytest.raises(EgressRefused):
            Visitor(tmp_path / "work", "kev", url)()
    with pytest.raises(EgressRefused, match="metadata"):
        Visitor(tmp_path / "work", "kev", "http://169.254.169.254/latest/meta-data/")()
    assert server.asked == []


def test_a_mirror_may_send_us_on_to_hosts_that_the_operator_named(server: Server, tmp_path: Path) -> None:
    with serve() as storage:
        storage.plan["/file"] = [Answer(body=kev_catalog([XZ]))]
        server.plan[CISA] = [Answer(status=302, headers={"Location": f"{storage.url}/file"})]
        with pytest.raises(SourceChanged, match="G1"):
            visitor(tmp_path, server, "kev", CISA)()


def test_networks_that_cannot_be_allowed_are_named_with_their_setting(server: Server, tmp_path: Path) -> None:
    for text in ("0.0.0.0/0", "169.254.0.0/16", "nonsense"):
        with pytest.raises(SetupError, match="WATCHFLOOR_ADVISORIES_ALLOWED_NETWORKS is not acceptable"):
            visitor(tmp_path, server, "kev", CISA, allowed_networks=(text,))()
