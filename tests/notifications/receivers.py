"""Receivers that behave badly, an authority of their own, and envelopes for them."""

from __future__ import annotations

import ipaddress
import socket
import ssl
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pydantic import SecretStr

from watchfloor.capabilities.notifications.schemas.wire import Batch, ChannelKind, Envelope, Outcome, Outcomes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

HERE = ("127.0.0.0/8", "::1/128")


@dataclass
class Kept:
    """A report as a box has one: takes parts of the answer."""

    parts: list[Outcomes] = field(default_factory=list)
    reply: dict[str, Any] = field(default_factory=dict)

    def __call__(self, done: int, total: int, phase: str = "", note: str = "") -> None:
        """Say nothing of progress."""

    def keep(self, answer: Any) -> bool:
        self.parts.append(answer)
        return True

    def all(self, last: Outcomes) -> list[Outcome]:
        return [one for part in (*self.parts, last) for one in part.outcomes]


def envelope(channel: ChannelKind, body: bytes = b"{}", headers: dict[str, str] | None = None, **target: str) -> Envelope:
    name = uuid4()
    return Envelope(
        delivery_id=name, idem_hex=name.hex * 2, channel=channel, body=body, headers=headers or {},
        target={key.rstrip("_"): SecretStr(value) for key, value in target.items()},
    )  # fmt: skip


def batch(*envelopes: Envelope, ports: tuple[int, ...] = (), authorities: str = "", networks: tuple[str, ...] = HERE) -> Batch:
    return Batch(envelopes=envelopes, networks=networks, near=bool(networks), ports=ports or (443, 80), authorities=authorities)


@contextmanager
def listening(script: Callable[[socket.socket], None], host: str = "127.0.0.1", port: int = 0) -> Iterator[tuple[int, list[int]]]:
    """Run a script for each connection; yields the port and a list that grows with each."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    found: list[int] = []
    with socket.socket(family) as door:
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        door.bind((host, port))
        door.listen(64)
        door.settimeout(0.05)
        over = threading.Event()

        def one(connection: socket.socket) -> None:
            with connection, suppress(OSError):  # the client hangs up, which is what it should do
                script(connection)

        def serve() -> None:
            while not over.is_set():
                try:
                    connection, peer = door.accept()
                except TimeoutError:
                    continue
                found.append(peer[1])
                connection.settimeout(20)
                threading.Thread(target=one, args=(connection,), daemon=True).start()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield int(door.getsockname()[1]), found
        finally:
            over.set()
            thread.join()


class Authority:
    """Signs certificates of servers; `pem` is what clients trust."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Authority of the tests")])
        made = self._made(self._name, self._key, [], authority=True)
        self.pem = made.public_bytes(serialization.Encoding.PEM).decode()

    def server(self, *names: str, expired: bool = False) -> ssl.SSLContext:
        """Return a context of a server that may call itself by these names."""
        path = self._folder / f"{'-'.join(names)}{expired}.pem".replace(":", "_")
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
        made = self._made(subject, key, list(names), expired=expired)
        secret = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        path.write_bytes(made.public_bytes(serialization.Encoding.PEM) + secret)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context

    def _made(
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, names: list[str], *, authority: bool = False, expired: bool = False
    ) -> x509.Certificate:
        now = datetime.now(UTC)
        shown = [x509.IPAddress(ipaddress.ip_address(name)) if name[0].isdigit() else x509.DNSName(name) for name in names]
        usage = x509.KeyUsage(
            digital_signature=True, content_commitment=False, key_encipherment=False, data_encipherment=False, key_agreement=False,
            key_cert_sign=authority, crl_sign=authority, encipher_only=False, decipher_only=False,
        )  # fmt: skip
        building = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=9))
            .not_valid_after(now + timedelta(days=-1 if expired else 9))
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
            .add_extension(usage, critical=True)
        )
        if shown:
            building = building.add_extension(x509.SubjectAlternativeName(shown), critical=False)
        return building.sign(self._key, hashes.SHA256())
