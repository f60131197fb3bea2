"""Read what merging starts from ahead of time: the next CVEs while those before are written."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from watchfloor.capabilities.advisories.queries.curator import curating
from watchfloor.capabilities.advisories.queries.told import told
from watchfloor.capabilities.advisories.queries.touched import after
from watchfloor.capabilities.advisories.schemas.changes import ONLY_SCORED

if TYPE_CHECKING:
    from collections.abc import Iterable
    from concurrent.futures import Future

    from watchfloor.capabilities.advisories.schemas.merged import Told
    from watchfloor.kernel.contract import JobContext


@dataclass
class Look:
    """What was touched, up to the CVE `top`, and what was known of it then; `top` is None where nothing was.

    Whoever writes about a CVE touches it in the same transaction, which gives the row of that touch another version. So what was read of
    a CVE holds for as long as that row is the one that was seen.
    """

    top: int | None = None
    versions: dict[int, str] = field(default_factory=dict)
    known: dict[int, Told] = field(default_factory=dict)

    def still(self, versions: dict[int, str], ks: Iterable[int]) -> dict[int, Told]:
        """Return what was read of those CVEs of which it still holds."""
        return {k: self.known[k] for k in ks if k in self.known and self.versions[k] == versions[k]}


class Ahead:
    """Reads on a connection of its own, one chunk ahead. A context manager."""

    def __init__(self, context: JobContext, count: int) -> None:
        """Take the attempt and how many CVEs a chunk has."""
        self._context, self._count = context, count
        self._reader = ThreadPoolExecutor(1, "ahead")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._reader.shutdown()

    def look(self, last: int) -> Future[Look]:
        """Begin to read what was touched beyond a CVE."""
        return self._reader.submit(self._look, last)

    def _look(self, last: int) -> Look:
        with self._context.reading() as session, curating(session) as wire:
            found = after(wire, last, self._count)
            if not found:
                return Look()
            known = told(wire, [k for k, mask, _version in found if mask & ~ONLY_SCORED])
            return Look(found[-1][0], {k: version for k, _mask, version in found}, {one.k: one for one in known})
