"""Make one PDF as a worker's handler does, in boxes; print what the call cost, without the start of worker and zygote."""

from __future__ import annotations

import hashlib
import json
import logging
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

from benchmarks.documents.memory import peak_bytes
from watchfloor.capabilities.reports.jobs.pdf import pdf
from watchfloor.capabilities.reports.schemas.snapshot import Options
from watchfloor.catalog import CATALOG
from watchfloor.kernel.sandbox import zygote
from watchfloor.kernel.sandbox.client import Sandbox, Usage
from watchfloor.kernel.sandbox.profiles import RENDER

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pydantic import BaseModel

LIMIT: Final = timedelta(minutes=5)


class Context:
    """As much of a handler's context as a PDF needs."""

    log = logging.getLogger("benchmarks")

    def __init__(self, address: str) -> None:
        """Use a zygote."""
        self._box = Sandbox(address)
        self.used: list[Usage] = []

    def sandbox(
        self,
        function: Callable[..., Any],
        request: BaseModel,
        *,
        stream: Callable[[bytes], None] | None = None,
        files: Mapping[str, IO[bytes]] | None = None,
    ) -> Any:  # noqa: ANN401 - what the function answers
        """Run one and remember what it used."""
        return self._box.run(function, request, deadline=LIMIT, profile=RENDER, stream=stream, files=files, observe=self.used.append)

    def progress(self, done: int, total: int, phase: str = "", note: str = "") -> None:
        """Tell nobody."""


def main(snapshot: Path) -> None:
    """Make it and print."""
    with (
        zygote.start(preload=["watchfloor.kernel.errors", "pydantic", *CATALOG.boxes(["reports"])]) as started,
        snapshot.open("rb") as file,
        tempfile.TemporaryFile() as out,
    ):
        context = Context(started.address)
        cpu, wall = time.process_time(), time.monotonic()
        made = pdf(context, file, Options(), {}, out)  # type: ignore[arg-type]  # as much of a context as it uses
        cpu, wall = time.process_time() - cpu, time.monotonic() - wall
        out.seek(0)
        content = out.read()
    largest = max(peak_bytes(), *(one.memory_bytes for one in context.used))
    told = {
        "cpu_s": round(cpu + sum(one.cpu_ms for one in context.used) / 1000, 3), "wall_s": round(wall, 3), "largest_mib": round(largest / (1 << 20), 1),
        "boxes": len(context.used), "pages": made.pages, "rows": made.rows_shown, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest(),
    }  # fmt: skip
    print(json.dumps(told))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
