"""Datagrams to real sockets on loopback: answers, refusals, silence, and answers from elsewhere."""

from __future__ import annotations

import socket
import sys
import threading
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from watchfloor.capabilities.scans.connect.udp import ask, datagrams
from watchfloor.capabilities.scans.schemas import AddressRange, ProbeHost, UdpAnswers, UdpRequest
from watchfloor.kernel.errors import OutOfScope

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LOOPBACK = (AddressRange(first="127.0.0.0", last="127.255.255.255"), AddressRange(first="::1", last="::1"))
MODULE = sys.modules[ask.__module__]


@contextmanager
def listening(answer: Callable[[socket.socket, bytes, Any], object] = lambda *_: None, address: str = "127.0.0.1") -> Iterator[int]:
    """Serve UDP on a free port; the function answers as it likes."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.bind((address, 0))
        stop = threading.Event()

        def serve() -> None:
            while True:
                data, sender = sock.recvfrom(65_535)
                if stop.is_set():
                    return
                answer(sock, data, sender)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield sock.getsockname()[1]
        finally:
            stop.set()
            with socket.socket(family, socket.SOCK_DGRAM) as last:
                last.sendto(b"", sock.getsockname()[:2])
            thread.join()


def free() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def asked(*ports: int, address: str = "127.0.0.1", **more: Any) -> UdpAnswers:
    request = UdpRequest(hosts=(ProbeHost(address=address),), ports=tuple((port, port) for port in ports), permitted=LOOPBACK, **more)
    return ask(request, lambda *_, **__: None)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait a tenth as long for answers that never come."""
    monkeypatch.setattr(MODULE, "WAITS_S", (0.08, 0.16, 0.24))


def test_open_is_what_answers_closed_what_refuses_and_the_rest_is_unknown() -> None:
    with listening(lambda sock, data, sender: sock.sendto(b"echo " + data, sender)) as speaks, listening() as mute:
        closed = free()
        found = asked(speaks, mute, closed)
    (host,) = found.hosts
    assert [(one.port, one.protocol, one.replies[0].data[:5]) for one in host.ports] == [(speaks, "udp", b"echo ")]
    assert (host.closed, host.silent, host.skipped) == ((closed,), (mute,), 0)
    assert found.probes == 5  # once each that answers or refuses, three times the silent one


def test_a_port_is_asked_again_when_a_datagram_was_lost() -> None:
    heard: list[bytes] = []

    def second(sock: socket.socket, data: bytes, sender: Any) -> None:
        heard.append(data)
        if len(heard) == 2:
            sock.sendto(b"late", sender)

    with listening(second) as port:
        assert [one.port for one in asked(port).hosts[0].ports] == [port]


def test_an_answer_from_another_address_or_port_is_not_taken() -> None:
    def elsewhere(_sock: socket.socket, _data: bytes, sender: Any) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            other.sendto(b"forged", sender)

    with listening(elsewhere) as port:
        assert asked(port).hosts[0].silent == (port,)


def test_tftp_answers_from_another_port(monkeypatch: pytest.MonkeyPatch) -> None:
    def elsewhere(_sock: socket.socket, _data: bytes, sender: Any) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            other.bind(("127.0.0.1", 0))
            other.sendto(b"\0\5\0\1no\0", sender)

    with listening(elsewhere) as port:
        monkeypatch.setattr(MODULE, "TFTP", port)
        assert [one.replies[0].data[:2] for one in asked(port).hosts[0].ports] == [b"\0\5"]
        monkeypatch.setattr(MODULE, "TFTP", closed := free())
        assert asked(closed).hosts[0].closed == (closed,)  # an unconnected socket hears the refusal too


def test_the_default_community_is_tried_only_when_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[bytes] = []
    with listening(lambda _sock, data, _sender: heard.append(data)) as port:
        monkeypatch.setitem(datagrams.PROBES, port, ("snmp", datagrams.snmp))
        asked(port)
        assert not any(b"public" in data for data in heard)
        asked(port, checks=("default-snmp-community",))
        assert any(b"public" in data for data in heard)


def test_ipv6_is_asked_like_ipv4() -> None:
    with listening(lambda sock, data, sender: sock.sendto(data, sender), "::1") as port:
        assert [one.port for one in asked(port, address="::1").hosts[0].ports] == [port]


def test_time_that_is_up_leaves_the_rest_unknown() -> None:
    with listening() as mute:
        found = asked(mute, *range(1, 50), timeout=timedelta(microseconds=1))
    assert (found.stopped, found.hosts[0].skipped, found.hosts[0].silent) == ("timeout", 50, ())


def test_a_host_outside_the_permitted_ranges_is_sent_nothing() -> None:
    heard: list[bytes] = []
    with listening(lambda _sock, data, _sender: heard.append(data)) as port:
        request = UdpRequest(
            hosts=(ProbeHost(address="127.0.0.1"), ProbeHost(address="192.0.2.1")), ports=((port, port),), permitted=LOOPBACK
        )
        with pytest.raises(OutOfScope, match=r"192\.0\.2\.1 is not in the ranges"):
            ask(request, lambda *_, **__: None)
    assert heard == []
