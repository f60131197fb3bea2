"""Take files of sources from the import directory: the same way in as from the sources themselves, without a network."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import timedelta
from itertools import islice
from typing import IO, TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

from watchfloor.capabilities.advisories.feeds.read import read_files
from watchfloor.capabilities.advisories.jobs.folder import RelativePath, discard, import_folder, opened
from watchfloor.capabilities.advisories.jobs.intake import Intake
from watchfloor.capabilities.advisories.jobs.reading import prepare
from watchfloor.capabilities.advisories.jobs.settling import settle, tell_updated
from watchfloor.capabilities.advisories.jobs.unbundling import take_bundle
from watchfloor.capabilities.advisories.queries.sources import closed
from watchfloor.capabilities.advisories.schemas.feed import FeedFile, FeedRequest, Outcome, Verdict
from watchfloor.capabilities.advisories.schemas.sync import SourceOutcome, SyncState, Updated
from watchfloor.capabilities.advisories.schemas.words import Source
from watchfloor.capabilities.advisories.settings import AdvisorySettings
from watchfloor.kernel.contract import Queue, job
from watchfloor.kernel.db.session import wire_of
from watchfloor.kernel.errors import GiveUp, InvalidInput
from watchfloor.kernel.settings import read_settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from watchfloor.capabilities.advisories.jobs.writing import Tally
    from watchfloor.kernel.contract import JobContext

BUNDLE = "bundle"  # stands for all the sources of which one tells
FILES_AT_ONCE = 50  # descriptors that travel to one box
FILES_MAX = 20_000
SMALL_BYTES = 8 << 20  # of less, each document is looked up when it comes: that costs less than telling the box of all that are known


class ImportFiles(BaseModel):
    """Which files of the import directory to take: names of files or folders in it."""

    model_config = ConfigDict(extra="forbid")

    paths: list[RelativePath] = Field(min_length=1, max_length=1000)
    accept: list[str] = Field(default=[], max_length=10, description="Guards whose refusal an operator passes, such as G5; audited.")
    force: bool = Field(default=False, description="Take bundles among the files even if they are older than what is stored.")
    discard: bool = Field(default=False, description="Remove the files afterwards: they were put there for this job alone.")


@job("advisories.import_files", ImportFiles, queue=Queue.ADVISORIES, timeout=timedelta(hours=4), attempts=3)
def import_files(context: JobContext, request: ImportFiles) -> Updated:
    """Take files of sources from the import directory, whatever they turn out to hold, then merge what changed."""
    settings = read_settings(AdvisorySettings, "advisories")
    folder = import_folder(settings).resolve()
    found = list(islice(_files(folder, request.paths), FILES_MAX + 1))
    above = folder / request.paths[0] if request.discard and (folder / request.paths[0]).is_dir() else folder
    if not found:
        raise GiveUp(f"nothing to import: {', '.join(request.paths[:5])} is not in {folder}")
    if len(found) > FILES_MAX:
        raise GiveUp(f"more than {FILES_MAX} files; import folder by folder, or the source's own archive")
    outcomes: list[Outcome] = []
    with Intake(context, history=settings.raw_history) as intake:
        for start in range(0, len(found), FILES_AT_ONCE):
            outcomes += _read(context, above, found[start : start + FILES_AT_ONCE], intake, request.accept)
            intake.rest()
    bundles = [
        _take(context, path, outcome.label, settings, force=request.force)
        for path, outcome in zip(found, outcomes, strict=True)
        if outcome.verdict is Verdict.BUNDLE
    ]
    merged = settle(context)
    tell_updated(context, merged)
    if request.discard:
        for name in request.paths:
            if (folder / name).resolve() != folder:
                discard(folder / name)
    return Updated(
        sources=[*bundles, *_told([one for one in outcomes if one.verdict is not Verdict.BUNDLE], intake.tally)],
        merged=merged.merged,
        added=merged.added,
        changed=merged.changed,
        removed=merged.removed,
    )


def _read(context: JobContext, folder: Path, paths: Sequence[Path], intake: Intake, accept: Iterable[str]) -> tuple[Outcome, ...]:
    with ExitStack() as stack:
        prepared = prepare(context, list(Source), stack, hashes=sum(path.stat().st_size for path in paths) > SMALL_BYTES)
        with context.transaction() as session:
            refused = closed(wire_of(session), read_settings(AdvisorySettings, "advisories").used)
        files: dict[str, int | IO[bytes]] = dict(prepared.files)
        described = []
        for n, path in enumerate(paths):
            files[f"file-{n}"] = stack.enter_context(opened(path))
            described.append(FeedFile(name=f"file-{n}", label=str(path.relative_to(folder)) if path.is_relative_to(folder) else path.name))
        request = FeedRequest(
            files=tuple(described), now=prepared.now, known=prepared.known, dictionaries=prepared.dictionaries, accepted=prepared.accepted,
            accept=frozenset(accept), closed=frozenset(one.label for one in refused), keep_going=True,
        )  # fmt: skip
        return context.sandbox(read_files, request, stream=intake.take, files=files).files


def _take(context: JobContext, path: Path, label: str, settings: AdvisorySettings, *, force: bool) -> SourceOutcome:
    """Take a bundle the way that bundles go: nothing of it before its signature, its hashes and its age are right."""
    try:
        with opened(path) as file:
            told, tally = take_bundle(context, file, settings, force=force)
    except GiveUp as error:
        return SourceOutcome(source=BUNDLE, state=SyncState.REFUSED, message=f"{label}: {error}"[:1000])
    return SourceOutcome(
        source=BUNDLE, state=SyncState.SYNCED if tally.changed else SyncState.UNCHANGED, rows=tally.rows, changed=tally.changed,
        unchanged=tally.unchanged, rejected=tally.rejected, lost=tally.lost,
        message=f"{label}: made {told.made_at:%Y-%m-%d %H:%M} UTC, signed by {told.key}",
    )  # fmt: skip


def _files(folder: Path, names: Iterable[str]) -> Iterator[Path]:
    """Yield the regular files that names stand for, in order; a name that leads out of the folder is refused."""
    for name in names:
        path = (folder / name).resolve()
        if not path.is_relative_to(folder):
            raise InvalidInput(f"{name[:100]!r} is not inside the import directory", field="/paths")
        if path.is_dir():
            yield from (one for one in sorted(path.rglob("*")) if one.is_file() and not one.is_symlink())
        elif path.is_file():
            yield path


def _told(outcomes: Iterable[Outcome], tally: Tally) -> Iterator[SourceOutcome]:
    """Say what became of each file; the last entry counts for all."""
    for one in outcomes:
        state = {Verdict.REFUSED: SyncState.REFUSED, Verdict.READ: SyncState.SYNCED}.get(one.verdict, SyncState.UNCHANGED)
        name = one.label or one.name
        what = " ".join(filter(None, ("" if one.message.startswith(name) else name, one.code, one.message)))
        yield SourceOutcome(
            source=one.source or "unknown",
            state=state,
            rows=one.rows,
            changed=one.sent,
            unchanged=one.unchanged,
            rejected=one.rejected,
            message=what,
        )
    yield SourceOutcome(
        source="all", state=SyncState.SYNCED if tally.changed else SyncState.UNCHANGED, rows=tally.rows, changed=tally.changed,
        unchanged=tally.unchanged, rejected=tally.rejected, lost=tally.lost,
    )  # fmt: skip
