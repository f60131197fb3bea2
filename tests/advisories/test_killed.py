"""A worker that is killed at any moment, and another that goes on, leave the database that an undisturbed run leaves."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.advisories.contents import contents
from tests.advisories.factories import kev_catalog, nvd_record, write_feed
from tests.api.floor import KEK
from tests.conftest import as_login
from watchfloor.capabilities.advisories.jobs import import_files
from watchfloor.capabilities.advisories.jobs.importing import ImportFiles
from watchfloor.kernel.jobs.enqueue import submit
from watchfloor.kernel.jobs.ledger import Ledger, make_ledger
from watchfloor.kernel.tenancy.orgs import ensure_org

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from uuid import UUID

ROOT = Path(__file__).resolve().parents[2]
RECORDS = 8000
KILLS = 8
SPREAD_S = 1.2


@pytest.fixture
def databases(new_database: Callable[[str], str]) -> Iterator[Callable[[str], tuple[Ledger, UUID, str]]]:
    """Return a function that makes a database with an organisation."""
    opened: list[Ledger] = []

    def make(name: str) -> tuple[Ledger, UUID, str]:
        url = as_login(new_database(name))
        ledger = make_ledger(url, KEK)
        opened.append(ledger)
        return ledger, ensure_org(ledger.database, ledger.vault, "killed"), url

    yield make
    for ledger in opened:
        ledger.database.close()


def start(url: str, job: UUID, folder: Path) -> subprocess.Popen[bytes]:
    """Start a worker for one job, and return when it has begun."""
    environment = os.environ | {"WATCHFLOOR_ADVISORIES_IMPORT_DIR": str(folder), "PYTHONPATH": f"{ROOT}:{ROOT / 'src'}"}
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.advisories.attempt", url, str(job)],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    assert process.stdout is not None
    with process.stdout:
        assert process.stdout.readline() == b"begun\n"
    return process


def lose(ledger: Ledger, job: UUID) -> bool:
    """Bring a job back whose worker was killed, as the reaper does; False when it had ended before."""
    row = (
        ledger.database.wire("wf_engine")
        .execute(
            "update job set stage = 'queued', owner = null, child = null, fence = fence + 1 where id = %s and finished_at is null "
            "returning stage",
            (job,),
        )
        .fetchone()
    )
    return row is not None


@pytest.mark.slow
def test_killed_again_and_again_it_ends_as_if_undisturbed(databases: Callable[[str], tuple[Ledger, UUID, str]], tmp_path: Path) -> None:
    write_feed(tmp_path, "2015", (nvd_record(n) for n in range(1, RECORDS + 1)))
    (tmp_path / "kev.json").write_bytes(kev_catalog([f"CVE-2015-{n:04d}" for n in range(1, 200)], ransomware=["CVE-2015-0007"]))
    request = ImportFiles(paths=["nvdcve-2.0-2015.json.gz", "kev.json"])
    ledger, org, calm = databases("advisories_calm")
    assert start(calm, submit(ledger, org, import_files, request).id, tmp_path).wait() == 0

    ledger, org, stormy = databases("advisories_stormy")
    job = submit(ledger, org, import_files, request).id
    chance = random.Random(7)  # noqa: S311 - the same moments every time
    killed = 0
    for _ in range(KILLS):
        process = start(stormy, job, tmp_path)
        try:
            process.wait(chance.uniform(0.05, SPREAD_S))  # any moment will do: which one decides nothing about the outcome
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            killed += 1
        if not lose(ledger, job):
            break
    else:
        assert start(stormy, job, tmp_path).wait() == 0
    assert killed >= 3
    assert contents(stormy) == contents(calm)
    assert len(contents(calm)["adv_cve"]) == RECORDS
