"""Facts about how reports end: what is over goes, what nobody finishes is told, and a dry run counts what a real one does."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import pytest

from tests.api.floor import client_of
from tests.cli.desk import WorkingDesk
from tests.reports.test_cli import document, told
from watchfloor.capabilities.reports.queries import reports

if TYPE_CHECKING:
    import httpx

    from tests.reports.world import World
    from watchfloor.kernel.jobs.ledger import Ledger


def abandoned(world: World) -> UUID:
    """Make a report whose job was stopped while it rendered."""
    made = world.done("reports.generate_report", scan_id=str(world.scan()), format="json")
    world.ask("update report set state = 'rendering', artifact = null, sha256 = null, file_path = null where id = %s", made["report_id"])
    return UUID(made["report_id"])


def test_a_report_whose_job_ended_without_it_is_shown_and_listed_as_failed(world: World) -> None:
    report = abandoned(world)
    with world.ledger.database.transaction(world.org) as session:
        (listed,) = reports.list_reports(session, world.org).items
        assert (listed.state, "ask for it again" in str(listed.error)) == ("failed", True)
        assert reports.get_report(session, world.org, report).state == "failed"
    with world.ledger.database.transaction(world.org) as session:
        assert reports.list_reports(session, world.org, state="rendering").items == []


def test_a_report_that_a_job_still_renders_stays_as_it_is(world: World) -> None:
    report, waiting = abandoned(world), world.submit("jobs.test")
    world.ask("update report set job = %s where id = %s", waiting.id, report)
    with world.ledger.database.transaction(world.org) as session:
        assert reports.get_report(session, world.org, report).state == "rendering"
    world.worker.run(UUID(world.submit("reports.cleanup_old_reports").id))
    assert world.ask("select state from report") == [("rendering",)]


def test_a_report_that_nobody_finishes_can_be_deleted_and_asked_for_again(world: World) -> None:
    report = abandoned(world)
    desk = WorkingDesk(world.ledger, world.org, worker=world.worker)
    told(desk, "delete", str(report))
    assert document(desk, "show", str(report))["state"] == "deleted"


def test_clean_up_lets_go_of_what_nobody_finishes(world: World) -> None:
    report = abandoned(world)
    assert world.done("reports.cleanup_old_reports", keep_last=0)["deleted_count"] == 0
    assert world.ask("select state, expires_at > wf_now() from report where id = %s", report) == [("failed", True)]
    world.ask("update report set expires_at = wf_now() - interval '1 day'")
    assert world.done("reports.cleanup_old_reports", keep_last=0)["deleted_count"] == 1


def test_a_dry_run_counts_what_a_real_one_does_and_changes_nothing(world: World) -> None:
    gone, lost, kept = (world.done("reports.generate_report", scan_id=str(world.scan(n)), format="json") for n in (1, 2, 3))
    world.ask("update report set expires_at = wf_now() - interval '1 day', retention = 'audit' where id = %s", gone["report_id"])
    world.ask(
        "update report_snapshot set expires_at = wf_now() - interval '1 day' where id <> (select snapshot from report where id = %s)",
        kept["report_id"],
    )
    world.ask("delete from artifact_part where address = (select address from artifact where id = %s)", lost["artifact_id"])
    leftover = Path(gone["file_path"]).with_name(f".{Path(kept['file_path']).name}.1")
    leftover.write_text("half")
    os.utime(leftover, (0, 0))
    before = (
        world.ask("select id, state, artifact from report order by id"),
        world.ask("select id, artifact from report_snapshot order by id"),
    )
    dry = world.done("reports.cleanup_old_reports", keep_last=0, dry_run=True)
    assert before == (
        world.ask("select id, state, artifact from report order by id"),
        world.ask("select id, artifact from report_snapshot order by id"),
    )
    assert leftover.exists()
    real = world.done("reports.cleanup_old_reports", keep_last=0)
    assert {**dry, "dry_run": False} == real
    assert (real["deleted_count"], real["orphans_removed"], real["lost_marked"], real["kept_count"]) == (1, 3, 1, 2)
    assert not leftover.exists()


def test_a_copy_that_a_dead_worker_left_goes_and_others_files_stay(world: World) -> None:
    made = world.done("reports.generate_report", scan_id=str(world.scan()), format="json")
    path = Path(made["file_path"])
    world.ask("update report set state = 'deleted', artifact = null, file_path = null where id = %s", made["report_id"])
    others = [path.with_name("notes.json"), path.with_name(f"scan-{uuid4()}.json")]
    for one in (path, *others):
        one.write_text("x")
        os.utime(one, (0, 0))
    assert world.done("reports.cleanup_old_reports")["orphans_removed"] == 1
    assert (path.exists(), [one.exists() for one in others]) == (False, [True, True])


def test_a_copy_that_may_not_be_removed_is_left_to_the_worker(world: World, http: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    made = world.done("reports.generate_report", scan_id=str(world.scan()), format="json")

    def refuse(path: Path, *, missing_ok: bool = False) -> None:
        raise PermissionError(13, "Permission denied", str(path), missing_ok)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "unlink", refuse)
        assert client_of(http, world.ledger, world.org, "owner").ask("DELETE", f"/reports/{made['report_id']}").status_code == 204
    os.utime(made["file_path"], (0, 0))
    assert world.done("reports.cleanup_old_reports")["orphans_removed"] == 1


def test_nobody_holds_a_report_without_a_reason_of_their_own(world: World, http: httpx.Client, ledger: Ledger) -> None:
    analyst, scan = client_of(http, ledger, world.org, "analyst"), str(world.scan())
    answer = analyst.ask("POST", "/reports", json={"scan_id": scan, "formats": ["json"], "retention": "hold"})
    assert (answer.status_code, "reason" in answer.text) == (422, True)
    assert analyst.ask("PUT", "/reports/presets/forever", json={"retention": "hold"}).status_code == 422
    assert "reason" in world.failed("reports.generate_report", scan_id=scan, format="json", retention="hold")
    assert world.ask("select count(*) from report") == [(0,)]


@pytest.mark.parametrize(
    "wish",
    [{"time_zone": "Mars/X"}, {"theme": "none"}, {"sections": ["nobody"]}, {"filters": {"capabilities": ["nobody"]}}, {"formats": []}],
)
def test_a_preset_that_could_never_be_used_is_refused(world: World, http: httpx.Client, ledger: Ledger, wish: dict[str, Any]) -> None:
    assert client_of(http, ledger, world.org, "owner").ask("PUT", "/reports/presets/ours", json=wish).status_code == 422
