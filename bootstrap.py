"""Make `.venv` beside this file and install the locked requirements into it: standard library only, safe to run at the same time twice."""

from __future__ import annotations

import argparse
import compileall
import fcntl
import importlib.util
import os
import pwd
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ROOT = Path(__file__).resolve().parent
RUNTIME, DEVELOPMENT, INSTALLER = "requirements.lock", "requirements-dev.lock", "requirements-uv.lock"
OLDEST = (3, 11)
STAMP, GUARD = "watchfloor.stamp", ".bootstrap.guard"
TAIL_LINES = 15


class Impossible(Exception):
    """Set-up cannot go on; the sentence says what to change."""


def main(argv: Sequence[str] | None = None) -> int:
    """Set up; return the exit status."""
    parser = argparse.ArgumentParser(description="Set up Watchfloor's virtual environment.")
    parser.add_argument("--dev", action="store_true", help="also install what ./check needs")
    options = parser.parse_args(argv)
    try:
        set_up(development=options.dev)
    except Impossible as reason:
        print(f"watchfloor: {reason}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("watchfloor: set-up was interrupted; the next run goes on from here.", file=sys.stderr)
        return 130
    return 0


def set_up(*, development: bool = False) -> None:
    """Bring `.venv` up to date; does nothing when its stamp says it is. Raises Impossible."""
    if sys.version_info < OLDEST:
        raise Impossible(f"Python 3.11 or later is needed, this is {sys.version.split()[0]}: install a newer one.")
    venv = ROOT / ".venv"
    locks = [DEVELOPMENT, RUNTIME] if development else [RUNTIME]
    if _current(venv, locks):
        return
    try:
        venv.mkdir(exist_ok=True)
        with _alone(venv):
            if not _current(venv, locks):
                _build(venv, locks)
    except OSError as error:
        raise Impossible(_unwritable(venv, error)) from error


def _build(venv: Path, locks: Sequence[str]) -> None:
    began = time.monotonic()
    _say("Setting up Watchfloor in .venv (once, up to a minute) …")
    (venv / STAMP).unlink(missing_ok=True)
    make(venv)
    install(venv, ROOT / locks[0])
    _link(venv)
    for lock in locks:  # the development lock holds the other one's pins as well
        shutil.copyfile(ROOT / lock, venv / lock)
    draft = venv / (STAMP + ".new")
    draft.write_text(_stamp(venv), encoding="utf-8")
    draft.replace(venv / STAMP)
    _say(f"Ready after {time.monotonic() - began:.0f} s.")


def _current(venv: Path, locks: Sequence[str]) -> bool:
    try:
        stamped = (venv / STAMP).read_text(encoding="utf-8") == _stamp(venv)
        return stamped and all((venv / lock).read_bytes() == (ROOT / lock).read_bytes() for lock in locks)
    except OSError:
        return False


def _stamp(venv: Path) -> str:
    """Return place and interpreter, one a line: `./watchfloor` reads the same two lines without starting Python."""
    return f"{ROOT}\n{_python(venv).resolve(strict=True)}\n"


def _python(venv: Path) -> Path:
    return venv / "bin" / "python"


@contextmanager
def _alone(venv: Path) -> Iterator[None]:
    """Wait for another set-up of the same clone."""
    with (venv / GUARD).open("a") as guard:
        try:
            fcntl.flock(guard, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _say("Waiting for another set-up of this clone …")
            fcntl.flock(guard, fcntl.LOCK_EX)
        yield


def make(venv: Path) -> None:
    """Make an empty environment of this Python at `venv`, unless a working one is there."""
    if _works(venv):
        return
    if importlib.util.find_spec("venv") is None:
        raise Impossible("This Python has no venv module: install it (Debian, Ubuntu: apt install python3-venv).")
    for left in venv.iterdir() if venv.exists() else ():
        if left.name != GUARD:
            shutil.rmtree(left) if left.is_dir() and not left.is_symlink() else left.unlink()
    # Without pip: that part is missing from Debian's plain python3, and uv needs none.
    _run([sys.executable, "-m", "venv", "--without-pip", str(venv)], "make a virtual environment")


def _works(venv: Path) -> bool:
    """Tell whether the environment runs, here, with this Python's version."""
    try:
        stamped = (venv / STAMP).read_text(encoding="utf-8").splitlines()[0] if (venv / STAMP).exists() else str(ROOT)
        done = subprocess.run(
            [_python(venv), "-c", "import sys; print(sys.version_info[:2], sys.prefix)"], capture_output=True, text=True, check=False
        )
    except OSError:
        return False
    return stamped == str(ROOT) and done.stdout.strip() == f"{sys.version_info[:2]} {venv}"


def install(venv: Path, lock: Path) -> None:
    """Install exactly what the lock names, hashes checked: with uv when there is one or one can be had, else with pip."""
    if uv := find_uv(venv):
        environment = {**os.environ, "UV_COMPILE_BYTECODE": "1"}
        command = [uv, "pip", "install", "--quiet", "--python", str(_python(venv)), "--require-hashes", "-r", str(lock)]
        if subprocess.run(command, env=environment, capture_output=True, check=False).returncode == 0:
            return
        # uv does not read pip's settings: an index or certificate named only there is out of its sight.
        _say("uv could not install everything; going on with pip …")
    _run([*_pip(venv), "install", "--quiet", "--require-hashes", "--no-deps", "-r", str(lock)], "install the locked requirements")


def install_file(venv: Path, wheel: Path) -> None:
    """Install one wheel of our own, its requirements being there already."""
    _run([*_pip(venv), "install", "--quiet", "--no-deps", "--no-index", str(wheel)], "install the wheel")


def find_uv(venv: Path) -> str | None:
    """Return uv from PATH, from the environment, or installed into it now; None when it cannot be had."""
    if found := shutil.which("uv") or shutil.which("uv", path=venv / "bin"):
        return found
    try:
        _run([*_pip(venv), "install", "--quiet", "--require-hashes", "-r", str(ROOT / INSTALLER)], "install uv")
    except Impossible:
        return None
    return shutil.which("uv", path=venv / "bin")


def _pip(venv: Path) -> list[str]:
    """Return a pip for the environment: its own, made by ensurepip, or this Python's."""
    python = str(_python(venv))
    if subprocess.run([python, "-m", "pip", "--version"], capture_output=True, check=False).returncode == 0:
        return [python, "-m", "pip", "--disable-pip-version-check"]
    if subprocess.run([python, "-m", "ensurepip"], capture_output=True, check=False).returncode == 0:
        return [python, "-m", "pip", "--disable-pip-version-check"]
    if importlib.util.find_spec("pip") is not None:
        return [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", python]
    raise Impossible("Neither uv nor pip is here: install one (Debian, Ubuntu: apt install python3-venv).")


def _link(venv: Path) -> None:
    """Let the environment see `src/`, and its `bin` the command."""
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    (venv / "lib" / version / "site-packages" / "watchfloor.pth").write_text(f"{ROOT / 'src'}\n", encoding="utf-8")
    for name in ("watchfloor", "wf"):
        (venv / "bin" / name).unlink(missing_ok=True)
        (venv / "bin" / name).symlink_to("../../watchfloor")
    compileall.compile_dir(ROOT / "src", quiet=2)


def _run(command: Sequence[str], purpose: str) -> None:
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", check=False)
    if done.returncode:
        said = "\n  ".join(done.stdout.strip().splitlines()[-TAIL_LINES:])
        raise Impossible(
            f"Set-up could not {purpose}:\n  {said}\nCheck the network, the disk and pip's settings (pip config list), then run the same command again."
        )


def _unwritable(venv: Path, error: OSError) -> str:
    try:
        user = pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        user = f"user id {os.geteuid()}"
    return f"{venv} cannot be made or changed ({error.strerror or error}): free disk space, or use a clone that belongs to {user}."


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
