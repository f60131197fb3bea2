"""Processes that are started, started again, and never left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from tests.cli.command import environment
from watchfloor.kernel.embedded import process
from watchfloor.kernel.embedded.supervisor import Backoff, Crew
from watchfloor.kernel.errors import SetupError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

PATIENCE_S = 30.0
SLEEPER = [sys.executable, "-c", "import time; time.sleep(600)"]


def until(true: Callable[[], object]) -> None:
    """Wait for a fact, not for a time; fail when it does not come."""
    deadline = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture
def crew(tmp_path: Path) -> Iterator[Crew]:
    """Return a crew that is gone after the test."""
    made = Crew(environment=environment(), logs=tmp_path)
    yield made
    made.kill()


def test_one_that_dies_is_started_again(crew: Crew) -> None:
    crew.start("sleeper", SLEEPER)
    first = crew.pids()["sleeper"]
    os.kill(first, signal.SIGKILL)

    def renewed() -> bool:
        crew.look()
        return crew.pids().get("sleeper", first) != first

    until(renewed)


def test_waits_between_starts_double_up_to_half_a_minute() -> None:
    backoff = Backoff()
    assert [backoff.ended() for _ in range(9)] == [0.5, 1, 2, 4, 8, 16, 30, 30, 30]


def test_one_whose_setup_is_wrong_is_not_started_again(crew: Crew) -> None:
    crew.start("broken", [sys.executable, "-c", "import sys; print('no such key', file=sys.stderr); sys.exit(2)"])
    until(lambda: not crew.pids())
    with pytest.raises(SetupError, match="the broken cannot run here: no such key"):
        crew.look()


def test_stopping_reaches_everyone(crew: Crew) -> None:
    for name in ("one", "two"):
        crew.start(name, SLEEPER)
    crew.tell(signal.SIGTERM)
    assert crew.wait(PATIENCE_S)
    assert crew.pids() == {}


def test_the_crew_has_not_ended_while_a_grandchild_lives(crew: Crew) -> None:
    script = "import subprocess, sys; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']); sys.stderr.write('left\\n')"
    crew.start("parent", [sys.executable, "-c", script])
    until(lambda: not crew.pids())
    assert not crew.wait(0.2)
    crew.kill()
    assert crew.wait(PATIENCE_S)


def test_a_held_process_waits_for_the_word_and_forgets_it(crew: Crew, tmp_path: Path) -> None:
    script = "import sys; from watchfloor.kernel.embedded.supervisor import await_go; await_go(); print('gone', '--await-go' in sys.orig_argv, sys.stdin.read() == '')"
    crew.start("held", [sys.executable, "-c", script], held=True)
    crew.go()
    until(lambda: not crew.pids())
    assert (tmp_path / "held.log").read_text(encoding="utf-8") == "gone False True\n"


def test_a_held_process_ends_when_the_word_never_comes() -> None:
    script = "from watchfloor.kernel.embedded.supervisor import await_go; await_go(); print('gone')"
    run = subprocess.run(
        [sys.executable, "-c", script], env=environment(), stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE_S, check=False
    )
    assert (run.returncode, run.stdout) == (0, b"")


@pytest.mark.skipif(not process.LINUX, reason="the kernel's death signal is Linux's")
def test_kill_9_leaves_nothing_behind() -> None:
    script = (
        "import os, sys; from watchfloor.kernel.embedded.supervisor import Crew\n"
        f"crew = Crew(environment=dict(os.environ)); crew.start('sleeper', {SLEEPER!r})\n"
        "print(crew.pids()['sleeper'], flush=True); sys.stdin.read()"
    )
    parent = subprocess.Popen([sys.executable, "-c", script], env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    assert parent.stdin is not None
    child = process.mark(int(parent.stdout.readline()))
    assert process.alive(child)
    parent.kill()
    parent.wait()
    until(lambda: not process.alive(child))
    parent.stdin.close()
    parent.stdout.close()


def test_logs_are_ours_alone(crew: Crew, tmp_path: Path) -> None:
    crew.start("sleeper", SLEEPER)
    assert (tmp_path / "sleeper.log").stat().st_mode & 0o777 == 0o600


def test_a_large_log_is_set_aside(crew: Crew, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "LOG_LIMIT_BYTES", 10)
    (tmp_path / "sleeper.log").write_text("x" * 11, encoding="utf-8")
    crew.start("sleeper", SLEEPER)
    assert (tmp_path / "sleeper.log.1").exists()
