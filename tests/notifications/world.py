"""An organisation with channels and a worker."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.api.worker import Worker
from watchfloor.capabilities.notifications.queries import channels, wishes
from watchfloor.capabilities.notifications.schemas.channels import ChannelCreate, RouteCreate
from watchfloor.capabilities.notifications.schemas.preferences import Wishes
from watchfloor.catalog import CATALOG
from watchfloor.kernel.contract import Severity
from watchfloor.kernel.db.session import wire_of
from watchfloor.kernel.events.outbox import emit
from watchfloor.kernel.jobs.enqueue import Options, bind, submit
from watchfloor.kernel.jobs.facade import JobResult

if TYPE_CHECKING:
    from uuid import UUID

    from watchfloor.kernel.jobs.ledger import Ledger
    from watchfloor.kernel.sandbox import zygote


AT_THEIR_TIME = {f"notifications.{name}" for name in ("flush_digests", "flush_groups", "run_escalations")}  # tests say when it is


@dataclass
class World:
    """One organisation."""

    ledger: Ledger
    org: UUID
    worker: Worker

    def channel(self, url: str, *, owner: str = "", kind: str = "webhook") -> UUID:
        """Make a channel that posts to a URL."""
        with self.ledger.database.transaction(self.org) as session:
            wish = ChannelCreate.model_validate({"kind": kind, "owner": owner, "url": url})
            made, _ = channels.add_channel(session, self.ledger.vault, self.org, wish, actor="test")
            return made

    def route(self, *to: UUID, events: tuple[str, ...] = ("*",), owner: str = "", **more: Any) -> UUID:
        """Send events to channels."""
        with self.ledger.database.transaction(self.org) as session:
            wish = RouteCreate.model_validate({"name": f"route to {to[0]}", "owner": owner, "events": events, "channels": to, **more})
            return wishes.add_route(session, self.org, wish, actor="test")

    def wish(self, user: str, **more: Any) -> None:
        """Let a person say how they want to be told."""
        with self.ledger.database.transaction(self.org) as session:
            wishes.set_preference(session, self.org, user, Wishes.model_validate(more), actor="test")

    def happened(self, name: str = "scans.finished", *, severity: Severity = Severity.INFO, **data: Any) -> UUID:
        """Let something happen."""
        with self.ledger.database.transaction(self.org) as session:
            return emit(session, self.org, name, severity=severity, data=data)

    def start(self, kind: str, **arguments: Any) -> UUID:
        """Enqueue a job."""
        found = CATALOG.kinds()[kind]
        return submit(self.ledger, self.org, found, bind(found, arguments), Options(actor="test")).id

    def done(self, kind: str, **arguments: Any) -> Any:
        """Run a job and whatever it wakes, but for what comes at a moment of its own; return its result."""
        job = self.start(kind, **arguments)
        while waiting := [one for one, queued in self.worker.queued(self.org) if one == job or queued not in AT_THEIR_TIME]:
            self.worker.run(waiting[0])
        return JobResult(job, self.org, on=self.ledger).get(timeout=0)

    def told(self, *events: UUID) -> Any:
        """Route events, and send what is due."""
        return self.done("notifications.route_events", event_ids=[str(one) for one in events])

    def now(self) -> None:
        """Let everything be due that waits for its time, and run it."""
        self.sql("update delivery set due_at = wf_now() where state in ('due', 'held')")
        self.sql("update notify_host set open_until = wf_now()")
        self.done("notifications.sweep_due")

    def sql(self, text: Any, *values: Any) -> list[tuple[Any, ...]]:
        """Run a statement as this organisation."""
        with self.ledger.database.transaction(self.org) as session:
            cursor = wire_of(session).execute(text, values)
            return cursor.fetchall() if cursor.description else []

    def rows(self) -> list[tuple[str, str | None, int]]:
        """Return state, reason and attempts of every delivery, oldest first."""
        return [(row[0], row[1], row[2]) for row in self.sql("select state, reason, attempt from delivery order by id")]

    def attempts(self) -> list[tuple[int, str, str]]:
        """Return number, outcome and code of every attempt, oldest first."""
        return [(row[0], row[1], row[2]) for row in self.sql("select n, outcome, code from delivery_attempt order by delivery, n")]


def run_beside(world: World, nursery: zygote.Zygote, job: UUID) -> None:
    """Run one job on a worker of this thread's own, for a connection is one thread's."""
    worker = Worker(world.ledger, nursery)
    worker.run(job)
    worker.leave()
