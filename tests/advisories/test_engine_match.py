"""Three values, versions, attributes, configurations: every row of the tables, and what follows for an asset."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchfloor.capabilities.advisories.engine.confidence import FACTORS, confidence, distribution_build, least
from watchfloor.capabilities.advisories.engine.match import (
    Known,
    Outcome,
    Rule,
    Verdict,
    all_of,
    any_of,
    compare,
    decide,
    opposite,
    seen,
)  # fmt: skip
from watchfloor.capabilities.advisories.engine.versions import branch_end, key
from watchfloor.capabilities.advisories.schemas.facts import Criterion
from watchfloor.capabilities.advisories.schemas.words import MatchClass, Source

OPENSSH, WINDOWS, LINUX, FIRMWARE, ROUTER, OTHER_ROUTER, PLUGIN, PHP = range(8)
NAMES = {
    OPENSSH: ("a", "openbsd", "openssh"), WINDOWS: ("o", "microsoft", "windows"), LINUX: ("o", "linux", "linux_kernel"),
    FIRMWARE: ("o", "example", "router_firmware"), ROUTER: ("h", "example", "router"), OTHER_ROUTER: ("h", "example", "other"),
    PLUGIN: ("a", "example", "plugin"), PHP: ("a", "php", "php"),
}  # fmt: skip
T, F, U = True, False, None
EXACT, LIKELY, AMBIGUOUS, PLATFORM = MatchClass.EXACT, MatchClass.LIKELY, MatchClass.BASE_AMBIGUOUS, MatchClass.PLATFORM_UNKNOWN
NA, UNKNOWN = MatchClass.VERSION_NA, MatchClass.VERSION_UNKNOWN


def _rule(number: int, *, factor: float = 1.0, lt: str = "", le: str = "", ge: str = "", exact: str = "", **members: Any) -> Rule:
    part, vendor, name = NAMES[number]
    said: dict[str, Any] = {}
    if exact:
        update = members.get("update", "*")
        at = key(exact, update)
        said = {"kind": "=", "lo": at, "hi": at, "hi_inclusive": True, "text": exact if update in "*-" else f"{exact} {update}"}
    elif lt or le or ge:
        bounds = [f">= {ge}" if ge else "", f"< {lt}" if lt else f"<= {le}" if le else ""]
        said = {"kind": "r", "lo": key(ge) if ge else None, "hi": key(lt or le) if lt or le else None, "hi_inclusive": bool(le),
                "text": ", ".join(filter(None, bounds))}  # fmt: skip
    one = Criterion(**{"k": 1, "src": Source.NVD, "part": part, "vendor": vendor, "product": name, "factor": factor, **said, **members})
    return Rule(one, number, factor)


def _fact(number: int, version: str = "", update: str = "*", *, build: str = "", attributes: dict[str, str] | None = None) -> Known:
    part, vendor, name = NAMES[number]
    one = seen(number, version=version, update=update, part=part, vendor=vendor, name=name, attributes=attributes)
    return Known(str(number), f"{name} {version}".strip(), (one,), build)


def _only(found: list[Verdict]) -> tuple[bool | None, MatchClass, float]:
    (one,) = found
    return one.value, one.kind, one.confidence


# Three values


@pytest.mark.parametrize(
    ("left", "right", "both", "either"),
    [(T, T, T, T), (T, F, F, T), (F, T, F, T), (F, F, F, F), (T, U, U, T), (U, T, U, T), (F, U, F, U), (U, F, F, U), (U, U, U, U)],
)
def test_values_are_joined_as_kleene_does(left: bool | None, right: bool | None, both: bool | None, either: bool | None) -> None:  # noqa: FBT001 - values
    pair = (Outcome(left), Outcome(right))
    assert all_of(pair).value is both
    assert any_of(pair).value is either


@pytest.mark.parametrize(("value", "expected"), [(T, F), (F, T), (U, U)])
def test_negation_leaves_the_unknown_unknown(value: bool | None, expected: bool | None) -> None:  # noqa: FBT001 - values
    assert opposite(Outcome(value)).value is expected


def test_nothing_joined_with_or_is_no() -> None:
    assert any_of(()).value is False


def test_and_is_as_sure_as_its_least_and_or_as_its_surest() -> None:
    pair = (Outcome(T, LIKELY), Outcome(T, PLATFORM))
    assert all_of(pair).kind is PLATFORM
    assert any_of(pair).kind is LIKELY
    assert any_of((Outcome(U, EXACT), Outcome(T, PLATFORM))).value is True


outcomes = st.builds(Outcome, st.sampled_from([T, F, U]), st.sampled_from(list(MatchClass)))


@given(st.lists(outcomes, max_size=5))
def test_de_morgan_holds(several: list[Outcome]) -> None:
    assert opposite(all_of(several)).value is any_of(map(opposite, several)).value
    assert opposite(any_of(several)).value is all_of(map(opposite, several)).value


# One criterion, one name


@pytest.mark.parametrize(
    ("rule", "version", "update", "value", "kind"),
    [
        (_rule(OPENSSH), "8.4", "*", T, EXACT),
        (_rule(OPENSSH), "", "*", T, EXACT),
        (_rule(OPENSSH, lt="9.8p1", ge="8.5p1"), "8.9p1", "*", T, EXACT),
        (_rule(OPENSSH, lt="9.8p1", ge="8.5p1"), "8.9", "p1", T, EXACT),
        (_rule(OPENSSH, lt="9.8p1"), "9.8p1", "*", F, EXACT),
        (_rule(OPENSSH, lt="8.4p1"), "8.4p1", "*", F, EXACT),
        (_rule(OPENSSH, le="8.4"), "8.4p1", "*", T, EXACT),
        (_rule(OPENSSH, lt="8.4"), "8.4p1", "*", F, EXACT),
        (_rule(OPENSSH, ge="8.5"), "8.4", "*", F, EXACT),
        (_rule(OPENSSH, ge="8.5"), "99", "*", T, EXACT),
        (_rule(OPENSSH, lt="9.8"), "", "*", U, UNKNOWN),
        (_rule(OPENSSH, lt="9.8"), "*", "*", U, UNKNOWN),
        (_rule(OPENSSH, lt="9.8"), "-", "*", F, EXACT),
        (_rule(OPENSSH, exact="8.4"), "8.4", "*", T, EXACT),
        (_rule(OPENSSH, exact="8.4"), "8.4.0", "*", T, EXACT),
        (_rule(OPENSSH, exact="8.4"), "8.4p1", "*", T, EXACT),
        (_rule(OPENSSH, exact="8.4"), "8.4", "p1", T, EXACT),
        (_rule(OPENSSH, exact="8.4", siblings=True), "8.4p1", "*", T, AMBIGUOUS),
        (_rule(OPENSSH, exact="8.4", siblings=True), "8.4", "*", T, EXACT),
        (_rule(OPENSSH, exact="8.4"), "8.5", "*", F, EXACT),
        (_rule(OPENSSH, exact="8.4"), "", "*", U, UNKNOWN),
        (_rule(OPENSSH, exact="8.4"), "-", "*", F, EXACT),
        (_rule(OPENSSH, exact="8.4", update="p1"), "8.4p1", "*", T, EXACT),
        (_rule(OPENSSH, exact="8.4", update="p1"), "8.4", "p1", T, EXACT),
        (_rule(OPENSSH, exact="8.4", update="p1"), "8.4", "p2", F, EXACT),
        (_rule(OPENSSH, exact="8.4", update="p1"), "8.4", "*", U, UNKNOWN),
        (_rule(OPENSSH, exact="8.4", update="p1"), "8.5", "*", F, EXACT),
        (_rule(OPENSSH, exact="8.4", update="p1"), "8.4.1", "*", F, EXACT),
        (_rule(OPENSSH, exact="8.4", update="rc1"), "8.4", "*", F, EXACT),
        (_rule(OPENSSH, exact="8.4", update="-"), "8.4", "*", T, EXACT),
        (_rule(OPENSSH, exact="8.4", update="-"), "8.4p1", "*", F, EXACT),
        (_rule(OPENSSH, kind="-"), "8.4", "*", U, NA),
        (_rule(OPENSSH, kind="-"), "-", "*", T, EXACT),
        (_rule(OPENSSH, kind="-"), "", "*", U, UNKNOWN),
        (_rule(WINDOWS, kind="-", vulnerable=False), "10", "*", T, EXACT),
    ],
)
def test_versions(rule: Rule, version: str, update: str, value: bool | None, kind: MatchClass) -> None:  # noqa: FBT001 - values
    assert compare(rule.criterion, seen(rule.product, version=version, update=update)) == (value, kind)


def test_a_pattern_holds_its_branch() -> None:
    one = _rule(OPENSSH, kind="r", lo=key("6.1"), hi=branch_end("6.1"), text="6.1.*").criterion
    assert [compare(one, seen(OPENSSH, version=version)).value for version in ("6.0.9", "6.1", "6.1.99", "6.2")] == [F, T, T, F]


@pytest.mark.parametrize(
    ("wanted", "have", "value", "kind"),
    [
        ({"target_sw": "wordpress"}, {}, T, LIKELY),
        ({"target_sw": "wordpress"}, {"target_sw": "wordpress"}, T, EXACT),
        ({"target_sw": "wordpress"}, {"target_sw": "joomla"}, F, EXACT),
        ({"target_sw": "wordpress"}, {"target_sw": "-"}, F, EXACT),
        ({"target_sw": "-"}, {"target_sw": "-"}, T, EXACT),
        ({"sw_edition": "pro*"}, {"sw_edition": "professional"}, T, EXACT),
        ({"sw_edition": "pro*"}, {"sw_edition": "lite"}, F, EXACT),
        ({"target_sw": "wordpress", "sw_edition": "pro"}, {"target_sw": "wordpress"}, T, LIKELY),
        ({"target_sw": "wordpress", "sw_edition": "pro"}, {"sw_edition": "lite"}, F, EXACT),
        ({}, {"target_sw": "wordpress"}, T, EXACT),
    ],
)
def test_attributes(wanted: dict[str, str], have: dict[str, str], value: bool | None, kind: MatchClass) -> None:  # noqa: FBT001 - values
    one = _rule(PLUGIN, lt="2.0", attributes=wanted).criterion
    assert compare(one, seen(PLUGIN, version="1.0", attributes=have)) == (value, kind)


def test_an_attribute_never_makes_a_match_of_another_version() -> None:
    one = _rule(PLUGIN, lt="2.0", attributes={"target_sw": "wordpress"}).criterion
    assert compare(one, seen(PLUGIN, version="2.0", attributes={"target_sw": "wordpress"})).value is False


# Configurations


def _running_on(number: int, platform: int, **platform_members: Any) -> list[Rule]:
    here = _rule(number, lt="9.8", node=0, cfg_and=True)
    return [here, _rule(platform, kind="-", vulnerable=False, node=1, cfg_and=True, **platform_members)]


def test_a_version_inside_is_a_match_that_says_why() -> None:
    (one,) = decide([_rule(OPENSSH, ge="8.5p1", lt="9.8p1")], [_fact(OPENSSH, "8.9p1")])
    assert (one.value, one.kind, one.confidence) == (True, EXACT, 1.0)
    assert one.why == "openssh 8.9p1 lies in >= 8.5p1, < 9.8p1 (NVD)"


def test_another_product_is_none() -> None:
    assert decide([_rule(OPENSSH, lt="9.8")], [_fact(PHP, "8.0")]) == []


def test_alternatives_need_one_that_holds() -> None:
    rules = [_rule(OPENSSH, lt="7.0"), _rule(OPENSSH, lt="9.8", pos=1), _rule(PHP, lt="8.0", pos=2)]
    (one,) = decide(rules, [_fact(OPENSSH, "8.9")])
    assert one.rule is rules[1]


@pytest.mark.parametrize(
    ("facts", "closed", "expected"),
    [
        # Firmware and no hardware seen: nobody knows on which model it runs.
        ([_fact(FIRMWARE, "1.0")], "", (U, PLATFORM, 0.5)),
        ([_fact(FIRMWARE, "1.0"), _fact(OTHER_ROUTER)], "h", None),
        ([_fact(FIRMWARE, "1.0"), _fact(ROUTER)], "h", (T, EXACT, 1.0)),
        ([_fact(FIRMWARE, "9.9"), _fact(ROUTER)], "h", None),
    ],
)
def test_firmware_of_a_router(facts: list[Known], closed: str, expected: tuple[bool | None, MatchClass, float] | None) -> None:
    found = decide(_running_on(FIRMWARE, ROUTER), facts, frozenset(closed))
    assert [_only([one]) for one in found] == ([] if expected is None else [expected])


@pytest.mark.parametrize(
    ("facts", "closed", "expected"),
    [
        ([_fact(PHP, "8.0")], "", (U, PLATFORM, 0.5)),
        ([_fact(PHP, "8.0"), _fact(LINUX, "5.10")], "o", None),
        ([_fact(PHP, "8.0"), _fact(WINDOWS, "10")], "o", (T, EXACT, 1.0)),
    ],
)
def test_a_flaw_on_windows_only(facts: list[Known], closed: str, expected: tuple[bool | None, MatchClass, float] | None) -> None:
    found = decide(_running_on(PHP, WINDOWS), facts, frozenset(closed))
    assert [_only([one]) for one in found] == ([] if expected is None else [expected])


@pytest.mark.parametrize(
    ("vendor", "name", "platform", "expected"),
    [("canonical", "ubuntu_linux", LINUX, T), ("debian", "debian_linux", LINUX, T), ("microsoft", "windows_server_2019", WINDOWS, T),
     ("microsoft", "windows_server_2019", LINUX, F), ("google", "android", LINUX, F)],
)  # fmt: skip
def test_a_member_of_a_family_of_systems_is_what_the_platform_names(vendor: str, name: str, platform: int, expected: bool) -> None:  # noqa: FBT001 - values
    system = Known("os", name, (seen(77, version="1", part="o", vendor=vendor, name=name),))
    assert bool(decide(_running_on(PHP, platform), [_fact(PHP, "8.0"), system], frozenset("o"))) is expected


def test_a_plugin_whose_platform_was_not_seen_is_likely() -> None:
    (one,) = decide([_rule(PLUGIN, lt="2.0", attributes={"target_sw": "wordpress"})], [_fact(PLUGIN, "1.0")])
    assert (one.value, one.kind, one.confidence) == (True, LIKELY, 0.8)
    assert one.why.endswith("whether it is that for target_sw wordpress was not observed")


def test_what_is_not_vulnerable_makes_no_match_by_itself() -> None:
    assert decide(_running_on(FIRMWARE, ROUTER), [_fact(ROUTER)], frozenset("h")) == []


def test_the_match_belongs_to_the_fact_that_is_vulnerable() -> None:
    found = decide(_running_on(PHP, WINDOWS), [_fact(WINDOWS, "10"), _fact(PHP, "8.0")], frozenset("o"))
    assert [one.fact for one in found] == [str(PHP)]


def test_a_node_joined_with_and_needs_all_of_it() -> None:
    rules = [_rule(PHP, lt="9", node_and=True), _rule(OPENSSH, lt="9", pos=1, node_and=True)]
    assert decide(rules, [_fact(PHP, "8")], frozenset("a")) == []
    assert [one.value for one in decide(rules, [_fact(PHP, "8")])] == [None]
    assert [one.value for one in decide(rules, [_fact(PHP, "8"), _fact(OPENSSH, "8")])] == [True, True]


def test_a_negated_platform_is_one_that_it_does_not_run_on() -> None:
    rules = _running_on(PHP, WINDOWS, negate=True)
    assert [one.value for one in decide(rules, [_fact(PHP, "8.0"), _fact(LINUX, "5")], frozenset("o"))] == [True]
    assert decide(rules, [_fact(PHP, "8.0"), _fact(WINDOWS, "10")], frozenset("o")) == []
    assert [one.value for one in decide(rules, [_fact(PHP, "8.0")])] == [None]


def test_a_distributions_build_may_hold_the_fix() -> None:
    (one,) = decide([_rule(OPENSSH, lt="9.8")], [_fact(OPENSSH, "8.9p1", build="Ubuntu-3ubuntu0.10")])
    assert (one.value, one.kind, one.confidence) == (True, MatchClass.BACKPORT, 0.4)
    assert "Ubuntu-3ubuntu0.10 is a distribution's build" in one.why


def test_the_surest_of_several_criteria_counts() -> None:
    rules = [
        _rule(OPENSSH, lt="9.8", src=Source.CVE_LIST, factor=0.7),
        _rule(OPENSSH, exact="8.9p1", src=Source.CVE_LIST, cfg=1, factor=0.9),
    ]
    assert _only(decide(rules, [_fact(OPENSSH, "8.9p1")])) == (True, EXACT, 0.9)


def test_what_nvd_says_about_a_product_stands_before_what_others_say() -> None:
    cna = _rule(OPENSSH, lt="9.8", src=Source.CVE_LIST, factor=0.9)
    assert decide([_rule(OPENSSH, lt="8.0"), cna], [_fact(OPENSSH, "8.9p1")]) == []
    assert len(decide([_rule(PHP, lt="8.0"), cna], [_fact(OPENSSH, "8.9p1")])) == 1


def test_overrides_replace_what_the_supplier_says_even_by_nothing() -> None:
    cna = _rule(OPENSSH, lt="9.8", src=Source.CVE_LIST, factor=0.9)
    other = _rule(OPENSSH, lt="8.0", src=Source.OVERRIDES, factor=0.95)
    assert decide([cna, other], [_fact(OPENSSH, "8.9")]) == []
    assert decide([cna], [_fact(OPENSSH, "8.9")], overridden=True) == []


def test_several_names_of_one_fact_are_one_match() -> None:
    fact = Known("nginx", "nginx 1.20", (seen(OPENSSH, version="1.20"), seen(PHP, version="1.20")))
    found = decide([_rule(OPENSSH, lt="1.21"), _rule(PHP, lt="1.22", pos=1)], [fact])
    assert [one.fact for one in found] == ["nginx"]


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (("Debian-5+deb11u3",), True), (("Ubuntu-3ubuntu0.10",), True), (("8.0p1-19.el8",), True), (("2.4.6-97.amzn2",), True), (("Debian",), True),
        (("1.18.0 (Ubuntu)",), True), (("8.9p1",), False), (("", ""), False), (("OpenBSD",), False), (("9.2p1", "Debian-2+deb12u2"), True),
    ],
)  # fmt: skip
def test_builds_of_distributions_are_told_by_their_text(texts: tuple[str, ...], expected: bool) -> None:  # noqa: FBT001 - values
    assert distribution_build(*texts) is expected


def test_confidence_is_a_product_and_the_least_sure_class_counts() -> None:
    assert confidence(0.9, LIKELY, 0.5) == 0.36
    assert least((LIKELY, NA, PLATFORM)) is NA
    assert sorted(FACTORS.values(), reverse=True) == list(FACTORS.values())
