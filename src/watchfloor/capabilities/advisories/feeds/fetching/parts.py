"""Records from many answers, gathered into files that are read as one: watermarks move when all of them are in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

PART = 32 << 20


class Lines:
    """One record a line."""

    def __init__(self, path: Path) -> None:
        """Begin an empty file."""
        self.path = path
        self.count = 0
        path.write_bytes(b"")

    def add(self, records: Iterable[bytes | msgspec.Raw]) -> None:
        """Write records, without line breaks of their own."""
        with self.path.open("ab") as file:
            for record in records:
                file.write(msgspec.json.format(bytes(record), indent=-1) + b"\n")
                self.count += 1


class Arrays:
    """Arrays of records, each file small enough to be read in one piece."""

    def __init__(self, folder: Path, name: str) -> None:
        """Begin without a file."""
        self._folder, self._name = folder, name
        self.paths: list[Path] = []
        self._size = PART

    def add(self, records: Iterable[msgspec.Raw]) -> None:
        """Write records."""
        for record in records:
            if self._size >= PART:
                self._begin()
            with self.paths[-1].open("ab") as file:
                file.write((b"[" if not self._size else b",\n") + bytes(record))
            self._size += len(bytes(record)) + 2

    def end(self) -> list[Path]:
        """Close the last file and return all."""
        self._close()
        return self.paths

    def _begin(self) -> None:
        self._close()
        self.paths.append(self._folder / f"{self._name}-{len(self.paths)}.json")
        self.paths[-1].write_bytes(b"")
        self._size = 0

    def _close(self) -> None:
        if self.paths:
            with self.paths[-1].open("ab") as file:
                file.write(b"]")
