"""Advisories over REST: lists, records and what hangs on them, and the permissions they need."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.advisories import shelf
from tests.advisories.stock import LOG4J, NVD, SSH, stocked
from tests.api.floor import Client, client_of, make_org

if TYPE_CHECKING:
    import httpx

    from watchfloor.kernel.jobs.ledger import Ledger

__all__ = ["stocked"]


@pytest.fixture
def viewer(http: httpx.Client, ledger: Ledger, stocked: None) -> Client:
    """Be somebody who may read."""
    del stocked
    return client_of(http, ledger, make_org(ledger), "viewer")


@pytest.fixture
def analyst(http: httpx.Client, ledger: Ledger, stocked: None) -> Client:
    """Be somebody who may try scores."""
    del stocked
    return client_of(http, ledger, make_org(ledger), "analyst")


def at(client: Client, path: str = "", **query: Any) -> Any:
    return client.get(f"/advisories{path}", **query)


def test_a_list_is_searched_sorted_and_paged(viewer: Client) -> None:
    first = at(viewer, q="kev:any eukev:any,none", limit=1, sort="-priority")
    assert ([one["id"] for one in first["items"]], first["total"], first["total_capped"], first["next_cursor"]) == ([LOG4J], 1, False, None)
    page = at(viewer, sort="id", limit=3)
    rest = at(viewer, sort="id", limit=500, cursor=page["next_cursor"])
    assert [one["id"] for one in page["items"] + rest["items"]] == [one.cve_id for one in sorted(shelf.ADVISORIES, key=lambda one: one.k)]
    assert (page["total"], page["sort"], page["facets"]) == (len(shelf.ADVISORIES), "id", None)


def test_facets_are_given_when_asked_for(viewer: Client) -> None:
    found = at(viewer, q="product:openssh", facets="severity,vendor")["facets"]
    assert {name: [(one["value"], one["count"]) for one in facet["values"]] for name, facet in found.items()} == {
        "severity": [("high", 1), ("medium", 1)],
        "vendor": [("openbsd", 2), ("debian", 1)],
    }
    assert set(at(viewer, facets="all")["facets"]) == {"band", "ssvc", "severity", "epss", "year", "kev", "cwe", "vendor"}


@pytest.mark.parametrize(
    ("query", "field", "position", "meant"),
    [
        ({"q": "openssh prduct:x"}, "/q", 8, "product"),
        ({"q": "cvss>=seven"}, "/q", 6, None),
        ({"sort": "prioritx"}, "/sort", None, "priority"),
        ({"cursor": "x"}, "/cursor", None, None),
        ({"facets": "colour"}, "/facets", None, None),
        ({"tz": "Mars/Olympus"}, "/tz", None, None),
        ({"tz": "../../etc/passwd"}, "/tz", None, None),
        ({"after": "x"}, "/after", None, None),
    ],
)  # fmt: skip
def test_what_is_not_understood_is_a_problem_that_names_the_place(
    viewer: Client, query: dict[str, str], field: str, position: int | None, meant: str | None
) -> None:
    answer = viewer.ask("GET", "/advisories", params=query)
    told = answer.json()
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert (told["field"], told.get("position"), told.get("did_you_mean")) == (field, position, meant)


def test_a_record_tells_who_says_what_and_why_it_is_urgent(viewer: Client) -> None:
    found = at(viewer, f"/{LOG4J}")
    assert (found["id"], found["kev"], found["aliases"], found["products"]) == (LOG4J, True, ["GHSA-jfh8-c2jp-5v3q"], ["apache log4j"])
    assert [(one["source"], one["score"], one["chosen"]) for one in found["cvss"]] == [("nvd", 10.0, True), ("cve-list", 9.0, False)]
    assert [one["source"] for one in found["sources"]] == ["nvd", "cve-list"]
    assert found["provenance"]["cvss"] == ["nvd", "cve-list"]
    assert found["ssvc"][0]["chosen"] is True
    assert {one["catalog"] for one in found["kev_entries"]} == {"kev", "eu-kev"}
    assert found["epss_detail"]["as_of"] == "2026-08-20"
    assert 0 < found["epss_detail"]["lev"] < 1
    assert [one["url"] for one in found["references"]] == ["https://logging.apache.org/", "https://example.org/a"]
    assert (found["references"][0]["sources"], found["references"][0]["tags"]) == (["cve-list", "nvd"], ["x_note", "Vendor Advisory"])
    assert found["rejects"] == 1
    score = found["score"]
    assert {one["factor"] for one in score["factors"]} == {"exploitation", "impact", "reach", "exposure", "urgency"}
    assert score["verdict"]["deadline"] in {"3 days", "3 days + forensics", "14 days"}


@pytest.mark.parametrize("name", ["cve-2021-44228", "GHSA-jfh8-c2jp-5v3q", "ghsa-JFH8-C2JP-5V3Q"])
def test_every_id_of_a_record_leads_to_it(viewer: Client, name: str) -> None:
    assert at(viewer, f"/{name}")["id"] == LOG4J


@pytest.mark.parametrize("path", ["", "/sources", "/sources/nvd", "/history", "/affected"])
@pytest.mark.parametrize("name", ["CVE-2020-0001", "nonsense", "CVE-0000-0000", "'", "%2e%2e"])
def test_an_unknown_record_is_a_404_that_says_why(viewer: Client, name: str, path: str) -> None:
    answer = viewer.ask("GET", f"/advisories/{name}{path}")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_a_record_that_the_caller_has_is_not_sent_again(viewer: Client) -> None:
    for path in (f"/advisories/{LOG4J}", f"/advisories/{LOG4J}/sources/nvd"):
        tag = viewer.ask("GET", path).headers["etag"]
        again = viewer.ask("GET", path, headers={"If-None-Match": f'"other", W/{tag}'})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
        assert viewer.ask("GET", path, headers={"If-None-Match": '"other"'}).status_code == 200


def test_a_document_is_shown_as_it_came(viewer: Client) -> None:
    found = at(viewer, f"/{LOG4J}/sources/nvd")
    assert (found["source"], found["document"], found["hash"]) == ("nvd", NVD, "01" * 16)
    assert viewer.ask("GET", f"/advisories/{LOG4J}/sources/euvd").status_code == 404
    assert viewer.ask("GET", f"/advisories/{LOG4J}/sources/xyz").status_code == 422


def test_history_is_newest_first_and_marks_what_nobody_was_told(viewer: Client) -> None:
    found = at(viewer, f"/{LOG4J}/history")["items"]
    assert [(one["kind"], one["old"], one["new"], one["source"], one["quiet"]) for one in found] == [
        ("advisory.band_changed", "high", "critical", None, True),
        ("advisory.kev_added", None, "kev", "kev", False),
    ]


def test_changes_of_the_catalogs_are_a_list_of_their_own(viewer: Client) -> None:
    assert [(one["id"], one["kind"]) for one in at(viewer, "/kev/changes")["items"]] == [(LOG4J, "advisory.kev_added")]
    assert at(viewer, "/kev/changes", since="2022-01-01")["items"] == []
    assert [(one["id"], one["catalog"]) for one in at(viewer, "/kev", catalog="eu-kev")["items"]] == [
        ("CVE-2026-1002", "eu-kev"),
        (LOG4J, "eu-kev"),
    ]
    assert at(viewer, "/kev")["total"] == 3
    assert viewer.ask("GET", "/advisories/kev", params={"catalog": "moon"}).status_code == 422


def test_affected_products_are_told_by_source(viewer: Client) -> None:
    found = at(viewer, f"/{SSH}/affected")
    assert [(one["source"], one["product"], one["versions"], one["fix"]) for one in found] == [
        ("nvd", "openssh", ">= 8.6, < 9.8", "9.8"),
        ("cve-list", "openssh", ">= 8.6, < 9.8", "9.8"),
    ]


def test_a_score_depends_on_the_asset(analyst: Client) -> None:
    far = at(analyst, f"/{SSH}/score", exposure="isolated", on="2026-08-20")
    near = at(analyst, f"/{SSH}/score", exposure="internet", on="2026-08-20")
    assert near["priority"] > far["priority"]
    assert sum(one["points"] for one in far["factors"]) == pytest.approx(far["priority"], abs=0.06)
    assert near["verdict"]["deadline"] != far["verdict"]["deadline"]
    assert analyst.ask("GET", f"/advisories/{SSH}/score", params={"confidence": 2}).status_code == 422


def test_who_may_only_read_may_not_try_scores(viewer: Client) -> None:
    assert viewer.ask("GET", f"/advisories/{SSH}/score").status_code == 403


def test_products_are_found_by_the_beginning_of_their_names(viewer: Client) -> None:
    assert [(one["vendor"], one["product"], one["cves"]) for one in at(viewer, "/products", prefix="open")] == [("openbsd", "openssh", 2)]
    assert [one["product"] for one in at(viewer, "/products", prefix="acme:http")] == ["http_server"]
    page = at(viewer, "/products/a/openbsd/openssh")
    assert (page["cves"], len(page["advisories"]), page["facets"]["severity"]["values"][0]["value"]) == (2, 2, "high")
    assert viewer.ask("GET", "/advisories/products/a/openbsd/nothing").status_code == 404


def test_suggestions_lead_through_a_search(viewer: Client) -> None:
    assert [one["value"] for one in at(viewer, "/suggest", prefix="e")] == ["epss", "eukev", "exploited", "exploit", "exposure"]
    assert [(one["value"], one["count"]) for one in at(viewer, "/suggest", field="product", prefix="ope")] == [("openssh", 2)]
    assert [one["value"] for one in at(viewer, "/suggest", field="severity", prefix="h")] == ["high"]
    assert [one["value"] for one in at(viewer, "/suggest", field="cwe", prefix="36")] == ["CWE-362", "CWE-364"]
    assert [one["value"] for one in at(viewer, "/suggest", field="id", prefix="cve-2024-")] == [SSH, "CVE-2024-3094"]
    assert viewer.ask("GET", "/advisories/suggest", params={"field": "colour"}).status_code == 422


def test_sources_tell_how_far_they_are_read(viewer: Client) -> None:
    held = {one["name"]: one for one in at(viewer, "/sources")}
    assert {name: one["state"] for name, one in held.items()} == {
        "nvd": "ok", "cve-list": "never", "kev": "never", "eu-kev": "never", "euvd": "never", "epss": "failing", "overrides": "off", "exploits": "off",
    }  # fmt: skip
    assert at(viewer, "/sources/epss")["last_error"] == {"code": "source_unavailable"}
    assert viewer.ask("GET", "/advisories/sources/moon").status_code == 404


def test_refused_documents_are_listed_with_their_reason(viewer: Client) -> None:
    found = at(viewer, "/rejects", source="nvd")
    assert [(one["ref"], one["reason"], one["stream"]) for one in found["items"]] == [(LOG4J, "not JSON", "modified")]
    assert at(viewer, "/rejects", source="euvd")["items"] == []
    assert viewer.ask("GET", "/advisories/rejects", params={"source": "moon"}).status_code == 422


def test_everybody_reads_the_same_records(viewer: Client, analyst: Client) -> None:
    assert at(viewer, f"/{LOG4J}") == at(analyst, f"/{LOG4J}")


def test_products_are_matched_as_if_an_asset_ran_them(analyst: Client) -> None:
    asked = {
        "cpes": ["cpe:2.3:a:openbsd:openssh:9.3:p1:*:*:*:*:*:*"],
        "products": [{"text": "log4j", "version": "2.14.0"}, {"text": "Nothing"}],
        "exposure": "internet",
    }
    found = analyst.post("/advisories/match", asked)
    assert {(one["item"], one["id"], one["match_class"], one["certain"]) for one in found["matches"]} >= {
        ("cpe:2.3:a:openbsd:openssh:9.3:p1:*:*:*:*:*:*", SSH, "exact", True),
        ("log4j 2.14.0", LOG4J, "exact", True),
    }
    assert "CVE-2018-15473" not in {one["id"] for one in found["matches"]}
    assert [one["priority"] for one in found["matches"]] == sorted((one["priority"] for one in found["matches"]), reverse=True)
    assert [one["item"] for one in found["undecided"]] == ["Nothing"]
    unknown = analyst.post("/advisories/match", {"cpes": ["cpe:/a:openbsd:openssh"]})
    assert (unknown["matches"], {one["id"] for one in unknown["candidates"]}) == ([], {SSH, "CVE-2018-15473"})
    assert "version is not known" in unknown["undecided"][0]["reason"]


@pytest.mark.parametrize(
    "body", [{}, {"cpes": []}, {"cpes": ["nonsense"]}, {"cpes": ["cpe:/a:x:y"] * 1001}, {"products": [{"text": ""}]}, {"cpe": ["x"]}]
)
def test_what_cannot_be_matched_is_refused(analyst: Client, body: dict[str, Any]) -> None:
    assert analyst.ask("POST", "/advisories/match", json=body).status_code == 422


def test_who_may_only_read_may_not_try_matches(viewer: Client) -> None:
    assert viewer.ask("POST", "/advisories/match", json={"cpes": ["cpe:/a:x:y"]}).status_code == 403
