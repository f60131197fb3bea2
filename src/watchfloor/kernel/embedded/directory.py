"""The data directory: where it is, who may look, who holds it, which passwords open its services."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import pwd
import re
import secrets
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from watchfloor.kernel.embedded.account import Account, barrier, own, service_account
from watchfloor.kernel.errors import SetupError

if TYPE_CHECKING:
    from typing import TextIO

FIRST_START_BYTES = 128 * 1024 * 1024
LATER_START_BYTES = 24 * 1024 * 1024
# sun_path holds 108 bytes on Linux and 104 on macOS, the closing zero included; PostgreSQL adds "/.s.PGSQL.5432.lock".
SOCKET_DIRECTORY_BYTES = 103 - len("/.s.PGSQL.5432.lock")
# libpq splits `host` at commas, and every URL would need quoting: other paths use the short directory.
PLAIN_PATH = re.compile(r"[A-Za-z0-9_./+-]+")


def default_data_dir() -> Path:
    """Return where data lives unless WATCHFLOOR_DATA_DIR says otherwise."""
    if os.geteuid() == 0:
        return Path("/var/lib/watchfloor")
    chosen = os.environ.get("XDG_DATA_HOME", "")
    root = Path(chosen) if os.path.isabs(chosen) else Path.home() / ".local/share"  # noqa: PTH117 - "" is not a path
    return root / "watchfloor"


@dataclass(frozen=True)
class Passwords:
    """What opens the services of one data directory."""

    owner: str
    login: str
    broker: str


class Directory:
    """An existing, private data directory that belongs to us; creating one raises SetupError with the remedy."""

    def __init__(self, path: Path) -> None:
        """Make the directory when it is missing, check owner, room and reach."""
        self.path = Path(os.path.abspath(path))  # noqa: PTH100 - symbolic links stay as the operator wrote them
        try:
            self._claim()
        except OSError as error:
            raise unusable(self.path, error) from error

    def _claim(self) -> None:
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = self.path.stat()
        if status.st_uid != os.geteuid():
            message = f"{self.path} belongs to {_user(status.st_uid)}: run Watchfloor as that user, or set WATCHFLOOR_DATA_DIR to a directory of your own."
            raise SetupError(message)
        self.account: Account | None = service_account(self.path / "postgres")
        # The services' account passes through and sees nothing.
        self.path.chmod(0o710 if self.account else 0o700)
        if self.account:
            os.chown(self.path, -1, self.account.gid)
        blocked = barrier(self.account, self.path)
        if self.account and blocked:
            message = (
                f"PostgreSQL runs as {self.account.name}, not as root, and {self.account.name} may not enter {blocked}: "
                f"set WATCHFLOOR_DATA_DIR to a place outside private directories, such as /var/lib/watchfloor."
            )
            raise SetupError(message)
        needed = LATER_START_BYTES if (self.path / "postgres").exists() else FIRST_START_BYTES
        if (free := shutil.disk_usage(self.path).free) < needed:
            message = f"The disk that holds {self.path} has {free >> 20} MiB left and {needed >> 20} MiB are needed: free some, or set WATCHFLOOR_DATA_DIR to another disk."
            raise SetupError(message)
        self.logs = self._folder("logs", None)

    def _folder(self, name: str, account: Account | None) -> Path:
        folder = self.path / name
        folder.mkdir(mode=0o700, exist_ok=True)
        own(folder, account)
        return folder

    def service_folder(self, name: str) -> Path:
        """Return a folder inside that belongs to the services' account."""
        return self._folder(name, self.account)

    def sockets(self) -> Path:
        """Return the private folder for unix sockets: `run` inside, or a short one elsewhere when that path is too long or not plain."""
        inside = self.path / "run"
        if len(os.fsencode(inside)) <= SOCKET_DIRECTORY_BYTES and PLAIN_PATH.fullmatch(str(inside)):
            return self.service_folder("run")
        name = hashlib.sha256(os.fsencode(self.path.resolve())).hexdigest()[:12]
        root = Path("/run") if os.geteuid() == 0 and os.access("/run", os.W_OK) else Path("/tmp")  # noqa: S108 - owner and mode are verified below
        short = root / f"watchfloor-{os.geteuid()}-{name}"
        short.mkdir(mode=0o700, exist_ok=True)
        status = short.lstat()
        ours = {os.geteuid(), self.account.uid if self.account else os.geteuid()}
        if not short.is_dir() or short.is_symlink() or status.st_uid not in ours or status.st_mode & 0o077:
            message = f"{short} is not a private directory of ours: remove it, or set WATCHFLOOR_DATA_DIR to a shorter path."
            raise SetupError(message)
        own(short, self.account)
        return short

    def passwords(self) -> tuple[Passwords, bool]:
        """Return the passwords and whether they were made just now."""
        file = self.path / "passwords.json"
        try:
            return Passwords(**json.loads(file.read_text(encoding="utf-8"))), False
        except FileNotFoundError:
            made = Passwords(*(secrets.token_urlsafe(24) for _ in range(3)))
            write_private(file, asdict(made))
            return made, True
        except (ValueError, TypeError) as error:
            message = f"{file} is damaged: restore it from a backup, or remove it and new passwords are made."
            raise SetupError(message) from error


_held: dict[str, TextIO] = {}


class Taken(SetupError):
    """Another process runs this data directory's services, or is starting them."""


def hold(path: Path, holder: str) -> None:
    """Take the directory's lock until `release` or our end; raises Taken.

    A record lock: children made by fork do not keep it when we die. It would be lost by any close of this file in this process.
    """
    name = str(path / "floor.lock")
    refused = Taken(
        f"Watchfloor already runs on {path}{holder}: use that one, stop it first, or set WATCHFLOOR_DATA_DIR to another directory."
    )
    if name in _held:
        raise refused
    lock = open(name, "a", encoding="ascii")  # noqa: SIM115, PTH123 - held open on purpose
    try:
        fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        raise refused from None
    _held[name] = lock


def release(path: Path) -> None:
    """Give the lock back."""
    _held.pop(str(path / "floor.lock")).close()


def write_private(file: Path, content: dict[str, Any]) -> None:
    """Replace a file in one step by JSON that only its owner reads."""
    draft = file.with_suffix(".new")
    draft.unlink(missing_ok=True)
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as sink:  # noqa: PTH123 - born with its mode
        json.dump(content, sink)
        sink.flush()
        os.fsync(sink.fileno())
    draft.replace(file)


def unusable(path: Path, error: OSError) -> SetupError:
    """Say what is wrong with the data directory and what to do."""
    return SetupError(
        f"The data directory {path} cannot be used ({error.strerror or error}): make it writable for {_user(os.geteuid())}, or set WATCHFLOOR_DATA_DIR to another."
    )


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user id {uid}"
