"""Let the sandbox read files of sources, and take what it finds: the way in for everything, wherever it came from."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING

from watchfloor.capabilities.advisories.queries.streams import streams_of
from watchfloor.capabilities.advisories.schemas.feed import Accepted, Given
from watchfloor.capabilities.advisories.schemas.words import YEAR
from watchfloor.kernel.db.session import wire_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from contextlib import ExitStack
    from datetime import datetime

    from watchfloor.capabilities.advisories.schemas.words import Source
    from watchfloor.kernel.contract import JobContext
    from watchfloor.kernel.db.session import Wire


# A year in one value: the driver would spend more on a row of its own for each document than reading it takes.
HASHES = (
    "select string_agg(int8send(k) || h || timestamptz_send(coalesce(source_modified, to_timestamp(0))), '') "
    "from adv_raw where src = %s and gone_at is null group by k / %s"
)


@dataclass(frozen=True)
class Prepared:
    """What the box needs to know of what is stored, and the files that tell it."""

    now: datetime
    known: tuple[Given, ...] = ()
    dictionaries: tuple[Given, ...] = ()
    accepted: tuple[Accepted, ...] = ()
    files: dict[str, IO[bytes]] = field(default_factory=dict)


def prepare(context: JobContext, sources: Iterable[Source], stack: ExitStack, *, hashes: bool) -> Prepared:
    """Write down for the box what is stored of these sources.

    Args:
        context: The attempt.
        sources: Those that files may belong to.
        stack: Closes the files.
        hashes: Whether to tell which documents are known, so that they are not sent again: worth its seconds where whole sets are read.
    """
    files: dict[str, IO[bytes]] = {}
    known, dictionaries, accepted = [], [], []
    with context.transaction() as session:
        wire = wire_of(session)
        row = wire.execute("select wf_now()").fetchone()
        for src in sources:
            accepted += [
                Accepted(
                    source=src.label, stream=one.stream, rows=one.rows_ok, as_of=one.cursor.get("as_of") or one.watermark,
                    sha256=one.cursor.get("sha256", ""), packed=one.cursor.get("packed", ""),
                )
                for one in streams_of(wire, src)
                if one.ok_at is not None
            ]  # fmt: skip
            if hashes and wire.execute("select from adv_raw where src = %s limit 1", (int(src),)).fetchone() is not None:
                files[f"known-{src.label}"] = _hashes(wire, src, stack)
                known.append(Given(source=src.label, name=f"known-{src.label}"))
            newest = wire.execute("select id, dict from adv_zdict where src = %s order by id desc limit 1", (int(src),)).fetchone()
            if newest is not None:
                files[f"dictionary-{src.label}"] = _file(stack, newest[1])
                dictionaries.append(Given(source=src.label, name=f"dictionary-{src.label}", number=newest[0]))
    if row is None:
        message = "the database does not tell the time"
        raise RuntimeError(message)
    return Prepared(row[0], tuple(known), tuple(dictionaries), tuple(accepted), files)


def _hashes(wire: Wire, src: Source, stack: ExitStack) -> IO[bytes]:
    file = stack.enter_context(tempfile.TemporaryFile())  # noqa: SIM115 - the caller's stack closes it
    for (piece,) in wire.execute(HASHES, (int(src), YEAR), binary=True):
        file.write(piece)
    file.seek(0)
    return file


def _file(stack: ExitStack, content: bytes) -> IO[bytes]:
    file = stack.enter_context(tempfile.TemporaryFile())  # noqa: SIM115 - the caller's stack closes it
    file.write(content)
    file.seek(0)
    return file
