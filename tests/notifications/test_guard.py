"""Addresses that no webhook reaches, however they are spelled: listeners on this machine count who comes."""

from __future__ import annotations

import socket
import threading
from contextlib import ExitStack
from ipaddress import ip_network
from typing import TYPE_CHECKING

import pytest

from tests.fetch.servers import Answer, serve
from tests.notifications.receivers import Kept, batch, envelope, listening
from watchfloor.capabilities.notifications.channels import slack, webhook
from watchfloor.capabilities.notifications.schemas.wire import ChannelKind, Outcome, Sent
from watchfloor.kernel.errors import EgressRefused
from watchfloor.kernel.fetch.dial import trust
from watchfloor.kernel.fetch.guard import Reach
from watchfloor.kernel.fetch.post import Limits, NoAnswer, Poster

if TYPE_CHECKING:
    from collections.abc import Iterator

SECRET = "T0KEN-b7d1e2f3"
SPELLINGS = [
    "127.0.0.1", "127.1", "127.0.1", "0x7f.1", "0x7f000001", "2130706433", "017700000001", "0177.0.0.1", "127.000.000.001", "127.0.0.1.",
    "127.255.255.254", "127.0.0.2", "\uff11\uff12\uff17.0.0.1", "127\u30020\u30020\u30021", "\u2460\u2461\u2466.0.0.1", "0", "0.0.0.0", "0x0", "00",  # noqa: S104 - refused
    "localhost", "LOCALHOST.", "loca\u00adlhost", "ip6-localhost", "[::]", "[::1]", "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]",
    "[::127.0.0.1]", "[::ffff:0:127.0.0.1]", "[64:ff9b::127.0.0.1]", "[64:ff9b::a9fe:a9fe]", "[64:ff9b:1::7f00:1]", "[2002:7f00:1::]",
    "[2002:a9fe:a9fe::1]", "[2001:0:4136:e378:8000:63bf:3fff:fdd2]", "[fe80::1]", "[fe80::1%25lo]", "[::1%25lo]", "[fec0::1]", "[fc00::1]", "[ff02::1]",
    "[2001:db8::1]", "[::a9fe:a9fe]", "[fd00:ec2::254]", "10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1", "100.100.100.200", "198.18.0.1",
    "169.254.169.254", "0xa9fea9fe", "2852039166", "169.254.43518", "0251.0376.0251.0376", "168.63.129.16", "192.0.0.192", "224.0.0.1", "255.255.255.255",
    "metadata.google.internal", "user@127.0.0.1", "user:pass@localhost", "example.org@127.0.0.1", "127.0.0.1%00.example.org", "127.0.0.1\\@example.org",
    "127.0.0.1 .example.org", "\t127.0.0.1", "127.0.0.1\r\nHost: x",
]  # fmt: skip


@pytest.fixture
def doors() -> Iterator[tuple[int, list[int]]]:
    """One port at which every address of this machine listens that can; connections are counted, not served."""
    with ExitStack() as stack:
        port, found = stack.enter_context(listening(lambda _: None, "0.0.0.0"))  # noqa: S104 - of a test's second
        if socket.has_dualstack_ipv6() or socket.has_ipv6:
            try:
                found = _Both(found, stack.enter_context(listening(lambda _: None, "::1", port))[1])
            except OSError:
                found = _Both(found)  # no IPv6 here
        yield port, found


class _Both(list[int]):
    """Connections at two doors."""

    def __init__(self, *parts: list[int]) -> None:
        super().__init__()
        self._parts = parts

    def __len__(self) -> int:
        return sum(map(len, self._parts))


def outcomes(kind: ChannelKind, urls: list[str], port: int, networks: tuple[str, ...] = ()) -> list[Outcome]:
    send = {ChannelKind.WEBHOOK: webhook.send, ChannelKind.SLACK: slack.send}[kind]
    report = Kept()
    envelopes = [envelope(kind, url=url) for url in urls]
    return report.all(send(batch(*envelopes, ports=(port, 80, 443), networks=networks), report))


@pytest.mark.parametrize("kind", [ChannelKind.WEBHOOK, ChannelKind.SLACK])
def test_no_spelling_of_what_is_not_public_is_ever_connected_to(doors: tuple[int, list[int]], kind: ChannelKind) -> None:
    assert len(SPELLINGS) >= 60
    port, connections = doors
    urls = [f"{scheme}://{host}:{port}/{SECRET}" for host in SPELLINGS for scheme in ("http", "https")][:199]
    found = outcomes(kind, urls, port)
    # A name that nobody knows here was looked up and found nowhere, or not in time; all else is refused for good.
    assert {(one.kind, one.code) for one in found} <= {(Sent.PERMANENT, "egress_refused"), (Sent.RETRY, "lookup"), (Sent.RETRY, "timeout")}
    assert sum(one.kind is Sent.RETRY for one in found) <= 6
    assert not any(SECRET in one.model_dump_json() for one in found)
    assert len(connections) == 0


def test_the_doors_would_have_counted(doors: tuple[int, list[int]]) -> None:
    port, connections = doors
    outcomes(ChannelKind.WEBHOOK, [f"http://127.1:{port}/"], port, ("127.0.0.0/8",))
    assert len(connections) == 1


@pytest.mark.parametrize("scheme", ["ftp", "file", "gopher", "dict", "ws", "javascript", "HTTP+UNIX", ""])
def test_nothing_but_http_is_spoken(doors: tuple[int, list[int]], scheme: str) -> None:
    port, connections = doors
    (found,) = outcomes(ChannelKind.WEBHOOK, [f"{scheme}://127.0.0.1:{port}/"], port, ("127.0.0.0/8",))
    assert (found.code, len(connections)) == ("egress_refused", 0)


def test_other_ports_than_those_set_are_refused(doors: tuple[int, list[int]]) -> None:
    port, connections = doors
    (found,) = outcomes(ChannelKind.WEBHOOK, [f"http://127.0.0.1:{port}/"], 8443, ("127.0.0.0/8",))
    assert (found.code, len(connections)) == ("egress_refused", 0)


def poster(reach: Reach, answers: list[list[str]], asked: list[str]) -> Poster:
    def resolve(host: str, _: int) -> list[str]:
        asked.append(host)
        return answers.pop(0)

    return Poster(reach, agent="test", trusted=trust(), resolve=resolve)


def test_one_bad_answer_among_good_ones_refuses_the_name(doors: tuple[int, list[int]]) -> None:
    port, connections = doors
    reach = Reach(ports=frozenset({port}), plain=True)
    with poster(reach, [["8.8.8.8", "127.0.0.1"]], []) as posting, pytest.raises(EgressRefused, match=r"127\.0\.0\.1"):
        posting.post(f"http://two-faced.example:{port}/", b"", {})
    assert len(connections) == 0


def test_a_name_that_points_elsewhere_the_second_time_is_dialled_where_it_was_judged() -> None:
    """The first answer is in a listed network, each later one is not; both have a listener that counts."""
    asked: list[str] = []
    with (
        listening(lambda door: door.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"), "127.0.0.2") as (
            port,
            fine,
        ),
        listening(lambda _: None, "127.0.0.1", port) as (_, bad),
    ):
        reach = Reach(networks=(ip_network("127.0.0.2/32"),), near=True, ports=frozenset({port}), plain=True)
        with poster(reach, [["127.0.0.2"], ["127.0.0.1"]], asked) as posting:
            answer = posting.post(f"http://rebinding.example:{port}/", b"", {})
            assert (answer.status, answer.address, asked) == (200, "127.0.0.2", ["rebinding.example"])
            with pytest.raises(EgressRefused):
                posting.post(f"http://rebinding.example:{port}/", b"", {})
        assert (len(fine), len(bad), len(asked)) == (1, 0, 2)


def test_a_name_that_nobody_answers_for_does_not_hold_up_for_ever() -> None:
    never_ends = threading.Event()

    def never(_host: str, _port: int) -> list[str]:
        never_ends.wait(20)
        return ["127.0.0.1"]

    reach = Reach(networks=(ip_network("127.0.0.0/8"),), near=True, plain=True, ports=frozenset({80}))
    limits = Limits(connect_s=0.1, total_s=0.2)
    with Poster(reach, agent="test", trusted=trust(), limits=limits, resolve=never) as posting, pytest.raises(NoAnswer) as caught:
        posting.post("http://slow.example/", b"", {})
    never_ends.set()
    assert caught.value.word == "timeout"


def test_no_proxy_of_the_environment_and_no_cookie_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with serve() as proxy, serve() as receiver:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        receiver.plan["/a"] = [Answer(headers={"Set-Cookie": "a=b"})]
        found = outcomes(ChannelKind.WEBHOOK, [f"{receiver.url}/a"] * 2, receiver.port, ("127.0.0.0/8",))
        assert [one.kind for one in found] == [Sent.OK, Sent.OK]
        assert proxy.asked == []
        assert not any("cookie" in asked.headers for asked in receiver.asked)
