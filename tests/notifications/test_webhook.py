"""Webhooks to receivers that do everything a receiver can do."""

from __future__ import annotations

import json
import socket
import struct
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any

import pytest
import standardwebhooks

from tests.fetch.servers import Answer, Server, serve
from tests.notifications.receivers import Authority, Kept, batch, envelope, listening
from watchfloor.capabilities.notifications.channels import webhook
from watchfloor.capabilities.notifications.engine import sign
from watchfloor.capabilities.notifications.engine.to_webhook import to_webhook
from watchfloor.capabilities.notifications.schemas.message import Message
from watchfloor.capabilities.notifications.schemas.wire import ChannelKind, Envelope, Outcome, Sent
from watchfloor.kernel.contract import Severity
from watchfloor.kernel.fetch.post import Limits
from watchfloor.kernel.sandbox.client import Sandbox
from watchfloor.kernel.sandbox.profiles import NOTIFY
from watchfloor.kernel.sandbox.zygote import start

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

KEY = sign.shared_key(bytes(range(32)))
SECRET = "T0KEN-b7d1e2f3"


@pytest.fixture
def server() -> Iterator[Server]:
    with serve() as started:
        yield started


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Limits of a second instead of fifteen."""
    monkeypatch.setattr(webhook, "LIMITS", Limits(connect_s=0.5, total_s=0.5, body_s=0.2))


def hook(url: str, body: bytes = b"{}", **headers: str) -> Envelope:
    return envelope(ChannelKind.WEBHOOK, body, headers, url=url)


def sent(*envelopes: Envelope, ports: tuple[int, ...], authorities: str = "") -> list[Outcome]:
    report = Kept()
    found = report.all(webhook.send(batch(*envelopes, ports=ports, authorities=authorities), report))
    order = {one.delivery_id: number for number, one in enumerate(envelopes)}
    assert sorted(order[one.delivery_id] for one in found) == list(range(len(envelopes)))  # one outcome each
    return sorted(found, key=lambda one: order[one.delivery_id])


def one(url: str, port: int, authorities: str = "") -> Outcome:
    return sent(hook(url), ports=(port,), authorities=authorities)[0]


def message() -> Message:
    return Message(type="finding.opened", severity=Severity.HIGH, title="TLS 1.0 on \u00fc", asset="web-1", occurred_at=datetime.now(UTC))


def test_what_arrives_is_what_was_signed(server: Server) -> None:
    server.plan["/hook"] = [Answer(status=204)]
    body, headers = to_webhook(message(), idem=b"\x01" * 32, at=datetime.now(UTC), keys=[KEY], headers={"X-Team": "blue"})
    (outcome,) = sent(hook(f"{server.url}/hook", body, **headers), ports=(server.port,))
    assert (outcome.kind, outcome.code, outcome.address) == (Sent.OK, "204", "127.0.0.1")
    (asked,) = server.asked
    assert standardwebhooks.Webhook(KEY).verify(asked.body, dict(asked.headers))["data"]["severity"] == "high"
    assert asked.headers["webhook-id"] == f"msg_{'01' * 32}"
    assert (asked.headers["x-team"], asked.headers["content-type"]) == ("blue", "application/json")
    assert asked.headers["user-agent"].startswith("Watchfloor/")
    assert asked.headers["host"] == f"127.0.0.1:{server.port}"


@pytest.mark.parametrize(("status", "kind"), [
    (200, Sent.OK), (202, Sent.OK), (204, Sent.OK), (299, Sent.OK), (304, Sent.RETRY), (400, Sent.RETRY), (401, Sent.RETRY),
    (404, Sent.RETRY), (408, Sent.RETRY), (410, Sent.DISABLE), (425, Sent.RETRY), (429, Sent.RETRY), (500, Sent.RETRY), (503, Sent.RETRY),
])  # fmt: skip
def test_each_status_means_one_thing(server: Server, status: int, kind: Sent) -> None:
    server.plan["/a"] = [Answer(status=status, body=b"" if status in {204, 304} else b"said so")]
    outcome = one(f"{server.url}/a", server.port)
    assert (outcome.kind, outcome.code) == (kind, str(status))
    assert outcome.head == ("" if status in {204, 304} else "said so")


@pytest.mark.parametrize(("header", "least", "most"), [
    ("7", 7, 7), ("0", 1, 1), ("999999999", 86_400, 86_400), (lambda now: format_datetime(now + timedelta(seconds=90), usegmt=True), 80, 91),
    (lambda now: format_datetime(now - timedelta(days=1), usegmt=True), 1, 1),
])  # fmt: skip
def test_who_asks_to_wait_is_waited_for(server: Server, header: str | Callable[[datetime], str], least: float, most: float) -> None:
    told = header if isinstance(header, str) else header(datetime.now(UTC))
    server.plan["/a"] = [Answer(status=429, headers={"Retry-After": told})]
    outcome = one(f"{server.url}/a", server.port)
    assert outcome.retry_after_s is not None
    assert least <= outcome.retry_after_s <= most


@pytest.mark.parametrize("told", ["soon", "-5", "", "1e9", "\u0661"])
def test_a_wait_that_nobody_understands_is_none(server: Server, told: str) -> None:
    server.plan["/a"] = [Answer(status=503, headers={"Retry-After": told.encode().decode("latin-1")})]
    assert one(f"{server.url}/a", server.port).retry_after_s is None


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed(server: Server, status: int) -> None:
    with serve() as elsewhere:
        for place in ("http://169.254.169.254/latest/meta-data/", f"{elsewhere.url}/x", "/again", "file:///etc/passwd"):
            server.plan["/a"] = [Answer(status=status, headers={"Location": place})]
            outcome = one(f"{server.url}/a", server.port)
            assert outcome.kind is Sent.RETRY
            assert outcome.reason.startswith("redirect refused")
        assert elsewhere.asked == []
    assert set(server.paths) == {"/a"}


def test_connections_are_kept_for_the_next_message(server: Server) -> None:
    server.plan["/a"] = [Answer(body=b"thanks")]
    accepted: list[object] = []
    handle = server.httpd.process_request

    def counted(*asked: Any) -> None:
        accepted.append(asked)
        handle(*asked)

    server.httpd.process_request = counted  # type: ignore[method-assign,assignment] # counts
    found = sent(*(hook(f"{server.url}/a") for _ in range(40)), ports=(server.port,))
    assert {outcome.kind for outcome in found} == {Sent.OK}
    assert len(accepted) <= webhook.PER_HOST


def reset(connection: socket.socket) -> None:
    connection.recv(65536)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def endless_headers(connection: socket.socket) -> None:
    connection.recv(65536)
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    while True:
        connection.sendall(b"X-More: " + b"y" * 1000 + b"\r\n")


def endless_informing(connection: socket.socket) -> None:
    connection.recv(65536)
    while True:
        connection.sendall(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")


def gibberish(connection: socket.socket) -> None:
    connection.recv(65536)
    connection.sendall(b"SSH-2.0-OpenSSH_9.6\r\n")


def hangs_up(connection: socket.socket) -> None:
    connection.recv(65536)


def says_nothing(connection: socket.socket) -> None:
    while connection.recv(65536):
        pass


def drips(connection: socket.socket) -> None:
    connection.recv(65536)
    connection.settimeout(0.05)
    for byte in b"HTTP/1.1 200 OK\r\nX-Slow: " + b"z" * 10_000:
        connection.sendall(bytes([byte]))
        try:
            if not connection.recv(1):
                return
        except TimeoutError:
            continue


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(("script", "code"), [
    (reset, "connection|protocol"), (endless_headers, "connection"), (endless_informing, "connection"), (gibberish, "protocol"), (hangs_up, "protocol"),
    (says_nothing, "timeout"), (drips, "timeout"),
])  # fmt: skip
def test_a_receiver_that_misbehaves_is_tried_again(script: Callable[[socket.socket], None], code: str) -> None:
    with listening(script) as (port, connections):
        outcome = one(f"http://127.0.0.1:{port}/{SECRET}", port)
    assert (outcome.kind, outcome.address) == (Sent.RETRY, "127.0.0.1")
    assert outcome.code in code.split("|")
    assert len(connections) == 1
    assert SECRET not in outcome.model_dump_json()


def test_of_a_huge_body_only_the_beginning_is_read() -> None:
    read: list[int] = []

    def huge(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
        written = 0
        try:
            while written < 1_000_000_000:
                written += connection.send(b"a" * 65536)
        finally:
            read.append(written)

    with listening(huge) as (port, _):
        outcome = one(f"http://127.0.0.1:{port}/", port)
    assert (outcome.kind, outcome.code, len(outcome.head)) == (Sent.OK, "200", 1000)
    assert read == [] or read[0] < 50_000_000  # what buffers of two ends hold, not what was promised


@pytest.mark.usefixtures("quick")
def test_a_message_that_was_taken_is_taken_even_if_the_words_to_it_never_end(server: Server) -> None:
    server.plan["/a"] = [Answer(body=b"thank you", stall=5)]
    outcome = one(f"{server.url}/a", server.port)
    assert (outcome.kind, outcome.head) == (Sent.OK, "thank")


def test_nothing_is_unpacked(server: Server) -> None:
    bomb = b"\x1f\x8b\x08" + b"\0" * 60
    server.plan["/a"] = [Answer(body=bomb, headers={"Content-Encoding": "gzip"})]
    outcome = one(f"{server.url}/a", server.port)
    assert outcome.kind is Sent.OK
    assert server.asked[0].headers["accept-encoding"] == "identity"
    assert "\0" not in outcome.head


def test_nothing_secret_comes_back_in_an_outcome(server: Server) -> None:
    path = f"/services/{SECRET}?sig=q-{SECRET}"
    server.answer = lambda asked: Answer(status=500, body=f"{asked.path} {asked.headers['authorization']} \0\x1b[31m".encode())
    (outcome,) = sent(hook(server.url + path, Authorization=f"Bearer {SECRET}-x"), ports=(server.port,))
    assert SECRET not in outcome.model_dump_json()
    assert outcome.head.isprintable()


def test_a_host_that_hangs_holds_up_nobody_else(server: Server, quick: None) -> None:
    del quick
    server.plan["/a"] = [Answer()]
    with listening(says_nothing) as (port, connections):
        stuck = [hook(f"http://127.0.0.1:{port}/") for _ in range(20)]
        found = sent(*stuck, *(hook(f"{server.url}/a") for _ in range(20)), ports=(server.port, port))
    assert {outcome.kind for outcome in found[20:]} == {Sent.OK}
    assert {outcome.code for outcome in found[:20]} <= {"timeout", "not_tried"}
    assert len(connections) <= 20


def test_after_a_batch_ran_out_of_time_the_rest_was_not_tried(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("watchfloor.capabilities.notifications.channels.lanes.TIME_S", 0.5)
    found = sent(*(hook(f"{server.url}/a") for _ in range(5)), ports=(server.port,))
    assert {(outcome.kind, outcome.code) for outcome in found} == {(Sent.RETRY, "not_tried")}
    assert server.asked == []


def test_outcomes_are_handed_over_on_the_way(server: Server) -> None:
    server.plan["/a"] = [Answer()]
    report = Kept()
    last = webhook.send(batch(*(hook(f"{server.url}/a") for _ in range(50)), ports=(server.port,)), report)
    assert [len(part.outcomes) for part in report.parts] == [20, 20]
    assert len(last.outcomes) == 10


def test_certificates_are_checked_for_the_name_that_was_asked_for(tmp_path: Path) -> None:
    ours, foreign = Authority(tmp_path), Authority(tmp_path)
    with (
        serve(tls=ours.server("127.0.0.1", "localhost")) as fine,
        serve(tls=ours.server("other.example")) as named,
        serve(tls=ours.server("127.0.0.1", expired=True)) as old,
    ):
        for receiver in (fine, named, old):
            receiver.plan["/a"] = [Answer()]
        assert one(f"{fine.url}/a", fine.port, ours.pem).kind is Sent.OK
        assert one(f"https://localhost:{fine.port}/a", fine.port, ours.pem).kind is Sent.OK
        wrong = one(f"{named.url}/a", named.port, ours.pem)
        assert (wrong.kind, wrong.code) == (Sent.PERMANENT, "tls_name")
        for found in (
            one(f"{fine.url}/a", fine.port, foreign.pem),
            one(f"{fine.url}/a", fine.port),
            one(f"{old.url}/a", old.port, ours.pem),
        ):
            assert (found.kind, found.code) == (Sent.RETRY, "tls")
        assert (named.asked, old.asked, len(fine.asked)) == ([], [], 2)


def test_plain_http_where_tls_is_spoken_and_the_other_way_round(server: Server) -> None:
    outcome = one(f"https://127.0.0.1:{server.port}/", server.port)
    assert (outcome.kind, outcome.code) == (Sent.RETRY, "tls")


def test_nobody_listening_and_no_such_name() -> None:
    with listening(hangs_up) as (port, _):
        pass
    assert one(f"http://127.0.0.1:{port}/", port).code == "connection"
    assert one(f"http://no-such-name.invalid:{port}/", port).code == "lookup"


def test_a_box_sends_with_what_it_was_given_and_nothing_else(server: Server) -> None:
    server.plan["/a"] = [Answer(body=b"fine")]
    with start() as nursery, listening(says_nothing) as (port, _):
        kept: list[Outcome] = []

        def keep(part: object) -> dict[str, str]:
            kept.extend(part.outcomes)  # type: ignore[attr-defined] # an answer's own shape
            return {}

        asked = batch(*(hook(f"{server.url}/a") for _ in range(60)), hook(f"http://10.0.0.1:{port}/"), ports=(server.port, port))
        last = Sandbox(nursery.address).run(webhook.send, asked, deadline=timedelta(seconds=30), profile=NOTIFY, keep=keep)
    found = {one.delivery_id: one for one in (*kept, *last.outcomes)}
    kinds = [found[one.delivery_id].kind for one in asked.envelopes]
    assert kinds == [Sent.OK] * 60 + [Sent.PERMANENT]
    assert len(server.asked) == 60
    assert json.loads(server.asked[0].body) == {}
