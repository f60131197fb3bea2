"""A fresh clone sets itself up once, keeps stdout clean, and says what is missing."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.readme.pages import ROOT
from watchfloor import __version__

if TYPE_CHECKING:
    from collections.abc import Iterator

WANTED = (
    "watchfloor",
    "check",
    "bootstrap.py",
    "checks.py",
    "pyproject.toml",
    "requirements.lock",
    "requirements-dev.lock",
    "requirements-uv.lock",
)
SAID = f"watchfloor {__version__}\n"


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A copy of the tree in a folder with an awkward name, without .venv."""
    made = tmp_path_factory.mktemp("fresh") / "a clone (1)"
    made.mkdir()
    for name in WANTED:
        shutil.copy2(ROOT / name, made / name)
    shutil.copytree(ROOT / "src", made / "src", ignore=shutil.ignore_patterns("__pycache__"))
    yield made
    shutil.rmtree(made)


def run(clone: Path, *arguments: str, path: str | None = None, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("WATCHFLOOR_", "VIRTUAL_ENV"))}
    return subprocess.run(
        [clone / "watchfloor", *arguments], env={**environment, **({"PATH": path} if path else {})}, cwd=cwd or clone, capture_output=True, text=True,
        check=False, timeout=110,
    )  # fmt: skip


@pytest.mark.slow
def test_the_first_run_sets_up_and_tells_so_on_stderr_alone(clone: Path) -> None:
    done = run(clone, "--version")
    assert (done.returncode, done.stdout) == (0, SAID), done.stderr
    assert "Setting up" in done.stderr
    assert (clone / ".venv" / "watchfloor.stamp").read_text(encoding="utf-8").splitlines()[0] == str(clone)


@pytest.mark.slow
def test_the_second_run_finds_the_stamp_and_is_silent(clone: Path) -> None:
    run(clone, "--version")
    before = (clone / ".venv" / "watchfloor.stamp").stat().st_mtime_ns
    done = run(clone, "--version", cwd=Path("/"))
    assert (done.returncode, done.stdout, done.stderr) == (0, SAID, "")
    assert (clone / ".venv" / "watchfloor.stamp").stat().st_mtime_ns == before


@pytest.mark.slow
def test_a_link_to_the_command_leads_to_the_clone(clone: Path, tmp_path: Path) -> None:
    run(clone, "--version")
    (tmp_path / "wf").symlink_to(clone / "watchfloor")
    done = subprocess.run([tmp_path / "wf", "--version"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, SAID)


@pytest.mark.slow
def test_a_file_in_the_current_folder_replaces_no_library(clone: Path, tmp_path: Path) -> None:
    run(clone, "--version")
    (tmp_path / "typer.py").write_text("raise SystemExit('taken for typer')", encoding="ascii")
    assert run(clone, "--help", cwd=tmp_path).returncode == 0


@pytest.mark.slow
def test_another_lock_sets_up_again(clone: Path) -> None:
    run(clone, "--version")
    with (clone / "requirements.lock").open("a", encoding="utf-8") as lock:
        lock.write("# another lock\n")
    again, then = run(clone, "--version"), run(clone, "--version")
    assert "Setting up" in again.stderr
    assert (again.stdout, then.stdout, then.stderr) == (SAID, SAID, "")


def test_without_a_new_enough_python_it_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "clone").mkdir()
    (tmp_path / "bin").mkdir()
    shutil.copy2(ROOT / "watchfloor", tmp_path / "clone" / "watchfloor")
    for tool in ("sh", "dirname", "readlink", "cmp"):
        (tmp_path / "bin" / tool).symlink_to(str(shutil.which(tool)))
    for name in ("python3", "python"):
        old = tmp_path / "bin" / name
        old.write_text("#!/bin/sh\nexit 1\n", encoding="ascii")
        old.chmod(0o755)
    done = run(tmp_path / "clone", "--version", path=str(tmp_path / "bin"))
    assert (done.returncode, done.stdout) == (2, "")
    assert "Python 3.11 or later is needed" in done.stderr
