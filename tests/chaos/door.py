"""One door of the private floor, as `python -m tests.chaos.door worker|scheduler …`; a worker also knows the kinds that behave badly."""

from __future__ import annotations

import logging
import os
import sys
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

from tests.chaos.kinds import BadCatalog
from watchfloor import catalog


def main(door: str, *words: str) -> None:
    """Open a door until it is told to close."""
    catalog.CATALOG = BadCatalog(catalog.CATALOG.nouns, catalog.CATALOG.capabilities)
    if door == "scheduler":
        from watchfloor.doors import scheduler  # noqa: PLC0415 - one door a process

        logging.basicConfig(level="INFO", format="%(asctime)s %(name)s %(message)s")
        scheduler.main()
    else:
        from watchfloor.doors import worker  # noqa: PLC0415 - takes the catalog as it is by now
        from watchfloor.kernel.sandbox import zygote  # noqa: PLC0415 - as above

        zygote.start = partial(zygote.start, paths=[Path(__file__).parents[2]])  # so that boxes find our functions
        if os.environ.get("CHAOS_FALLS"):
            falls_at_the_brokers_return()
        worker.main(queues=words[1:] or ["default"], concurrency=int(words[0]))


def falls_at_the_brokers_return() -> None:
    """Let Celery meet, when it registers its pool a second time, the process without a descriptor that it finds there at times."""
    from celery.concurrency.asynpool import AsynPool  # noqa: PLC0415 - as above

    register, times = AsynPool.register_with_event_loop, count(1)

    def registers(pool: AsynPool, hub: Any) -> Any:
        if next(times) == 2:
            message = "file descriptor is None"
            raise ValueError(message)
        return register(pool, hub)

    AsynPool.register_with_event_loop = registers


if __name__ == "__main__":
    main(*sys.argv[1:])
