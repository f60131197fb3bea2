"""Facts about writing reports, on a real database, with a real sandbox."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import pytest
from pydantic import ValidationError

from watchfloor.capabilities.reports.jobs import GenerateReport, generate_report
from watchfloor.capabilities.reports.queries import as_of
from watchfloor.kernel.artifacts.queries import list_artifacts
from watchfloor.kernel.artifacts.store import read
from watchfloor.kernel.db.ids import new_id
from watchfloor.kernel.errors import JobFailed
from watchfloor.kernel.jobs.board import Board
from watchfloor.kernel.jobs.enqueue import submit
from watchfloor.kernel.jobs.facade import JobResult
from watchfloor.kernel.jobs.ledger import use_ledger
from watchfloor.kernel.jobs.runner import Runner
from watchfloor.kernel.jobs.statements import statement
from watchfloor.kernel.sandbox.client import Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy.orm import Session

    from watchfloor.kernel.jobs.ledger import Ledger
    from watchfloor.kernel.sandbox.zygote import Zygote

SUBJECT = uuid4()
HOSTILE = "</style><script>alert('x')</script>\u202e\x1b[2J"


def section(session: Session, subject: UUID) -> dict[str, Any]:
    """Tell about one subject, in words of a stranger."""
    del session
    if subject != SUBJECT:
        return {}
    finding = {"key": "k", "title": HOSTILE, "severity": "high", "target": HOSTILE, "port": 80, "evidence": HOSTILE, "remedy": "mend it"}
    return {"name": "tests", "title": "Tests", "findings": [finding], "tables": [{"title": HOSTILE, "columns": ["a"], "rows": [[HOSTILE]]}]}


@pytest.fixture
def write(ledger: Ledger, nursery: Zygote) -> Iterator[Callable[[UUID], None]]:
    """Return a function that runs one report job as a worker does."""
    board = Board()
    board.session = new_id()
    wire = ledger.database.wire("wf_engine")
    session = {
        "session": board.session,
        "host": "test",
        "pid": 1,
        "queues": ["reports"],
        "slots": 1,
        "pool": "solo",
        "kinds": [],
        "code": "",
        "ttl_s": 600,
    }
    wire.execute(statement("open_session"), session)
    use_ledger(ledger)
    kinds = {generate_report.name: generate_report}
    runner = Runner(ledger, kinds, board, sandbox=lambda: Sandbox(nursery.address), sections=lambda: {"tests": section})

    def run(job: UUID) -> None:
        row: Any = wire.execute(
            "update job set stage = 'dispatched', seq = seq + 1, finished_at = null where id = %s returning seq", (job,)
        ).fetchone()
        runner.on_ticket(generate_report.name, [(job, row[0])], "reports")

    yield run
    wire.execute(statement("lose_session"), {"session": board.session})
    use_ledger(None)


def contents(ledger: Ledger, org: UUID, job: UUID) -> dict[str, bytes]:
    """Return the stored files of a job by their media type."""
    with ledger.database.transaction(org) as session:
        cards = list_artifacts(session, org, job=job).items
        return {card.media_type.partition(";")[0]: b"".join(read(ledger, session, org, card.id)[1]) for card in cards}


def test_a_report_is_stored_in_every_format_asked_for(ledger: Ledger, org: UUID, write: Callable[[UUID], None]) -> None:
    job = submit(ledger, org, generate_report, GenerateReport(scan_id=SUBJECT)).id
    write(job)
    files = contents(ledger, org, job)
    assert files.keys() == {"text/html", "application/json"}
    assert json.loads(files["application/json"])["findings_by_severity"]["high"] == 1
    result = JobResult(job, org, on=ledger).get(timeout=1)
    assert (result["subject"], result["artifacts"].keys()) == (str(SUBJECT), {"html", "json"})


def test_hostile_words_stay_words(ledger: Ledger, org: UUID, write: Callable[[UUID], None]) -> None:
    job = submit(ledger, org, generate_report, GenerateReport(subject=SUBJECT, formats=["html"])).id
    write(job)
    page = contents(ledger, org, job)["text/html"].decode()
    assert "<script" not in page
    assert "\u202e" not in page
    assert "\x1b" not in page
    assert "alert(" in page


def test_a_repeated_attempt_stores_nothing_twice(ledger: Ledger, org: UUID, write: Callable[[UUID], None]) -> None:
    job = submit(ledger, org, generate_report, GenerateReport(scan_id=SUBJECT)).id
    write(job)
    before = JobResult(job, org, on=ledger).get(timeout=1)["artifacts"]
    write(job)
    assert JobResult(job, org, on=ledger).get(timeout=1)["artifacts"] == before
    with ledger.database.transaction(org) as session:
        assert len(list_artifacts(session, org, job=job).items) == 2


def test_an_unknown_subject_fails_at_once_and_says_so(ledger: Ledger, org: UUID, write: Callable[[UUID], None]) -> None:
    job = submit(ledger, org, generate_report, GenerateReport(scan_id=uuid4())).id
    write(job)
    with pytest.raises(JobFailed, match="nothing here has the id"):
        JobResult(job, org, on=ledger).get(timeout=1)


def test_the_same_data_gives_the_same_bytes(
    ledger: Ledger, org: UUID, write: Callable[[UUID], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    from watchfloor.capabilities.reports import jobs  # noqa: PLC0415 - its clock is held

    with ledger.database.transaction(org) as session:
        moment = as_of(session) - timedelta(days=1)
    monkeypatch.setattr(jobs, "as_of", lambda _session: moment)
    made = [submit(ledger, org, generate_report, GenerateReport(scan_id=SUBJECT)).id for _ in range(2)]
    for job in made:
        write(job)
    assert contents(ledger, org, made[0]) == contents(ledger, org, made[1])


def test_delay_makes_a_job_as_celerys_users_know_it(ledger: Ledger, org: UUID) -> None:
    use_ledger(ledger)
    made = generate_report.apply_async(kwargs={"scan_id": str(SUBJECT), "formats": ["json"]}, org=org, priority=9)
    assert (made.state, JobResult(made.id, org, on=ledger).exists()) == ("PENDING", True)
    use_ledger(None)


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"scan_id": str(SUBJECT), "subject": str(SUBJECT)},
        {"scan_id": str(SUBJECT), "formats": []},
        {"scan_id": str(SUBJECT), "formats": ["doc"]},
    ],
)
def test_a_request_names_one_subject_and_known_formats(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        GenerateReport.model_validate(wrong)
