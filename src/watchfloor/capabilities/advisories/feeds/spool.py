"""Keep packed documents in a file of the work folder while the rest of their feed is checked."""

from __future__ import annotations

import tempfile
from datetime import datetime  # noqa: TC003 - msgspec reads annotations when the program runs
from typing import IO, TYPE_CHECKING, NamedTuple

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator


class News(NamedTuple):
    """A document that is to be sent."""

    number: int  # its place in the file
    k: int
    digest: bytes
    modified: datetime | None
    record: bytes  # MessagePack


class Packed(NamedTuple):
    """Documents and what they are compressed to."""

    news: list[News]
    raws: list[bytes]


_encode = msgspec.msgpack.encode
_decoder = msgspec.msgpack.Decoder(Packed)


class Spool:
    """One unnamed file, which is made when something is put into it; used again for the next feed."""

    def __init__(self) -> None:
        """Hold nothing."""
        self._file: IO[bytes] | None = None
        self._sizes: list[int] = []
        self.size = 0  # bytes

    def put(self, one: Packed) -> None:
        """Write documents behind those that are there."""
        if self._file is None:
            self._file = tempfile.TemporaryFile()  # noqa: SIM115 - `clear` closes it
        packed = _encode(one)
        self._file.write(packed)
        self._sizes.append(len(packed))
        self.size += len(packed)

    def __iter__(self) -> Iterator[Packed]:
        """Yield what was put, in its order."""
        if self._file is None:
            return
        self._file.seek(0)
        for size in self._sizes:
            yield _decoder.decode(self._file.read(size))

    def clear(self) -> None:
        """Forget everything and give the disk back."""
        if self._file is not None:
            self._file.close()
        self._file, self._sizes, self.size = None, [], 0
