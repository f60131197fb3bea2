"""A process that stores a file and is killed where it is told to: python -m tests.artifacts.attempt URL ORG WHERE."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import NoReturn
from uuid import UUID

from tests.api.floor import KEK
from tests.artifacts.floor import put
from watchfloor.kernel.artifacts.store import store
from watchfloor.kernel.jobs.ledger import make_ledger

CONTENT = b"written and never committed " * 100_000


def die(*_: object) -> NoReturn:
    """End as a power cut does."""
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


def main(url: str, org: UUID, where: str) -> None:
    """Store CONTENT, up to a point."""
    ledger = make_ledger(url, KEK)
    if where == "before the file has its name":
        os.replace = die  # type: ignore[assignment] # it never returns
    if where == "before it is on the disk":
        os.fsync = die  # type: ignore[assignment] # see above
    if where == "before the commit":
        with ledger.database.transaction(org) as session:
            store(ledger, session, org, name="x", media_type="text/plain", content=CONTENT)
            die()
    put(ledger, org, CONTENT)
    Path("/dev/stdout").write_text("stored", encoding="ascii")


if __name__ == "__main__":
    main(sys.argv[1], UUID(sys.argv[2]), sys.argv[3])
