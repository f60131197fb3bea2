"""Make every format of one snapshot as a worker's handler does, and print what they cost together and the PDF alone."""

from __future__ import annotations

import hashlib
import json
import sys
import time
from contextlib import ExitStack
from pathlib import Path

from benchmarks.documents.memory import peak_bytes
from benchmarks.documents.ours import Context
from watchfloor.capabilities.reports.engine.spool import Spool
from watchfloor.capabilities.reports.jobs.fonts import OperatorFonts
from watchfloor.capabilities.reports.jobs.rendering import Renderer
from watchfloor.capabilities.reports.schemas.snapshot import Options
from watchfloor.capabilities.reports.schemas.words import Format
from watchfloor.catalog import CATALOG
from watchfloor.kernel.sandbox import zygote

AUTHOR = Options(author="Example Ltd", author_url="https://example.org")


def main(snapshot: Path) -> None:
    """Make them and print; the PDF's own attachments, CSV and JSON, count for the PDF, and are made once."""
    with ExitStack() as stack:
        started = stack.enter_context(zygote.start(preload=["watchfloor.kernel.errors", "pydantic", *CATALOG.boxes(["reports"])]))
        file = stack.enter_context(snapshot.open("rb"))
        Spool(file)
        context = Context(started.address)
        renderer = Renderer(context, file, AUTHOR, None, stack, OperatorFonts())  # type: ignore[arg-type]  # as much of a context as it uses
        spent, hashes = {}, {}
        for format_ in (one for one in Format if one is not Format.BUNDLE):
            boxes, own = len(context.used), time.process_time()
            hashes[str(format_)] = hashlib.sha256(renderer.file(format_).content.read()).hexdigest()
            spent[str(format_)] = round(time.process_time() - own + sum(one.cpu_ms for one in context.used[boxes:]) / 1000, 3)
    largest = max(peak_bytes(), *(one.memory_bytes for one in context.used))
    told = {
        "cpu_s": round(sum(spent.values()), 3), "by_format": spent, "to_pdf": round(sum(spent.values()) / spent["pdf"], 4),
        "largest_mib": round(largest / (1 << 20), 1), "sha256": hashlib.sha256(json.dumps(hashes, sort_keys=True).encode()).hexdigest(),
    }  # fmt: skip
    print(json.dumps(told))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
