"""Facts about reports for which a disk has no room: nothing is begun, nothing is left, and somebody is told once an hour."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

import pytest

from watchfloor.capabilities.reports.jobs import disk
from watchfloor.capabilities.reports.schemas.words import Format

if TYPE_CHECKING:
    from tests.reports.world import World

HUGE = 1 << 58  # more than any disk has, and little enough to be doubled for every format of a bundle
ROOM = "select data from event where name = 'reports.short_of_room' order by id"


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give temporary files a folder of the test's own."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    return tmp_path / "temporary"


def grown(world: World) -> UUID:
    """Return a scan whose snapshot was huge."""
    scan = world.scan()
    world.done("reports.generate_report", scan_id=str(scan), format="json")
    world.ask("update report_snapshot set size_bytes = %s", HUGE)
    return scan


@pytest.mark.usefixtures("temporary")
def test_a_snapshot_for_which_there_is_no_room_is_not_begun(world: World) -> None:
    scan = grown(world)
    world.accept_one(scan)
    result = world.run("reports.generate_report", scan_id=str(scan), format="json")
    assert (result.state, "MiB are needed" in str(result.info)) == ("RETRY", True)
    assert world.ask("select count(*) from report_snapshot") == [(1,)]
    ((wait_s,),) = world.ask("select extract(epoch from run_at - wf_now())::int from job where id = %s", result.id)
    assert 240 < wait_s <= 300


def test_a_report_for_which_there_is_no_room_is_not_rendered_and_leaves_nothing(world: World, temporary: Path) -> None:
    scan = grown(world)
    result = world.run("reports.generate_report", scan_id=str(scan), format="csv")
    assert (result.state, str(temporary) in str(result.info)) == ("RETRY", True)
    assert world.ask("select state from report where format = 'csv'") == [("rendering",)]
    assert not list(temporary.iterdir())
    assert [one.suffix for one in (world.copies / str(world.org)).iterdir()] == [".json"]


def test_what_is_there_already_needs_no_room(world: World) -> None:
    scan = grown(world)
    assert world.done("reports.generate_report", scan_id=str(scan), format="json")["reused"]


def test_a_report_waits_until_there_is_room(world: World) -> None:
    scan = grown(world)
    waiting = world.run("reports.generate_report", scan_id=str(scan), format="csv")
    world.ask("update report_snapshot set size_bytes = 4000")
    world.worker.lost(UUID(waiting.id))  # queued again, as when its five minutes are over
    world.worker.run_all(world.org)
    assert waiting.get(timeout=0)["status"] == "ready"


def test_a_proof_by_rendering_again_waits_for_room_as_well(world: World) -> None:
    scan = grown(world)
    ((report,),) = world.ask("select id from report where scan = %s", scan)
    assert world.run("reports.verify_report", report_id=str(report), rerender=True).state == "RETRY"
    assert world.done("reports.verify_report", report_id=str(report))["file_ok"]


def test_somebody_is_told_once_an_hour(world: World) -> None:
    scan = grown(world)
    for format_ in ("csv", "html"):
        world.run("reports.generate_report", scan_id=str(scan), format=format_)
    ((told,),) = world.ask(ROOM)
    assert told["needed_bytes"] == disk.TIMES * 2 * HUGE
    assert told["free_bytes"] < told["needed_bytes"]
    world.ask("update event set at = at - interval '61 minutes' where name = 'reports.short_of_room'")
    world.run("reports.generate_report", scan_id=str(scan), format="sarif")
    assert len(world.ask(ROOM)) == 2


def test_another_organisation_is_told_of_its_own(world: World) -> None:
    other = world.elsewhere()
    for one in (world, other):
        one.run("reports.generate_report", scan_id=str(grown(one)), format="csv")
    assert [len(one.ask(ROOM)) for one in (world, other)] == [1, 1]


@pytest.mark.skipif(not os.access("/dev/full", os.W_OK), reason="this system has no device that is full")
def test_a_disk_that_is_full_all_the_same_is_told_too(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    scan = world.scan()
    with Path("/dev/full").open("r+b", buffering=0) as full:
        monkeypatch.setattr(tempfile, "TemporaryFile", lambda: full)
        result = world.run("reports.generate_report", scan_id=str(scan), format="json")
    assert (result.state, "no room is left" in str(result.info)) == ("RETRY", True)
    ((told,),) = world.ask(ROOM)
    assert (told["needed_bytes"], told["free_bytes"]) == (None, None)


@pytest.mark.parametrize(("formats", "times"), [([Format.JSON], 2), ([Format.JSON, Format.PDF], 3), ([Format.BUNDLE], 1 + len(Format))])
def test_every_format_may_take_as_much_as_its_snapshot(formats: list[Format], times: int) -> None:
    assert disk.of_files(1000, formats) == 1000 * times


def test_a_first_snapshot_is_as_large_as_its_findings(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk, "ROW_BYTES", HUGE)
    assert world.run("reports.generate_report", scan_id=str(world.scan(findings=1)), format="json").state == "RETRY"
    assert world.done("reports.generate_report", scan_id=str(world.scan(findings=0)), format="json")["status"] == "ready"


def test_a_folder_of_copies_that_is_not_there_yet_is_on_the_disk_of_what_is_above_it(tmp_path: Path) -> None:
    disk.ask_for(0, tmp_path / "a" / "b")
    with pytest.raises(disk.NoRoom, match=r"tmp.* MiB of room left"):
        disk.ask_for(HUGE, tmp_path / "a" / "b")
