"""Merging: whose word counts for each field, what is kept of the others, and that nothing depends on what was merged before."""

from __future__ import annotations

import itertools
from datetime import UTC, date, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchfloor.capabilities.advisories.engine.merge import merge
from watchfloor.capabilities.advisories.engine.priority import score
from watchfloor.capabilities.advisories.schemas.facts import Fact, Kev, Metric, Ssvc
from watchfloor.capabilities.advisories.schemas.merged import REASONS, Epss, Merged, Told
from watchfloor.capabilities.advisories.schemas.words import Band, Catalog, Exploitation, Flag, Provider, Source, State

K = 2024 * 10**10 + 3094
VECTOR = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"


def day(number: int) -> datetime:
    return datetime(2024, 3, number, tzinfo=UTC)


def fact(src: Source, **fields: Any) -> Fact:
    return Fact(k=K, src=src, **fields)


def metric(src: Source, version: str, provider: Provider, score: float, severity: str = "") -> Metric:
    return Metric(k=K, src=src, version=version, provider=provider, score=score, vector=VECTOR, severity=severity)


def ssvc(exploitation: Exploitation | None, at: datetime | None = None) -> Ssvc:
    return Ssvc(k=K, src=Source.CVE_LIST, exploitation=exploitation, automatable=True, total=True, at=at)


def kev(catalog: Catalog, **fields: Any) -> Kev:
    return Kev(k=K, catalog=catalog, added=fields.pop("added", day(9)), **fields)


def merged(*facts: Fact, **told: Any) -> Merged:
    one = merge(Told(K, facts=list(facts), **told))
    assert one is not None
    return one


def test_what_no_source_tells_is_no_record() -> None:
    assert merge(Told(K, epss=Epss(p=5, percentile=0.1), ssvcs=[ssvc(Exploitation.POC)], poc=True)) is None
    assert merge(Told(K, facts=[fact(Source.OVERRIDES)])) is None


def test_a_catalog_alone_makes_a_record() -> None:
    one = merged(kevs=[kev(Catalog.EU, name="XZ Utils backdoor")])
    assert (one.cve_id, one.title, one.eukev, one.kev, one.state) == ("CVE-2024-3094", "XZ Utils backdoor", True, False, State.PUBLISHED)


@pytest.mark.parametrize(
    ("cve_list", "nvd", "euvd", "state"),
    [
        (State.REJECTED, State.PUBLISHED, None, State.REJECTED),
        (State.PUBLISHED, State.REJECTED, None, State.PUBLISHED),
        (None, State.REJECTED, State.PUBLISHED, State.REJECTED),
        (None, None, State.REJECTED, State.REJECTED),
        (State.PUBLISHED, None, State.REJECTED, State.PUBLISHED),
    ],
)
def test_the_cve_list_decides_whether_a_record_stands(cve_list: State | None, nvd: State | None, euvd: State | None, state: State) -> None:
    told = ((Source.CVE_LIST, cve_list), (Source.NVD, nvd), (Source.EUVD, euvd))
    assert merged(*(fact(src, state=one) for src, one in told if one is not None)).state is state


def test_a_rejected_record_keeps_its_text_and_loses_its_score() -> None:
    one = merged(
        fact(Source.CVE_LIST, state=State.REJECTED, title="Not a bug", descr="Withdrawn."),
        metrics=[metric(Source.NVD, "3.1", Provider.NVD, 9.8)],
    )
    assert (one.title, one.descr, one.cvss_score, one.severity) == ("Not a bug", "Withdrawn.", None, "unknown")


def test_the_assigner_names_and_describes() -> None:
    one = merged(fact(Source.NVD, descr="NVD's"), fact(Source.CVE_LIST, title="A title", descr="CNA's"), fact(Source.EUVD, descr="EUVD's"))
    assert (one.title, one.descr) == ("A title", "CNA's")


def test_who_lost_is_kept_with_what_they_said() -> None:
    one = merged(
        fact(Source.NVD, descr="NVD's", published=day(2), modified=day(20)),
        fact(Source.CVE_LIST, descr="CNA's", published=day(1), modified=day(10)),
        fact(Source.EUVD, descr="CNA's", published=day(1)),
    )
    assert one.prov["description"] == {
        "src": "cve-list",
        "value_at": "2024-03-10T00:00:00+00:00",
        "losers": [{"src": "nvd", "value": "NVD's"}],
    }
    assert one.prov["published"] == {
        "src": "cve-list",
        "value_at": "2024-03-10T00:00:00+00:00",
        "losers": [{"src": "nvd", "value": "2024-03-02T00:00:00+00:00"}],
    }
    assert one.prov["modified"] == {
        "src": "nvd",
        "value_at": "2024-03-20T00:00:00+00:00",
        "losers": [{"src": "cve-list", "value": "2024-03-10T00:00:00+00:00"}],
    }
    assert set(one.prov) <= set(REASONS)


def test_sources_that_agree_have_no_loser() -> None:
    assert merged(fact(Source.NVD, descr="Same"), fact(Source.CVE_LIST, descr="Same")).prov["description"] == {"src": "cve-list"}


def test_text_that_lost_is_cut() -> None:
    one = merged(fact(Source.NVD, descr="x" * 10_000), fact(Source.CVE_LIST, descr="short"))
    decided = one.prov["description"]
    assert isinstance(decided, dict)
    assert len(decided["losers"][0]["value"]) == 400


def test_provenance_survives_being_stored_as_json() -> None:
    one = merged(
        fact(Source.NVD, state=State.REJECTED, descr="a", published=day(1), modified=day(3)),
        fact(Source.CVE_LIST, descr="b", published=day(2), modified=day(4)),
        metrics=[metric(Source.NVD, "3.1", Provider.NVD, 10.0), metric(Source.CVE_LIST, "3.1", Provider.CNA, 9.0)],
        ssvcs=[ssvc(Exploitation.POC, day(5))],
    )
    assert msgspec.json.decode(msgspec.json.encode(one.prov)) == one.prov


def test_dates_are_the_earliest_and_the_latest() -> None:
    one = merged(
        fact(Source.NVD, published=day(3), modified=day(4)),
        fact(Source.CVE_LIST, published=day(2), modified=day(9)),
        fact(Source.EUVD, published=day(5), modified=None),
    )
    assert (one.published, one.modified) == (day(2), day(9))


NVD_31, CNA_31, ADP_31 = (
    metric(Source.NVD, "3.1", Provider.NVD, 7.5), metric(Source.CVE_LIST, "3.1", Provider.CNA, 9.1), metric(Source.CVE_LIST, "3.1", Provider.CISA_ADP, 9.9),
)  # fmt: skip


@pytest.mark.parametrize(
    ("metrics", "chosen"),
    [
        ([NVD_31, metric(Source.CVE_LIST, "4.0", Provider.OTHER, 5.0)], 5.0),
        ([metric(Source.NVD, "3.0", Provider.NVD, 9.0), CNA_31], 9.1),
        ([metric(Source.NVD, "2.0", Provider.NVD, 9.0), metric(Source.CVE_LIST, "3.0", Provider.OTHER, 4.0)], 4.0),
        ([ADP_31, CNA_31, NVD_31], 7.5),
        ([ADP_31, CNA_31], 9.1),
        ([metric(Source.EUVD, "3.1", Provider.OTHER, 10.0), ADP_31], 9.9),
        ([metric(Source.NVD, "3.1", Provider.CNA, 6.0), CNA_31], 9.1),
    ],
)
def test_the_newest_cvss_of_the_best_provider_counts_in_any_order(metrics: list[Metric], chosen: float) -> None:
    for order in itertools.permutations(metrics):
        assert merged(fact(Source.NVD), metrics=list(order)).cvss_score == chosen


def test_scores_that_differ_are_shown_beside_the_one_that_counts() -> None:
    one = merged(fact(Source.NVD, modified=day(4)), metrics=[CNA_31, NVD_31])
    assert one.prov["cvss"] == {
        "src": "nvd",
        "value_at": "2024-03-04T00:00:00+00:00",
        "losers": [{"src": "cve-list", "value": {"version": "3.1", "score": 9.1, "vector": VECTOR, "provider": "cna"}}],
    }


@pytest.mark.parametrize(
    ("score", "said", "severity"),
    [(9.0, "", "critical"), (8.9, "", "high"), (4.0, "", "medium"), (0.1, "", "low"), (0.0, "", "none"), (9.0, "high", "high")],
)
def test_severity_is_the_sources_or_the_scores(score: float, said: str, severity: str) -> None:
    assert merged(fact(Source.NVD), metrics=[metric(Source.NVD, "3.1", Provider.NVD, score, said)]).severity == severity


def test_weaknesses_and_flags_add_up() -> None:
    one = merged(
        fact(Source.NVD, cwes=("CWE-506", "CWE-79"), flags=Flag.DISPUTED), fact(Source.CVE_LIST, cwes=("CWE-506",), flags=Flag.UNSUPPORTED)
    )
    assert (one.cwes, one.flags) == (("CWE-506", "CWE-79"), Flag.DISPUTED | Flag.UNSUPPORTED)


def test_both_catalogs_count_and_cisas_due_date_is_shown() -> None:
    one = merged(
        fact(Source.NVD),
        kevs=[kev(Catalog.EU, added=day(5), due=day(30), ransomware=True), kev(Catalog.CISA, added=day(7), due=day(21), ransomware=None)],
    )
    assert (one.kev, one.eukev, one.kev_added, one.kev_due, one.ransomware) == (True, True, day(5), day(21), True)


def test_enisas_word_of_exploitation_counts() -> None:
    assert merged(fact(Source.EUVD, exploited_since=day(1))).exploited_eu
    assert not merged(fact(Source.EUVD)).exploited_eu


def test_the_newest_decision_points_count() -> None:
    old, new, undated = ssvc(Exploitation.ACTIVE, day(1)), ssvc(Exploitation.NONE, day(2)), ssvc(Exploitation.POC)
    for order in itertools.permutations([old, new, undated]):
        one = merged(fact(Source.CVE_LIST), ssvcs=list(order))
        assert (one.exploitation, one.prov["ssvc"]) == (Exploitation.NONE, {"src": "cve-list", "value_at": "2024-03-02T00:00:00+00:00"})


def test_decision_points_from_the_future_wait() -> None:
    told = Told(K, facts=[fact(Source.CVE_LIST)], ssvcs=[ssvc(Exploitation.ACTIVE, day(30)), ssvc(Exploitation.POC, day(1))])
    one = merge(told, day(2))
    assert one is not None
    assert one.exploitation is Exploitation.POC


@pytest.mark.parametrize(
    ("told", "poc", "weaponised"),
    [
        ({"ssvcs": [ssvc(Exploitation.POC)]}, True, False),
        ({"ssvcs": [ssvc(Exploitation.ACTIVE)]}, True, False),
        ({"ssvcs": [ssvc(Exploitation.NONE)]}, False, False),
        ({"facts": [fact(Source.NVD, flags=Flag.EXPLOIT_REF)]}, True, False),
        ({"facts": [fact(Source.NVD, flags=Flag.PATCH_REF)]}, False, False),
        ({"facts": [fact(Source.CVE_LIST, flags=Flag.V4_POC)]}, True, False),
        ({"poc": True}, True, False),
        ({"weaponised": True}, False, True),
    ],
)
def test_exploit_code_is_known_from_many_places(told: dict[str, Any], poc: bool, weaponised: bool) -> None:  # noqa: FBT001
    one = merge(Told(K, **{"facts": [fact(Source.NVD)], **told}))
    assert one is not None
    assert (one.poc, one.weaponised) == (poc, weaponised)


FACTS = st.lists(
    st.builds(
        Fact, k=st.just(K), src=st.sampled_from([Source.NVD, Source.CVE_LIST, Source.EUVD]), state=st.sampled_from(State),
        title=st.sampled_from(["", "a", "b"]), descr=st.sampled_from(["", "a", "b"]), published=st.one_of(st.none(), st.integers(1, 28).map(day)),
        modified=st.one_of(st.none(), st.integers(1, 28).map(day)), cwes=st.sampled_from([(), ("CWE-79",), ("CWE-20", "CWE-79")]),
        flags=st.sampled_from([Flag(0), *Flag]),
    ),
    unique_by=lambda one: one.src, max_size=3,
)  # fmt: skip
METRICS = st.lists(
    st.builds(
        metric, st.sampled_from([Source.NVD, Source.CVE_LIST]), st.sampled_from(["2.0", "3.0", "3.1", "4.0"]), st.sampled_from(Provider),
        st.sampled_from([0.0, 5.0, 9.8]),
    ),
    max_size=5,
)  # fmt: skip


@given(FACTS, METRICS, st.randoms(use_true_random=False))
def test_the_order_in_which_sources_are_read_changes_nothing(facts: list[Fact], metrics: list[Metric], random: Any) -> None:
    before = merge(Told(K, facts=list(facts), metrics=list(metrics)))
    random.shuffle(facts)
    random.shuffle(metrics)
    assert merge(Told(K, facts=facts, metrics=metrics)) == before


@given(FACTS, METRICS)
def test_without_the_winner_the_record_is_what_the_others_make_of_it(facts: list[Fact], metrics: list[Metric]) -> None:
    both = merge(Told(K, facts=list(facts), metrics=list(metrics)))
    if both is None or "description" not in both.prov:
        return
    decided = both.prov["description"]
    assert isinstance(decided, dict)
    rest = [one for one in facts if one.src.label != decided["src"]]
    without = merge(Told(K, facts=rest, metrics=list(metrics)))
    losers = decided.get("losers", [])
    said = [one.descr for one in rest if one.descr]
    assert (without.descr if without else "") in {"", *said}
    assert bool(without and without.descr) == bool(said)
    assert not losers or (without is not None and without.descr in {one["value"] for one in losers} | {both.descr})


def test_deleting_the_winner_restores_the_loser() -> None:
    nvd, cna = fact(Source.NVD, descr="NVD's", modified=day(3)), fact(Source.CVE_LIST, descr="CNA's", title="A title", modified=day(4))
    scores = [NVD_31, CNA_31]
    assert merged(nvd, cna, metrics=scores).descr == "CNA's"
    one = merged(nvd, metrics=[NVD_31])
    assert (one.descr, one.title, one.cvss_score, one.prov["description"]) == ("NVD's", "", 7.5, {"src": "nvd"})
    assert merged(cna, metrics=[CNA_31]).cvss_score == 9.1
    assert merged(nvd, cna, metrics=scores) == merged(cna, nvd, metrics=scores[::-1])


def test_an_euvd_id_without_a_cve_is_a_record_of_its_own_until_one_appears() -> None:
    k = -(2024 * 10**10 + 12345)
    alone = Fact(k=k, src=Source.EUVD, descr="known in the EU alone", exploited_since=day(7))
    before, after = merge(Told(k, facts=[alone])), merge(Told(k, facts=[alone], merged_into=K))
    assert before is not None
    assert after is not None
    assert (before.cve_id, before.merged_into, after.merged_into) == ("EUVD-2024-12345", None, K)
    on = date(2026, 8, 20)
    assert (score(before, on).priority > 0, score(after, on).band) == (True, Band.NONE)
