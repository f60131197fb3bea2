"""A worker of its own process: runs one job, to be killed while it does; started by test_killed.py."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from uuid import UUID

from tests.api.floor import KEK
from tests.api.worker import Worker
from watchfloor.kernel.jobs.ledger import make_ledger
from watchfloor.kernel.sandbox import zygote


def main(url: str, job: str) -> None:
    """Run the job; say on standard output when it begins."""
    with zygote.start(paths=[Path(__file__).parents[2]], preload=["watchfloor.kernel.errors", "pydantic"]) as started:
        worker = Worker(make_ledger(url, KEK), started)
        os.write(1, b"begun\n")
        worker.run(UUID(job))
        worker.leave()


if __name__ == "__main__":
    main(*sys.argv[1:])
