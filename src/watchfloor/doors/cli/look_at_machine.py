"""What the doctor sees without any service: Python, libraries, settings, keys, disk, limits, ports, sandbox."""

from __future__ import annotations

import os
import platform
import resource
import shutil
import stat
import sys
from datetime import timedelta
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Final

import watchfloor
from watchfloor.doors.cli.desk import known_settings
from watchfloor.doors.cli.doctor import Line, State, judge
from watchfloor.doors.cli.processes import demand_port
from watchfloor.kernel import security
from watchfloor.kernel.embedded import floor
from watchfloor.kernel.errors import SetupError
from watchfloor.kernel.settings import refuse_unknown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from watchfloor.kernel.settings import KernelSettings

OLDEST: Final = (3, 11)
LOCK: Final = "requirements.lock"
ROOM_BYTES: Final = 1 << 30
LITTLE_ROOM_BYTES: Final = 128 << 20
OPEN_FILES: Final = 4096
LAYERS: Final = ("landlock", "seccomp", "ns", "rlimit", "nnp")


def python() -> Iterator[Line]:
    """Look at the interpreter."""
    found = f"{platform.python_version()} at {sys.executable}, Watchfloor {watchfloor.__version__}"
    yield judge("Python", found, fine=sys.version_info >= OLDEST, remedy="Install Python 3.11 or later.")


def libraries() -> Iterator[Line]:
    """Compare what is installed with the lock."""
    places = (Path(sys.prefix) / LOCK, Path(watchfloor.__file__).parents[2] / LOCK)
    lock = next((place for place in places if place.is_file()), None)
    if lock is None:
        yield Line(
            State.WARN,
            "libraries",
            "no requirements.lock beside this installation: versions cannot be compared",
            "Install with ./watchfloor, or from the lock.",
        )
        return
    wanted = read_lock(lock.read_text(encoding="utf-8"))
    wrong = [f"{name} {_version(name) or 'missing'} instead of {version}" for name, version in wanted.items() if _version(name) != version]
    found = f"{len(wanted)} as locked" if not wrong else f"{len(wrong)} of {len(wanted)} differ: {', '.join(wrong[:5])}"
    yield judge(
        "libraries",
        found,
        fine=not wrong,
        remedy="Run ./watchfloor again after removing .venv, or install from requirements.lock.",
        otherwise=State.WARN,
    )


def read_lock(text: str) -> dict[str, str]:
    """Return the versions a lock pins for this Python and platform."""
    from packaging.requirements import InvalidRequirement, Requirement  # noqa: PLC0415 - only the doctor reads locks

    wanted: dict[str, str] = {}
    for line in text.splitlines():
        if not line or line[0] in " #-":
            continue
        try:
            pinned = Requirement(line.rstrip("\\ "))
        except InvalidRequirement:
            continue
        version = next((part.version for part in pinned.specifier if part.operator == "=="), None)
        if version and (pinned.marker is None or pinned.marker.evaluate()):
            wanted[pinned.name] = version
    return wanted


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def settings_names() -> Iterator[Line]:
    """Look for misspelt settings."""
    try:
        refuse_unknown(known_settings())
    except SetupError as error:
        yield Line(State.FAIL, "settings", str(error), "Correct or remove it; `watchfloor settings` lists those there are.")
    else:
        yield Line(State.OK, "settings", "every WATCHFLOOR_* is known")


def keys(settings: KernelSettings) -> Iterator[Line]:
    """Look at the key files: present, ours alone, readable."""
    pairs = (
        ("key-encryption key", settings.kek, settings.kek_path(), "WATCHFLOOR_KEK"),
        ("pepper", settings.pepper, settings.pepper_path(), "WATCHFLOOR_PEPPER"),
    )
    for what, given, file, variable in pairs:
        if given is not None:
            security.parse_key(given.get_secret_value(), variable)
            yield Line(State.OK, what, f"from {variable}")
        elif not file.exists():
            made = (settings.data_dir / "postgres").exists() or settings.database_url is not None
            remedy = f"Restore {file} from your backup, or run `watchfloor migrate` for a new installation."
            yield judge(what, f"{file} does not exist" + ("" if made else " yet; the first start makes it"), fine=not made, remedy=remedy)
        else:
            security.read_key_file(file)
            mode = stat.S_IMODE(file.stat().st_mode)
            yield Line(
                State.OK,
                what,
                f"{file}, mode {mode:04o}; back it up apart from the database: a backup without it is useless, one with it is the data",
            )


def data_directory(settings: KernelSettings) -> Iterator[Line]:
    """Look at room and rights."""
    path = settings.data_dir
    there = next(place for place in (path, *path.absolute().parents) if place.exists())
    free = shutil.disk_usage(there).free
    if path.exists():
        state = path.stat()
        yield judge("data directory", f"{path}, mode {stat.S_IMODE(state.st_mode):04o}", fine=state.st_uid == os.geteuid() and not state.st_mode & 0o007,
                    remedy=f"Run: chmod 0700 {path}, as its owner.")  # fmt: skip
    else:
        yield Line(State.OK, "data directory", f"{path} does not exist yet; the first start makes it")
    otherwise = State.FAIL if free < LITTLE_ROOM_BYTES else State.WARN
    yield judge(
        "disk",
        f"{free >> 20} MiB free for {path}",
        fine=free >= ROOM_BYTES,
        remedy="Free some room, or set WATCHFLOOR_DATA_DIR to another disk.",
        otherwise=otherwise,
    )


def open_files(_settings: KernelSettings) -> Iterator[Line]:
    """Look at how many files and connections a process may open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    enough = hard == resource.RLIM_INFINITY or hard >= OPEN_FILES
    yield judge("open files", f"{_limit(soft)} now, {_limit(hard)} at most", fine=enough, remedy=f"Raise the limit to {OPEN_FILES}: ulimit -n, or LimitNOFILE= in systemd.",
                otherwise=State.WARN)  # fmt: skip


def _limit(number: int) -> str:
    return "unlimited" if number == resource.RLIM_INFINITY else str(number)


def port(settings: KernelSettings) -> Iterator[Line]:
    """Look whether the API's port is free, or ours."""
    where = f"{settings.api_host}:{settings.api_port}"
    try:
        demand_port(settings.api_host, settings.api_port)
    except SetupError as error:
        ours = floor.running(settings.data_dir) is not None
        yield judge(
            "API port",
            f"{where} is in use" + (", and a floor runs here" if ours else ""),
            fine=ours,
            remedy=str(error),
            otherwise=State.WARN,
        )
    else:
        yield Line(State.OK, "API port", f"{where} is free")


def sandbox(_settings: KernelSettings) -> Iterator[Line]:
    """Run a canary in a box and see which layers hold."""
    from watchfloor.doors.cli.canary import Song, sing  # noqa: PLC0415 - loads the sandbox
    from watchfloor.kernel.sandbox import zygote  # noqa: PLC0415 - see above
    from watchfloor.kernel.sandbox.client import Sandbox, Usage  # noqa: PLC0415 - see above

    seen: list[Usage] = []
    with zygote.start() as parent:
        Sandbox(parent.address).run(sing, Song(text="here"), deadline=timedelta(seconds=20), observe=seen.append)
    layers = seen[0].in_force if seen else ()
    missing = [name for name in LAYERS if not any(layer.partition(":")[0] == name for layer in layers)]
    remedy = f"Not in force here: {', '.join(missing)}. A newer kernel, or a container that allows them, gives more protection from what is scanned."
    yield judge("sandbox", " ".join(layers) or "nothing", fine=not missing, remedy=remedy, otherwise=State.WARN)
