"""Promise 11, the ledger's half: what is planned, grouped and signed depends on its input alone."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import islice
from uuid import UUID

from watchfloor.kernel.jobs.broker.tickets import sign
from watchfloor.kernel.jobs.dispatch import Picked, bundles
from watchfloor.kernel.jobs.schedules import Rhythm, plan
from watchfloor.kernel.jobs.statements import names, statement
from watchfloor.kernel.security import Signer

MOMENT = datetime(2026, 3, 28, 12, tzinfo=UTC)


def test_same_rhythm_same_instants() -> None:
    first, second = (list(islice(Rhythm("7,37 */3 * * *", None, "Europe/Berlin").after(MOMENT), 50)) for _ in range(2))
    assert first == second
    assert plan(Rhythm("0 * * * *", None), MOMENT, MOMENT, "latest") == plan(Rhythm("0 * * * *", None), MOMENT, MOMENT, "latest")


def test_same_picks_same_tickets() -> None:
    picked = [Picked(UUID(int=n), n, f"kind.{n % 3}", short=n % 2 == 0) for n in range(50)]
    signer = Signer()

    def rung() -> list[bytes]:
        return [sign(signer, kind, str(jobs[0][0]), "default", jobs[:1], 1_000) for kind, jobs in bundles(picked, 4)]

    assert rung() == rung()


def test_statement_reads_the_same_each_time() -> None:
    before = {name: statement(name) for name in names()}
    statement.cache_clear()
    assert {name: statement(name) for name in names()} == before
