"""What came back from hosts and ports: evidence, before anybody thinks about it."""

from __future__ import annotations

from pydantic import Field

from watchfloor.capabilities.scans.schemas.words import Group, Port, PortRange, Protocol, Shape


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
