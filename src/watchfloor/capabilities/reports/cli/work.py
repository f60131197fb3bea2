"""What the commands of reports share: run a job to its end and read an id."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any
from uuid import UUID

import typer

from watchfloor.kernel.errors import InvalidInput
from watchfloor.kernel.terminal import Exit, note, progress

if TYPE_CHECKING:
    from datetime import timedelta

    from pydantic import BaseModel

    from watchfloor.kernel.contract import JobKind
    from watchfloor.kernel.terminal import Floor


def run(
    floor: Floor, kind: JobKind[Any, Any], request: BaseModel, *, failed: str, timeout: timedelta | None = None
) -> tuple[UUID, dict[str, Any]]:
    """Run a job to its end and return its id and result; any other end, or the time-out, ends the command with the code that says which.

    `failed` begins the sentence that says so.
    """
    from watchfloor.kernel.jobs.cli.jobs import ending, told  # noqa: PLC0415 - loads the database's libraries
    from watchfloor.kernel.jobs.enqueue import Options, submit  # noqa: PLC0415 - see above
    from watchfloor.kernel.jobs.queries import open_result  # noqa: PLC0415 - see above
    from watchfloor.kernel.jobs.watch import StillRunning, wait_for  # noqa: PLC0415 - see above

    made = submit(floor.ledger, floor.org, kind, request, Options(actor="cli"))
    if not floor.works:
        note("No worker is connected; this waits until one is. Ctrl-C gives up.")
    try:
        with progress() as bar:
            view = wait_for(floor.ledger, floor.org, made.id, lambda seen: bar.show(*told(seen)), timeout=timeout)
    except StillRunning:
        note(f"Job {made.id} still runs; look later: watchfloor jobs show {made.id}")
        raise typer.Exit(Exit.UNKNOWN) from None
    if view.state != "SUCCESS":
        note(f"{failed}: {(view.reason or view.state).removesuffix('.')}.")
        raise typer.Exit(ending(view))
    with floor.ledger.database.transaction(floor.org) as session:
        return made.id, open_result(floor.ledger, session, floor.org, made.id) or {}


def standard_output() -> IO[bytes]:
    """Return standard output for bytes; raises InvalidInput where there is none, for its number then belongs to what was opened next."""
    if sys.__stdout__ is None:
        raise InvalidInput("There is no standard output to write to; name a file with --output.")
    return os.fdopen(os.dup(1), "wb")


def place_of(output: str, name: str, *, alone: bool = True) -> Path:
    """Return where a report goes: to the file that is named; to `name` in a folder that is there, that ends with a slash, or that takes several."""
    path = Path(output)
    folder = not alone or output.endswith(("/", os.sep)) or path.is_dir()
    return path / name if folder else path


def id_of(text: str, noun: str, where: str) -> UUID:
    """Return an id; raises InvalidInput that says where ids are listed."""
    try:
        return UUID(text)
    except ValueError:
        raise InvalidInput(f"{text[:60]!r} is no {noun}'s id; `watchfloor {where} list` shows those there are.") from None
