"""The place on a disk: `<directory>/<org>/<first byte>/<address>`, readable by the product's own account alone."""

from __future__ import annotations

import errno
import os
import tempfile
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from watchfloor.kernel import clock
from watchfloor.kernel.artifacts.places import Lying, address_named
from watchfloor.kernel.errors import SourceUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import timedelta
    from uuid import UUID

    from sqlalchemy.orm import Session

    from watchfloor.kernel.db.session import Database

DRAFT: Final = ".draft-"
FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class Directory:
    """Files below one directory, each written beside its place and then moved there."""

    def __init__(self, root: Path) -> None:
        """Remember the directory; it is made when the first file is stored."""
        self._root = Path(os.path.abspath(root))  # noqa: PTH100 - symbolic links stay as the operator wrote them

    def scratch(self) -> Path | None:
        """Return the directory itself: what will lie here may use its room before."""
        with self._said("written"):
            self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
        return self._root

    def put(self, session: Session | None, org: UUID, address: bytes, parts: Iterable[bytes]) -> None:  # noqa: ARG002 - a disk knows no transaction
        """Write a draft, have it on the disk, give it its name; whoever dies before leaves a draft, never half a file."""
        path = self._path(org, address)
        with self._said("written"):
            for folder in (self._root, path.parent.parent, path.parent):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle, draft = tempfile.mkstemp(prefix=DRAFT, dir=path.parent)
            try:
                with os.fdopen(handle, "wb") as file:
                    file.writelines(parts)
                    file.flush()
                    os.fsync(file.fileno())
                os.replace(draft, path)  # noqa: PTH105 - a name, not a Path
            except BaseException:
                with suppress(OSError):
                    os.unlink(draft)  # noqa: PTH108 - see above
                raise
            for folder in (path.parent, path.parent.parent, self._root):
                _sync(folder)

    def fetch(self, database: Database, org: UUID, address: bytes, n: int, start: int, size_bytes: int) -> bytes | None:  # noqa: ARG002 - parts lie one after the other
        """Read a part."""
        with self._said("read"):
            try:
                handle = os.open(self._path(org, address), os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
            except FileNotFoundError:
                return None
            with os.fdopen(handle, "rb", buffering=0) as file:
                return os.pread(file.fileno(), size_bytes, start)

    def look(self, session: Session, org: UUID, address: bytes) -> Lying | None:  # noqa: ARG002 - see put
        """Return the file's size and age."""
        with self._said("read"), suppress(FileNotFoundError):
            status = self._path(org, address).lstat()
            return Lying(address, status.st_size, _age(status))
        return None

    def drop(self, session: Session, org: UUID, address: bytes) -> None:  # noqa: ARG002 - see put
        """Remove the file."""
        with self._said("removed"):
            self._path(org, address).unlink(missing_ok=True)

    def listing(self, database: Database, org: UUID, first: int | None) -> Iterator[Lying]:  # noqa: ARG002 - see put
        """Yield the files; what has not the name of an address is none of ours and stays."""
        for file, status in self._files(org, range(256) if first is None else (first,)):
            if (address := address_named(file.name, file.parent.name)) is not None:
                yield Lying(address, status.st_size, _age(status))

    def clear_drafts(self, org: UUID, older_than: timedelta, *, dry_run: bool = False) -> int:
        """Remove drafts whose writer must be dead by now."""
        dead = [file for file, status in self._files(org, range(256)) if file.name.startswith(DRAFT) and _age(status) > older_than]
        for file in () if dry_run else dead:
            with self._said("removed"):
                file.unlink(missing_ok=True)
        return len(dead)

    def _files(self, org: UUID, firsts: Iterable[int]) -> Iterator[tuple[Path, os.stat_result]]:
        for first in firsts:
            with self._said("read"), suppress(FileNotFoundError), os.scandir(self._root / str(org) / f"{first:02x}") as entries:
                for entry in entries:
                    with suppress(FileNotFoundError):  # gone since the directory was read
                        yield Path(entry.path), entry.stat(follow_symlinks=False)

    def _path(self, org: UUID, address: bytes) -> Path:
        name = address.hex()
        return self._root / str(org) / name[:2] / name

    @contextmanager
    def _said(self, what: str) -> Iterator[None]:
        """Turn the system's errors into a sentence."""
        try:
            yield
        except OSError as error:
            raise unavailable(self._root, what, error) from error


def unavailable(where: Path, what: str, error: OSError) -> SourceUnavailable:
    """Return what to tell about a disk that is full or fails."""
    if error.errno in FULL:
        return SourceUnavailable(
            f"The disk that holds {where} is full ({error.strerror}): a file could not be stored, nothing of it was kept. Free some room."
        )
    return SourceUnavailable(
        f"A stored file below {where} could not be {what}: {error.strerror}. Check the disk, and that Watchfloor's account may use it."
    )


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _age(status: os.stat_result) -> timedelta:
    return clock.now() - datetime.fromtimestamp(status.st_mtime, UTC)
