"""A desk whose floor is open already: commands run in this process, on the real ledger."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from typer.testing import CliRunner

from watchfloor.catalog import CATALOG
from watchfloor.kernel.terminal import Floor

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    import typer
    from typer.testing import Result

    from tests.api.worker import Worker
    from watchfloor.kernel.jobs.ledger import Ledger
    from watchfloor.kernel.sections import ReportSection


@dataclass(frozen=True)
class OpenDesk:
    """What the door lends, for one organisation."""

    ledger: Ledger
    org: UUID

    def sections(self) -> dict[str, ReportSection]:
        """Return every report section of the catalog."""
        return CATALOG.sections()

    @contextmanager
    def floor(self, *, work: bool = False) -> Iterator[Floor]:
        """Lend the floor."""
        yield Floor(self.ledger, self.org, works=work)

    def run(self, commands: typer.Typer, *arguments: str) -> Result:
        """Run one command; what it raised is kept in the result."""
        return CliRunner().invoke(commands, list(arguments), obj=self)


@dataclass(frozen=True)
class WorkingDesk(OpenDesk):
    """A desk whose floor has a worker while a command runs that needs one."""

    worker: Worker = field(kw_only=True)

    @contextmanager
    def floor(self, *, work: bool = False) -> Iterator[Floor]:
        """Lend the floor, and work on it for as long as the command is there."""
        over = threading.Event()

        def works() -> None:
            while not over.wait(0.02):
                self.worker.run_all(self.org)

        thread = threading.Thread(target=works)
        if work:
            thread.start()
        try:
            yield Floor(self.ledger, self.org, works=True)
        finally:
            over.set()
            if work:
                thread.join()
