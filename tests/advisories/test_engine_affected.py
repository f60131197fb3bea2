"""Version lists of CVE records become ranges; what nobody can read becomes none."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.advisories.data import shared
from watchfloor.capabilities.advisories.engine.affected import Span, affected, worded
from watchfloor.capabilities.advisories.engine.versions import branch_end, key
from watchfloor.capabilities.advisories.engine.wording import Bounds, bounds, words
from watchfloor.capabilities.advisories.schemas.records.cve_list import Affected, Change, CveRecord, Version

if TYPE_CHECKING:
    from collections.abc import Sequence


def _texts(versions: Sequence[Version], default: str = "unaffected", product: str = "Thing") -> list[tuple[str, str]]:
    found = affected(Affected(product=product, default_status=default, versions=tuple(versions)))
    return [(span.text, span.fix) for span in found.spans]


def _inside(span: Span, version: bytes) -> bool:
    above = span.lo is None or version > span.lo or (version == span.lo and span.lo_inclusive)
    return above and (span.hi is None or version < span.hi or (version == span.hi and span.hi_inclusive))


def test_bounds_are_as_the_record_writes_them() -> None:
    said = [
        Version("1.0", "affected", less_than="1.4"),
        Version("2.0", "affected", less_than_or_equal="2.6"),
        Version("0", "affected", less_than="0.5"),
        Version("3.1", "affected"),
    ]
    assert _texts(said) == [("< 0.5", "0.5"), (">= 1.0, < 1.4", "1.4"), (">= 2.0, <= 2.6", ""), ("3.1", "")]


def test_an_exact_version_is_a_range_of_itself() -> None:
    (span,) = affected(Affected(versions=(Version("3.1", "affected"),))).spans
    assert (span.kind, span.lo, span.hi, span.hi_inclusive) == ("=", key("3.1"), key("3.1"), True)


@pytest.mark.parametrize("open_bound", ["0", "*", "-", "n/a", "unspecified", "all", "", "N/A"])
def test_words_for_the_beginning_leave_a_range_open_below(open_bound: str) -> None:
    assert _texts([Version(open_bound, "affected", less_than="1.4")]) == [("< 1.4", "1.4")]


def test_a_star_leaves_a_range_open_above() -> None:
    (span,) = affected(Affected(versions=(Version("2.0", "affected", less_than="*"),))).spans
    assert (span.lo, span.hi, span.text) == (key("2.0"), None, ">= 2.0")


def test_a_pattern_ends_with_its_branch() -> None:
    (span,) = affected(Affected(versions=(Version("6.1.5", "affected", less_than_or_equal="6.1.*"),))).spans
    assert span.hi == branch_end("6.1")
    assert _inside(span, key("6.1.99"))
    assert not _inside(span, key("6.2"))


def test_changes_cut_a_range_at_each_place() -> None:
    said = [
        Version(
            "10.0",
            "affected",
            less_than="11.0",
            changes=(Change("10.4", "affected"), Change("10.2", "unaffected"), Change("10.6", "unaffected")),
        )
    ]
    assert _texts(said) == [(">= 10.0, < 10.2", "10.2"), (">= 10.4, < 10.6", "10.6")]


def test_a_change_behind_the_range_says_where_it_is_fixed() -> None:
    said = [Version("n/a", "affected", less_than_or_equal="2.1.0", changes=(Change("2.1.1", "unaffected"),))]
    assert _texts(said) == [("<= 2.1.0", "2.1.1")]


def test_what_is_affected_by_default_is_the_complement_of_what_is_not() -> None:
    """As the kernel writes: introduced in 4.20, fixed in two stable branches and in 6.0."""
    said = [
        Version("4.20", "affected"),
        Version("0", "unaffected", less_than="4.20"),
        Version("5.10.147", "unaffected", less_than_or_equal="5.10.*"),
        Version("5.15.71", "unaffected", less_than_or_equal="5.15.*"),
        Version("6.0", "unaffected", version_type="original_commit_for_fix", less_than_or_equal="*"),
    ]
    spans = affected(Affected(default_status="affected", versions=tuple(said))).spans
    hit = [version for version in ("4.19", "4.20", "5.10.146", "5.10.147", "5.10.200", "5.11", "5.15.70", "5.15.80", "5.16", "6.0", "6.5") if
           any(_inside(span, key(version)) for span in spans)]  # fmt: skip
    assert hit == ["4.20", "5.10.146", "5.11", "5.15.70", "5.16"]
    assert [span.fix for span in spans] == ["5.10.147", "5.15.71", "6.0"]


def test_the_first_entry_that_holds_a_version_decides() -> None:
    said = [Version("1.5", "unaffected"), Version("1.0", "affected", less_than="2.0")]
    spans = affected(Affected(versions=tuple(said))).spans
    assert [any(_inside(span, key(version)) for span in spans) for version in ("1.4", "1.5", "1.6")] == [True, False, True]


def test_affected_without_any_version_is_every_version_and_not_sure() -> None:
    assert [(span.kind, span.sure) for span in affected(Affected(default_status="affected")).spans] == [("*", False)]


@pytest.mark.parametrize("default", ["unknown", "unaffected", "", "perhaps"])
def test_no_version_and_no_default_give_nothing(default: str) -> None:
    assert affected(Affected(default_status=default)).spans == ()


def test_what_is_affected_by_default_is_less_sure_where_an_exception_could_not_be_read() -> None:
    said = (Version("see the advisory", "unaffected"), Version("2.0", "unaffected", less_than="*"))
    found = affected(Affected(default_status="affected", versions=said))
    assert [(span.text, span.sure) for span in found.spans] == [("< 2.0", False)]
    assert found.skipped == 1


@pytest.mark.parametrize(
    "entry",
    [
        Version("1da177e4c3f41524e886b7f1b8a0c1fc7321cac2", "affected", version_type="git", less_than="4b1a2c3d4e5f"),
        Version("1da177e4c3f41524e886b7f1b8a0c1fc7321cac2", "affected"),
        Version("several", "affected"),
        Version("1" * 65, "affected"),
        Version("1.0", "affected", less_than="https://vendor.example/releases"),
        Version("1.0", "affected", less_than="publication"),
        Version("n/a", "affected"),
        Version("Snapdragon 865 5G Mobile Platform", "affected"),
        Version("2.0", "affected", less_than="1.0"),
    ],
)
def test_entries_that_say_nothing_usable_are_skipped_and_counted(entry: Version) -> None:
    good = Version("7.0", "affected", less_than="7.5")
    found = affected(Affected(default_status="unaffected", versions=(entry, good)))
    assert [span.text for span in found.spans] == [">= 7.0, < 7.5"]
    assert found.skipped == 1


@pytest.mark.parametrize("words_for_it", ["*", "all", "All versions"])
def test_all_versions_are_any_version(words_for_it: str) -> None:
    assert [span.kind for span in affected(Affected(versions=(Version(words_for_it, "affected"),))).spans] == ["*"]


@pytest.mark.parametrize(
    ("text", "product", "expected"),
    [
        (">= 1.14.0, < 1.14.6", "", [Bounds("1.14.0", "1.14.6")]),
        ("< 8.0.0", "", [Bounds(None, "8.0.0")]),
        ("= 1.2.3", "", [Bounds("1.2.3", "1.2.3", hi_inclusive=True)]),
        ("10.0.17763.0 <10.0.17763.7314", "", [Bounds("10.0.17763.0", "10.0.17763.7314")]),
        ("4.0.0-RC1, < 4.14.15", "", [Bounds("4.0.0-RC1", "4.14.15")]),
        ("* ≤2.6.03", "", [Bounds(None, "2.6.03", hi_inclusive=True)]),
        ("0 ≤RS 25.3.1", "Remote Support(RS) & Privileged Remote Access(PRA)", [Bounds(None, "25.3.1", hi_inclusive=True)]),
        ("unspecified <2.11.3", "", [Bounds(None, "2.11.3")]),
        ("1.0.0-6.6.1", "", [Bounds("1.0.0", "6.6.1", hi_inclusive=True)]),
        ("7.1.2-7019", "", [Bounds("7.1.2-7019", "7.1.2-7019", hi_inclusive=True)]),
        ("15.5.4 and previous versions", "", [Bounds(None, "15.5.4", hi_inclusive=True)]),
        ("FortiOS 5.2.10 through 5.2.15", "Fortinet FortiOS", [Bounds("5.2.10", "5.2.15", hi_inclusive=True)]),
        (
            "6.4.0 to 6.4.4 and 6.2.0 to 6.2.6",
            "",
            [Bounds("6.4.0", "6.4.4", hi_inclusive=True), Bounds("6.2.0", "6.2.6", hi_inclusive=True)],
        ),
        ("prior to 3.2", "", [Bounds(None, "3.2")]),
        ("<= 4.2 and >= 4.0", "", [Bounds("4.0", "4.2", hi_inclusive=True)]),
        ("6.4.6 or later", "", [Bounds("6.4.6", None)]),
        ("22.0 ap361560", "", [Bounds("22.0 ap361560", "22.0 ap361560", hi_inclusive=True)]),
        ("V1.0 SP2 Update 3", "", [Bounds("V1.0 SP2 Update 3", "V1.0 SP2 Update 3", hi_inclusive=True)]),
        ("10.2.0 <10.2.18-h6, 10.2.16-h7", "", [Bounds("10.2.0", "10.2.18-h6")]),
        ("0.0.0 <unspecified", "", None),
        ("16.0.0 <https://vendor.example/", "", None),
        ("see advisory 2024-01", "", None),
        ("-", "", None),
        ("", "", None),
    ],
)
def test_texts_are_understood_whole_or_not_at_all(text: str, product: str, expected: list[Bounds] | None) -> None:
    assert bounds(text, words(product), spans=True) == expected


def test_texts_name_the_fixed_version_apart() -> None:
    found = worded(["9.0.0 ≤9.0.1", "patch: 9.0.2", "n/a"], "Thing")
    assert [(span.text, span.fix) for span in found.spans] == [(">= 9.0.0, <= 9.0.1", "9.0.2")]
    assert found.skipped == 1


statuses = st.sampled_from(["affected", "unaffected", "unknown"])
numbers = st.builds(lambda a, b: f"{a}.{b}", st.integers(0, 5), st.integers(0, 5))
entries = st.builds(
    lambda version, status, end, inclusive, changes: Version(
        version,
        status,
        less_than=None if inclusive else end,
        less_than_or_equal=end if inclusive else None,
        changes=tuple(changes) if end else (),
    ),
    numbers,
    statuses,
    st.none() | numbers,
    st.booleans(),
    st.lists(st.builds(Change, numbers, statuses), max_size=3),
)


def _by_the_book(said: Affected, version: str) -> str:
    """Return the status of one version as the format's own rules decide it, one entry after the other."""
    at = key(version)
    for entry in said.versions:
        end = entry.less_than or entry.less_than_or_equal
        if end is None:
            if at == key(entry.version):
                return entry.status
            continue
        upper = key(end)
        low = b"" if entry.version == "0" else key(entry.version)
        if low <= at and (at < upper or (at == upper and entry.less_than is None)):
            status = entry.status
            for change in sorted(entry.changes, key=lambda one: key(one.at)):
                if key(change.at) <= at:
                    status = change.status
            return status
    return said.default_status


@given(st.lists(entries, min_size=1, max_size=6), statuses)
def test_ranges_hold_exactly_what_the_rules_of_the_format_call_affected(versions: list[Version], default: str) -> None:
    same_place_once = tuple(
        msgspec.structs.replace(entry, changes=tuple({key(change.at): change for change in entry.changes}.values())) for entry in versions
    )
    said = Affected(default_status=default, versions=same_place_once)
    found = affected(said)
    assume(found.skipped < len(versions))  # a list of nothing but contradictions says nothing
    for version in [f"{a}.{b}" for a in range(7) for b in range(7)]:
        assert any(_inside(span, key(version)) for span in found.spans) == (_by_the_book(said, version) == "affected")


@pytest.mark.data
def test_all_version_lists_of_real_records_are_read() -> None:
    decoder = msgspec.json.Decoder(CveRecord)
    entries_seen = skipped = usable = 0
    with gzip.open(shared("cve5/cve5-sample-3000.jsonl.gz")) as lines:
        for line in lines:
            record = decoder.decode(line)
            for product in record.containers.cna.affected:
                found = affected(product)
                entries_seen += len(product.versions)
                skipped += found.skipped
                usable += bool(found.spans)
                for span in found.spans:
                    assert span.lo is None or span.hi is None or span.lo <= span.hi
                    assert span.text
    assert skipped < entries_seen / 4
    assert usable > 8000  # of eleven thousand products; most others are said to be unaffected
