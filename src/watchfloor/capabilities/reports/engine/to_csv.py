"""Render the findings of a snapshot as CSV (RFC 4180): every cell quoted, none a formula, UTF-8 with a byte order mark. Pure."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any, Final

from watchfloor.capabilities.reports.engine.guard import guarded
from watchfloor.capabilities.reports.engine.render import Rendered
from watchfloor.capabilities.reports.engine.text import visible
from watchfloor.capabilities.reports.schemas.findings import COLUMNS
from watchfloor.capabilities.reports.schemas.snapshot import FINDINGS

if TYPE_CHECKING:
    from collections.abc import Callable

    from watchfloor.capabilities.reports.engine.spool import Spool
    from watchfloor.capabilities.reports.schemas.snapshot import Options

NAMES: Final = tuple(one.name for one in COLUMNS)


def write(spool: Spool, options: Options, out: Callable[[bytes], None]) -> Rendered:
    """Write one line of names, then one line a finding; numbers stay numbers, what is unknown is empty."""
    del options  # machines read it: neither language nor time zone
    held = io.StringIO(newline="")
    lines = csv.writer(held, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    lines.writerow(guarded(name) for name in NAMES)
    out(b"\xef\xbb\xbf")
    count = 0
    for row in spool.rows(FINDINGS):
        count += 1
        lines.writerow(cell(row.get(name)) for name in NAMES)
        out(held.getvalue().encode())
        held.seek(0)
        held.truncate()
    out(held.getvalue().encode())
    return Rendered(rows_shown=count, rows_total=count)


def cell(value: Any) -> str:  # noqa: ANN401 - a cell
    """Return a cell that a spreadsheet shows and never computes."""
    if type(value) is str:  # nearly all
        return guarded(visible(value))
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case int() | float():
            return str(value)
        case list():
            return guarded(" ".join(visible(str(one)) for one in value))
    return guarded(visible(str(value)))
