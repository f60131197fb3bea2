"""The search language: what each form of a value finds, among real rows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from watchfloor.kernel.db.filters import Choice, Dated, Field, Filter, Flag, Given, Language, Number, Related, Text, Time, Value
from watchfloor.kernel.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

NOW = datetime(2026, 8, 20, 12, tzinfo=UTC)


def words(wanted: Sequence[Value], excluded: Sequence[Value], made: Given) -> str:
    """Find rows whose text holds all the words that are wanted and none that are excluded."""
    pairs = [*((value, "> 0") for value in wanted), *((value, "= 0") for value in excluded)]
    return " and ".join(f"position({made.add(value.text)} in body) {found}" for value, found in pairs)


OWNED = Related("id in (select owner from owned o where {})")
LANGUAGE = Language(
    (
        Field("name", Text("name"), "a name"),
        Field("level", Choice("level", {"none": (None,), "low": ("l",), "high": ("h",), "top": ("t", "tt")}, ordered=True), "a level"),
        Field("kind", Choice("kind", {"red": (1,), "blue": (2,)}), "a colour"),
        Field("share", Number("share", 0, 1, scale=100_000, percent=True, whole=True, cast="integer"), "a fraction"),
        Field("score", Number("score", 0, 10, cast="real"), "a score"),
        Field("seen", Time("seen"), "when it was seen"),
        Field("due", Time("due", ahead=True), "when it is due"),
        Field("listed", Dated(Flag("listed is not null"), Time("listed")), "whether and since when it is listed"),
        Field("toy", Text("o.toy"), "a toy", within=OWNED),
        Field("size", Number("o.size"), "a toy's size", within=OWNED),
    ),
    words,
)
ROWS: list[tuple[Any, ...]] = [
    # id, name, level, kind, share, score, seen, due, listed, body
    (1, "openssh", "h", 1, 50_000, 7.1, NOW - timedelta(days=100), NOW + timedelta(days=3), NOW - timedelta(days=2), "a race in sshd"),
    (2, "open_ssl", "l", 2, 50_001, 9.8, NOW - timedelta(days=10), NOW - timedelta(days=3), None, "a race, and more"),
    (3, "%", "tt", 1, 3, 0.0, datetime(2024, 3, 31, 23, 30, tzinfo=UTC), None, datetime(2024, 3, 1, tzinfo=UTC), "percent"),
    (4, "", None, None, None, None, None, None, None, ""),
    (5, "größe", "t", 2, 100_000, 10.0, NOW + timedelta(days=1), NOW + timedelta(days=300), None, "later"),
]
OWNS = [(1, "ball", 1), (1, "kite", 9), (2, "ball", 9)]


@pytest.fixture(scope="module")
def wire(postgres: str) -> Iterator[psycopg.Connection[Any]]:
    """Open a connection with the rows."""
    with psycopg.connect(postgres, autocommit=True) as opened:
        opened.execute(
            "create temp table thing (id int, name text, level text, kind smallint, share integer, score real, seen timestamptz, due timestamptz, "
            "listed timestamptz, body text); create temp table owned (owner int, toy text, size int)"
        )
        with opened.cursor() as cursor:
            cursor.executemany("insert into thing values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)", ROWS)
            cursor.executemany("insert into owned values (%s, %s, %s)", OWNS)
        yield opened


def found(wire: psycopg.Connection[Any], text: str, zone: str = "UTC") -> list[int]:
    made = LANGUAGE.compile(text, Given(NOW, ZoneInfo(zone)))
    return [row[0] for row in wire.execute(f"select id from thing where {made.sql} order by id", made.given.parameters)]


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("", [1, 2, 3, 4, 5]),
        ("name:openssh", [1]), ("NAME:OpenSSH", [1]), ("name=openssh,%", [1, 3]), ("name:open*", [1, 2]), ("name:open_*", [2]),
        ('name:"openssh"', [1]), ('name:"open"*', [1, 2]), ("name:%*", [3]), ("name:none", [4]), ("name:any", [1, 2, 3, 5]), ("name:GRÖ*", [5]),
        ("-name:open*", [3, 4, 5]), (r"name:open\*", []),
        ("level:high", [1]), ("level:top", [3, 5]), ("level:none", [4]), ("level:any", [1, 2, 3, 5]), ("level>=high", [1, 3, 5]),
        ("level>low", [1, 3, 5]), ("level<high", [2, 4]), ("level:low,none", [2, 4]), ("-level:any", [4]), ("kind:red", [1, 3]),
        ("share>0.5", [2, 5]), ("share>50%", [2, 5]), ("share>=50%", [1, 2, 5]), ("share<0.00004", [3]), ("share<=0.00003", [3]),
        ("share<0.000035", [3]), ("share:50%", [1]), ("share:0.500001", []), ("share:none", [4]), ("share:0.4..0.5", [1]), ("share:..1%", [3]),
        ("share:99%..", [5]), ("-share>0.5", [1, 3, 4]), ("share:100%", [5]),
        ("score:7.1", [1]), ("score>=7.1", [1, 2, 5]), ("score>7.1", [2, 5]), ("score:7.1..9.8", [1, 2]), ("score:0,10", [3, 5]),
        ("score:>9,none", [2, 4, 5]),
        ("seen>90d", [1, 3]), ("seen<90d", [2, 5]), ("seen:90d", [2]), ("seen>=2026", [1, 2, 5]), ("seen:2024", [3]), ("seen:2024-03", [3]),
        ("seen:2024-03-31", [3]), ("seen:2024-04", []), ("seen>2024-03-31", [1, 2, 5]), ("seen<2024-04", [3]), ("seen<=2024-03", [3]),
        ("seen:2023..2024", [3]), ("seen:5d..2w", [2]), ("seen:..2w", [2, 5]), ("seen:1y..", [3]), ("seen>999999y", []), ("seen:none", [4]),
        ("seen>3mo", [1, 3]), ("seen:tomorrow", [5]), ("seen:2024-03-31T23:30:00Z", [3]), ("seen>2024-04-01T00:00+02:00", [1, 2, 3, 5]),
        ("due<7d", [1, 2]), ("due:7d", [1]), ("due<0d", [2]), ("due>30d", [5]), ("due:1d..1w", [1]), ("due:none", [3, 4]),
        ("listed:true", [1, 3]), ("listed:no", [2, 4, 5]), ("listed:any", [1, 3]), ("listed:<7d", [1]), ("listed>1y", [3]), ("-listed:yes", [2, 4, 5]),
        ("listed:none,2024", [2, 3, 4, 5]),
        ("toy:ball", [1, 2]), ("toy:ball size:9", [2]), ("toy:ball,kite size:9", [1, 2]), ("toy:ball -size:9", []), ("-toy:ball", [3, 4, 5]),
        ("race", [1, 2]), ("race -more", [1]), ("-more -later", [1, 3, 4]), ('"a race in"', [1]), ("race score>9", [2]), ("-race", [3, 4, 5]),
        ("share>0.5 score>=7 seen<90d -kind:red", [2, 5]),
    ],
)  # fmt: skip
def test_a_search_finds_exactly(wire: psycopg.Connection[Any], text: str, ids: list[int]) -> None:
    assert found(wire, text) == ids


def test_days_begin_where_the_asker_is(wire: psycopg.Connection[Any]) -> None:
    assert found(wire, "seen:2024-04-01", "Europe/Vienna") == [3]
    assert found(wire, "seen:2024-03-31", "Europe/Vienna") == []


@pytest.mark.parametrize(
    ("text", "position", "length", "meant", "says"),
    [
        ("race nme:x", 5, 3, "name", "there is no field 'nme'; did you mean name"),
        ("xyzzy:1", 0, 5, None, "there is no field"),
        ("-level:hgih", 7, 4, "high", "did you mean high"),
        ("kind:>red", 5, 4, None, "no order"),
        ("level:lo*", 6, 3, "low", "not known"),
        ("score>11", 6, 2, None, "out of range"),
        ("share>95", 6, 2, "95%", "did you mean 95%"),
        ("score:50%", 6, 3, None, "no number"),
        ("score:nan", 6, 3, None, "no number"),
        ("score:1e3", 6, 3, None, "no number"),
        ("score:..", 6, 2, None, "one end"),
        ("score:9..7", 6, 4, None, "ends before it begins"),
        ("score>1,2", 7, 1, None, "one value"),
        ("score>>1", 6, 1, None, "one comparison"),
        ("score: 7", 0, 6, None, "directly, without a blank"),
        ("name:a,", 0, 7, None, "directly, without a blank"),
        ("seen>soon", 5, 4, None, "no time"),
        ("seen:2024-13", 5, 7, None, "no such time"),
        ("seen:2024..7d", 5, 8, None, "a date to a date"),
        ("seen>5m", 5, 2, None, "3mo"),
        ("listed:maybe", 7, 5, None, "no time"),
        ('x "open', 2, 5, None, "not closed"),
        ('""', 0, 2, None, "nothing between"),
        ('"a"b', 3, 1, None, "blank must follow"),
        ("a - b", 2, 1, None, "excludes"),
        ("a \0", 2, 1, None, "no text"),
        ("a \ud800", 2, 1, None, "no text"),
        ("a" * 2001, 2000, 1, None, "2,000 characters"),
        ("a " * 51, 100, 2, None, "50 terms"),
        ("name:" + ",".join("a" * 51), 104, 1, None, "50 values"),
    ],
)  # fmt: skip
def test_what_has_no_meaning_is_refused_where_it_stands(text: str, position: int, length: int, meant: str | None, says: str) -> None:
    with pytest.raises(InvalidInput, match=says) as caught:
        LANGUAGE.compile(text, Given(NOW))
    assert (caught.value.position, caught.value.length, caught.value.did_you_mean) == (position, length, meant)
    assert caught.value.field == "/q"


def test_words_are_refused_where_there_is_no_text() -> None:
    with pytest.raises(InvalidInput, match="words cannot be searched"):
        Language(LANGUAGE.fields).compile("name:x race", Given(NOW))


def understood(text: str) -> Filter | None:
    """Compile a text; None when it is refused, which names a part of the text."""
    try:
        return LANGUAGE.compile(text, Given(NOW))
    except InvalidInput as error:
        place = (error.position, error.length)
    assert place[0] is not None
    assert place[1] is not None
    assert 0 <= place[0] <= len(text)
    assert place[1] >= 1
    return None


HOSTILE = [
    "' or 1=1 --", '" or 1=1 --', "'; drop table thing; --", "%s", "%(q0)s", "%%", "{}", "{0}", "\\'", "\\", "$$", ":x", "a\\", "..", "*", "a*b*",
    "E'\\x27'", "/*", "*/", "ö", "\U0010ffff", "\ud7ff", "\u2028", "\U0001d4b3", "none", "any", "-", "--", "", " ", "pg_sleep(5)", "9" * 400, "1" * 15 + "%",
]  # fmt: skip


@pytest.mark.parametrize("hostile", HOSTILE)
@pytest.mark.parametrize(
    "form", ["{}", '"{}"', "name:{}", 'name:"{}"', "name:{}*", "toy:{}", "-{}", "seen>{}", "share:{}..", "level:{}", "{}:1"]
)
def test_no_text_reaches_the_sql(wire: psycopg.Connection[Any], form: str, hostile: str) -> None:
    text = form.replace("{}", hostile)
    made = understood(text)
    if made is None:
        return
    assert set(found(wire, text)) <= {row[0] for row in ROWS}
    assert [row[0] for row in wire.execute("select count(*) from thing")] == [len(ROWS)]
    assert all(sign not in made.sql for sign in ("--", "/*", ";", "drop", "1=1", "pg_sleep", "\\", "$$"))


PIECES = st.one_of(
    st.text(max_size=8),
    st.sampled_from([
        "name:", "level:", "kind:", "share>", "share:", "score<=", "seen>", "seen:", "due<", "listed:", "toy:", "-", '"', ",", "..", "*", " ", "  ",
        "90d", "1y", "2024", "2024-02", "50%", "0.5", "high", "none", "any", "true", "open", "\\", ">", "<", ">=", ":", "=", "'", "%", "(", ")",
    ]),
)  # fmt: skip


@settings(max_examples=1500, deadline=None)
@given(st.lists(PIECES, max_size=12).map("".join))
def test_every_text_is_understood_or_refused_with_a_place(wire: psycopg.Connection[Any], text: str) -> None:
    if understood(text) is not None:
        found(wire, text)


@settings(max_examples=300, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=30).filter(str.strip))
def test_a_quoted_value_is_taken_as_it_is(text: str) -> None:
    quoted = text.replace("\\", "\\\\").replace('"', '\\"')
    made = LANGUAGE.compile(f'name:"{quoted}"', Given(NOW))
    assert made.given.parameters == {"q0": [text.lower()]}


@settings(max_examples=300, deadline=None)
@given(
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=6),
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=6),
)
def test_a_prefix_finds_what_begins_with_it(wire: psycopg.Connection[Any], start: str, rest: str) -> None:
    made = Given(NOW)
    condition = Text("t", lambda text: (text,)).condition("t", [Value(start, start + "*", 0, prefix=True)], made)
    for text, expected in ((start + rest, True), (rest + start, (rest + start).startswith(start))):
        made.parameters["t"] = text
        assert wire.execute(f"select {condition} from (select %(t)s::text as t) x", made.parameters).fetchone() == (expected,)
