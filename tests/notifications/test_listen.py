"""Facts about the mailbox and chat room on this machine: whatever comes, it is printed or refused, and they stay."""

from __future__ import annotations

import asyncio
import json
import smtplib
import socket
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import pytest

from watchfloor.capabilities.notifications.cli import listen

if TYPE_CHECKING:
    from collections.abc import Iterator


def free() -> int:
    """Return a port that nobody has."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@contextmanager
def listening() -> Iterator[tuple[int, int]]:
    """Listen in a thread."""
    ports, loop = (free(), free()), asyncio.new_event_loop()
    task = loop.create_task(listen._listen(*ports, json=True))

    def run() -> None:
        try:
            loop.run_until_complete(task)
        except asyncio.CancelledError:
            pass
        finally:
            loop.close()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        for port in ports:
            while True:
                try:
                    socket.create_connection(("127.0.0.1", port)).close()
                except ConnectionRefusedError:
                    continue
                break
        yield ports
    finally:
        loop.call_soon_threadsafe(task.cancel)
        thread.join()


def posted(port: int, raw: bytes) -> bytes:
    """Send bytes and return what is answered until the end."""
    with socket.create_connection(("127.0.0.1", port)) as line:
        line.sendall(raw)
        with suppress(OSError):  # whoever has seen enough to refuse it has gone by now
            line.shutdown(socket.SHUT_WR)
        found = b""
        while piece := line.recv(4096):
            found += piece
    return found


def post(body: bytes, *headers: str) -> bytes:
    return "\r\n".join(["POST /hook HTTP/1.1", f"content-length: {len(body)}", *headers, "", ""]).encode() + body


def told(text: str) -> list[Any]:
    """Return the documents that were printed."""
    found, at, decoder = [], 0, json.JSONDecoder()
    while at < len(text.rstrip()):
        one, end = decoder.raw_decode(text, at)
        found.append(one)
        at = end + (len(text[end:]) - len(text[end:].lstrip()))
    return found


def test_a_mail_a_chat_message_and_a_webhook_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    with listening() as (mail, web):
        with smtplib.SMTP("127.0.0.1", mail) as relay:
            relay.sendmail("wf@example.org", ["ana@example.org"], "Subject: It ended\r\n\r\nAll was seen.\r\n")
        assert posted(web, post(b'{"text": "It ended", "blocks": [{}]}')).startswith(b"HTTP/1.1 200")
        assert posted(web, post(b'{"type": "scans.finished"}', "webhook-id: msg_1", "webhook-signature: v1,x")).startswith(b"HTTP/1.1 200")
    mailed, said, hooked = told(capsys.readouterr().out)
    assert mailed == {"mail": "ana@example.org", "subject": "It ended", "text": "All was seen.\n"}
    assert said == {"slack": "", "text": "It ended", "blocks": "1"}
    assert hooked == {"webhook": "msg_1", "signature": "v1,x", "text": '{"type": "scans.finished"}'}


@pytest.mark.parametrize(
    "raw",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"POST / HTTP/1.1\r\n\r\n",
        b"POST / HTTP/1.1\r\ncontent-length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\ncontent-length: 99999999999999\r\n\r\n",
        b"POST / HTTP/1.1\r\ncontent-length: 5\r\n\r\nab",
        b"POST / HTTP/1.1\r\n" + b"x" * 200_000,
        b"\xff\xfe\x00" * 100,
    ],
)
def test_what_is_no_message_is_not_printed_and_the_next_is(raw: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    with listening() as (_, web):
        try:
            answer = posted(web, raw)
        except ConnectionError:
            answer = b""
        assert not answer.startswith(b"HTTP/1.1 200")
        posted(web, post(b"[[[[" * 50_000))
    (last,) = told(capsys.readouterr().out)
    assert last["text"].startswith("[[[[")


def test_a_challenge_is_repeated() -> None:
    with listening() as (_, web):
        body = b'{"type":"webhook.verification","data":{"challenge":"c-1"}}'
        assert posted(web, b"POST / HTTP/1.1\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body)).endswith(b"\r\n\r\nc-1")
        hostile = b'{"data":{"challenge":"\\r\\n\\u00fc"}}'
        assert posted(web, b"POST / HTTP/1.1\r\ncontent-length: %d\r\n\r\n%s" % (len(hostile), hostile)).endswith(b"\r\n\r\n\r\n?")
