"""A snapshot as a file: one line of head, one line a row, one line that closes it; the same data gives the same bytes. Pure.

Lines are JSON with sorted keys. Rows are written before the head is known, so `Spooling` keeps them in a file of their own until the end.
"""

from __future__ import annotations

import hashlib
import json
from typing import IO, TYPE_CHECKING, Any

import msgspec

from watchfloor.capabilities.reports.schemas.snapshot import FORMAT_VERSION, Head
from watchfloor.kernel.errors import SourceChanged

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

BLOCK = 1 << 20
_decoded = msgspec.json.Decoder().decode  # three times as fast as json, and every format reads every row


def canonical(value: object) -> bytes:
    """Return JSON whose bytes depend on the value alone, with a line feed."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":")).encode() + b"\n"


class Spooling:
    """Writes rows, then the head before them."""

    def __init__(self, rows: IO[bytes]) -> None:
        """Keep rows in an empty file until `close`."""
        self._rows = rows
        self.counts: dict[str, int] = {}

    def add(self, table: str, row: Mapping[str, Any]) -> None:
        """Write one row of JSON values; tables come one after the other, as the head lists them."""
        self.counts[table] = self.counts.get(table, 0) + 1
        self._rows.write(canonical({"s": table, "r": row}))

    def close(self, head: Head, out: IO[bytes]) -> str:
        """Write the whole snapshot and return the SHA-256 of all before its last line, in hex."""
        whole = hashlib.sha256()
        first = canonical(head.model_dump(mode="json"))
        whole.update(first)
        out.write(first)
        self._rows.seek(0)
        while block := self._rows.read(BLOCK):
            whole.update(block)
            out.write(block)
        out.write(canonical({"end": sum(self.counts.values()), "sha256": whole.hexdigest()}))
        out.flush()
        return whole.hexdigest()


class Spool:
    """Reads a snapshot, a table at a time; one row is in memory."""

    def __init__(self, file: IO[bytes]) -> None:
        """Read the head and where each table begins.

        Raises:
            SourceChanged: It has no end, other bytes than its end says, or is of another version.
        """
        self._file = file
        file.seek(0)
        first = file.readline()
        self.head = _head(first)
        self.begins: dict[str, int] = {}  # the byte of each table's first row
        self.counts: dict[str, int] = {}
        self.sha256 = self._survey(first)

    def rows(self, table: str, start: int = 0, count: int | None = None) -> Iterator[dict[str, Any]]:
        """Yield a table's rows, `count` of them from number `start`; of a table that is not there, none."""
        have = self.counts.get(table, 0)
        end = have if count is None else min(have, start + count)
        at = self.begins.get(table, 0)
        for n in range(end):
            if self._file.tell() != at:  # somebody else read meanwhile
                self._file.seek(at)
            raw = self._file.readline()
            at += len(raw)
            if n >= start:
                yield _decoded(raw)["r"]

    def _survey(self, first: bytes) -> str:
        whole, at, last = hashlib.sha256(first), len(first), b""
        tables = dict[bytes, str]()  # by how their rows end
        for raw in self._file:
            if last:
                whole.update(last)
                end = last[last.rindex(b'"s":') :]
                if end not in tables:
                    table = tables[end] = _decoded(b"{" + end)["s"]
                    self.begins.setdefault(table, at - len(last))
                    self.counts.setdefault(table, 0)
                self.counts[tables[end]] += 1
            last = raw
            at += len(raw)
        if last != canonical({"end": sum(self.counts.values()), "sha256": whole.hexdigest()}):
            message = "this snapshot is cut or changed: its rows are not those its last line speaks of"
            raise SourceChanged(message)
        return whole.hexdigest()


def _head(first: bytes) -> Head:
    try:
        head = Head.model_validate_json(first)
    except ValueError as error:
        message = "this file is no snapshot of a report"
        raise SourceChanged(message) from error
    if head.format_version != FORMAT_VERSION:
        message = f"this snapshot is of version {head.format_version}, this program reads {FORMAT_VERSION}"
        raise SourceChanged(message)
    return head
