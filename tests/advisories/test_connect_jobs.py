"""All sources on loopback, asked by a real job through a real box into a real database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.advisories.servers import CveProgram, Euvd, Nvd, cve_record, epss_file, eu_kev_catalog, euvd_record, kev_catalog, nvd_record
from tests.advisories.sources import Press
from tests.fetch.servers import PAGE, Answer, Asked, Server, serve
from watchfloor.capabilities.advisories.jobs.asking import Turn
from watchfloor.capabilities.advisories.jobs.sync import update_vulnerabilities
from watchfloor.capabilities.advisories.schemas.sync import FEEDS, UpdateVulnerabilities
from watchfloor.capabilities.advisories.schemas.words import Source, key_of
from watchfloor.kernel.db.session import wire_of
from watchfloor.kernel.jobs.enqueue import submit

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from tests.api.worker import Worker

LOG4SHELL, XZ, REGRESSHION = "CVE-2021-44228", "CVE-2024-3094", "CVE-2024-6387"


class World:
    """Every source, over the same three CVEs."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        self.nvd = Nvd(now=now)
        self.nvd.add(*(nvd_record(f"CVE-{year}-9999", now - timedelta(days=900)) for year in range(2002, now.year + 1)))
        self.nvd.add(
            *(nvd_record(name, now - timedelta(days=days), f"NVD on {name}.") for days, name in enumerate([REGRESSHION, XZ, LOG4SHELL], 1))
        )
        self.program = CveProgram()
        records = [cve_record(name, now - timedelta(days=2), f"CNA on {name}.") for name in (LOG4SHELL, XZ)]
        self.program.release(f"{now:%Y-%m-%d}_all_CVEs_at_midnight.zip.zip", records, nested=True)
        self.program.change(now - timedelta(days=30))
        self.program.change(now - timedelta(days=2), *records)
        self.euvd = Euvd([euvd_record("2021-31257", LOG4SHELL, now - timedelta(days=3), exploitedSince="Dec 10, 2021, 12:00:00 AM")])
        self.files = {
            "/kev.json": kev_catalog([LOG4SHELL], released=now), "/eukev.json": eu_kev_catalog([XZ]),
            "/epss/epss_scores-current.csv.gz": epss_file({LOG4SHELL: (0.94358, 0.99958), XZ: (0.8, 0.5)}, f"{now:%Y-%m-%d}"),
        }  # fmt: skip

    def answer(self, asked: Asked) -> Answer:
        if (found := self.files.get(asked.path)) is not None:
            return Answer(body=found)
        if asked.path.startswith(("/feeds/", "/rest/")):
            return self.nvd.answer(asked)
        return self.euvd.answer(asked) if asked.path.startswith("/api/") else self.program.answer(asked)


@pytest.fixture
def world(worker: Worker, org: UUID) -> World:
    Press(worker.ledger.database, org).forget()
    row = worker.wire.execute("select wf_now()").fetchone()
    assert row is not None
    return World(row[0].astimezone(UTC).replace(microsecond=0))


@pytest.fixture
def server(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    with serve(world.answer) as started:
        for name, path in (
            ("NVD_URL", "/feeds/"), ("NVD_API_URL", "/rest/json/cves/2.0"), ("CVE_LIST_URL", "/releases"), ("CVE_LIST_DELTA_URL", "/cves/deltaLog.json"),
            ("KEV_URL", "/kev.json"), ("KEV_FALLBACK_URL", "/kev-2.json"), ("EU_KEV_URL", "/eukev.json"), ("EUVD_URL", "/api/"), ("EPSS_URL", "/epss/"),
        ):  # fmt: skip
            monkeypatch.setenv(f"WATCHFLOOR_ADVISORIES_{name}", started.url + path)
        yield started


def update(worker: Worker, org: UUID, **options: Any) -> str:
    """Run the job and return how it ended."""
    made = submit(worker.ledger, org, update_vulnerabilities, UpdateVulnerabilities(force=True, **options))
    worker.run_all(org)
    row: Any = worker.wire.execute(
        "select stage from job where id = %s union all select stage from job_done where id = %s", (made.id, made.id)
    ).fetchone()
    return str(row[0])


def rows(worker: Worker, org: UUID, query: str, *values: Any) -> list[Any]:
    with worker.ledger.database.transaction(org) as session:
        return wire_of(session).execute(query, values).fetchall()


def watermarks(worker: Worker, org: UUID) -> dict[tuple[int, str], datetime]:
    return {
        (src, stream): at
        for src, stream, at in rows(worker, org, "select src, stream, watermark from adv_stream where watermark is not null")
    }


def test_six_sources_become_merged_records(worker: Worker, org: UUID, server: Server, world: World) -> None:
    assert update(worker, org, sources=list(FEEDS)) == "succeeded"
    found = {
        name: rest
        for name, *rest in rows(
            worker,
            org,
            "select c.cve_id, descr, kev, eukev, exploited_eu from adv_cve c join adv_text using (k) where c.cve_id = any(%s)",
            [LOG4SHELL, XZ, REGRESSHION],
        )
    }
    assert set(found) == {LOG4SHELL, XZ, REGRESSHION}
    assert found[LOG4SHELL][:3] == [f"CNA on {LOG4SHELL}.", True, False]
    assert found[LOG4SHELL][3] is True
    assert found[XZ][1:3] == [False, True]
    assert found[REGRESSHION][:3] == [f"NVD on {REGRESSHION}.", False, False]
    assert rows(worker, org, "select p from adv_epss where k = %s", key_of(LOG4SHELL)) == [(94358,)]
    marks = watermarks(worker, org)
    assert marks[Source.NVD, "modified"] == world.now - timedelta(days=1)
    assert marks[Source.CVE_LIST, "baseline"] == world.now - timedelta(days=2)
    server.asked.clear()
    assert update(worker, org, sources=list(FEEDS)) == "succeeded"
    assert not any(path.endswith((".gz", ".zip")) and "epss" not in path for path in server.paths)


@pytest.mark.parametrize(("path", "answer"), [
    ("/feeds/nvdcve-2.0-modified.meta", Answer(body=b"lastModifiedDate:x\r\n")), ("/feeds/nvdcve-2.0-modified.json.gz", Answer(body=b"\x1f\x8b broken")),
    ("/feeds/nvdcve-2.0-modified.json.gz", Answer(status=404)),
], ids=["no declaration", "broken", "gone"])  # fmt: skip
def test_a_refused_feed_moves_no_watermark_and_loses_nothing(
    worker: Worker, org: UUID, server: Server, world: World, monkeypatch: pytest.MonkeyPatch, path: str, answer: Answer
) -> None:
    update(worker, org, sources=["nvd"])
    before = watermarks(worker, org), rows(worker, org, "select k, h from adv_raw order by k")
    world.nvd.add(nvd_record(XZ, world.now, "Rewritten."))
    server.plan[path] = [answer]
    monkeypatch.setenv(
        "WATCHFLOOR_ADVISORIES_NVD_API_URL", "https://services.nvd.nist.gov/rest/json/cves/2.0"
    )  # not the mirror's: never asked
    update(worker, org, sources=["nvd"])
    assert (watermarks(worker, org), rows(worker, org, "select k, h from adv_raw order by k")) == before
    error = rows(worker, org, "select last_error from adv_stream where src = %s and stream = ''", int(Source.NVD))[0][0]
    assert error["code"] == "source_changed"
    del server.plan[path]
    assert update(worker, org, sources=["nvd"]) == "succeeded"
    assert rows(worker, org, "select descr from adv_text join adv_cve using (k) where cve_id = %s", XZ) == [("Rewritten.",)]


def test_a_page_of_bot_protection_is_told_and_the_other_sources_go_on(worker: Worker, org: UUID, server: Server) -> None:
    server.plan["/kev.json"] = [Answer(status=404, body=PAGE)]
    server.plan["/kev-2.json"] = [Answer(status=404, body=PAGE)]
    done = update(worker, org, sources=["kev", "eu-kev"])
    assert done == "succeeded"
    assert rows(worker, org, "select eukev from adv_cve where cve_id = %s", XZ) == [(True,)]
    error = rows(worker, org, "select last_error from adv_stream where src = %s", int(Source.KEV))[0][0]
    assert "Neither place of the catalog answers" in error["message"]


def test_the_turn_to_ask_a_source_is_kept_while_it_is_asked() -> None:
    class Attempt:
        def __init__(self) -> None:
            self.asked: list[str] = []

        def lease(self, wants: list[Any]) -> dict[str, float]:
            self.asked.append(wants[0].key)
            return {}

    attempt: Any = Attempt()
    turn = Turn(attempt, Source.NVD)
    assert turn.take()
    turn.keep()
    assert attempt.asked == ["advisories:nvd"]  # it was taken a moment ago
    turn._kept_at -= 5
    turn.keep()
    assert attempt.asked == ["advisories:nvd"] * 2
