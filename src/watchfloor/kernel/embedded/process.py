"""Children that never outlive us: started with a death signal, remembered by pid and start time, swept when found again."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from watchfloor.kernel import clock
from watchfloor.kernel.embedded.account import own
from watchfloor.kernel.errors import SetupError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from watchfloor.kernel.embedded.account import Account

LINUX = sys.platform == "linux"
PR_SET_PDEATHSIG = 1
LOG_LIMIT_BYTES = 8 * 1024 * 1024
POLL_SECONDS = 0.01


@dataclass(frozen=True)
class Mark:
    """One process, told apart from a later one that was given the same pid."""

    pid: int
    started: str


def mark(pid: int) -> Mark | None:
    """Return the mark of a living process, or None when there is none."""
    if LINUX:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
            boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        except OSError:
            return None
        return None if fields[0] in "ZX" else Mark(pid, f"{boot}:{fields[19]}")
    shown = _ps("lstart=", pid)
    return Mark(pid, shown) if shown else None


def name(pid: int) -> str | None:
    """Return the short name of a living process's program, or None."""
    if mark(pid) is None:
        return None
    if LINUX:
        return Path(f"/proc/{pid}/comm").read_text(encoding="utf-8", errors="replace").strip()
    return Path(_ps("comm=", pid)).name


def _ps(field: str, pid: int) -> str:
    return subprocess.run(["/bin/ps", "-o", field, "-p", str(pid)], capture_output=True, text=True, check=False).stdout.strip()  # noqa: S603 - fixed program


def alive(known: Mark | None) -> bool:
    """Tell whether this very process still runs."""
    return known is not None and mark(known.pid) == known


def spawn(argv: Sequence[str | Path], *, log: Path, account: Account | None, last_word: signal.Signals) -> subprocess.Popen[bytes]:
    """Start a service in its own session, so that Ctrl-C reaches only us, and have `last_word` sent to it should we die.

    On Linux the death signal follows the thread that calls this: call it from one that lives as long as the service shall.
    """
    _rotate(log)
    with open(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab") as sink:  # noqa: PTH123 - born with its mode
        return subprocess.Popen(  # noqa: S603 - programs we found ourselves, arguments without a shell
            [str(part) for part in argv],
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=sink,
            cwd="/",
            env=environment(),
            umask=0o077,
            start_new_session=True,
            preexec_fn=death_signal(last_word),  # noqa: PLW1509 - one prctl call with everything resolved before the fork
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
        )


def run(
    argv: Sequence[str | Path], *, account: Account | None, stdin: str = "", timeout_seconds: float = 300
) -> subprocess.CompletedProcess[str]:
    """Run a program of the services to its end and return what it said."""
    return subprocess.run(  # noqa: S603 - see spawn
        [str(part) for part in argv],
        input=stdin,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        cwd="/",
        env=environment(),
        umask=0o077,
        timeout=timeout_seconds,
        preexec_fn=death_signal(signal.SIGTERM),
        user=account.uid if account else None,
        group=account.gid if account else None,
        extra_groups=[] if account else None,
    )


def environment() -> dict[str, str]:
    """Return what services see: none of our variables, no PG*, plain messages in UTC."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}


def death_signal(last_word: signal.Signals) -> Callable[[], None] | None:
    """Return a `preexec_fn` that has the kernel send `last_word` when the starting thread is gone; None where there is no such thing."""
    if not LINUX:
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    number, parent = int(last_word), os.getpid()

    def ask() -> None:
        prctl(PR_SET_PDEATHSIG, number, 0, 0, 0)
        if os.getppid() != parent:  # we died between fork and prctl
            os._exit(1)

    return ask


def _rotate(log: Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        if log.stat().st_size > LOG_LIMIT_BYTES:
            log.replace(log.with_suffix(".log.1"))


def wait_until(ready: Callable[[], bool], child: subprocess.Popen[bytes], *, what: str, log: Path, patience_seconds: float) -> None:
    """Wait for a service to become ready; raises SetupError with the end of its log when it dies or takes too long."""
    deadline = clock.monotonic() + patience_seconds
    while not ready():
        if child.poll() is not None:
            message = f"{what} did not start: {tail(log)}"
            raise SetupError(message)
        if clock.monotonic() > deadline:
            stop(child, signal.SIGTERM)
            message = f"{what} was not ready after {patience_seconds:.0f} s: {tail(log)}"
            raise SetupError(message)
        time.sleep(POLL_SECONDS)


def tail(log: Path, lines: int = 4) -> str:
    """Return the end of a log as one line, with where the rest is."""
    try:
        with log.open("rb") as source:
            source.seek(max(0, log.stat().st_size - 4096))
            said = source.read().decode("utf-8", "replace").strip().splitlines()[-lines:]
    except OSError:
        said = []
    return f"{' | '.join(said) or 'it said nothing'} (log: {log})"


def stop(child: subprocess.Popen[bytes], word: signal.Signals, patience_seconds: float = 20) -> None:
    """End a child politely, then by force."""
    if child.poll() is not None:
        return
    child.send_signal(word)
    try:
        child.wait(patience_seconds)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def sweep(known: Iterable[Mark], patience_seconds: float = 20) -> None:
    """End processes that an earlier supervisor left behind; a recycled pid is left alone."""
    left = [found for found in known if alive(found)]
    for found in left:
        _send(found, signal.SIGINT)
    deadline = clock.monotonic() + patience_seconds
    while any(alive(found) for found in left) and clock.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
    for found in left:
        if alive(found):
            _send(found, signal.SIGKILL)


def _send(known: Mark, word: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(known.pid, word)


def write_secret(file: Path, content: str, account: Account | None) -> None:
    """Write a file that only the account reads, from its first byte on."""
    file.unlink(missing_ok=True)
    file.touch(mode=0o600, exist_ok=False)
    file.write_text(content, encoding="utf-8")
    own(file, account)
