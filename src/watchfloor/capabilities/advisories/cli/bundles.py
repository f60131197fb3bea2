"""`wf advisories export`, `import` and `verify`: one signed file for installations without a network."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from watchfloor.capabilities.advisories.cli.sync import imported, run
from watchfloor.kernel.db.ids import new_id
from watchfloor.kernel.errors import InvalidInput
from watchfloor.kernel.jobs.cli.jobs import ending, told
from watchfloor.kernel.terminal import Exit, Json, desk, note, print_json, print_text, progress

if TYPE_CHECKING:
    from pydantic import BaseModel

    from watchfloor.kernel.contract import JobKind
    from watchfloor.kernel.terminal import Floor

Bundle = Annotated[Path, typer.Argument(help="A file that `watchfloor advisories export` made.", exists=True, dir_okay=False)]


def export(
    context: typer.Context,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Where to write it; its own name here by default.")] = None,
    *,
    since: Annotated[datetime | None, typer.Option(help="Only what was taken in after this moment (UTC).")] = None,
    json: Json = False,
) -> None:
    """Write what the sources said, signed, into one file; print its name and the key that an importer has to trust."""
    from watchfloor.capabilities.advisories.jobs import export_bundle  # noqa: PLC0415 - loads the database's libraries
    from watchfloor.capabilities.advisories.jobs.bundle import ExportBundle  # noqa: PLC0415 - see above
    from watchfloor.kernel.artifacts.store import read  # noqa: PLC0415 - see above

    with desk(context).floor(work=True) as floor:
        result = _run(floor, export_bundle, ExportBundle(since=since.replace(tzinfo=UTC) if since else None))
        with floor.ledger.database.transaction(floor.org) as session:
            card, parts = read(floor.ledger, session, floor.org, result["artifact"])
        target = output or Path(card.name)
        with target.open("wb") as file:
            for part in parts:
                file.write(part)
    document = {"file": str(target), "size_bytes": card.size_bytes, "sha256": card.sha256, **result}
    if json:
        print_json(document)
        return
    print_text(str(target))
    note(f"{result['documents']} documents. An importer has to trust the key {result['key']}")


def import_(
    context: typer.Context,
    paths: Annotated[list[Path], typer.Argument(help="Bundles, or files and folders of any source.", exists=True)],
    *,
    force: Annotated[bool, typer.Option("--force", help="Take a bundle even if it is older than what is stored.")] = False,
    accept: Annotated[
        list[str] | None, typer.Option(help="Pass the refusal of a guard, such as G5; a bundle's signature is never passed.")
    ] = None,
    json: Json = False,
) -> None:
    """Take files in, whatever they turn out to hold. A bundle's signature and hashes are checked before anything of it is taken."""
    with desk(context).floor(work=True) as floor:
        kind, request = imported(paths, accept or [], force=force)
        run(floor, kind, request, wait=True, json=json)


def verify(context: typer.Context, bundle: Bundle, *, json: Json = False) -> None:
    """Check a bundle's signature and hashes, and take nothing."""
    with desk(context).floor(work=True) as floor:
        result = _verify(floor, bundle)
    print_json(result) if json else print_text(f"As it was signed by {result['key']} at {result['made_at']}.")


def _verify(floor: Floor, path: Path) -> dict[str, Any]:
    """Put a copy where the worker looks for it: it may be another user, in another folder."""
    from watchfloor.capabilities.advisories.jobs import import_bundle  # noqa: PLC0415 - loads the database's libraries
    from watchfloor.capabilities.advisories.jobs.folder import import_folder  # noqa: PLC0415 - see above
    from watchfloor.capabilities.advisories.jobs.unbundling import ImportBundle  # noqa: PLC0415 - see above
    from watchfloor.capabilities.advisories.settings import AdvisorySettings  # noqa: PLC0415 - see above
    from watchfloor.kernel.settings import read_settings  # noqa: PLC0415 - see above

    folder, name = import_folder(read_settings(AdvisorySettings, "advisories")), f"bundle-{new_id()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, folder / name)
    except OSError as error:
        raise InvalidInput(f"{path} cannot be copied to the import directory: {error.strerror}.", field="/bundle") from error
    try:
        return _run(floor, import_bundle, ImportBundle(path=name, verify=True, discard=True))
    finally:
        (folder / name).unlink(missing_ok=True)  # what was refused is still there


def _run(floor: Floor, kind: JobKind[Any, Any], request: BaseModel) -> dict[str, Any]:
    """Run a job to its end and return its result; any other end ends the command."""
    from watchfloor.kernel.jobs.enqueue import Options, submit  # noqa: PLC0415 - loads the database's libraries
    from watchfloor.kernel.jobs.queries import open_result  # noqa: PLC0415 - see above
    from watchfloor.kernel.jobs.watch import wait_for  # noqa: PLC0415 - see above

    made = submit(floor.ledger, floor.org, kind, request, Options(actor="cli"))
    with progress() as bar:
        view = wait_for(floor.ledger, floor.org, made.id, lambda seen: bar.show(*told(seen)))
    if ending(view) != Exit.CLEAN:
        note(f"{view.kind} {view.id}: {view.state}. {view.reason or ''}")
        raise typer.Exit(ending(view))
    with floor.ledger.database.transaction(floor.org) as session:
        return open_result(floor.ledger, session, floor.org, made.id) or {}
