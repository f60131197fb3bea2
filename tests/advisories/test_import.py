"""Files of sources, from the import directory into merged records, through a real worker and a real box."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest

from tests.advisories.data import shared
from watchfloor.capabilities.advisories.jobs import import_files, rebuild
from watchfloor.capabilities.advisories.jobs.importing import ImportFiles
from watchfloor.capabilities.advisories.jobs.rebuilding import Rebuild  # noqa: TC001 - see below
from watchfloor.kernel.db.session import wire_of
from watchfloor.kernel.jobs.enqueue import submit

if TYPE_CHECKING:
    from pathlib import Path
    from uuid import UUID

    from tests.api.worker import Worker
    from watchfloor.kernel.jobs.ledger import Ledger


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("WATCHFLOOR_ADVISORIES_IMPORT_DIR", str(tmp_path))
    return tmp_path


def rows(ledger: Ledger, org: UUID, query: str) -> list[Any]:
    with ledger.database.transaction(org) as session:
        return wire_of(session).execute(query).fetchall()


def run(worker: Worker, org: UUID, request: ImportFiles | Rebuild) -> str:
    kind = import_files if isinstance(request, ImportFiles) else rebuild
    made = submit(worker.ledger, org, kind, request)
    worker.run_all(org)
    row: Any = worker.wire.execute(
        "select stage, error_fp from job where id = %s union all select stage, error_fp from job_done where id = %s", (made.id, made.id)
    ).fetchone()
    return str(row[0])


@pytest.mark.data
def test_a_feed_becomes_merged_records(worker: Worker, org: UUID, folder: Path) -> None:
    shutil.copy(shared("nvd/feeds/nvdcve-2.0-2003.json.gz"), folder)
    assert run(worker, org, ImportFiles(paths=["nvdcve-2.0-2003.json.gz"])) == "succeeded"
    assert rows(worker.ledger, org, "select count(*) from adv_cve")[0][0] > 1500
