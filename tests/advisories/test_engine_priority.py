"""Priority: the cases and the order of the specification, what each factor takes, and the laws that every score obeys."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.advisories.data import shared_json
from watchfloor.capabilities.advisories.engine.explain import explain
from watchfloor.capabilities.advisories.engine.merge import merge
from watchfloor.capabilities.advisories.engine.priority import ANYWHERE, MAX, Where, band_of, score
from watchfloor.capabilities.advisories.engine.verdict import verdict
from watchfloor.capabilities.advisories.schemas.facts import Fact, Kev, Metric, Ssvc
from watchfloor.capabilities.advisories.schemas.merged import Epss, Merged, Priority, Told
from watchfloor.capabilities.advisories.schemas.words import Band, Catalog, Exploitation, Exposure, Flag, Provider, Source, State, key_of

TODAY = date(2026, 8, 20)
INTERNET = Where(Exposure.INTERNET)
CASES = "scoring/priority_v1_cases.even.json"
RULES = {
    "floor 90": "floor_kev_exposed_total", "floor 80": "floor_ransomware", "floor 70: KEV": "floor_kev", "floor 70": "floor_exploit_exposed",
    "cap 44: disputed": "cap_disputed", "cap 44": "cap_no_signal",
}  # fmt: skip
PROVIDERS = {"nvd": Provider.NVD, "cna": Provider.CNA, "cisa-adp": Provider.CISA_ADP}
# What the specification's cases are read from, as the sources would say it.
WORDS = {None: None, "yes": True, "no": False, "total": True, "partial": False}


def moment(text: str | None) -> datetime | None:
    return datetime.combine(date.fromisoformat(text), time(), UTC) if text else None


def recorded(case: dict[str, Any]) -> Merged:
    """Return a case's CVE, merged from facts as sources give them."""
    said = case["input"]
    k = key_of(case["cve"])
    assert k is not None
    flags = Flag(0)
    for name, flag in (("disputed", Flag.DISPUTED), ("unsupported", Flag.UNSUPPORTED)):
        flags |= flag if said.get(name) else Flag(0)
    told = Told(k, weaponised=said.get("weaponised", False), poc=said.get("poc", False))
    told.facts.append(Fact(k=k, src=Source.NVD, state=State[said["state"]], published=moment(said.get("published")), flags=flags))
    for one in said["cvss"]:
        told.metrics.append(
            Metric(
                k=k, src=Source.NVD, version=one["version"], provider=PROVIDERS.get(one["source"], Provider.OTHER), score=float(one["score"]),
                vector=one["vector"], severity="",
            )
        )  # fmt: skip
    if said.get("kev"):
        added = moment(said["kev_date_added"])
        assert added is not None
        told.kevs.append(Kev(k=k, catalog=Catalog.CISA, added=added, due=moment(said["kev_due"]), ransomware=said["kev_ransomware"]))
    if said["epss"] is not None:
        told.epss = Epss(p=round(said["epss"] * 100_000), percentile=said["epss_pct"])
    told.ssvcs.append(
        Ssvc(
            k=k, src=Source.CVE_LIST, exploitation=Exploitation.ACTIVE if said.get("ssvc_active") else None,
            automatable=WORDS[said.get("automatable")], total=WORDS[said.get("technical_impact")],
        )
    )  # fmt: skip
    merged = merge(told)
    assert merged is not None
    return merged


@pytest.mark.data
def test_every_case_of_the_specification_has_its_score_and_its_reasons() -> None:
    cases = shared_json(CASES)
    assert len(cases) == 44
    for case in cases:
        expected, where = case["expected"], Where(Exposure(case["input"]["exposure"]))
        merged = recorded(case)
        got = score(merged, TODAY, where)
        name = f"{case['cve']} {case['case']}"
        assert (name, got.priority, got.band) == (name, round(float(expected["score"]), 1), expected["band"])
        rule = next((ours for theirs, ours in RULES.items() if (expected["rule"] or "").startswith(theirs)), "")
        assert (name, got.rule) == (name, rule)
        got_points = {factor: round(points, 1) for factor, points in got.points.items()}
        assert (name, got_points) == (name, expected.get("contributions", got_points))
        decided = verdict(merged, where)
        assert (name, decided.deadline if decided else None) == (name, expected["bod2604"])


@pytest.mark.data
def test_cves_rank_in_the_order_of_the_specification() -> None:
    cases = [case for case in shared_json(CASES) if case["case"] == "internet"]
    ranked = sorted(cases, key=lambda case: -score(recorded(case), TODAY, INTERNET).priority)
    assert [case["cve"] for case in ranked] == shared_json("scoring/expected_order_internet.even.json")


# Our own records, from here on.

KNOWN = Merged(
    k=2024 * 10**10 + 1, cve_id="CVE-2024-0001", published=datetime(2024, 1, 1, tzinfo=UTC), cvss_version="3.1", cvss_score=9.8,
    cvss_vector="CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", cvss_provider=Provider.NVD, cvss_src=Source.NVD, epss=1000, percentile=0.4,
    sources=(1, 2),
)  # fmt: skip


def changed(one: Merged = KNOWN, **fields: Any) -> Merged:
    return msgspec.structs.replace(one, **fields)


def days_ago(days: int) -> datetime:
    return datetime.combine(TODAY - timedelta(days=days), time(), UTC)


@pytest.mark.parametrize(
    ("record", "points"),
    [
        (KNOWN, 24.5),
        (changed(cvss_version="2.0", cvss_score=10.0), 22.5),
        (changed(cvss_score=None, cvss_vector=None, cvss_version=None), 13.75),
        (changed(cvss_score=5.0, total=True), 20.0),
        (changed(cvss_score=9.0, total=False), 21.25),
    ],
    ids=["cvss", "version 2 is never full", "assumed", "total impact lifts", "partial impact holds down"],
)
def test_impact_goes_by_cvss_and_by_what_cisa_decided(record: Merged, points: float) -> None:
    assert score(record, TODAY).points["impact"] == pytest.approx(points)


@pytest.mark.parametrize(
    ("vector", "automatable", "points"),
    [
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", None, 10.0),
        ("CVSS:3.1/AV:A/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", None, 5.0),
        ("CVSS:3.1/AV:L/AC:L/PR:L/UI:N/S:U/C:H/I:H/A:H", None, 1.0),
        ("CVSS:3.1/AV:P/AC:H/PR:H/UI:R/S:U/C:H/I:H/A:H", None, 10 * 0.05 * 0.7 * 0.3 * 0.6),
        ("CVSS:4.0/AV:N/AC:L/AT:P/PR:N/UI:P/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N", None, 4.2),
        ("CVSS:4.0/AV:N/AC:H/AT:P/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N", None, 7.0),
        ("AV:N/AC:M/Au:S/C:P/I:P/A:P", None, 5.0),
        ("AV:N/AC:H/Au:M/C:P/I:P/A:P", None, 2.1),
        ("CVSS:3.1/AV:L/AC:L/PR:L/UI:N/S:U/C:H/I:H/A:H", True, 10.0),
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", False, 6.0),
        (None, None, 4.0),
        ("", None, 4.0),
    ],
)
def test_reach_goes_by_what_stands_in_the_way(vector: str | None, automatable: bool | None, points: float) -> None:  # noqa: FBT001
    assert score(changed(cvss_vector=vector, automatable=automatable), TODAY).points["reach"] == pytest.approx(points)


@pytest.mark.parametrize(
    ("fields", "points"),
    [
        ({"published": days_ago(30)}, 3.0),
        ({"published": days_ago(31)}, 1.5),
        ({"published": days_ago(90)}, 1.5),
        ({"published": days_ago(91)}, 0.0),
        ({"published": days_ago(-3)}, 3.0),
        ({"published": None}, 0.0),
        ({"kev": True, "kev_due": days_ago(-14)}, 5.0),
        ({"kev": True, "kev_due": days_ago(-15)}, 3.0),
        ({"kev": True, "kev_due": days_ago(400)}, 5.0),
        ({"kev": True}, 3.0),
        ({"eukev": True}, 3.0),
    ],
)
def test_urgency_goes_by_age_and_by_the_due_date(fields: dict[str, Any], points: float) -> None:
    assert score(changed(**fields), TODAY).points["urgency"] == pytest.approx(points)


@pytest.mark.parametrize(
    ("fields", "known"),
    [
        ({}, 0.0),
        ({"poc": True}, 0.30),
        ({"weaponised": True, "poc": True}, 0.55),
        ({"exploitation": Exploitation.ACTIVE, "poc": True}, 0.85),
        ({"exploited_eu": True}, 0.88),
        ({"eukev": True}, 0.92),
        ({"kev": True, "exploited_eu": True}, 0.92),
        ({"kev": True, "ransomware": True}, 1.0),
    ],
)
def test_the_strongest_sign_of_exploitation_counts(fields: dict[str, Any], known: float) -> None:
    [entry] = [one for one in explain(changed(**fields), TODAY) if one.factor == "exploitation"]
    assert entry.inputs["known"] == known


@pytest.mark.parametrize(("days", "e"), [(14, 0.10), (15, 0.03)])
def test_what_epss_does_not_know_yet_counts_as_likely_only_while_it_is_new(days: int, e: float) -> None:
    [entry] = [one for one in explain(changed(epss=None, percentile=None, published=days_ago(days)), TODAY) if one.factor == "exploitation"]
    assert entry.inputs["likely"] == e


@pytest.mark.parametrize(
    ("fields", "where", "rule", "least"),
    [
        ({"kev": True}, INTERNET, "floor_kev_exposed_total", 90),
        ({"kev": True, "cvss_score": None, "cvss_vector": None, "total": True}, INTERNET, "floor_kev_exposed_total", 90),
        ({"kev": True, "cvss_vector": "CVSS:3.1/AV:L/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}, INTERNET, "floor_kev", 70),
        ({"kev": True, "ransomware": True}, Where(Exposure.ISOLATED), "floor_ransomware", 80),
        ({"kev": True, "cvss_score": 2.0}, Where(Exposure.ISOLATED), "floor_kev", 70),
        ({"poc": True}, INTERNET, "floor_exploit_exposed", 70),
        ({"poc": True}, Where(Exposure.PARTNER), "", 0),
        ({"poc": True, "automatable": False}, INTERNET, "", 0),
    ],
)
def test_floors_lift_what_must_not_be_missed(fields: dict[str, Any], where: Where, rule: str, least: float) -> None:
    got = score(changed(**fields), TODAY, where)
    assert (got.rule, got.priority >= least) == (rule, True)


@pytest.mark.parametrize(
    ("fields", "rule", "priority"),
    [
        ({"flags": Flag.DISPUTED, "weaponised": True}, "cap_disputed", 44.0),
        ({"flags": Flag.DISPUTED, "cvss_score": 2.0}, "cap_disputed", None),
        ({"cvss_score": 6.9, "automatable": True, "published": days_ago(1), "percentile": 0.49, "epss": 50_000}, "cap_no_signal", 44.0),
        ({"cvss_score": 6.9, "automatable": True, "published": days_ago(1), "percentile": None, "epss": 50_000}, "cap_no_signal", 44.0),
        ({"cvss_score": 2.0}, "", None),
    ],
    ids=["disputed", "disputed is named though it changes nothing", "no signal", "no curve", "no signal is named only where it lowers"],
)
def test_caps_hold_down_what_nothing_speaks_for(fields: dict[str, Any], rule: str, priority: float | None) -> None:
    got = score(changed(**fields), TODAY, INTERNET)
    assert got.rule == rule
    assert got.priority == priority or (priority is None and got.priority < 44)


def test_an_exploited_record_is_not_capped_for_being_disputed() -> None:
    got = score(changed(flags=Flag.DISPUTED, kev=True), TODAY, INTERNET)
    assert (got.rule, got.band) == ("floor_kev_exposed_total", Band.CRITICAL)


@pytest.mark.parametrize("fields", [{"state": State.REJECTED}, {"merged_into": 2024 * 10**10 + 2}])
def test_what_does_not_stand_has_no_score(fields: dict[str, Any]) -> None:
    record = changed(kev=True, ransomware=True, **fields)
    assert score(record, TODAY, INTERNET) == Priority(priority=0.0, band=Band.NONE)
    assert explain(record, TODAY, INTERNET) == ()


def test_what_nobody_told_is_named() -> None:
    nothing = Merged(k=2024 * 10**10 + 3, cve_id="CVE-2024-0003")
    assert score(nothing, TODAY).assumed == ("cvss", "epss", "automatable", "impact", "published")
    assert score(changed(automatable=True, total=True), TODAY).assumed == ()


@pytest.mark.parametrize(
    ("value", "band"),
    [(100, "critical"), (85.0, "critical"), (84.9, "high"), (70.0, "high"), (69.9, "medium"), (45.0, "medium"), (44.9, "low"), (20.0, "low"), (19.9, "info"), (0, "info")],
)  # fmt: skip
def test_bands_begin_where_they_say(value: float, band: str) -> None:
    assert band_of(value) == band


def test_an_explanation_names_who_said_what_and_when() -> None:
    record = changed(
        kev=True, kev_added=days_ago(9), kev_due=days_ago(-5), total=True, modified=days_ago(2), exploitation=Exploitation.ACTIVE
    )
    told = {one.factor: one for one in explain(record, TODAY, INTERNET, epss_as_of=TODAY)}
    assert told["exploitation"].source == ("kev", "cve-list", "epss")
    assert told["exploitation"].as_of == TODAY
    assert told["exploitation"].inputs["ssvc"] == "active"
    assert told["impact"].source == ("nvd", "cve-list")
    assert told["impact"].inputs == {"cvss": 9.8, "version": "3.1", "provider": "nvd", "technical_impact": "total", "impact": 0.98}
    assert told["reach"].source == ("nvd",)
    assert told["exposure"].inputs == {"exposure": "internet", "confidence": 1.0}
    assert told["urgency"].inputs["due"] == "2026-08-25"
    assert told["urgency"].as_of == date(2026, 8, 11)


VECTORS = st.one_of(
    st.none(),
    st.builds(
        "CVSS:3.1/AV:{}/AC:{}/PR:{}/UI:{}/S:U/C:H/I:H/A:H".format, st.sampled_from("NALP"), st.sampled_from("LH"), st.sampled_from("NLH"),
        st.sampled_from("NR"),
    ),
    st.builds("AV:{}/AC:{}/Au:{}/C:P/I:P/A:P".format, st.sampled_from("NAL"), st.sampled_from("LMH"), st.sampled_from("NSM")),
    st.text(max_size=30),
)  # fmt: skip
SCORES = st.one_of(st.none(), st.integers(0, 100).map(lambda tenths: tenths / 10))
MAYBE = st.sampled_from([None, True, False])
MOMENTS = st.one_of(st.none(), st.integers(-20, 400).map(days_ago))
RECORDS = st.builds(
    Merged, k=st.just(2024 * 10**10 + 9), cve_id=st.just("CVE-2024-0009"), published=MOMENTS, cvss_score=SCORES, cvss_vector=VECTORS,
    cvss_version=st.sampled_from([None, "2.0", "3.1", "4.0"]), flags=st.sampled_from([Flag(0), Flag.DISPUTED]), kev=st.booleans(),
    eukev=st.booleans(), kev_due=MOMENTS, ransomware=st.booleans(), exploited_eu=st.booleans(), automatable=MAYBE, total=MAYBE,
    exploitation=st.sampled_from([None, *Exploitation]), weaponised=st.booleans(), poc=st.booleans(),
    epss=st.one_of(st.none(), st.integers(0, 100_000)), percentile=st.one_of(st.none(), st.floats(0, 1)),
)  # fmt: skip
WHERES = st.builds(Where, st.sampled_from(Exposure), st.floats(0, 1))
REACHABLE = [Exposure.ISOLATED, Exposure.INTERNAL, Exposure.UNKNOWN, Exposure.PARTNER, Exposure.INTERNET]


@given(RECORDS, WHERES)
def test_points_add_up_to_the_score_before_rules(record: Merged, where: Where) -> None:
    got = score(record, TODAY, where)
    assert 0 <= got.priority <= 100
    assert got.band == band_of(got.priority)
    assert all(0 <= got.points[name] <= most + 1e-9 for name, most in MAX.items())
    if not got.rule:
        assert got.priority == round(sum(got.points.values()), 1)
    assert {one.factor: one.points for one in explain(record, TODAY, where)} == got.points


@given(RECORDS, WHERES, st.sampled_from(["kev", "eukev", "ransomware", "poc", "weaponised", "exploited_eu"]))
def test_another_sign_of_exploitation_never_lowers(record: Merged, where: Where, sign: str) -> None:
    assert score(changed(record, **{sign: True}), TODAY, where).priority >= score(changed(record, **{sign: False}), TODAY, where).priority


@given(RECORDS, WHERES, st.floats(0, 1))
def test_more_exposure_never_lowers(record: Merged, where: Where, confidence: float) -> None:
    scores = [score(record, TODAY, replace(where, exposure=exposure)).priority for exposure in REACHABLE]
    assert scores == sorted(scores)
    low, high = sorted([where.confidence, confidence])
    assert score(record, TODAY, replace(where, confidence=low)).priority <= score(record, TODAY, replace(where, confidence=high)).priority


@given(RECORDS, WHERES, SCORES.filter(lambda one: one is not None))
def test_a_lower_cvss_never_raises(record: Merged, where: Where, other: float) -> None:
    low, high = sorted([other, record.cvss_score if record.cvss_score is not None else 5.0])
    assert score(changed(record, cvss_score=low), TODAY, where).priority <= score(changed(record, cvss_score=high), TODAY, where).priority


def test_of_a_record_alone_the_exposure_is_unknown_and_nothing_is_in_doubt() -> None:
    assert Where() == ANYWHERE == Where(Exposure.UNKNOWN, 1.0)
    assert score(KNOWN, TODAY).points["exposure"] == pytest.approx(7.5)
