"""Pages by key: whole, in order, and deaf to cursors that were not made here."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from watchfloor.kernel.db.filters import CHOICES, words
from watchfloor.kernel.db.ids import new_id
from watchfloor.kernel.db.keyset import LIMIT_MAX, page
from watchfloor.kernel.db.session import Database, wire_of
from watchfloor.kernel.errors import InvalidInput
from watchfloor.kernel.jobs.models import Job

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

KEYS = [Job.created_at, Job.id]


@pytest.fixture
def database(login_url: str) -> Iterator[Database]:
    opened = Database(login_url)
    yield opened
    opened.close()


@pytest.fixture
def org(database: Database) -> UUID:
    """Make 25 jobs, of which some share their instant."""
    org = new_id()
    with database.transaction(org) as session:
        wire_of(session).execute(
            "insert into job (org, id, kind, queue, stage, run_at, rank_at, created_at) "
            "select %s, gen_random_uuid(), 'k', 'paging', 'scheduled', 'infinity', now(), date '2026-01-01' + n / 4 from generate_series(1, 25) n",
            (org,),
        )
    return org


def read(database: Database, org: UUID, **more: Any) -> Any:
    with database.transaction(org) as session:
        return page(session, select(Job.id).where(Job.org == org), KEYS, shape=lambda row: row[0], **more)


@pytest.mark.parametrize("limit", [1, 4, 25, 26, LIMIT_MAX])
def test_pages_hold_everything_once_newest_first(database: Database, org: UUID, limit: int) -> None:
    whole = read(database, org, limit=LIMIT_MAX).items
    assert len(set(whole)) == 25
    seen, after = [], None
    for _ in range(30):
        found = read(database, org, limit=limit, after=after)
        assert len(found.items) <= limit
        seen += found.items
        after = found.next
        if after is None:
            break
    assert seen == whole


def test_page_of_another_organisation_is_empty_whatever_the_cursor(database: Database, org: UUID) -> None:
    cursor = read(database, org, limit=5).next
    assert read(database, new_id(), after=cursor).items == []


@pytest.mark.parametrize("limit", [0, -1, LIMIT_MAX + 1])
def test_limit_outside_its_bounds_is_refused(database: Database, org: UUID, limit: int) -> None:
    with pytest.raises(InvalidInput, match="limit"):
        read(database, org, limit=limit)


def cursor(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "after",
    ["", "x", "%%%", "é", "\0", "A" * 100_000, cursor([]), cursor({}), cursor("x"), cursor(None), cursor(["2026-01-01T00:00:00+00:00"]),
     cursor(["now()", "x"]), cursor([1, 2]), cursor(["2026-01-01T00:00:00+00:00", "' or 1=1 --"]), cursor([[[[[[]]]]], {}]), "[" * 390],
)  # fmt: skip
def test_foreign_cursor_is_refused(database: Database, org: UUID, after: str) -> None:
    with pytest.raises(InvalidInput, match="cursor"):
        read(database, org, after=after)


def test_words_are_checked_against_what_is_known() -> None:
    assert words("state", None, ["A"]) == []
    assert words("state", "A, B", ["A", "B"]) == ["A", "B"]
    for wrong in ("", "A,", "C", "a"):
        with pytest.raises(InvalidInput, match="state"):
            words("state", wrong, ["A", "B"])
    with pytest.raises(InvalidInput, match="more than 50"):
        words("state", ",".join(["A"] * (CHOICES + 1)), ["A"])
