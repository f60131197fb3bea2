"""Certificates and answers for the tests of scans."""

from __future__ import annotations

import datetime as dt
from ipaddress import ip_address
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa
from cryptography.x509.oid import NameOID

from watchfloor.capabilities.scans.schemas import PortAnswer, Reply, TlsAnswer

if TYPE_CHECKING:
    from pathlib import Path

TODAY = dt.datetime(2026, 6, 1, tzinfo=dt.UTC)
PrivateKey = rsa.RSAPrivateKey | dsa.DSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey


def name(text: str) -> x509.Name:
    """Return a name with this common name."""
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def certificate(
    key: PrivateKey,
    *,
    subject: str = "localhost",
    issuer: str = "localhost",
    begins: dt.datetime = TODAY - dt.timedelta(days=30),
    ends: dt.datetime = TODAY + dt.timedelta(days=300),
    alternatives: bool = True,
) -> x509.Certificate:
    """Return a certificate signed by its own key."""
    builder = x509.CertificateBuilder().subject_name(name(subject)).issuer_name(name(issuer)).public_key(key.public_key())
    builder = builder.serial_number(1000).not_valid_before(begins).not_valid_after(ends)
    if alternatives:
        names = [x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))]
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    own_hash = isinstance(key, ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey)
    return builder.sign(key, None if own_hash else hashes.SHA256())


def der(found: x509.Certificate) -> bytes:
    """Return its bytes."""
    return found.public_bytes(serialization.Encoding.DER)


def write_pem(folder: Path, found: x509.Certificate, key: PrivateKey) -> Path:
    """Return a file with certificate and key, as servers load it."""
    path = folder / "server.pem"
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(found.public_bytes(serialization.Encoding.PEM) + private)
    return path


def answer(data: bytes, probe: str = "greeting", *, port: int = 4000, tls: TlsAnswer | None = None) -> PortAnswer:
    """Return one port's evidence."""
    return PortAnswer(port=port, replies=(Reply(probe=probe, data=data),) if data else (), tls=tls, looked=True)
