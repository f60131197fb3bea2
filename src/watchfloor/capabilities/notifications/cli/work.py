"""What the commands of notifications share: run a job to its end, read ids, documents and secrets."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar
from uuid import UUID

import typer

from watchfloor.kernel.errors import InvalidInput, SetupError
from watchfloor.kernel.terminal import Exit, note, progress

if TYPE_CHECKING:
    from datetime import timedelta

    from pydantic import BaseModel

    from watchfloor.kernel.contract import JobKind
    from watchfloor.kernel.terminal import Floor

    Model = TypeVar("Model", bound=BaseModel)

DOCUMENT_BYTES: Final = 256 << 10
STDIN: Final = "-"


def run(floor: Floor, kind: JobKind[Any, Any], request: BaseModel, *, timeout: timedelta | None = None) -> dict[str, Any]:
    """Run a job to its end and return its result; any other end, or the time-out, ends the command with the code that says which."""
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
        note(f"It was not done: {view.reason or view.state}.")
        raise typer.Exit(ending(view))
    with floor.ledger.database.transaction(floor.org) as session:
        return open_result(floor.ledger, session, floor.org, made.id) or {}


def shaped(model: type[Model], values: object) -> Model:
    """Return what was given as a model; raises InvalidInput that names the field and shows no value, which may be a secret."""
    from pydantic import ValidationError  # noqa: PLC0415 - loads a library that help does without

    try:
        return model.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where, said = [str(part) for part in first["loc"]], str(first["msg"]).removeprefix("Value error, ")
        raise InvalidInput(f"{' '.join(where)}: {said}" if where else said, field="/" + "/".join(where)) from None


def id_of(text: str, noun: str) -> UUID:
    """Return an id; raises InvalidInput that says where ids are listed."""
    try:
        return UUID(text)
    except ValueError:
        raise InvalidInput(f"{text[:60]!r} is no {noun}'s id; `watchfloor notifications {noun}s` shows those there are") from None


def read_bytes(source: str) -> bytes:
    """Return a file's bytes, or those of standard input for `-`; InvalidInput for more than 256 kB, SetupError for what cannot be read."""
    try:
        if source == STDIN:
            found = sys.stdin.buffer.read(DOCUMENT_BYTES + 1)
        else:
            with Path(source).open("rb") as file:
                found = file.read(DOCUMENT_BYTES + 1)
    except OSError as error:
        raise SetupError(f"{source} cannot be read: {error.strerror}.") from error
    if len(found) > DOCUMENT_BYTES:
        raise InvalidInput(f"{source} has more than {DOCUMENT_BYTES >> 10} kB")
    return found


def read_document(source: str) -> dict[str, Any]:
    """Return the JSON object of a file, or of standard input for `-`; raises InvalidInput."""
    try:
        found = json.loads(read_bytes(source), parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise InvalidInput(f"{source} is no JSON") from None
    if not isinstance(found, dict):
        raise InvalidInput(f"{source} holds no JSON object")
    return found


def read_secret(source: str) -> str:
    """Return the one line of a file, or of standard input for `-`; InvalidInput when there is none, or more."""
    try:
        found = read_bytes(source).decode().strip()
    except UnicodeDecodeError:
        raise InvalidInput(f"{source} holds no text") from None
    if not found or "\n" in found:
        raise InvalidInput(f"{source} must hold one line, the secret itself")
    return found


def _refuse(constant: str) -> None:
    raise ValueError(constant)
