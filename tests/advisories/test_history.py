"""Facts about the history of recorded files, through a real worker and a real box: what is news, and what is not."""

from __future__ import annotations

import shutil
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from tests.advisories.data import shared
from tests.advisories.sources import Press
from watchfloor.capabilities.advisories.jobs import import_files, watch
from watchfloor.capabilities.advisories.jobs.importing import ImportFiles
from watchfloor.capabilities.advisories.jobs.watching import WatchAdvisories
from watchfloor.capabilities.advisories.queries import counters
from watchfloor.kernel.jobs.enqueue import submit

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from uuid import UUID

    from tests.api.floor import Client
    from tests.api.worker import Worker

pytestmark = pytest.mark.data


@pytest.fixture
def press(worker: Worker, org: UUID, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Press]:
    monkeypatch.setenv("WATCHFLOOR_ADVISORIES_IMPORT_DIR", str(tmp_path))
    made = Press(worker.ledger.database, org)
    made.forget()
    yield made
    made.forget()


def take(worker: Worker, org: UUID, folder: Path, path: str) -> None:
    found = shared(path)
    shutil.copy(found, folder)
    made = submit(worker.ledger, org, import_files, ImportFiles(paths=[found.name]))
    worker.run_all(org)
    rows = worker.wire.execute("select stage from job where id = %s union all select stage from job_done where id = %s", (made.id, made.id))
    assert rows.fetchall() == [("succeeded",)]


def heard(press: Press) -> Counter[str]:
    return Counter(kind for _cve, kind, quiet in press.changes() if not quiet)


def hits(worker: Worker, org: UUID, press: Press) -> Counter[str]:
    """Let the watches look and return of what they told until now."""
    submit(worker.ledger, org, watch, WatchAdvisories())
    worker.run_all(org)
    told = press.rows("select data->>'kind' from event where org = %s and name = 'advisories.watch_hit'", org)
    return Counter(kind.removeprefix("advisory.") for (kind,) in told)


def assert_counted(press: Press) -> None:
    with press.wire() as wire:
        assert counters.counted(wire) == counters.recount(wire)


def test_between_two_states_of_cisas_catalog_are_their_differences(
    owner: Client, worker: Worker, org: UUID, tmp_path: Path, press: Press
) -> None:
    take(worker, org, tmp_path, "kev/kev-2026.08.07.json")
    assert press.changes() == []
    owner.post("/advisories/watches", {"name": "exploited", "kinds": ["kev_added", "kev_removed", "ransomware_changed", "kev_due_changed"]})
    take(worker, org, tmp_path, "kev/kev-2026.08.20.min.json")
    assert hits(worker, org, press) == {"kev_added": 11, "ransomware_changed": 11}
    found = heard(press)
    assert (found["kev_added"], found["ransomware_changed"], found["kev_removed"], found["kev_due_changed"]) == (11, 11, 0, 0)
    assert_counted(press)
    before = press.changes()
    take(worker, org, tmp_path, "kev/kev-2026.08.20.min.json")
    assert press.changes() == before
    assert hits(worker, org, press).total() == 22


def told_of(press: Press, cve: str) -> list[str]:
    return [kind for one, kind, _quiet in press.changes() if one == cve]


def test_an_entry_that_is_there_twice_has_not_changed_and_one_that_goes_is_removed(
    worker: Worker, org: UUID, tmp_path: Path, press: Press
) -> None:
    for snapshot in ("2024-09-18.20e523c", "2024-09-19.114522d", "2024-09-20.503d56d"):
        take(worker, org, tmp_path, f"kev/snapshots/kev-{snapshot}.json.gz")
        assert told_of(press, "CVE-2019-1069") == []
    take(worker, org, tmp_path, "kev/snapshots/kev-2025-06-06.16c8cea.json.gz")
    assert press.rows("select count(*) from adv_cve where kev") == [(1360,)]
    assert press.rows("select kind, quiet from adv_change where k = 20240000043491 order by id") == [
        ("advisory.kev_removed", False), ("advisory.removed", False),
    ]  # fmt: skip
    assert_counted(press)


def test_what_nvd_modified_is_news_once_a_year_of_it_was_read(worker: Worker, org: UUID, tmp_path: Path, press: Press) -> None:
    take(worker, org, tmp_path, "nvd/feeds/nvdcve-2.0-2003.json.gz")
    assert press.changes() == []
    take(worker, org, tmp_path, "nvd/feeds/nvdcve-2.0-modified.json.gz")
    assert heard(press)["published"] > 1000
    assert_counted(press)


def test_another_model_of_epss_is_heard_by_nobody(owner: Client, worker: Worker, org: UUID, tmp_path: Path, press: Press) -> None:
    take(worker, org, tmp_path, "nvd/feeds/nvdcve-2.0-2003.json.gz")
    take(worker, org, tmp_path, "epss/epss_scores-2026-06-14.csv.gz")
    owner.post("/advisories/watches", {"name": "everything"})
    take(worker, org, tmp_path, "epss/epss_scores-2026-06-21.csv.gz")
    assert heard(press) == {}
    assert hits(worker, org, press) == {}
    quiet = Counter(kind for _cve, kind, _quiet in press.changes())
    assert quiet["epss_crossed"] > 0
    take(worker, org, tmp_path, "epss/epss_scores-2026-08-09.csv.gz")
    assert heard(press)["epss_crossed"] > 0
    assert hits(worker, org, press)["epss_crossed"] == heard(press)["epss_crossed"]
    assert_counted(press)
