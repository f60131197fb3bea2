"""Make a PDF of the same model with WeasyPrint: the same table, the same findings in full, the same pictures; print what it cost."""

from __future__ import annotations

import importlib
import json
import sys
import time
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from benchmarks.documents.memory import peak_bytes
from watchfloor.capabilities.reports.engine.charts import draw
from watchfloor.capabilities.reports.engine.spool import Spool
from watchfloor.capabilities.reports.engine.theme import PRINT
from watchfloor.capabilities.reports.engine.to_pdf.plan import IN_FULL

if TYPE_CHECKING:
    from collections.abc import Iterator

    from watchfloor.capabilities.reports.schemas.snapshot import Head

STYLE: Final = """@page{size:A4;margin:25mm 20mm;@bottom-center{content:counter(page) " of " counter(pages)}}
body{font:9.5pt sans-serif}table{width:100%;border-collapse:collapse;table-layout:fixed;font-size:8.4pt}th,td{border-bottom:.4pt solid #ccc;padding:1.5mm;text-align:left;
vertical-align:top;overflow-wrap:anywhere}pre{font:7.6pt monospace;border:.5pt solid #ccc;padding:2mm;white-space:pre-wrap}svg{width:82%}h1{break-before:page}"""


def main(snapshot: Path) -> None:
    """Make it and print."""
    library: Any = importlib.import_module("weasyprint")
    with snapshot.open("rb") as file:
        spool = Spool(file)
        cpu, wall = time.process_time(), time.monotonic()
        markup = "".join(_page(spool))
        content = library.HTML(string=markup).write_pdf()
        cpu, wall = time.process_time() - cpu, time.monotonic() - wall
    told = {
        "cpu_s": round(cpu, 3),
        "wall_s": round(wall, 3),
        "largest_mib": round(peak_bytes() / (1 << 20), 1),
        "pages": content.count(b"/Type /Page\n") or content.count(b"/Type/Page/"),
        "bytes": len(content),
    }
    print(json.dumps(told))


def _page(spool: Spool) -> Iterator[str]:
    yield f"<!doctype html><meta charset=utf-8><title>{escape(spool.head.title)}</title><style>{STYLE}</style><h1>{escape(spool.head.title)}</h1>"
    yield from _pictures(spool.head)
    yield "<h1>Findings</h1><table><thead><tr><th>#<th>Severity<th>Finding<th>Asset<th>State<th>Since</thead><tbody>"
    for number, row in enumerate(spool.rows("findings", 0, 10_000), 1):
        cells = (number, row["severity"], row["title"], f"{row['target']}:{row['port']}", row["state"], row["first_seen"][:10])
        yield "<tr>" + "".join(f"<td>{escape(str(one))}" for one in cells)
    yield "</tbody></table><h1>Findings in full</h1>"
    for number, row in enumerate(spool.rows("findings", 0, IN_FULL), 1):
        yield f"<h2>{number} {escape(row['title'])}</h2><dl>"
        yield from (
            f"<dt>{name}<dd>{escape(str(row[name]))}"
            for name in ("severity", "target", "port", "cve", "check", "product", "version", "cpe", "first_seen", "fingerprint")
        )
        yield f"</dl><p>{escape(row['description'])}<pre>{escape(row['evidence'])}</pre><p>{escape(row['remedy'])}<p>{escape(' '.join(row['references']))}"


def _pictures(head: Head) -> Iterator[str]:
    for section in head.sections:
        for chart in section.charts:
            yield f"<h2>{escape(chart.title)}</h2>{draw(chart, PRINT).svg}"


if __name__ == "__main__":
    main(Path(sys.argv[1]))
