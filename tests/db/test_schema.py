"""The schema: every organisation's table is locked twice, and the way up and down is whole."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from watchfloor.kernel.db import schema

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SHARED = {"alembic_version", "queue", "budget", "rate_lease", "worker_session", "signer", "ticket_rejection", "reaction"}
# What the world knows is the same for all: read by all, written only by who takes the role wf_advisories.
SHARED |= {
    f"adv_{name}"
    for name in (
        "source", "stream", "zdict", "raw", "raw_old", "fact", "metric", "kev", "ssvc", "epss", "epss_curve", "exploit", "alias", "product",
        "name_map", "criterion", "cve", "text", "touched", "change", "reject",
    )
}  # fmt: skip


@pytest.fixture
def owner(postgres: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(postgres, autocommit=True) as connection:
        yield connection


def test_database_has_the_newest_revision(postgres: str) -> None:
    files = sorted((Path(schema.__file__).parent / "migrations" / "versions").glob("*.py"))
    assert schema.current(postgres) == schema.HEAD
    assert f'revision = "{schema.HEAD}"' in files[-1].read_text(encoding="utf-8")


def test_every_organisations_table_is_locked_by_force(owner: psycopg.Connection[Any]) -> None:
    tables = owner.execute(
        "select c.relname, c.relrowsecurity, c.relforcerowsecurity, "
        "exists (select from pg_policies p where p.tablename = c.relname and p.policyname = 'org' and p.qual is not null and p.with_check is not null) "
        "from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname = 'public' and c.relkind in ('r', 'p')"
    ).fetchall()
    open_ = {name for name, secured, forced, policy in tables if not (secured and forced and policy)}
    assert open_ <= SHARED
    assert len(tables) > 15


def test_keys_of_organisations_tables_begin_with_the_organisation(owner: psycopg.Connection[Any]) -> None:
    wrong = owner.execute(
        "select c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace join pg_index i on i.indrelid = c.oid and i.indisprimary "
        "join pg_attribute a on a.attrelid = c.oid and a.attnum = i.indkey[0] "
        "where n.nspname = 'public' and c.relkind = 'r' and a.attname <> 'org' "
        "and exists (select from pg_attribute o where o.attrelid = c.oid and o.attname = 'org' and o.attnotnull)"
    ).fetchall()
    assert wrong == [("lane",)]  # found by queue first


def test_views_ask_as_who_asks(owner: psycopg.Connection[Any]) -> None:
    views = owner.execute(
        "select relname, reloptions from pg_class c join pg_namespace n on n.oid = relnamespace where nspname = 'public' and relkind = 'v'"
    )
    assert {name: options for name, options in views.fetchall() if "security_invoker=true" not in (options or [])} == {}


def test_archive_has_the_columns_of_the_ledger(owner: psycopg.Connection[Any]) -> None:
    columns = "select attname, atttypid::regtype::text from pg_attribute where attrelid = %s::regclass and attnum > 0 and not attisdropped order by attnum"
    assert owner.execute(columns, ("job",)).fetchall() == owner.execute(columns, ("job_done",)).fetchall()


def test_way_down_and_up_again_is_whole(new_database: Callable[[str], str]) -> None:
    url = new_database("up_and_down")
    shape = "select table_name, column_name, data_type, is_nullable, column_default from information_schema.columns where table_schema = 'public' order by 1, 2"
    with psycopg.connect(url, autocommit=True) as connection:
        before = connection.execute(shape).fetchall()
        schema.downgrade(url, "base")
        assert {row[0] for row in connection.execute(shape).fetchall()} <= {"alembic_version"}
        schema.upgrade(url)
        assert connection.execute(shape).fetchall() == before
    assert schema.current(url) == schema.HEAD


def test_upgrade_of_the_newest_does_nothing(postgres: str) -> None:
    schema.upgrade(postgres)
    assert schema.current(postgres) == schema.HEAD
