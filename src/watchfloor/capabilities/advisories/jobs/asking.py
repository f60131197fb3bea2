"""Ask one source for what is new, and write down how far it is read now, or how it failed."""

from __future__ import annotations

import ssl
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import msgspec
import psycopg
from pydantic import SecretStr

from watchfloor.capabilities.advisories.feeds.fetching.source import fetch_source
from watchfloor.capabilities.advisories.jobs.intake import Intake
from watchfloor.capabilities.advisories.jobs.reading import prepare
from watchfloor.capabilities.advisories.queries import streams
from watchfloor.capabilities.advisories.queries.curator import curating
from watchfloor.capabilities.advisories.queries.streams import NOTES
from watchfloor.capabilities.advisories.schemas.fetch import FetchAnswer, FetchRequest, SoFar
from watchfloor.capabilities.advisories.schemas.sync import SourceOutcome, SyncState
from watchfloor.capabilities.advisories.schemas.words import Source
from watchfloor.kernel.clock import monotonic
from watchfloor.kernel.contract import Severity, Want
from watchfloor.kernel.db.session import wire_of
from watchfloor.kernel.errors import GiveUp, OutsideError, SourceChanged, WatchfloorError
from watchfloor.kernel.events.outbox import emit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.orm import Session

    from watchfloor.capabilities.advisories.settings import AdvisorySettings
    from watchfloor.kernel.contract import JobContext

KEEP_EVERY_S = 4.0
NOTES_MAX, NOTE_MAX = 20, 300
# What a source can bring about with something in it that nobody thought of. It is that source's trouble, not that of those after it.
NOT_TAKEN = (msgspec.MsgspecError, psycopg.DataError, psycopg.errors.ProgramLimitExceeded)
BULK = {Source.NVD, Source.CVE_LIST}  # sources whose complete sets are worth telling the box which documents are known


@dataclass(frozen=True)
class Question:
    """What is asked of a source beside news."""

    full: bool = False
    force: bool = False
    days_back: int | None = None
    accept: tuple[str, ...] = ()


class Turn:
    """The right to ask a source, alone; it ends after 15 s unless it is kept."""

    def __init__(self, context: JobContext, src: Source) -> None:
        """Nothing is taken yet."""
        self._context = context
        self._wants = [Want(key=f"advisories:{src.label}", per_second=None, members=frozenset({0}))]
        self._kept_at = 0.0

    def take(self) -> bool:
        """Take the turn, or keep it; False while another job has it."""
        self._kept_at = monotonic()
        return self._context.lease(self._wants) is not None

    def keep(self) -> None:
        """Keep the turn, at most every few seconds."""
        if monotonic() - self._kept_at >= KEEP_EVERY_S:
            self.take()


def ask(context: JobContext, src: Source, question: Question, settings: AdvisorySettings) -> SourceOutcome:
    """Take what a source has new. What goes wrong with it is its outcome: nothing it told before is lost, its watermark stays.

    Raises:
        WatchfloorError: What is not the source's doing, such as a cancel or a lost database.
    """
    if not question.force and not _due(context, src, settings):
        return SourceOutcome(source=src.label, state=SyncState.SKIPPED, message="it was asked a short while ago")
    # Two that ask at once would not harm each other, but everything would be fetched and written twice.
    turn = Turn(context, src)
    if not turn.take():
        return SourceOutcome(source=src.label, state=SyncState.SKIPPED, message="another job is asking it")
    intake = Intake(context, history=settings.raw_history)
    try:
        with intake:
            answer = _fetch(context, src, question, settings, intake, turn)
    except (OutsideError, GiveUp) as error:
        return _failed(context, src, intake, error)
    except NOT_TAKEN as error:
        return _failed(context, src, intake, SourceChanged(f"G7: what came cannot be stored: {error}"))
    return _answered(context, src, intake, answer)


def _due(context: JobContext, src: Source, settings: AdvisorySettings) -> bool:
    every = settings.nvd_every if src is Source.NVD else settings.update_every
    with context.transaction() as session:
        return streams.due(wire_of(session), src, every, again=context.attempt > 1)


def _fetch(context: JobContext, src: Source, question: Question, settings: AdvisorySettings, intake: Intake, turn: Turn) -> FetchAnswer:
    with ExitStack() as stack:
        prepared = prepare(context, [src], stack, hashes=src in BULK and (question.full or _behind(context, src)))
        with context.transaction() as session:
            so_far = streams.streams_of(wire_of(session), src)
        first, second, key = _addresses(src, settings)
        request = FetchRequest(
            source=src.label, url=first, second_url=second, allowed_hosts=settings.allowed_hosts, allowed_networks=settings.allowed_networks,
            now=prepared.now, full=question.full, days_back=question.days_back, backfill=settings.euvd_backfill, known=prepared.known,
            dictionaries=prepared.dictionaries, accepted=prepared.accepted, accept=frozenset(question.accept),
            streams=tuple(SoFar(stream=one.stream, watermark=one.watermark, cursor=_words(one.cursor)) for one in so_far),
            key=key or SecretStr(""), proxy=settings.proxy or SecretStr(""), authorities=_authorities(settings),
        )  # fmt: skip

        def take(message: bytes) -> None:
            turn.keep()
            intake.take(message)

        return context.sandbox(
            fetch_source, request, stream=take, files=dict(prepared.files),
            keep=lambda part: _told_on_the_way(context, src, intake, part, turn),
        )  # fmt: skip


def _told_on_the_way(context: JobContext, src: Source, intake: Intake, part: FetchAnswer, turn: Turn) -> dict[str, str]:
    """Keep the turn, and write a gap down before the source is read whole: if that fails, it is known."""
    turn.keep()
    if part.gap:
        intake.rest()
        with context.transaction() as session, curating(session) as wire:
            streams.open_gap(wire, src, part.gap)
    return {}


def _behind(context: JobContext, src: Source) -> bool:
    """Tell whether increments cannot be enough, so that complete sets will be read."""
    with context.transaction() as session:
        told = streams.streams_of(wire_of(session), src)
        row = wire_of(session).execute("select wf_now()").fetchone()
    latest = max((one.watermark for one in told if one.watermark), default=None)
    return any(one.gap_since for one in told) or latest is None or (row is not None and row[0] - latest > timedelta(days=6))


def _authorities(settings: AdvisorySettings) -> str:
    """Return the certificates that are trusted beside those of the system; the box cannot read the file."""
    if settings.authorities is None:
        return ""
    try:
        text = settings.authorities.read_text(encoding="ascii", errors="replace")
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=text)
    except (OSError, ValueError) as error:  # of the second sort is what ssl raises, too
        raise GiveUp(
            f"WATCHFLOOR_ADVISORIES_AUTHORITIES: {settings.authorities} holds no certificates that can be read: {error}"
        ) from error
    return text


def _words(cursor: dict[str, object]) -> dict[str, str]:
    return {name: str(value) for name, value in cursor.items() if isinstance(value, str | int)}


def _addresses(src: Source, settings: AdvisorySettings) -> tuple[str, str, SecretStr | None]:
    """Return where a source is: its address, a second one, and the key it wants."""
    match src:
        case Source.NVD:
            return settings.nvd_url, settings.nvd_api_url, settings.nvd_api_key
        case Source.CVE_LIST:
            return settings.cve_list_url, settings.cve_list_delta_url, None
        case Source.KEV:
            return settings.kev_url, settings.kev_fallback_url, None
        case Source.EU_KEV:
            return settings.eu_kev_url, "", None
        case Source.EUVD:
            return settings.euvd_url, "", None
        case Source.EPSS:
            return settings.epss_url, "", None
    raise GiveUp(f"{src.label} is not fetched; import its files")


def _answered(context: JobContext, src: Source, intake: Intake, answer: FetchAnswer) -> SourceOutcome:
    tally = intake.tally
    noted = [*answer.notes, *(f"{one.label or one.name} {note}" for one in answer.files for note in one.notes)]
    kept = {**answer.kept, NOTES: [note[:NOTE_MAX] for note in noted[:NOTES_MAX]]}
    with context.transaction() as session:
        with curating(session) as wire:
            failures = streams.failures(wire, src)
            streams.accept(wire, src, streams.ALL, rows=None, watermark=None, cursor=kept, changed=tally.changed > 0)
            if answer.complete:
                streams.close_gap(wire, src)
        if failures:
            _tell(session, context, "advisories.source_recovered", src, f"{src.label} answers again after {failures} failures")
    notes = [answer.incomplete, answer.fell_back, *tally.refused, *noted]
    return SourceOutcome(
        source=src.label, state=SyncState.SYNCED if tally.changed or tally.lost else SyncState.UNCHANGED, rows=tally.rows, changed=tally.changed,
        unchanged=tally.unchanged, rejected=tally.rejected, lost=tally.lost, message="; ".join(filter(None, notes))[:1000],
    )  # fmt: skip


def _failed(context: JobContext, src: Source, intake: Intake, error: WatchfloorError) -> SourceOutcome:
    refused = isinstance(error, SourceChanged)
    with context.transaction() as session:
        with curating(session) as wire:
            failures = streams.failures(wire, src)
            streams.fail(wire, src, {"code": error.code, "message": str(error)[:1000]})
        if not failures:
            _tell(session, context, "advisories.source_refused", src, str(error)[:500], severity=Severity.MEDIUM)
    tally = intake.tally
    return SourceOutcome(
        source=src.label, state=SyncState.REFUSED if refused else SyncState.FAILED, rows=tally.rows, changed=tally.changed,
        unchanged=tally.unchanged, rejected=tally.rejected, message=str(error)[:1000],
    )  # fmt: skip


def _tell(session: Session, context: JobContext, name: str, src: Source, why: str, *, severity: Severity = Severity.INFO) -> None:
    emit(session, context.org, name, severity=severity, data={"source": src.label, "reason": why}, job=context.job_id)


def worst(outcomes: Sequence[SourceOutcome]) -> SyncState | None:
    """Return how bad it is: None when at least one source answered or none was asked."""
    asked = [one.state for one in outcomes if one.state is not SyncState.SKIPPED]
    bad = {SyncState.FAILED, SyncState.REFUSED}
    if not asked or any(state not in bad for state in asked):
        return None
    return SyncState.FAILED if SyncState.FAILED in asked else SyncState.REFUSED
