"""`wf findings`: what it shows and decides, on the real ledger."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.cli.desk import OpenDesk
from tests.findings.factories import expire, found, only
from watchfloor.kernel.db.ids import new_id
from watchfloor.kernel.errors import InvalidInput, NotFound
from watchfloor.kernel.findings.cli import commands, moment

if TYPE_CHECKING:
    from uuid import UUID

    from typer.testing import Result

    from watchfloor.kernel.jobs.ledger import Ledger


@pytest.fixture
def desk(ledger: Ledger, org: UUID) -> OpenDesk:
    """Return the desk of an organisation with one finding."""
    with ledger.database.transaction(org) as session:
        found(session, org, title="Telnet is \x1b[31mopen", references=["https://example.org/telnet"], description="Anybody can listen.")
    return OpenDesk(ledger, org)


def wf(desk: OpenDesk, *arguments: str) -> Result:
    """Run one command of the group."""
    return desk.run(commands, *arguments)


def told(desk: OpenDesk, *arguments: str) -> Any:
    """Return the JSON document of a command that must succeed."""
    done = wf(desk, *arguments, "--json")
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_open_findings_are_listed_unless_told_otherwise(desk: OpenDesk) -> None:
    (one,) = told(desk, "list")["items"]
    assert (one["state"], one["references"], one["protocol"]) == ("open", ["https://example.org/telnet"], "tcp")
    assert told(desk, "list", "--state", "all", "--severity", "high", "--port", "23", "--first-seen-after", "7d")["items"] == [one]
    assert told(desk, "list", "--asset", one["asset"], "--check", "cleartext", "--target", "192.0.2.1", "--capability", "scans")[
        "items"
    ] == [one]
    for narrow in (("--state", "fixed"), ("--port", "22"), ("--first-seen-after", "2999-01-01"), ("--asset", str(new_id()))):
        assert told(desk, "list", *narrow)["items"] == [], narrow


def test_accepting_needs_an_end_and_ends(desk: OpenDesk) -> None:
    finding = told(desk, "list")["items"][0]["id"]
    assert wf(desk, "accept", finding, "--reason", "lab").exit_code == 2
    assert told(desk, "accept", finding, "--reason", "a lab", "--expires", "30d")["changed"] == 1
    shown = told(desk, "show", finding)
    assert (shown["state"], shown["reason"]) == ("accepted", "a lab")
    assert [(one["from"], one["to"], one["actor"]) for one in shown["history"]] == [("open", "accepted", "cli"), (None, "open", "scans")]
    assert told(desk, "list")["items"] == []
    with desk.ledger.database.transaction(desk.org) as session:
        expire(session, desk.org)
    assert told(desk, "list")["items"][0]["state"] == "open"


def test_a_false_positive_can_be_opened_again(desk: OpenDesk) -> None:
    finding = told(desk, "list")["items"][0]["id"]
    assert told(desk, "false-positive", finding, "--reason", "a honeypot")["changed"] == 1
    done = wf(desk, "reopen", finding, "--reason", "it is none")
    assert (done.exit_code, done.stdout) == (0, "Open again: 1 of 1.\n")
    with desk.ledger.database.transaction(desk.org) as session:
        assert only(session, desk.org).state == "open"


def test_what_cannot_be_changed_is_named_and_is_an_error(desk: OpenDesk) -> None:
    finding, unknown = told(desk, "list")["items"][0]["id"], str(new_id())
    done = wf(desk, "false-positive", finding, unknown, "--reason", "x")
    assert done.exit_code == 2
    assert "Called false positives: 1 of 2." in done.stdout
    assert f"there is no finding {unknown}" in done.stderr


def test_one_is_shown_with_everything_and_nothing_steers_the_terminal(desk: OpenDesk) -> None:
    done = wf(desk, "show", told(desk, "list")["items"][0]["id"])
    for part in ("Anybody can listen.", "login:", "Use SSH.", "https://example.org/telnet", "seen for the first time", "23/tcp"):
        assert part in done.stdout, part
    assert "\x1b" not in done.stdout
    assert "\\x1b[31mopen" in done.stdout


def test_an_unknown_id_and_what_is_none_are_errors(desk: OpenDesk) -> None:
    assert isinstance(wf(desk, "show", str(new_id())).exception, NotFound)
    assert isinstance(wf(desk, "show", "telnet").exception, InvalidInput)
    assert isinstance(wf(desk, "list", "--first-seen-after", "soon").exception, InvalidInput)
    assert isinstance(wf(desk, "accept", str(new_id()), "--reason", "x", "--expires", "99999999d").exception, InvalidInput)


def test_a_moment_without_a_zone_is_utc() -> None:
    assert moment("2026-05-31").isoformat() == "2026-05-31T00:00:00+00:00"
    assert moment("2026-05-31T10:00:00+02:00").utcoffset() is not None
