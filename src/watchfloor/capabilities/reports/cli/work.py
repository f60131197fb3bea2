"""What the commands of reports share: run a job to its end, read an id, write a private file."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Any
from uuid import UUID

import typer

from watchfloor.kernel.errors import InvalidInput, SetupError
from watchfloor.kernel.terminal import Exit, note, progress

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import timedelta
    from pathlib import Path

    from pydantic import BaseModel

    from watchfloor.kernel.contract import JobKind
    from watchfloor.kernel.terminal import Floor


def run(floor: Floor, kind: JobKind[Any, Any], request: BaseModel, *, timeout: timedelta | None = None) -> tuple[UUID, dict[str, Any]]:
    """Run a job to its end and return its id and result; any other end, or the time-out, ends the command with the code that says which."""
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
        note(f"The report was not written: {view.reason or view.state}.")
        raise typer.Exit(ending(view))
    with floor.ledger.database.transaction(floor.org) as session:
        return made.id, open_result(floor.ledger, session, floor.org, made.id) or {}


def id_of(text: str, noun: str, where: str) -> UUID:
    """Return an id; raises InvalidInput that says where ids are listed."""
    try:
        return UUID(text)
    except ValueError:
        raise InvalidInput(f"{text[:60]!r} is no {noun}'s id; `watchfloor {where} list` shows those there are.") from None


def write_private(path: Path, content: Iterable[bytes]) -> None:
    """Write a file that only its owner can read, all of it or nothing; raises SetupError when it cannot be written."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.writelines(content)
        draft.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            draft.unlink()
        raise SetupError(f"The report cannot be written to {path}: {error.strerror}. Choose another place with --output.") from error
