"""Facts about the audit of SSH, against a real server and against hostile ones."""

from __future__ import annotations

import asyncio
import shutil
import socket
import struct
import subprocess
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.scans import servers
from tests.scans.factories import TODAY
from watchfloor.capabilities.scans.connect import ssh
from watchfloor.capabilities.scans.connect.audit import audit
from watchfloor.capabilities.scans.connect.sshwire import mpint, names, string
from watchfloor.capabilities.scans.engine.audited import audited
from watchfloor.capabilities.scans.engine.judge import judge
from watchfloor.capabilities.scans.engine.ssh import facts, key
from watchfloor.capabilities.scans.schemas import Limits, PortAnswer, Reply, Service, SshAnswer

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterator
    from pathlib import Path

SSHD = shutil.which("sshd", path="/usr/sbin:/usr/bin:/usr/local/sbin")
OPENSSH = pytest.mark.skipif(SSHD is None, reason="needs the OpenSSH server")
ED25519 = string(b"ssh-ed25519") + string(bytes(32))
TERRAPIN = ("curve25519-sha256", "ssh-rsa,ssh-dss", "chacha20-poly1305@openssh.com,3des-cbc,none", "hmac-md5,hmac-sha2-256-etm@openssh.com")


def kexinit(
    exchange: str = "curve25519-sha256", keys: str = "ssh-ed25519", ciphers: str = "aes128-ctr", macs: str = "hmac-sha2-256"
) -> bytes:
    lists = (exchange, keys, ciphers, ciphers, macs, macs, "none", "none", "", "")
    return b"\x14" + bytes(16) + b"".join(string(one.encode()) for one in lists) + bytes(5)


def packet(payload: bytes) -> bytes:
    padding = 8 - (len(payload) + 5) % 8
    padding += 8 if padding < 4 else 0
    return struct.pack("!IB", len(payload) + padding + 1, padding) + payload + bytes(padding)


def greeting(*first: str, host_key: bytes = ED25519) -> Callable[[socket.socket, threading.Event], None]:
    """Send identification and KEXINIT, answer the key exchange with this host key, then listen."""

    def talk(client: socket.socket, ends: threading.Event) -> None:
        client.sendall(b"Hello, this line comes before.\r\nSSH-2.0-Test_1.0\r\n" + packet(kexinit(*first)))
        said = b""
        while b"\x1e\0\0\0\x20" not in said:  # the start of a key exchange on curve 25519
            chunk = client.recv(4096)
            if not chunk:
                return
            said += chunk
        half = bytes((9,)) + bytes(31)
        client.sendall(packet(b"\x1f" + string(host_key) + string(half) + string(b"no signature")))
        servers.silent(client, ends)

    return talk


def asked(port: int, address: str = "127.0.0.1") -> SshAnswer:
    return asyncio.run(ssh.ask(address, port))


def unused_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port: int = held.getsockname()[1]
        return port


@contextmanager
def openssh(folder: Path, *options: str, address: str = "127.0.0.1") -> Iterator[tuple[int, dict[str, str]]]:
    """Start a real server; yields its port and its keys' fingerprints by type."""
    assert SSHD
    prints = {}
    for kind, bits in (("rsa", "2048"), ("ecdsa", "384"), ("ed25519", "256")):
        path = folder / kind
        subprocess.run(["ssh-keygen", "-q", "-t", kind, "-b", bits, "-N", "", "-f", str(path)], check=True)
        told = subprocess.run(["ssh-keygen", "-lf", str(path)], check=True, capture_output=True, text=True).stdout.split()
        prints[kind] = f"{told[0]} {told[1]}"
    keys = [part for kind in prints for part in ("-h", str(folder / kind))]
    port = unused_port()
    settings = [
        part for option in (f"ListenAddress={address}", "PidFile=none", "UsePAM=no", "StrictModes=no", *options) for part in ("-o", option)
    ]
    with subprocess.Popen([SSHD, "-D", "-f", "/dev/null", "-p", str(port), *keys, *settings], stderr=subprocess.DEVNULL) as process:
        try:
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            for _ in range(200):
                with socket.socket(family) as probe:
                    if probe.connect_ex((address, port)) == 0:
                        break
                if process.poll() is not None:
                    pytest.skip("the OpenSSH server does not start here")
                time.sleep(0.05)  # until it listens
            yield port, prints
        finally:
            process.terminate()


@OPENSSH
def test_a_real_server_tells_algorithms_keys_and_ways_to_sign_in(tmp_path: Path) -> None:
    with openssh(tmp_path, "PasswordAuthentication=yes", "KbdInteractiveAuthentication=no") as (port, prints):
        answer = asked(port)
    found = facts(answer)
    assert found is not None
    assert answer.connections == 3
    assert {f"{one.bits} {one.fingerprint}" for one in found.keys} == set(prints.values())
    assert found.methods_known
    assert set(found.methods) == {"publickey", "password"}
    assert "curve25519-sha256" in found.key_exchanges
    assert not found.open


@OPENSSH
@pytest.mark.parametrize(
    ("exchange", "cipher", "mac"),
    [
        ("curve25519-sha256", "aes256-ctr", "hmac-sha2-512-etm@openssh.com"),
        ("ecdh-sha2-nistp256", "aes192-ctr", "hmac-sha1"),
        ("diffie-hellman-group14-sha256", "aes128-ctr", "hmac-sha2-256"),
        ("diffie-hellman-group14-sha1", "aes128-ctr", "hmac-sha2-256-etm@openssh.com"),
    ],
)
def test_every_exchange_that_we_offer_leads_to_an_encrypted_question(tmp_path: Path, exchange: str, cipher: str, mac: str) -> None:
    with openssh(tmp_path, f"KexAlgorithms={exchange}", f"Ciphers={cipher}", f"MACs={mac}", "PasswordAuthentication=no") as (port, _prints):
        answer = asked(port)
    assert answer.asked, answer.error
    assert "publickey" in answer.methods
    assert "password" not in answer.methods


@OPENSSH
def test_algorithms_that_we_do_not_speak_are_told_all_the_same(tmp_path: Path) -> None:
    with openssh(tmp_path, "Ciphers=chacha20-poly1305@openssh.com") as (port, _prints):
        answer = asked(port)
    found = facts(answer)
    assert found is not None
    assert found.ciphers == ("chacha20-poly1305@openssh.com",)
    assert found.keys
    assert not found.methods_known


def test_ipv6() -> None:
    with servers.listening(greeting(), family=socket.AF_INET6) as port:
        assert facts(asked(port, "::1")) is not None


def test_host_key_and_algorithms_stay_when_the_server_goes_silent() -> None:
    with servers.listening(greeting(*TERRAPIN)) as port:
        answer = asked(port)
    assert answer.identity == b"SSH-2.0-Test_1.0"
    found = facts(answer)
    assert found is not None
    assert found.host_key_algorithms == ("ssh-rsa", "ssh-dss")
    assert not found.methods_known
    assert answer.error


def test_from_wire_to_findings() -> None:
    weak = string(b"ssh-rsa") + mpint(65537) + mpint(1 << 1023 | 1)
    with servers.listening(greeting(*TERRAPIN, host_key=weak)) as port:
        before = PortAnswer(port=port, looked=True, replies=(Reply(probe="greeting", data=b"SSH-2.0-Test_1.0\r\n"),))
        answer = asyncio.run(audit("127.0.0.1", port, "", before, Limits()))
    service = audited(Service(port=port, name="ssh"), answer)
    found = {one.check: one.severity.value for one in judge("127.0.0.1", [service], TODAY)}
    assert found == {
        "ssh-terrapin": "low", "ssh-weak-cipher": "high", "ssh-weak-mac": "medium", "ssh-weak-host-key-algorithm": "medium", "ssh-weak-host-key": "medium",
    }  # fmt: skip


def oversized(client: socket.socket, ends: threading.Event) -> None:
    client.sendall(b"SSH-2.0-x\r\n" + struct.pack("!IB", 0x7FFFFFFF, 4) + bytes(100_000))
    servers.silent(client, ends)


def endless_lines(client: socket.socket, ends: threading.Event) -> None:
    while not ends.is_set():
        client.sendall(b"not yet\r\n" * 100)


def endless_debug(client: socket.socket, ends: threading.Event) -> None:
    client.sendall(b"SSH-2.0-x\r\n")
    while not ends.is_set():
        client.sendall(packet(b"\x02" + string(b"ignored")) * 100)


@pytest.mark.parametrize(
    "talk",
    [
        servers.close, servers.endless, oversized, endless_lines, endless_debug, servers.banner(b"SSH-2.0-x\r\n" + packet(b"\x14" + bytes(16))),
        servers.banner(b"SSH-2.0-x\r\n" + packet(b"\x01")), servers.banner(b"220 ftp\r\n"), servers.banner(b"SSH-2.0-x\r\n" + struct.pack("!IB", 12, 200) + bytes(11)),
    ],
)  # fmt: skip
def test_nothing_is_learned_from_a_server_that_talks_nonsense(talk: Callable[[socket.socket, threading.Event], None]) -> None:
    with servers.listening(talk) as port:
        answer = asked(port)
    assert answer.error
    assert facts(answer) is None


@given(st.binary(max_size=400))
def test_any_bytes_are_read_without_trouble(data: bytes) -> None:
    key(data)
    facts(SshAnswer(kexinit=b"\x14" + data, host_keys=(data,)))


@given(st.lists(st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters=","), min_size=1, max_size=30), max_size=20))
def test_names_come_out_as_they_went_in(listed: list[str]) -> None:
    payload = kexinit(ciphers=",".join(listed))
    found = facts(SshAnswer(kexinit=payload))
    assert found is not None
    assert names(payload)[2] == listed
    assert list(found.ciphers) == [one.replace("\\", "\\") for one in dict.fromkeys(listed)]


@pytest.mark.parametrize(("number", "written"), [(0, "00000000"), (1, "0000000101"), (0x80, "000000020080"), (0x7FFF, "000000027fff")])
def test_numbers_are_written_as_the_protocol_wants(number: int, written: str) -> None:
    assert mpint(number).hex() == written
