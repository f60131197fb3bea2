"""What a handler is given: a fenced transaction, a sandbox, progress, and word of cancel or shutdown."""

from __future__ import annotations

import logging
import threading
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import IO, TYPE_CHECKING, Any, TypeVar

import psycopg
from pydantic import BaseModel

from watchfloor.kernel.clock import monotonic
from watchfloor.kernel.db.session import wire_of
from watchfloor.kernel.errors import Cancelled, GiveUp, SetupError, SoftTimeLimit
from watchfloor.kernel.jobs import batches, leases
from watchfloor.kernel.jobs.board import Board, Word
from watchfloor.kernel.jobs.claim import Claim, owned_transaction
from watchfloor.kernel.jobs.statements import statement
from watchfloor.kernel.sandbox.profiles import FEED, NOTIFY, RENDER, SCAN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from uuid import UUID

    from sqlalchemy.orm import Session

    from watchfloor.kernel.contract import BoxReport, Holds, JobKind, Want
    from watchfloor.kernel.jobs.ledger import Ledger
    from watchfloor.kernel.sandbox.client import Sandbox, Usage

Request = TypeVar("Request", bound=BaseModel)
Answer = TypeVar("Answer", bound=BaseModel)
PROGRESS_S = 1.0
PROFILES = {"scans": SCAN, "advisories": FEED, "reports": RENDER, "notifications": NOTIFY}


def storable(text: str) -> str:
    """Return text as PostgreSQL can store it: no NUL, no lone surrogate; such things come in from outside."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode(errors="replace").decode()


class HandedBack(Exception):
    """Raised inside a handler whose worker shuts down."""


class AttemptContext:
    """One attempt as its handler sees it; satisfies `contract.JobContext`."""

    def __init__(
        self,
        ledger: Ledger,
        board: Board,
        held: Claim,
        *,
        sandbox: Callable[[], Sandbox] | None = None,
        sections: Callable[[], dict[str, Any]] | None = None,
        holds: Callable[[], tuple[Holds, ...]] | None = None,
    ) -> None:
        """Bind the attempt; `sandbox`, `sections` and `holds` are opened when first asked for."""
        self.job_id, self.org, self.actor, self.attempt = held.id, held.org, held.actor, held.attempt
        self.log = logging.getLogger(f"watchfloor.job.{held.kind}")
        self.in_force: list[str] = []
        self._ledger, self._board, self._held = ledger, board, held
        self._sandbox, self._sections, self._holds = sandbox, sections, holds
        self._started = monotonic()
        self._progress: tuple[int, int, str, str] | None = None
        self._written = 0.0
        self._leased = False

    def transaction(self) -> AbstractContextManager[Session]:
        """Open one short transaction that commits only while this attempt owns its job."""
        return owned_transaction(self._ledger, self._board.session, self._held)

    def reading(self) -> AbstractContextManager[Session]:
        """Open a transaction that reads one moment's data; see `contract.JobContext.reading`."""
        return self._ledger.database.reading(self.org)

    def sandbox(
        self,
        function: Callable[[Request, BoxReport], Answer],
        request: Request,
        *,
        keep: Callable[[Answer], dict[str, Any]] | None = None,
        stream: Callable[[bytes], None] | None = None,
        files: Mapping[str, int | IO[bytes]] | None = None,
        programs: Sequence[str] = (),
    ) -> Answer:
        """Run `function` in a box; see `contract.JobContext.sandbox`."""
        if self._sandbox is None:
            message = "this worker has no sandbox; start it with `watchfloor worker` or `celery -A watchfloor worker`"
            raise SetupError(message)
        box = self._sandbox()
        left = self._held.limit_s - (monotonic() - self._started)
        profile = PROFILES.get(self._held.kind.partition(".")[0], RENDER)
        try:
            return box.run(
                function, request, profile=replace(profile, programs=tuple(programs)), deadline=timedelta(seconds=max(0.0, left)),
                report=self.progress, should_stop=self._should_stop, observe=self._observe, keep=keep, stream=stream, files=files,
            )  # fmt: skip
        finally:
            self.obey()

    def progress(self, done: int, total: int, phase: str = "", note: str = "") -> None:
        """Report progress; written at most once a second, the last value when the attempt ends."""
        self._progress = (done, total, phase, note)
        if monotonic() - self._written >= PROGRESS_S:
            self.flush_progress()

    def flush_progress(self) -> None:
        """Write the newest progress, if there is any that was not written yet."""
        if self._progress is None:
            return
        done, total, phase, note = self._progress
        self._progress, self._written = None, monotonic()
        values = {
            "org": self.org,
            "id": self.job_id,
            "fence": self._held.fence,
            "phase": storable(phase[:200]),
            "done": done,
            "total": total,
            "note": storable(note[:2000]),
        }
        try:
            self._ledger.database.wire("wf_engine").execute(statement("progress"), values)
        except (psycopg.Error, SetupError) as error:
            self.log.warning("progress was not recorded: %s", error)
            return
        self._ledger.doorbell.ring("wf_progress", f"{self.org}:{self.job_id}")

    def cancelled(self) -> bool:
        """Tell whether somebody asked this job to stop."""
        return self._word() is Word.CANCEL

    def stopping(self) -> bool:
        """Tell whether this worker wants to hand its jobs back."""
        return self._word() is Word.HAND_BACK or self._board.stopping

    def obey(self) -> None:
        """Raise what the warden asked for, if it asked."""
        match self._word():
            case Word.CANCEL:
                message = f"job {self.job_id} was cancelled"
                raise Cancelled(message)
            case Word.SOFT_LIMIT:
                message = f"job {self.job_id} reached its soft time limit of {self._held.soft_s} s"
                raise SoftTimeLimit(message)
            case Word.HAND_BACK:
                raise HandedBack

    def lease(self, wants: Sequence[Want]) -> dict[str, float] | None:
        """Take or renew shares of limits; see `contract.JobContext.lease`."""
        self._leased = True
        return leases.lease(self._ledger, self.job_id, wants, worker=self._board.session)

    def close(self) -> None:
        """Give back what the attempt leased."""
        if self._leased:
            leases.release(self._ledger, self.job_id)

    def advanced(self, session: Session) -> None:
        """Forget the lost workers of this job; see `contract.JobContext.advanced`."""
        values = {"org": self.org, "id": self.job_id, "fence": self._held.fence}
        wire_of(session).execute(statement("advance"), values)

    def fan_out(
        self,
        name: str,
        children: Sequence[tuple[JobKind[Any, Any], BaseModel]],
        *,
        callback: tuple[JobKind[Any, Any], BaseModel] | None = None,
    ) -> UUID:
        """Enqueue children and one completion job, once; see `contract.JobContext.fan_out`."""
        with self.transaction() as session:
            batch = batches.fan_out(self._ledger, session, self._held, name, children, callback)
        for queue in {str(kind.queue) for kind, _request in (*children, *([callback] if callback else []))}:
            self._ledger.doorbell.ring("wf_ready", queue)
        return batch

    def cancel(self, jobs: Sequence[UUID], *, batch: UUID | None = None) -> None:
        """Cancel unfinished jobs of this organisation; see `contract.JobContext.cancel`."""
        from watchfloor.kernel.jobs.cancel import cancel  # noqa: PLC0415 - loads the database's libraries, which short jobs never need

        cancel(self._ledger, self.org, jobs, actor=self.actor, batch=batch)

    @contextmanager
    def effect(self, name: str) -> Iterator[bool]:
        """Guard one outside consequence.

        The intent is recorded before, the completion after. An intent without completion means that an earlier attempt died
        in between: nobody knows whether the consequence happened, so the job fails for a person to look at, never repeats it.
        """
        values = {"org": self.org, "job": self.job_id, "effect": name, "fence": self._held.fence}
        with self.transaction() as session:
            row = wire_of(session).execute(statement("intend"), values).fetchone()
        mine, done = (bool(row[0]), bool(row[1])) if row else (False, False)
        if not mine and not done:
            message = f"effect {name!r} was begun by an earlier attempt and never confirmed; look whether it happened, then replay the job"
            raise GiveUp(message)
        yield mine
        if mine:
            with self.transaction() as session:
                wire_of(session).execute(statement("confirm"), values)

    def sections(self) -> dict[str, Any]:
        """Return each capability's report section by its name."""
        return self._sections() if self._sections else {}

    def holds(self, session: Session) -> frozenset[str]:
        """Return what somebody holds, as `noun:id`."""
        return frozenset(one for told in (self._holds() if self._holds else ()) for one in told(session, self.org))

    def wait(self, seconds: float) -> None:
        """Wait, but no longer than the job lives: a cancel, soft limit or shutdown ends the wait."""
        deadline = monotonic() + seconds
        while (left := deadline - monotonic()) > 0:
            self.obey()
            threading.Event().wait(min(0.1, left))
        self.obey()

    def _observe(self, usage: Usage) -> None:
        self.in_force = list(usage.in_force)

    def _should_stop(self) -> bool:
        return self._word() is not Word.NONE

    def _word(self) -> Word:
        word = self._board.told(self.job_id, self._held.fence)
        return Word.HAND_BACK if word is Word.NONE and self._board.deserted else word
