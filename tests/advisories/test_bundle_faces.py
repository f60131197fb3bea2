"""Bundles over REST: who may export, the file there and back again, and an upload that is none."""

from __future__ import annotations

import shutil
import socket
from typing import TYPE_CHECKING, Any

import pytest

from tests.advisories.test_bundle import RECORDED, another_byte, empty, folder, members, run, state, write
from tests.api.floor import Client, client_of
from watchfloor.capabilities.advisories.jobs import import_files
from watchfloor.capabilities.advisories.jobs.importing import ImportFiles
from watchfloor.kernel.artifacts.store import store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.api.worker import Worker

AT = "/advisories/bundles"
__all__ = ["folder"]


def ended(owner: Client, worker: Worker, answer: Any) -> dict[str, Any]:
    """Run what was started to its end and return the task."""
    assert answer.status_code == 202, answer.text
    worker.run_all(owner.org)
    found: dict[str, Any] = owner.get(answer.headers["Location"])
    return found


@pytest.fixture
def bundle(owner: Client, worker: Worker, folder: Path) -> str:
    """Learn what the recorded files say, and export it over REST."""
    shutil.copytree(RECORDED, folder / "recorded", ignore=shutil.ignore_patterns("exploits"))
    assert run(worker, owner.org, import_files, ImportFiles(paths=["recorded"]))[0] == "SUCCESS"
    return str(ended(owner, worker, owner.ask("POST", AT, json={}))["result"]["artifact"])


def content(owner: Client, bundle: str) -> bytes:
    answer = owner.ask("GET", f"{AT}/{bundle}/content")
    assert answer.status_code == 200
    return answer.content


def listed(owner: Client) -> list[str]:
    return [one["id"] for one in owner.get(AT)["items"]]


def test_what_was_exported_is_listed_downloaded_and_taken_by_who_knows_nothing(owner: Client, worker: Worker, bundle: str) -> None:
    before = state(worker.ledger, owner.org)
    assert listed(owner) == [bundle]
    file = content(owner, bundle)
    empty(worker.ledger)
    task = ended(owner, worker, owner.ask("POST", f"{AT}/import", content=file))
    assert task["state"] == "SUCCESS", task
    assert state(worker.ledger, owner.org) == before
    assert listed(owner) == [bundle], "what was sent is removed after it was taken"


def test_a_stored_bundle_is_taken_by_its_id_and_stays(owner: Client, worker: Worker, bundle: str) -> None:
    task = ended(owner, worker, owner.ask("POST", f"{AT}/import", params={"artifact": bundle, "verify": True}))
    assert (task["state"], task["result"]["documents"] > 0, task["result"]["merged"]) == ("SUCCESS", True, 0)
    assert listed(owner) == [bundle]


def test_a_changed_upload_is_refused_and_nothing_of_it_is_taken(owner: Client, worker: Worker, bundle: str, tmp_path: Path) -> None:
    (tmp_path / "good").write_bytes(content(owner, bundle))
    write(tmp_path / "bad", another_byte(members(tmp_path / "good"), 2))
    empty(worker.ledger)
    task = ended(owner, worker, owner.ask("POST", f"{AT}/import", content=(tmp_path / "bad").read_bytes()))
    assert (task["state"], "not what was signed" in str(task["error"])) == ("FAILURE", True)
    assert not any(state(worker.ledger, owner.org).values())


def test_an_upload_is_larger_than_other_bodies_may_be_and_comes_without_its_length(owner: Client, worker: Worker) -> None:
    def pieces() -> Iterator[bytes]:
        for _ in range(40):
            yield b"\0" * 65536

    task = ended(owner, worker, owner.ask("POST", f"{AT}/import", content=pieces()))
    assert (task["state"], "is no bundle" in str(task["error"])) == ("FAILURE", True)


def test_repeated_with_its_key_an_upload_is_one(owner: Client) -> None:
    first, second = (owner.ask("POST", f"{AT}/import", content=b"x", headers={"Idempotency-Key": "one"}).json()["id"] for _ in range(2))
    assert first == second
    assert len(listed(owner)) == 1
    other = owner.ask("POST", f"{AT}/import", content=b"y", headers={"Idempotency-Key": "one"})
    assert other.status_code == 409


def test_an_import_names_one_bundle(owner: Client, bundle: str) -> None:
    assert owner.ask("POST", f"{AT}/import").status_code == 422
    assert owner.ask("POST", f"{AT}/import", params={"artifact": bundle}, content=b"x").status_code == 422


def test_other_files_are_no_bundles(owner: Client, worker: Worker) -> None:
    with worker.ledger.database.transaction(owner.org) as session:
        other = store(worker.ledger, session, owner.org, name="x", media_type="text/plain", content=b"x")
    assert owner.ask("GET", f"{AT}/{other}/content").status_code == 404
    assert owner.ask("POST", f"{AT}/import", params={"artifact": str(other)}).status_code == 404
    assert listed(owner) == []


@pytest.mark.parametrize(("role", "code"), [("viewer", 403), ("analyst", 403), ("operator", 403), ("admin", 202)])
def test_exporting_needs_an_administrator_by_whichever_door(owner: Client, worker: Worker, role: str, code: int) -> None:
    kind = "advisories.export_bundle"
    job = owner.submit(kind)
    worker.run(job)
    schedule = owner.post("/schedules", {"name": "s", "kind": kind, "every": 3600})["id"]
    somebody = client_of(owner.http, worker.ledger, owner.org, role)
    told = {
        "bundles": somebody.ask("POST", AT, json={}),
        "jobs": somebody.ask("POST", "/jobs", json={"kind": kind}),
        "many": somebody.ask("POST", "/jobs/bulk", json={"kind": kind, "arguments": [{}]}),
        "tasks": somebody.ask("POST", f"/tasks/{kind}", json={}),
        "again": somebody.ask("POST", f"/jobs/{job}/retry"),
        "now": somebody.ask("POST", f"/schedules/{schedule}/run"),
        "later": somebody.ask("POST", "/schedules", json={"name": "t", "kind": kind, "every": 3600}),
    }
    assert {name: answer.status_code for name, answer in told.items()} == {
        name: 201 if code == 202 and name == "later" else code for name in told
    }


@pytest.mark.parametrize(("role", "code"), [("viewer", 403), ("analyst", 403), ("operator", 202)])
def test_importing_needs_an_operator(owner: Client, worker: Worker, role: str, code: int) -> None:
    somebody = client_of(owner.http, worker.ledger, owner.org, role)
    assert somebody.ask("POST", f"{AT}/import", content=b"x").status_code == code


def test_who_may_not_is_told_so_before_the_file_is_read(owner: Client) -> None:
    head = (
        f"POST /api/v1{AT}/import HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer wf_nobody\r\nContent-Length: 500000000\r\n\r\n"
    ).encode()
    with socket.create_connection(("127.0.0.1", owner.http.base_url.port or 0), timeout=20) as line:
        line.sendall(head + b"x" * 100_000)
        answer = line.makefile("rb").read()
    assert answer.startswith(b"HTTP/1.1 401 ")
    assert b"unauthenticated" in answer


def test_an_announced_upload_beyond_what_an_artifact_may_be_is_refused(owner: Client) -> None:
    head = f"POST /api/v1{AT}/import HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {owner.key}\r\nContent-Length: 1073741825\r\n\r\n"
    with socket.create_connection(("127.0.0.1", owner.http.base_url.port or 0), timeout=10) as line:
        line.sendall(head.encode())
        answer = line.makefile("rb").read()
    assert answer.startswith(b"HTTP/1.1 413 ")
