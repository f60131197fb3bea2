"""What was made of the evidence: services, certificates, problems."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from watchfloor.capabilities.scans.schemas.words import Port, Protocol, Shape
from watchfloor.kernel.contract import Severity


class Certificate(Shape):
    """What a certificate says about itself; times are ISO 8601 in UTC."""

    sha256: str
    subject: str
    issuer: str
    names: tuple[str, ...] = ()
    not_before: str
    not_after: str
    self_signed: bool
    signature_hash: str = ""
    key_type: str = ""
    key_bits: int = 0
    serial: str = ""
    authority: bool = False


class TlsFacts(Shape):
    """What TLS a port speaks: suites by version in IANA's names; `forward_secrecy` is always, sometimes, never or unknown.

    A version in neither `versions` nor `refused` is unknown, and so are further suites unless `complete`. `chain` is as sent, leaf first.
    """

    versions: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    suites: dict[str, tuple[str, ...]] = {}
    complete: bool = False
    forward_secrecy: str = "unknown"
    weakest: str = Field("", description="The worst accepted suite is insecure, weak, acceptable or strong.")
    chain: tuple[Certificate, ...] = ()
    dh_bits: int = Field(0, description="The smallest finite-field Diffie-Hellman group that was used; 0: none was.")
    compression: bool = False
    secure_renegotiation: bool | None = None
    starttls: str = Field("", description="The protocol that starts TLS here; empty where TLS begins with the first byte.")


class SshKey(Shape):
    """A host key; the fingerprint is written as `ssh-keygen -l` does."""

    type: str
    bits: int
    fingerprint: str


class SshFacts(Shape):
    """What SSH a port speaks; `strict` protects the key exchange against Terrapin, `open` means that anyone is let in."""

    key_exchanges: tuple[str, ...] = ()
    strict: bool = False
    host_key_algorithms: tuple[str, ...] = ()
    ciphers: tuple[str, ...] = ()
    macs: tuple[str, ...] = ()
    compressions: tuple[str, ...] = ()
    keys: tuple[SshKey, ...] = ()
    methods: tuple[str, ...] = ()
    methods_known: bool = False
    open: bool = False


class WebCookie(Shape):
    """A cookie that the front page sets, and what protects it."""

    name: str
    secure: bool
    http_only: bool
    same_site: str = ""


class WebFacts(Shape):
    """What a web server shows to anyone; `headers` holds those that matter for safety, `panel` names a known administration page."""

    status: int = 0
    path: str = "/"
    location: str = ""
    title: str = ""
    server: str = ""
    powered_by: str = ""
    headers: dict[str, str] = {}
    cookies: tuple[WebCookie, ...] = ()
    html: bool = False
    listing: bool = False
    default_page: str = ""
    panel: str = ""
    git: str = ""
    favicon_hash: int | None = None
    favicon_sha256: str = ""


class Service(Shape):
    """What answers on one port."""

    port: Port
    protocol: Protocol = "tcp"
    name: str = "unknown"
    product: str = ""
    version: str = ""
    revision: str = Field("", description="The distribution's package revision, where the service tells it.")
    cpe: str = ""
    cpe_aliases: tuple[str, ...] = Field((), description="Other CPE 2.3 names of the same product and version in vulnerability databases.")
    confidence: int = Field(0, ge=0, le=100)
    evidence: str = ""
    title: str = ""
    tls_version: str = ""
    tls_cipher: str = ""
    tls_oldest: str = ""
    certificate: Certificate | None = None
    tls: TlsFacts | None = None
    ssh: SshFacts | None = None
    web: WebFacts | None = None
    facts: tuple[str, ...] = Field((), description="Observed properties a check relies on, such as `no-authentication`.")


class Problem(Shape):
    """One thing wrong at one target; `key` holds no version, so it survives upgrades and scans."""

    key: str
    check: str
    title: str
    severity: Severity
    target: str
    port: Port
    protocol: Literal["tcp", "udp"] = "tcp"
    evidence: str
    remedy: str
    description: str = ""
    references: tuple[str, ...] = ()
    category: str = ""
