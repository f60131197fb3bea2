"""The doorbell wakes whoever listens, and nobody depends on it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from tests.jobs.kinds import Text, echo
from watchfloor.kernel.db.session import Database
from watchfloor.kernel.jobs.doorbell import Doorbell
from watchfloor.kernel.jobs.enqueue import submit

if TYPE_CHECKING:
    from tests.jobs.floor import Floor


def test_submitted_job_rings_its_queue(floor: Floor) -> None:
    listener = floor.ledger.database.connect("wf_engine")
    listener.execute("listen wf_ready")
    submit(floor.ledger, floor.org(), echo, Text())
    assert [note.payload for note in listener.notifies(timeout=10, stop_after=1)] == ["default"]
    listener.close()


def test_equal_rings_are_one(floor: Floor) -> None:
    bell = Doorbell(floor.ledger.database)
    listener = floor.ledger.database.connect("wf_engine")
    listener.execute("listen wf_ctl")
    bell._pid = os.getpid()  # no thread: this test sends itself
    for _ in range(100):
        bell.ring("wf_ctl", "one")
    bell.ring("wf_ctl", "two")
    bell.flush()
    bell.ring("wf_ctl", "end")
    bell.flush()
    assert [note.payload for note in listener.notifies(timeout=10, stop_after=3)] == ["one", "two", "end"]
    listener.close()


def test_a_ring_over_a_connection_that_broke_meanwhile_is_heard(floor: Floor) -> None:
    bell = Doorbell(floor.ledger.database)
    listener = floor.ledger.database.connect("wf_engine")
    listener.execute("listen wf_ctl")
    bell._waiting = {("wf_ctl", "one")}
    bell.flush()
    broken = floor.ledger.database.wire("wf_app").info.backend_pid
    floor.ask("select pg_terminate_backend(%s, 10000)", broken)
    bell._waiting = {("wf_ctl", "two")}
    bell.flush()
    assert [note.payload for note in listener.notifies(timeout=10, stop_after=2)] == ["one", "two"]
    listener.close()


def test_ring_without_a_database_is_not_an_error() -> None:
    database = Database("postgresql://nobody@127.0.0.1:1/nothing")
    bell = Doorbell(database)
    bell._waiting = {("wf_ready", "default")}
    bell.flush()
    assert bell._waiting == set()
