"""Our own processes: started by their arguments, started again when they die, stopped in order, gone when we are."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from watchfloor.kernel import clock
from watchfloor.kernel.embedded import process
from watchfloor.kernel.errors import SetupError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

FIRST_DELAY_SECONDS: Final = 0.5
LONGEST_DELAY_SECONDS: Final = 30.0
HEALTHY_SECONDS: Final = 15.0  # one that lived so long begins anew with the shortest delay
SETUP_EXIT: Final = 2  # what a command ends with when this machine or its settings cannot do what was asked
GO: Final = b"go\n"

log = logging.getLogger("watchfloor.supervisor")


@dataclass
class Backoff:
    """How long to wait before the next start: half a second, doubled each time, thirty at most."""

    failures: int = 0
    started_at: float = field(default_factory=clock.monotonic)
    due_at: float | None = None

    def started(self) -> None:
        """Take note of a start."""
        self.started_at, self.due_at = clock.monotonic(), None

    def ended(self) -> float:
        """Take note of an end; return the seconds to wait."""
        lived = clock.monotonic() - self.started_at
        self.failures = 0 if lived > HEALTHY_SECONDS else self.failures
        delay = min(LONGEST_DELAY_SECONDS, FIRST_DELAY_SECONDS * 2.0 ** min(self.failures, 16))
        self.failures += 1
        self.due_at = clock.monotonic() + delay
        return delay

    @property
    def due(self) -> bool:
        """Tell whether the wait is over."""
        return self.due_at is not None and clock.monotonic() >= self.due_at


@dataclass
class Member:
    """One process of the crew; `popen` is None before its first start."""

    name: str
    argv: tuple[str, ...]
    backoff: Backoff = field(default_factory=Backoff)
    popen: subprocess.Popen[bytes] | None = None
    settled: bool = False  # has once lived long enough to call its set-up sound


class Crew:
    """The processes of one floor. Start and look from one thread that lives as long as they shall: the death signal follows it."""

    def __init__(self, *, environment: Mapping[str, str], logs: Path | None = None) -> None:
        """Take what the processes see; with `logs` each writes its own file there, without they share our stderr."""
        self._environment = dict(environment)
        self._logs = logs
        self._members: dict[str, Member] = {}

    def start(self, name: str, argv: Sequence[str], *, held: bool = False) -> None:
        """Start a process; a held one loads its libraries and waits for `go`."""
        member = Member(name, tuple(argv))
        self._members[name] = member
        self._spawn(member, held=held)

    def go(self) -> None:
        """Let held processes begin."""
        for member in self._members.values():
            if member.popen is not None and member.popen.stdin is not None:
                with contextlib.suppress(BrokenPipeError):  # it died already: look() tells and starts it again
                    member.popen.stdin.write(GO)
                    member.popen.stdin.flush()

    def pids(self) -> dict[str, int]:
        """Return the process ids of those that run."""
        return {
            name: member.popen.pid for name, member in self._members.items() if member.popen is not None and member.popen.poll() is None
        }

    def look(self) -> None:
        """Start again what has died, each after its delay.

        Raises:
            SetupError: A process found its set-up wanting right after its first start; trying again would not help.
        """
        for member in self._members.values():
            if member.backoff.due_at is not None:
                if member.backoff.due:
                    self._spawn(member, held=False)
                continue
            code = member.popen.poll() if member.popen is not None else None
            if code is not None:
                self._ended(member, code)
            elif not member.settled:
                member.settled = clock.monotonic() - member.backoff.started_at > HEALTHY_SECONDS

    def _ended(self, member: Member, code: int) -> None:
        if code == SETUP_EXIT and not member.settled:
            raise SetupError(f"the {member.name} cannot run here: {self._last_words(member)}")
        delay = member.backoff.ended()
        log.warning("the %s ended (%s); it starts again in %.1f s", member.name, spell_exit(code), delay)

    def _last_words(self, member: Member) -> str:
        return "its message stands above" if self._logs is None else process.tail(self._logs / f"{member.name}.log")

    def _spawn(self, member: Member, *, held: bool) -> None:
        member.backoff.started()
        sink = self._sink(member.name)
        argv = [*member.argv, "--await-go"] if held else list(member.argv)
        try:
            member.popen = subprocess.Popen(  # noqa: S603 - our own program
                argv,
                stdin=subprocess.PIPE if held else subprocess.DEVNULL,
                stdout=sink if sink is not None else None,
                stderr=sink if sink is not None else None,
                env=self._environment,
                start_new_session=True,  # Ctrl-C reaches only us; we stop them in order
                preexec_fn=process.death_signal(signal.SIGKILL),  # noqa: PLW1509 - one prctl call with everything resolved before the fork
            )
        finally:
            if sink is not None:
                os.close(sink)

    def _sink(self, name: str) -> int | None:
        if self._logs is None:
            return None
        file = self._logs / f"{name}.log"
        with contextlib.suppress(FileNotFoundError):
            if file.stat().st_size > process.LOG_LIMIT_BYTES:
                file.replace(file.with_suffix(".log.1"))
        return os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)

    def tell(self, word: signal.Signals) -> None:
        """Send a signal to every process that runs."""
        for member in self._members.values():
            if member.popen is not None and member.popen.poll() is None:
                member.popen.send_signal(word)

    def wait(self, patience_seconds: float) -> bool:
        """Wait until all have ended, with all that they started; False when time ran out first. Ctrl-C ends the wait with KeyboardInterrupt."""
        deadline = clock.monotonic() + patience_seconds
        while any(_lives(member) for member in self._members.values()):
            if clock.monotonic() > deadline:
                return False
            time.sleep(process.POLL_SECONDS)
        return True

    def cut(self) -> None:
        """End the processes themselves without asking; what they started sees it and cleans up."""
        for member in self._members.values():
            if member.popen is not None and member.popen.poll() is None:
                member.popen.kill()

    def kill(self) -> None:
        """End what is left, sessions and all, and take note of the dead."""
        for member in self._members.values():
            if member.popen is None:
                continue
            with contextlib.suppress(ProcessLookupError):
                os.killpg(member.popen.pid, signal.SIGKILL)
            member.popen.wait()
            if member.popen.stdin is not None:
                with contextlib.suppress(BrokenPipeError):
                    member.popen.stdin.close()


def _lives(member: Member) -> bool:
    """Tell whether a process or anything of its process group is left."""
    if member.popen is None:
        return False
    return member.popen.poll() is None or _group_lives(member.popen.pid)


def _group_lives(group: int) -> bool:
    """Tell whether a process group has a living member; the dead that nobody has buried yet do not count."""
    if not process.LINUX:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, 0)
            return True
        return False
    for status in Path("/proc").glob("[1-9]*/stat"):
        with contextlib.suppress(OSError):  # it ended meanwhile
            state, _parent, own_group = status.read_bytes().rpartition(b")")[2].split()[:3]
            if int(own_group) == group and state not in {b"Z", b"X"}:
                return True
    return False


def await_go() -> None:
    """In a held process: return when the word comes; end quietly when whoever started us is gone."""
    said = b""
    while len(said) < len(GO):
        part = os.read(0, len(GO) - len(said))
        if not part:
            raise SystemExit(0)
        said += part
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    # A worker that starts itself anew repeats its arguments; the word comes only once.
    while "--await-go" in sys.orig_argv:
        sys.orig_argv.remove("--await-go")


def spell_exit(code: int) -> str:
    """Return an exit code as people say it."""
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"killed by signal {-code}"
