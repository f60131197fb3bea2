"""Facts about several workers that write what the world knows at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import TYPE_CHECKING, Any, cast

import psycopg
import pytest

from tests.advisories.boxes import read
from tests.advisories.factories import kev_catalog
from tests.advisories.sources import Press, key, said
from watchfloor.capabilities.advisories.jobs.intake import Intake
from watchfloor.capabilities.advisories.queries import ingest
from watchfloor.capabilities.advisories.queries.curator import SETTLING, WRITING, alone
from watchfloor.capabilities.advisories.schemas import frames
from watchfloor.capabilities.advisories.schemas.words import Source
from watchfloor.kernel.clock import monotonic

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from uuid import UUID

    from watchfloor.kernel.contract import JobContext
    from watchfloor.kernel.jobs.ledger import Ledger

A, B, C = "CVE-2024-3094", "CVE-2021-44228", "CVE-2018-15473"
WAITS = "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database() and now() - query_start >= %s::interval"


def waiting(postgres: str, since: str = "0 s") -> int:
    with psycopg.connect(postgres, autocommit=True) as wire:
        row: Any = wire.execute(WAITS, (since,)).fetchone()
    return int(row[0])


def until(true: Callable[[], object]) -> None:
    deadline = monotonic() + 30
    while not true():
        assert monotonic() < deadline
        Event().wait(0.02)


@pytest.fixture
def press(ledger: Ledger, org: UUID) -> Iterator[Press]:
    made = Press(ledger.database, org)
    made.forget()
    yield made
    made.forget()


def test_two_sources_that_tell_of_the_same_cves_do_not_wait_for_each_other_for_ever(press: Press, postgres: str) -> None:
    def take() -> None:
        with Intake(cast("JobContext", press), history=0) as intake:
            for frame in read(("kev.json", kev_catalog([A, B, C])))[1].told:
                intake.take(frames.pack(frame))

    with ThreadPoolExecutor(1) as other:
        with press.wire() as wire:
            alone(wire, WRITING)
            ingest.touch(wire, [key(B)], ingest.FACTS)
            taking = other.submit(take)
            until(lambda: waiting(postgres) == 1)
            ingest.touch(wire, [key(A), key(C)], ingest.FACTS)
        taking.result(timeout=20)
    assert press.rows("select count(*) from adv_touched") == [(3,)]


@pytest.mark.slow
def test_who_merges_waits_for_others_longer_than_statements_wait_elsewhere(press: Press, postgres: str) -> None:
    press.say(Source.NVD, said(A))
    with ThreadPoolExecutor(1) as other:
        with press.wire() as wire:
            alone(wire, SETTLING)
            merging = other.submit(press.settle)
            until(lambda: merging.done() or waiting(postgres, "5 s") == 1)
        assert merging.result(timeout=20).added == 1
