"""One door of the private floor, as `python -m tests.chaos.door worker|scheduler …`; a worker also knows the kinds that behave badly."""

from __future__ import annotations

import logging
import sys
from functools import partial
from pathlib import Path

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
        worker.main(queues=words[1:] or ["default"], concurrency=int(words[0]))


if __name__ == "__main__":
    main(*sys.argv[1:])
