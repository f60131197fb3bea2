"""The face that Celery's users know, in front of the ledger."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

import pytest

from tests.jobs.kinds import echo
from watchfloor.kernel.db.ids import new_id
from watchfloor.kernel.errors import Conflict, InvalidInput, JobFailed, JobRevoked
from watchfloor.kernel.jobs.facade import INSTEAD, JobResult, apply_async
from watchfloor.kernel.jobs.ledger import use_ledger
from watchfloor.kernel.jobs.states import Outcome
from watchfloor.kernel.settings import kernel_settings
from watchfloor.kernel.tenancy.orgs import ensure_org

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.jobs.floor import Floor
    from watchfloor.kernel.jobs.claim import Claim


@pytest.fixture
def here(floor: Floor) -> Iterator[Floor]:
    """Make this the process's ledger, with the default organisation."""
    use_ledger(floor.ledger)
    ensure_org(floor.ledger.database, floor.ledger.vault, kernel_settings().default_org)
    yield floor
    use_ledger(None)


def run(floor: Floor, result: JobResult) -> tuple[UUID, Claim]:
    session = floor.session()
    return session, floor.again(session, UUID(result.id))


def test_delay_enqueues_for_the_default_organisation(here: Floor) -> None:
    result = echo.delay(text="hello")
    assert here.job(UUID(result.id), "kind", "actor", "stage") == ("tests.echo", "python", "queued")
    assert here.one("select name from org where id = %s", here.job(UUID(result.id), "org")) == kernel_settings().default_org


def test_options_become_columns(here: Floor) -> None:
    org = here.org()
    eta = datetime.now(UTC) + timedelta(hours=2)
    result = echo.apply_async(
        kwargs={"text": "x"}, priority=9, eta=eta, expires=7200.0, queue="reports", label="mine", actor="anna", org=org
    )
    assert here.job(UUID(result.id), "org", "priority", "run_at", "queue", "label", "actor", "stage") == (
        org, 0, eta, "reports", "mine", "anna", "scheduled",
    )  # fmt: skip
    assert 7100 < here.job(UUID(result.id), "extract(epoch from expires_at - wf_now())::float8") <= 7200


def test_countdown_is_seconds_from_now(here: Floor) -> None:
    result = echo.apply_async(countdown=30)
    assert 29 < here.job(UUID(result.id), "extract(epoch from run_at - wf_now())::float8") <= 30


def test_expires_takes_a_moment_too_and_zero_means_now(here: Floor) -> None:
    moment = datetime.now(UTC) + timedelta(hours=1)
    assert here.job(UUID(echo.apply_async(expires=moment).id), "expires_at") == moment
    result = echo.apply_async(expires=0)
    here.engine("expire")
    assert result.state == "REVOKED"


@pytest.mark.parametrize("option", ["eta", "expires"])
def test_moment_without_time_zone_is_refused(here: Floor, option: str) -> None:
    with pytest.raises(InvalidInput, match="no time zone"):
        apply_async(echo, (), {}, {option: datetime(2030, 1, 1)})  # noqa: DTZ001 - the mistake itself
    assert here.one("select count(*) from job") == 0


@pytest.mark.parametrize("option", [*INSTEAD, "ignore_result", "whatever"])
def test_option_of_celerys_that_the_ledger_replaces_is_named(here: Floor, option: str) -> None:
    with pytest.raises(TypeError, match=option) as caught:
        apply_async(echo, (), {}, {option: 1})
    assert "use " in str(caught.value)
    assert here.one("select count(*) from job") == 0


def test_positional_arguments_are_the_first_fields_of_the_request(here: Floor) -> None:
    first, second = echo.delay("x"), echo.apply_async(("x",))
    assert here.ask("select count(*) from job where id = any (%s)", [UUID(first.id), UUID(second.id)]) == [(2,)]
    assert echo.delay("x").state == "PENDING"


@pytest.mark.usefixtures("here")
def test_more_arguments_than_fields_and_one_given_twice_are_refused() -> None:
    with pytest.raises(TypeError, match="takes at most"):
        echo.delay(*range(20))
    with pytest.raises(TypeError, match="twice"):
        echo.delay("x", text="y")


def test_wrong_arguments_are_refused_before_anything_is_stored(here: Floor) -> None:
    with pytest.raises(InvalidInput, match="txt"):
        echo.delay(txt="x")
    assert here.one("select count(*) from job") == 0


def test_session_commits_with_the_callers_work(here: Floor) -> None:
    org = here.org()
    with pytest.raises(ZeroDivisionError), here.ledger.database.transaction(org) as session:
        lost = echo.apply_async(session=session, org=org)
        raise ZeroDivisionError
    assert not lost.exists()
    with here.ledger.database.transaction(org) as session:
        kept = echo.apply_async(session=session, org=org)
    assert kept.exists()


def test_same_idempotency_key_is_the_same_job(here: Floor) -> None:
    first = echo.apply_async(kwargs={"text": "x"}, idempotency_key="k")
    session, held = run(here, first)
    here.end(session, held)
    again = echo.apply_async(kwargs={"text": "x"}, idempotency_key="k")
    assert again.id == first.id
    assert here.one("select count(*) from job") == 1


@pytest.mark.usefixtures("here")
def test_same_key_with_another_request_is_a_conflict() -> None:
    echo.apply_async(kwargs={"text": "x"}, idempotency_key="k")
    with pytest.raises(Conflict, match="another request"):
        echo.apply_async(kwargs={"text": "y"}, idempotency_key="k")


def test_key_belongs_to_actor_and_organisation(here: Floor) -> None:
    org = here.org()
    ids = {
        echo.apply_async(idempotency_key="k", org=org, actor=actor).id for actor in ("anna", "ben")
    } | {echo.apply_async(idempotency_key="k", org=here.org(), actor="anna").id}  # fmt: skip
    assert len(ids) == 3


def test_rivals_with_one_idempotency_key_make_one_job(here: Floor) -> None:
    org = here.org()
    here.ledger.vault.blind(org, "")
    ids = here.together(*[lambda: echo.apply_async(idempotency_key="race", org=org).id] * 5)
    assert len(set(ids)) == 1
    assert here.one("select count(*) from job") == 1


@pytest.mark.usefixtures("here")
def test_unique_gives_the_waiting_job() -> None:
    assert echo.apply_async(unique="u").id == echo.apply_async(unique="u").id


def test_result_tells_every_state(here: Floor) -> None:
    result = echo.delay(text="x")
    assert (result.state, result.info, result.ready(), result.exists()) == ("PENDING", None, False, True)
    session, held = run(here, result)
    assert (result.status, result.info["attempt"], result.info["worker"]) == ("STARTED", 1, "test")
    here.context(session, held).progress(1, 4, "reading", "page 1")
    assert result.state == "PROGRESS"
    assert {"done": 1, "total": 4, "phase": "reading", "note": "page 1"}.items() <= result.info.items()
    here.end(session, held, Outcome.RETRY, reason="rate limited", delay_s=60.0)
    assert (result.state, result.info["reason"]) == ("RETRY", "rate limited")
    here.pass_time(61)
    kid, blob = here.ledger.vault.seal(held.org, f"job_payload|result|{held.id}", json.dumps({"text": "x"}).encode())
    here.end(session, here.again(session, held.id), kid=kid, blob=blob)
    assert (result.state, result.result, result.successful(), result.failed(), result.get()) == (
        "SUCCESS",
        {"text": "x"},
        True,
        False,
        {"text": "x"},
    )
    assert result.traceback is None


def test_failure_is_raised_with_reason_and_first_line(here: Floor) -> None:
    result = echo.delay()
    session, held = run(here, result)
    kid, blob = here.ledger.vault.seal(held.org, f"job_payload|error|{held.id}", b"GiveUp: no such host\n\nTraceback ...")
    here.end(session, held, Outcome.FAILED, reason="no such host", part="error", kid=kid, blob=blob)
    with pytest.raises(JobFailed, match="no such host") as caught:
        result.get()
    assert caught.value.reason == "no such host"
    assert isinstance(result.get(propagate=False), JobFailed)
    assert isinstance(result.info, JobFailed)
    assert "Traceback" in (result.traceback or "")
    assert (result.failed(), result.successful()) == (True, False)


def test_revoked_is_raised_and_revoke_cancels(here: Floor) -> None:
    result = echo.delay()
    result.revoke()
    with pytest.raises(JobRevoked, match="cancelled"):
        result.get()
    assert here.ask("select operation, actor from audit_entry where operation = 'job.cancel'") == [("job.cancel", "python")]


@pytest.mark.usefixtures("here")
def test_get_gives_up_after_its_timeout() -> None:
    with pytest.raises(TimeoutError, match="still PENDING"):
        echo.delay().get(timeout=0.05)


def test_get_waits_for_the_end(here: Floor) -> None:
    result = echo.delay()
    session, held = run(here, result)
    here.end(session, held)
    assert result.get(timeout=30) is None


def test_unknown_and_foreign_ids_read_as_pending(here: Floor) -> None:
    foreign = echo.apply_async(org=here.org())
    for job in (new_id(), foreign.id):
        result = JobResult(job)
        assert (result.state, result.info, result.exists()) == ("PENDING", None, False)


@pytest.mark.usefixtures("here")
def test_result_cannot_be_forgotten_one_by_one() -> None:
    with pytest.raises(TypeError, match="keep_result"):
        echo.delay().forget()


def test_archived_job_is_still_read(here: Floor) -> None:
    result = echo.delay()
    session, held = run(here, result)
    here.end(session, held)
    here.ask("delete from job_payload")
    here.pass_time(8 * 86400)
    here.engine("archive")
    assert here.one("select count(*) from job") == 0
    assert result.state == "SUCCESS"
