"""`wf queues`: list, pause and resume queues."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from watchfloor.kernel.errors import NotFound
from watchfloor.kernel.terminal import Json, desk, print_json, print_text, table

if TYPE_CHECKING:
    from uuid import UUID

    from watchfloor.kernel.jobs.ledger import Ledger

commands = typer.Typer(no_args_is_help=True, help="List, pause and resume queues.")

Name = Annotated[str, typer.Argument(help="The queue's name.", metavar="QUEUE")]


@commands.command("list")
def list_(context: typer.Context, *, json: Json = False) -> None:
    """List the queues and how many jobs are where."""
    with desk(context).floor() as floor:
        from watchfloor.kernel.jobs.queries import list_queues  # noqa: PLC0415 - loads the database's libraries

        with floor.ledger.database.engine_transaction() as session:
            found = list_queues(session)
    if json:
        print_json([queue.model_dump(mode="json") for queue in found])
        return
    columns = ("name", "paused", "waiting", "scheduled", "blocked", "dispatched", "running")
    table(columns, [[getattr(queue, column) for column in columns] for queue in found])


@commands.command()
def pause(context: typer.Context, name: Name) -> None:
    """Start nothing more from a queue; what runs goes on, what comes waits."""
    with desk(context).floor() as floor:
        set_paused(floor.ledger, floor.org, name, paused=True, actor="cli")
    print_text(f"Queue {name} is paused; `watchfloor queues resume {name}` lets it go on.")


@commands.command()
def resume(context: typer.Context, name: Name) -> None:
    """Let a paused queue go on."""
    with desk(context).floor() as floor:
        set_paused(floor.ledger, floor.org, name, paused=False, actor="cli")
        floor.ledger.doorbell.ring("wf_ready", name)
    print_text(f"Queue {name} goes on.")


def set_paused(ledger: Ledger, org: UUID, name: str, *, paused: bool, actor: str) -> None:
    """Pause or resume a queue for everybody; audited. Raises NotFound."""
    from watchfloor.kernel.audit.record import record  # noqa: PLC0415 - loads the database's libraries
    from watchfloor.kernel.db.session import wire_of  # noqa: PLC0415 - see above

    with ledger.database.engine_transaction() as session:
        if wire_of(session).execute("update queue set paused = %s where name = %s", (paused, name)).rowcount == 0:
            raise NotFound(f"there is no queue {name!r}; `watchfloor queues list` shows those there are.")
        record(session, org, actor=actor, operation="queue.pause" if paused else "queue.resume", object=name)
