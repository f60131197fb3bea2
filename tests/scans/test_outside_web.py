"""Facts about reading web servers, against real ones on loopback."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, ClassVar

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from tests.scans import factories, servers
from tests.scans.factories import TODAY
from watchfloor.capabilities.scans.connect import optional, web
from watchfloor.capabilities.scans.connect.audit import audit
from watchfloor.capabilities.scans.connect.murmur import favicon_hash, murmur3
from watchfloor.capabilities.scans.connect.web import Site, parse
from watchfloor.capabilities.scans.engine.audited import audited
from watchfloor.capabilities.scans.engine.judge import judge
from watchfloor.capabilities.scans.engine.web import facts
from watchfloor.capabilities.scans.schemas import Limits, PortAnswer, Reply, Service, WebAnswer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

ICON = b"\x89PNG" + bytes(range(256)) * 4
Routes = dict[str, tuple[int, dict[str, str], bytes]]


@contextmanager
def serving(routes: Routes) -> Iterator[tuple[int, list[tuple[str, str]]]]:
    """Serve these paths; yields the port and a list of what was asked: path and Host."""
    said: list[tuple[str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        pages: ClassVar[Routes] = routes

        def do_GET(self) -> None:
            said.append((self.path, self.headers.get("Host", "")))
            status, headers, body = self.pages.get(self.path, (404, {}, b"nothing here"))
            self.send_response(status)
            for name, value in ({"Content-Type": "text/html"} | headers).items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def version_string(self) -> str:
            return "nginx/1.22.1"

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the library's
            del format, args

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server.server_port, said
        finally:
            server.shutdown()
            thread.join()


def shown(port: int, name: str = "", *, address: str = "127.0.0.1", secure: bool = False) -> WebAnswer | None:
    return asyncio.run(web.show(Site(address, port, name, secure, "Watchfloor test")))


def found(port: int, name: str = "", **more: str) -> dict[str, str]:
    before = PortAnswer(port=port, looked=True, replies=(Reply(probe="http", data=b"HTTP/1.1 200 OK\r\n\r\n"),))
    answer = asyncio.run(audit("127.0.0.1", port, name, before, Limits()))
    service = audited(Service(port=port, name="http", **more), answer)
    return {one.check: one.severity.value for one in judge("127.0.0.1", [service], TODAY, name=name)}


def test_page_icon_and_headers_are_kept() -> None:
    routes: Routes = {
        "/": (
            200,
            {"Set-Cookie": "sid=1; HttpOnly", "X-Frame-Options": "DENY"},
            b"<html><title> A &amp; B\n</title>",
        ),
        "/favicon.ico": (200, {"Content-Type": "image/x-icon"}, ICON),
    }
    with serving(routes) as (port, said):
        answer = shown(port, "www.example.org")
    told = facts(answer)
    assert told is not None
    assert (told.title, told.server, told.status) == ("A & B", "nginx/1.22.1", 200)
    assert told.headers == {"x-frame-options": "DENY"}
    assert [(one.name, one.secure, one.http_only) for one in told.cookies] == [("sid", False, True)]
    assert told.favicon_hash == favicon_hash(ICON)
    assert said == [(path, f"www.example.org:{port}") for path in ("/", "/favicon.ico", "/.git/HEAD")]


def test_redirects_are_followed_on_the_server_only() -> None:
    with serving({"/": (302, {"Location": "/app"}, b""), "/app": (301, {"Location": "https://elsewhere.example/x"}, b"")}) as (port, said):
        told = facts(shown(port))
    assert told is not None
    assert (told.path, told.status, told.location) == ("/app", 301, "https://elsewhere.example/x")
    assert all(host.startswith("127.0.0.1:") for _path, host in said)


@pytest.mark.parametrize(
    "location",
    [
        "http://127.0.0.1/", "//127.0.0.2/", "https://127.0.0.1:{port}/", "http://127.0.0.1:1/", "http://localhost:{port}/", "http://[::1]:{port}/", "http://0x7f.1:{port}/",
        "http://user@127.0.0.2:{port}/", "ftp://127.0.0.1:{port}/", "/a b", "http://[", "javascript:alert(1)", "http://127.0.0.1:99999/", "/ü",
    ],
)  # fmt: skip
def test_no_other_place_is_contacted(location: str) -> None:
    with serving({"/": (302, {"Location": "/"}, b"")}) as (port, _said):
        site = Site("127.0.0.1", port, "", secure=False, user_agent="x")
        assert site.path_of(location.format(port=port)) is None


def test_endless_redirects_end() -> None:
    routes: Routes = {"/": (302, {"Location": "/1"}, b"")} | {f"/{n}": (302, {"Location": f"/{n + 1}"}, b"") for n in range(1, 50)}
    with serving(routes) as (port, said):
        shown(port)
    assert len([path for path, _host in said if path not in {"/favicon.ico", "/.git/HEAD"}]) == 1 + web.REDIRECTS_MAX


def test_an_exposed_repository_and_a_listing_are_findings() -> None:
    routes: Routes = {"/": (200, {}, b"<html><title>Index of /</title>"), "/.git/HEAD": (200, {}, b"ref: refs/heads/main\n")}
    with serving(routes) as (port, _said):
        seen = found(port)
    assert seen["http-git-exposed"] == "high"
    assert seen["http-directory-listing"] == "medium"


def test_a_server_that_shows_its_page_for_everything_exposes_no_repository() -> None:
    page: tuple[int, dict[str, str], bytes] = (200, {}, b"<html><title>App</title>")
    with serving({"/": page, "/.git/HEAD": page, "/favicon.ico": page}) as (port, _said):
        answer = shown(port)
        assert "http-git-exposed" not in found(port)
    assert answer is not None
    assert answer.favicon_hash is None


def test_a_redirect_to_https_is_not_served_in_the_clear() -> None:
    with serving({"/": (301, {"Location": "https://127.0.0.1/"}, b"")}) as (port, _said):
        assert "cleartext-http" not in found(port)
    with serving({"/": (200, {}, b"hello")}) as (port, _said):
        assert "cleartext-http" in found(port)


def test_the_icon_that_the_page_names_is_used() -> None:
    page = b"<html><link href='/static/x.png' rel=\"icon\"><link rel=icon href=/other>"
    with serving({"/": (200, {}, page), "/static/x.png": (200, {"Content-Type": "image/png"}, ICON)}) as (port, _said):
        answer = shown(port)
    assert answer is not None
    assert answer.favicon_hash == favicon_hash(ICON)


def test_https_and_ipv6(tmp_path: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    pem = factories.write_pem(tmp_path, factories.certificate(key), key)
    page = servers.answering(lambda _: b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\n<title\r\n5;x=y\r\n>Hi</\r\n0\r\n\r\n")
    with servers.listening(page, family=socket.AF_INET6, secure=servers.context(pem)) as port:
        told = facts(shown(port, address="::1", secure=True))
    assert told is not None
    assert told.title == "Hi"


def test_http_2_is_not_agreed_to(tmp_path: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    context = servers.context(factories.write_pem(tmp_path, factories.certificate(key), key))
    context.set_alpn_protocols(["h2", "http/1.1"])
    chosen: list[str | None] = []

    def talk(client: socket.socket, ends: threading.Event) -> None:
        assert isinstance(client, ssl.SSLSocket)
        chosen.append(client.selected_alpn_protocol())
        servers.answering(lambda _: b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")(client, ends)

    with servers.listening(talk, secure=context) as port:
        assert shown(port, secure=True) is not None
    assert set(chosen) == {"http/1.1"}


def endless_body(client: socket.socket, ends: threading.Event) -> None:
    client.recv(4096)
    client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    servers.endless(client, ends)


@pytest.mark.parametrize(
    "talk", [servers.close, servers.silent, servers.endless, servers.drip, servers.answering(lambda _: b"HTTP/1.1 200"), servers.answering(lambda _: b"\xff" * 5000)]
)  # fmt: skip
def test_nothing_is_learned_from_a_server_that_talks_nonsense(talk: Callable[[socket.socket, threading.Event], None]) -> None:
    with servers.listening(talk) as port:
        assert shown(port) is None


def test_an_endless_page_is_cut() -> None:
    with servers.listening(endless_body) as port:
        answer = shown(port)
    assert answer is not None
    assert len(answer.page) == web.PAGE_KEPT
    assert answer.favicon_hash is None


@pytest.mark.parametrize(
    ("data", "hashed"), [(b"", 0), (b"a", 1009084850), (b"abc", -1277324294), (b"abcd", 1139631978), (b"Hello, world!", -1070186941)]
)
def test_murmur_is_the_one_everybody_uses(data: bytes, hashed: int) -> None:
    assert murmur3(data) == hashed


@given(st.binary(max_size=500))
def test_any_bytes_are_read_without_trouble(data: bytes) -> None:
    for said in (data, b"HTTP/1.1 200 OK\r\n" + data, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + data):
        page = parse(said)
        facts(WebAnswer(head=page.head if page else data, page=page.body if page else data, git=data[:64], path=data.decode("latin-1")))


@given(st.text(max_size=60))
def test_any_link_is_judged_without_trouble(link: str) -> None:
    path = Site("127.0.0.1", 8080, "", secure=False, user_agent="x").path_of(link)
    assert path is None or (path.startswith("/") and "\n" not in path and "\r" not in path)


# Checks that are made only when asked for.


def proxy(said: bytes) -> bytes:
    return b"HTTP/1.1 200 Connection established\r\n\r\n" if said.startswith(b"CONNECT ") else b""


def likes_everything(said: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi" if said else b""


def observed(talk: Callable[[socket.socket, threading.Event], None], first: bytes, *checks: str) -> tuple[str, ...]:
    with servers.listening(talk) as port:
        answer = PortAnswer(port=port, looked=True, replies=(Reply(probe="greeting", data=first),))
        return asyncio.run(optional.observe("127.0.0.1", port, answer, checks=checks, helo="scanner.invalid"))


def test_an_open_proxy_is_seen_when_asked_for() -> None:
    assert observed(servers.answering(proxy), b"HTTP/1.1 400 Bad\r\n\r\n", "open-proxy") == ("open-proxy",)
    assert observed(servers.answering(proxy), b"HTTP/1.1 400 Bad\r\n\r\n") == ()


def test_a_server_that_likes_every_method_is_no_proxy() -> None:
    assert observed(servers.answering(likes_everything), b"HTTP/1.1 200 OK\r\n\r\n", "open-proxy") == ()


@pytest.mark.parametrize(("recipient", "seen"), [(b"250 2.1.5 Ok\r\n", ("open-relay",)), (b"554 5.7.1 Relay access denied\r\n", ())])
def test_an_open_relay_is_seen_when_asked_for_and_no_mail_is_sent(recipient: bytes, seen: tuple[str, ...]) -> None:
    said: list[bytes] = []

    def talk(client: socket.socket, ends: threading.Event) -> None:
        del ends
        client.sendall(b"220 mail ESMTP\r\n")
        while (line := client.recv(4096)) and b"QUIT" not in line:
            said.append(line)
            client.sendall(
                recipient if line.startswith(b"RCPT") else b"250-mail\r\n250 OK\r\n" if line.startswith(b"EHLO") else b"250 OK\r\n"
            )
        client.sendall(b"221 bye\r\n")

    assert observed(talk, b"220 mail ESMTP\r\n", "open-relay") == seen
    assert not any(b"DATA" in line or b"BDAT" in line for line in said)
