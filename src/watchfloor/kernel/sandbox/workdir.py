"""The work folder of one box: made where it belongs, watched, and removed even when its keeper was killed."""

from __future__ import annotations

import fcntl
import os
import secrets
import stat
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from watchfloor.kernel.sandbox import box

_PREFIX = "watchfloor-box-"
_LOOK_EVERY_S = 0.5
_MOST_ENTRIES = 16384  # as many as a tmpfs may hold, see namespaces.py
_YOUNG_S = 60.0
_IN_MEMORY = {"tmpfs", "ramfs"}


class Workdir:
    """One folder, locked as long as its keeper lives."""

    def __init__(self, path: str, handle: int) -> None:
        """Use `make`."""
        self.path = path
        self._handle = handle
        self._looked_at = time.monotonic()

    def holds_more_than(self, size_bytes: int) -> bool:
        """Tell whether its files take more, or are too many to count; looks every half second, False in between.

        A file that was unlinked and is still open is not seen: the limits on open files and on the size of each bound those.
        """
        if time.monotonic() - self._looked_at < _LOOK_EVERY_S:
            return False
        found = _used_bytes(self.path)
        self._looked_at = time.monotonic()  # after the look: a slow one must not be followed by the next at once
        return found is None or found > size_bytes

    def remove(self) -> None:
        """Remove it with all it holds; says so in the zygote's log where that fails."""
        _clean(self.path)
        os.close(self._handle)


def make(*, on_disk: bool) -> Workdir:
    """Make a folder that the user of the boxes owns."""
    path = tempfile.mkdtemp(prefix=_PREFIX, dir=disk() if on_disk else None)
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)  # ends with the last process that has this handle: the keeper
    if os.geteuid() == 0:
        os.chown(path, *box.owner())
    return Workdir(path, handle)


def disk() -> str:
    """Return a folder for large temporary files that is not kept in memory, or the usual one where there is no other."""
    wanted = (os.environ.get("TMPDIR", ""), "/var/tmp", tempfile.gettempdir())  # noqa: S108 - mkdtemp makes a name nobody can foresee
    for folder in filter(None, wanted):
        if Path(folder).is_dir() and os.access(folder, os.W_OK) and not _in_memory(folder):
            return folder
    return tempfile.gettempdir()


def _in_memory(folder: str) -> bool:
    """Tell whether a folder lies in a file system that uses memory; False where mounts cannot be read."""
    found = ("", "")
    path = os.path.realpath(folder)
    with suppress(OSError):
        for line in Path("/proc/self/mounts").read_text("utf-8", "surrogateescape").splitlines():
            _, place, kind, *_ = line.split(" ")
            if len(place) >= len(found[0]) and (path + "/").startswith(place.rstrip("/") + "/"):
                found = (place, kind)  # the last one of the longest lies on top
    return found[1] in _IN_MEMORY


def sweep() -> None:
    """Remove folders whose keepers were killed before they could."""
    ours = {os.geteuid(), box.owner()[0]}
    for place in {tempfile.gettempdir(), disk()}:
        for folder in Path(place).glob(f"{_PREFIX}*"):
            with suppress(OSError):  # somebody else's, or gone meanwhile
                found = folder.lstat()
                if stat.S_ISDIR(found.st_mode) and found.st_uid in ours and time.time() - found.st_mtime > _YOUNG_S:
                    _remove_if_unlocked(str(folder))


def _remove_if_unlocked(path: str) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        _clean(path)
    finally:
        os.close(handle)


def _used_bytes(top: str) -> int | None:
    """Return what the files below take on disk; None when there are too many."""
    used = seen = 0
    waiting = [top]
    while waiting:
        with suppress(OSError), os.scandir(waiting.pop()) as entries:
            for entry in entries:
                seen += 1
                if seen > _MOST_ENTRIES:
                    return None
                with suppress(OSError):
                    used += entry.stat(follow_symlinks=False).st_blocks * 512
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
    return used


def _clean(path: str) -> None:
    try:
        remove_tree(path)
    except OSError as error:
        print(f"watchfloor sandbox: cannot remove {path}: {error}", file=sys.stderr, flush=True)  # noqa: T201 - the zygote's log


def remove_tree(top: str) -> None:
    """Remove a folder filled by hostile code whose processes are gone, without recursion: its depth is theirs to choose.

    Folders inside folders are moved up to the top first, so no path grows and no link is followed.
    """
    Path(top).chmod(0o700)
    handle = os.open(top, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    token, moved = secrets.token_hex(8), 0  # a name that hostile code could not put in the way
    try:
        while names := os.listdir(handle):  # noqa: PTH208 - names, or an open folder
            for name in names:
                moved = _empty(handle, name, token, moved)
    finally:
        os.close(handle)
    Path(top).rmdir()


def _empty(top: int, name: str, token: str, moved: int) -> int:
    try:
        os.unlink(name, dir_fd=top)
    except (IsADirectoryError, PermissionError):
        os.chmod(name, 0o700, dir_fd=top)
        inner = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=top)
        try:
            for child in os.listdir(inner):  # noqa: PTH208 - names, or an open folder
                try:
                    os.unlink(child, dir_fd=inner)
                except (IsADirectoryError, PermissionError):
                    os.chmod(child, 0o700, dir_fd=inner)
                    moved += 1
                    os.rename(child, f"{token}-{moved}", src_dir_fd=inner, dst_dir_fd=top)
        finally:
            os.close(inner)
        os.rmdir(name, dir_fd=top)
    return moved
