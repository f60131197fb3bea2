"""Named limits of boxes, one per sort of outside."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

MIB = 1 << 20


class Mode(StrEnum):
    """How much of the box must be in force before code runs in it."""

    REQUIRE = "require"  # refuse unless every layer that this version knows is in force
    BEST_EFFORT = "best-effort"  # take what this machine offers and record it
    OFF = "off"  # development: a plain process


@dataclass(frozen=True, kw_only=True)
class Profile:
    """Limits of one box.

    `memory_bytes` is for the whole tree, watched every 100 ms, and also bounds the data of each single process.
    `processes` counts the tree too. `file_bytes` bounds each file, `workdir_bytes` all files where a tmpfs can be mounted. A work folder
    `on_disk` uses no memory; its size is looked at every half second. `programs` are the files that may be executed; without them
    nothing can be.
    """

    name: str
    memory_bytes: int
    duration: timedelta
    open_files: int = 256
    processes: int = 16
    file_bytes: int = 64 * MIB
    workdir_bytes: int = 64 * MIB
    on_disk: bool = False
    programs: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse limits that would make the kernel's calls fail later, in the box."""
        numbers = (self.memory_bytes, self.open_files, self.processes, self.file_bytes, self.workdir_bytes)
        if min(numbers) < 1 or self.duration <= timedelta(0):
            message = f"every limit of the profile {self.name!r} must be above zero"
            raise ValueError(message)


SCAN = Profile(name="scan", memory_bytes=512 * MIB, duration=timedelta(hours=1), open_files=4096)
FEED = Profile(
    name="feed", memory_bytes=2048 * MIB, duration=timedelta(hours=2), file_bytes=4096 * MIB, workdir_bytes=12288 * MIB, on_disk=True
)
RENDER = Profile(name="render", memory_bytes=1024 * MIB, duration=timedelta(minutes=5), file_bytes=512 * MIB, workdir_bytes=512 * MIB)
NOTIFY = Profile(name="notify", memory_bytes=256 * MIB, duration=timedelta(seconds=30))

PROFILES = {profile.name: profile for profile in (SCAN, FEED, RENDER, NOTIFY)}
