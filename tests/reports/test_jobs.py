"""Facts about making reports: one snapshot, one report for the same wish, failures that stop nothing else."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import pytest

from tests.api.floor import PNG
from tests.api.worker import Worker
from tests.reports import letters
from watchfloor.capabilities.reports.capability import reports
from watchfloor.capabilities.reports.engine import spec
from watchfloor.capabilities.reports.jobs import fonts
from watchfloor.capabilities.reports.queries import snapshots
from watchfloor.capabilities.reports.schemas.snapshot import Options
from watchfloor.capabilities.reports.schemas.words import Redaction
from watchfloor.capabilities.reports.settings import ReportSettings
from watchfloor.catalog import CATALOG
from watchfloor.kernel.errors import GiveUp, Retry

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from tests.reports.world import World

FORMATS = ["pdf", "html", "json", "csv", "xlsx", "sarif", "cyclonedx", "openvex", "csaf", "bundle"]


def test_a_report_is_made_and_its_copy_is_the_stored_file(world: World) -> None:
    scan = world.scan(findings=7)
    made = world.done("reports.generate_report", scan_id=str(scan), format="json")
    assert (made["status"], made["reused"], made["scan_id"]) == ("ready", False, str(scan))
    content = world.stored(UUID(made["report_id"]))
    assert len(content) == made["file_size"]
    assert world.copy(made["file_path"]) == content


def test_the_same_wish_gives_the_same_report(world: World) -> None:
    scan = world.scan(findings=3)
    first, second = (world.done("reports.generate_report", scan_id=str(scan), format="json") for _ in range(2))
    assert (second["report_id"], second["sha256"], second["reused"]) == (first["report_id"], first["sha256"], True)


def test_a_decision_about_a_finding_makes_a_new_snapshot(world: World) -> None:
    scan = world.scan(findings=3)
    first = world.done("reports.generate_report", scan_id=str(scan), format="json")
    world.accept_one(scan)
    second = world.done("reports.generate_report", scan_id=str(scan), format="json")
    assert second["report_id"] != first["report_id"]
    assert second["sha256"] != first["sha256"]


def test_another_version_of_the_templates_takes_its_own_snapshot(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    scan = world.scan(findings=1)
    made = []
    for version in (1001, 1002):
        monkeypatch.setattr("watchfloor.capabilities.reports.engine.spec.TEMPLATE_VERSION", version)
        monkeypatch.setattr("watchfloor.capabilities.reports.jobs.snapshot.TEMPLATE_VERSION", version, raising=False)
        made.append(world.done("reports.generate_multiple_reports", scan_id=str(scan), formats=["json"])["snapshot_id"])
    assert made[0] != made[1]


def test_findings_that_take_the_place_of_as_many_others_of_the_same_moment_make_a_new_report(world: World) -> None:
    world.scan(findings=1)
    world.ask(
        "insert into asset (org, id, kind, key) select org, gen_random_uuid(), 'host', '192.0.2.8' from asset where org = %s", world.org
    )
    world.ask(
        'insert into finding (org, id, key, capability, "check", asset, target, port, title, severity, severity_rank, first_seen, last_seen) '
        "select f.org, gen_random_uuid(), 'elsewhere', f.capability, f.\"check\", a.id, a.key, f.port, 'Another', f.severity, f.severity_rank, f.first_seen, "
        "f.last_seen from finding f join asset a on a.org = f.org and a.key = '192.0.2.8' where f.org = %s", world.org,
    )  # fmt: skip
    world.ask(
        "insert into finding_change (org, id, finding, at, to_state, actor, reason) select h.org, gen_random_uuid(), f.id, h.at, h.to_state, h.actor, h.reason "
        "from finding_change h join finding f on f.org = h.org and f.key = 'elsewhere' where h.org = %s", world.org,
    )  # fmt: skip
    first = world.done("reports.generate_report", tag="shop", format="json")
    world.ask("update asset set tags = case key when '192.0.2.8' then '{shop}'::text[] else '{}' end where org = %s", world.org)
    second = world.done("reports.generate_report", tag="shop", format="json")
    assert (second["reused"], world.stored(UUID(second["report_id"])).count(b"Another")) == (False, 1)
    assert world.stored(UUID(first["report_id"])).count(b"Another") == 0


def test_a_format_that_fails_is_told_as_gravely_as_it_is_declared(world: World) -> None:
    scan = world.scan(findings=1)
    made = world.done("reports.generate_multiple_reports", scan_id=str(scan), formats=["json", "openvex"])
    assert (made["total_generated"], made["total_failed"]) == (1, 1)
    declared = next(one.severity for one in reports.events if one.name == "reports.failed")
    assert world.ask("select severity, data->>'format' from event where name = 'reports.failed'") == [(str(declared), "openvex")]


def test_several_formats_come_from_one_snapshot(world: World) -> None:
    scan = world.scan(findings=3)
    made = world.done("reports.generate_multiple_reports", scan_id=str(scan), formats=["json", "json"])
    assert (made["total_generated"], made["total_failed"], len(made["reports"])) == (1, 0, 1)


@pytest.mark.parametrize("arguments", [{"scan_id": str(uuid4())}, {"scan_id": str(uuid4()), "base_scan_id": str(uuid4())}])
def test_an_unknown_scan_fails_at_once(world: World, arguments: dict[str, Any]) -> None:
    assert "there is no scan" in world.failed("reports.generate_report", **arguments)


@pytest.mark.parametrize(
    ("arguments", "said"), [({"tag": "shpo"}, "no asset has the tag"), ({"since": "2999-01-01T00:00:00Z"}, "has not come")]
)
def test_a_report_about_nothing_fails_at_once(world: World, arguments: dict[str, Any], said: str) -> None:
    world.scan()
    assert said in world.failed("reports.generate_report", format="json", **arguments)


def test_another_organisations_scan_is_unknown(world: World) -> None:
    scan = world.elsewhere().scan(findings=1)
    assert "there is no scan" in world.failed("reports.generate_report", scan_id=str(scan), format="json")


def test_a_report_verifies_and_renders_again_to_the_same_bytes(world: World) -> None:
    made = world.done("reports.generate_report", scan_id=str(world.scan(findings=5)), format="json")
    proof = world.done("reports.verify_report", report_id=made["report_id"], rerender=True)
    assert (proof["file_ok"], proof["signature_ok"], proof["rerender_equal"]) == (True, True, True)


def test_the_weekly_report_is_about_the_organisation(world: World) -> None:
    world.scan(findings=2)
    made = world.done("reports.weekly_vulnerability_report", formats=["json"])
    assert made["total_generated"] == 1
    assert made["scan_id"] is None


def test_a_comparison_names_what_is_new_fixed_and_returned(world: World) -> None:
    base = world.scan(findings=4)
    scan = world.scan(findings=6)
    made = world.done("reports.generate_report", scan_id=str(scan), base_scan_id=str(base), format="json")
    assert world.changes(UUID(made["report_id"])) == {"unchanged": 4, "new": 2}


def test_every_format_is_made_from_one_snapshot_and_renders_again_to_the_same_bytes(world: World) -> None:
    scan = world.scan(findings=12, text="<b>=1+1</b> {{7*7}} #read")
    made = world.done("reports.generate_multiple_reports", scan_id=str(scan), formats=FORMATS)
    assert [one["error"] for one in made["reports"] if one["error"]] == []
    assert (made["total_generated"], made["total_failed"]) == (len(FORMATS), 0)
    assert world.ask("select count(*) from report_snapshot") == [(1,)]
    for one in made["reports"]:
        proof = world.done("reports.verify_report", report_id=one["report_id"], rerender=True, pdfa=one["format"] == "pdf")
        assert (proof["file_ok"], proof["signature_ok"], proof["rerender_equal"]) == (True, True, True), one["format"]
        assert proof["pdfa"] is not False


@pytest.mark.parametrize(
    ("redaction", "seen"),
    [("none", {"hunter2", "192.0.2.", "example.org"}), ("internal", {"192.0.2.", "example.org"}), ("public", set())],
)
def test_what_may_not_be_read_is_in_no_byte(world: World, redaction: str, seen: set[str]) -> None:
    scan = world.scan(findings=3, text="http://www.example.org:8080/ and 192.0.2.7:80 sent password=hunter2")
    made = world.done("reports.generate_multiple_reports", scan_id=str(scan), formats=["json", "csv", "html"], redaction=redaction)
    for one in made["reports"]:
        content = world.stored(UUID(one["report_id"])).decode()
        assert {word for word in ("hunter2", "192.0.2.", "example.org") if word in content} == seen, one["format"]
        assert redaction != "public" or "asset-1" in content


def test_the_same_wish_twice_in_line_makes_one_report(world: World) -> None:
    scan = world.scan(findings=3)
    first, second = (world.submit("reports.generate_report", scan_id=str(scan), format="json") for _ in range(2))
    world.worker.run_all(world.org)
    found = [one.get(timeout=0) for one in (first, second)]
    assert found[0]["report_id"] == found[1]["report_id"]
    assert sorted(one["reused"] for one in found) == [False, True]
    assert world.ask("select count(*) from report") == [(1,)]


def test_two_jobs_that_read_the_same_data_at_the_same_time_make_one_report(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    scan = world.scan(findings=3)
    first, second = (world.submit("reports.generate_report", scan_id=str(scan), format="json") for _ in range(2))
    other, name = Worker(world.ledger, world.worker.nursery), snapshots.org_name

    def meanwhile(session: Session, org: UUID) -> str:
        """Run the other job to its end while this one reads."""
        monkeypatch.setattr(snapshots, "org_name", name)
        other.run(UUID(second.id))
        return name(session, org)

    monkeypatch.setattr(snapshots, "org_name", meanwhile)
    world.worker.run(UUID(first.id))
    other.leave()
    found = [one.get(timeout=0) for one in (first, second)]
    assert found[0]["report_id"] == found[1]["report_id"]
    assert [one["reused"] for one in found] == [True, False]
    assert world.ask("select count(*) from report_snapshot") == [(1,)]


def test_while_another_job_renders_a_report_nobody_else_does(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    scan = world.scan(findings=3)
    made = world.done("reports.generate_report", scan_id=str(scan), format="json")
    other = world.submit("jobs.test")  # waits in line: its report is its own
    world.ask("update report set state = 'rendering', job = %s where id = %s", other.id, made["report_id"])
    monkeypatch.setattr("watchfloor.capabilities.reports.jobs.making.PATIENCE_S", 0.0)
    mine = world.submit("reports.generate_report", scan_id=str(scan), format="json")
    world.worker.run(UUID(mine.id))
    assert mine.state == "RETRY"
    assert f"job {other.id} renders the same report just now" in str(mine.info)


def test_a_newer_report_that_failed_does_not_drive_out_the_last_good_one(world: World) -> None:
    good = world.done("reports.generate_report", scan_id=str(world.scan()), format="json")["report_id"]
    world.ask(
        "insert into report (org, id, snapshot, scan, scope_hash, format, options, redaction, spec_hash, template_version, state, retention, created_by, "
        "expires_at) select org, gen_random_uuid(), snapshot, scan, scope_hash, format, options, redaction, 'other', template_version, 'failed', retention, "
        "created_by, wf_now() - interval '1 day' from report"
    )
    world.ask("update report set expires_at = wf_now() - interval '1 day'")
    assert world.done("reports.cleanup_old_reports")["deleted_count"] == 1
    assert world.ask("select state from report where id = %s", good) == [("ready",)]


def test_an_attempt_that_died_while_rendering_is_finished_by_the_next_job(world: World) -> None:
    scan = world.scan(findings=3)
    made = world.done("reports.generate_report", scan_id=str(scan), format="json")
    world.ask("update report set state = 'rendering', artifact = null, sha256 = null where id = %s", made["report_id"])
    again = world.done("reports.generate_report", scan_id=str(scan), format="json")
    assert (again["report_id"], again["sha256"], again["reused"]) == (made["report_id"], made["sha256"], False)


def test_a_copy_that_cannot_be_written_is_tried_again_and_leaves_nothing(world: World) -> None:
    scan = world.scan(findings=1)
    world.copies.write_text("in the way")
    result = world.run("reports.generate_report", scan_id=str(scan), format="json")
    assert result.state == "RETRY"
    assert "cannot be written" in str(result.info)
    assert world.ask("select count(*) from report where state = 'ready'") == [(0,)]


def test_clean_up_keeps_the_newest_and_what_is_held(world: World) -> None:
    made = []
    for n in range(4):
        scan = world.scan(findings=n + 1)
        world.ask("update scan set subject = 'same' where id = %s", scan)
        made.append(world.done("reports.generate_report", tag="shop", format="json"))
    reports = [one["report_id"] for one in made]
    world.ask("update report set expires_at = wf_now() - interval '1 day', ready_at = ready_at - interval '100 days' where state = 'ready'")
    world.ask("update report set retention = 'hold', hold_reason = 'r' where id = %s", reports[0])
    told = world.done("reports.cleanup_old_reports", dry_run=True)
    done = world.done("reports.cleanup_old_reports")
    assert (told["deleted_count"], told["held_count"]) == (done["deleted_count"], done["held_count"]) == (2, 1)
    states = dict(world.ask("select id::text, state from report"))
    assert [states[one] for one in reports] == ["ready", "deleted", "deleted", "ready"]
    assert world.ask("select count(*) from report where state = 'deleted' and sha256 is not null and artifact is null") == [(2,)]


def test_clean_up_marks_reports_as_lost_whose_bytes_are_gone(world: World) -> None:
    made = world.done("reports.generate_report", scan_id=str(world.scan()), format="json")
    world.ask("delete from artifact_part")
    done = world.done("reports.cleanup_old_reports")
    assert done["lost_marked"] == 1
    assert world.ask("select state from report where id = %s", made["report_id"]) == [("lost",)]
    assert world.done("reports.generate_report", scan_id=str(made["scan_id"]), format="json")["status"] == "ready"


def test_a_report_whose_bytes_are_gone_is_made_again_and_the_old_one_is_lost(world: World) -> None:
    scan = world.scan()
    first = world.done("reports.generate_report", scan_id=str(scan), format="json")
    ((artifact,),) = world.ask("select artifact from report where id = %s", first["report_id"])
    world.ask("delete from artifact_part where address = (select address from artifact where id = %s)", artifact)
    again = world.done("reports.generate_report", scan_id=str(scan), format="json")
    assert (again["reused"], again["sha256"]) == (False, first["sha256"])
    assert world.ask("select state from report where id = %s", first["report_id"]) == [("lost",)]
    assert len(world.stored(UUID(again["report_id"]))) == first["file_size"]


def test_a_snapshot_whose_bytes_are_gone_is_taken_again(world: World) -> None:
    scan = world.scan()
    first = world.done("reports.generate_multiple_reports", scan_id=str(scan), formats=["json"])
    world.ask("delete from artifact_part where address in (select a.address from artifact a join report_snapshot s on s.artifact = a.id)")
    again = world.done("reports.generate_multiple_reports", scan_id=str(scan), formats=["csv"])
    assert (again["total_generated"], again["snapshot_id"] != first["snapshot_id"]) == (1, True)


def test_a_copy_that_somebody_removed_is_there_again_when_the_report_is_asked_for(world: World) -> None:
    scan = world.scan()
    made = [world.done("reports.generate_report", scan_id=str(scan), format="json")]
    Path(made[0]["file_path"]).unlink()
    made.append(world.done("reports.generate_report", scan_id=str(scan), format="json"))
    assert (made[1]["report_id"], made[1]["reused"]) == (made[0]["report_id"], True)
    assert world.copy(made[1]["file_path"]) == world.stored(UUID(made[1]["report_id"]))


def test_copies_come_into_the_folder_that_is_set_now(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    scan = world.scan()
    before = Path(world.done("reports.generate_report", scan_id=str(scan), format="json")["file_path"])
    before.unlink()
    world.copies = world.copies.with_name("elsewhere")
    monkeypatch.setenv("WATCHFLOOR_REPORTS_EXPORT_DIR", str(world.copies))
    made = world.done("reports.generate_report", scan_id=str(scan), format="json")
    assert (world.copy(made["file_path"]), made["reused"]) == (world.stored(UUID(made["report_id"])), True)


def test_what_is_gone_is_no_proof_and_no_failure(world: World) -> None:
    made = world.done("reports.generate_report", scan_id=str(world.scan()), format="json")
    world.ask("delete from artifact_part")
    proof = world.done("reports.verify_report", report_id=made["report_id"], rerender=True)
    assert (proof["file_ok"], proof["signature_ok"], proof["rerender_equal"]) == (False, True, None)
    assert [note for note in proof["notes"] if "gone" in note]
    assert world.ask("select state from report where id = %s", made["report_id"]) == [("lost",)]


def test_a_report_is_not_rendered_again_with_another_logo(world: World) -> None:
    theme = "insert into report_theme (org, id, name, tokens, classification, author, actor, logo) values (%s, %s, 'ours', '{}', '', '', 'x', %s)"
    world.ask(theme, world.org, uuid4(), PNG)
    made = world.done("reports.generate_report", scan_id=str(world.scan()), format="html", theme="ours")
    assert world.done("reports.verify_report", report_id=made["report_id"], rerender=True)["rerender_equal"] is True
    for change in ("update report_theme set logo = logo || 'x'::bytea", "delete from report_theme"):
        world.ask(change)
        proof = world.done("reports.verify_report", report_id=made["report_id"], rerender=True)
        assert (proof["file_ok"], proof["rerender_equal"]) == (True, None)
        assert "logo" in proof["notes"][0]


def test_a_scan_is_exported_as_csv_by_its_old_name(world: World) -> None:
    scan = world.scan(findings=5)
    made = world.done("reports.export_scan_to_csv", scan_id=str(scan))
    assert (made["format"], made["rows"], made["status"]) == ("csv", 5, "ready")
    assert world.copy(made["file_path"]).startswith(b"\xef\xbb\xbf")


def test_positional_arguments_are_scan_and_format(world: World) -> None:
    scan = world.scan(findings=1)
    job = CATALOG.kinds()["reports.generate_report"].apply_async((str(scan), "csv"), org=world.org)
    world.worker.run_all(world.org)
    assert job.get(timeout=0)["format"] == "csv"


def test_no_findings_make_a_real_report(world: World) -> None:
    made = world.done("reports.generate_multiple_reports", scan_id=str(world.scan(findings=0)), formats=["pdf", "html", "csv"])
    assert made["total_generated"] == 3


@pytest.fixture
def operators(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Name a folder with one font of the operator's."""
    folder = letters.put(tmp_path / "fonts")
    (folder / "notes.txt").write_text("no font")
    monkeypatch.setenv("WATCHFLOOR_REPORTS_FONT_DIR", str(folder))
    return folder


def test_other_fonts_make_another_pdf_and_no_other_format(world: World, operators: Path) -> None:
    scan = str(world.scan(findings=2, text="ሀለሐ"))
    first, again = (world.done("reports.generate_multiple_reports", scan_id=scan, formats=["pdf", "html"])["reports"] for _ in range(2))
    assert [one["report_id"] for one in again] == [one["report_id"] for one in first]
    letters.put(operators, "second.ttf", letters.font(family="Second"))
    pdf, html = world.done("reports.generate_multiple_reports", scan_id=scan, formats=["pdf", "html"])["reports"]
    assert pdf["report_id"] != first[0]["report_id"]
    assert html["report_id"] == first[1]["report_id"]


def test_a_report_with_the_operators_fonts_renders_again_to_the_same_bytes_while_they_are_there(world: World, operators: Path) -> None:
    made = world.done("reports.generate_report", scan_id=str(world.scan(findings=2, text="ሀለሐ")), format="pdf")
    proof = world.done("reports.verify_report", report_id=made["report_id"], rerender=True)
    assert (proof["rerender_equal"], proof["notes"]) == (True, [])
    letters.put(operators, content=letters.font(weight=500))
    proof = world.done("reports.verify_report", report_id=made["report_id"], rerender=True)
    assert proof["rerender_equal"] is None
    assert proof["notes"] == ["it was made with other fonts than those that WATCHFLOOR_REPORTS_FONT_DIR names now: the bytes may differ"]


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("odd.ttf", b"no font", "the font odd.ttf in WATCHFLOOR_REPORTS_FONT_DIR cannot be used: it is neither TrueType nor OpenType"),
        ("cut.otf", letters.font()[:-3000], "the font cut.otf in WATCHFLOOR_REPORTS_FONT_DIR cannot be used: its table"),
        (None, None, "which holds no font"),
    ],
)
def test_a_font_that_cannot_be_used_fails_pdfs_alone_and_is_named(
    world: World, operators: Path, name: str | None, content: bytes | None, reason: str
) -> None:
    (operators / "operator.ttf").unlink()
    if name:
        letters.put(operators, name, content)
    made = world.done("reports.generate_multiple_reports", scan_id=str(world.scan(findings=1)), formats=["pdf", "html"])
    assert [one["status"] for one in made["reports"]] == ["failed", "ready"]
    assert reason in made["reports"][0]["error"]
    letters.put(operators, name or "operator.ttf")
    assert world.done("reports.generate_report", scan_id=made["scan_id"], format="pdf")["status"] == "ready"


def test_a_folder_of_fonts_that_is_not_there_is_named(world: World, operators: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATCHFLOOR_REPORTS_FONT_DIR", str(operators / "gone"))
    said = world.failed("reports.generate_report", scan_id=str(world.scan(findings=1)), format="pdf")
    assert f"WATCHFLOOR_REPORTS_FONT_DIR names {operators / 'gone'}, which cannot be read: No such file or directory" in said


def test_more_fonts_than_a_box_takes_are_refused(operators: Path) -> None:
    for number in range(fonts.MOST):
        letters.put(operators, f"{number}.ttf", letters.font())
    refused = fonts.operator_fonts(ReportSettings(font_dir=operators))
    assert "with 101 fonts of" in refused.refusal
    with ExitStack() as stack, pytest.raises(GiveUp, match="at most 100"):
        refused.opened(stack)


def test_a_font_that_changes_while_a_report_is_made_is_tried_again(operators: Path) -> None:
    found = fonts.operator_fonts(ReportSettings(font_dir=operators))
    letters.put(operators, content=letters.font(family="Changed"))
    with ExitStack() as stack, pytest.raises(Retry, match=r"the font operator.ttf .* has just been changed"):
        found.opened(stack)
    assert fonts.operator_fonts(ReportSettings(font_dir=operators)).digest != found.digest


@pytest.mark.usefixtures("operators")
def test_a_bundle_is_the_same_whatever_else_was_asked_for(world: World) -> None:
    scan = str(world.scan(findings=1, text="ሀለሐ"))
    made = world.done("reports.generate_multiple_reports", scan_id=scan, formats=["html", "bundle"])["reports"][1]
    proof = world.done("reports.verify_report", report_id=made["report_id"], rerender=True)
    assert (proof["rerender_equal"], proof["notes"]) == (True, [])


def test_without_fonts_of_the_operators_a_wish_has_the_hash_that_it_always_had() -> None:
    plain = spec.spec_hash(Options(), Redaction.INTERNAL, None)
    assert plain.hex() == "f5329b3e4c4147b8edb236d926b42bff680477f55cd1c9482b83ccfa04ade8d1"
    assert spec.spec_hash(Options(fonts="0" * 64), Redaction.INTERNAL, None) != plain
