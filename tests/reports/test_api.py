"""Reports over REST."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import pytest

from tests.api.floor import Client, client_of
from tests.api.worker import Worker
from tests.reports.world import World
from watchfloor.kernel.jobs.ledger import use_ledger

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import httpx

    from watchfloor.kernel.jobs.ledger import Ledger
    from watchfloor.kernel.sandbox import zygote

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c49444154789c63606060000000040001f61738550000000049454e44ae426082"
)


@pytest.fixture
def world(ledger: Ledger, owner: Client, nursery: zygote.Zygote, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """Give the owner's organisation, and a worker."""
    monkeypatch.setenv("WATCHFLOOR_REPORTS_EXPORT_DIR", str(tmp_path / "copies"))
    use_ledger(ledger)
    worker = Worker(ledger, nursery)
    yield World(ledger, owner.org, worker, tmp_path / "copies")
    worker.leave()
    use_ledger(None)


def ready(world: World, **arguments: Any) -> dict[str, Any]:
    """Make a JSON report about a new scan."""
    return world.done("reports.generate_report", scan_id=str(world.scan()), format="json", **arguments)


def test_a_report_is_accepted_as_a_job(owner: Client, world: World) -> None:
    subject = str(world.scan())
    answer = owner.ask("POST", "/reports", json={"scan_id": subject, "formats": ["json"]})
    job = answer.json()["job"]
    assert (answer.status_code, answer.headers["location"]) == (202, f"/api/v1/jobs/{job}")
    assert owner.get(f"/jobs/{job}")["kind"] == "reports.generate_multiple_reports"
    assert owner.get(f"/jobs/{job}/arguments") == {"scan_id": subject, "formats": ["json"]}


def test_a_scan_has_its_reports_below_it(owner: Client, world: World) -> None:
    scan = world.scan()
    job = owner.ask("POST", f"/scans/{scan}/reports", json={"formats": ["json", "csv"]}).json()["job"]
    world.worker.run_all(owner.org)
    assert owner.get(f"/jobs/{job}/result")["result"]["total_generated"] == 2
    assert {one["format"] for one in owner.get(f"/reports?scan={scan}")["items"]} == {"json", "csv"}


def test_a_scan_that_is_not_there_is_a_404(owner: Client, world: World) -> None:
    theirs = str(world.elsewhere().scan())
    for scan in (str(uuid4()), theirs):
        assert owner.ask("POST", "/reports", json={"scan_id": scan}).status_code == 404
        assert owner.ask("POST", f"/scans/{scan}/reports", json={}).status_code == 404
    assert owner.ask("POST", "/reports", json={"scan_id": str(world.scan()), "base_scan_id": theirs}).status_code == 404


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({"tag": "shpo"}, 404, "no asset has the tag"),
        ({"since": "2999-01-01T00:00:00Z"}, 422, "has not come"),
        ({"tag": "shop", "since": "2999-01-01T00:00:00Z"}, 422, "has not come"),
        ({"tag": "a\x00b"}, 422, "/tag"),
        ({"tag": "shop", "classification": "a\x00b"}, 422, "/classification"),
        ({"tag": "shop", "preset": "a\x00b"}, 422, "/preset"),
        ({"tag": "shop", "theme": "a\x00b"}, 422, "/theme"),
    ],
)
def test_a_report_about_nothing_is_refused_rather_than_clean(
    owner: Client, world: World, body: dict[str, Any], status: int, said: str
) -> None:
    world.scan()
    answer = owner.ask("POST", "/reports", json=body)
    assert (answer.status_code, said in answer.text) == (status, True), answer.text
    assert owner.get("/jobs")["items"] == []


def test_a_theme_with_characters_that_cannot_be_stored_is_refused(owner: Client) -> None:
    for name in ("classification", "author"):
        answer = owner.ask("PUT", "/reports/themes/ours", json={name: "a\x00b"})
        assert (answer.status_code, f"/{name}" in answer.text) == (422, True)


def test_a_comparison_with_a_later_scan_is_refused_rather_than_turned_around(owner: Client, world: World) -> None:
    earlier, later = world.scan(1), world.scan(2)
    world.ask("update scan set started_at = started_at - interval '1 hour' where id = %s", earlier)
    answer = owner.ask("POST", "/reports", json={"scan_id": str(earlier), "base_scan_id": str(later), "formats": ["json"]})
    assert (answer.status_code, "earlier" in answer.text) == (422, True)
    assert owner.ask("POST", "/reports", json={"scan_id": str(later), "base_scan_id": str(earlier), "formats": ["json"]}).status_code == 202
    assert "earlier" in world.failed("reports.generate_report", scan_id=str(earlier), base_scan_id=str(later), format="json")


def test_the_same_idempotency_key_makes_one_report(owner: Client, world: World) -> None:
    body = {"scan_id": str(world.scan())}
    answers = [owner.ask("POST", "/reports", json=body, headers={"Idempotency-Key": "once"}) for _ in range(2)]
    assert answers[0].json() == answers[1].json()


@pytest.mark.parametrize(
    "body",
    [
        {"formats": ["html"]}, {"scan_id": "all"}, {"scan_id": str(uuid4()), "formats": ["docx"]}, {"scan_id": str(uuid4()), "formats": []},
        {"scan_id": str(uuid4()), "preset": "nobody"}, {"scan_id": str(uuid4()), "time_zone": "Mars/Olympus"}, {"scan_id": str(uuid4()), "theme": "none"},
        {"scan_id": str(uuid4()), "formats": ["csaf"]}, {"scan_id": str(uuid4()), "tag": "shop"}, {"base_scan_id": str(uuid4())},
        {"since": "2026-02-01T00:00:00Z", "until": "2026-01-01T00:00:00Z"}, {"scan_id": str(uuid4()), "locale": "de; drop"},
        {"scan_id": str(uuid4()), "format": "pdf", "formats": ["pdf"]}, {"scan_id": str(uuid4()), "redaction": "some"},
        {"scan_id": str(uuid4()), "sections": ["nobody"]}, {"scan_id": str(uuid4()), "filters": {"capabilities": ["nobody"]}},
        {"scan_id": str(uuid4()), "filters": {"min_severity": "worst"}}, {"scan_id": str(uuid4()), "filters": {"states": ["gone"]}},
        {"scan_id": str(uuid4()), "filters": {"states": []}}, {"scan_id": str(uuid4()), "filters": {"severity": "high"}},
    ],
)  # fmt: skip
def test_what_cannot_be_made_is_a_422_before_there_is_a_job(owner: Client, body: dict[str, Any]) -> None:
    answer = owner.ask("POST", "/reports", json=body)
    assert answer.status_code == 422, answer.text
    assert owner.get("/jobs")["items"] == []


def test_who_may_only_read_writes_no_reports(http: httpx.Client, ledger: Ledger, owner: Client, world: World) -> None:
    scan = str(world.scan())
    viewer, analyst = (client_of(http, ledger, owner.org, role) for role in ("viewer", "analyst"))
    assert viewer.ask("POST", "/reports", json={"scan_id": scan}).status_code == 403
    assert analyst.ask("POST", "/reports", json={"scan_id": scan}).status_code == 202


def test_a_file_is_downloaded_whole_and_by_range(owner: Client, world: World) -> None:
    made = ready(world)
    content = world.stored(UUID(made["report_id"]))
    path = f"/reports/{made['report_id']}/content"
    whole = owner.ask("GET", path)
    assert (whole.status_code, whole.content, whole.headers["etag"]) == (200, content, f'"{made["sha256"]}"')
    assert whole.headers["x-content-type-options"] == "nosniff"
    part = owner.ask("GET", path, headers={"Range": "bytes=10-19"})
    assert (part.status_code, part.content, part.headers["content-range"]) == (206, content[10:20], f"bytes 10-19/{len(content)}")
    assert owner.ask("GET", path, headers={"If-None-Match": f'"{made["sha256"]}"'}).status_code == 304


def test_a_number_of_days_that_no_calendar_has_is_a_422(owner: Client) -> None:
    assert owner.ask("POST", "/reports/cleanup?days=99999999999").status_code == 422
    body = {"kind": "reports.cleanup_old_reports", "arguments": {"days": 99999999999}}
    assert owner.ask("POST", "/jobs", json=body).status_code == 422


def test_a_file_that_is_gone_is_a_410_and_the_report_is_lost(owner: Client, world: World) -> None:
    report = ready(world)["report_id"]
    world.ask("delete from artifact_part")
    for method, path in (("HEAD", "content"), ("GET", "content"), ("POST", "links")):
        assert owner.ask(method, f"/reports/{report}/{path}", json={} if method == "POST" else None).status_code == 410, (method, path)
    assert owner.get(f"/reports/{report}")["state"] == "lost"


def test_a_link_opens_the_file_once_without_a_key(http: httpx.Client, owner: Client, world: World) -> None:
    made = ready(world)
    link = owner.ask("POST", f"/reports/{made['report_id']}/links", json={"single_use": True}).json()
    found = http.get(link["url"] if "url" in link else link["path"])
    assert found.content == world.stored(UUID(made["report_id"]))
    assert http.get(link["url"] if "url" in link else link["path"]).status_code == 404


def test_a_held_report_is_deleted_by_nobody_until_it_is_released(owner: Client, world: World) -> None:
    report = ready(world)["report_id"]
    assert owner.ask("POST", f"/reports/{report}/hold", json={"reason": ""}).status_code == 422
    held = owner.ask("POST", f"/reports/{report}/hold", json={"reason": "a case"}).json()
    assert (held["retention"], held["hold_reason"], held["expires_at"]) == ("hold", "a case", None)
    assert owner.ask("DELETE", f"/reports/{report}").status_code == 409
    assert owner.ask("DELETE", f"/reports/{report}/hold").json()["retention"] == "audit"
    assert owner.ask("DELETE", f"/reports/{report}").status_code == 204
    assert owner.get(f"/reports/{report}")["state"] == "deleted"
    assert owner.ask("GET", f"/reports/{report}/content").status_code == 410


def test_only_some_roles_hold_reports(http: httpx.Client, ledger: Ledger, owner: Client, world: World) -> None:
    report = ready(world)["report_id"]
    answers = {}
    for role in ("viewer", "analyst", "operator", "auditor"):
        answers[role] = client_of(http, ledger, owner.org, role).ask("POST", f"/reports/{report}/hold", json={"reason": "r"}).status_code
    assert answers == {"viewer": 403, "analyst": 403, "operator": 403, "auditor": 200}


def test_a_deleted_report_can_be_asked_for_again(owner: Client, world: World) -> None:
    scan = world.scan()
    first = world.done("reports.generate_report", scan_id=str(scan), format="json")
    owner.ask("DELETE", f"/reports/{first['report_id']}")
    again = world.done("reports.generate_report", scan_id=str(scan), format="json")
    assert (again["report_id"] != first["report_id"], again["sha256"]) == (True, first["sha256"])


def test_a_file_is_known_by_its_hash(owner: Client, world: World) -> None:
    made = ready(world)
    found = owner.get(f"/reports/files/{made['sha256']}")
    assert (found["report"], found["signature_ok"], found["manifest"]["sha256"]) == (made["report_id"], True, made["sha256"])
    assert owner.get(f"/reports/files/{'0' * 64}")["report"] is None
    assert owner.get("/reports/files/nothing")["report"] is None


def test_verification_over_rest_is_a_job(owner: Client, world: World) -> None:
    made = ready(world)
    job = owner.ask("POST", f"/reports/{made['report_id']}/verify?rerender=true").json()["job"]
    world.worker.run_all(owner.org)
    assert owner.get(f"/jobs/{job}/result")["result"]["rerender_equal"] is True


def test_presets_of_ones_own_take_the_place_of_those_built_in(owner: Client, world: World) -> None:
    assert {one["name"] for one in owner.get("/reports/presets")["items"]} == {"executive", "engineer", "auditor"}
    assert (
        owner.ask("PUT", "/reports/presets/board", json={"audience": "executive", "locale": "de", "redaction": "public"}).status_code == 204
    )
    made = ready(world, preset="board")
    view = owner.get(f"/reports/{made['report_id']}")
    assert (view["audience"], view["locale"], view["redaction"], view["preset"]) == ("executive", "de", "public", "board")
    assert owner.ask("DELETE", "/reports/presets/board").status_code == 204
    assert owner.ask("DELETE", "/reports/presets/board").status_code == 404


def test_a_preset_says_sections_filters_and_formats(owner: Client, world: World) -> None:
    wish = {"sections": ["scans"], "filters": {"min_severity": "high", "states": ["open"]}, "formats": ["json", "csv"]}
    assert owner.ask("PUT", "/reports/presets/audit", json=wish).status_code == 204
    (held,) = (one["wish"] for one in owner.get("/reports/presets")["items"] if one["name"] == "audit")
    assert (held["sections"], held["formats"]) == (wish["sections"], wish["formats"])
    assert (held["filters"]["min_severity"], held["filters"]["states"]) == ("high", ["open"])
    job = owner.ask("POST", f"/scans/{world.scan(5)}/reports", json={"preset": "audit"}).json()["job"]
    world.worker.run_all(owner.org)
    made = owner.get(f"/jobs/{job}/result")["result"]["reports"]
    assert [one["format"] for one in made] == ["json", "csv"]
    told = owner.get(f"/reports/{made[0]['report_id']}/content")
    assert (told["scope"]["sections"], told["scope"]["filters"]["min_severity"]) == (["scans"], "high")
    assert {row["severity"] for row in told["findings"]} == {"high", "critical"}
    assert owner.ask("GET", f"/reports/{made[1]['report_id']}/content").headers["content-disposition"].count("-filtered-") > 0


def test_an_unknown_section_is_refused_with_those_there_are(owner: Client) -> None:
    answer = owner.ask("POST", "/reports", json={"scan_id": str(uuid4()), "sections": ["nobody"]})
    assert "advisories, reports, scans" in answer.text
    assert "/sections" in answer.text


def test_a_theme_has_readable_colours_and_a_clean_logo(owner: Client, world: World) -> None:
    unreadable = owner.ask("PUT", "/reports/themes/ours", json={"tokens": {"accent": "#ffff00"}})
    assert (unreadable.status_code, "contrast" in unreadable.text) == (422, True)
    assert owner.ask("PUT", "/reports/themes/ours", json={"tokens": {"accent": "#8a1538"}, "classification": "SECRET"}).status_code == 200
    headers = {"Content-Type": "image/png"}
    assert owner.ask("PUT", "/reports/themes/ours/logo", content=b"<svg/>", headers=headers).status_code == 422
    drawing = b"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 2 1'><rect width='2' height='1' fill='#1d5fbf'/></svg>"
    told = {"Content-Type": "image/svg+xml"}
    assert owner.ask("PUT", "/reports/themes/ours/logo", content=drawing, headers=told).status_code == 204
    made = world.done("reports.generate_multiple_reports", scan_id=str(world.scan()), formats=["html", "pdf"], theme="ours")
    assert made["total_generated"] == 2
    assert b"data:image/svg+xml;base64," in world.stored(UUID(made["reports"][0]["report_id"]))
    scripted = owner.ask("PUT", "/reports/themes/ours/logo", content=drawing.replace(b"<rect", b"<script/><rect"), headers=told)
    assert (scripted.status_code, "'script'" in scripted.text) == (422, True)
    assert owner.ask("PUT", "/reports/themes/ours/logo", content=PNG[:-20], headers=headers).status_code == 422
    assert owner.ask("PUT", "/reports/themes/ours/logo", content=PNG, headers=headers).status_code == 204
    (theme,) = owner.get("/reports/themes")["items"]
    assert (theme["logo"], theme["classification"]) == (True, "SECRET")
    assert ready(world, theme="ours")["status"] == "ready"


def test_a_themes_language_is_that_of_reports_that_name_none(owner: Client, world: World) -> None:
    assert owner.ask("PUT", "/reports/themes/ours", json={"locale": "fr"}).json()["locale"] == "fr"
    assert owner.ask("PUT", "/reports/themes/any", json={}).json()["locale"] == ""
    assert owner.ask("PUT", "/reports/themes/wrong", json={"locale": "zz_ZZ"}).status_code == 422
    owner.ask("PUT", "/reports/presets/board", json={"locale": "es", "theme": "ours"})
    wishes: list[dict[str, Any]] = [{"theme": "ours"}, {"theme": "ours", "locale": "de"}, {"preset": "board"}, {"theme": "any"}, {}]
    made = [ready(world, **wish)["report_id"] for wish in wishes]
    assert [owner.get(f"/reports/{one}")["locale"] for one in made] == ["fr", "de", "es", "en", "en"]


def test_another_organisation_sees_none_of_it(http: httpx.Client, ledger: Ledger, stranger: UUID, owner: Client, world: World) -> None:
    report = ready(world)["report_id"]
    other = client_of(http, ledger, stranger, "owner")
    assert other.get("/reports")["items"] == []
    for method, path, body in (
        ("GET", "", None), ("GET", "/content", None), ("POST", "/links", {}), ("POST", "/hold", {"reason": "r"}), ("DELETE", "/hold", None),
        ("DELETE", "", None), ("POST", "/verify", None),
    ):  # fmt: skip
        assert other.ask(method, f"/reports/{report}{path}", json=body).status_code == 404, path
    assert owner.get(f"/reports/{report}")["state"] == "ready"
