"""What reaches terminals, pipes and logs."""

from __future__ import annotations

import io
import json
import logging
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

import pytest

from watchfloor.kernel import telemetry
from watchfloor.kernel.terminal import cell, print_json, print_text, progress, spell, table

if TYPE_CHECKING:
    from collections.abc import Iterator

HOSTILE = "\x1b]0;owned\x07\x1b[2Jname\r\n\u202egnp.exe\x9b31m"


@pytest.fixture(autouse=True)
def own_logging() -> Iterator[None]:
    """Give the root logger back as it was."""
    root = logging.getLogger()
    handlers, level, secrets = root.handlers[:], root.level, set(telemetry._secrets)
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(capture=False)
    telemetry._secrets.clear()
    telemetry._secrets.update(secrets)


def steers(text: str) -> bool:
    """Tell whether a text could act on a terminal."""
    return any((ord(sign) < 32 and sign != "\n") or 0x7F <= ord(sign) < 0xA0 or sign in "\u202e\u2066" for sign in text)


def test_hostile_text_cannot_steer_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    table(("name", HOSTILE), [(HOSTILE, 1)], title=HOSTILE)
    print_text(HOSTILE)
    with progress() as bar:
        bar.show(HOSTILE, 1, 2, HOSTILE)
    said = capsys.readouterr()
    assert not steers(said.out)
    assert not steers(said.err)


@pytest.mark.parametrize("columns", [40, 80, 200])
def test_on_a_terminal_of_any_width_every_name_stands_whole(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    key, when, path = str(UUID(int=1)), "2026-01-02 03:04:05", "/var/lib/" + "x" * 150
    table(("Property", "Value"), [("template version", key), ("path", path)])
    table(
        ("Report", "Asked for", "Format", "State", "Pages", "Kept", "Title"),
        [(key, when, "cyclonedx", "ready", 9, "standard", "Exposed services of us")],
    )
    said = capsys.readouterr().out
    assert [word for word in ("Property", "version", key, "Asked", "cyclonedx", "Title", "services") if word not in said] == []
    assert "2026-01-02" in said
    assert len(said.splitlines()) < 30


def test_a_cell_stays_on_one_line() -> None:
    assert cell("a\nb") == "a\\nb"


def test_json_is_one_document_and_knows_our_types(capsys: pytest.CaptureFixture[str]) -> None:
    moment = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    print_json({"id": UUID(int=1), "at": moment, "took": timedelta(seconds=1.5), "names": {"b", "a"}})
    assert json.loads(capsys.readouterr().out) == {"id": str(UUID(int=1)), "at": moment.isoformat(), "took": 1.5, "names": ["a", "b"]}


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.04, "0.0 s"),
        (9.96, "10.0 s"),
        (12, "12 s"),
        (60, "1 min"),
        (185, "3 min 5 s"),
        (7800, "2 h 10 min"),
        (356_400, "4 d 3 h"),
        (59.6, "1 min"),
    ],
)
def test_durations_are_spelt(seconds: float, text: str) -> None:
    assert spell(timedelta(seconds=seconds)) == text


def test_progress_says_a_phase_once_where_nobody_watches(capsys: pytest.CaptureFixture[str]) -> None:
    with progress() as bar:
        for done in range(100):
            bar.show("probing", done, 100)
        bar.show("reporting", 0, 0)
    assert capsys.readouterr().err.splitlines() == ["probing: 0 of 100", "reporting"]


def logged(*, terminal: bool, message: str, **more: object) -> str:
    """Return what one record becomes."""
    stream = io.StringIO()
    telemetry.set_up("worker", "INFO", stream=stream, terminal=terminal)
    logging.getLogger("watchfloor.test").warning(message, **more)  # type: ignore[arg-type] # exc_info
    return stream.getvalue()


@pytest.mark.parametrize("terminal", [True, False])
def test_secrets_never_reach_a_log(*, terminal: bool) -> None:
    key = "wf_" + "a" * 8 + "_" + "b" * 43 + "_" + "c" * 6
    telemetry.keep_secret(["correct horse battery"])
    said = logged(
        terminal=terminal, message=f"postgresql://me:hunter2@db/x {key} correct horse battery Authorization: Bearer abc.def redis://:pw1@h"
    )
    assert not any(secret in said for secret in ("hunter2", key, "correct horse", "abc.def", "pw1"))


def test_secrets_in_tracebacks_are_masked() -> None:
    telemetry.keep_secret(["correct horse battery"])
    said = logged(terminal=False, message="failed", exc_info=ValueError("correct horse battery"))
    assert "ValueError" in said
    assert "correct horse" not in said


@pytest.mark.parametrize("terminal", [True, False])
def test_control_characters_never_reach_a_log(*, terminal: bool) -> None:
    said = logged(terminal=terminal, message=HOSTILE)
    assert not steers(said)
    assert said.count("\n") == 1


def test_log_lines_are_json_where_nobody_watches() -> None:
    entry = json.loads(logged(terminal=False, message="hello"))
    assert {name: entry[name] for name in ("level", "process", "logger", "message")} == {
        "level": "warning", "process": "worker", "logger": "watchfloor.test", "message": "hello",
    }  # fmt: skip


def test_a_huge_message_is_cut() -> None:
    assert len(logged(terminal=True, message="x" * 1_000_000)) < 10_000
