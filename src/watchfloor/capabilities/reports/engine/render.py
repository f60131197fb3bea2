"""Render one snapshot in one format; runs in the sandbox, because what it shows is hostile text."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from watchfloor.capabilities.reports.engine.spool import Spool
from watchfloor.capabilities.reports.schemas.snapshot import Options
from watchfloor.capabilities.reports.schemas.words import Format

if TYPE_CHECKING:
    from watchfloor.kernel.contract import StreamingReport

FRAME = 1 << 20


class RenderRequest(BaseModel):
    """Which format; the snapshot is the file `snapshot`, the logo, if any, the file `logo`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Format
    options: Options


class Rendered(BaseModel):
    """What was written: the file's bytes were sent as frames, in their order."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rows_shown: int
    rows_total: int
    pages: int | None = None
    notes: tuple[str, ...] = ()


class Out:
    """Gathers small pieces into frames."""

    def __init__(self, report: StreamingReport) -> None:
        """Send to the handler."""
        self._report = report
        self._held = bytearray()

    def __call__(self, piece: bytes) -> None:
        """Add bytes to the file."""
        self._held += piece
        while len(self._held) >= FRAME:
            self._report.send(bytes(self._held[:FRAME]))
            del self._held[:FRAME]

    def close(self) -> None:
        """Send what is left."""
        if self._held:
            self._report.send(bytes(self._held))
            self._held.clear()


def render(request: RenderRequest, report: StreamingReport) -> Rendered:
    """Send the file and return what it holds; the same snapshot and options give the same bytes."""
    report(0, 1, phase="render")
    spool, out = Spool(report.file("snapshot")), Out(report)
    # One format does not pay for the libraries of another.
    writer = importlib.import_module(f"watchfloor.capabilities.reports.engine.to_{request.format}")
    logo = {"logo": report.file("logo").read()} if request.options.logo and request.format is Format.HTML else {}
    made: Rendered = writer.write(spool, request.options, out, **logo)
    out.close()
    report(1, 1, phase="render")
    return made
