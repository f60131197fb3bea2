"""Checks for what is spoken without encryption. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchfloor.capabilities.scans.engine.judge.check import Category, Check, Seen, Subject, cwe, rfc
from watchfloor.kernel.contract import Severity

if TYPE_CHECKING:
    from collections.abc import Callable

REDIRECTS = frozenset((301, 302, 303, 307, 308))
# Service, severity, title, remedy. One that offers STARTTLS is not judged: whether it insists is for its own check to see.
ROWS: tuple[tuple[str, Severity, str, str], ...] = (
    ("telnet", Severity.HIGH, "Telnet sends passwords in the clear", "Turn telnet off and use SSH; until then allow it from a management network only."),
    ("rlogin", Severity.HIGH, "rlogin trusts addresses and sends everything in the clear", "Turn rlogin off and use SSH."),
    ("rsh", Severity.HIGH, "rsh trusts addresses and sends everything in the clear", "Turn rsh off and use SSH."),
    ("rexec", Severity.HIGH, "rexec sends passwords in the clear", "Turn rexec off and use SSH."),
    ("ftp", Severity.MEDIUM, "FTP sends passwords in the clear", "Use SFTP, or require TLS for FTP (explicit FTPS) for sign-in and data."),
    ("pop3", Severity.LOW, "POP3 without TLS from the first byte", "Offer POP3 over TLS (port 995) and refuse sign-in before STLS."),
    ("imap", Severity.LOW, "IMAP without TLS from the first byte", "Offer IMAP over TLS (port 993) and refuse sign-in before STARTTLS."),
    ("ldap", Severity.MEDIUM, "LDAP without TLS", "Offer LDAPS or StartTLS and refuse binds without it (`security minssf`, LDAP signing)."),
    ("http", Severity.LOW, "Web pages are served without encryption", "Serve them over HTTPS and redirect port 80 to it."),
    ("redis", Severity.MEDIUM, "Redis protocol without TLS", "Turn TLS on (`tls-port`, `port 0`), or bind it to loopback or a Unix socket."),
    ("memcached", Severity.MEDIUM, "memcached without TLS", "Bind memcached to loopback, or turn TLS on (`-Z`)."),
    ("mongodb", Severity.MEDIUM, "MongoDB without TLS", "Set `net.tls.mode: requireTLS`, or bind it to loopback."),
    ("mqtt", Severity.MEDIUM, "MQTT without TLS", "Listen on port 8883 with a certificate and close 1883 to other networks."),
    ("amqp", Severity.MEDIUM, "AMQP without TLS", "Listen on port 5671 with a certificate and close 5672 to other networks."),
    ("vnc", Severity.MEDIUM, "Remote desktop (VNC) without encryption", "Reach VNC through SSH or a VPN only."),
    ("rsync", Severity.LOW, "rsync daemon without encryption", "Run rsync over SSH, or limit the daemon to a backup network."),
)  # fmt: skip


def _plain(name: str) -> Callable[[Subject], Seen | None]:
    def sees(subject: Subject) -> Seen | None:
        service = subject.service
        if service.web and service.web.status in REDIRECTS and service.web.location.lower().startswith("https://"):
            return None  # what is served is the way to the encrypted one
        return Seen() if service.name == name and not service.tls_version and "starttls" not in service.facts else None

    return sees


def _basic(subject: Subject) -> Seen | None:
    service = subject.service
    return Seen() if service.name == "http" and not service.tls_version and subject.has("basic-authentication") else None


def _without(name: str) -> Callable[[Subject], Seen | None]:
    return lambda subject: Seen() if subject.service.name == name and subject.has("no-tls") else None


CHECKS = (
    *(
        Check(
            id=f"cleartext-{name}", title=title, severity=severity, category=Category.ENCRYPTION, needs=f"A port on which {name} answers.",
            description="Whoever can see the traffic reads it, passwords included, and can change it.", remedy=remedy, references=(cwe(319),),
            sees=_plain(name),
        )
        for name, severity, title, remedy in ROWS
    ),
    Check(
        id="http-basic-cleartext", title="A web sign-in sends passwords in the clear", severity=Severity.HIGH, category=Category.ENCRYPTION,
        needs="A web server that asks for basic authentication without TLS.",
        description="Basic authentication sends name and password with every request, readable for everyone on the way.",
        remedy="Serve this page over HTTPS only; passwords that were sent may be known to others.",
        references=(cwe(523), rfc(7617)), sees=_basic,
    ),
    Check(
        id="cleartext-postgresql", title="PostgreSQL does not offer TLS", severity=Severity.MEDIUM, category=Category.ENCRYPTION,
        needs="The answer to PostgreSQL's question for TLS.", sends="PostgreSQL's SSLRequest, eight bytes.",
        description="Whoever can see the traffic reads queries and rows.", references=(cwe(319), "https://www.postgresql.org/docs/current/ssl-tcp.html"),
        remedy="Set `ssl = on` with a certificate and use `hostssl` lines in pg_hba.conf.", sees=_without("postgresql"),
    ),
    Check(
        id="cleartext-mysql", title="MySQL or MariaDB does not offer TLS", severity=Severity.MEDIUM, category=Category.ENCRYPTION,
        needs="The capabilities in the server's greeting.", description="Whoever can see the traffic reads queries and rows.",
        remedy="Set `ssl_cert` and `ssl_key`, and `require_secure_transport = ON`.", sees=_without("mysql"),
        references=(cwe(319), "https://mariadb.com/kb/en/securing-connections-for-client-and-server/"),
    ),
    Check(
        id="cleartext-smtp", title="The mail server does not offer TLS", severity=Severity.LOW, category=Category.ENCRYPTION,
        needs="The extensions that a mail server lists.", sends="EHLO; no mail is sent.", description="Mail to it travels readable for everyone on the way.",
        remedy="Install a certificate and offer STARTTLS; for sign-in refuse passwords before it.", references=(cwe(319), rfc(3207), rfc(8314)),
        sees=_without("smtp"),
    ),
)  # fmt: skip
