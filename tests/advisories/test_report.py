"""Known vulnerabilities in reports: those that meet assets, of one organisation, over a period."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from tests.advisories.test_search import ENUM, ORG, OTHER, SSH, database
from watchfloor.capabilities.advisories.report import section
from watchfloor.kernel.sections import Scope

if TYPE_CHECKING:
    from uuid import UUID

    from watchfloor.kernel.db.session import Database

__all__ = ["database"]

WHOLE = Scope(kind="organisation")


def rows(database: Database, scope: Scope, org: UUID = ORG) -> list[dict[str, Any]]:
    """Return the section's rows."""
    (table,) = section.tables
    with database.transaction(org) as session:
        return [dict(row) for row in table.rows(session, org, scope)]


def test_advisories_come_once_with_their_assets_most_urgent_first(database: Database) -> None:
    found = rows(database, WHOLE)
    assert [(one["advisory"], one["assets"], one["priority"]) for one in found] == [(SSH, 2, 91.5), (ENUM, 1, 30.0)]
    assert set(found[0]) == {column.name for column in section.tables[0].columns}


def test_a_tag_leaves_out_what_meets_other_assets(database: Database) -> None:
    assert [one["advisory"] for one in rows(database, Scope(kind="assets", tag="prod"))] == [SSH]
    assert rows(database, Scope(kind="assets", tag="nobody")) == []


def test_a_period_leaves_out_what_began_after_it(database: Database) -> None:
    with database.transaction(ORG) as session:
        first = session.connection().exec_driver_sql("select min(first_seen) from adv_match").scalar_one()
    assert rows(database, Scope(kind="organisation", since=first - timedelta(days=9), until=first - timedelta(days=2))) == []


def test_figures_and_chart_count_what_the_table_lists(database: Database) -> None:
    with database.transaction(ORG) as session:
        told = section.tell(session, ORG, WHOLE)
    assert told.figures[0][:2] == ("Known vulnerabilities", 2)
    assert sum(point["value"] for chart in told.charts for one in chart["series"] for point in one["points"]) == 3
    assert "2 known vulnerabilities meet 2 assets" in told.summary


def test_another_organisation_has_no_section(database: Database) -> None:
    with database.transaction(OTHER) as session:
        assert not section.accepts(session, OTHER, WHOLE)
    assert rows(database, WHOLE, OTHER) == []


def test_the_watermark_stays_while_nothing_changes(database: Database) -> None:
    with database.transaction(ORG) as session:
        before = section.watermark(session, ORG, WHOLE)
        assert before == section.watermark(session, ORG, WHOLE)
        session.connection().exec_driver_sql(
            "update adv_match set gone_at = wf_now() where id = (select min(id::text)::uuid from adv_match)"
        )
        assert section.watermark(session, ORG, WHOLE) != before
        session.rollback()
