"""CPE names: read in both forms, written so that they read back the same, and related as NISTIR 7696 says."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.advisories.data import shared_json
from watchfloor.capabilities.advisories.engine.cpe import (
    ANY,
    ATTRIBUTES,
    CHARACTER,
    NA,
    Name,
    ParseError,
    Relation,
    Value,
    bind,
    bind_uri,
    has_wildcard,
    parse,
    relate,
    relate_values,
    stored,
)

LETTERS = "abcxyz019_"
QUOTED = "!\"#$%&'()*+,/:;<=>?@[\\]^`{|}~"
CORES = st.text(st.sampled_from(LETTERS + ".-" + QUOTED), min_size=1, max_size=8).map(
    lambda text: "".join(one if one in LETTERS + ".-" else "\\" + one for one in text)
)
ENDS = st.sampled_from(["", "", "", "*", "?", "??"])
TEXTS = st.tuples(ENDS, CORES, ENDS).map("".join).map(lambda text: "\\-" if text == "-" else text)
VALUES: st.SearchStrategy[Value] = st.one_of(st.just(ANY), st.just(NA), TEXTS, st.sampled_from(["?", "??"]))
NAMES = st.tuples(st.sampled_from(["a", "o", "h", ANY, NA]), *[VALUES] * (ATTRIBUTES - 1)).map(Name._make)

EQUAL, SUPERSET, SUBSET, DISJOINT, UNDEFINED = Relation


def test_an_ordinary_name_is_read() -> None:
    found = parse("cpe:2.3:a:OpenBSD:openssh:8.4:p1:*:*:*:*:*:*")
    assert found == Name("a", "openbsd", "openssh", "8.4", "p1")
    assert parse("cpe:/a:openbsd:openssh:8.4:p1") == found


def test_colons_hyphens_and_asterisks_may_be_letters() -> None:
    found = parse(r"cpe:2.3:a:jenkins:net\:\:nsca:\-:\*:*:*:*:node.js:*:c\+\+")
    assert found.product == r"net\:\:nsca"
    assert (found.version, found.update) == (r"\-", r"\*")
    assert (found.version is NA, found.update is ANY) == (False, False)
    assert (stored(found.product), stored(found.other), stored(found.version)) == ("net::nsca", "c++", r"\-")
    assert (stored(found.update), stored(found.edition), stored(NA)) == (r"\*", "*", "-")
    assert bind_uri(found) == "cpe:/a:jenkins:net%3a%3ansca:%2d:%2a:~~~node.js~~c%2b%2b"


def test_needless_and_missing_backslashes_change_nothing() -> None:
    plain = parse("cpe:2.3:a:joomla:joomla\\!:1.0:*:*:*:*:*:*:*")
    assert parse(r"cpe:2.3:a:jooml\a:joomla!:1\.0:*:*:*:*:*:*:*") == plain
    assert parse("cpe:/a:joomla:joomla%21:1.0") == plain


def test_a_packed_edition_is_unpacked() -> None:
    found = parse("cpe:/a:foo%24bar:insight:7.4.0.1570:-:~~online~win2003~x64~")
    assert found == Name("a", r"foo\$bar", "insight", "7.4.0.1570", NA, sw_edition="online", target_sw="win2003", target_hw="x64")
    assert parse("cpe:/a:x:y:1::pro").edition == "pro"
    assert parse("cpe:/a:x:y:1::~-~~~~%02le").other == "*le"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "cpe",
        "cpe:2.4:a:x:y:*:*:*:*:*:*:*:*",
        " cpe:2.3:a:x:y:*:*:*:*:*:*:*:*",
        " cpe:/a:x",
        "cpe:2.3:a:x:y",
        "cpe:2.3:a:x:y:1:*:*:*:*:*:*:*:*",
        "cpe:2.3:x:x:y:*:*:*:*:*:*:*:*",
        "cpe:2.3::x:y:*:*:*:*:*:*:*:*",
        "cpe:2.3:a::y:*:*:*:*:*:*:*:*",
        "cpe:2.3:a:x:y:1*2:*:*:*:*:*:*:*",
        "cpe:2.3:a:x:y:1?2:*:*:*:*:*:*:*",
        "cpe:2.3:a:x:y:**:*:*:*:*:*:*:*",
        "cpe:2.3:a:x:y:*?:*:*:*:*:*:*:*",
        "cpe:2.3:a:x:y:?*1:*:*:*:*:*:*:*",
        "cpe:2.3:a:x y:y:*:*:*:*:*:*:*:*",
        "cpe:2.3:a:é:y:*:*:*:*:*:*:*:*",
        "cpe:2.3:a:x\0:y:*:*:*:*:*:*:*:*",
        "cpe:2.3:a:x:y:*:*:*:*:*:*:*:*\n",
        "cpe:2.3:a:x:y:*:*:*:*:*:*:*:\\",
        "cpe:2.3:a:x:y:*:*:*:*:*:*:*:*:\\",
        "cpe:2.3:a:x:y:*:*:*:*:*:*:*\\:*",
        "cpe:/x:y",
        "cpe:/a:x:y:1:2:3:4:5",
        "cpe:/a:x%",
        "cpe:/a:x%2",
        "cpe:/a:x%zz",
        "cpe:/a:x%20y",
        "cpe:/a:x%41",
        "cpe:/a:b*c",
        "cpe:/a:b%01c",
        "cpe:/a:%02",
        "cpe:/a:x\\:y",
        "cpe:/a:x:y:1::~~~win",
        "cpe:/a:x:y:1::~~~win~~~",
        "cpe:/a:x:y:1::~~~a*b~~",
        "cpe:/a:" + "x" * 3000,
        "cpe:2.3:a:" + "x" * 3000 + ":y:*:*:*:*:*:*:*:*",
    ],
)
def test_what_is_no_name_is_refused_in_a_sentence(text: str) -> None:
    with pytest.raises(ParseError, match="CPE name") as raised:
        parse(text)
    assert len(str(raised.value)) < 500


@given(
    st.text(max_size=60),
    st.sampled_from(["", "cpe:/", "cpe:/a:", "cpe:2.3:a:x:", "cpe:2.3:"]),
    st.sampled_from(["", ":*:*:*:*:*:*:*:*:*", ":*:*"]),
)
def test_any_text_is_a_name_or_a_parse_error(text: str, before: str, after: str) -> None:
    try:
        found = parse(before + text + after)
    except ParseError:
        return
    assert parse(bind(found)) == found


@pytest.mark.parametrize("piece", ["\\", "?", "*", "%", ":", "\\:", "~", "a"])
def test_endless_text_is_refused(piece: str) -> None:
    for before in ("cpe:2.3:a:", "cpe:/a:"):
        with pytest.raises(ParseError):
            parse(before + piece * 2_000_000)


@given(NAMES)
def test_a_name_reads_back_from_both_forms(name: Name) -> None:
    assert parse(bind(name)) == name
    assert parse(bind_uri(name)) == name


@given(TEXTS, TEXTS)
def test_columns_tell_values_apart(one: str, two: str) -> None:
    assert (stored(one) == stored(two)) == (one == two)
    assert stored(one) not in {"*", "-"}


@pytest.mark.parametrize(
    ("source", "target", "relation"),
    [
        (ANY, ANY, EQUAL),
        (ANY, NA, SUPERSET),
        (ANY, "i", SUPERSET),
        (ANY, "m*", UNDEFINED),
        (NA, ANY, SUBSET),
        (NA, NA, EQUAL),
        (NA, "i", DISJOINT),
        (NA, "m*", UNDEFINED),
        ("i", "i", EQUAL),
        ("i", "k", DISJOINT),
        ("i", "m*", UNDEFINED),
        ("i", NA, DISJOINT),
        ("i", ANY, SUBSET),
        ("m*", "many", SUPERSET),
        ("m*", "none", DISJOINT),
        ("m*", ANY, SUBSET),
        ("m*", NA, DISJOINT),
        ("m*", "m*", UNDEFINED),
        (r"\-", NA, DISJOINT),
        (r"\*", ANY, SUBSET),
        (r"\*", "i", DISJOINT),
        ("*soft", "microsoft", SUPERSET),
        ("*soft*", "microsofts", SUPERSET),
        ("*aab", "aaab", SUPERSET),
        ("??soft", "soft", SUPERSET),
        ("?crosoft", "microsoft", DISJOINT),
        ("microso??", r"microso\!\#", SUPERSET),
        ("microso?", r"microso\!\#", DISJOINT),
        ("?", "a", SUPERSET),
        ("?", "ab", DISJOINT),
        ("?a?", "xay", SUPERSET),
        ("?abc", "bc", DISJOINT),
        (r"8.\*", "8.1", DISJOINT),
        (r"c\?*", r"c\?\?", SUPERSET),
    ],
)
def test_values_relate_as_the_standard_says(source: Value, target: Value, relation: Relation) -> None:
    assert relate_values(source, target) is relation


@given(NAMES, NAMES)
def test_relations_mirror_each_other(one: Name, two: Name) -> None:
    mirrored = {SUPERSET: SUBSET, SUBSET: SUPERSET}
    if not any(map(has_wildcard, (*one, *two))):
        assert relate(two, one) is mirrored.get(relate(one, two), relate(one, two))
        assert relate(one, one) is EQUAL
        assert relate(Name(), one) in {SUPERSET, EQUAL}


def test_names_are_disjoint_where_one_attribute_is() -> None:
    wide = parse("cpe:2.3:a:x:y:*:*:*:*:*:linux:*:*")
    assert relate(wide, parse("cpe:2.3:a:x:y:1:*:*:*:*:linux:*:*")) is SUPERSET
    assert relate(wide, parse("cpe:2.3:a:x:y:1:*:*:*:*:windows:*:*")) is DISJOINT
    assert relate(wide, parse("cpe:2.3:a:x:y:1:*:*:*:*:*:*:*")) is UNDEFINED
    assert relate(wide, parse("cpe:2.3:a:x:y:1*:*:*:*:*:windows:*:*")) is DISJOINT


TABLE_VALUES: dict[str, Value] = {
    "ANY": ANY,
    "NA": NA,
    "i": "i",
    "k": "k",
    "m+wildcards": "m*",
    "m1+wildcards": "m*",
    "m": "many",
    "m2": "many",
    "m2 (match)": "many",
    "m2 (no match)": "none",
}


@pytest.mark.data
def test_the_table_of_the_standard_holds() -> None:
    rows = shared_json("vectors/cpe/cpe23_vectors.even.json")["nistir7696_table_6_2"]
    assert len(rows) >= 9
    for row in rows:
        assert relate_values(TABLE_VALUES[row["source"]], TABLE_VALUES[row["target"]]).name == row["relation"], row


@pytest.mark.data
def test_names_match_as_another_implementation_says() -> None:
    rows = shared_json("vectors/cpe/cpe23_vectors.even.json")["go_cpe_match"]
    for row in rows:
        relation = relate(_name(row["source"]), _name(row["target"]))
        assert (relation is DISJOINT, relation is EQUAL) == (row["disjoint"], row["equal"]), row
        assert (relation in {SUBSET, EQUAL}, relation in {SUPERSET, EQUAL}) == (row["subset"], row["superset"]), row


@pytest.mark.data
def test_names_are_read_and_written_as_another_implementation_does() -> None:
    vectors = shared_json("vectors/cpe/cpe23_vectors.even.json")
    for row in vectors["go_cpe_unbind"]:
        if row["error"]:
            with pytest.raises(ParseError):
                parse(row["s"])
        else:
            assert parse(row["s"]) == _name(row["wfn"]), row
    for row in vectors["go_cpe_bind"]:
        written = bind if row["fn"] == "TestBindToFS" else bind_uri
        assert written(_name(row["wfn"])) == row["expected"]


@pytest.mark.data
@pytest.mark.parametrize("year", ["2008", "2026"])
def test_every_criterion_of_nvd_reads_back(year: str) -> None:
    criteria = {
        one["criteria"]
        for entry in shared_json(f"nvd/feeds/nvdcve-2.0-{year}.json.gz")["vulnerabilities"]
        for configuration in entry["cve"].get("configurations", ())
        for node in configuration["nodes"]
        for one in node["cpeMatch"]
    }
    assert len(criteria) > 1000
    assert [one for one in criteria if bind(parse(one)) != one] == []
    assert [one for one in criteria if parse(bind_uri(parse(one))) != parse(one)] == []


def _name(written: dict[str, Any]) -> Name:
    """Return the name of a well-formed name as the vectors have it: hyphens and full stops quoted, logical values by name."""
    logical = {"ANY": ANY, "NA": NA}
    return Name(**{attribute: logical.get(value) or _unquoted(value) for attribute, value in written.items()})


def _unquoted(value: str) -> str:
    return CHARACTER.sub(lambda found: found[1] if found[1] in LETTERS + ".-" or found[1].isalnum() else found[0], value)
