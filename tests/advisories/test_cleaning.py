"""What is kept for a while only goes; what an operator put there stays. Offline, no source is asked."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from watchfloor.capabilities.advisories.jobs import clean_cache, update_vulnerabilities
from watchfloor.capabilities.advisories.jobs.cleaning import CleanCache
from watchfloor.capabilities.advisories.schemas.sync import UpdateVulnerabilities
from watchfloor.kernel.db.ids import new_id
from watchfloor.kernel.jobs.enqueue import submit
from watchfloor.kernel.jobs.queries import open_result

if TYPE_CHECKING:
    from pathlib import Path
    from uuid import UUID

    import pytest
    from pydantic import BaseModel

    from tests.api.worker import Worker
    from watchfloor.kernel.contract import JobKind


def run(worker: Worker, org: UUID, kind: JobKind[Any, Any], request: BaseModel) -> dict[str, Any] | None:
    job = submit(worker.ledger, org, kind, request).id
    worker.run_all(org)
    with worker.ledger.database.transaction(org) as session:
        return open_result(worker.ledger, session, org, job)


def test_old_copies_of_ours_go_and_what_an_operator_put_there_stays(
    worker: Worker, org: UUID, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATCHFLOOR_ADVISORIES_IMPORT_DIR", str(tmp_path))
    ours, young, theirs = tmp_path / f"sync-{new_id()}", tmp_path / f"sync-{new_id()}", tmp_path / "sync-by-hand"
    for folder in (ours, young, theirs):
        folder.mkdir()
        (folder / "feed.json").write_bytes(b"12345")
    for folder in (ours, theirs):
        os.utime(folder, (0, 0))
    for dry_run in (True, False):
        told = run(worker, org, clean_cache, CleanCache(older_than=None, dry_run=dry_run))
        assert told is not None
        assert (told["files"], told["bytes"]) == (1, 5)
        assert ours.exists() is dry_run
    assert young.exists()
    assert theirs.exists()


def test_offline_a_schedule_skips_its_sources_and_a_person_is_told(worker: Worker, org: UUID, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATCHFLOOR_ADVISORIES_OFFLINE", "true")
    scheduled = run(worker, org, update_vulnerabilities, UpdateVulnerabilities(sources=None))
    assert scheduled is not None
    assert {one["state"] for one in scheduled["sources"]} == {"skipped"}
    assert run(worker, org, update_vulnerabilities, UpdateVulnerabilities(sources=["kev"])) is None
