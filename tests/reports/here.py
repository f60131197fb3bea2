"""A PDF made in this process, where a test changes the process around it."""

from __future__ import annotations

import hashlib
import os
from typing import IO, TYPE_CHECKING, Any, BinaryIO, cast

from tests.reports import model
from tests.reports.boxes import Boxes, make

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pydantic import BaseModel


class Here(Boxes):
    """Calls what would run in a box."""

    def __init__(self) -> None:
        """Need no zygote."""
        super().__init__("")

    def sandbox(
        self, function: Callable[..., Any], request: BaseModel, *, stream: Any = None, files: Mapping[str, IO[bytes]] | None = None
    ) -> Any:
        """Call it."""
        return function(type(request).model_validate_json(request.model_dump_json()), Report(stream, files or {}))


class Report:
    """Takes what a function sends and gives it files."""

    def __init__(self, stream: Callable[[bytes], None] | None = None, files: Mapping[str, IO[bytes]] | None = None) -> None:
        """Without `stream` nothing may be sent."""
        self._stream, self._files = stream, files or {}

    def __call__(self, done: int, total: int, phase: str = "", note: str = "") -> None:
        """Tell nobody."""
        del done, total, phase, note

    def send(self, body: bytes | bytearray) -> None:
        """Pass on."""
        assert self._stream is not None
        self._stream(bytes(body))

    def file(self, name: str) -> BinaryIO:
        """Open a file at its beginning."""
        found = self._files[name]
        found.flush()
        found.seek(0)
        return cast("BinaryIO", os.fdopen(os.dup(found.fileno()), "rb"))


def digest() -> str:
    """Return the hash of a PDF of which the process around must not decide a byte."""
    content, _ = make(
        Here(), model.snapshot(40, services=5).getvalue(), attached={"report.json": b"{}"}, locale="de", time_zone="Asia/Tokyo"
    )
    return hashlib.sha256(content).hexdigest()
