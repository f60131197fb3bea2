"""Under which account the embedded services run: ours, or an unprivileged one when we are root."""

from __future__ import annotations

import os
import pwd
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

from watchfloor.kernel.errors import SetupError

if TYPE_CHECKING:
    from pathlib import Path

CANDIDATES = ("postgres", "nobody")


@dataclass(frozen=True)
class Account:
    """An entry of the password file; initdb needs one."""

    name: str
    uid: int
    gid: int


def service_account(cluster: Path) -> Account | None:
    """Return the account for the services, or None when we are not root and they run as ourselves.

    An existing `cluster` stays with the account that owns it, whatever was installed since.
    """
    if os.geteuid() != 0:
        return None
    if cluster.exists():
        return _owner(cluster)
    for name in CANDIDATES:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        if entry.pw_uid != 0:
            return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)
    message = "PostgreSQL refuses to run as root and there is no account named postgres or nobody: add one, or run Watchfloor as an ordinary user."
    raise SetupError(message)


def _owner(path: Path) -> Account:
    uid = path.stat().st_uid
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:
        entry = None
    if entry is None or uid == 0:
        message = f"{path} belongs to {'root' if uid == 0 else f'user id {uid}, which has no account'}: give it to the account that runs PostgreSQL, with chown -R."
        raise SetupError(message)
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


def barrier(account: Account | None, path: Path) -> Path | None:
    """Return the first directory on the way to `path`, or `path` itself, that the account may not enter or run; None when it may."""
    if account is None:
        return None
    way = [*reversed(path.resolve().parents), path.resolve()]
    return next((step for step in way if not _may_enter(account, step)), None)


def _may_enter(account: Account, folder: Path) -> bool:
    status = folder.stat()
    if status.st_uid == account.uid:
        return bool(status.st_mode & stat.S_IXUSR)
    if status.st_gid == account.gid:
        return bool(status.st_mode & stat.S_IXGRP)
    return bool(status.st_mode & stat.S_IXOTH)


def own(path: Path, account: Account | None) -> None:
    """Give one path to the account; nothing to do when the services run as ourselves."""
    if account is not None:
        os.chown(path, account.uid, account.gid)
