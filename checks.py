"""The steps of ./check: each runs to its end whatever the others say, the tests beside the rest, a table closes; standard library only."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor, wait
from contextvars import ContextVar
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, TypeAlias

import bootstrap

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

ROOT = Path(__file__).resolve().parent
BIN = ROOT / ".venv" / "bin"
LOCK_OPTIONS = (
    "--universal",
    "--generate-hashes",
    "--no-emit-index-url",
    "--no-emit-find-links",
    "--no-header",
    "--python-version",
    "3.11",
)
FEW = 5  # tests that fail of themselves are more
PROCESSES = 4  # on two cores: tests wait for other processes as long as they work
PAPER: ContextVar[IO[str] | None] = ContextVar("PAPER", default=None)  # what a step says that runs beside another; None: the terminal
SERVICE_BLOCK = Path("/usr/sbin/policy-rc.d")


@dataclass(frozen=True)
class Options:
    """What the command line asked for."""

    quick: bool
    install: bool
    parts: tuple[str, ...]  # folders of tests/
    alone: Callable[[], object] = lambda: None  # returns when no other step runs beside


@dataclass(frozen=True)
class Verdict:
    """How a step ended; `note` goes into the table."""

    passed: bool
    note: str = ""


@dataclass(frozen=True)
class Step:
    """One line of the table."""

    name: str
    run: Callable[[Options], Verdict]
    quick: bool = True  # also in --quick
    first: bool = False  # the others stand on it


Row: TypeAlias = tuple[str, float, Verdict]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the chosen steps; 0 when all passed, 1 when one failed, 2 for a wrong command line."""
    options, steps = _parse(argv)
    os.chdir(ROOT)
    began = time.monotonic()
    rows = _run(steps, options)
    width = max(len(name) for name, _, _ in rows)
    print(f"\n{'step':{width}}  seconds  verdict")
    for name, seconds, verdict in rows:
        print(f"{name:{width}}  {seconds:7.1f}  {'passed' if verdict.passed else 'FAILED'}{f' ({verdict.note})' if verdict.note else ''}")
    failed = [name for name, _, verdict in rows if not verdict.passed]
    closing = f"FAILED: {', '.join(failed)}" if failed else "all passed"
    print(f"{'total':{width}}  {time.monotonic() - began:7.1f}  {closing}", flush=True)
    return 1 if failed else 0


def _parse(argv: Sequence[str] | None) -> tuple[Options, list[Step]]:
    nouns = sorted(path.name for path in (ROOT / "tests").iterdir() if any(path.glob("test_*.py")))
    names = [step.name for step in STEPS]
    parser = argparse.ArgumentParser(
        prog="check", description="Run what CI runs.", epilog=f"Steps: {', '.join(names)}. Tests: {', '.join(nouns)}."
    )
    parser.add_argument("--quick", action="store_true", help="leave out slow tests, coverage, documentation and packaging")
    parser.add_argument(
        "--install", action="store_true", help="as root: install Debian's rabbitmq-server and chromium for the tests that need them"
    )
    parser.add_argument("part", nargs="*", help="steps, or folders of tests; all when none is given")
    chosen = parser.parse_args(argv)
    unknown = sorted({*chosen.part} - {*names, *nouns})
    if unknown:
        parser.error(f"no step and no folder of tests is named {', '.join(unknown)}")
    parts = tuple(part for part in chosen.part if part in nouns and part not in names)
    wanted = (
        {*chosen.part, *(["tests"] if parts else []), "set-up"}
        if chosen.part
        else {step.name for step in STEPS if step.quick or not chosen.quick}
    )
    install = chosen.install or bool(os.environ.get("CI"))
    return Options(chosen.quick, install, parts), [step for step in STEPS if step.name in wanted]


def _run(steps: Sequence[Step], options: Options) -> list[Row]:
    """Run the steps in order; beside the tests, which wait as long as they work, those that need nothing of them."""
    rows = [_timed(step, options) for step in steps if step.first]
    tests = [step for step in steps if step.name == "tests"]
    others = [step for step in steps if not step.first and step.name != "tests"]
    if not tests:
        return [*rows, *(_timed(step, options) for step in others)]
    with ThreadPoolExecutor(1) as beside:
        later = [beside.submit(_aside, step, options) for step in others]
        try:
            rows += [_timed(step, replace(options, alone=lambda: wait(later))) for step in tests]
            rows += [one.result() for one in later]
        except BaseException:
            beside.shutdown(cancel_futures=True)
            raise
    places = [step.name for step in steps]
    return sorted(rows, key=lambda row: places.index(row[0]))


def _aside(step: Step, options: Options) -> Row:
    """Run a step beside another, and show what it said when it has ended."""
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as paper:
        PAPER.set(paper)
        row = _timed(step, options)
        paper.seek(0)
        print(paper.read(), end="", flush=True)
    return row


def _say(sentence: object) -> None:
    """Say something on the paper of the step."""
    print(sentence, file=PAPER.get(), flush=True)


def _timed(step: Step, options: Options) -> Row:
    _say(f"\n== {step.name}")
    began = time.monotonic()
    try:
        verdict = step.run(options)
    except (OSError, subprocess.SubprocessError) as error:
        _say(error)
        verdict = Verdict(passed=False, note=type(error).__name__)
    return step.name, time.monotonic() - began, verdict


def _call(*command: str | Path, cwd: str | None = None, **environment: str) -> bool:
    """Run one command with the environment's programs first on PATH; its output is the step's."""
    argv = [str(BIN / command[0]) if (BIN / command[0]).exists() else str(command[0]), *(str(part) for part in command[1:])]
    path = f"{BIN}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    paper = PAPER.get()
    words = subprocess.STDOUT if paper else None
    done = subprocess.run(argv, env={**os.environ, "PATH": path, **environment}, cwd=cwd, stdout=paper, stderr=words, check=False)
    return done.returncode == 0


def _tool(*command: str) -> Callable[[Options], Verdict]:
    return lambda _: Verdict(passed=_call(*command))


def _set_up(_: Options) -> Verdict:
    try:
        bootstrap.set_up(development=True)
    except bootstrap.Impossible as reason:
        _say(reason)
        return Verdict(passed=False)
    return Verdict(passed=True)


def _rabbitmq(options: Options) -> Verdict:
    """Have RabbitMQ for the tests where we may install it; never start Debian's own service."""
    if any(Path("/usr/lib/rabbitmq/lib").glob("rabbitmq_server-*")):
        return Verdict(passed=True, note="installed")
    if not (options.install and os.geteuid() == 0 and shutil.which("apt-get")):
        return Verdict(passed=True, note="not installed, its tests are skipped; as root: ./check --install")
    blocked = not SERVICE_BLOCK.exists()
    if blocked:  # invoke-rc.d asks this file whether a package may start its service
        SERVICE_BLOCK.write_text("#!/bin/sh\nexit 101\n", encoding="ascii")
        SERVICE_BLOCK.chmod(0o755)
    try:
        _call("apt-get", "update", "-qq")
        done = _call("apt-get", "install", "-y", "-qq", "--no-install-recommends", "rabbitmq-server", DEBIAN_FRONTEND="noninteractive")
    finally:
        if blocked:
            SERVICE_BLOCK.unlink()
    return Verdict(passed=done, note="installed now" if done else "apt-get could not install rabbitmq-server")


def _chromium(options: Options) -> Verdict:
    """Have a browser for the tests of pages where we may install it."""
    if shutil.which("chromium"):
        return Verdict(passed=True, note="installed")
    if not (options.install and os.geteuid() == 0 and shutil.which("apt-get")):
        return Verdict(passed=True, note="not installed, its tests are skipped; as root: ./check --install")
    _call("apt-get", "update", "-qq")
    done = _call("apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium", DEBIAN_FRONTEND="noninteractive")
    return Verdict(passed=done, note="installed now" if done else "apt-get could not install chromium")


def _locks(_: Options) -> Verdict:
    """Resolve pyproject.toml again, with the locks as preference: the same versions must come out."""
    uv = bootstrap.find_uv(ROOT / ".venv")
    if uv is None:
        return Verdict(passed=True, note="uv cannot be had; tests/architecture compared the locks with pyproject.toml")
    stale = []
    with tempfile.TemporaryDirectory(prefix="wf-locks-") as made:
        for lock, group in ((bootstrap.RUNTIME, ()), (bootstrap.DEVELOPMENT, ("--group", "dev"))):
            fresh = shutil.copyfile(ROOT / lock, Path(made) / lock)
            command = [uv, "pip", "compile", "--quiet", "pyproject.toml", *group, *LOCK_OPTIONS, "-o", str(fresh)]
            if subprocess.run(command, stdout=subprocess.DEVNULL, check=False).returncode:
                return Verdict(passed=True, note="uv reaches no index; tests/architecture compared the locks with pyproject.toml")
            difference = _pins(fresh) ^ _pins(ROOT / lock)
            if difference:
                stale.append(lock)
                _say(f"{lock} is not what pyproject.toml asks for: {', '.join(sorted(difference))}")
                _say(f"Make it anew: uv pip compile pyproject.toml {' '.join([*group, *LOCK_OPTIONS])} -o {lock}")
    return Verdict(passed=not stale, note=", ".join(stale))


def _pins(lock: Path) -> set[str]:
    return {line.rstrip(" \\") for line in lock.read_text(encoding="utf-8").splitlines() if line[:1].isalnum()}


def _tests(options: Options) -> Verdict:
    whole = not options.parts
    paths = [f"tests/{part}" for part in options.parts] or ["tests", "--ignore=tests/architecture", "--ignore=tests/readme"]
    coverage = ["--cov", "--cov-report=term:skip-covered"] if whole and not options.quick else []
    fast = ["-m", "not slow and not rabbitmq"] if options.quick else []
    if _call("pytest", *paths, "-n", str(PROCESSES), "--dist", "loadfile", "--cache-clear", *coverage, *fast):
        return Verdict(passed=True)
    return Verdict(passed=False) if options.quick else _again(options)


def _again(options: Options) -> Verdict:
    """Look once more, one after the other, at the few of ten thousand tests that failed while others kept the machine busy.

    They kill processes and wait for others to notice, so the machine has a say in them. One that fails alone as well has failed; the note
    names those that passed, because each of them is a promise that needs a look.
    """
    found = ROOT / ".pytest_cache" / "v" / "cache" / "lastfailed"
    failed = sorted(json.loads(found.read_text(encoding="utf-8"))) if found.exists() else []
    if not 0 < len(failed) <= FEW:
        return Verdict(passed=False)
    options.alone()
    _say(f"\n{len(failed)} failed beside others; alone:")
    return Verdict(passed=_call("pytest", *failed), note=f"the second time: {', '.join(failed)}")


def _readme(_: Options) -> Verdict:
    if not any((ROOT / "tests" / "readme").glob("test_*.py")):
        return Verdict(passed=False, note="tests/readme holds no test")
    return Verdict(passed=_call("pytest", "-p", "no:cacheprovider", "tests/readme"))


def _package(_: Options) -> Verdict:
    """Build sdist and wheel, install the wheel beside the locked requirements in a fresh environment, and run it."""
    with tempfile.TemporaryDirectory(prefix="wf-package-") as made:
        folder, venv = Path(made), Path(made) / "venv"
        if not _call("python", "-m", "hatchling", "build", "-d", folder):
            return Verdict(passed=False, note="does not build")
        wheels, sdists = list(folder.glob("*.whl")), list(folder.glob("*.tar.gz"))
        if (len(wheels), len(sdists)) != (1, 1):
            return Verdict(passed=False, note=f"{len(wheels)} wheels and {len(sdists)} source distributions were built")
        try:
            bootstrap.make(venv)
            bootstrap.install(venv, ROOT / bootstrap.RUNTIME)
            bootstrap.install_file(venv, wheels[0])
        except bootstrap.Impossible as reason:
            _say(reason)
            return Verdict(passed=False, note="does not install")
        ran = [_call(venv / "bin" / name, "--version", cwd=made) for name in ("watchfloor", "wf")]
        return Verdict(passed=all(ran), note=wheels[0].name)


STEPS = (
    Step("set-up", _set_up, first=True),
    Step("rabbitmq", _rabbitmq, quick=False, first=True),
    Step("chromium", _chromium, quick=False, first=True),
    Step("format", _tool("ruff", "format", "--check", ".")),
    Step("lint", _tool("ruff", "check", ".")),
    Step("spelling", _tool("codespell")),
    Step("types", _tool("mypy", "src", "tests", "bootstrap.py", "checks.py")),
    Step("floors", _tool("lint-imports", "--no-logo")),
    Step("architecture", _tool("pytest", "-p", "no:cacheprovider", "tests/architecture")),
    Step("dead-code", _tool("vulture")),
    Step("dependencies", _tool("deptry", "src")),
    Step("locks", _locks, quick=False),
    Step("contracts", _tool("python", "docs/generate.py", "--check")),
    Step("tests", _tests),
    Step("readme", _readme, quick=False),
    Step("package", _package, quick=False),
)


if __name__ == "__main__":
    sys.exit(main())
