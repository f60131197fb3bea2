"""NVD's records as facts, scores and criteria, with the traps that its data holds."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.advisories.data import shared
from watchfloor.capabilities.advisories.engine.normalise.configurations import criteria_of
from watchfloor.capabilities.advisories.engine.normalise.nvd import nvd
from watchfloor.capabilities.advisories.engine.versions import branch_end, key
from watchfloor.capabilities.advisories.schemas.records.nvd import Configuration, NvdRecord
from watchfloor.capabilities.advisories.schemas.words import Flag, Provider, Source, State, key_of

if TYPE_CHECKING:
    from watchfloor.capabilities.advisories.schemas.facts import Criterion, Normal

K = 2021 * 10**10 + 41773
NVD, RED_HAT, CISA_ADP = "nvd@nist.gov", "secalert@redhat.com", "134c704f-9b21-4f2e-91b3-4a467353bcc0"
V3 = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N"


def normal(**members: Any) -> Normal:
    return nvd(K, msgspec.convert({"id": "CVE-2021-41773", **members}, NvdRecord))


def criteria(*configurations: dict[str, Any]) -> list[Criterion]:
    found, skipped = rows(*configurations)
    assert skipped == 0
    return found


def rows(*configurations: dict[str, Any]) -> tuple[list[Criterion], int]:
    return criteria_of([msgspec.convert(one, Configuration) for one in configurations], k=K, src=Source.NVD)


def node(*matches: dict[str, Any], **members: Any) -> dict[str, Any]:
    return {"operator": "OR", "negate": False, "cpeMatch": list(matches), **members}


def match(name: str, **bounds: Any) -> dict[str, Any]:
    """Return a criterion of a name of which only the beginning is given."""
    parts = name.split(" ")
    return {"vulnerable": True, "criteria": ":".join(["cpe:2.3", *parts, *["*"] * (11 - len(parts))]), **bounds}


def one(name: str, **bounds: Any) -> Criterion:
    (found,) = criteria({"nodes": [node(match(name, **bounds))]})
    return found


HTTPD = {
    "sourceIdentifier": "security@apache.org",
    "published": "2021-10-05T09:15:07.593",
    "lastModified": "2025-10-27T17:37:09.720",
    "vulnStatus": "Analyzed",
    "cveTags": [],
    "descriptions": [
        {"lang": "es", "value": "Se ha encontrado un fallo"},
        {"lang": "en", "value": "A flaw was found in a change made to path normalization in Apache HTTP Server 2.4.49."},
    ],
    "metrics": {
        "cvssMetricV31": [
            {
                "source": NVD,
                "type": "Primary",
                "cvssData": {"version": "3.1", "vectorString": V3, "baseScore": 7.5, "baseSeverity": "HIGH"},
                "exploitabilityScore": 3.9,
            }
        ],
        "cvssMetricV2": [
            {
                "source": NVD,
                "type": "Primary",
                "cvssData": {"version": "2.0", "vectorString": "AV:N/AC:M/Au:N/C:P/I:N/A:N", "baseScore": 4.3},
                "baseSeverity": "MEDIUM",
            }
        ],
    },
    "weaknesses": [
        {"source": "security@apache.org", "type": "Primary", "description": [{"lang": "en", "value": "CWE-22"}]},
        {"source": NVD, "type": "Secondary", "description": [{"lang": "en", "value": "NVD-CWE-noinfo"}, {"lang": "en", "value": "CWE-22"}]},
    ],
    "configurations": [{"nodes": [node(match("a apache http_server 2.4.49"))]}],
    "references": [
        {"url": "https://httpd.apache.org/security/vulnerabilities_24.html", "source": "security@apache.org", "tags": ["Vendor Advisory"]},
        {
            "url": "http://packetstormsecurity.com/files/164418",
            "source": "security@apache.org",
            "tags": ["Exploit", "Third Party Advisory"],
        },
    ],
}


def test_a_record_becomes_a_fact_with_scores_and_criteria() -> None:
    found = normal(**HTTPD)
    fact = found.fact
    assert (fact.k, fact.src, fact.state, fact.status) == (K, Source.NVD, State.PUBLISHED, "Analyzed")
    assert fact.descr.startswith("A flaw was found")
    assert fact.published == datetime(2021, 10, 5, 9, 15, 7, 593_000, tzinfo=UTC)
    assert fact.modified == datetime(2025, 10, 27, 17, 37, 9, 720_000, tzinfo=UTC)
    assert fact.cwes == ("CWE-22",)
    assert fact.flags == Flag.EXPLOIT_REF
    assert [(score.version, score.provider, score.score, score.severity) for score in found.metrics] == [
        ("3.1", Provider.NVD, 7.5, "high"),
        ("2.0", Provider.NVD, 4.3, "medium"),
    ]
    assert found.metrics[0].vector == V3
    (criterion,) = found.criteria
    assert (criterion.part, criterion.vendor, criterion.product, criterion.kind) == ("a", "apache", "http_server", "=")
    assert (criterion.lo, criterion.hi, criterion.lo_inclusive, criterion.hi_inclusive) == (key("2.4.49"), key("2.4.49"), True, True)
    assert (criterion.text, criterion.fix, criterion.factor, found.skipped) == ("2.4.49", "", 1.0, 0)


def test_a_record_may_lack_everything() -> None:
    found = normal()
    assert (found.fact.published, found.fact.modified, found.fact.descr, found.fact.cwes) == (None, None, "", ())
    assert (found.metrics, found.criteria, found.fact.flags, found.fact.state) == ((), (), Flag(0), State.PUBLISHED)


@pytest.mark.parametrize("status", ["Rejected", "rejected"])
def test_a_rejected_record_keeps_its_words(status: str) -> None:
    found = normal(vulnStatus=status, descriptions=[{"lang": "en", "value": "Rejected reason: not used"}])
    assert (found.fact.state, found.fact.status, found.fact.descr) == (State.REJECTED, status, "Rejected reason: not used")


def test_the_status_hides_no_criteria() -> None:
    assert len(normal(**HTTPD | {"vulnStatus": "Deferred"}).criteria) == 1


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("2021-10-05T09:15:07.593", datetime(2021, 10, 5, 9, 15, 7, 593_000, tzinfo=UTC)),
        ("2021-10-05T09:15:07", datetime(2021, 10, 5, 9, 15, 7, tzinfo=UTC)),
        ("2021-10-05T09:15:07Z", datetime(2021, 10, 5, 9, 15, 7, tzinfo=UTC)),
        ("2021-10-05T09:15:07+02:00", datetime(2021, 10, 5, 7, 15, 7, tzinfo=UTC)),
        ("0001-01-01T00:00:00+05:00", None),
        ("yesterday", None),
        ("", None),
    ],
)
def test_times_are_utc_and_what_is_none_is_unknown(written: str, expected: datetime | None) -> None:
    assert normal(published=written).fact.published == expected


def test_nvd_is_who_says_so_not_who_is_primary() -> None:
    score = {"version": "3.1", "vectorString": V3, "baseScore": 7.5, "baseSeverity": "HIGH"}
    sources = [("Primary", RED_HAT), ("Secondary", NVD), ("Secondary", CISA_ADP), ("Primary", "somebody@example.org")]
    given_by = [{"source": source, "type": kind, "cvssData": score} for kind, source in sources]
    found = normal(sourceIdentifier=RED_HAT, metrics={"cvssMetricV31": given_by})
    assert [one.provider for one in found.metrics] == [Provider.CNA, Provider.NVD, Provider.CISA_ADP, Provider.OTHER]


def test_metrics_that_are_no_cvss_or_have_no_score_are_left_out() -> None:
    found = normal(
        metrics={
            "ssvcV203": [{"source": CISA_ADP, "ssvcData": {"role": "CISA Coordinator"}}],
            "cvssMetricV40": [{"source": NVD}, {"source": NVD, "cvssData": {"version": "4.0", "vectorString": "CVSS:4.0/AV:N"}}],
            "cvssMetricV30": [{"source": NVD, "cvssData": {"version": "3.0", "vectorString": "CVSS:3.0/AV:N", "baseScore": 11.0}}],
        }
    )
    assert found.metrics == ()


@pytest.mark.parametrize(
    ("metric", "score", "severity"),
    [
        ("cvssMetricV2", 10.0, "high"),
        ("cvssMetricV2", 6.9, "medium"),
        ("cvssMetricV2", 0.0, "low"),
        ("cvssMetricV31", 9.0, "critical"),
        ("cvssMetricV31", 8.9, "high"),
        ("cvssMetricV30", 0.1, "low"),
        ("cvssMetricV40", 0.0, "none"),
    ],
)
def test_a_severity_that_is_missing_follows_from_the_score(metric: str, score: float, severity: str) -> None:
    found = normal(metrics={metric: [{"source": NVD, "cvssData": {"version": "", "vectorString": "", "baseScore": score}}]})
    assert [one.severity for one in found.metrics] == [severity]


@pytest.mark.parametrize(
    ("members", "flags"),
    [
        ({"cveTags": [{"sourceIdentifier": RED_HAT, "tags": ["disputed"]}]}, Flag.DISPUTED),
        ({"cveTags": [{"tags": ["unsupported-when-assigned", "exclusively-hosted-service"]}]}, Flag.UNSUPPORTED | Flag.HOSTED),
        ({"references": [{"source": "", "tags": ["Patch"]}, {"source": "", "tags": ["Exploit"]}]}, Flag.PATCH_REF | Flag.EXPLOIT_REF),
        ({"references": [{"source": ""}], "cveTags": [{"tags": ["something-new"]}]}, Flag(0)),
    ],
)
def test_tags_become_flags(members: dict[str, Any], flags: Flag) -> None:
    assert normal(**members).fact.flags == flags


@pytest.mark.parametrize(("maturity", "expected"), [("P", Flag.V4_POC), ("A", Flag.V4_POC), ("U", Flag(0)), ("X", Flag(0))])
def test_cvss_4_may_say_that_there_is_an_exploit(maturity: str, expected: Flag) -> None:
    vector = f"CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N/E:{maturity}/CR:X"
    data = {"version": "4.0", "vectorString": vector, "baseScore": 9.3, "baseSeverity": "CRITICAL"}
    assert normal(metrics={"cvssMetricV40": [{"source": NVD, "cvssData": data}]}).fact.flags == expected


def test_cwes_are_listed_once_and_in_order() -> None:
    said = ["CWE-79", "CWE-22", "NVD-CWE-Other", "CWE-79", "CWE-noinfo", "Path Traversal", "CWE-022"]
    found = normal(weaknesses=[{"description": [{"lang": "en", "value": value}]} for value in said])
    assert found.fact.cwes == ("CWE-22", "CWE-79")


@pytest.mark.parametrize(
    ("name", "bounds", "lo", "hi", "text", "fix"),
    [
        ("a openbsd openssh", {"versionEndIncluding": "7.7"}, None, ("7.7", True), "<= 7.7", ""),
        (
            "a apache http_server",
            {"versionStartIncluding": "2.4.0", "versionEndExcluding": "2.4.58"},
            ("2.4.0", True),
            ("2.4.58", False),
            ">= 2.4.0, < 2.4.58",
            "2.4.58",
        ),
        ("a x y", {"versionStartExcluding": "1.0"}, ("1.0", False), None, "> 1.0", ""),
        ("a proftpd proftpd * a", {"versionEndIncluding": "1.3.5"}, None, ("1.3.5a", True), "<= 1.3.5 a", ""),
        ("a proftpd proftpd * a", {"versionEndExcluding": "1.3.5"}, None, ("1.3.5", False), "< 1.3.5", "1.3.5"),
        ("o cisco ios", {"versionEndExcluding": r"15.1\(4\)m"}, None, ("15.1(4)M", False), "< 15.1(4)m", "15.1(4)m"),
        ("a x y", {"versionStartIncluding": "1.0", "versionEndIncluding": "1.0"}, ("1", True), ("1", True), ">= 1.0, <= 1.0", ""),
        ("a x y", {"versionStartIncluding": "-", "versionEndIncluding": "2"}, None, ("2", True), "<= 2", ""),
    ],
)
def test_bounds_become_a_range(
    name: str, bounds: dict[str, str], lo: tuple[str, bool] | None, hi: tuple[str, bool] | None, text: str, fix: str
) -> None:
    found = one(name, **bounds)
    assert (found.kind, found.update, found.text, found.fix) == ("r", "*", text, fix)
    assert (found.lo, found.lo_inclusive) == ((key(lo[0]), lo[1]) if lo else (None, True))
    assert (found.hi, found.hi_inclusive) == ((key(hi[0]), hi[1]) if hi else (None, False))


def test_a_branch_ends_where_the_next_begins() -> None:
    found = one("a x y", versionEndIncluding="6.1.*")
    assert (found.kind, found.lo, found.hi, found.hi_inclusive, found.text) == ("r", None, branch_end("6.1"), False, "<= 6.1.*")
    wildcard = one("a x y 9.*")
    assert (wildcard.kind, wildcard.lo, wildcard.hi, wildcard.text) == ("r", key("9"), branch_end("9"), "9.*")


@pytest.mark.parametrize(
    ("name", "bounds", "kind", "update"),
    [
        ("a x y", {}, "*", "*"),
        ("a x y *", {"versionEndIncluding": ""}, "*", "*"),
        ("a x y * sp1", {}, "*", "sp1"),
        ("a x y * sp1", {"versionEndIncluding": "*"}, "*", "sp1"),
        ("o microsoft windows_server_2008 - sp2", {}, "-", "sp2"),
        ("h cisco asa_5505 -", {}, "-", "*"),
        ("o sun sunos", {"versionEndIncluding": "-"}, "-", "*"),
    ],
)
def test_some_criteria_name_no_version(name: str, bounds: dict[str, str], kind: str, update: str) -> None:
    found = one(name, **bounds)
    assert (found.kind, found.update, found.lo, found.hi, found.fix) == (kind, update, None, None, "")
    assert found.text == {"*": "any version", "-": "version not applicable"}[kind]


@pytest.mark.parametrize(
    ("update", "exact", "text"), [("p1", "8.4p1", "8.4 p1"), ("-", "8.4", "8.4"), ("*", "8.4", "8.4"), ("rc\\-2", "8.4-rc2", "8.4 rc-2")]
)
def test_an_exact_version_has_the_key_of_its_update(update: str, exact: str, text: str) -> None:
    found = one(f"a openbsd openssh 8.4 {update}")
    assert (found.kind, found.lo, found.hi, found.hi_inclusive) == ("=", key(exact), key(exact), True)
    assert (found.update, found.text) == (update.replace("\\", ""), text)


def test_versions_that_are_listed_with_other_updates_say_so() -> None:
    names = ["a x y 2.0", "a x y 2.0.0 sp1", "a x y 3.0", "a x z 2.0", "a x w 4 -", "a x w 4.0"]
    found = criteria({"nodes": [node(*map(match, names[:3]))]}, {"nodes": [node(*map(match, names[3:]))]})
    assert [row.siblings for row in found] == [True, False, False, False, False, True]


def test_names_are_unescaped_and_other_attributes_kept() -> None:
    found = one(r"a jenkins net\:\:nsca 1.0 * * * pro node.js x64 \-")
    assert (found.vendor, found.product) == ("jenkins", "net::nsca")
    assert found.attributes == {"sw_edition": "pro", "target_sw": "node.js", "target_hw": "x64", "other": r"\-"}
    assert one("a x y 1.0").attributes == {}


def test_firmware_needs_its_hardware() -> None:
    firmware = match("o dlink dir-859_firmware 1.06b01 beta1")
    hardware = match("h dlink dir-859 -") | {"vulnerable": False}
    found = criteria({"operator": "AND", "negate": False, "nodes": [node(firmware), node(hardware)]}, {"nodes": [node(match("a x y"))]})
    assert [(row.cfg, row.node, row.pos, row.cfg_and, row.node_and, row.vulnerable, row.part) for row in found] == [
        (0, 0, 0, True, False, True, "o"),
        (0, 1, 0, True, False, False, "h"),
        (1, 0, 0, False, False, True, "a"),
    ]


def test_nodes_may_be_joined_by_and_and_turned_round() -> None:
    found = criteria({"negate": True, "nodes": [node(match("a x y"), match("a x z"), operator="AND"), node(match("a x w"), negate=True)]})
    assert [(row.cfg_negate, row.node_and, row.negate) for row in found] == [(True, True, False), (True, True, False), (True, False, True)]


def test_a_configuration_that_can_never_hold_adds_nothing() -> None:
    left = {"nodes": [node(match("a x y")), node()]}
    assert len(criteria(left)) == 1
    assert criteria(left | {"operator": "AND"}, {"nodes": []}, {"nodes": [node()]}) == []
    assert [row.cfg for row in criteria(left | {"operator": "AND"}, left)] == [1]


@pytest.mark.parametrize(
    "broken",
    [
        match("a x y", versionStartIncluding="2.0", versionEndIncluding="1.0"),
        match("a x y", versionStartIncluding="2.0", versionEndExcluding="2.0"),
        match("a x y *1"),
        match("a x y ?"),
        {"criteria": "cpe:2.3:a:x", "vulnerable": True},
        {"criteria": "", "vulnerable": True},
    ],
)
def test_a_criterion_without_meaning_is_rejected_alone(broken: dict[str, Any]) -> None:
    found, skipped = rows({"nodes": [node(broken, match("a x z 1.0"))]})
    assert ([(row.pos, row.product) for row in found], skipped) == ([(1, "z")], 1)
    assert normal(configurations=[{"nodes": [node(broken)]}]).skipped == 1


def test_others_use_the_same_shape() -> None:
    shape = [msgspec.convert({"nodes": [node(match("a x y 1.0"))]}, Configuration)]
    (found,), _ = criteria_of(shape, k=K, src=Source.OVERRIDES, factor=0.95, first_cfg=7)
    assert (found.src, found.factor, found.cfg) == (Source.OVERRIDES, 0.95, 7)


WORDS = st.text(max_size=12) | st.sampled_from(["*", "-", "", "AND", "1.0", "2.0", "1.*", "cpe:2.3:a:x:y:1.*:p1:*:*:*:*:*:*", r"1\(2\)"])
RECORDS = st.fixed_dictionaries(
    {
        "id": WORDS,
        "published": WORDS,
        "vulnStatus": WORDS,
        "descriptions": st.lists(st.fixed_dictionaries({"lang": WORDS, "value": WORDS}), max_size=2),
        "cveTags": st.lists(st.fixed_dictionaries({"tags": st.lists(WORDS, max_size=2)}), max_size=2),
        "weaknesses": st.lists(
            st.fixed_dictionaries({"description": st.lists(st.fixed_dictionaries({"value": WORDS}), max_size=2)}), max_size=2
        ),
        "metrics": st.fixed_dictionaries(
            {"cvssMetricV40": st.lists(st.fixed_dictionaries({"cvssData": st.fixed_dictionaries({"baseScore": st.floats()})}), max_size=2)}
        ),
        "configurations": st.lists(
            st.fixed_dictionaries(
                {
                    "operator": WORDS,
                    "nodes": st.lists(
                        st.fixed_dictionaries(
                            {
                                "operator": WORDS,
                                "cpeMatch": st.lists(
                                    st.fixed_dictionaries(
                                        {"criteria": WORDS, "versionStartIncluding": WORDS, "versionEndExcluding": WORDS}
                                    ),
                                    max_size=3,
                                ),
                            }
                        ),
                        max_size=2,
                    ),
                }
            ),
            max_size=2,
        ),
    }
)


@given(RECORDS)
def test_no_record_is_an_error(record: dict[str, Any]) -> None:
    found = nvd(K, msgspec.convert(record, NvdRecord))
    assert all(0.0 <= score.score <= 10.0 for score in found.metrics)
    assert all(row.kind in "r=*-" and (row.lo is None or row.hi is None or row.lo <= row.hi) for row in found.criteria)


class Entry(msgspec.Struct):
    """A record in its envelope."""

    cve: NvdRecord


class Feed(msgspec.Struct):
    """A file of records."""

    vulnerabilities: list[Entry]


FEEDS = ("2002", "2003", "2004", "2008", "2015", "2026", "modified", "recent")


@pytest.fixture(scope="module")
def feeds() -> list[tuple[NvdRecord, Normal]]:
    """Return the newest state of every CVE in the recorded feeds."""
    newest: dict[str, NvdRecord] = {}
    for feed in FEEDS:
        packed = shared(f"nvd/feeds/nvdcve-2.0-{feed}.json.gz").read_bytes()
        for entry in msgspec.json.decode(gzip.decompress(packed), type=Feed).vulnerabilities:
            record = entry.cve
            if record.id not in newest or newest[record.id].last_modified < record.last_modified:
                newest[record.id] = record
    return [(record, nvd(key_of(record.id) or 0, record)) for record in newest.values()]


@pytest.mark.data
@pytest.mark.slow
def test_the_recorded_feeds_hold_what_they_are_known_to_hold(feeds: list[tuple[NvdRecord, Normal]]) -> None:
    found = [made for _, made in feeds]
    versions = [{score.version for score in made.metrics} for made in found]
    live = [made for made in found if made.fact.state is State.PUBLISHED]
    all_rows = [row for made in found for row in made.criteria]
    known = {
        "CVEs": len(found),
        "only v2": versions.count({"2.0"}),
        "only v4": versions.count({"4.0"}),
        "live without CVSS": sum(not made.metrics for made in live),
        "deferred with criteria": sum(made.fact.status == "Deferred" and bool(made.criteria) for made in found),
        "AND configurations": len({(row.k, row.cfg) for row in all_rows if row.cfg_and}),
        "AND nodes": len({(row.k, row.cfg, row.node) for row in all_rows if row.node_and}),
        "not vulnerable": sum(not row.vulnerable for row in all_rows),
        "only a lower bound": sum(row.kind == "r" and row.hi is None for row in all_rows),
    }
    assert known == {
        "CVEs": 34_837,
        "only v2": 22_875,
        "only v4": 360,
        "live without CVSS": 289,
        "deferred with criteria": 24_845,
        "AND configurations": 6_904,
        "AND nodes": 1,
        "not vulnerable": 14_399,
        "only a lower bound": 7,
    }
    assert all(made.fact.k > 0 and made.fact.published and made.fact.modified and made.fact.descr for made in found)


@pytest.mark.data
@pytest.mark.slow
def test_hardly_any_recorded_criterion_is_left_out(feeds: list[tuple[NvdRecord, Normal]]) -> None:
    written = sum(len(one.cpe_match) for record, _ in feeds for configuration in record.configurations for one in configuration.nodes)
    kept = sum(len(made.criteria) for _, made in feeds)
    skipped = sum(made.skipped for _, made in feeds)
    assert kept + skipped == written
    assert skipped / written < 0.0001
