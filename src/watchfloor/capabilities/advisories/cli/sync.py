"""`wf advisories sync`, `rebuild` and `clean-cache`: ask the sources or take their files, now."""

from __future__ import annotations

import shutil
from pathlib import Path  # noqa: TC003 - typer reads the annotation
from typing import TYPE_CHECKING, Annotated, Any

import typer

from watchfloor.kernel.db.ids import new_id
from watchfloor.kernel.errors import InvalidInput
from watchfloor.kernel.jobs.cli.jobs import ending, told
from watchfloor.kernel.terminal import Exit, Json, cell, desk, note, print_json, print_text, progress, table

if TYPE_CHECKING:
    from uuid import UUID

    from pydantic import BaseModel

    from watchfloor.kernel.contract import JobKind
    from watchfloor.kernel.terminal import Floor

Wait = Annotated[bool, typer.Option("--wait/--no-wait", help="Wait for the end.")]
BAD = {"refused", "failed"}


def sync(
    context: typer.Context, *,
    source: Annotated[list[str] | None, typer.Option(help="nvd, cve-list, kev, eu-kev, euvd, epss or all; may be repeated.")] = None,
    days_back: Annotated[int | None, typer.Option(min=1, max=3650, help="Ask NVD for what it changed in the last so many days.")] = None,
    from_: Annotated[list[Path] | None, typer.Option("--from", help="Take these files or folders of any source instead of asking it.")] = None,
    full: Annotated[bool, typer.Option("--full", help="Load complete sets again instead of news.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Ask even if somebody asked a short while ago.")] = False,
    accept: Annotated[list[str] | None, typer.Option(help="Pass the refusal of a guard, such as G5.")] = None,
    wait: Wait = True, json: Json = False,
) -> None:  # fmt: skip
    """Take what the sources have new, merge it and score it. Exit code 3 when a source was refused or did not answer."""
    if from_ and (source or days_back or full or force):
        raise InvalidInput("--from takes files as they are; leave --source, --days-back, --full and --force away.", field="/from")
    with desk(context).floor(work=wait) as floor:
        kind, request = imported(from_, accept or []) if from_ else _asked(source, days_back, full=full, force=force, accept=accept or [])
        run(floor, kind, request, wait=wait, json=json)


def _asked(
    source: list[str] | None, days_back: int | None, *, full: bool, force: bool, accept: list[str]
) -> tuple[JobKind[Any, Any], BaseModel]:
    from watchfloor.capabilities.advisories.jobs import sync_nvd_updates, update_vulnerabilities  # noqa: PLC0415 - loads the database's libraries
    from watchfloor.capabilities.advisories.schemas.sync import SyncNvdUpdates, UpdateVulnerabilities  # noqa: PLC0415 - see above
    from watchfloor.capabilities.advisories.schemas.words import source_named  # noqa: PLC0415 - see above
    from watchfloor.capabilities.advisories.settings import AdvisorySettings  # noqa: PLC0415 - see above
    from watchfloor.kernel.settings import read_settings  # noqa: PLC0415 - see above

    sources = None if not source or "all" in source else source
    try:
        for label in sources or ():
            source_named(label)
    except ValueError as error:
        raise InvalidInput(str(error), field="/source") from error
    if days_back is not None:
        if sources not in (None, ["nvd"]):
            raise InvalidInput("--days-back is a question that NVD alone answers; use it with --source nvd.", field="/days_back")
        return sync_nvd_updates, SyncNvdUpdates(days_back=days_back, full=full, force=True)
    # Whoever asks by hand means it: a source asked by name is asked now.
    chosen = sources if sources is not None else list(read_settings(AdvisorySettings, "advisories").sources)
    return update_vulnerabilities, UpdateVulnerabilities(sources=chosen, full=full, force=force or sources is not None, accept=accept)


def imported(paths: list[Path], accept: list[str], *, force: bool = False) -> tuple[JobKind[Any, Any], BaseModel]:
    """Put copies of files where the worker looks for them: it may be another user, in another folder."""
    from watchfloor.capabilities.advisories.jobs import import_files  # noqa: PLC0415 - loads the database's libraries
    from watchfloor.capabilities.advisories.jobs.folder import import_folder  # noqa: PLC0415 - see above
    from watchfloor.capabilities.advisories.jobs.importing import ImportFiles  # noqa: PLC0415 - see above
    from watchfloor.capabilities.advisories.settings import AdvisorySettings  # noqa: PLC0415 - see above
    from watchfloor.kernel.settings import read_settings  # noqa: PLC0415 - see above

    missing = next((path for path in paths if not path.exists()), None)
    if missing is not None:
        raise InvalidInput(f"{missing} does not exist.", field="/from")
    name = f"sync-{new_id()}"
    target = import_folder(read_settings(AdvisorySettings, "advisories")) / name
    target.mkdir(parents=True, mode=0o755)
    try:
        for n, path in enumerate(paths):
            place = target / (path.name if len(paths) == 1 else f"{n}-{path.name}")
            shutil.copytree(path, place) if path.is_dir() else shutil.copy(path, place)
    except OSError as error:
        shutil.rmtree(target, ignore_errors=True)
        raise InvalidInput(
            f"{error.filename or target} cannot be copied to the import directory: {error.strerror}.", field="/from"
        ) from error
    return import_files, ImportFiles(paths=[name], accept=accept, force=force, discard=True)


def rebuild(
    context: typer.Context,
    what: Annotated[str, typer.Argument(help="merge or scores.")] = "merge",
    *,
    wait: Wait = True,
    json: Json = False,
) -> None:
    """Work out again what is derived: every record from what the sources say, or every score."""
    from watchfloor.capabilities.advisories.jobs import rebuild as kind  # noqa: PLC0415 - loads the database's libraries
    from watchfloor.capabilities.advisories.jobs.rebuilding import Derived, Rebuild  # noqa: PLC0415 - see above

    try:
        request = Rebuild(what=Derived(what))
    except ValueError as error:
        raise InvalidInput(f"{what[:40]!r} is not derived; choose from {', '.join(Derived)}.", field="/what") from error
    with desk(context).floor(work=wait) as floor:
        run(floor, kind, request, wait=wait, json=json)


def clean_cache(
    context: typer.Context,
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count only.")] = False,
    wait: Wait = True,
    json: Json = False,
) -> None:
    """Remove copies for imports that never ended, refused records and earlier documents that nobody needs any more."""
    from watchfloor.capabilities.advisories.jobs import clean_cache as kind  # noqa: PLC0415 - loads the database's libraries
    from watchfloor.capabilities.advisories.jobs.cleaning import CleanCache  # noqa: PLC0415 - see above

    with desk(context).floor(work=wait) as floor:
        run(floor, kind, CleanCache(older_than=None, dry_run=dry_run), wait=wait, json=json)


def run(floor: Floor, kind: JobKind[Any, Any], request: BaseModel, *, wait: bool, json: bool) -> None:
    """Start a job and, if wanted, wait for its end and show what came of it; the command ends with its exit code."""
    from watchfloor.kernel.jobs.enqueue import Options, submit  # noqa: PLC0415 - loads the database's libraries
    from watchfloor.kernel.jobs.watch import wait_for  # noqa: PLC0415 - see above

    made = submit(floor.ledger, floor.org, kind, request, Options(actor="cli"))
    if not wait:
        print_json({"id": made.id}) if json else print_text(str(made.id))
        return
    with progress(shown=not json) as bar:
        view = wait_for(floor.ledger, floor.org, made.id, lambda seen: bar.show(*told(seen)), on_interrupt="leave")
    result, error = _outcome(floor, made.id)
    if floor.works and any((result or {}).get(name) for name in ("added", "changed", "removed")):
        match_now(floor)
    if json:
        print_json({"id": made.id, "state": view.state, "result": result, "error": error})
    elif result is None:
        note(f"job {made.id}: {view.state}. {error or ''}".strip())
    else:
        _show(result)
    outcomes = (result or {}).get("sources") or []
    raise typer.Exit(Exit.UNKNOWN if any(one["state"] in BAD for one in outcomes) else ending(view))


def match_now(floor: Floor) -> None:
    """Match what changed before services of this command alone are stopped; a floor that goes on does so by itself, and this finds it done."""
    from watchfloor.capabilities.advisories.jobs import match_inventory  # noqa: PLC0415 - loads the database's libraries
    from watchfloor.capabilities.advisories.jobs.match import MatchInventory  # noqa: PLC0415 - see above
    from watchfloor.kernel.jobs.enqueue import Options, submit  # noqa: PLC0415 - see above
    from watchfloor.kernel.jobs.watch import wait_for  # noqa: PLC0415 - see above

    made = submit(floor.ledger, floor.org, match_inventory, MatchInventory(), Options(actor="cli"))
    view = wait_for(floor.ledger, floor.org, made.id, on_interrupt="leave")
    matched, _error = _outcome(floor, made.id)
    if matched is None:
        note(f"What changed was not matched: {view.reason or view.state}. It is matched later.")
    elif matched.get("added") or matched.get("closed"):
        note(f"Your assets: {matched['added']} new matches, {matched['closed']} ended. See: watchfloor findings list")


def _outcome(floor: Floor, job: UUID) -> tuple[dict[str, Any] | None, str | None]:
    from watchfloor.kernel.jobs.queries import open_error, open_result  # noqa: PLC0415 - loads the database's libraries

    with floor.ledger.database.transaction(floor.org) as session:
        result = open_result(floor.ledger, session, floor.org, job)
        error = open_error(floor.ledger, session, floor.org, job) if result is None else None
    return result, (error or "").partition("\n")[0] or None


def _show(result: dict[str, Any]) -> None:
    if sources := result.get("sources"):
        columns = ("source", "state", "rows", "changed", "unchanged", "rejected")
        table((*columns, "message"), [tuple(cell(one[name]) for name in (*columns, "message")) for one in sources])
    rest = {name: value for name, value in result.items() if name != "sources"}
    note(", ".join(f"{name.replace('_', ' ')} {value}" for name, value in rest.items()))
