"""Run what a ticket names: claim, open the arguments, let the handler work, record how it ended."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
import signal
import threading
import time
import traceback
from typing import TYPE_CHECKING, Any

import psycopg
from pydantic import BaseModel, ValidationError
from sqlalchemy.exc import DBAPIError

from watchfloor.kernel.clock import monotonic
from watchfloor.kernel.errors import Cancelled, Fenced, GiveUp, Retry, SetupError, SoftTimeLimit, Untrusted
from watchfloor.kernel.jobs.claim import PATIENCE_S, Claim, End, back_off, claim, finish
from watchfloor.kernel.jobs.context import AttemptContext, HandedBack, storable
from watchfloor.kernel.jobs.statements import statement
from watchfloor.kernel.jobs.states import Outcome, Stage

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from uuid import UUID

    from watchfloor.kernel.contract import Holds, JobKind
    from watchfloor.kernel.jobs.board import Board
    from watchfloor.kernel.jobs.ledger import Ledger
    from watchfloor.kernel.sandbox.client import Sandbox

RESULT_BYTES = 256 * 1024
ERROR_BYTES = 16 * 1024
BUNDLE_S = 2.0  # what a bundle has not begun by then goes back in line
FLUSH_S = 0.05
LONGEST_DELAY_S = 366 * 86_400.0
HANDED_BACK = End(outcome=Outcome.HANDED_BACK, reason="bundle_full")
UNRECORDED = End(outcome=Outcome.RETRY, reason="not_recorded")
# Every repetition is bounded: the text may come from a hostile server.
SECRET = re.compile(
    r"""(?i)((?:password|passwd|secret|token|api[_-]?key|authorization)[\w-]{0,40}["']?\s{0,8}[=:]\s{0,8}(?:(?:bearer|basic)\s{1,8})?)"""
    r"""(?:"[^"]{0,1000}"|'[^']{0,1000}'|\S{1,1000})|(://[^\s:/@]{1,256}:)[^\s@]{1,1000}@|(\bwf_[0-9A-Za-z]{8}_)[0-9A-Za-z]{43}_[0-9A-Za-z]{6}"""
)

log = logging.getLogger("watchfloor.runner")


class Runner:
    """Runs tickets in a pool process or thread of a worker."""

    def __init__(
        self, ledger: Ledger, kinds: Mapping[str, JobKind[Any, Any]], board: Board, *,
        sandbox: Callable[[], Sandbox] | None = None, sections: Callable[[], dict[str, Any]] | None = None,
        holds: Callable[[], tuple[Holds, ...]] | None = None, on_dropped: Callable[[str, Mapping[str, str]], None] | None = None,
    ) -> None:  # fmt: skip
        """Bind what every attempt of this worker shares; `on_dropped` is told of each ticket that fits no job any more."""
        self._ledger, self._kinds, self._board = ledger, kinds, board
        self._sandbox, self._sections, self._holds = sandbox, sections, holds
        self._on_dropped = on_dropped
        self._current: AttemptContext | None = None
        self._own_process = False

    def on_ticket(self, kind_name: str, jobs: Sequence[tuple[UUID, int]], queue: str) -> None:
        """Run every job of a verified ticket that can still be claimed.

        A bundle (kinds declared `short`) is claimed as one and recorded as one, at the latest after 50 ms of work. Jobs that do
        not come to their turn within two seconds, or before a shutdown, are handed back unharmed.
        """
        kind = self._kinds[kind_name]
        ended: list[tuple[Claim, End]] = []
        began = flushed = monotonic()
        claimed = claim(self._ledger, self._session(), queue, jobs)
        if claimed is not None and len(claimed) < len(jobs):
            self._drop(kind_name, queue, {job for job, _seq in jobs} - {held.id for held in claimed})
        begun = 0
        try:
            for held in claimed or ():
                late = monotonic() - began > BUNDLE_S or (ended and self._board.stopping)
                begun += not late
                end = HANDED_BACK if late else self._attempt(kind, held)
                if end is not None:
                    ended.append((held, end))
                if monotonic() - flushed > FLUSH_S:
                    self._finish(ended, queue)
                    ended, flushed = [], monotonic()
            self._finish(ended, queue)
        except Exception:
            self._record_apart(claimed or [], {held.id: end for held, end in ended}, begun)
            raise

    def _record_apart(self, claimed: Sequence[Claim], ends: Mapping[UUID, End], begun: int) -> None:
        """Leave no job running under a session that lives on: nobody would look at it again before its time limit.

        What was recorded already is fenced and stays as it is. A process that can write nothing ends; its warden reaps for it.
        """
        try:
            for place, held in enumerate(claimed):
                end = ends.get(held.id, UNRECORDED if place < begun else HANDED_BACK)
                try:
                    finish(self._ledger, self._board.session, [(held, end)])
                except psycopg.DataError:
                    finish(self._ledger, self._board.session, [(held, UNRECORDED)])
        except (psycopg.Error, SetupError):
            log.exception("what this process did cannot be recorded")
            if self._own_process:
                os._exit(70)
            raise

    def interrupt(self, _signum: int, _frame: object) -> None:
        """Signal handler of a pool process: stop the handler if it is really this attempt that is meant."""
        current = self._current
        if current is not None:
            current.obey()

    def listen(self) -> None:
        """Install the signal that the warden sends; only where handlers run in the main thread of their own process."""
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGUSR2, self.interrupt)
            self._own_process = True

    def _session(self) -> UUID:
        """Return the worker's session; a ticket may arrive before the warden has opened it, and a claim without one would drop the ticket."""
        deadline = monotonic() + PATIENCE_S
        while not self._board.session.int and monotonic() < deadline:
            threading.Event().wait(0.05)
        return self._board.session

    def _drop(self, kind: str, queue: str, jobs: set[UUID]) -> None:
        """Tell of tickets that were heard before, or whose jobs ended or went back in line: a replay looks like that."""
        if self._on_dropped is not None:
            for job in jobs:
                self._on_dropped("duplicate", {"task": kind, "queue": queue, "id": str(job)})

    def _attempt(self, kind: JobKind[Any, Any], held: Claim) -> End | None:
        """Run the handler once; None means that there is nothing left to record."""
        context = AttemptContext(self._ledger, self._board, held, sandbox=self._sandbox, sections=self._sections, holds=self._holds)
        spent = time.process_time()
        end: End | None
        try:
            request = self._open(kind, held)
            self._current = context
            try:
                context.obey()
                result = kind.handler(context, request)
            finally:
                self._current = None
            end = self._succeeded(held, result)
        except Fenced:
            self._refused(held)
            return None
        except Exception as error:  # noqa: BLE001 - whatever a handler raises becomes a recorded outcome
            end = self._failed(kind, held, _meant(error))
        self._close(context)
        if end.outcome is Outcome.SUCCEEDED and not context.in_force:
            return end
        return End(**{**end.__dict__, "in_force": context.in_force, "cpu_ms": round((time.process_time() - spent) * 1000, 1)})

    def _close(self, context: AttemptContext) -> None:
        """Write the last progress and give back leases; neither may keep the outcome from being recorded, and both end by themselves."""
        context.flush_progress()
        try:
            context.close()
        except (psycopg.Error, SetupError) as error:
            log.warning("job %s: its leases end by themselves, giving them back failed: %s", context.job_id, error)

    def _open(self, kind: JobKind[Any, Any], held: Claim) -> BaseModel:
        if held.kind != kind.name:
            message = f"the ledger says kind {held.kind}, the ticket {kind.name}"
            raise GiveUp(message)
        if held.blob is None or held.kid is None:
            message = "the arguments are gone; they were removed before the job ran"
            raise GiveUp(message)
        place = f"schedule|args|{held.schedule}" if held.v == 2 else f"job_payload|args|{held.id}"  # noqa: PLR2004 - sealed for a schedule
        try:
            plain = self._ledger.vault.open(held.org, held.kid, place, bytes(held.blob))
            request: BaseModel = kind.arguments.model_validate_json(plain)
        except Untrusted as error:
            raise GiveUp("arguments_forged") from error
        except ValidationError as error:
            raise GiveUp("invalid_arguments") from error
        return request

    def _succeeded(self, held: Claim, result: BaseModel | None) -> End:
        if result is None:
            return End(outcome=Outcome.SUCCEEDED)
        plain = result.model_dump_json().encode()
        if len(plain) > RESULT_BYTES:
            message = f"the result is {len(plain)} bytes, more than {RESULT_BYTES}; store it as an artifact and return its id"
            raise GiveUp(message)
        kid, blob = self._ledger.vault.seal(held.org, f"job_payload|result|{held.id}", plain)
        return End(outcome=Outcome.SUCCEEDED, kid=kid, blob=blob)

    def _failed(self, kind: JobKind[Any, Any], held: Claim, error: Exception) -> End:
        delay = back_off(kind.first_delay, kind.max_delay, held.failures)
        match error:
            case HandedBack():
                return End(outcome=Outcome.HANDED_BACK, reason="worker_stopped")
            case Cancelled():
                return End(outcome=Outcome.CANCELLED, reason="cancelled")
            case Retry():
                outcome, reason = Outcome.RETRY, error.reason
                delay = error.delay.total_seconds() if error.delay is not None else delay
            case GiveUp():
                outcome, reason = Outcome.FAILED, error.reason
            case SoftTimeLimit():
                outcome, reason = Outcome.RETRY, "soft_time_limit"
            case _:
                outcome, reason = Outcome.RETRY, type(error).__name__
                log.error("job %s (%s) attempt %d: %s", held.id, held.kind, held.attempt, scrub(str(error)[:1024])[:256])
        try:
            kid, blob = self._ledger.vault.seal(held.org, f"job_payload|error|{held.id}", _described(error))
        except (psycopg.Error, SetupError, Untrusted):
            log.exception("job %s: its error cannot be sealed and is not kept", held.id)
            kid, blob = "", None
        return End(
            outcome=outcome, reason=scrub(reason[:2000])[:500], fingerprint=_fingerprint(error), delay_s=min(delay, LONGEST_DELAY_S),
            part="error", kid=kid, blob=blob,
        )  # fmt: skip

    def _finish(self, ended: list[tuple[Claim, End]], queue: str) -> None:
        if not ended:
            return
        stages = finish(self._ledger, self._board.session, ended)
        for held, _end in ended:
            stage = stages.get(held.id)
            if stage is None:
                self._refused(held)
            elif held.batch or stage == Stage.QUEUED:
                self._ledger.doorbell.ring("wf_ready", "" if held.batch else queue)  # a callback may run on any queue
            if len(ended) == 1:
                self._ledger.doorbell.ring("wf_progress", f"{held.org}:{held.id}")

    def _refused(self, held: Claim) -> None:
        log.warning("job %s attempt %d: a late write was refused, the job belongs to another attempt", held.id, held.attempt)
        values = {"org": held.org, "id": held.id, "type": "stale_refused", "data": json.dumps({"attempt": held.attempt})}
        self._ledger.database.wire("wf_engine").execute(statement("event"), values)


def _meant(error: Exception) -> Exception:
    """Return the stop behind an error: one that interrupts a statement arrives as the broken connection's complaint."""
    found: BaseException | None = error
    while isinstance(found, (DBAPIError, psycopg.Error, SetupError)):
        found = found.__cause__ or found.__context__
    return found if isinstance(found, (Cancelled, HandedBack, SoftTimeLimit)) else error


def scrub(text: str) -> str:
    """Return text without what looks like a password, token or key, and without what PostgreSQL cannot store."""
    return storable(SECRET.sub(lambda found: f"{found[2]}***@" if found[2] else f"{found[1] or found[3]}***", text))


def _described(error: Exception) -> bytes:
    lines = traceback.format_exception(error)
    return scrub(f"{type(error).__name__}: {error}\n\n{''.join(lines)}"[-4 * ERROR_BYTES :])[-ERROR_BYTES:].encode(errors="replace")


def _fingerprint(error: Exception) -> str:
    """Return a short hash of where the error arose: equal bugs are equal, messages do not matter."""
    frames = traceback.extract_tb(error.__traceback__)
    where = [f"{os.path.basename(frame.filename)}:{frame.name}" for frame in frames[-4:]]  # noqa: PTH119 - a name, not a file
    return hashlib.sha256("|".join([type(error).__name__, *where]).encode()).hexdigest()[:16]
