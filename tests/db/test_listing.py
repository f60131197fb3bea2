"""Lists sorted by any column: whole in both directions, rows without a value last, deaf to foreign cursors."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from watchfloor.kernel.db.keyset import LIMIT_MAX
from watchfloor.kernel.db.listing import Column, Listing, order_of, page_of
from watchfloor.kernel.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterator

COLUMNS = {
    "score": Column("s.score", "real", nullable=True),
    "seen": Column("s.seen", "timestamptz", nullable=True),
    "name": Column("s.name", "text"),
    "id": Column("s.id", "bigint"),
}
LISTING = Listing(table="sorted", alias="s", where="s.id > %(least)s", key="s.id", parameters={"least": 0})


@pytest.fixture(scope="module")
def wire(postgres: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(postgres, autocommit=True) as opened:
        opened.execute(
            "create temp table sorted as select n as id, case when n % 4 > 0 then (n % 7) / 10.0::real end::real as score, "
            "case when n % 3 > 0 then date '2026-01-01' + n / 5 end::timestamptz as seen, chr(97 + n % 5) as name from generate_series(-5, 40) n"
        )
        yield opened


def expected(wire: psycopg.Connection[Any], name: str, direction: str) -> list[int]:
    query = f"select id from sorted where id > 0 order by {name} {direction} nulls last, id {direction}"
    return [row[0] for row in wire.execute(query)]


@pytest.mark.parametrize("most", [100, 5])
@pytest.mark.parametrize("limit", [1, 7, 10, 39, 40, LIMIT_MAX])
@pytest.mark.parametrize("name", COLUMNS)
@pytest.mark.parametrize("sign", ["", "-"])
def test_pages_hold_everything_once_in_order(wire: psycopg.Connection[Any], sign: str, name: str, limit: int, most: int) -> None:
    order = order_of(sign + name, COLUMNS)
    seen: list[int] = []
    cursor: str | None = None
    for _ in range(42):
        page = page_of(wire, LISTING, order, limit=limit, cursor=cursor, most=most)
        seen += page.keys
        cursor = page.next_cursor
        if cursor is None:
            break
    assert seen == expected(wire, name, "desc" if sign else "asc")


@pytest.mark.parametrize("sign", ["", "-"])
def test_hits_that_lie_far_behind_are_found_as_well(wire: psycopg.Connection[Any], sign: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("watchfloor.kernel.db.listing.BUDGET", 3)
    page = page_of(wire, LISTING, order_of(sign + "score", COLUMNS), limit=10, most=5)
    assert page.keys == expected(wire, "score", "desc" if sign else "asc")[:10]


def test_a_total_is_counted_up_to_a_limit(wire: psycopg.Connection[Any]) -> None:
    for most, expected_total in ((100, (40, False)), (40, (40, False)), (39, (39, True))):
        page = page_of(wire, LISTING, order_of("id", COLUMNS), limit=3, most=most)
        assert (page.total, page.capped) == expected_total
    nothing = page_of(wire, replace(LISTING, parameters={"least": 99}), order_of("id", COLUMNS), limit=3)
    assert (nothing.keys, nothing.total, nothing.next_cursor) == ([], 0, None)


def test_an_unknown_column_is_refused_with_those_there_are() -> None:
    with pytest.raises(InvalidInput, match="score, seen, name, id") as caught:
        order_of("-scroe", COLUMNS)
    assert caught.value.did_you_mean == "score"


@pytest.mark.parametrize("limit", [0, -1, LIMIT_MAX + 1])
def test_limit_outside_its_bounds_is_refused(wire: psycopg.Connection[Any], limit: int) -> None:
    with pytest.raises(InvalidInput, match="limit"):
        page_of(wire, LISTING, order_of("id", COLUMNS), limit=limit)


def cursor_of(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    ("sort", "cursor"),
    [
        ("score", ""), ("score", "%%%"), ("score", "é"), ("score", "A" * 100_000), ("score", "[" * 390), ("score", cursor_of([])),
        ("score", cursor_of(["-score", 0.5, 1])), ("score", cursor_of(["score", "0.5", 1])), ("score", cursor_of(["score", True, 1])),
        ("score", cursor_of(["score", 0.5, None])), ("score", cursor_of(["score", 0.5, 2**70])), ("score", cursor_of(["score", float("nan"), 1])),
        ("score", cursor_of(["score", 1e300, 1])), ("name", cursor_of(["name", None, 1])), ("name", cursor_of(["name", "a\0", 1])),
        ("name", cursor_of(["name", "\ud800", 1])), ("seen", cursor_of(["seen", "now()", 1])), ("seen", cursor_of(["seen", 1, 1])),
        ("id", cursor_of(["id", 1, "1 or true"])), ("id", cursor_of({"id": 1})),
    ],
)  # fmt: skip
def test_a_foreign_cursor_is_refused(wire: psycopg.Connection[Any], sort: str, cursor: str) -> None:
    with pytest.raises(InvalidInput, match="cursor"):
        page_of(wire, LISTING, order_of(sort, COLUMNS), limit=5, cursor=cursor)
