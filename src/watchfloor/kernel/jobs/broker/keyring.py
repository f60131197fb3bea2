"""The public keys of all dispatchers, in one small file that a worker reads and another process replaces."""

from __future__ import annotations

import json
import logging
import os
import stat
import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final

from watchfloor.kernel.errors import SetupError
from watchfloor.kernel.jobs.broker.tickets import TicketKey
from watchfloor.kernel.security import KEY_BYTES, KID_BYTES

if TYPE_CHECKING:
    from pathlib import Path

log = logging.getLogger(__name__)

_MAX_BYTES: Final = 1024 * 1024
_PATIENCE_S: Final = 1.0


def write_keyring(path: Path, keys: Mapping[bytes, TicketKey]) -> None:
    """Replace the file in one step; a reader sees the old keys or the new ones."""
    entries = {kid.hex(): {"public": key.public.hex(), "revoked": key.revoked, "not_after": key.not_after_ms} for kid, key in keys.items()}
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with draft.open("w", encoding="ascii") as file:
        os.fchmod(file.fileno(), 0o644)
        json.dump(entries, file)
    draft.replace(path)


def read_keyring(path: Path) -> dict[bytes, TicketKey]:
    """Read the file; raises SetupError when others may write it or its content is not a keyring."""
    with path.open("rb") as file:
        if os.fstat(file.fileno()).st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise SetupError(f"Other accounts may write {path}, which says whose tickets are obeyed. Run: chmod go-w {path}")
        text = file.read(_MAX_BYTES + 1)
    try:
        return dict(_entry(kid, entry) for kid, entry in json.loads(text).items())
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise SetupError(f"{path} is not a keyring. Remove it; the worker's warden writes a new one.") from error


def _entry(kid: str, entry: Mapping[str, object]) -> tuple[bytes, TicketKey]:
    name, public = bytes.fromhex(kid), bytes.fromhex(str(entry["public"]))
    not_after, revoked = entry["not_after"], entry["revoked"]
    if len(name) != KID_BYTES or len(public) != KEY_BYTES or not isinstance(revoked, bool) or not isinstance(not_after, int | None):
        raise ValueError(kid)
    return name, TicketKey(public, revoked, not_after)


class Keyring(Mapping[bytes, TicketKey]):
    """The file's keys, read again when it was replaced, and for an unknown key at most once a second.

    While the file is missing or broken the last good keys stay in force; before the first good one there are none.
    """

    def __init__(self, path: Path) -> None:
        """Read nothing yet."""
        self._path = path
        self._keys: dict[bytes, TicketKey] = {}
        self._seen: tuple[int, ...] | None = None
        self._read_at = -_PATIENCE_S

    def __call__(self) -> Keyring:
        """Return itself, up to date: a worker's `keys()`."""
        self._follow()
        return self

    def __getitem__(self, kid: bytes) -> TicketKey:
        """Return a key; looks at the file again before giving up."""
        if kid not in self._keys and time.monotonic() - self._read_at >= _PATIENCE_S:
            self._read()
        return self._keys[kid]

    def __iter__(self) -> Iterator[bytes]:
        """Iterate over the key ids."""
        return iter(self._keys)

    def __len__(self) -> int:
        """Count the keys."""
        return len(self._keys)

    def _follow(self) -> None:
        try:
            found = self._path.stat()
        except OSError:
            return
        if (found.st_mtime_ns, found.st_ino, found.st_size) != self._seen:
            self._seen = (found.st_mtime_ns, found.st_ino, found.st_size)
            self._read()

    def _read(self) -> None:
        self._read_at = time.monotonic()
        try:
            self._keys = read_keyring(self._path)
        except (OSError, SetupError) as error:
            log.warning("The keyring was not read, %d earlier keys stay in force: %s", len(self._keys), error)
