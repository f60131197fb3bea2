"""One answer on its way into a file, and what it turned out to be."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from watchfloor.kernel.clock import monotonic
from watchfloor.kernel.errors import OutsideError, SourceChanged, SourceUnavailable
from watchfloor.kernel.fetch import content

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from typing import BinaryIO

    from watchfloor.kernel.fetch.guard import Location
    from watchfloor.kernel.fetch.patience import Patience

SAMPLE_BYTES = 2048
_RESUME_FROM = 10_000_000


@dataclass(frozen=True, kw_only=True)
class Got:
    """One answer. `path` holds its body as it came, `sha256` is of that body; headers have lower-case names."""

    status: int
    url: str
    path: Path
    size: int
    sha256: str
    headers: Mapping[str, str]

    @property
    def etag(self) -> str:
        """Return the answer's mark, empty without one; to be sent with the next question."""
        return self.headers.get("etag", "")[:500]

    @property
    def modified(self) -> str:
        """Return its Last-Modified as it was written, empty without one."""
        return self.headers.get("last-modified", "")[:100]


class Again(Exception):
    """This try failed; another may not. `kind` is what it means when there is no other."""

    def __init__(self, reason: str, asked: float | None = None, kind: type[OutsideError] = SourceUnavailable) -> None:
        """`asked` are the seconds that the source wants us to wait."""
        super().__init__(reason)
        self.reason, self.asked, self.kind = reason, asked, kind


class Download:
    """A file on its way. What a broken connection left is kept where it can be gone on with."""

    def __init__(self, path: Path) -> None:
        """Nothing is written before `begin`."""
        self.path = path
        self._file: BinaryIO | None = None
        self.size = 0
        self.mark = ""
        self._part = path.with_name(f"{path.name}.part")
        self._hash = hashlib.sha256()

    @property
    def resumable(self) -> bool:
        """Tell whether the rest can be asked for."""
        return self.size >= _RESUME_FROM and bool(self.mark)

    @property
    def so_far(self) -> str:
        """Say how far it came, for a sentence's end."""
        return f", after {self.size} bytes" if self.size else ""

    def begin(self, headers: Mapping[str, str]) -> None:
        """Start with an empty file."""
        self.drop()
        etag = headers.get("etag", "")
        self.mark = etag if etag and not etag.startswith("W/") else headers.get("last-modified", "")
        if headers.get("accept-ranges", "").lower() == "none" or "content-encoding" in headers:
            self.mark = ""
        self._hash = hashlib.sha256()
        self._file = self._part.open("wb")

    def continues(self, headers: Mapping[str, str]) -> bool:
        """Tell whether an answer goes on where this stopped."""
        return self.resumable and headers.get("content-range", "").startswith(f"bytes {self.size}-")

    def add(self, piece: bytes) -> None:
        """Write on."""
        if self._file is not None:
            self._file.write(piece)
        self._hash.update(piece)
        self.size += len(piece)

    def drop(self) -> None:
        """Forget what there is."""
        if self._file is not None:
            self._file.close()
        self.size, self.mark = 0, ""
        self._part.unlink(missing_ok=True)

    def end(self, status: int, location: Location, headers: Mapping[str, str], limit_bytes: int) -> Got:
        """Put the file in its place if it can be data."""
        if self._file is not None:
            self._file.close()
        with self._part.open("rb") as file:
            if status < 300 and content.looks_like_a_page(file.read(SAMPLE_BYTES)):  # noqa: PLR2004 - the page of an error is one
                self.drop()
                raise Again("G2: a web page came instead of data", kind=SourceChanged)
        encoding = headers.get("content-encoding", "identity").strip().lower()
        if encoding not in {"identity", "gzip", "x-gzip", ""}:
            raise SourceChanged(f"G2: {location.host} encodes its answer as {encoding[:50]!r}, which was not asked for.")
        if encoding.endswith("gzip") and content.peel(self._part, limit_bytes):
            self._hash = hashlib.sha256()
            with self._part.open("rb") as file:
                while piece := file.read(1 << 20):
                    self._hash.update(piece)
        self._part.replace(self.path)
        return Got(
            status=status, url=location.url, path=self.path, size=self.path.stat().st_size, sha256=self._hash.hexdigest(), headers=headers
        )


class Speed:
    """Whether a body comes fast enough, over one window after the other."""

    def __init__(self, patience: Patience) -> None:
        """Start now."""
        self._patience = patience
        self._since, self._seen = monotonic(), 0

    def enough(self, size: int) -> bool:
        """Count bytes; False when a window that ended had too few."""
        self._seen += size
        now = monotonic()
        if now - self._since < self._patience.slow_after_s:
            return True
        fast = self._seen >= self._patience.slowest * (now - self._since)
        self._since, self._seen = now, 0
        return fast
