"""`wf scan`: what is refused before anything starts, and what its exit code means."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from tests.cli.command import wf
from watchfloor.capabilities.scans.cli.scans import FailOn, _many, _sentence, _verdict
from watchfloor.capabilities.scans.queries.views import ScanFindingView, ScanView
from watchfloor.kernel.contract import Severity
from watchfloor.kernel.errors import SetupError
from watchfloor.kernel.terminal import Exit, write_private

if TYPE_CHECKING:
    from pathlib import Path

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


def scan(**changes: Any) -> ScanView:
    """Return a scan that ended well."""
    told: dict[str, Any] = {
        "id": uuid4(), "state": "finished", "targets": ["127.0.0.1"], "targets_total": 1, "ports": "1", "error": None, "job": None, "hosts": 1,
        "hosts_up": 1, "probes": 1, "open_ports": 1, "findings": 0, "not_looked_at": [], "notes": [], "actor": "cli", "created_at": NOON,
        "started_at": NOON, "finished_at": NOON,
    }  # fmt: skip
    return ScanView(**(told | changes))


def finding(severity: Severity, state: str = "open") -> ScanFindingView:
    """Return a finding."""
    return ScanFindingView(
        id=uuid4(), key="k", check="c", title="t", severity=severity, target="127.0.0.1", protocol="tcp", port=1, description="", evidence="",
        remedy="r", references=[], state=state, accepted_until=None, reason=None, is_new=True, first_seen=NOON, last_seen=NOON,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("view", "findings", "fail_on", "code"),
    [
        (scan(), [], FailOn.HIGH, Exit.CLEAN),
        (scan(), [finding(Severity.MEDIUM)], FailOn.HIGH, Exit.CLEAN),
        (scan(), [finding(Severity.HIGH)], FailOn.HIGH, Exit.FINDINGS),
        (scan(), [finding(Severity.CRITICAL)], FailOn.HIGH, Exit.FINDINGS),
        (scan(), [finding(Severity.INFO)], FailOn.INFO, Exit.FINDINGS),
        (scan(), [finding(Severity.CRITICAL)], FailOn.NEVER, Exit.CLEAN),
        (scan(), [finding(Severity.CRITICAL, "accepted")], FailOn.HIGH, Exit.CLEAN),
        (scan(state="incomplete"), [], FailOn.HIGH, Exit.UNKNOWN),
        (scan(state="cancelled"), [], FailOn.HIGH, Exit.UNKNOWN),
        (scan(state="incomplete"), [finding(Severity.HIGH)], FailOn.HIGH, Exit.FINDINGS),
        (scan(hosts_up=0), [], FailOn.HIGH, Exit.UNKNOWN),
    ],
)
def test_the_exit_code_says_what_was_learned(view: ScanView, findings: list[ScanFindingView], fail_on: FailOn, code: Exit) -> None:
    assert _verdict({"scan": view, "findings": findings}, fail_on) is code


def test_the_last_line_counts_in_words() -> None:
    assert _sentence(scan(id="01a1f961-4270-747f-9b6b-7b993cb2204c")).endswith(
        "finished in 0.0 s: 1 open port, 0 findings, 1 of 1 address answered."
    )
    assert _many(2, "address", "addresses") == "2 addresses"


def test_the_report_is_for_its_owner_alone_and_replaces_the_one_before(tmp_path: Path) -> None:
    path = tmp_path / "reports" / "one.html"
    for content in (b"first", b"second"):
        write_private(path, iter([content]))
    assert (path.read_bytes(), path.stat().st_mode & 0o777, [file.name for file in path.parent.iterdir()]) == (
        b"second",
        0o600,
        ["one.html"],
    )


def test_a_report_that_cannot_be_written_is_an_error_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(SetupError, match="--output"):
        write_private(tmp_path / "taken" / "one.html", iter([b""]))


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("scan",), "TARGET"),
        (("scan", "x" * 301), "300 characters"),
        (("scan", "127.0.0.1", "--timeout", "2d"), "at most 24 hours"),
        (("scan", "127.0.0.1", "--timeout", "soon"), "duration"),
        (("scan", "127.0.0.1", "--fail-on", "bad"), "fail-on"),
        (("scan", "127.0.0.1", "--max-concurrent", "0"), "max-concurrent"),
        (("scans", "show", "nothing"), "scans list"),
    ],
)
def test_a_wrong_command_is_refused_with_one_sentence_and_starts_nothing(tmp_path: Path, arguments: tuple[str, ...], told: str) -> None:
    done = wf(*arguments, data_dir=tmp_path / "data")
    assert (done.returncode, done.stdout, (tmp_path / "data").exists()) == (2, "", False)
    assert told in done.stderr
    assert "Traceback" not in done.stderr
