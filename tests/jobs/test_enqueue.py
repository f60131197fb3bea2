"""Requests become rows: in the caller's transaction, once for each unique key, sealed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tests.jobs.kinds import Text, echo
from watchfloor.kernel.contract import ARGUMENT_BYTES, Queue
from watchfloor.kernel.errors import Conflict, InvalidInput, TooLarge
from watchfloor.kernel.jobs.enqueue import CHUNK, Options, bind, enqueue, enqueue_many, submit, submit_many
from watchfloor.kernel.jobs.states import public_priority, stored_priority

if TYPE_CHECKING:
    from uuid import UUID

    from tests.jobs.floor import Floor


class Undone(Exception):
    """Rolls a transaction back."""


def test_committed_job_waits_in_line(floor: Floor) -> None:
    org = floor.org()
    job = floor.submit(org, actor="anna", label="first")
    assert floor.job(job, "org", "kind", "queue", "stage", "state", "actor", "label", "max_failures", "limit_s", "keep_s") == (
        org, "tests.echo", "default", "queued", "PENDING", "anna", "first", 3, 3600.0, 7200.0,
    )  # fmt: skip
    assert floor.ask("select actor, operation, object from audit_entry where org = %s and operation = 'job.enqueue'", org) == [
        ("anna", "job.enqueue", str(job))
    ]


def test_rolled_back_job_never_rings(floor: Floor) -> None:
    org = floor.org()
    floor.session()
    with pytest.raises(Undone), floor.ledger.database.transaction(org) as session:
        enqueue(floor.ledger, session, org, echo, Text(text="never"))
        raise Undone
    assert floor.one("select count(*) from job") == 0
    assert floor.one("select count(*) from job_payload") == 0
    assert floor.dispatch() == []


def test_uncommitted_job_is_not_dispatched(floor: Floor) -> None:
    org = floor.org()
    with floor.ledger.database.transaction(org) as session:
        made = enqueue(floor.ledger, session, org, echo, Text())
        assert floor.dispatch() == []
    assert [job for job, _seq in floor.dispatch()] == [made.id]


def test_unique_key_gives_the_job_that_waits(floor: Floor) -> None:
    org = floor.org()
    first = submit(floor.ledger, org, echo, Text(text="one"), Options(unique="nightly"))
    second = submit(floor.ledger, org, echo, Text(text="two"), Options(unique="nightly"))
    assert (first.created, second.created) == (True, False)
    assert first.id == second.id
    assert floor.one("select count(*) from job") == 1
    assert floor.one("select count(*) from job_payload") == 1


def test_unique_key_is_free_again_once_the_job_ended(floor: Floor) -> None:
    org = floor.org()
    session, held = floor.started(org, unique="nightly")
    assert floor.submit(org, unique="nightly") == held.id
    floor.end(session, held)
    assert floor.submit(org, unique="nightly") != held.id


def test_unique_key_of_another_org_is_another_key(floor: Floor) -> None:
    mine, theirs = floor.org(), floor.org()
    first, second = floor.submit(mine, unique="nightly"), floor.submit(theirs, unique="nightly")
    assert first != second
    assert floor.job(first, "unique_key") != floor.job(second, "unique_key")
    assert b"nightly" not in bytes(floor.job(first, "unique_key"))


def test_rivals_with_one_unique_key_make_one_job(floor: Floor) -> None:
    org = floor.org()
    floor.ledger.vault.blind(org, "")

    def rival() -> tuple[object, bool]:
        with floor.ledger.database.transaction(org) as session:
            made = enqueue(floor.ledger, session, org, echo, Text(), Options(unique="race"))
        return made.id, made.created

    made = floor.together(*[rival] * 6)
    assert len({job for job, _created in made}) == 1
    assert sum(created for _job, created in made) == 1


def test_rival_that_rolls_back_leaves_the_key_free(floor: Floor) -> None:
    org = floor.org()
    with pytest.raises(Undone), floor.ledger.database.transaction(org) as session:
        enqueue(floor.ledger, session, org, echo, Text(), Options(unique="race"))
        raise Undone
    assert submit(floor.ledger, org, echo, Text(), Options(unique="race")).created


def test_delayed_job_waits_for_its_time(floor: Floor) -> None:
    org = floor.org()
    job = floor.submit(org, delay=timedelta(minutes=5))
    assert floor.stage(job) == "scheduled"
    floor.pass_time(299)
    floor.engine("promote")
    assert floor.stage(job) == "scheduled"
    floor.pass_time(2)
    floor.engine("promote")
    assert floor.stage(job) == "queued"


def test_moment_in_the_past_means_now(floor: Floor) -> None:
    job = floor.submit(floor.org(), run_at=datetime.now(UTC) - timedelta(days=1))
    assert floor.stage(job) == "queued"


def test_job_past_its_expiry_is_never_dispatched(floor: Floor) -> None:
    job = floor.submit(floor.org(), expires_at=datetime.now(UTC) + timedelta(minutes=1))
    floor.pass_time(61)
    assert floor.dispatch() == []
    floor.engine("expire")
    assert floor.job(job, "stage", "state", "reason") == ("expired", "REVOKED", "expired")


@pytest.mark.parametrize(("public", "stored"), [(0, 9), (1, 8), (5, 4), (8, 1), (9, 0), (10, 0)])
def test_larger_priority_is_more_urgent(floor: Floor, public: int, stored: int) -> None:
    assert stored_priority(public) == stored
    assert public_priority(stored) == min(public, 9)
    assert floor.job(floor.submit(floor.org(), priority=public), "priority") == stored


@pytest.mark.parametrize("wrong", [-1, 11, 1000])
def test_priority_outside_the_scale_is_refused(floor: Floor, wrong: int) -> None:
    with pytest.raises(InvalidInput, match="outside 0 to 10") as caught:
        floor.submit(floor.org(), priority=wrong)
    assert caught.value.field == "/priority"


def test_queue_the_kind_does_not_allow_is_refused(floor: Floor) -> None:
    org = floor.org()
    with pytest.raises(InvalidInput, match="it runs on default, reports"):
        floor.submit(org, queue=Queue.SCANS)
    assert floor.job(floor.submit(org, queue=Queue.REPORTS), "queue") == "reports"


def test_oversize_arguments_are_refused(floor: Floor) -> None:
    org = floor.org()
    with pytest.raises(TooLarge, match="artifact"):
        floor.submit(org, request=Text(text="x" * ARGUMENT_BYTES))
    assert floor.one("select count(*) from job") == 0
    floor.submit(org, request=Text(text="x" * (ARGUMENT_BYTES - 11)))


def test_arguments_stand_nowhere_in_plain_text(floor: Floor) -> None:
    org = floor.org()
    secret = "hunter2-correct-horse"
    floor.submit(org, request=Text(text=secret), unique=secret, mutex=secret)
    tables = [row[0] for row in floor.ask("select tablename from pg_tables where schemaname = 'public'")]
    found = [table for table in tables if secret in str(floor.ask(f"select * from {table} t where t::text like %s", f"%{secret}%"))]
    assert found == []
    blobs = [bytes(row[0]) for row in floor.ask("select blob from job_payload")]
    assert blobs
    assert all(secret.encode() not in blob for blob in blobs)


def test_arguments_open_for_their_own_job_alone(floor: Floor) -> None:
    org = floor.org()
    first, second = floor.submit(org, request=Text(text="one")), floor.submit(org, request=Text(text="two"))
    kid, blob = floor.ask("select kid, blob from job_payload where job = %s", first)[0]
    assert floor.ledger.vault.open(org, kid, f"job_payload|args|{first}", bytes(blob)) == b'{"text":"one"}'
    with pytest.raises(Exception, match="seal"):
        floor.ledger.vault.open(org, kid, f"job_payload|args|{second}", bytes(blob))


def test_more_than_four_budgets_are_refused(floor: Floor) -> None:
    with pytest.raises(InvalidInput, match="4 budgets at most"):
        floor.submit(floor.org(), budgets=("a", "b", "c", "d"))


def test_wrong_argument_is_named() -> None:
    with pytest.raises(InvalidInput, match=r"tests\.echo: txt") as caught:
        bind(echo, {"txt": "x"})
    assert caught.value.field == "/txt"


def test_child_of_a_batch_is_counted(floor: Floor) -> None:
    org = floor.org()
    session, parent = floor.started(org)
    batch = open_batch(floor, org, parent.id)
    child = floor.submit(org, batch=batch)
    assert counters(floor, batch) == (1, 1, 0, 0)
    held = floor.again(session, child)
    assert floor.end(session, held) == "succeeded"
    assert counters(floor, batch) == (1, 0, 0, 0)


def test_bulk_is_one_row_for_each_request(floor: Floor) -> None:
    org = floor.org()
    made = submit_many(floor.ledger, org, echo, [Text(text=str(n)) for n in range(CHUNK + 5)])
    assert len({one.id for one in made}) == CHUNK + 5
    assert all(one.created for one in made)
    assert floor.one("select count(*) from job where org = %s and stage = 'queued'", org) == CHUNK + 5
    assert floor.one("select count(*) from job_payload where org = %s", org) == CHUNK + 5
    assert floor.one("select count(*) from audit_entry where org = %s and operation = 'job.enqueue_many'", org) == 2


def test_bulk_opens_each_request_under_its_own_id(floor: Floor) -> None:
    org = floor.org()
    made = submit_many(floor.ledger, org, echo, [Text(text="a"), Text(text="b")])
    for one, text in zip(made, "ab", strict=True):
        kid, blob = floor.ask("select kid, blob from job_payload where job = %s", one.id)[0]
        assert floor.ledger.vault.open(org, kid, f"job_payload|args|{one.id}", bytes(blob)) == f'{{"text":"{text}"}}'.encode()


def test_bulk_marks_duplicates_and_names_the_job_that_stands_for_them(floor: Floor) -> None:
    org = floor.org()
    before = floor.submit(org, unique="old")
    made = submit_many(floor.ledger, org, echo, [Text()] * 4, uniques=["old", "new", "new", "other"])
    assert [one.created for one in made] == [False, True, False, True]
    assert made[0].id == before
    assert made[1].id == made[2].id
    assert floor.one("select count(*) from job") == 3


def test_bulk_counts_the_batch_by_what_was_made(floor: Floor) -> None:
    org = floor.org()
    _session, parent = floor.started(org)
    batch = open_batch(floor, org, parent.id)
    floor.submit(org, unique="old")
    submit_many(floor.ledger, org, echo, [Text()] * 3, Options(batch=batch), uniques=["old", "a", "b"])
    assert counters(floor, batch) == (2, 2, 0, 0)


def test_bulk_is_all_or_none(floor: Floor) -> None:
    org = floor.org()
    with pytest.raises(TooLarge):
        submit_many(floor.ledger, org, echo, [Text()] * CHUNK + [Text(text="x" * ARGUMENT_BYTES)])
    assert floor.one("select count(*) from job") == 0


def test_bulk_of_nothing_is_nothing(floor: Floor) -> None:
    assert submit_many(floor.ledger, floor.org(), echo, []) == []


def test_sealed_batch_takes_no_more_children(floor: Floor) -> None:
    org = floor.org()
    _session, parent = floor.started(org)
    batch = open_batch(floor, org, parent.id)
    floor.engine("seal", org=org, batch=batch)
    with pytest.raises(Conflict, match="sealed"), floor.ledger.database.transaction(org) as session:
        enqueue_many(floor.ledger, session, org, echo, [Text()], Options(batch=batch))
    with pytest.raises(Conflict, match="sealed"):
        floor.submit(org, batch=batch)
    assert floor.one("select count(*) from job where batch = %s", batch) == 0


def open_batch(floor: Floor, org: UUID, parent: UUID) -> UUID:
    made: UUID = floor.engine("open_batch", org=org, id=parent, parent=parent, name="b", on_failure="continue", callback=None)[0][0]
    return made


def counters(floor: Floor, batch: object) -> tuple[int, ...]:
    return floor.ask("select total, open, failed, cancelled from job_batch where id = %s", batch)[0]
