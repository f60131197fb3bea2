"""Facts about the questions that are sent to ports."""

from __future__ import annotations

import json
import struct
import zlib

import pytest

from watchfloor.capabilities.scans.connect import packets
from watchfloor.capabilities.scans.connect.follow import RULES, step
from watchfloor.capabilities.scans.connect.look import NEVER_SPEAK, hints
from watchfloor.capabilities.scans.connect.probes import (
    BY_NAME,
    FOLLOWING,
    GENERIC_CLOSED,
    GENERIC_SECURE,
    GENERIC_SILENT,
    OPENING,
    PROBES,
    Probe,
)
from watchfloor.capabilities.scans.schemas import Reply

SENTENCE_MAX = 160


@pytest.mark.parametrize("probe", PROBES, ids=lambda probe: probe.name)
def test_every_question_says_what_it_sends(probe: Probe) -> None:
    assert probe.says.endswith(".")
    assert probe.says[0].isupper()
    assert len(probe.says) <= SENTENCE_MAX
    assert probe.sends
    assert not set(probe.ports) & NEVER_SPEAK


def test_names_are_unique() -> None:
    assert len(BY_NAME) == len(PROBES)


def test_every_rule_and_round_names_a_question() -> None:
    named = {rule.probe for rule in RULES} | {
        name for rounds in (GENERIC_CLOSED, GENERIC_SILENT, GENERIC_SECURE) for one in rounds for name in one
    }
    assert named <= set(BY_NAME)
    assert {probe.name for probe in FOLLOWING} <= {rule.probe for rule in RULES}


def test_six_questions_at_a_time() -> None:
    assert {len(one) for rounds in (GENERIC_CLOSED, GENERIC_SILENT, GENERIC_SECURE) for one in rounds} == {6}


@pytest.mark.parametrize("probe", PROBES, ids=lambda probe: probe.name)
def test_nothing_is_written_or_deleted(probe: Probe) -> None:
    words = probe.sends.upper()
    assert not any(
        word in words for word in (b"DELETE ", b"PUT ", b"STOR ", b"DATA\r\n", b"RCPT", b"MAIL FROM", b"FLUSH", b"CONFIG SET", b"PUBLISH")
    )
    if words.startswith(b"POST "):
        asked = json.loads(probe.sends.partition(b"\r\n\r\n")[2])
        assert asked.get("count_only") or asked["method"] == "aria2.getVersion"


@pytest.mark.parametrize(
    ("port", "first"), [(6379, "redis"), (5432, "postgresql"), (80, "http"), (445, "smb"), (27017, "mongodb"), (53, "dns")]
)
def test_port_suggests_a_question(port: int, first: str) -> None:
    assert hints(port)[0].name == first
    assert hints(1) == ()


@pytest.mark.parametrize(
    ("port", "replies", "following"),
    [
        (2525, [("greeting", b"220 mx ESMTP Postfix\r\n")], "ehlo"),
        (21, [("greeting", b"220 Welcome\r\n")], "ftp-features"),
        (4000, [("greeting", b"220 (vsFTPd 3.0.3)\r\n")], "ftp-features"),
        (4000, [("greeting", b"220 something\r\n")], "ehlo"),
        (4000, [("greeting", b"* OK ready\r\n")], "imap-capability"),
        (4000, [("greeting", b"+OK ready\r\n")], "pop3-capability"),
        (4000, [("greeting", b"RFB 003.008\n")], "vnc-security"),
        (4000, [("http", b"-ERR wrong number of arguments for 'get' command\r\n")], "redis"),
        (4000, [("http", b"AMQP\0\0\x09\x01")], "amqp"),
        (4000, [("http", b"HTTP/1.0 404 Not Found\r\nX: y\r\n\r\n404 page not found\n")], "http-metrics"),
        (2379, [("http", b"HTTP/1.0 404 Not Found\r\nX: y\r\n\r\n404 page not found\n")], "http-version"),
        (4000, [("http", b"HTTP/1.1 400 Bad Request\r\n\r\n")], "http-host"),
        (4000, [("http", b"HTTP/1.1 302 Found\r\nLocation: /login\r\n\r\n")], "http-grafana"),
        (4000, [("http", b"HTTP/1.1 302 Found\r\nLocation: /web/\r\nServer: x\r\n\r\n")], "http-redirect"),
        (4000, [("http", b"HTTP/1.1 302 Found\r\nLocation: //other.example/\r\nServer: x\r\n\r\n")], None),
        (4000, [("http", b"HTTP/1.1 302 Found\r\nLocation: https://other.example/\r\nServer: x\r\n\r\n")], None),
        (4000, [("http", b"HTTP/1.1 200 OK\r\nServer: nginx\r\n\r\n")], None),
        (4000, [("greeting", b"SSH-2.0-OpenSSH_9.2p1\r\n")], None),
    ],
)
def test_answer_suggests_the_next_question(port: int, replies: list[tuple[str, bytes]], following: str | None) -> None:
    found = step([Reply(probe=probe, data=data) for probe, data in replies], {probe for probe, _ in replies}, port)
    assert (found.probe if found else None) == following


def test_no_question_is_suggested_twice() -> None:
    replies = [Reply(probe="greeting", data=b"* OK [CAPABILITY ID STARTTLS] ready\r\n")]
    asked: set[str] = set()
    for _ in range(20):
        found = step(replies, asked, 143)
        if found is None:
            break
        assert found.probe not in asked
        asked.add(found.probe)
    assert asked == {"imap-capability", "imap-id", "imap-starttls"}


def test_packets_are_as_long_as_they_say() -> None:
    dns = packets.dns_chaos("version.bind")
    assert struct.unpack("!H", dns[:2])[0] == len(dns) - 2
    mongo = packets.mongo(buildInfo=1)
    assert struct.unpack("<i", mongo[:4])[0] == len(mongo)
    assert struct.unpack("<i", mongo[21:25])[0] == len(mongo) - 21
    for message in (packets.smb2_negotiate(), packets.smb2_challenge(), packets.smb1_negotiate()):
        assert struct.unpack("!I", message[:4])[0] == len(message) - 4
    tds = packets.tds_prelogin()
    assert struct.unpack("!H", tds[2:4])[0] == len(tds)
    assert packets.rdp_negotiate()[3] == len(packets.rdp_negotiate())
    oracle = packets.oracle_version()
    assert struct.unpack("!H", oracle[:2])[0] == len(oracle)
    assert struct.unpack("!H", oracle[26:28])[0] == oracle.index(b"(CONNECT")
    startup = packets.postgres_startup(1 << 16, user="x")
    assert struct.unpack("!I", startup[:4])[0] == len(startup)
    call = packets.rpc_call(100000, 2, 4)
    assert struct.unpack("!I", call[:4])[0] == 0x80000000 | (len(call) - 4)
    nrpe = packets.nrpe_version()
    assert struct.unpack("!I", nrpe[4:8])[0] == zlib.crc32(nrpe[:4] + b"\0\0\0\0" + nrpe[8:])


def test_long_ber_is_told_in_two_bytes() -> None:
    assert packets.ber(4, b"x" * 300)[:4] == b"\x04\x82\x01\x2c"


def test_hinted_questions_are_the_opening_ones() -> None:
    assert all(probe in OPENING for port in range(1, 65536, 97) for probe in hints(port))
