"""A file whose bytes are sent as frames."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from watchfloor.kernel.contract import StreamingReport

FRAME: Final = 1 << 20


class Sending(io.RawIOBase):
    """Sends what is written to it to the handler; cannot go back."""

    def __init__(self, report: StreamingReport) -> None:
        """Send nothing yet."""
        super().__init__()
        self._report = report
        self._held = bytearray()

    def writable(self) -> bool:
        """Tell that it can be written."""
        return True

    def write(self, piece: bytes | bytearray | memoryview) -> int:  # type: ignore[override]  # what RawIOBase promises is wider
        """Take a piece; whole frames go out."""
        self._held += piece
        while len(self._held) >= FRAME:
            self._report.send(bytes(self._held[:FRAME]))
            del self._held[:FRAME]
        return len(piece)

    def finish(self) -> None:
        """Send what is left."""
        if self._held:
            self._report.send(bytes(self._held))
            self._held.clear()
