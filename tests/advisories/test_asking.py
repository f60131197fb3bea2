"""Facts about asking a source: when it is asked again, and what becomes of an answer that cannot be taken."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

import pytest

from tests.advisories.sources import Press
from watchfloor.capabilities.advisories.jobs.asking import Question, ask
from watchfloor.capabilities.advisories.queries import streams
from watchfloor.capabilities.advisories.schemas import frames
from watchfloor.capabilities.advisories.schemas.sync import SyncState
from watchfloor.capabilities.advisories.schemas.words import Source
from watchfloor.capabilities.advisories.settings import AdvisorySettings
from watchfloor.kernel.errors import SourceChanged, SourceUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from watchfloor.kernel.contract import JobContext
    from watchfloor.kernel.jobs.ledger import Ledger

EVERY = timedelta(hours=2)


class Attempt(Press):
    """An attempt whose box ends as the test says."""

    job_id = None
    attempt = 1
    ends: Exception | None = None
    tells: tuple[bytes, ...] = ()

    def lease(self, _wants: object) -> dict[str, float]:
        """Take whatever is wanted."""
        return {}

    def sandbox(self, _function: object, _request: object, *, stream: Any, **_options: object) -> None:
        """Tell what is to be told, and end."""
        for message in self.tells:
            stream(message)
        if self.ends is not None:
            raise self.ends

    def ask(self, src: Source) -> SyncState:
        """Ask a source."""
        return ask(cast("JobContext", self), src, Question(), AdvisorySettings()).state


@pytest.fixture
def attempt(ledger: Ledger, org: UUID) -> Iterator[Attempt]:
    made = Attempt(ledger.database, org)
    made.forget()
    yield made
    made.forget()


def test_a_further_attempt_asks_again_what_did_not_answer(attempt: Attempt) -> None:
    attempt.ends = SourceUnavailable("no connection in time")
    assert attempt.ask(Source.KEV) is SyncState.FAILED
    assert attempt.ask(Source.KEV) is SyncState.SKIPPED  # another organisation's job, a moment later
    attempt.attempt = 2
    assert attempt.ask(Source.KEV) is SyncState.FAILED
    assert attempt.rows("select failures from adv_stream") == [(2,)]


def test_what_was_refused_is_not_asked_again_before_its_time(attempt: Attempt) -> None:
    attempt.ends = SourceChanged("G5: parts of it are missing")
    assert attempt.ask(Source.KEV) is SyncState.REFUSED
    attempt.attempt = 2
    assert attempt.ask(Source.KEV) is SyncState.SKIPPED


def test_what_answered_is_not_asked_by_a_further_attempt(attempt: Attempt) -> None:
    with attempt.wire() as wire:
        streams.accept(wire, Source.KEV, streams.ALL, rows=None, watermark=None, cursor={}, changed=False)
        assert not streams.due(wire, Source.KEV, EVERY, again=True)


@pytest.mark.parametrize("tells", [
    (b"\xc1",),
    (frames.pack(frames.Begin("f", Source.KEV, "catalog", complete=False, dictionary=None)), frames.pack(frames.Rejects(Source.KEV, [])),
     frames.pack(frames.End("f", Source.KEV, "catalog" * 3000, 0, 0, 0, 0, None, {}, {"x": "\ud7ff\0"}))),
], ids=["no frame", "what no row can hold"])  # fmt: skip
def test_an_answer_that_cannot_be_stored_is_that_sources_trouble_alone(attempt: Attempt, tells: tuple[bytes, ...]) -> None:
    attempt.tells = tells
    assert attempt.ask(Source.KEV) is SyncState.REFUSED
    error = attempt.rows("select last_error from adv_stream where stream = ''")[0][0]
    assert error["code"] == "source_changed"
