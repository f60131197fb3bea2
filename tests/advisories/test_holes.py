"""A feed of changes that does not reach back to what is stored leaves a hole that whoever asks next can see."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tests.advisories.factories import nvd_record, write_feed
from tests.advisories.servers import CveProgram, cve_record
from watchfloor.capabilities.advisories.jobs import import_files
from watchfloor.capabilities.advisories.jobs.importing import ImportFiles
from watchfloor.kernel.db.session import wire_of
from watchfloor.kernel.jobs.enqueue import submit

if TYPE_CHECKING:
    from pathlib import Path
    from uuid import UUID

    from tests.api.worker import Worker


def taken(worker: Worker, org: UUID, name: str, src: int = 1) -> tuple[datetime | None, bool]:
    """Import a file, and return the latest watermark of its source and whether a gap is known."""
    submit(worker.ledger, org, import_files, ImportFiles(paths=[name]))
    worker.run_all(org)
    with worker.ledger.database.transaction(org) as session:
        row = (
            wire_of(session)
            .execute("select max(watermark), bool_or(gap_since is not null) from adv_stream where src = %s", (src,))
            .fetchone()
        )
    assert row is not None
    return row[0], bool(row[1])


@pytest.mark.parametrize(("days", "gap"), [(3, False), (60, True)])
def test_a_feed_of_changes_moves_the_watermark_only_where_it_joins_on(
    worker: Worker, org: UUID, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, days: int, *, gap: bool
) -> None:
    monkeypatch.setenv("WATCHFLOOR_ADVISORIES_IMPORT_DIR", str(tmp_path))
    write_feed(tmp_path, "2015", [nvd_record(n) for n in range(1, 50)], at=datetime(2015, 1, 4, tzinfo=UTC))
    before, known = taken(worker, org, "nvdcve-2.0-2015.json.gz")
    assert (before is not None, known) == (True, False)
    write_feed(tmp_path, "modified", [nvd_record(49, modified=days)], at=datetime(2015, 6, 1, tzinfo=UTC))
    after, known = taken(worker, org, "nvdcve-2.0-modified.json.gz")
    assert before is not None
    assert after is not None
    assert (after > before, known) == (not gap, gap)


@pytest.mark.parametrize(("days", "gap"), [(0, False), (1, False), (2, True), (60, True)])
def test_an_archive_of_a_day_moves_the_watermark_only_where_the_day_before_is_stored(
    worker: Worker, org: UUID, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, days: int, *, gap: bool
) -> None:
    monkeypatch.setenv("WATCHFLOOR_ADVISORIES_IMPORT_DIR", str(tmp_path))
    program, evening = CveProgram(), datetime(2026, 8, 19, 21, tzinfo=UTC)
    program.release("2026-08-20_all_CVEs_at_midnight.zip.zip", [cve_record("CVE-2026-10001", evening)], nested=True)
    day = (evening + timedelta(days=days)).date()
    delta = f"{day}_delta_CVEs_at_end_of_day.zip"
    program.release(delta, [cve_record("CVE-2026-10002", evening + timedelta(days=days, hours=1))])
    for name, content in program.assets.items():
        (tmp_path / name).write_bytes(content)
    before, known = taken(worker, org, "2026-08-20_all_CVEs_at_midnight.zip.zip", 2)
    assert (before, known) == (evening, False)
    after, known = taken(worker, org, delta, 2)
    assert after is not None
    assert (after > evening, known) == (not gap, gap)
    with worker.ledger.database.transaction(org) as session:
        assert wire_of(session).execute("select count(*) from adv_raw where src = 2").fetchone() == (2,), (
            "what it tells is stored either way"
        )


def test_an_archive_of_a_day_alone_does_not_begin_a_source(
    worker: Worker, org: UUID, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATCHFLOOR_ADVISORIES_IMPORT_DIR", str(tmp_path))
    program = CveProgram()
    program.release("delta.zip", [cve_record("CVE-2026-10001", datetime(2026, 8, 19, 21, tzinfo=UTC))])
    (tmp_path / "delta.zip").write_bytes(program.assets["delta.zip"])
    assert taken(worker, org, "delta.zip", 2) == (None, True)
