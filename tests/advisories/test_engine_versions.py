"""Versions in order: the bytes of the design, the conventions of NVD and of package managers, and the laws that every order obeys."""

from __future__ import annotations

import itertools
import operator
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.advisories.data import shared_json
from watchfloor.capabilities.advisories.engine.versions import base_key, branch_end, key

if TYPE_CHECKING:
    from collections.abc import Callable

BOUND = 1024  # bytes: 255 characters, each at most a word or a number of its own, and the end
COMPARED: dict[str, Callable[[bytes, bytes], bool]] = {
    "<": operator.lt,
    ">": operator.gt,
    "==": operator.eq,
    "!=": operator.ne,
    "<=": operator.le,
    ">=": operator.ge,
}
WORDS = ("rc", "beta", "alpha", "final", "ga", "sp", "patch", "milestone", "snapshot", "dev", "zc")
PIECES = st.sampled_from([*"012abmrpuvx.-_+~ :\\(*é\u0130", "00", "10", "08", *WORDS])
VERSIONS = st.one_of(st.lists(PIECES, max_size=9).map("".join), st.text(max_size=40))
SIMPLE = st.lists(st.integers(0, 300), min_size=1, max_size=5).map(lambda numbers: ".".join(map(str, numbers)))


@pytest.mark.parametrize(
    ("version", "update", "expected"),
    [
        ("1.0.1g", None, "060131 0600 060131 056700 02"),
        ("1.0.1", "g", "060131 0600 060131 056700 02"),
        ("8.4p1", None, "060138 060134 057000 060131 02"),
        ("8.4", "p1", "060138 060134 057000 060131 02"),
        ("2.4.0", None, "060132 060134 02"),
        ("2.4", None, "060132 060134 02"),
        ("0.0", None, "0600 02"),
        ("9.0.0.M1", None, "060139 0106 060131 02"),
        ("4.14-rc1", None, "060134 06023134 0108 060131 02"),
        ("1.8.0_345", None, "060131 060138 03 0603333435 02"),
        ("2.5.1-r8", None, "060132 060135 060131 03 060138 02"),
        ("15.1(4)M", None, "06023135 060131 060134 056d00 02"),
        ("8.6.0", "patch2", "060138 060136 057000 060132 02"),
        ("", None, "02"),
        ("-", None, "02"),
    ],
)
def test_keys_have_exactly_the_bytes_of_the_design(version: str, update: str | None, expected: str) -> None:
    assert key(version, update) == bytes.fromhex(expected)


@pytest.mark.parametrize(
    "ascending",
    [
        "1.0.dev1 1.0-SNAPSHOT 1.0-preview1 1.0a1 1.0-b 1.0-M2 1.0.pre 1.0-rc 1.0-rc2 1.0 1.0-1 1.0-2 1.0c 1.0p1 1.0.1",
        "0.9.8y 0.9.8z 0.9.8za 0.9.8zc 1.0.0 1.0.1-beta1 1.0.1 1.0.1a 1.0.1b 1.0.1u 1.0.2",
        "7.9 7.9p1 8.4 8.4p1 8.4p1-5 8.5 9.8 10.0",
        "2.0-beta9 2.0 2.3.1 2.12.0 2.15.0",
        "12.2 12.2(44)ex 12.2(44)se 12.2(44)se5 12.2(45)",
        "1.8.0-ea 1.8.0 1.8.0_5 1.8.0_345 1.8.1",
        "10.2.18-h6 10.2.18-h13 10.2.19",
        "2.5.1_rc1 2.5.1_rc1-r2 2.5.1 2.5.1-r1 2.5.1-r8",
        "9.0.0.M1 9.0.0.M20 9.0.0 9.0.1",
        "2015-05-14 2015-05-15 2016-01-01",
    ],
)
def test_products_count_their_own_way(ascending: str) -> None:
    versions = ascending.split()
    assert [after for before, after in itertools.pairwise(versions) if key(before) >= key(after)] == []


@pytest.mark.parametrize(
    "same",
    [
        ("2.4.0", "2.4", "v2.4", "1:2.4", "2.4.0.0", " 2.4 ", "02.04", "2.4.Final", "2.4-GA", r"2\.4", "2.4-r0"),
        ("1.0-rc1", "1.0rc1", "1.0.RC1", "1.0_rc.1", "1.0-rc-1", "1.0 candidate 1", "1.0-cr1", "v1.0.0-RC1"),
        ("8.0u2", "8.0 update 2", "8.0.0-u2", "8.0_Update2"),
        ("1.0-sp1", "1.0 ServicePack 1", "1.0sp1"),
        ("1.0-a1", "1.0a1", "1.0 alpha 1", "1.0.alpha1"),
        ("0", "0.0", "000", "v0"),
    ],
)
def test_ways_of_writing_one_version_have_one_key(same: tuple[str, ...]) -> None:
    assert {key(version) for version in same} == {key(same[0])}


@pytest.mark.parametrize(
    ("version", "update"),
    [("14.2.4", "sp5"), ("1.7.0", "update85"), ("2.0", "beta9"), ("10.2.18", "h6"), ("1.0.1", "g"), ("3.2", "-"), ("3.2", "*")],
)
def test_an_update_is_the_same_as_its_suffix(version: str, update: str) -> None:
    written = version if update in "*-" else version + ("" if len(update) == 1 else "-") + update
    assert key(version, update) == key(written)
    assert base_key(version, update) == key(version)


@pytest.mark.parametrize(
    ("version", "base"),
    [
        ("8.4p1", "8.4"),
        ("8.0u2", "8"),
        ("10.3-hf2", "10.3"),
        ("6.0 SP 2", "6.0"),
        ("2.0-beta9", "2.0"),
        ("2.0-beta", "2.0"),
        ("5.0.0-RC1", "5.0"),
        ("1.0.alpha.2", "1.0"),
        ("1.0.1u", "1.0.1u"),
        ("1.0.1g", "1.0.1g"),
        ("2.5.1-r8", "2.5.1-r8"),
        ("10.2.18-h6", "10.2.18-h6"),
        ("p1", "p1"),
        ("", ""),
        ("4.2", "4.2"),
    ],
)
def test_the_base_of_a_version_lacks_its_update_and_nothing_else(version: str, base: str) -> None:
    assert base_key(version) == key(base)


@pytest.mark.parametrize(
    ("prefix", "inside", "outside"),
    [
        ("6.0", "6.0 6.0.0 6.0.1 6.0.99 6.0.1p1 6.0-rc1 6.0a", "6.1 6.1-rc1 6.1.0 7 60"),
        ("6.0.*", "6.0 6.0.99", "6.1 6.1-alpha"),
        ("6", "6 6.0 6.9.9 6z", "7-rc1 7 60"),
        ("0", "0 0.0.1 0.9", "1 1.0-beta"),
        ("1.0-2", "1.0-2 1.0-2.7", "1.0-3 1.1"),
        ("2.0.0", "2.0 2.0.0.5", "2.0.1"),
        ("12.2(44)se", "12.2(44)se 12.2(44)se5", "12.2(44)sf 12.2(45)"),
    ],
)
def test_a_branch_holds_all_that_begins_like_it(prefix: str, inside: str, outside: str) -> None:
    assert [version for version in inside.split() if key(version) >= branch_end(prefix)] == []
    assert [version for version in outside.split() if key(version) <= branch_end(prefix)] == []


@given(VERSIONS, st.none() | VERSIONS)
def test_any_text_has_a_short_key_that_ends(version: str, update: str | None) -> None:
    for made in (key(version, update), base_key(version, update)):
        assert made.endswith(b"\x02")
        assert len(made) <= BOUND
    assert branch_end(version).endswith(b"\xff")


@pytest.mark.parametrize("piece", ["1", "a", "1.", ".", "a1", "-", "0.", "é", "\\", "1:", "v", "rc", "9-", "\u0130", "\0", "\ud800"])
def test_endless_text_has_a_short_key(piece: str) -> None:
    assert len(key(piece * 1_000_000)) <= BOUND
    assert len(key("1.0", piece * 1_000_000)) <= BOUND
    assert len(branch_end(piece * 1_000_000)) <= BOUND


@given(VERSIONS, VERSIONS)
def test_no_key_begins_another_so_that_a_byte_always_decides(first: str, second: str) -> None:
    one, two = key(first), key(second)
    assert one == two or not (one.startswith(two) or two.startswith(one))
    assert not branch_end(first).startswith(two)


@given(SIMPLE, SIMPLE)
def test_numbers_are_in_the_order_of_numbers(first: str, second: str) -> None:
    one, two = ([int(number) for number in version.split(".")] for version in (first, second))
    width = max(len(one), len(two))
    one, two = (numbers + [0] * (width - len(numbers)) for numbers in (one, two))
    assert (key(first) < key(second)) == (one < two)
    assert (key(first) == key(second)) == (one == two)


@given(SIMPLE, st.integers(1, 300))
def test_what_comes_before_and_after_a_release(release: str, number: int) -> None:
    steps = [f"-alpha{number}", f"-beta{number}", f"-rc{number}", "", f"-{number}", "c", f"p{number}", f".{number}"]
    keys = [key(release + step) for step in steps]
    assert keys == sorted(set(keys))


@given(SIMPLE, st.lists(st.integers(0, 300), min_size=1, max_size=3))
def test_a_further_number_stays_inside_the_branch(release: str, further: list[int]) -> None:
    longer = ".".join([release, *map(str, further)])
    assert key(release) <= key(longer) < branch_end(release)


@given(VERSIONS.filter(str.isascii))
def test_case_and_blanks_around_do_not_matter(version: str) -> None:
    assert key(version.upper()) == key(version) == key(f"  {version}\t")


@given(
    SIMPLE,
    st.sampled_from(["p", "sp", "u", "hf", "patch", "update", "rc", "beta", "alpha"]),
    st.integers(1, 300),
    st.sampled_from(["", "-", "_", ".", " "]),
)
def test_a_numbered_suffix_is_an_update(release: str, word: str, number: int, gap: str) -> None:
    version = f"{release}{gap}{word}{number}"
    assert key(version) == key(release, f"{word}{number}")
    assert base_key(version) == base_key(release, f"{word}{number}") == key(release)


@pytest.mark.data
def test_nvd_conventions_and_the_generic_list_hold() -> None:
    rows = [row for rows in shared_json("vectors/version/nvd_version_pairs.even.json").values() for row in rows]
    assert len(rows) >= 34
    assert [row for row in rows if not COMPARED[row[1]](key(row[0]), key(row[2]))] == []


# Arch epochs, Maven's letters glued to numbers, Gentoo's and Conan's zeros are other conventions than the ones NVD writes.
@pytest.mark.data
@pytest.mark.parametrize(
    ("scheme", "least"),
    [("openssl", 1.0), ("alpine", 0.998), ("nuget", 0.88), ("maven", 0.93), ("conan", 0.9), ("gentoo", 0.83), ("alpm", 0.75)],
)
def test_package_managers_agree_as_far_as_measured(scheme: str, least: float) -> None:
    tests = shared_json(f"vectors/version/univers__{scheme}_version_cmp.even.json")
    good = 0
    for one in tests:
        versions, expected = one["input"]["versions"], one["expected_output"]
        if one["test_type"] == "comparison":
            good += [key(version) for version in expected] == sorted(map(key, versions))
        else:
            good += (key(versions[0]) == key(versions[1])) == expected
    assert good / len(tests) >= least
    if scheme == "nuget":
        ordered = [one for one in tests if one["test_type"] == "comparison"]
        assert all([key(v) for v in one["expected_output"]] == sorted(map(key, one["input"]["versions"])) for one in ordered)


@pytest.mark.data
@pytest.mark.parametrize("year", ["2015", "2026"])
def test_the_lower_bounds_of_nvd_lie_below_the_upper_ones(year: str) -> None:
    bounds = [
        (
            one.get("versionStartIncluding") or one.get("versionStartExcluding"),
            one.get("versionEndIncluding") or one.get("versionEndExcluding"),
        )
        for entry in shared_json(f"nvd/feeds/nvdcve-2.0-{year}.json.gz")["vulnerabilities"]
        for configuration in entry["cve"].get("configurations", ())
        for node in configuration["nodes"]
        for one in node["cpeMatch"]
    ]
    closed = [(lower, upper) for lower, upper in bounds if lower and upper]
    assert len(closed) > 100
    assert sum(key(lower) <= key(upper) for lower, upper in closed) / len(closed) >= 0.999
