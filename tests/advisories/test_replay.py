"""However a state was reached, step by step, late, or at once: the database is the same, row by row."""

from __future__ import annotations

import gzip
import json
import shutil
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.advisories.contents import contents
from tests.advisories.data import shared
from tests.advisories.servers import NOW, Nvd, nvd_record
from tests.api.floor import KEK
from tests.api.worker import Worker
from tests.conftest import as_login
from tests.fetch.servers import serve
from watchfloor.capabilities.advisories.jobs import import_files, update_vulnerabilities
from watchfloor.capabilities.advisories.jobs.importing import ImportFiles
from watchfloor.capabilities.advisories.schemas.sync import UpdateVulnerabilities
from watchfloor.kernel.jobs.enqueue import submit
from watchfloor.kernel.jobs.ledger import make_ledger
from watchfloor.kernel.jobs.queries import open_error, open_result
from watchfloor.kernel.tenancy.orgs import ensure_org

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from uuid import UUID

    from pydantic import BaseModel

    from watchfloor.kernel.contract import JobKind
    from watchfloor.kernel.sandbox import zygote


class Place:
    """One installation with a database of its own."""

    def __init__(self, url: str, nursery: zygote.Zygote) -> None:
        """Open it."""
        self.url = url
        self.worker = Worker(make_ledger(url, KEK), nursery)
        self.org: UUID = ensure_org(self.worker.ledger.database, self.worker.ledger.vault, "replay")

    def run(self, kind: JobKind[Any, Any], request: BaseModel) -> dict[str, Any]:
        """Run a job and return what it answered."""
        ledger = self.worker.ledger
        job = submit(ledger, self.org, kind, request).id
        self.worker.run_all(self.org)
        with ledger.database.transaction(self.org) as session:
            answer = open_result(ledger, session, self.org, job)
            assert answer is not None, open_error(ledger, session, self.org, job)
        return answer

    def take(self, *paths: str) -> dict[str, Any]:
        """Import files."""
        return self.run(import_files, ImportFiles(paths=list(paths)))

    def sync(self, **more: Any) -> dict[str, Any]:
        """Ask NVD."""
        return self.run(update_vulnerabilities, UpdateVulnerabilities(sources=["nvd"], force=True, **more))


@pytest.fixture
def places(new_database: Callable[[str], str], nursery: zygote.Zygote) -> Iterator[Callable[[str], Place]]:
    """Return a function that makes an installation."""
    made: list[Place] = []

    def make(name: str) -> Place:
        made.append(Place(as_login(new_database(f"replay_{name}")), nursery))
        return made[-1]

    yield make
    for place in made:
        place.worker.leave()
        place.worker.ledger.database.close()


@pytest.mark.data
def test_the_history_of_a_feed_ends_where_its_last_state_is(
    places: Callable[[str], Place], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATCHFLOOR_ADVISORIES_IMPORT_DIR", str(tmp_path))
    history = sorted(shared("nvd/feeds/modified-history").glob("*.json.gz"))
    newest: dict[str, Any] = {}
    readable = []
    for path in [*history, shared("nvd/feeds/nvdcve-2.0-modified.json.gz")]:
        shutil.copy(path, tmp_path)
        if path.read_bytes()[:2] == b"\x1f\x8b":  # one of them is a page of HTML under the name of a feed
            readable.append(path.name)
            newest |= {one["cve"]["id"]: one for one in json.loads(gzip.decompress(path.read_bytes()))["vulnerabilities"]}
    steps, whole = places("steps"), places("whole")
    for path in sorted(tmp_path.iterdir()):
        answer = steps.take(path.name)
        assert (answer["sources"][0]["state"] == "refused") == (path.name not in readable)
    head = {
        "resultsPerPage": len(newest),
        "startIndex": 0,
        "totalResults": len(newest),
        "format": "NVD_CVE",
        "version": "2.0",
        "timestamp": "2026-03-15T12:00:00.000",
    }
    (tmp_path / "last.json").write_text(json.dumps(head | {"vulnerabilities": list(newest.values())}))
    whole.take("last.json")
    assert len(newest) > 2000
    assert contents(steps.url) == contents(whole.url)


def changed(nvd: Nvd, days: int) -> Nvd:
    """Return what NVD has so many days later: some records changed, some new."""
    later = Nvd()
    later.records = dict(nvd.records)
    later.now = NOW + timedelta(days=days)
    later.add(*(nvd_record(f"CVE-2026-{n}", NOW + timedelta(days=n % days), "Found meanwhile.") for n in range(5000, 5060)))
    later.add(*(nvd_record(f"CVE-2020-{n}", NOW + timedelta(days=n % days), "Changed meanwhile.") for n in range(1000, 1020)))
    return later


def test_sixty_days_without_a_network_are_made_up_for(places: Callable[[str], Place], monkeypatch: pytest.MonkeyPatch) -> None:
    before = Nvd()
    before.add(*(nvd_record(f"CVE-{year}-9999", NOW - timedelta(days=900)) for year in range(2002, 2027)))
    before.add(*(nvd_record(f"CVE-2020-{n}", NOW - timedelta(days=300)) for n in range(1000, 1020)))
    after = changed(before, 60)
    state = [before]
    monkeypatch.setenv("WATCHFLOOR_ADVISORIES_ALLOWED_NETWORKS", "127.0.0.0/8")
    late, fresh = places("late"), places("fresh")
    with serve(lambda asked: state[0].answer(asked)) as server:  # noqa: PLW0108 - asked anew each time
        monkeypatch.setenv("WATCHFLOOR_ADVISORIES_NVD_URL", f"{server.url}/feeds/")
        monkeypatch.setenv("WATCHFLOOR_ADVISORIES_NVD_API_URL", f"{server.url}/rest/json/cves/2.0")
        late.sync()
        state[0] = after
        late.sync()
        fresh.sync()
    assert contents(late.url) == contents(fresh.url)
    assert len(contents(fresh.url)["adv_cve"]) == 25 + 20 + 60
