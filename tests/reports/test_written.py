"""Facts about the reports that an auditor's report names: those of its scope, whatever became of them, and nobody else's business."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import pytest

from watchfloor.kernel.db.session import wire_of

if TYPE_CHECKING:
    from tests.reports.world import World


def made(world: World, scan: UUID, audience: str = "auditor", format_: str = "json", **wish: Any) -> dict[str, Any]:
    """Return what a job says that wrote a report."""
    return world.done("reports.generate_report", scan_id=str(scan), format=format_, preset=audience, **wish)


def listed(world: World, report: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the reports that a report names."""
    rows: list[dict[str, Any]] = json.loads(world.stored(UUID(report["report_id"])))["tables"]["reports_written.reports"]
    return rows


def test_an_auditor_reads_which_reports_of_the_scope_were_written(world: World) -> None:
    scan, other = world.scan(), world.scan(findings=5)
    before = [made(world, scan, audience, format_) for audience, format_ in (("engineer", "csv"), ("executive", "html"))]
    made(world, other, "engineer")
    rows = listed(world, made(world, scan, redaction="none"))
    assert [(row["report"], row["format"], row["audience"], row["sha256"]) for row in rows] == [
        (before[1]["report_id"], "html", "executive", before[1]["sha256"]), (before[0]["report_id"], "csv", "engineer", before[0]["sha256"]),
    ]  # fmt: skip
    assert {(row["state"], row["held"], row["created_by"]) for row in rows} == {("ready", False, "tests")}


def test_who_asked_is_left_out_as_persons_are(world: World) -> None:
    scan = world.scan()
    made(world, scan, "engineer")
    (row,) = listed(world, made(world, scan))
    assert (row["created_by"], row["format"]) == (None, "json")


def test_nobody_else_reads_it(world: World) -> None:
    scan = world.scan()
    for audience in ("engineer", "executive", "engineer"):
        tables = json.loads(world.stored(UUID(made(world, scan, audience)["report_id"])))["tables"]
        assert "reports_written.reports" not in tables


def test_an_auditors_report_does_not_make_itself_out_of_date(world: World) -> None:
    scan = world.scan()
    made(world, scan, "engineer")
    first = made(world, scan)
    assert [made(world, scan)["report_id"], made(world, scan, format_="csv")["reused"], made(world, scan)["reused"]] == [
        first["report_id"],
        False,
        True,
    ]
    assert len(listed(world, first)) == 1


def test_reports_for_others_stay_as_they_are_whatever_an_auditor_asks_for(world: World) -> None:
    scan = world.scan()
    first = made(world, scan, "engineer")
    made(world, scan)
    assert made(world, scan, "engineer")["report_id"] == first["report_id"]
    assert made(world, scan, "executive", "html")["reused"] is False
    assert world.ask("select count(*) from report_snapshot") == [(2,)]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ("update report set retention = 'hold', hold_reason = 'law', hold_by = 'ann' where id = %s", ("ready", True)),
        ("update report set state = 'deleted', deleted_at = wf_now(), artifact = null where id = %s", ("deleted", False)),
        ("update report set state = 'lost' where id = %s", ("lost", False)),
    ],
)
def test_what_became_of_a_report_is_news(world: World, change: str, expected: tuple[str, bool]) -> None:
    scan = world.scan()
    old = made(world, scan, "engineer")
    made(world, scan)
    world.ask(change, old["report_id"])
    rows = {row["report"]: row for row in listed(world, made(world, scan))}
    assert (rows[old["report_id"]]["state"], rows[old["report_id"]]["held"]) == expected
    assert len(rows) == 2  # the auditor's first one is among them now


def test_a_new_report_for_others_is_news(world: World) -> None:
    scan = world.scan()
    first = made(world, scan)
    made(world, scan, "engineer")
    second = made(world, scan)
    assert (listed(world, first), len(listed(world, second)), second["reused"]) == ([], 2, False)


def test_a_scan_that_nobody_knows_is_none_for_an_auditor_either(world: World) -> None:
    assert "no scan" in world.failed("reports.generate_report", scan_id=str(uuid4()), format="json", preset="auditor")


def test_an_auditor_who_chooses_sections_reads_it_all_the_same(world: World) -> None:
    scan = world.scan()
    made(world, scan, "engineer", sections=["scans"])
    report = made(world, scan, sections=["scans"])
    assert len(listed(world, report)) == 1
    page = world.stored(UUID(made(world, scan, format_="html", sections=["scans"])["report_id"])).decode()
    assert [one for one in page.split("<p") if "were not asked for" in one and "Reports written" in one] == []


def test_another_organisations_reports_are_in_no_list(world: World) -> None:
    scan, other = world.scan(), world.elsewhere()
    made(world, scan, "engineer")
    with other.ledger.database.transaction(other.org) as session:
        assert wire_of(session).execute("select count(*) from report").fetchone() == (0,)
    made(other, other.scan(), "engineer")
    assert len(listed(other, other.done("reports.generate_report", tag="shop", format="json", preset="auditor"))) == 0


@pytest.mark.parametrize(("locale", "said"), [("en", "Reports written before"), ("de", "Früher geschriebene Berichte")])
def test_pages_and_pdfs_have_it_in_the_readers_language(world: World, locale: str, said: str) -> None:
    scan = world.scan()
    made(world, scan, "engineer")
    report = world.done("reports.generate_multiple_reports", scan_id=str(scan), formats=["html", "pdf"], preset="auditor", locale=locale)
    assert report["total_generated"] == 2
    assert said in world.stored(UUID(report["reports"][0]["report_id"])).decode()
