"""Render a snapshot as JSON: streamed, versioned, sorted, the same bytes each time. Pure."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from watchfloor.capabilities.reports.engine.filtered import plain
from watchfloor.capabilities.reports.engine.render import Rendered
from watchfloor.capabilities.reports.schemas.snapshot import FINDINGS

if TYPE_CHECKING:
    from collections.abc import Callable

    from watchfloor.capabilities.reports.engine.spool import Spool
    from watchfloor.capabilities.reports.schemas.snapshot import Options

SCHEMA: Final = "watchfloor-report/2"
EXACT: Final = 1 << 53
# Programs read one language.
WORDS: Final = {"words": True, "tables": {"__all__": {"columns": {"__all__": {"words"}}}}}
OURS: Final[dict[str, Any]] = {"findings": True, "format_version": True, "sections": {"__all__": WORDS}}


def write(spool: Spool, options: Options, out: Callable[[bytes], None]) -> Rendered:
    """Write one object: the head, then `findings` and `tables` as lists of rows; one row is in memory at a time."""
    head = spool.head.model_dump(mode="json", exclude=OURS)
    about = {**head, "schema": SCHEMA, "snapshot": spool.sha256, "audience": options.audience, "counts": spool.head.findings}
    if said := plain(spool.head):
        about["filtered"] = said
    out(_text(about)[:-1].encode() + b',"findings":[\n')
    count = _rows(spool, FINDINGS, out)
    out(b'],"tables":{')
    for n, key in enumerate(table.key for section in spool.head.sections for table in section.tables):
        out((("," if n else "") + json.dumps(key) + ":[\n").encode())
        count += _rows(spool, key, out)
        out(b"]")
    out(b"}}\n")
    return Rendered(rows_shown=count, rows_total=count)


def _rows(spool: Spool, table: str, out: Callable[[bytes], None]) -> int:
    count = 0
    for row in spool.rows(table):
        out((",\n" if count else "").encode() + _text(_exact(row)).encode())
        count += 1
    if count:
        out(b"\n")
    return count


def _exact(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row whose integers every reader keeps: those beyond 2**53 are texts."""
    if any(isinstance(cell, int) and abs(cell) > EXACT for cell in row.values()):
        return {name: str(cell) if isinstance(cell, int) and abs(cell) > EXACT else cell for name, cell in row.items()}
    return row


def _text(value: Any) -> str:  # noqa: ANN401 - JSON
    return (
        json.dumps(value, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"))
        .encode("utf-8", "backslashreplace")
        .decode()
    )
