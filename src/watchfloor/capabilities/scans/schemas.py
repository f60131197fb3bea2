"""What callers of a scan send and get back, and what crosses into and out of the sandbox."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from watchfloor.kernel.contract import Severity

ADDRESSES_MAX = 65_536
PAIRS_MAX = 1_000_000_000
TARGETS_MAX = 10_000
KEEP_BYTES = 4096

Port = Annotated[int, Field(ge=1, le=65_535)]
PortRange = tuple[Port, Port]
Target = Annotated[str, Field(max_length=300, pattern=r"^[^\x00]*$")]
Protocol = Literal["tcp", "udp"]


class Shape(BaseModel):
    """Frozen, unknown fields refused, bytes as base64 in JSON."""

    model_config = ConfigDict(extra="forbid", frozen=True, ser_json_bytes="base64", val_json_bytes="base64")


class Group(StrEnum):
    """Priority groups of ports, scanned in this order."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class Engine(StrEnum):
    """Who asks the ports of a scan."""

    NATIVE = "native"
    NMAP = "nmap"
    IMPORT = "import"  # nobody: a file says what another scanner saw


class Discovery(StrEnum):
    """Whether hosts are looked for before their ports are asked."""

    AUTO = "auto"  # for wide targets
    ON = "on"
    OFF = "off"


class Stopped(StrEnum):
    """Why a probe ended before everything was looked at."""

    TIMEOUT = "timeout"
    CANCELLED = "cancelled"


class PortScope(Shape):
    """Networks and domains that may be looked at on these ports only."""

    ports: tuple[PortRange, ...]
    networks: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()


class ControlPoint(Shape):
    """A port of this installation's own database, broker or API, on a range of addresses; never contacted."""

    first: str
    last: str
    port: Port
    what: str = ""


class Scope(Shape):
    """What an organisation allowed to be looked at.

    A domain covers itself and its subdomains and allows the public addresses they resolve to; a private address is allowed by
    `networks` only. Loopback and link-local addresses are allowed only by a network that lies inside those ranges.
    """

    networks: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()
    limited: tuple[PortScope, ...] = ()
    excluded: tuple[str, ...] = ()
    excluded_names: tuple[str, ...] = ()
    control: tuple[ControlPoint, ...] = ()

    def __hash__(self) -> int:
        """Count once: what a scope allows is kept by scope and asked for each address, and thousands of entries take a while."""
        return self._hashed

    @cached_property
    def _hashed(self) -> int:
        return hash(tuple(getattr(self, name) for name in type(self).model_fields))


class AddressRange(Shape):
    """First and last address, both included, of one IP version."""

    first: str
    last: str


class Profile(StrEnum):
    """How hard a scan may press; see `engine/timing.py`."""

    POLITE = "polite"
    NORMAL = "normal"
    FAST = "fast"


class ScanRequest(Shape):
    """Look at these targets."""

    targets: list[Target] = Field(
        max_length=TARGETS_MAX,
        description="Addresses, networks (192.168.1.0/24), ranges (192.168.1.10-20, 2001:db8::1-2001:db8::ff), host names, and "
        "`tag:web` for all assets that have the tag when the scan starts.",
    )
    exclude: list[Target] = Field(
        default=[],
        max_length=TARGETS_MAX,
        description="What to leave out: addresses, networks, ranges and names; a name covers those below it.",
    )
    ports: str = Field("top-1000", max_length=20_000, description="Numbers, ranges, top-100, top-1000 or all, joined by commas.")
    timeout: timedelta = Field(timedelta(hours=1), gt=timedelta(0), le=timedelta(hours=24))
    max_concurrent: int = Field(2000, ge=1, le=20_000)
    max_rate: int | None = Field(None, ge=1, le=1_000_000, description="Most connection attempts per second of the whole scan.")
    profile: Profile = Field(Profile.NORMAL, description="polite, normal or fast: what the fields that are left out mean.")
    services: bool = Field(default=True, description="Identify what answers on each open port.")
    checks: list[Annotated[str, Field(pattern=r"^[a-z0-9-]{1,40}$")]] = Field(
        default=[], max_length=20, description="Opt-in checks that are not made otherwise, such as default-snmp-community."
    )
    discovery: Discovery = Field(Discovery.AUTO, description="Look for hosts before their ports are asked: auto (wide targets), on or off.")
    engine: Engine = Field(Engine.NATIVE, description="native, or nmap where it is installed.")
    name: str = Field("", max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$", description="What people call this scan; its targets when empty.")
    confirmed: bool = Field(default=False, description="A scan of more addresses or probes than usual is meant.")


class ScanEstimate(Shape):
    """How big a scan would be; each name counts as one address until it is resolved."""

    addresses: int
    names: int = Field(description="Of the addresses, how many are names still to be resolved.")
    ports: int
    probes: int
    duration: timedelta = Field(description="About how long it would take with the workers there are now.")
    needs_confirmation: bool = Field(default=False, description="More than usual: send `confirmed: true`, or --yes on the command line.")
    notes: tuple[str, ...] = ()


class NameRequest(Shape):
    """One host name with the address ranges it may resolve to."""

    name: str = Field(max_length=253)
    permitted: tuple[AddressRange, ...]


class ResolveRequest(Shape):
    """Resolve these names, keep only permitted addresses."""

    names: tuple[NameRequest, ...]
    timeout: timedelta = timedelta(seconds=30)


class NameAnswer(Shape):
    """What a name resolved to; `refused` are addresses outside the scope, `error` says why there are none."""

    name: str
    addresses: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    error: str = ""
    absent: bool = Field(default=False, description="The name servers said that there is no such name or that it has no address.")


class ResolveAnswers(Shape):
    """One answer for each name, in the order asked."""

    names: tuple[NameAnswer, ...] = ()


class ProbeHost(Shape):
    """An address to probe and, where a target was a name, that name (for TLS and HTTP)."""

    address: str
    name: str = ""


class PortGroup(Shape):
    """Ports of one priority group as sorted ranges that do not overlap."""

    group: Group
    ports: tuple[PortRange, ...]


class Limits(Shape):
    """Bounds of one probe."""

    timeout: timedelta = timedelta(hours=1)
    max_concurrent: int = Field(2000, ge=1, le=20_000)
    max_rate: int | None = Field(None, ge=1)
    tries: int = Field(2, ge=1, le=4)
    window_max: int = Field(1000, ge=1, le=20_000, description="Most connections in flight at once to one host.")
    services: bool = True
    services_max: int = Field(512, ge=0, le=65_535)
    looks_at_once: int = Field(32, ge=1, le=512)
    user_agent: str = Field("Watchfloor (exposure check; ask your network operator)", max_length=200, pattern=r"^[\x20-\x7e]*$")
    checks: tuple[str, ...] = Field((), description="Checks that are made only when asked for, such as open-proxy.")
    helo: str = Field(
        "scanner.invalid", max_length=200, pattern=r"^[A-Za-z0-9.-]+$", description="What mail and FTP servers see as our name."
    )


class Rates(Shape):
    """How many connection attempts a second may go out: in all, to one host, and to each network (by its first address)."""

    total: float | None = None
    host: float | None = None
    nets: dict[str, float] = {}


class ProbeRequest(Shape):
    """One shard: hosts (all of them inside `permitted`) and names still to be resolved, times ports in priority groups."""

    hosts: tuple[ProbeHost, ...] = ()
    names: tuple[NameRequest, ...] = ()
    groups: tuple[PortGroup, ...]
    permitted: tuple[AddressRange, ...]
    control: tuple[ControlPoint, ...] = ()
    limits: Limits = Limits()
    seed: int = 0
    rates: Rates | None = None
    keep_every: timedelta | None = Field(None, description="Hand over what was learned so far this often.")
    resume: ProbeAnswers | None = Field(None, description="Go on from here, a part that an earlier attempt handed over.")


class Tally(Shape):
    """How many ports of one host and group are in which state; `skipped` were not looked at, which is never closed."""

    open: int = 0
    closed: int = 0
    filtered: int = 0
    unreachable: int = 0
    skipped: int = 0


class Reply(Shape):
    """The first bytes that came back; `probe` says after what: greeting, http, redis and so on."""

    probe: str
    data: bytes


class TlsSuites(Shape):
    """IANA numbers of the suites a server accepted with one version, in the order it chose them; not `complete`: there may be more."""

    version: str
    suites: tuple[int, ...] = ()
    complete: bool = False


class TlsAnswer(Shape):
    """What TLS a port speaks.

    The first six fields are one handshake; `oldest` is the version a server agreed to when offered nothing newer than TLS 1.1. The rest
    is the audit: a version in neither `versions` nor `refused` is unknown. `chain` is as sent, leaf first.
    """

    version: str = ""
    cipher: str = ""
    bits: int = 0
    alpn: str = ""
    certificate: bytes = b""
    oldest: str = ""
    error: str = ""
    versions: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    suites: tuple[TlsSuites, ...] = ()
    chain: tuple[bytes, ...] = ()
    dh_bits: int = 0
    compression: bool = False
    secure_renegotiation: bool | None = None
    hellos: int = 0


class SshAnswer(Shape):
    """What an SSH server told: its KEXINIT and host keys as sent, the answer to a request of method `none` when it was `asked`."""

    identity: bytes = b""
    kexinit: bytes = b""
    host_keys: tuple[bytes, ...] = ()
    methods: tuple[str, ...] = ()
    asked: bool = False
    open: bool = False
    settled: bool = False
    connections: int = 0
    error: str = ""


class WebAnswer(Shape):
    """What a web server shows to anyone: head and beginning of its front page at `path`, the hashes of its icon, `/.git/HEAD` if it is there."""

    secure: bool = False
    path: str = "/"
    head: bytes = b""
    page: bytes = b""
    favicon_hash: int | None = None
    favicon_sha256: str = ""
    git: bytes = b""
    git_asked: bool = False
    requests: int = 0


class PortAnswer(Shape):
    """All evidence of one open port; replies under TLS when `tls` has a version.

    `starttls` names the protocol in which TLS was started later, after replies in plain; `connections` is what the look cost the target.
    """

    port: Port
    protocol: Protocol = "tcp"
    replies: tuple[Reply, ...] = ()
    tls: TlsAnswer | None = None
    ssh: SshAnswer | None = None
    web: WebAnswer | None = None
    checks: tuple[str, ...] = Field((), description="The opt-in checks that were made here.")
    observed: tuple[str, ...] = Field((), description="Facts that checks found out which were asked for, such as `open-proxy`.")
    starttls: str = ""
    looked: bool = False
    connections: int = 0
    unsettled: bool = Field(default=False, description="The audit ran out of time: what it did not find again may still be there.")

    @property
    def kept_bytes(self) -> int:
        """Return about how much of what a stranger sent this holds."""
        size = sum(len(reply.data) for reply in self.replies)
        size += len(self.tls.certificate) + sum(map(len, self.tls.chain)) if self.tls else 0
        size += len(self.ssh.kexinit) + sum(map(len, self.ssh.host_keys)) if self.ssh else 0
        return size + (len(self.web.head) + len(self.web.page) if self.web else 0)


class GroupCursor(Shape):
    """Where one host stands in a group that is not finished: its ports in their seeded order before `next` are settled, except these.

    `pending` were asked and not answered yet; `silent` did not answer and may be asked once more before they count as filtered.
    """

    next: int = 0
    closed: int = 0
    filtered: int = 0
    unreachable: int = 0
    pending: tuple[PortRange, ...] = ()
    silent: tuple[PortRange, ...] = ()


class Place(Shape):
    """Where a shard stands: groups that are finished, the one that is not, and a checksum of the order of its ports."""

    finished: tuple[Group, ...] = ()
    group: Group | None = None
    order: int = 0


class HostAnswer(Shape):
    """What one address answered. A port that was asked and is in none of `open`, `filtered` and `skipped` is closed.

    `filtered` was asked and stayed silent or could not be reached; `skipped` was not settled, which says nothing about it.
    """

    address: str
    name: str = ""
    tallies: dict[Group, Tally] = {}
    open: tuple[PortRange, ...] = ()
    filtered: tuple[PortRange, ...] = ()
    skipped: tuple[PortRange, ...] = ()
    looked: tuple[PortRange, ...] = Field((), description="Open ports whose service was looked at, in parts handed over before, too.")
    ports: tuple[PortAnswer, ...] = ()
    rtt_ms: float | None = None
    cursor: GroupCursor | None = None


class ProbeAnswers(Shape):
    """What one shard learned; `notes` are sentences about what limited it.

    A part that is handed over before the end has a `place`: everything in it counts from the beginning of the shard, whatever attempt
    learned it, except the evidence in `HostAnswer.ports`, which each part has only of what was looked at since the part before.
    """

    hosts: tuple[HostAnswer, ...] = ()
    names: tuple[NameAnswer, ...] = ()
    probes: int = 0
    elapsed: timedelta = timedelta(0)
    stopped: Stopped | None = None
    notes: tuple[str, ...] = ()
    place: Place | None = None


class DiscoverRequest(Shape):
    """Address ranges (all of them inside `permitted`) in which hosts are looked for."""

    ranges: tuple[AddressRange, ...]
    ports: tuple[Port, ...]
    permitted: tuple[AddressRange, ...]
    timeout: timedelta = timedelta(minutes=25)
    max_concurrent: int = Field(2000, ge=1, le=20_000)
    max_rate: int | None = Field(None, ge=1)
    icmp: bool = True


class DiscoverAnswers(Shape):
    """Where something answered, how many by which way; when time ran out, `alive` holds those nobody could ask as well."""

    alive: tuple[AddressRange, ...] = ()
    ways: dict[str, int] = {}
    probes: int = 0
    elapsed: timedelta = timedelta(0)
    stopped: Stopped | None = None
    notes: tuple[str, ...] = ()


class NmapAnswers(Shape):
    """nmap's XML, compressed with zlib, as base64, not yet read."""

    documents: tuple[str, ...] = ()
    stopped: Stopped | None = None


class UdpRequest(Shape):
    """Hosts (all of them inside `permitted`) times UDP ports; `checks` are the opt-in ones, such as default-snmp-community."""

    hosts: tuple[ProbeHost, ...]
    ports: tuple[PortRange, ...]
    permitted: tuple[AddressRange, ...]
    timeout: timedelta = timedelta(hours=1)
    tries: int = Field(3, ge=1, le=3)
    max_rate: int | None = Field(None, ge=1)
    checks: tuple[str, ...] = ()


class UdpHost(Shape):
    """What the UDP ports of one address answered; of the `silent` ones nobody knows whether they are open."""

    address: str
    ports: tuple[PortAnswer, ...] = ()
    closed: tuple[Port, ...] = ()
    silent: tuple[Port, ...] = ()
    skipped: int = 0


class UdpAnswers(Shape):
    """What UDP ports answered."""

    hosts: tuple[UdpHost, ...] = ()
    probes: int = 0
    elapsed: timedelta = timedelta(0)
    stopped: Stopped | None = None
    notes: tuple[str, ...] = ()


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


class CheckView(Shape):
    """One check for people to read: what it looks for, what it needs, what it sends."""

    id: str
    title: str
    severity: Severity
    category: str
    description: str
    needs: str
    sends: str
    remedy: str
    references: tuple[str, ...]
    on_by_default: bool


class ScanSummary(Shape):
    """How a scan or shard ended."""

    hosts: int = 0
    open: int = 0
    services: int = 0
    problems: int = 0
    by_severity: dict[Severity, int] = {}
    probes: int = 0
    skipped: int = 0
    settled: dict[Group, int] = {}
    elapsed: timedelta = timedelta(0)
    stopped: Stopped | None = None
    notes: tuple[str, ...] = ()


class OneScan(Shape):
    """The scan a job works for."""

    scan_id: UUID
