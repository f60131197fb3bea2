"""Stages, states and outcomes say the same in the database and in Python; every statement is valid SQL of known parameters."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import pytest

from watchfloor.kernel.jobs.statements import FRAGMENT, names, statement
from watchfloor.kernel.jobs.states import Outcome, Stage, State

if TYPE_CHECKING:
    from tests.jobs.floor import Floor

WAITING = {Stage.BLOCKED, Stage.SCHEDULED, Stage.QUEUED, Stage.DISPATCHED}
ENDS = {
    Stage.SUCCEEDED: State.SUCCESS, Stage.FAILED: State.FAILURE, Stage.QUARANTINED: State.FAILURE, Stage.CANCELLED: State.REVOKED,
    Stage.EXPIRED: State.REVOKED,
}  # fmt: skip
FRAGMENTS = {"avail", "close", "finished", "news"}


@pytest.mark.parametrize(("stage", "tried", "progressed"), list(product(Stage, (False, True), (False, True))))
def test_state_follows_from_the_stage(floor: Floor, stage: Stage, tried: bool, progressed: bool) -> None:  # noqa: FBT001 - a table
    job = floor.submit(floor.org())
    floor.ask(
        "update job set stage = %s, failures = %s, progressed = %s, owner = case when %s then id end, waits_for = case when %s then 'x' end, "
        "finished_at = case when %s then now() end where id = %s",
        str(stage), int(tried), progressed, stage is Stage.RUNNING, stage is Stage.BLOCKED, stage.ended, job,
    )  # fmt: skip
    if stage in WAITING:
        expected = State.RETRY if tried else State.PENDING
    elif stage is Stage.RUNNING:
        expected = State.PROGRESS if progressed else State.STARTED
    else:
        expected = ENDS[stage]
    assert floor.job(job, "state") == expected
    assert floor.one("select wf_ended(%s)", str(stage)) == stage.ended == State(expected).ended


def test_database_knows_every_outcome(floor: Floor) -> None:
    for n, outcome in enumerate(Outcome):
        floor.ask(
            "insert into job_attempt (org, job, attempt, fence, ended_at, outcome) values (gen_random_uuid(), gen_random_uuid(), %s, 1, now(), %s)",
            n, str(outcome),
        )  # fmt: skip
    assert floor.one("select count(*) from job_attempt") == len(Outcome)


@pytest.mark.parametrize("name", sorted(set(names()) - FRAGMENTS))
def test_statement_is_whole(name: str) -> None:
    text = statement(name)
    assert FRAGMENT.findall(text) == []
    assert ";" not in text
    assert "--" not in text


@pytest.mark.parametrize("name", sorted(set(names()) - FRAGMENTS))
def test_statement_is_valid_for_the_schema(floor: Floor, name: str) -> None:
    text, n = statement(name), 0
    while "%(" in text:
        start = text.index("%(")
        key = text[start : text.index(")s", start) + 2]
        n += 1
        text = text.replace(key, f"${n}")
    with floor.owner.transaction(force_rollback=True):
        # Only the columns' own types tell what a bare parameter in a select list is; psycopg names them when it runs.
        try:
            floor.owner.execute(f"prepare checked as {text.replace('%%', '%')}")
        except Exception as error:  # noqa: BLE001 - judged below
            assert "but expression is of type text" in str(error), str(error)  # noqa: PT017 - every other error is a wrong name
        else:
            floor.owner.execute("deallocate checked")
