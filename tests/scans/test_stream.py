"""A scan as server-sent events, over a real connection."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from tests.scans import servers
from tests.scans.floor import allow

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.api.floor import Client
    from tests.scans.floor import Worker
    from watchfloor.kernel.jobs.ledger import Ledger

Event = tuple[str, dict[str, Any]]


@contextmanager
def follow(client: Client, scan: str) -> Iterator[Iterator[Event]]:
    """Open a scan's stream; iterating waits for the next event."""
    with client.http.stream("GET", f"/api/v1/scans/{scan}/stream", headers={"Authorization": f"Bearer {client.key}"}) as answer:
        assert answer.status_code == 200, answer.read()
        lines = answer.iter_lines()
        assert next(lines) == "retry: 2000"
        yield events(lines)


def events(lines: Iterator[str]) -> Iterator[Event]:
    name = ""
    for line in lines:
        if line.startswith("event: "):
            name = line[7:]
        elif line.startswith("data: "):
            yield name, json.loads(line[6:])


def begin(client: Client, ports: str) -> str:
    return str(client.post("/scans", {"targets": ["127.0.0.1"], "ports": ports})["id"])


def test_a_scans_stream_tells_its_progress_each_open_port_and_its_end(owner: Client, worker: Worker, ledger: Ledger) -> None:
    allow(ledger, owner.org, "127.0.0.0/8")
    with servers.listening(servers.banner(b"SSH-2.0-OpenSSH_9.2p1\r\n")) as ssh, servers.refusing() as closed:
        scan = begin(owner, f"{ssh},{closed}")
        with follow(owner, scan) as told:
            name, first = next(told)
            assert (name, first["state"], first["percent"]) == ("progress", "planned", 0)
            worker.run_all(owner.org)
            rest = list(told)
    assert [name for name, _ in rest].count("end") == 1
    assert (rest[-1][0], rest[-1][1]["state"]) == ("end", "finished")
    assert ("port", ssh, "OpenSSH") in [(name, data.get("port"), data.get("product")) for name, data in rest]
    last = [data for name, data in rest if name == "progress"][-1]
    assert (last["done"], last["total"], last["percent"], last["open"], last["current_group"]) == (2, 2, 100, 1, None)


def test_the_stream_of_an_ended_scan_tells_all_and_ends(owner: Client, worker: Worker, ledger: Ledger) -> None:
    allow(ledger, owner.org, "127.0.0.0/8")
    with servers.listening(servers.banner(b"220 hello\r\n")) as port:
        scan = begin(owner, str(port))
        worker.run_all(owner.org)
    with follow(owner, scan) as told:
        assert [name for name, _ in told] == ["port", "progress", "end"]


def test_an_unknown_scan_has_no_stream(owner: Client) -> None:
    assert owner.ask("GET", f"/scans/{uuid4()}/stream").status_code == 404
