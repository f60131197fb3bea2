"""Removal: bytes go when nobody needs them, never before, and what is lost is named."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.api.floor import work
from tests.architecture.source import ROOT
from tests.artifacts.attempt import CONTENT
from tests.artifacts.floor import got, lying, lying_at, put
from watchfloor.kernel import clock
from watchfloor.kernel.artifacts.places import place_named
from watchfloor.kernel.artifacts.queries import get_artifact, list_artifacts
from watchfloor.kernel.artifacts.removal import ORPHAN_AGE, clear_removed, remove, sweep
from watchfloor.kernel.artifacts.settings import artifact_settings
from watchfloor.kernel.artifacts.store import sealed_size, staged, store
from watchfloor.kernel.errors import Lost, NotFound
from watchfloor.kernel.jobs.ledger import use_ledger

if TYPE_CHECKING:
    from pathlib import Path
    from uuid import UUID

    from tests.api.floor import Client
    from watchfloor.kernel.jobs.ledger import Ledger


def take_away(ledger: Ledger, org: UUID, artifact: UUID) -> None:
    """Remove one file."""
    with ledger.database.transaction(org) as session:
        assert remove(session, org, artifact, actor="test")


@pytest.fixture
def tomorrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a day pass for the places."""
    now = clock.now
    monkeypatch.setattr(clock, "now", lambda: now() + ORPHAN_AGE + timedelta(minutes=1))


@pytest.mark.usefixtures("place")
def test_a_removed_file_is_found_by_nobody_and_its_bytes_go(ledger: Ledger, org: UUID) -> None:
    artifact = put(ledger, org, b"x" * 5000)
    take_away(ledger, org, artifact)
    with ledger.database.transaction(org) as session:
        assert list_artifacts(session, org).items == []
        with pytest.raises(NotFound):
            get_artifact(session, org, artifact)
        assert not remove(session, org, artifact)
    assert len(lying(ledger, org)) == 1, "until somebody sweeps"
    swept = clear_removed(ledger, org)
    assert (swept.removed, swept.freed_bytes) == (1, sealed_size(5000))
    assert lying(ledger, org) == []
    assert clear_removed(ledger, org).removed == 0


@pytest.mark.usefixtures("place")
def test_bytes_stay_while_another_file_has_them(ledger: Ledger, org: UUID) -> None:
    one, two = put(ledger, org, b"shared"), put(ledger, org, b"shared")
    take_away(ledger, org, one)
    assert clear_removed(ledger, org).freed_bytes == 0
    assert got(ledger, org, two) == b"shared"
    take_away(ledger, org, two)
    assert clear_removed(ledger, org).freed_bytes > 0
    assert lying(ledger, org) == []


@pytest.mark.usefixtures("place")
def test_a_removal_that_rolls_back_removes_nothing(ledger: Ledger, org: UUID) -> None:
    artifact = put(ledger, org, b"x")
    with pytest.raises(ZeroDivisionError), ledger.database.transaction(org) as session:
        remove(session, org, artifact)
        raise ZeroDivisionError
    sweep(ledger, org)
    assert got(ledger, org, artifact) == b"x"


@pytest.mark.usefixtures("place")
def test_another_organisation_removes_nothing(ledger: Ledger, org: UUID, stranger: UUID) -> None:
    artifact = put(ledger, org, b"x")
    with ledger.database.transaction(stranger) as session:
        assert not remove(session, org, artifact)
    sweep(ledger, stranger)
    assert got(ledger, org, artifact) == b"x"


def test_bytes_stay_while_a_link_is_open(ledger: Ledger, owner: Client, place: str, postgres: str) -> None:
    import psycopg  # noqa: PLC0415 - here alone

    artifact = put(ledger, owner.org, b"for you")
    url = owner.post(f"/artifacts/{artifact}/links", {})["url"]
    take_away(ledger, owner.org, artifact)
    assert sweep(ledger, owner.org).removed == 0
    assert owner.http.get(url).content == b"for you"
    assert owner.ask("GET", f"/artifacts/{artifact}/content").status_code == 404
    with psycopg.connect(postgres) as wire:
        wire.execute("update artifact_link set expires_at = wf_now() where org = %s", (owner.org,))
    assert sweep(ledger, owner.org).removed == 1
    assert lying(ledger, owner.org) == [], place
    assert owner.http.get(url).status_code == 404


@pytest.mark.usefixtures("outside")
def test_what_rolled_back_is_an_orphan_that_goes_after_a_day(
    ledger: Ledger, org: UUID, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    kept = put(ledger, org, b"kept")
    with pytest.raises(ZeroDivisionError), ledger.database.transaction(org) as session:
        store(ledger, session, org, name="x", media_type="text/plain", content=b"rolled back")
        raise ZeroDivisionError
    assert sweep(ledger, org).orphans == 0
    assert len(lying(ledger, org)) == 2
    request.getfixturevalue("tomorrow")
    swept = sweep(ledger, org)
    assert (swept.orphans, swept.freed_bytes, swept.lost) == (1, sealed_size(len(b"rolled back")), [])
    monkeypatch.undo()
    assert [one.address for one in lying(ledger, org)] == [lying_at(ledger, org, kept)]


@pytest.mark.usefixtures("outside", "tomorrow")
def test_an_old_orphan_that_is_stored_right_now_stays(ledger: Ledger, org: UUID) -> None:
    with staged(ledger, org, b"brought long ago") as found, ledger.database.transaction(org) as session:
        artifact = store(ledger, session, org, name="x", media_type="text/plain", content=found)
        assert sweep(ledger, org).orphans == 0
    assert got(ledger, org, artifact) == b"brought long ago"


@pytest.mark.parametrize("where", ["before the commit", "before the file has its name", "before it is on the disk"])
def test_a_writer_that_is_killed_leaves_no_file_and_nothing_for_longer_than_a_day(
    ledger: Ledger, login_url: str, org: UUID, in_directory: Path, where: str, request: pytest.FixtureRequest
) -> None:
    command = [sys.executable, "-m", "tests.artifacts.attempt", login_url, str(org), where]
    died = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert died.returncode == -signal.SIGKILL, died.stderr
    left = [path for path in in_directory.rglob("*") if path.is_file()]
    assert len(left) == 1
    with ledger.database.transaction(org) as session:
        assert list_artifacts(session, org).items == []
    assert sweep(ledger, org).orphans == 0
    # A second attempt stores the file although bytes lie there already.
    artifact = put(ledger, org, CONTENT)
    assert got(ledger, org, artifact) == CONTENT
    request.getfixturevalue("tomorrow")
    assert sweep(ledger, org).orphans == (0 if where == "before the commit" else 1)
    assert len([path for path in in_directory.rglob("*") if path.is_file()]) == 1
    assert got(ledger, org, artifact) == CONTENT


def test_a_writer_that_is_not_killed_stores_the_file(ledger: Ledger, login_url: str, org: UUID, in_directory: Path) -> None:
    command = [sys.executable, "-m", "tests.artifacts.attempt", login_url, str(org), "nowhere"]
    assert subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout == "stored"
    with ledger.database.transaction(org) as session:
        (card,) = list_artifacts(session, org).items
    assert got(ledger, org, card.id) == CONTENT
    assert in_directory.exists()


@pytest.mark.usefixtures("place")
def test_storing_beside_removing_the_same_content_loses_nothing(ledger: Ledger, org: UUID) -> None:
    content, ended = os.urandom(3000), threading.Event()

    def again() -> None:
        try:
            for _ in range(25):
                kept.append(put(ledger, org, content))
                take_away(ledger, org, put(ledger, org, content))
                with staged(ledger, org, content) as found, ledger.database.transaction(org) as session:
                    take_away_later.append(store(ledger, session, org, name="x", media_type="text/plain", content=found))
                for artifact in (kept.pop(), take_away_later.pop()):
                    assert got(ledger, org, artifact) == content
                    take_away(ledger, org, artifact)
        finally:
            ended.set()

    def clear() -> int:
        removed = 0
        while not ended.is_set():
            removed += clear_removed(ledger, org).removed
        return removed

    kept, take_away_later = list[Any](), list[Any]()
    with ThreadPoolExecutor(2) as pool:
        removed, done = pool.submit(clear), pool.submit(again)
        done.result()
        total = removed.result() + clear_removed(ledger, org).removed
    assert total == 75
    assert lying(ledger, org) == []


@pytest.mark.usefixtures("place")
def test_a_sweep_names_what_was_lost_and_leaves_it(ledger: Ledger, org: UUID) -> None:
    empty, whole, gone, cut = (put(ledger, org, content) for content in (b"", b"whole", b"gone", b"cut off"))
    place = place_named(artifact_settings().chosen())
    with ledger.database.transaction(org) as session:
        place.drop(session, org, lying_at(ledger, org, gone))
        place.put(session, org, lying_at(ledger, org, cut), [b"short"])
    assert set(sweep(ledger, org).lost) == {gone, cut}
    assert [got(ledger, org, artifact) for artifact in (empty, whole)] == [b"", b"whole"]
    with pytest.raises(Lost):
        got(ledger, org, gone)
    assert put(ledger, org, b"gone") != gone
    assert got(ledger, org, gone) == b"gone", "the same content was stored again"
    assert sweep(ledger, org).lost == [cut]


@pytest.mark.usefixtures("place")
def test_many_files_are_compared_in_slices(ledger: Ledger, org: UUID, monkeypatch: pytest.MonkeyPatch) -> None:
    artifacts = [put(ledger, org, b"%d" % n) for n in range(12)]
    monkeypatch.setattr("watchfloor.kernel.artifacts.removal.COMPARED_AT_ONCE", 5)
    with ledger.database.transaction(org) as session:
        place_named(artifact_settings().chosen()).drop(session, org, lying_at(ledger, org, artifacts[3]))
    assert sweep(ledger, org).lost == [artifacts[3]]


def test_the_job_sweeps_and_every_step_is_written_down(ledger: Ledger, owner: Client, in_directory: Path) -> None:
    artifact, lost = put(ledger, owner.org, b"x"), put(ledger, owner.org, b"y")
    take_away(ledger, owner.org, artifact)
    with ledger.database.transaction(owner.org) as session:
        place_named(artifact_settings().chosen()).drop(session, owner.org, lying_at(ledger, owner.org, lost))
    use_ledger(ledger)
    try:
        job = owner.submit("artifacts.sweep")
        work(ledger, job)
    finally:
        use_ledger(None)
    result = owner.get(f"/jobs/{job}/result")["result"]
    assert (result["removed"], result["lost"]) == (1, [str(lost)])
    told = [entry["operation"] for entry in owner.get("/audit")["items"]]
    assert {"artifact.store", "artifact.remove", "artifact.forget", "artifact.sweep"} <= set(told)
    assert in_directory.exists()
