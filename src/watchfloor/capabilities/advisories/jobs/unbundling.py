"""Take a bundle in: signature, then hashes, then the way that files of every source go."""

from __future__ import annotations

import base64
import binascii
import hashlib
import tempfile
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import IO, TYPE_CHECKING, Final, Self
from uuid import UUID

import msgspec
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from watchfloor.capabilities.advisories.feeds.bundle import INPUT, Opening, Start, open_bundle, part_of
from watchfloor.capabilities.advisories.feeds.guards import COMPLETE
from watchfloor.capabilities.advisories.feeds.read import read_files
from watchfloor.capabilities.advisories.jobs.bundle import CARRIED, PURPOSE
from watchfloor.capabilities.advisories.jobs.folder import RelativePath, discard, import_folder, opened
from watchfloor.capabilities.advisories.jobs.intake import Intake
from watchfloor.capabilities.advisories.jobs.reading import prepare
from watchfloor.capabilities.advisories.jobs.settling import settle, tell_updated
from watchfloor.capabilities.advisories.jobs.writing import HIGHEST, Tally
from watchfloor.capabilities.advisories.queries import bundle, catalogs
from watchfloor.capabilities.advisories.queries.curator import WRITING, alone, curating
from watchfloor.capabilities.advisories.queries.streams import PART, streams_of
from watchfloor.capabilities.advisories.schemas.bundle import DOMAIN, FORMAT, MANIFEST, MANIFEST_LIMIT, SIGNATURE, Manifest, Member
from watchfloor.capabilities.advisories.schemas.feed import FeedFile, FeedRequest
from watchfloor.capabilities.advisories.schemas.words import Source
from watchfloor.capabilities.advisories.settings import AdvisorySettings
from watchfloor.kernel import security
from watchfloor.kernel.artifacts.removal import remove
from watchfloor.kernel.artifacts.store import read
from watchfloor.kernel.audit.record import record
from watchfloor.kernel.contract import Queue, job
from watchfloor.kernel.db.session import wire_of
from watchfloor.kernel.errors import GiveUp, InvalidInput, NotFound, SourceChanged
from watchfloor.kernel.jobs.ledger import ledger
from watchfloor.kernel.settings import read_settings

if TYPE_CHECKING:
    from pathlib import Path

    from watchfloor.kernel.contract import JobContext
    from watchfloor.kernel.db.session import Wire

STREAM: Final = "bundle"
CONTINUED: Final = (Source.NVD, Source.CVE_LIST, Source.EUVD)  # of the others a bundle has all, every time
NUMBERS: Final = {one.label: int(one) for one in CARRIED}
NEVER: Final = datetime.min.replace(tzinfo=UTC)
WHOLE: Final = {"kev.json": "", "docs/eu-kev.json.zst": "", "docs/euvd-mapping.csv.zst": "", "epss.csv.gz": ""}


class ImportBundle(BaseModel):
    """Which bundle to take: a file of the import directory or a stored artifact."""

    model_config = ConfigDict(extra="forbid")

    path: RelativePath | None = None
    artifact: UUID | None = None
    force: bool = Field(default=False, description="Take it even if it is older than what is stored; watermarks go back then.")
    verify: bool = Field(default=False, description="Only check signature and hashes.")
    discard: bool = Field(default=False, description="Remove the file afterwards.")

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.path is None) == (self.artifact is None):
            raise ValueError("name either a path or an artifact")
        return self


class Imported(BaseModel):
    """What the bundle was, and what merging it changed."""

    made_at: datetime
    since: datetime | None
    key: str
    documents: int
    merged: int = 0
    added: int = 0
    changed: int = 0
    removed: int = 0


class Unbundled:
    """Judges a bundle while it comes out of the sandbox, and keeps its members."""

    def __init__(self, stack: ExitStack, trusted: frozenset[bytes]) -> None:
        """Take what closes the files, and the public keys whose bundles are taken."""
        self.files: dict[str, IO[bytes]] = {}
        self.manifest: Manifest | None = None
        self._stack, self._trusted = stack, trusted
        self._names: list[str] = []
        self._text, self._signature = bytearray(), bytearray()
        self._member: Member | None = None
        self._digest, self._size = hashlib.sha256(), 0

    def take(self, message: bytes) -> None:
        """Take a part; raises GiveUp at the first thing that is not as it was signed, before anything of it is used."""
        part = part_of(message)
        if isinstance(part, Start):
            self._end()
            self._start(part.name)
            return
        if self._names[-1:] == [MANIFEST] or self._names[-1:] == [SIGNATURE]:
            held = self._text if self._names[-1] == MANIFEST else self._signature
            held += part.data
            if len(held) > MANIFEST_LIMIT:
                raise GiveUp(f"the bundle's {self._names[-1]} is larger than one is")
            return
        if self._member is None:
            raise GiveUp("the bundle does not begin with its manifest")
        self._digest.update(part.data)
        self._size += len(part.data)
        self.files[self._member.name].write(part.data)

    def finish(self) -> Manifest:
        """Return the manifest once everything it names is there, as it says."""
        self._end()
        if self.manifest is None:
            raise GiveUp("the bundle has no manifest")
        missing = [one.name for one in self.manifest.members if one.name not in self.files]
        if missing:
            raise GiveUp(f"the bundle lacks {missing[0]}, which its manifest names; it is cut off or was changed")
        return self.manifest

    def _start(self, name: str) -> None:
        self._names.append(name)
        if name in {MANIFEST, SIGNATURE}:
            if self._names != [MANIFEST, SIGNATURE][: len(self._names)]:
                raise GiveUp("the bundle does not begin with its manifest and the signature of it, once each")
            return
        if self.manifest is None:
            raise GiveUp("the bundle does not begin with its manifest and the signature of it")
        self._member = next((one for one in self.manifest.members if one.name == name), None)
        if self._member is None or name in self.files:
            raise GiveUp(f"the bundle holds {name[:100]!r}, which its manifest does not name, or twice")
        self.files[name] = self._stack.enter_context(tempfile.TemporaryFile())  # noqa: SIM115 - the stack closes it
        self._digest, self._size = hashlib.sha256(), 0

    def _end(self) -> None:
        """Judge the member that has just ended."""
        if self._names == [MANIFEST, SIGNATURE]:
            self.manifest = judged(bytes(self._text), bytes(self._signature), self._trusted)
        elif self._member is not None:
            if (self._digest.hexdigest(), self._size) != (self._member.sha256, self._member.size):
                raise GiveUp(f"{self._member.name} is not what was signed: the bundle is damaged or was changed; nothing of it was taken")
            self.files[self._member.name].seek(0)
            self._member = None


def judged(text: bytes, signature: bytes, trusted: frozenset[bytes]) -> Manifest:
    """Return a manifest whose signature is of a trusted key; GiveUp for any other. Nothing of it is read before."""
    if not any(security.signature_fits(key, signature, DOMAIN + text) for key in trusted):
        raise GiveUp("the bundle is not signed by a key that is trusted here; see the setting bundle_trusted_keys. Nothing of it was taken")
    try:
        plain = msgspec.json.decode(text)
        if isinstance(plain, dict) and plain.get("format") != FORMAT:
            raise GiveUp(f"the bundle is of format {str(plain.get('format'))[:20]}, and {FORMAT} is what is read here")
        found = Manifest.model_validate_json(text)
    except (msgspec.DecodeError, ValidationError) as error:
        raise GiveUp("the bundle's manifest is none") from error
    strange = {one.source for one in found.members} | {one.source for one in found.streams}
    strange -= NUMBERS.keys()
    if strange:
        raise GiveUp(f"the bundle speaks of sources that are not known here: {', '.join(sorted(strange))[:200]}")
    return found


def trusted_keys(settings: AdvisorySettings) -> frozenset[bytes]:
    """Return the public keys whose bundles are taken: those of the settings, and this installation's own."""
    found = {ledger().vault.signer(PURPOSE).public}
    for text in settings.bundle_trusted_keys:
        try:
            found.add(base64.b64decode(text, validate=True))
        except binascii.Error as error:
            raise InvalidInput(f"bundle_trusted_keys: {text[:20]!r} is no key in base64", field="/bundle_trusted_keys") from error
    return frozenset(found)


@job("advisories.import_bundle", ImportBundle, queue=Queue.ADVISORIES, timeout=timedelta(hours=4), attempts=3, unit="records")
def import_bundle(context: JobContext, request: ImportBundle) -> Imported:
    """Take what another installation exported, if its signature, its hashes and its age are right; then merge what changed."""
    settings = read_settings(AdvisorySettings, "advisories")
    with _file(context, request, settings) as file:
        told, _tally = take_bundle(context, file, settings, force=request.force, verify=request.verify)
    if request.verify:
        _discard(context, request, settings)
        return told
    merged = settle(context)
    tell_updated(context, merged)
    _discard(context, request, settings)
    return told.model_copy(update={"merged": merged.merged, "added": merged.added, "changed": merged.changed, "removed": merged.removed})


def take_bundle(
    context: JobContext, file: IO[bytes], settings: AdvisorySettings, *, force: bool = False, verify: bool = False
) -> tuple[Imported, Tally]:
    """Take what a bundle tells, to be merged by whoever called; with `verify` only check it.

    Raises:
        GiveUp: It is none, is not as a trusted key signed it, or is older than what is stored; nothing of it was taken.
    """
    with ExitStack() as stack:
        unbundled = Unbundled(stack, trusted_keys(settings))
        manifest = _opened(context, file, unbundled)
        told = Imported(
            made_at=manifest.made_at, since=manifest.since, key=manifest.key, documents=sum(one.rows for one in manifest.members)
        )
        if verify:
            return told, Tally()
        _check_age(context, manifest, force=force)
        return told, _take(context, manifest, unbundled.files, settings)


def _file(context: JobContext, request: ImportBundle, settings: AdvisorySettings) -> IO[bytes]:
    """Open the bundle; of an artifact a copy that goes when it is closed."""
    if request.artifact is None:
        return opened(_path(request, settings))
    file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - the caller closes it
    try:
        with context.transaction() as session:
            _card, parts = read(ledger(), session, context.org, request.artifact)
        for part in parts:
            file.write(part)
    except NotFound as error:
        file.close()
        raise GiveUp(str(error)) from error
    except BaseException:
        file.close()
        raise
    file.seek(0)
    return file


def _path(request: ImportBundle, settings: AdvisorySettings) -> Path:
    folder = import_folder(settings).resolve()
    path = (folder / (request.path or "")).resolve()
    if not path.is_relative_to(folder) or not path.is_file():
        raise GiveUp(f"{(request.path or '')[:100]!r} is no file in {folder}")
    return path


def _discard(context: JobContext, request: ImportBundle, settings: AdvisorySettings) -> None:
    if not request.discard:
        return
    if request.artifact is None:
        discard(_path(request, settings))
        return
    with context.transaction() as session:
        remove(session, context.org, request.artifact, actor=context.actor)


def _opened(context: JobContext, file: IO[bytes], unbundled: Unbundled) -> Manifest:
    try:
        context.sandbox(open_bundle, Opening(), stream=unbundled.take, files={INPUT: file})
    except SourceChanged as error:  # a file does not mend itself: trying again is of no use
        raise GiveUp(str(error)) from error
    return unbundled.finish()


def _check_size(wire: Wire, manifest: Manifest) -> None:
    """Refuse a whole bundle that lacks much of what is stored: what it does not hold is taken back (G5)."""
    for src in CONTINUED:
        rows = _documents(manifest, src)
        held = bundle.count(wire, src) if rows else 0
        if rows < held * COMPLETE:
            raise GiveUp(
                f"G5: the bundle holds {rows} documents of {src.label}, and {held} are stored, which would go; take another one, or this one with --force"
            )


def _documents(manifest: Manifest, src: Source) -> int:
    """Return how many documents of a source a bundle holds."""
    return sum(one.rows for one in manifest.members if one.source == src.label and one.name not in WHOLE)


def _check_age(context: JobContext, manifest: Manifest, *, force: bool) -> None:
    """Refuse a bundle that would turn time back, or an increment that begins after what is stored ends."""
    with context.transaction() as session:
        wire = wire_of(session)
        held = {(src.label, one.stream): one.watermark for src in CARRIED for one in streams_of(wire, src) if one.ok_at is not None}
        older = [
            f"{one.source} {one.stream}"
            for one in manifest.streams
            if (held.get((one.source, one.stream)) or NEVER) > (one.watermark or NEVER)
        ]
        if force:
            record(
                session, context.org, actor=context.actor, operation="advisories.import_bundle", object=str(context.job_id), reason="force"
            )
            return
        joins = manifest.since is None or _joins(wire, manifest, manifest.since)
        if manifest.since is None and not older:
            _check_size(wire, manifest)
    if older:
        raise GiveUp(f"the bundle is older than what is stored of {', '.join(older[:5])}; take a newer one, or this one with --force")
    if not joins:
        raise GiveUp(
            f"the bundle is an increment since {manifest.since:%Y-%m-%d %H:%M} UTC, and what is stored ends before: import the one before it "
            "or a whole one first, or this one with --force"
        )


def _joins(wire: Wire, manifest: Manifest, since: datetime) -> bool:
    """Tell whether an increment begins where the last bundle ended, or before the end of what is stored of each source that it continues."""
    last = bundle.last_taken(wire)
    if last is not None and last >= since:
        return True
    told = {one.source for one in manifest.streams}
    ends = [
        max((one.watermark for one in streams_of(wire, src) if one.ok_at and one.watermark), default=NEVER)
        for src in CONTINUED
        if src.label in told
    ]
    return bool(ends) and min(ends) >= since


def _take(context: JobContext, manifest: Manifest, files: dict[str, IO[bytes]], settings: AdvisorySettings) -> Tally:
    with Intake(context, history=settings.raw_history) as intake:
        intake.seen = {}
        for place, member in enumerate(manifest.members):
            # Pages of one source are one reading, so that the second is not news because the first was read.
            more = any(one.source == member.source and one.name not in WHOLE for one in manifest.members[place + 1 :])
            with ExitStack() as stack:
                prepared = prepare(context, [one for one in CARRIED if one.label == member.source], stack, hashes=True)
                described = FeedFile(name="member", label=member.name, stream=WHOLE.get(member.name, STREAM + PART if more else STREAM))
                # What it says is signed, so how much it lost since the last one is not for us to doubt.
                asked = FeedRequest(
                    files=(described,), now=prepared.now, known=prepared.known, dictionaries=prepared.dictionaries, accepted=prepared.accepted,
                    accept=frozenset({"G5"}),
                )  # fmt: skip
                context.sandbox(read_files, asked, stream=intake.take, files={**prepared.files, "member": files[member.name]})
                intake.rest()
    with context.transaction() as session, curating(session) as wire:
        alone(wire, WRITING)
        for src in CONTINUED if manifest.since is None else ():
            # Where a record could not be read, nobody knows of which CVE nothing was said.
            if src in intake.seen and _documents(manifest, src) and src not in intake.unnamed:
                intake.tally.lost += catalogs.lose(wire, src, intake.seen[src], low=-HIGHEST, high=HIGHEST)
        bundle.adopt(wire, manifest.streams, NUMBERS, own=STREAM, made_at=manifest.made_at)
    return intake.tally
