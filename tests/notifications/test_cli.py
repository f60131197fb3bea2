"""`wf notifications`: what is printed, what exit codes mean, and that no secret ever is."""

from __future__ import annotations

import json
import stat
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from tests.cli.command import wf
from tests.cli.desk import OpenDesk, WorkingDesk
from watchfloor.capabilities.notifications.cli import commands
from watchfloor.capabilities.notifications.engine.sign import shared_key, signed_headers
from watchfloor.capabilities.notifications.queries import channels
from watchfloor.kernel.contract import Severity
from watchfloor.kernel.errors import InvalidInput, NotFound, SetupError
from watchfloor.kernel.terminal import Exit

if TYPE_CHECKING:
    from pathlib import Path

    from tests.notifications.receiver import Receiver
    from tests.notifications.world import World

CANARY = "hook-c4n4ry"
NOBODY = str(uuid4())


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


def refused(desk: OpenDesk, *arguments: str) -> str:
    """Return what a command says to input that it does not take."""
    error = desk.run(commands, *arguments).exception
    assert isinstance(error, InvalidInput), error
    return str(error)


def written(path: Path, content: object) -> str:
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return str(path)


@pytest.fixture
def hook(desk: WorkingDesk, receiver: Receiver, tmp_path: Path) -> str:
    """Make a webhook by command; return its id."""
    source = written(tmp_path / "url", f"{receiver.url}?{CANARY}\n")
    return told(desk, "channels", "add", "webhook", "--url-from", source, "--secret-to", str(tmp_path / "key")).strip()


def test_every_command_has_help() -> None:
    shown = wf("notifications", "--help")
    assert shown.returncode == 0
    for name in (
        "send",
        "test",
        "channels",
        "routes",
        "preview",
        "preferences",
        "silence",
        "deliveries",
        "replay",
        "health",
        "stats",
        "cleanup",
    ):
        assert name in shown.stdout
    assert wf("notifications", "replay", "--help").returncode == 0


def test_a_new_webhook_shows_neither_its_address_nor_its_secret(desk: WorkingDesk, hook: str, tmp_path: Path) -> None:
    secret = (tmp_path / "key").read_text().strip()
    assert secret.startswith("whsec_")
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600
    shown = told(desk, "channels", "list") + json.dumps(document(desk, "channels", "list"))
    assert hook in shown
    assert CANARY not in shown
    assert secret not in shown


def test_an_address_that_no_channel_takes_is_refused_without_being_shown(desk: WorkingDesk, tmp_path: Path) -> None:
    said = refused(desk, "channels", "add", "webhook", "--url-from", written(tmp_path / "url", f"https://169.254.169.254/{CANARY}"))
    assert "nothing can be sent there" in said
    assert CANARY not in said
    assert "takes email" in refused(desk, "channels", "add", "email")
    assert "mail address" in refused(desk, "channels", "add", "email", "--email", "a@b, c@d")
    assert "one line" in refused(desk, "channels", "add", "webhook", "--url-from", written(tmp_path / "two", "https://a\nhttps://b"))


def test_a_rotated_secret_goes_into_a_new_file_and_is_kept_only_if_that_was_written(
    desk: WorkingDesk, hook: str, world: World, tmp_path: Path
) -> None:
    told(desk, "channels", "rotate-secret", hook, "--secret-to", str(tmp_path / "new"))
    assert (tmp_path / "new").read_text() != (tmp_path / "key").read_text()
    assert isinstance(desk.run(commands, "channels", "rotate-secret", hook, "--secret-to", str(tmp_path / "new")).exception, SetupError)
    assert world.sql("select count(*) from notify_secret") == [(2,)]


def test_a_test_message_arrives_and_its_signature_is_checked_by_command(
    desk: WorkingDesk, hook: str, receiver: Receiver, tmp_path: Path
) -> None:
    assert told(desk, "test", hook).startswith("Sent: delivery ")
    ((headers, body),) = receiver.came
    (tmp_path / "body").write_bytes(body)
    given = [part for name in ("id", "timestamp", "signature") for part in ("--header", f"webhook-{name}: {headers[f'webhook-{name}']}")]
    assert told(desk, "verify-signature", str(tmp_path / "body"), *given, "--channel", hook) == "Genuine.\n"
    checked = wf("notifications", "verify-signature", str(tmp_path / "body"), *given, "--key-from", str(tmp_path / "key"))
    assert (checked.returncode, checked.stdout) == (0, "Genuine.\n"), checked.stderr
    (tmp_path / "body").write_bytes(body + b" ")
    assert document(desk, "verify-signature", str(tmp_path / "body"), *given, "--channel", hook, code=Exit.FINDINGS)["genuine"] is False


def test_an_old_webhook_is_genuine_only_for_who_allows_it(desk: WorkingDesk, tmp_path: Path) -> None:
    key = shared_key(bytes(range(24)))
    headers = signed_headers([key], "msg_1", datetime(2026, 1, 1, tzinfo=UTC), b"{}")
    given = [part for name, value in headers.items() for part in ("--header", f"{name}: {value}")]
    where = (written(tmp_path / "body", "{}"), *given, "--key-from", written(tmp_path / "key", key))
    told(desk, "verify-signature", *where, code=Exit.FINDINGS)
    assert told(desk, "verify-signature", *where, "--tolerance", "20000d") == "Genuine.\n"
    assert "--key-from or --channel" in refused(desk, "verify-signature", *where[:-2])


def test_a_message_to_a_person_is_sent_or_the_reason_is_said(desk: WorkingDesk, world: World, receiver: Receiver) -> None:
    world.channel(receiver.url, owner="ann")
    sent = document(desk, "send", "ann", "The lift is out", "--message", "Take the stairs.", "--severity", "high")
    assert (sent["success"], sent["state"], len(receiver.came)) == (True, "sent", 1)
    assert json.loads(receiver.came[0][1])["data"]["title"] == "The lift is out"
    lost = document(desk, "send", "bob", "The lift is out", code=Exit.FINDINGS)
    assert (lost["success"], lost["reason"]) == (False, "no_channel")
    receiver.answers += [410]
    told(desk, "send", "ann", "The lift is out again", code=Exit.ERROR)


def test_what_is_asked_wrongly_is_said_with_its_field(desk: WorkingDesk, tmp_path: Path) -> None:
    assert "severity" in str(desk.run(commands, "send", "ann", "Title", "--severity", "loud").exception)
    assert "no JSON" in refused(desk, "send", "ann", "Title", "--data", written(tmp_path / "data", '{"a": NaN}'))
    assert "no channel's id" in refused(desk, "test", "my-hook")
    assert isinstance(desk.run(commands, "test", NOBODY).exception, NotFound)
    assert "say --since" in refused(desk, "replay")


def test_routes_are_made_listed_and_removed(desk: WorkingDesk, hook: str) -> None:
    made = document(desk, "routes", "add", "urgent", "--event", "finding.*", "--min-severity", "high", "--channel", hook)
    weekly = document(desk, "routes", "add", "calm", "--channel", hook, "--digest", "weekly", "--weekday", "fri", "--at", "09:30")
    assert (made["events"], made["min_severity"], made["digest"]) == (["finding.*"], "high", None)
    assert weekly["digest"] == {"mode": "weekly", "at_local": "09:30", "weekday": "fri"}
    assert {one["name"] for one in document(desk, "routes", "list")["items"]} == {"urgent", "calm"}
    told(desk, "routes", "rm", made["id"])
    assert isinstance(desk.run(commands, "routes", "rm", made["id"]).exception, NotFound)


def test_channels_and_routes_are_edited_in_place(desk: WorkingDesk, hook: str, receiver: Receiver, tmp_path: Path) -> None:
    route = document(desk, "routes", "add", "calm", "--channel", hook, "--digest", "daily", "--event", "scans.*")["id"]
    changed = document(desk, "routes", "edit", route, "--digest", "none", "--min-severity", "high", "--mandatory", "--off")
    assert (changed["id"], changed["digest"], changed["min_severity"], changed["mandatory"], changed["enabled"]) == (
        route,
        None,
        "high",
        True,
        False,
    )
    assert (changed["name"], changed["events"]) == ("calm", ["scans.*"])
    assert document(desk, "routes", "edit", route, "--digest", "weekly", "--weekday", "fri", "--on")["digest"]["weekday"] == "fri"
    assert "name what changes" in refused(desk, "routes", "edit", route)
    chosen = document(desk, "routes", "edit", route, "--no-mandatory", "--tag", "prod", "--not-asset", "test-*")["asset_filter"]
    assert (chosen["tags"], chosen["exclude_names"]) == (["prod"], ["test-*"])
    assert "not test-*" in told(desk, "routes", "list")
    assert document(desk, "routes", "edit", route, "--all-assets")["asset_filter"] is None
    assert document(desk, "routes", "add", "web", "--channel", hook, "--asset", "web-*")["asset_filter"]["names"] == ["web-*"]
    assert isinstance(desk.run(commands, "routes", "edit", NOBODY, "--name", "x").exception, NotFound)
    said = told(desk, "channels", "edit", hook, "--label", "ops", "--url-from", written(tmp_path / "other", f"{receiver.url}/new?{CANARY}"))
    assert CANARY not in said + told(desk, "channels", "list")
    assert [(one["id"], one["label"]) for one in document(desk, "channels", "list")["items"]] == [(hook, "ops")]
    told(desk, "test", hook)
    assert "takes url" in refused(desk, "channels", "edit", hook, "--email", "ann@example.org")


def test_an_address_takes_mail_again_when_its_suppression_is_removed(desk: WorkingDesk, world: World) -> None:
    with world.ledger.database.transaction(world.org) as session:
        channels.suppress(session, world.ledger.vault, world.org, "ann@example.org", reason="manual", keep=timedelta(days=1), actor="test")
    assert "a…@example.org" in told(desk, "suppressions", "list")
    (one,) = document(desk, "suppressions", "list")["items"]
    told(desk, "suppressions", "rm", one["id"])
    assert document(desk, "suppressions", "list")["items"] == []
    assert isinstance(desk.run(commands, "suppressions", "rm", one["id"]).exception, NotFound)


def test_a_preview_says_what_would_happen_and_sends_nothing(
    desk: WorkingDesk, world: World, hook: str, receiver: Receiver, tmp_path: Path
) -> None:
    told(desk, "routes", "add", "urgent", "--event", "finding.*", "--min-severity", "high", "--channel", hook)
    grave = written(tmp_path / "grave.json", {"event": "finding.opened", "severity": "critical", "data": {"asset": "web-1"}})
    mild = written(tmp_path / "mild.json", {"event": "finding.opened", "severity": "low"})
    found = document(desk, "preview", grave)
    assert [(one["channel"], one["state"]) for one in found["decisions"]] == [(hook, "due")]
    assert CANARY not in json.dumps(found)
    assert document(desk, "preview", mild)["decisions"] == []
    assert [(one["state"], one["reason"]) for one in document(desk, "preview", mild, "--dropped")["decisions"]] == [
        ("dropped", "below_severity")
    ]
    assert (receiver.came, world.sql("select count(*) from notification")) == ([], [(0,)])


def test_a_silence_is_seen_in_a_preview_and_ends_when_told(desk: WorkingDesk, world: World, hook: str, tmp_path: Path) -> None:
    told(desk, "routes", "add", "all", "--channel", hook)
    event = written(tmp_path / "event.json", {"event": "scans.finished"})
    silence = told(desk, "silence", "add", "--event", "scans.*", "--for", "2h", "--reason", "we move house").strip()
    assert [(one["state"], one["reason"]) for one in document(desk, "preview", event)["decisions"]] == [("suppressed", "silenced")]
    assert "we move house" in told(desk, "silence", "list")
    told(desk, "silence", "end", silence)
    assert document(desk, "preview", event)["decisions"][0]["state"] == "due"
    assert document(desk, "silence", "list")["items"] == []
    assert [one["id"] for one in document(desk, "silence", "list", "--over")["items"]] == [silence]
    assert world.sql("select operation from audit_entry where operation like 'notify.%%silence' order by at") == [
        ("notify.add_silence",), ("notify.end_silence",)
    ]  # fmt: skip


def test_a_silence_of_a_tag_is_listed_with_it(desk: WorkingDesk) -> None:
    told(desk, "silence", "add", "--tag", "lab", "--asset", "test-*", "--for", "2h", "--reason", "rebuild")
    assert document(desk, "silence", "list")["items"][0]["matchers"]["assets"]["tags"] == ["lab"]
    assert "test-*, tag lab" in told(desk, "silence", "list")


def test_a_silence_that_has_not_begun_can_be_ended_and_one_of_all_must_be_meant(desk: WorkingDesk) -> None:
    later = told(desk, "silence", "add", "--event", "*", "--from", "2090-01-01", "--for", "1h", "--reason", "party").strip()
    told(desk, "silence", "end", later)
    assert document(desk, "silence", "list")["items"] == []
    assert "silence everything" in refused(desk, "silence", "add", "--for", "1h", "--reason", "tired")
    assert "a year" in refused(desk, "silence", "add", "--event", "*", "--for", "400d", "--reason", "tired")
    assert isinstance(desk.run(commands, "silence", "end", NOBODY).exception, NotFound)


def test_wishes_are_shown_and_set_from_a_file(desk: WorkingDesk, tmp_path: Path) -> None:
    assert "time" in told(desk, "preferences", "ann")
    quiet = {"timezone": "Europe/Berlin", "quiet": [{"start": "22:00", "end": "07:00"}]}
    kept = document(desk, "preferences", "ann", "--set", written(tmp_path / "w.json", quiet))
    assert (kept["revision"], kept["wishes"]["timezone"]) == (1, "Europe/Berlin")
    assert "start 22:00" in told(desk, "preferences", "ann")
    refused(desk, "preferences", "ann", "--set", written(tmp_path / "w.json", {"timezone": "Mars/Olympus"}))
    assert document(desk, "preferences", "ann")["revision"] == 1


def test_who_is_paused_is_told_nothing_until_then_and_keeps_their_other_wishes(
    desk: WorkingDesk, world: World, receiver: Receiver, tmp_path: Path
) -> None:
    world.route(world.channel(receiver.url, owner="ann"), owner="ann")
    document(desk, "preferences", "ann", "--set", written(tmp_path / "w.json", {"max_per_hour": 30}))
    kept = document(desk, "preferences", "ann", "--pause-for", "8h")["wishes"]
    assert (kept["max_per_hour"], datetime.fromisoformat(kept["paused_until"]) > datetime.now(UTC)) == (30, True)
    world.told(world.happened())
    until = document(desk, "preferences", "ann", "--pause-until", "2099-01-01T08:00:00")["wishes"]["paused_until"]
    assert datetime.fromisoformat(until) == datetime(2099, 1, 1, 8, tzinfo=UTC)
    assert document(desk, "preferences", "ann", "--resume")["wishes"]["paused_until"] is None
    world.told(world.happened())
    assert [row[:2] for row in world.rows()] == [("suppressed", "paused"), ("sent", None)]
    operations = world.sql("select operation from audit_entry where object = 'ann' and operation like 'notify.%%' order by at")
    assert [row[0] for row in operations] == ["notify.set_preference", "notify.pause", "notify.pause", "notify.resume"]


@pytest.mark.parametrize(
    "options",
    [("--pause-until", "2020-01-01"), ("--pause-for", "soon"), ("--pause-for", "99999999999d"), ("--pause-for", "2h", "--resume")],
)
def test_a_pause_that_is_none_is_refused_and_nothing_kept(desk: WorkingDesk, world: World, options: tuple[str, ...]) -> None:
    refused(desk, "preferences", "ann", *options)
    assert world.sql("select count(*) from notify_preference") == [(0,)]


def test_wishes_of_who_never_said_any_are_set_by_command(desk: WorkingDesk, tmp_path: Path) -> None:
    kept = document(
        desk, "preferences", "--default", "--set", written(tmp_path / "w.json", {"timezone": "Asia/Kathmandu", "max_per_hour": 7})
    )
    assert (kept["revision"], kept["wishes"]["max_per_hour"]) == (1, 7)
    assert document(desk, "preferences", "ann")["wishes"]["timezone"] == "Asia/Kathmandu"
    assert "say --default" in refused(desk, "preferences")
    assert "say --default" in refused(desk, "preferences", "ann", "--default")


def test_own_words_are_tried_kept_sent_and_deleted_by_command(
    desk: WorkingDesk, world: World, hook: str, receiver: Receiver, tmp_path: Path
) -> None:
    where = ("finding.opened", "webhook")
    body = written(tmp_path / "body.txt", "Look at {target}.\n")
    data = written(tmp_path / "data.json", {"target": "web-1", "title": "Telnet"})
    assert told(desk, "templates", "preview", *where, "--data", data) == "Telnet\n\n"
    tried = document(desk, "templates", "preview", *where, "--data", data, "--subject", "Mine: {title}", "--body-from", body)
    assert (tried["own"], tried["subject"], tried["lines"]) == (True, "Mine: Telnet", ["Look at web-1."])
    assert "has no colour" in refused(desk, "templates", "set", *where, "--subject", "{colour}", "--body-from", body)
    assert "kind" in refused(desk, "templates", "set", "finding.opened", "pigeon", "--subject", "x", "--body-from", body)
    told(desk, "templates", "set", *where, "--subject", "Mine: {title}", "--body-from", body)
    assert told(desk, "templates", "show", *where) == "Mine: {title}\n\nLook at {target}.\n"
    assert "Mine: {title}" in told(desk, "templates", "list")
    told(desk, "routes", "add", "all", "--channel", hook)
    world.told(world.happened("finding.opened", target="web-1", title="Telnet"))
    assert json.loads(receiver.came[0][1])["data"]["text"] == ["Look at web-1."]
    told(desk, "templates", "delete", *where)
    assert document(desk, "templates", "list")["items"] == []
    assert isinstance(desk.run(commands, "templates", "show", *where).exception, NotFound)


def test_failed_deliveries_are_listed_and_sent_again(desk: WorkingDesk, world: World, hook: str, receiver: Receiver) -> None:
    told(desk, "routes", "add", "all", "--event", "scans.*", "--channel", hook)
    receiver.answers += [410]
    world.told(world.happened("scans.finished", severity=Severity.HIGH))
    (dead,) = document(desk, "deliveries", "--failed")["items"]
    assert (dead["state"], dead["last_code"]) == ("dead", "410")
    assert [one["severity"] for one in document(desk, "list", "--event", "scans.finished")["items"]] == ["high"]
    assert [one["code"] for one in document(desk, "attempts", dead["id"])["items"]] == ["410"]
    told(desk, "channels", "enable", hook)
    again = told(desk, "replay", "--since", "2h", "--reason", "receiver is back")
    assert again == "1 sent again.\n"
    assert len(receiver.came) == 2
    assert len(set(receiver.ids())) == 1
    assert document(desk, "replay", "--since", "2h", "--channel", hook, "--state", "dead")["created"] == 1
    assert document(desk, "replay", dead["id"], "--reason", "once more")["created"] == 1
    assert document(desk, "replay", "--since", "1m", "--state", "suppressed") == {"created": 0, "skipped": 0}


def test_health_is_told_by_exit_codes(desk: WorkingDesk, world: World, hook: str) -> None:
    assert told(desk, "health").startswith("Notifications are healthy.")
    told(desk, "routes", "add", "all", "--channel", hook, "--mandatory")
    told(desk, "channels", "disable", hook)
    assert document(desk, "health", code=Exit.FINDINGS)["status"] == "degraded"
    told(desk, "channels", "enable", hook)
    world.told(world.happened())
    world.sql("update delivery set state = 'due', sent_at = null, ended_at = null, due_at = wf_now() - interval '1 hour'")
    assert document(desk, "health", code=Exit.ERROR)["status"] == "unhealthy"


def test_statistics_count_what_was_sent(desk: WorkingDesk, hook: str) -> None:
    told(desk, "test", hook)
    assert document(desk, "stats", "--by", "state")["groups"]["state"]["sent"]["total"] == 1
    assert "webhook" in told(desk, "stats", "--window", "30m")
    refused(desk, "stats", "--window", "forever")


def test_a_cleanup_deletes_only_when_it_is_no_rehearsal(desk: WorkingDesk, world: World, hook: str) -> None:
    told(desk, "test", hook)
    world.sql("update notification set created_at = wf_now() - interval '200 days'")
    assert told(desk, "cleanup", "--dry-run").startswith("1 notifications would go")
    assert world.sql("select count(*) from notification") == [(1,)]
    assert document(desk, "cleanup")["deleted_count"] == 1
    assert world.sql("select count(*) from notification") == [(0,)]


def test_a_removed_channel_is_gone(desk: WorkingDesk, hook: str) -> None:
    told(desk, "channels", "rm", hook)
    assert document(desk, "channels", "list")["items"] == []
    assert isinstance(desk.run(commands, "channels", "rm", hook).exception, NotFound)
