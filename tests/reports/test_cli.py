"""`wf reports`: what is printed, where files lie, and what exit codes mean."""

from __future__ import annotations

import io
import json
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest

from tests.cli.desk import OpenDesk, WorkingDesk
from watchfloor.capabilities.reports.cli import commands
from watchfloor.capabilities.reports.queries.presets import set_preset
from watchfloor.capabilities.reports.schemas.requests import Filters, PresetWish
from watchfloor.capabilities.reports.schemas.words import Format
from watchfloor.kernel.contract import Severity
from watchfloor.kernel.errors import Conflict, InvalidInput, NotFound
from watchfloor.kernel.terminal import Exit

if TYPE_CHECKING:
    from tests.reports.world import World

NOBODY = "6f0b4a57-9f0e-4b58-8f5e-0d7f6b7d2f11"


@pytest.fixture
def desk(world: World) -> WorkingDesk:
    return WorkingDesk(world.ledger, world.org, worker=world.worker)


def told(desk: OpenDesk, *arguments: str, code: int = 0) -> str:
    """Return what a command prints; it must end with this code."""
    result = desk.run(commands, *arguments)
    assert result.exit_code == code, (result.output, result.exception)
    return result.stdout


def document(desk: OpenDesk, *arguments: str, code: int = 0) -> Any:
    return json.loads(told(desk, *arguments, "--json", code=code))


def refused(desk: OpenDesk, *arguments: str) -> Exception:
    """Return the error a command ends with; the door turns it into a sentence and a code."""
    error = desk.run(commands, *arguments).exception
    assert isinstance(error, (InvalidInput, NotFound, Conflict)), error
    return error


def ready(desk: OpenDesk, world: World, formats: str = "json") -> list[dict[str, Any]]:
    """Make reports about a new scan."""
    found: list[dict[str, Any]] = document(desk, "generate", str(world.scan()), "--format", formats)["reports"]
    return found


def test_every_format_that_is_asked_for_lies_in_the_folder_that_is_named(desk: WorkingDesk, world: World, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    printed = told(desk, "generate", str(world.scan()), "--format", "csv, json", "--output", str(folder))
    assert sorted(path.suffix for path in folder.iterdir()) == [".csv", ".json"]
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    assert all(str(path) in printed for path in folder.iterdir())


def test_one_format_lies_in_the_file_that_is_named(desk: WorkingDesk, world: World, tmp_path: Path) -> None:
    told(desk, "export", str(world.scan()), "--output", str(tmp_path / "findings.csv"))
    assert (tmp_path / "findings.csv").read_text(encoding="utf-8-sig").count("\n") == 4


@pytest.mark.parametrize("command", ["generate", "export", "download"])
def test_a_folder_that_is_not_there_yet_is_made_for_its_owner_alone(desk: WorkingDesk, world: World, tmp_path: Path, command: str) -> None:
    what = ready(desk, world)[0]["report_id"] if command == "download" else str(world.scan())
    printed = told(desk, command, what, *(("--format", "csv") if command == "generate" else ()), "--output", f"{tmp_path}/new/")
    (made,) = (tmp_path / "new").iterdir()
    assert str(made) in printed
    assert [path.stat().st_mode & 0o777 for path in (tmp_path / "new", made)] == [0o700, 0o600]


def test_without_a_worker_the_job_is_left_and_its_id_is_printed(desk: WorkingDesk, world: World) -> None:
    job = told(desk, "generate", str(world.scan()), "--format", "json", "--no-wait").strip()
    assert world.ask("select kind from job where id = %s", UUID(job)) == [("reports.generate_multiple_reports",)]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("generate", "--format", "docx"), "use pdf, html"),
        (("generate", "no-id"), "`watchfloor scans list`"),
        (("generate", NOBODY, "--output", "-", "--json"), "choose one"),
        (("generate", NOBODY, "--format", "csv,json", "--output", "-"), "takes one format"),
        (("show", "no-id"), "`watchfloor reports list`"),
        (("show", NOBODY), NOBODY),
        (("download", NOBODY), NOBODY),
        (("verify", NOBODY[:8]), "neither a file nor"),
        (("verify", NOBODY), NOBODY),
        (("generate", NOBODY, "--locale", "zz_ZZ"), "--locale"),
        (("generate", NOBODY, "--redaction", "some"), "'none', 'internal' or 'public'"),
        (("generate", NOBODY, "--time-zone", "Mars/X", "--format", "json"), "no time zone"),
        (("generate", NOBODY, "--preset", "none", "--format", "json"), "no preset"),
        (("generate", NOBODY, "--section", "nobody"), "the sections there are: advisories, reports, scans"),
        (("generate", NOBODY, "--capability", "nobody"), "the capabilities there are: advisories, reports, scans"),
        (("generate", NOBODY, "--min-severity", "worst"), "--min-severity 'worst'"),
        (("generate", NOBODY, "--finding-state", "open,gone"), "--finding-state 'gone'"),
        (("hold", NOBODY, "--reason", "law"), "no report"),
        (("release", NOBODY), "not held"),
    ],
)
def test_what_is_asked_wrongly_is_refused_with_what_to_do(desk: WorkingDesk, arguments: tuple[str, ...], said: str) -> None:
    assert said in str(refused(desk, *arguments))


@pytest.mark.parametrize(("option", "value"), [("--days", "99999999999"), ("--keep-last", "1001")])
def test_a_number_that_is_too_large_is_a_wrong_request(desk: WorkingDesk, option: str, value: str) -> None:
    result = desk.run(commands, "cleanup", option, value)
    assert (result.exit_code, option in result.stderr) == (Exit.ERROR, True), result.stderr


def test_an_unknown_scan_fails_with_the_reason(desk: WorkingDesk) -> None:
    result = desk.run(commands, "generate", NOBODY, "--format", "json")
    assert result.exit_code == Exit.ERROR
    assert "The report was not written" in result.stderr


def test_another_organisation_lists_and_shows_nothing(desk: WorkingDesk, world: World) -> None:
    (made,) = ready(desk, world)
    other = WorkingDesk(world.ledger, world.elsewhere().org, worker=world.worker)
    assert document(other, "list")["items"] == []
    assert isinstance(refused(other, "show", made["report_id"]), NotFound)
    assert isinstance(refused(other, "download", made["report_id"], "--output", "-"), NotFound)


def test_reports_are_listed_shown_and_downloaded(desk: WorkingDesk, world: World, tmp_path: Path) -> None:
    made = {one["format"]: one for one in ready(desk, world, "json,csv")}
    report = made["json"]["report_id"]
    assert {one["id"] for one in document(desk, "list")["items"]} == {one["report_id"] for one in made.values()}
    assert [one["id"] for one in document(desk, "list", "--format", "json")["items"]] == [report]
    assert report in told(desk, "list")
    assert told(desk, "list", "--format", "json", "--quiet") == f"{report}\n"
    assert told(desk, "list", "--state", "failed", "--quiet") == ""
    assert document(desk, "show", report)["size_bytes"] == made["json"]["file_size"]
    path = Path(told(desk, "download", report, "--output", str(tmp_path)).strip())
    assert path.read_bytes() == world.stored(UUID(report))
    assert path.stat().st_mode & 0o777 == 0o600


def test_who_took_a_report_away_stands_in_the_record(
    desk: WorkingDesk, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (made,) = ready(desk, world)
    monkeypatch.setattr("webbrowser.open", lambda _uri: True)
    told(desk, "download", made["report_id"], "--output", str(tmp_path))
    told(desk, "open", made["report_id"])
    assert (
        world.ask("select actor, operation from audit_entry where object = %s and operation = 'report.download'", made["report_id"])
        == [("cli", "report.download")] * 2
    )


def test_nothing_is_written_where_there_is_no_standard_output(desk: WorkingDesk, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    (made,) = ready(desk, world)
    monkeypatch.setattr(sys, "__stdout__", None)  # as Python says that it was closed: its number is then somebody else's
    assert "standard output" in str(refused(desk, "download", made["report_id"], "--output", "-"))
    assert "standard output" in str(refused(desk, "generate", made["report_id"], "--format", "json", "--output", "-"))


def test_opening_a_report_shows_its_file(desk: WorkingDesk, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    (made,) = ready(desk, world, "html")
    shown: list[str] = []

    def show(uri: str) -> bool:
        shown.append(uri)
        return True

    monkeypatch.setattr("webbrowser.open", show)
    path = told(desk, "open", made["report_id"]).strip()
    assert shown == [Path(path).as_uri()]
    assert Path(path).read_bytes() == world.stored(UUID(made["report_id"]))


def test_a_machine_that_can_show_nothing_says_where_the_file_is(desk: WorkingDesk, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    (made,) = ready(desk, world)
    monkeypatch.setattr("webbrowser.open", lambda _uri: False)
    assert made["file_path"] in str(refused(desk, "open", made["report_id"]))


def test_a_file_is_proven_and_a_changed_one_is_not(desk: WorkingDesk, world: World, tmp_path: Path) -> None:
    (made,) = ready(desk, world)
    path = tmp_path / "report.json"
    path.write_bytes(world.stored(UUID(made["report_id"])))
    assert document(desk, "verify", str(path))["report"] == made["report_id"]
    assert "signature is ours: yes" in told(desk, "verify", made["report_id"], "--rerender")
    path.write_bytes(path.read_bytes() + b" ")
    assert "No report that was made here" in told(desk, "verify", str(path), code=Exit.FINDINGS)


@pytest.mark.parametrize("end", ["deleted", "lost"])
def test_a_file_is_proven_by_whoever_has_it_when_our_own_is_gone(desk: WorkingDesk, world: World, tmp_path: Path, end: str) -> None:
    (made,) = ready(desk, world)
    path = tmp_path / "report.json"
    path.write_bytes(world.stored(UUID(made["report_id"])))
    told(desk, "delete", made["report_id"]) if end == "deleted" else world.ask("delete from artifact_part")
    if end == "lost":
        assert document(desk, "verify", made["report_id"], code=Exit.FINDINGS)["file_ok"] is False
    proof = document(desk, "verify", str(path), "--rerender")
    assert (proof["state"], proof["file_ok"], proof["signature_ok"]) == (end, True, True)
    assert end in told(desk, "verify", str(path))
    assert end in str(refused(desk, "verify", made["report_id"]))


def test_a_lost_file_is_not_downloaded_and_the_report_is_listed_as_lost(desk: WorkingDesk, world: World, tmp_path: Path) -> None:
    (made,) = ready(desk, world)
    world.ask("delete from artifact_part")
    assert "lost" in str(refused(desk, "download", made["report_id"], "--output", str(tmp_path / "report.json")))
    assert list(tmp_path.glob("*.json")) == []
    assert [one["id"] for one in document(desk, "list", "--state", "lost")["items"]] == [made["report_id"]]


def test_a_hold_without_a_reason_is_refused(desk: WorkingDesk, world: World) -> None:
    (made,) = ready(desk, world)
    for reason in ("", "  ", "x" * 2001):
        assert "reason" in str(refused(desk, "hold", made["report_id"], "--reason", reason))
    assert document(desk, "show", made["report_id"])["retention"] == "standard"


def test_a_bundle_says_which_of_its_files_is_another(desk: WorkingDesk, world: World, tmp_path: Path) -> None:
    (made,) = ready(desk, world, "bundle")
    for name, code in (("", Exit.CLEAN), ("report.csv", Exit.FINDINGS)):
        path = tmp_path / f"packed again {name}.zip"
        with zipfile.ZipFile(io.BytesIO(world.stored(UUID(made["report_id"])))) as old, zipfile.ZipFile(path, "w") as new:
            for one in old.namelist():
                new.writestr(one, old.read(one) + b" " * (one == name))
        said = told(desk, "verify", str(path), code=code)
        assert ("report.csv" in said, "signature" in said) == (bool(name), True)
        assert "No report that was made here" in said


def test_a_held_report_stays_until_it_is_released(desk: WorkingDesk, world: World) -> None:
    (made,) = ready(desk, world)
    report = made["report_id"]
    told(desk, "hold", report, "--reason", "a claim is open")
    assert "held" in str(refused(desk, "delete", report))
    told(desk, "release", report)
    told(desk, "delete", report)
    assert document(desk, "show", report)["state"] == "deleted"
    assert isinstance(refused(desk, "delete", report), Conflict)
    said = [row[0] for row in world.ask("select operation from audit_entry where object = %s order by at", report)]
    assert [one for one in said if one.startswith("report.") and one != "report.create"][:3] == [
        "report.hold",
        "report.release",
        "report.delete",
    ]


def test_clean_up_says_what_it_would_delete_before_it_does(desk: WorkingDesk, world: World) -> None:
    ready(desk, world)
    world.ask("update report set ready_at = ready_at - interval '40 days'")
    assert document(desk, "cleanup", "--days", "30", "--keep-last", "0", "--dry-run")["deleted_count"] == 1
    assert len(document(desk, "list", "--state", "ready")["items"]) == 1
    assert told(desk, "cleanup", "--days", "30", "--keep-last", "0").startswith("1 deleted")
    assert document(desk, "list", "--state", "ready")["items"] == []


def test_presets_are_listed_with_what_they_say(desk: WorkingDesk) -> None:
    assert {one["name"] for one in document(desk, "presets")} >= {"executive", "engineer", "auditor"}
    assert "auditor" in told(desk, "presets")


def test_a_report_lists_what_its_options_say(desk: WorkingDesk, world: World) -> None:
    options = ("--min-severity", "high", "--finding-state", "open", "--capability", "scans", "--section", "scans", "--format", "json")
    (made,) = document(desk, "generate", str(world.scan(findings=5)), *options)["reports"]
    found = json.loads(world.stored(UUID(made["report_id"])))
    assert {row["title"] for row in found["findings"]} == {"Finding 3", "Finding 4"}
    assert found["scope"]["sections"] == ["scans"]
    assert found["scope"]["filters"] == {"min_severity": "high", "states": ["open"], "capabilities": ["scans"], "known_exploited": False}
    (none,) = document(desk, "generate", str(world.scan(findings=5)), "--known-exploited", "--format", "json")["reports"]
    assert json.loads(world.stored(UUID(none["report_id"])))["findings"] == []


def test_the_formats_of_a_preset_are_made_where_none_are_named(desk: WorkingDesk, world: World) -> None:
    wish = PresetWish(formats=[Format.CSV, Format.JSON], filters=Filters(min_severity=Severity.HIGH))
    with world.ledger.database.transaction(world.org) as session:
        set_preset(session, world.org, "audit", wish, actor="tests")
    assert "formats csv json, min_severity high" in " ".join(told(desk, "presets").split())
    scan = str(world.scan())
    assert [one["format"] for one in document(desk, "generate", scan, "--preset", "audit")["reports"]] == ["csv", "json"]
    assert [one["format"] for one in document(desk, "generate", scan, "--preset", "audit", "--format", "html")["reports"]] == ["html"]
    assert "takes one format" in str(refused(desk, "generate", scan, "--preset", "audit", "--output", "-"))
