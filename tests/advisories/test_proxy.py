"""Sources through a proxy and behind authorities of one's own, asked by a real job through a real box; what is noticed is shown."""

from __future__ import annotations

import socket
import ssl
import threading
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from tests.advisories.servers import kev_catalog
from tests.advisories.test_connect_jobs import update
from tests.api.floor import client_of
from tests.cli.desk import OpenDesk
from tests.fetch.servers import Answer, Server, serve
from tests.fetch.test_fetcher import authority
from watchfloor.capabilities.advisories.cli import commands
from watchfloor.capabilities.advisories.settings import AdvisorySettings
from watchfloor.kernel.errors import SetupError
from watchfloor.kernel.settings import read_settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from uuid import UUID

    from tests.api.floor import Client
    from tests.api.worker import Worker

LOG4SHELL, XZ = "CVE-2021-44228", "CVE-2024-3094"
NOW = datetime(2026, 8, 20, tzinfo=UTC)


@contextmanager
def proxy(port: int) -> Iterator[tuple[str, list[str]]]:
    """Be a proxy that leads every name to one port of this machine; yield its address and what it was asked, heads as they came."""
    asked: list[str] = []

    def pump(source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):  # who breaks the line off ends it
            while data := source.recv(65536):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)

    def lead(line: socket.socket) -> None:
        with line, socket.create_connection(("127.0.0.1", port), timeout=20) as far:
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                head += line.recv(1)
            asked.append(head.decode())
            line.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
            back = threading.Thread(target=pump, args=(far, line))
            back.start()
            pump(line, far)
            back.join()

    def accept() -> None:
        while True:
            try:
                line, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=lead, args=(line,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield f"http://somebody:se%3Acret@127.0.0.1:{listener.getsockname()[1]}", asked
        listener.shutdown(socket.SHUT_RDWR)
    thread.join()


@pytest.fixture
def pem(tmp_path: Path) -> tuple[Path, ssl.SSLContext]:
    """Make an authority that is its own server at mirror.corp."""
    certificate, key = authority()
    (tmp_path / "authority.pem").write_text(certificate)
    (tmp_path / "both.pem").write_text(certificate + key)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(tmp_path / "both.pem")
    return tmp_path / "authority.pem", tls


@pytest.fixture
def mirror(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """Be the operator's mirror of CISA's catalog."""
    with serve() as server:
        monkeypatch.setenv("WATCHFLOOR_ADVISORIES_KEV_URL", f"{server.url}/kev.json")
        monkeypatch.setenv("WATCHFLOOR_ADVISORIES_KEV_FALLBACK_URL", "")
        yield server


def shown(client: Client) -> dict[str, Any]:
    found: dict[str, Any] = client.get("/advisories/sources/kev")
    return found


def test_other_hosts_are_reached_through_the_proxy_and_mirrors_without_it(
    worker: Worker, org: UUID, owner: Client, mirror: Server, pem: tuple[Path, ssl.SSLContext], monkeypatch: pytest.MonkeyPatch
) -> None:
    mirror.plan["/kev.json"] = [Answer(status=302, headers={"Location": "https://mirror.corp/files/kev.json"})]
    monkeypatch.setenv("WATCHFLOOR_ADVISORIES_ALLOWED_HOSTS", "mirror.corp")
    monkeypatch.setenv("WATCHFLOOR_ADVISORIES_AUTHORITIES", str(pem[0]))
    with serve(tls=pem[1]) as storage, proxy(storage.port) as (address, asked):
        storage.plan["/files/kev.json"] = [Answer(body=kev_catalog([LOG4SHELL, XZ], released=NOW))]
        monkeypatch.setenv("WATCHFLOOR_ADVISORIES_PROXY", address)
        assert update(worker, org, sources=["kev"]) == "succeeded"
    assert [head.partition("\r\n")[0] for head in asked] == ["CONNECT mirror.corp:443 HTTP/1.1"]
    assert "Proxy-Authorization: Basic c29tZWJvZHk6c2U6Y3JldA==" in asked[0]
    assert shown(owner)["rows"] == 2


def test_without_the_authority_the_server_is_not_believed(
    worker: Worker, org: UUID, owner: Client, mirror: Server, pem: tuple[Path, ssl.SSLContext], monkeypatch: pytest.MonkeyPatch
) -> None:
    mirror.plan["/kev.json"] = [Answer(status=302, headers={"Location": "https://mirror.corp/files/kev.json"})]
    monkeypatch.setenv("WATCHFLOOR_ADVISORIES_ALLOWED_HOSTS", "mirror.corp")
    with serve(tls=pem[1]) as storage, proxy(storage.port) as (address, _asked):
        monkeypatch.setenv("WATCHFLOOR_ADVISORIES_PROXY", address)
        assert update(worker, org, sources=["kev"]) == "failed"
    told = shown(owner)
    assert "its certificate does not verify" in told["last_error"]["message"]
    assert "se%3Acret" not in str(told)


@pytest.mark.parametrize("content", [None, "", "no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_a_file_without_certificates_is_an_error_that_names_the_setting(
    worker: Worker, org: UUID, owner: Client, mirror: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str | None
) -> None:
    mirror.plan["/kev.json"] = [Answer(body=kev_catalog([LOG4SHELL], released=NOW))]
    if content is not None:
        (tmp_path / "authorities.pem").write_text(content)
    monkeypatch.setenv("WATCHFLOOR_ADVISORIES_AUTHORITIES", str(tmp_path / "authorities.pem"))
    assert update(worker, org, sources=["kev"]) == "failed"
    assert "WATCHFLOOR_ADVISORIES_AUTHORITIES" in shown(owner)["last_error"]["message"]
    assert mirror.asked == []


@pytest.mark.parametrize(
    "address", ["socks5://127.0.0.1:1080", "proxy.example:3128", "http://", "http://p.example/path", "http://u:secret@p:0"]
)
def test_what_is_no_proxy_is_refused_and_not_repeated(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("WATCHFLOOR_ADVISORIES_PROXY", address)
    with pytest.raises(SetupError, match="WATCHFLOOR_ADVISORIES_PROXY") as refused:
        read_settings(AdvisorySettings, "advisories")
    assert "secret" not in str(refused.value)


def test_what_was_noticed_is_shown_until_it_is_so_no_more(worker: Worker, org: UUID, owner: Client, mirror: Server) -> None:
    twice = kev_catalog([LOG4SHELL, LOG4SHELL, XZ], released=NOW)
    mirror.plan["/kev.json"] = [Answer(body=twice), Answer(body=kev_catalog([LOG4SHELL, XZ], released=NOW.replace(hour=1)))]
    assert update(worker, org, sources=["kev"]) == "succeeded"
    (noted,) = shown(owner)["notes"]
    assert "holds 1 ids more than once" in noted
    assert noted in " ".join(OpenDesk(worker.ledger, org).run(commands, "status").output.split())
    viewer = client_of(owner.http, worker.ledger, org, "viewer")
    assert next(one for one in viewer.get("/advisories/sources") if one["name"] == "kev")["notes"] == [noted]
    assert update(worker, org, sources=["kev"]) == "succeeded"
    assert shown(owner)["notes"] == []
