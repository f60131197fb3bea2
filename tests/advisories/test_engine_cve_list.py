"""Records of the CVE Program and of ENISA in the shape that all sources share."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from tests.advisories.data import shared, shared_json
from watchfloor.capabilities.advisories.engine.names import plain, plain_vendor
from watchfloor.capabilities.advisories.engine.normalise.cve_list import CISA_ADP, cve_list
from watchfloor.capabilities.advisories.engine.normalise.euvd import euvd, moment
from watchfloor.capabilities.advisories.engine.versions import key
from watchfloor.capabilities.advisories.schemas.records.cve_list import CveRecord
from watchfloor.capabilities.advisories.schemas.records.euvd import EuvdRecord
from watchfloor.capabilities.advisories.schemas.words import Exploitation, Flag, Provider, Source, State, key_of

K = 20240000006387


def _record(cna: dict[str, Any] | None = None, adp: list[dict[str, Any]] | None = None, **meta: str) -> CveRecord:
    said = {
        "cveMetadata": {"cveId": "CVE-2024-6387", "state": "PUBLISHED", "datePublished": "2024-07-01T12:37:25.431Z", **meta},
        "containers": {"cna": cna or {}, "adp": adp or []},
    }
    return msgspec.json.decode(json.dumps(said), type=CveRecord)


def _adp(org: str = CISA_ADP, **members: Any) -> dict[str, Any]:
    return {"providerMetadata": {"orgId": org}, **members}


def _ssvc(when: str | None = None, kind: str = "ssvc", **options: str) -> dict[str, Any]:
    content: dict[str, Any] = {"role": "CISA Coordinator", "options": [{name.replace("_", " "): value} for name, value in options.items()]}
    return {"other": {"type": kind, "content": {**content, "timestamp": when} if when else content}}


def _affected(**members: Any) -> dict[str, Any]:
    versions = [{"version": "8.5p1", "status": "affected", "lessThan": "9.8p1"}]
    return {"vendor": "OpenBSD, Inc.", "product": "OpenSSH", "defaultStatus": "unaffected", "versions": versions, **members}


def test_plain_fields() -> None:
    cna = {
        "title": " regreSSHion ",
        "descriptions": [{"lang": "de", "value": "Ein Wettlauf"}, {"lang": "en-US", "value": "A race"}],
        "problemTypes": [{"descriptions": [{"description": "CWE-364 Signal handler race"}, {"description": "denial of service"}]}],
        "tags": ["disputed", "x_something"],
        "references": [{"url": "https://example.org/", "tags": ["patch"]}],
    }
    adp = [_adp(problemTypes=[{"descriptions": [{"cweId": "CWE-20", "description": "Input"}]}])]
    fact = cve_list(K, _record(cna, adp, dateUpdated="2024-07-02T01:00:00+02:00")).fact
    assert (fact.k, fact.src, fact.state, fact.title, fact.descr) == (K, Source.CVE_LIST, State.PUBLISHED, "regreSSHion", "A race")
    assert fact.cwes == ("CWE-20", "CWE-364")
    assert fact.flags == Flag.DISPUTED | Flag.PATCH_REF
    assert fact.published == datetime(2024, 7, 1, 12, 37, 25, 431000, tzinfo=UTC)
    assert fact.modified == datetime(2024, 7, 1, 23, tzinfo=UTC)


def test_a_rejected_record_keeps_its_text_and_successor_and_nothing_else() -> None:
    cna = {
        "rejectedReasons": [{"lang": "en", "value": "A duplicate."}],
        "replacedBy": ["CVE-2024-1", "CVE-2024-0002"],
        "affected": [_affected()],
        "metrics": [{"cvssV3_1": {"baseScore": 9.8}}],
    }
    said = cve_list(K, _record(cna, state="REJECTED", dateRejected="2024-08-01T00:00:00Z"))
    assert (said.fact.state, said.fact.descr, said.fact.replaced_by) == (State.REJECTED, "A duplicate.", ("CVE-2024-0002",))
    assert said.fact.modified == datetime(2024, 8, 1, tzinfo=UTC)
    assert (said.metrics, said.criteria) == ((), ())


def test_scores_of_all_who_scored() -> None:
    cna = {"metrics": [{"cvssV4_0": {"baseScore": 9.3, "baseSeverity": "CRITICAL", "vectorString": "CVSS:4.0/AV:N/E:P"}},
                       {"cvssV2_0": {"baseScore": 5.0, "vectorString": "AV:N"}}, {"cvssV3_1": {"vectorString": "CVSS:3.1/AV:N"}}]}  # fmt: skip
    adp = [
        _adp(metrics=[{"cvssV3_1": {"baseScore": 8.1, "baseSeverity": "High"}}]),
        _adp("other", metrics=[{"cvssV3_0": {"baseScore": 7}}]),
    ]
    said = cve_list(K, _record(cna, adp))
    assert {(one.version, one.provider, one.score, one.severity) for one in said.metrics} == {
        ("4.0", Provider.CNA, 9.3, "critical"),
        ("2.0", Provider.CNA, 5.0, "medium"),
        ("3.1", Provider.CISA_ADP, 8.1, "high"),
        ("3.0", Provider.OTHER, 7.0, "high"),
    }
    assert said.fact.flags == Flag.V4_POC


def test_only_cisa_decides_and_its_newest_word_counts_whatever_its_case() -> None:
    older = _ssvc("2024-07-01T00:00:00Z", Exploitation="none", Automatable="no", Technical_Impact="partial")
    newer = _ssvc("2024-08-01T00:00:00Z", Exploitation="PoC", Automatable="YES", Technical_Impact="Total")
    said = cve_list(K, _record({"metrics": [_ssvc("2026-01-01T00:00:00Z", Exploitation="active")]}, [_adp(metrics=[newer, older])]))
    assert said.ssvc is not None
    assert (said.ssvc.exploitation, said.ssvc.automatable, said.ssvc.total) == (Exploitation.POC, True, True)


def test_decision_points_without_options_decide_nothing() -> None:
    said = cve_list(K, _record(adp=[_adp(metrics=[{"other": {"type": "ssvc", "content": {"role": "CISA Coordinator"}}}])]))
    assert said.ssvc is not None
    assert (said.ssvc.exploitation, said.ssvc.automatable, said.ssvc.total) == (None, None, None)


@pytest.mark.parametrize("content", [None, "text", [], {"options": "text"}, {"options": [1, {"Exploitation": 5}, {"x": None}]}])
def test_decision_points_of_any_shape_are_no_error(content: object) -> None:
    said = cve_list(K, _record(adp=[_adp(metrics=[{"other": {"type": "ssvc", "content": content}}])]))
    assert said.ssvc is None or said.ssvc.exploitation is None


def test_a_supplier_that_decides_for_itself_loses() -> None:
    own = {"other": {"type": "SSVCv2.0", "content": {"Automatable": "Yes", "Exploitation": "PoC", "Technical Impact": "Total"}}}
    said = cve_list(K, _record({"metrics": [own]}))
    assert said.ssvc is None


def test_cpe_names_carry_the_ranges_of_the_version_list() -> None:
    names = ["cpe:2.3:a:openbsd:openssh:8.5:p1:*:*:*:*:*:*", "cpe:2.3:a:openbsd:openssh:*:*:*:*:*:*:*:*"]
    said = cve_list(K, _record({"affected": [_affected(cpes=names)]}))
    (one,) = said.criteria
    assert (one.part, one.vendor, one.product, one.kind, one.lo, one.hi) == ("a", "openbsd", "openssh", "r", key("8.5p1"), key("9.8p1"))
    assert (one.text, one.fix, one.factor, one.names) == (">= 8.5p1, < 9.8p1", "9.8p1", 0.9, False)


def test_versions_of_cpe_names_count_where_the_list_says_nothing_usable() -> None:
    versions = [{"version": "see advisory", "status": "affected"}]
    said = cve_list(K, _record({"affected": [_affected(cpes=["cpe:2.3:a:openbsd:openssh:9.7:p1:*:*:*:*:*:*"], versions=versions)]}))
    assert [(one.kind, one.lo, one.update, one.text) for one in said.criteria] == [("=", key("9.7p1"), "p1", "9.7 p1")]
    assert said.skipped == 1


def test_names_carry_the_ranges_where_there_is_no_cpe() -> None:
    said = cve_list(K, _record({"affected": [_affected()]}))
    assert [(one.vendor, one.product, one.names, one.factor) for one in said.criteria] == [("openbsd", "openssh", True, 0.7)]


def test_a_product_that_names_nothing_gives_nothing() -> None:
    assert cve_list(K, _record({"affected": [_affected(vendor="n/a", product="n/a")]})).criteria == ()


def test_affected_without_versions_is_half_as_sure() -> None:
    name = "cpe:2.3:a:openbsd:openssh:*:*:*:*:*:*:*:*"
    said = cve_list(K, _record({"affected": [_affected(cpes=[name], defaultStatus="affected", versions=[])]}))
    assert [(one.kind, one.factor) for one in said.criteria] == [("*", 0.45)]


def test_versions_of_a_package_are_not_those_of_its_distribution() -> None:
    entry = _affected(
        vendor="Red Hat", product="Red Hat Enterprise Linux 8", packageName="openssh", cpes=["cpe:/o:redhat:enterprise_linux:8::baseos"],
        defaultStatus="affected", versions=[{"version": "0:8.0p1-25.el8_10", "status": "unaffected", "lessThan": "*", "versionType": "rpm"}],
    )  # fmt: skip
    said = cve_list(K, _record({"affected": [entry]}))
    assert (said.criteria, said.skipped) == ((), 1)


def test_configurations_come_before_cpe_names_of_the_same_container() -> None:
    match = {"criteria": "cpe:2.3:a:openbsd:openssh:*:*:*:*:*:*:*:*", "vulnerable": True, "versionEndExcluding": "9.8"}
    cna = {"affected": [_affected(cpes=[match["criteria"]])], "cpeApplicability": [{"nodes": [{"operator": "OR", "cpeMatch": [match]}]}]}
    said = cve_list(K, _record(cna))
    assert [(one.cfg, one.text, one.factor) for one in said.criteria] == [(1, "< 9.8", 0.9)]


def test_cpe_names_that_are_none_are_counted() -> None:
    said = cve_list(K, _record({"affected": [_affected(cpes=["cpe:2.3:a:too:short", "nonsense"])]}))
    assert [(one.product, one.names) for one in said.criteria] == [("openssh", True)]
    assert said.skipped == 2


@pytest.mark.parametrize(
    ("name", "expected"),
    [("Example, Inc.", "example"), ("Example Software GmbH & Co. KG", "example software"), ("EXAMPLE S.A.", "example"), ("Inc.", "inc"),
     ("n/a", ""), ("Zoho  Corp.", "zoho"), ("Visual C++", "visual c++")],
)  # fmt: skip
def test_vendors_lose_what_the_law_adds(name: str, expected: str) -> None:
    assert plain_vendor(name) == expected


def test_products_keep_all_their_words() -> None:
    assert plain("WP_Plugin: Icon-Menu (Pro)") == "wp plugin icon menu pro"


# EUVD


def test_a_record_of_the_european_database() -> None:
    record = EuvdRecord(
        id="EUVD-2026-38110", aliases="GHSA-8fwr-8fxr-8v2p\nCVE-2026-48908\n", description=" An upload. ", date_published="Jun 20, 2026, 11:57:00 AM",
        date_updated="Jul 8, 2026, 9:55:16\u202fPM", exploited_since="Jul 6, 2026, 12:00:00 AM", base_score=10.0, base_score_version="4.0",
        base_score_vector="CVSS:4.0/AV:N/E:A",
    )  # fmt: skip
    said = euvd(K, record)
    assert said.fact.published == datetime(2026, 6, 20, 11, 57, tzinfo=UTC)
    assert said.fact.modified == datetime(2026, 7, 8, 21, 55, 16, tzinfo=UTC)
    assert said.fact.exploited_since == datetime(2026, 7, 6, tzinfo=UTC)
    assert said.fact.flags == Flag.V4_POC
    assert said.aliases == ("CVE-2026-48908", "EUVD-2026-38110", "GHSA-8fwr-8fxr-8v2p")
    assert [(one.version, one.provider, one.score, one.severity) for one in said.metrics] == [("4.0", Provider.OTHER, 10.0, "critical")]


def test_versions_as_text_are_criteria_of_little_weight() -> None:
    text = {"id": "EUVD-2026-1", "enisaIdVendor": [{"vendor": {"name": "Example GmbH"}}], "enisaIdProduct": [
        {"product": {"name": "Thing"}, "product_version": "9.0.0 ≤9.0.1"}, {"product": {"name": "Thing"}, "product_version": "patch: 9.0.2"},
        {"product": {"name": "Other"}, "product_version": "n/a"}]}  # fmt: skip
    said = euvd(K, msgspec.convert(text, EuvdRecord))
    assert [(one.vendor, one.product, one.text, one.fix, one.factor, one.names) for one in said.criteria] == [
        ("example", "thing", ">= 9.0.0, <= 9.0.1", "9.0.2", 0.4, True)
    ]
    assert said.skipped == 1


def test_minus_one_is_no_score() -> None:
    assert euvd(K, EuvdRecord(base_score=-1.0, base_score_version="3.1")).metrics == ()


def test_exploited_is_what_has_a_date_even_one_nobody_can_read() -> None:
    assert euvd(K, EuvdRecord(exploited_since="some day", date_updated="Jul 8, 2026, 9:55:16 AM")).fact.exploited_since == datetime(
        2026, 7, 8, 9, 55, 16, tzinfo=UTC
    )
    assert euvd(K, EuvdRecord()).fact.exploited_since is None


@pytest.mark.parametrize("text", ["", "2026-07-08", "Jul 32, 2026, 1:00:00 AM", "Foo 3, 2026, 1:00:00 AM", "Jul 3, 2026, 25:00:00 AM"])
def test_what_is_no_date_is_none(text: str) -> None:
    assert moment(text) is None or text.endswith("25:00:00 AM")


@pytest.mark.data
def test_all_real_records_become_facts() -> None:
    decoder = msgspec.json.Decoder(CveRecord)
    states: dict[State, int] = {}
    disputed = decided = with_criteria = 0
    with gzip.open(shared("cve5/cve5-sample-3000.jsonl.gz")) as lines:
        for line in lines:
            record = decoder.decode(line)
            said = cve_list(key_of(record.cve_metadata.cve_id) or 0, record)
            states[said.fact.state] = states.get(said.fact.state, 0) + 1
            disputed += Flag.DISPUTED in said.fact.flags
            decided += said.ssvc is not None
            with_criteria += bool(said.criteria)
            assert len({(one.cfg, one.node, one.pos) for one in said.criteria}) == len(said.criteria)
            assert all(one.product for one in said.criteria)
    assert states == {State.PUBLISHED: 2855, State.REJECTED: 145}
    assert disputed == 122
    assert decided == 2855
    assert with_criteria > 2000


@pytest.mark.data
@pytest.mark.parametrize("path", ["CVE-2025-55182", "osvdev__CVE-2024-3094", "osvdev__CVE-2026-20912"])
def test_records_of_the_newest_format_become_facts(path: str) -> None:
    record = msgspec.json.decode(shared(f"cve5/v5.2/{path}.json").read_bytes(), type=CveRecord)
    said = cve_list(key_of(record.cve_metadata.cve_id) or 0, record)
    assert said.fact.descr
    assert said.criteria


@pytest.mark.data
def test_every_exploited_record_of_the_european_database_says_so() -> None:
    for page in (0, 1):
        for item in shared_json(f"euvd/caisarus__search-exploited-page{page}.json")["items"]:
            said = euvd(K, msgspec.convert({name: value for name, value in item.items() if value is not None}, EuvdRecord, strict=False))
            assert said.fact.exploited_since is not None
            assert said.fact.modified is not None
