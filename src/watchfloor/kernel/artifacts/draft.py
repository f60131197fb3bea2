"""A file whose bytes are known and whose place is not yet: hashed and held, so that its address can be computed before it is sealed."""

from __future__ import annotations

import hashlib
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

from watchfloor.kernel import security
from watchfloor.kernel.artifacts.places.directory import unavailable
from watchfloor.kernel.errors import TooLarge

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

PART_BYTES: Final = 1024 * 1024
SEALED_PART_BYTES: Final = PART_BYTES + security.SEALED_OVERHEAD_BYTES
SIZE_MAX_BYTES: Final = 1024 * PART_BYTES
HELD_PARTS: Final = 8  # in memory; the rest goes to a disk, sealed


class Draft:
    """Size, hash and parts of a file; parts may be read more than once, until `drafted` ends."""

    def __init__(self, scratch: Path | None) -> None:
        """Start empty; `scratch` is where what is too large for memory goes."""
        self.size_bytes = 0
        self._whole = hashlib.sha256()
        self._scratch = scratch
        self._held: list[bytes] = []
        self._spool: IO[bytes] | None = None
        self._key = security.new_key()  # dies with the draft
        self._spooled = 0

    @property
    def sha256(self) -> bytes:
        """Return the hash of the whole file."""
        return self._whole.digest()

    def take(self, part: bytes) -> None:
        """Add a part; raises TooLarge beyond 1 GiB, SourceUnavailable when the disk is full."""
        self.size_bytes += len(part)
        if self.size_bytes > SIZE_MAX_BYTES:
            message = f"A stored file has at most {SIZE_MAX_BYTES} bytes, this one is larger; split it."
            raise TooLarge(message)
        self._whole.update(part)
        if len(self._held) < HELD_PARTS:
            self._held.append(part)
            return
        sealed = security.seal(self._key, part, self._spooled.to_bytes(8, "big"))
        self._spooled += 1
        try:
            if self._spool is None:
                # Without a name: whoever dies leaves nothing behind.
                self._spool = tempfile.TemporaryFile(dir=self._scratch)  # noqa: SIM115 - closed by `close`
            self._spool.write(sealed)
        except OSError as error:
            raise unavailable(self._scratch or Path(tempfile.gettempdir()), "written", error) from error

    def parts(self) -> Iterator[bytes]:
        """Yield all parts, in order; all but the last have 1 MiB."""
        yield from self._held
        if self._spool is not None:
            self._spool.seek(0)
            for n in range(self._spooled):
                yield security.open_(self._key, self._spool.read(SEALED_PART_BYTES), n.to_bytes(8, "big"))

    def close(self) -> None:
        """Forget the bytes."""
        self._held.clear()
        if self._spool is not None:
            self._spool.close()


@contextmanager
def drafted(content: bytes | Iterable[bytes], scratch: Path | None) -> Iterator[Draft]:
    """Read all of `content`, at most 8 MiB of it into memory."""
    draft = Draft(scratch)
    try:
        for part in _parts(content):
            draft.take(part)
        yield draft
    finally:
        draft.close()


def _parts(content: bytes | Iterable[bytes]) -> Iterator[bytes]:
    held = bytearray()
    for piece in (content,) if isinstance(content, bytes) else content:
        held += piece
        while len(held) >= PART_BYTES:
            yield bytes(held[:PART_BYTES])
            del held[:PART_BYTES]
    if held:
        yield bytes(held)
