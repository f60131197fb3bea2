"""Facts about asking a directory for one entry."""

from __future__ import annotations

import asyncio

import pytest

from tests.scans import servers
from watchfloor.capabilities.scans.connect import directory
from watchfloor.capabilities.scans.connect.handshake import Door
from watchfloor.capabilities.scans.connect.packets import ber
from watchfloor.capabilities.scans.schemas import Reply

CONTEXT = b"dc=example,dc=org"
ROOT = ber(
    0x30,
    ber(2, b"\x01"),
    ber(
        0x64,
        ber(4),
        ber(
            0x30,
            ber(0x30, ber(4, b"objectClass"), ber(0x31, ber(4, b"top"))),
            ber(0x30, ber(4, b"namingContexts"), ber(0x31, ber(4, CONTEXT))),
        ),
    ),
)
ENTRY = ber(0x30, ber(2, b"\x01"), ber(0x64, ber(4, b"cn=admin," + CONTEXT), ber(0x30)))
LIMIT = ber(0x30, ber(2, b"\x01"), ber(0x65, ber(10, b"\x04"), ber(4), ber(4)))
REFUSED = ber(0x30, ber(2, b"\x01"), ber(0x65, ber(10, b"\x32"), ber(4), ber(4)))


def test_the_naming_context_is_read_from_the_root_entry() -> None:
    assert directory.naming_context([Reply(probe="ldap", data=ROOT)]) == CONTEXT
    assert directory.naming_context([Reply(probe="http", data=ROOT)]) == b""
    assert directory.naming_context([Reply(probe="ldap", data=ROOT[:-4])]) == b""


@pytest.mark.parametrize(
    ("answer", "open_"), [(ENTRY + LIMIT, True), (REFUSED, False), (LIMIT, False), (b"HTTP/1.0 400\r\n\r\n", False), (b"", False)]
)
def test_an_entry_without_sign_in_is_told(answer: bytes, open_: bool) -> None:  # noqa: FBT001 - a column of the table
    asked: list[bytes] = []

    def answers(said: bytes) -> bytes:
        asked.append(said)
        return answer if len(asked) == 1 else b""

    with servers.listening(servers.answering(answers)) as port:
        assert asyncio.run(directory.answers_strangers(Door("127.0.0.1", port), CONTEXT)) is open_
    assert CONTEXT in asked[0]
