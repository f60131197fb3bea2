"""A worker in a process of its own, to be killed: `python -m tests.notifications.killed DATABASE ORG ZYGOTE`."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast
from uuid import UUID

from tests.api.floor import KEK
from tests.api.worker import Worker
from watchfloor.kernel.jobs.ledger import make_ledger, use_ledger

if TYPE_CHECKING:
    from watchfloor.kernel.sandbox import zygote


def main(database: str, org: str, address: str) -> None:
    """Run jobs until none is queued."""
    ledger = make_ledger(database, KEK)
    use_ledger(ledger)
    Worker(ledger, cast("zygote.Zygote", SimpleNamespace(address=address))).run_all(UUID(org))


if __name__ == "__main__":
    main(*sys.argv[1:])
