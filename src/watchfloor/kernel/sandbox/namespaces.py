"""Which namespaces this machine gives us, found by trying, and how a box's first process enters them."""

from __future__ import annotations

import os
import signal
import stat
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from watchfloor.kernel.sandbox import landlock, linux

_FAILED = 1


@dataclass(frozen=True)
class Namespaces:
    """What to enter. `user` comes with every other one where we are not root.

    `private` names folders that only root may enter, each with the code inside that boxes need.
    """

    user: bool = False
    pid: bool = False
    mnt: bool = False
    private: tuple[tuple[str, tuple[str, ...]], ...] = ()

    def enter_before_fork(self) -> None:
        """In the keeper: the next child is process 1 of a new tree, alone in it."""
        flags = (linux.NEW_USER if self.user else 0) | (linux.NEW_PID if self.pid else 0)
        if flags:
            uid, gid = os.getuid(), os.getgid()
            linux.unshare(flags)
            if self.user:
                linux.hide_memory(hide=False)  # a hidden process may not write its own maps
                Path("/proc/self/setgroups").write_text("deny", "ascii")
                Path("/proc/self/uid_map").write_text(f"{uid} {uid} 1", "ascii")
                Path("/proc/self/gid_map").write_text(f"{gid} {gid} 1", "ascii")
                linux.hide_memory()

    def enter_first(self, workdir: str, size_bytes: int | None, owner: tuple[int, int]) -> list[str]:
        """In process 1: finish, and return the names of what is in force, checked. Without a size the work folder stays as it is."""
        if not self.pid:
            return []
        if os.getpid() != 1:
            raise OSError("the box's first process is not process 1 of its namespace")
        linux.unshare(linux.NEW_IPC | linux.NEW_UTS | (linux.NEW_NS if self.mnt else 0))
        linux.set_hostname("box")
        names = [*(["user"] if self.user else []), "pid", "ipc", "uts"]
        if self.mnt:
            _own_mounts(workdir, size_bytes, owner)
            for folder, code in self.private:
                _leave_only(folder, code)
            names.append("mnt")
        return names


def _own_mounts(workdir: str, size_bytes: int | None, owner: tuple[int, int]) -> None:
    """Show the box its own processes only, and give it a work folder that is bounded and vanishes with it, if there is a size."""
    quiet = linux.MS_NOSUID | linux.MS_NODEV | linux.MS_NOEXEC
    linux.mount("none", "/", "none", linux.MS_REC | linux.MS_PRIVATE)
    linux.mount("proc", "/proc", "proc", quiet)
    if any(name.isdigit() and name != "1" for name in os.listdir("/proc")):  # noqa: PTH208 - names, or an open folder
        raise OSError("the new /proc shows processes of others")
    if size_bytes is None:
        return
    options = f"size={size_bytes},nr_inodes=16384,mode=0700,uid={owner[0]},gid={owner[1]}"
    linux.mount("tmpfs", workdir, "tmpfs", quiet, options)


def _leave_only(folder: str, code: tuple[str, ...]) -> None:
    """Put an empty folder over a private one, and into it the code that boxes import: a home keeps its secrets, nobody can read the code."""
    handles = {path: os.open(path, os.O_PATH | os.O_CLOEXEC) for path in code}
    linux.mount("tmpfs", folder, "tmpfs", linux.MS_NOSUID | linux.MS_NODEV, "size=1m,mode=0755")
    for path, handle in handles.items():
        Path(path).mkdir(parents=True, exist_ok=True)
        linux.mount(f"/proc/self/fd/{handle}", path, "none", linux.MS_BIND | linux.MS_REC)
        os.close(handle)


def _private() -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Find code inside folders that are closed to all but root."""
    found: dict[str, set[str]] = {}
    for name in landlock.code_folders():
        path = Path(os.path.realpath(name))
        closed = [parent for parent in reversed(path.parents) if not parent.stat().st_mode & stat.S_IXOTH] if path.is_dir() else []
        if closed:
            found.setdefault(str(closed[0]), set()).add(str(path))
    return tuple((folder, _outermost(code)) for folder, code in sorted(found.items()))


def _outermost(paths: set[str]) -> tuple[str, ...]:
    return tuple(sorted(path for path in paths if not any(path.startswith(f"{other}/") for other in paths)))


def _works(wanted: Namespaces) -> bool:
    """Try in a process of its own, since what is entered cannot be left."""
    with tempfile.TemporaryDirectory(prefix="watchfloor-probe-") as workdir:
        keeper = os.fork()
        if keeper == 0:
            with suppress(BaseException):
                os._exit(_try(wanted, workdir))
            os._exit(_FAILED)
        return os.waitstatus_to_exitcode(os.waitpid(keeper, 0)[1]) == 0


def _try(wanted: Namespaces, workdir: str) -> int:
    signal.alarm(10)
    wanted.enter_before_fork()
    first = os.fork()
    if first == 0:
        with suppress(BaseException):
            wanted.enter_first(workdir, 1 << 20, (os.getuid(), os.getgid()))
            os._exit(0)
        os._exit(_FAILED)
    return os.waitstatus_to_exitcode(os.waitpid(first, 0)[1])


def probe() -> Namespaces:
    """Return the most that works here; nothing at all on systems without namespaces."""
    if not linux.LINUX:
        return Namespaces()
    user = os.geteuid() != 0
    private = () if user else _private()
    for wanted in (Namespaces(user=user, pid=True, mnt=True, private=private), Namespaces(user=user, pid=True)):
        if _works(wanted):
            return wanted
    return Namespaces()
