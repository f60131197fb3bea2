"""What a hostile or broken broker delivers: refused, counted and audited in the ledger, and nothing runs by it."""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

import pytest

from tests.chaos.floor import Floor, private_floor
from tests.servers import rabbitmq_missing
from watchfloor.kernel.contract import Queue
from watchfloor.kernel.jobs.broker import tickets
from watchfloor.kernel.jobs.broker.publish import Publisher, Ring
from watchfloor.kernel.jobs.dispatch import Dispatcher
from watchfloor.kernel.jobs.enqueue import submit
from watchfloor.kernel.jobs.selftest import Wait, wait_job
from watchfloor.kernel.security import Signer

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

pytestmark = pytest.mark.slow
QUEUE = str(Queue.DEFAULT)
REFUSED = {"signature": 2, "expired": 1, "kid": 1}


@pytest.fixture(scope="module")
def rabbit_floor() -> Iterator[Floor]:
    """A floor on RabbitMQ."""
    if reason := rabbitmq_missing():
        pytest.skip(reason)
    with private_floor(rabbitmq=True) as floor:
        yield floor


@pytest.fixture(params=["valkey", pytest.param("rabbitmq", marks=pytest.mark.rabbitmq)])
def either(request: pytest.FixtureRequest) -> Iterator[Floor]:
    """A floor on each broker, with one scheduler and one worker."""
    floor: Floor = request.getfixturevalue("whole_floor" if request.param == "valkey" else "rabbit_floor")
    floor.ledger.database.close()  # connections of this process that a restart of the database broke
    floor.staff(workers=1, schedulers=1)
    yield floor
    floor.wait(lambda: not floor.strays(), "the end of stray processes", 10)


@pytest.fixture
def paused(either: Floor) -> Iterator[Floor]:
    """A floor whose own dispatcher stands still."""
    warm = either.submit(1, 0, 0)
    either.wait(lambda: either.counts(warm) == {"succeeded": 1}, "the first job")
    door = either.schedulers()[0]
    door.child.send_signal(signal.SIGSTOP)
    yield either
    door.child.send_signal(signal.SIGCONT)


class Tap(Publisher):
    """A broker's client that keeps what it is given instead of sending it."""

    def __init__(self, url: str) -> None:
        super().__init__(url, tuple(Queue))
        self.kept: list[Ring] = []

    def publish(self, rings: Sequence[Ring | tuple[str, str, bytes, str]]) -> None:
        """Keep all."""
        self.kept += [Ring(*ring) for ring in rings]


def refusals(floor: Floor) -> dict[str, int]:
    """Return the refusals counted in the ledger, by reason."""
    return {row[0]: int(row[1]) for row in floor.ask("select reason, sum(n) from ticket_rejection group by reason")}


def audited(floor: Floor) -> set[str]:
    """Return the reasons of refusals in the audit."""
    return {row[0] for row in floor.ask("select reason from audit_entry where operation = 'ticket.reject' and outcome = 'refused'")}


def captured(floor: Floor, job: UUID) -> Ring:
    """Let a dispatcher of our own, known to the workers, pick the job; return its message, not yet sent."""
    tap = Tap(floor.broker.url)
    dispatcher = Dispatcher(floor.ledger, tap)
    dispatcher.enlist()
    floor.wait(lambda: dispatcher.round(QUEUE).sent or tap.kept, "a free place")
    (ring,) = tap.kept
    assert ring.message_id == str(job)
    return ring


def enlisted(floor: Floor) -> Signer:
    """Return a key that the workers know."""
    signer = Signer()
    floor.ask("insert into signer (kid, public, not_after) values (%s, %s, wf_now() + interval '1 day')", signer.kid.hex(), signer.public)
    floor.ask("select pg_notify('wf_signer', '')")
    floor.wait(
        lambda: floor.one("select bool_and(position(%s in keyring) > 0) from worker_session where lost_at is null", signer.kid.hex()),
        "the key's arrival",
    )
    return signer


def signed(signer: Signer, job: UUID, minutes: int) -> Ring:
    """Return a message for the first dispatch of a job."""
    expires_ms = int((time.time() + 60 * minutes) * 1000)
    return Ring("jobs.wait", QUEUE, tickets.sign(signer, "jobs.wait", str(job), QUEUE, [(job, 1)], expires_ms), str(job))


def test_forged_messages_never_run_and_a_replayed_one_runs_once(paused: Floor) -> None:
    floor = paused
    job = submit(floor.ledger, floor.org, wait_job, Wait(seconds=0)).id
    ring = captured(floor, job)
    altered = bytearray(ring.ticket)
    altered[-80] ^= 1
    before = refusals(floor)
    with Publisher(floor.broker.url, tuple(Queue)) as publisher:
        publisher.publish(
            [
                ring._replace(ticket=bytes(altered)),
                ring._replace(kind="jobs.test"),
                signed(enlisted(floor), job, -1),
                signed(Signer(), job, 15),
            ]
        )
        floor.wait(lambda: grown(floor, before) == REFUSED, f"four refusals; now {refusals(floor)}")
        assert audited(floor) >= set(REFUSED)
        ((stage, attempt),) = floor.ask("select stage, attempt from job where id = %s", job)
        assert (stage in {"dispatched", "queued"}, attempt) == (True, 0)
        if stage == "queued":  # on a busy machine a worker may believe that it lost its tickets, and asks for all of them again
            ring = captured(floor, job)
        publisher.publish([ring] * 11)
        floor.wait(lambda: floor.stage(job) == "succeeded", "the job's end")
        floor.wait(lambda: grown(floor, before) == REFUSED | {"duplicate": 10}, f"ten dropped replays; now {refusals(floor)}")
    assert "duplicate" in audited(floor)
    assert floor.one("select attempt from job where id = %s", job) == 1
    assert floor.one("select count(*) from job_attempt where job = %s", job) == 1


def test_a_ticket_for_a_job_that_does_not_exist_is_dropped_and_counted(paused: Floor) -> None:
    before = refusals(paused)
    with Publisher(paused.broker.url, tuple(Queue)) as publisher:
        publisher.publish([signed(enlisted(paused), uuid4(), 15)])
    paused.wait(lambda: grown(paused, before) == {"duplicate": 1}, f"one dropped ticket; now {refusals(paused)}")


def test_work_accepted_while_the_broker_is_down_runs_once_it_is_back(either: Floor) -> None:
    either.broker.stop()
    jobs = either.submit(10, 0, 0)
    either.wait(lambda: "does not answer" in either.schedulers()[0].log.read_text(), "the dispatcher's complaint")
    assert "succeeded" not in either.counts(jobs)
    either.broker.start()
    either.wait(lambda: either.counts(jobs) == {"succeeded": 10}, "the end of all")
    assert either.one("select count(*) from job_attempt where job = any (%s)", jobs) == 10


def grown(floor: Floor, before: dict[str, int]) -> dict[str, int]:
    """Return the refusals counted since."""
    return {reason: n - before.get(reason, 0) for reason, n in refusals(floor).items() if n > before.get(reason, 0)}
