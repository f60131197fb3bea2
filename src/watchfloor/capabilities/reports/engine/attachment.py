"""Rows that a page does not show, as a CSV inside the page itself. Pure."""

from __future__ import annotations

import base64
import csv
import io
from typing import TYPE_CHECKING, Any, Final

from watchfloor.capabilities.reports.engine.to_csv import cell

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

BLOCK: Final = 57 * 1024  # a multiple of three: pieces of base64 can be joined
MOST: Final = 24 << 20  # browsers differ in how long an address may be; all take this


class Attachment:
    """Encodes rows as base64 of CSV; `rows` counts those that it holds, `left` those for which there was no room."""

    def __init__(self, columns: Sequence[str]) -> None:
        """Hold cells of these columns."""
        self._columns = columns
        self.rows = 0
        self.left = 0

    def encode(self, rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
        """Yield pieces of base64."""
        text, size = io.StringIO(newline=""), 0
        writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
        text.write("\ufeff")
        writer.writerow(self._columns)
        held = b""
        for row in rows:
            if size > MOST:
                self.left += 1
                continue
            writer.writerow([cell(row.get(column)) for column in self._columns])
            self.rows += 1
            if text.tell() > BLOCK:
                held += text.getvalue().encode("utf-8", "backslashreplace")
                text.seek(0)
                text.truncate()
                whole = len(held) - len(held) % 3
                size += whole
                yield base64.b64encode(held[:whole]).decode("ascii")
                held = held[whole:]
        yield base64.b64encode(held + text.getvalue().encode("utf-8", "backslashreplace")).decode("ascii")
