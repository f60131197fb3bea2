"""Which question an answer suggests next: a table of what was seen and what is asked then, each at most once."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from watchfloor.capabilities.scans.schemas import Reply

FTP_PORTS = (20, 21, 990, 2100, 2121, 2221, 8021)
SPOKEN = ("greeting", "http")
WEB = ("http", "http-host")
SIGHT_BYTES = 4096


@dataclass(frozen=True)
class Next:
    """Ask `probe` when an answer to one of `after` looks like `sight` (from its first byte), on these ports only where any are named."""

    probe: str
    after: tuple[str, ...]
    sight: re.Pattern[bytes]
    ports: tuple[int, ...] = ()
    fresh: bool = False  # needs a connection of its own
    unless: re.Pattern[bytes] | None = None  # seen in any answer: not asked


@dataclass(frozen=True)
class Step:
    """The next question; `found` fills its `{found}`."""

    probe: str
    found: bytes
    fresh: bool


def _rule(probe: str, after: tuple[str, ...], sight: bytes, ports: tuple[int, ...] = (), *, fresh: bool = False) -> Next:
    return Next(probe, after, re.compile(sight, re.DOTALL | re.IGNORECASE), ports, fresh)


def _web(probe: str, sight: bytes, after: tuple[str, ...] = WEB, ports: tuple[int, ...] = ()) -> Next:
    """Return a rule about a page: wherever in the answer it stands, and with a new connection because the server closed the last one."""
    return _rule(probe, after, rb"HTTP/\d.{0,4000}?(?:" + sight + rb")", ports, fresh=True)


# The second byte of a MySQL server's capabilities with its eighth bit: it speaks TLS.
TLS_BIT = b"[" + b"".join(re.escape(bytes((one,))) for one in range(256) if one & 8) + b"]"
# A web server that names itself, or an application that does, needs no error page.
NAMED = re.compile(
    rb"HTTP/\d.{0,2500}\n(?:server|via|x-powered-by|x-varnish|location|x-influxdb-version|x-content-type-options|x-jenkins|kbn-name): ",
    re.DOTALL | re.IGNORECASE,
)
GO_404 = rb"404 page not found\n?\Z"

RULES = (
    # Mail
    _rule("ehlo", ("greeting",), rb"220[ -](?=[^\r\n]{0,400}(?:smtp|mail))(?![^\r\n]{0,400}ftp)"),
    _rule("ftp-features", ("greeting",), rb"220[ -](?=.{0,600}ftp)(?![^\r\n]{0,400}smtp)"),
    _rule("ftp-features", ("greeting",), rb"220", FTP_PORTS),
    _rule("ehlo", ("greeting",), rb"220[ -](?!.{0,600}ftp)(?![^\r\n]{0,200} dictd )"),
    _rule("ftp-features", ("ehlo",), rb"5\d\d"),
    _rule("smtp-help", ("greeting",), rb"220[ -](?!.{0,600}(?:ftp|exim|postfix|sendmail|exchange|microsoft|opensmtpd)).{0,400}(?:smtp|mail)"),
    _rule("smtp-starttls", ("ehlo",), rb"250.{0,2000}?STARTTLS"),
    _rule("ftp-help", ("greeting",), rb"220(?!.{0,600}(?:vsftpd|proftpd|pure-ftpd|filezilla|microsoft|pyftpdlib|bftpd))", FTP_PORTS),
    _rule("ftp-user", ("ftp-features",), rb"[2-5]\d\d"),
    _rule("ftp-anonymous", ("ftp-user",), rb"331"),
    _rule("ftp-status", ("ftp-anonymous",), rb"2[03]\d"),
    _rule("ftp-starttls", ("ftp-features",), rb"211.{0,1500}?AUTH (?:TLS|SSL)"),
    _rule("imap-capability", ("greeting",), rb"\* (?:OK|PREAUTH)"),
    _rule("imap-id", ("imap-capability", "greeting"), rb".{0,3000}?\bID\b"),
    _rule("imap-starttls", ("imap-capability", "greeting"), rb".{0,3000}?\bSTARTTLS\b"),
    _rule("pop3-capability", ("greeting",), rb"\+OK"),
    _rule("pop3-starttls", ("pop3-capability",), rb"\+OK.{0,2000}?\bSTLS\b"),
    _rule("nntp-capability", ("greeting",), rb"20[01] (?!.{0,80}(?:cyrus timsieved|murder))"),
    _rule("sieve-starttls", ("greeting",), rb'"IMPLEMENTATION".{0,2000}?"STARTTLS"'),
    # Stores
    _rule("redis", SPOKEN, rb"-(?:ERR wrong number of arguments for 'get'|ERR unknown command|NOAUTH|DENIED|LOADING|MASTERDOWN)"),
    _rule("sentinel", ("redis",), rb".{0,600}?redis_mode:sentinel"),
    _rule("memcached", ("http",), rb"(?:ERROR\r\n|CLIENT_ERROR)"),
    _rule("mongodb", ("http",), rb".{0,300}?It looks like you are trying to access MongoDB over HTTP", fresh=True),
    _rule("mongodb-names", ("mongodb",), rb".{12}\xdd\x07"),
    _rule("cassandra", ("http",), rb"[\x83-\x86]\0\0\0\0", fresh=True),
    _rule("cassandra-startup", ("cassandra",), rb"[\x83-\x86]...\x06"),
    _rule("cassandra-version", ("cassandra-startup",), rb"[\x83-\x86]...\x02"),
    _rule("postgresql", ("http",), rb"E\0\0..SFATAL", fresh=True),
    _rule("postgresql-startup", ("postgresql",), rb"[SN]\Z"),
    _rule("postgresql-trust", ("postgresql-startup",), rb"E(?:....S.{0,400}?\0RProcessStartupPacket|FATAL:  unsupported frontend)", fresh=True),
    _rule("mysql-starttls", ("greeting",), rb".{3}\0\x0a[\x20-\x7e]{3,60}\0.{4}.{8}\0." + TLS_BIT),
    # Queues
    _rule("amqp", ("http",), rb"AMQP", fresh=True),
    _rule("mqtt-version", ("mqtt",), rb"\x20\x02.\0"),
    _rule("stomp", ("http",), rb"ERROR\n", fresh=True),
    _rule("gearman", ("http",), rb"ERR UNKNOWN_COMMAND"),
    _rule("beanstalkd", ("http",), rb"UNKNOWN_COMMAND"),
    # Desktops and files
    _rule("vnc-security", SPOKEN, rb"RFB \d{3}\.\d{3}\n"),
    _rule("rdp-challenge", ("rdp",), rb"\x03\0\0\x13.{7}\x02...[\x02\x08]"),
    _rule("smb-challenge", ("smb",), rb".{4}\xfeSMB"),
    _rule("smb-1", ("smb-challenge", "smb"), rb".{4}[\xfe\xff]SMB", fresh=True),
    _rule("rsync-modules", SPOKEN, rb"@RSYNCD: "),
    _rule("ldap-starttls", ("ldap",), rb"\x30.{0,4000}1\.3\.6\.1\.4\.1\.1466\.20037"),
    _rule("jdwp-version", ("jdwp",), rb"JDWP-Handshake"),
    _rule("dns-server", ("dns",), rb"..\x57\x46.[\x01-\x0f\x81-\x8f]", fresh=True),
    # People
    _rule("irc", SPOKEN, rb":[\w.-]{1,100} (?:NOTICE (?:\*|AUTH)|451|421)|NOTICE AUTH"),
    _rule("irc", SPOKEN, rb"ERROR :", fresh=True),
    _rule("irc-pong", ("irc", "greeting"), rb"(?:.{0,2000}\n)?PING :?([\w.-]{1,60})\r?\n"),
    _rule("xmpp", ("http",), rb"<\?xml|<stream:|</stream", fresh=True),
    _rule("xmpp-starttls", ("xmpp",), rb".{0,3000}?<starttls"),
    _rule("sip", ("http",), rb"SIP/2\.0 ", fresh=True),
    _rule("munin-version", ("greeting",), rb"# munin node"),
    _rule("clamd", ("http",), rb"UNKNOWN COMMAND", fresh=True),
    _rule("upsd", ("http",), rb"ERR (?:UNKNOWN-COMMAND|INVALID-ARGUMENT)"),
    _rule("tor-version", ("http",), rb"51[04] (?:Unrecognized command|Authentication required)|HTTP/1\.0 501 Tor ControlPort", fresh=True),
    _rule("socks", ("http",), rb"HTTP/1\.0 501 Tor is not|\x05\xff", fresh=True),
    # The web
    _rule("http-host", ("http",), rb"HTTP/\d\.\d (?:400|403|421|426|505) (?!.{0,3000}https)", fresh=True),
    _rule("http-host", ("http",), rb"HTTP/\d\.\d 30\d .{0,1000}?\nlocation: https?:///", fresh=True),
    _web("http-version", rb'"kind":\s{0,3}"Status"|"message":\s{0,3}"page not found"|\nserver: docker/|"status":"Meilisearch'),
    _web("http-version", GO_404, ports=(2375, 2376, 2379, 2380, 4001, 6443, 8001, 8080, 8443, 10250, 10255, 16443)),
    _web("http-kubelet", GO_404, ports=(10250, 10255)),
    _web("http-metrics", GO_404 + rb"|href=[\"']?/?metrics|>metrics<|exporter</title"),
    _web("http-version", GO_404),
    _web("http-etcd", rb'"etcdserver"', ("http-version",)),
    _rule("http-registry", WEB, rb"HTTP/1\.[01] 200 OK\r\nCache-Control: no-cache\r\nDate: [^\r\n]{20,40}\r\nContent-Length: 0\r\n", fresh=True),
    _rule("http-aria2", WEB, rb"HTTP/1\.1 404 Not Found\r\nDate: [^\r\n]{20,40}\r\nContent-Length: 0\r\nExpires: ", fresh=True),
    _web("http-haproxy", rb"statistics report for haproxy"),
    _web("http-buildinfo", rb"\nlocation: [^\r\n]{0,40}/(?:graph|query)|<title>prometheus"),
    _web("http-alertmanager", rb"<title>alertmanager"),
    _web("http-pushgateway", rb"<title>prometheus pushgateway"),
    _web("http-grafana", rb"\nlocation: /login\r\n|<title>grafana"),
    _web("http-consul", rb" 301 .{0,800}\nlocation: /ui/|<title>consul"),
    _web("http-vault", rb" 307 .{0,800}\nlocation: /ui/|<title>vault"),
    _web("http-consul", rb" 307 .{0,800}\nlocation: /ui/|<title>nomad"),
    _web("http-kibana", rb"\nkbn-(?:name|version|license)|\nlocation: /(?:app/kibana|login\?next=|spaces/enter)|<title>kibana"),
    _web("http-influxdb", rb"\nx-influxdb-version: v?1\."),
    _web("http-couchdb", rb'"couchdb":'),
    _web("http-solr", rb"location: [^\r\n]{0,100}/solr/"),
    _web("http-clickhouse", rb"\nx-clickhouse|\r\n\r\nOk\.\n\Z"),
    _web("http-gitea", rb"i_like_gitea|i_like_forgejo|powered by (?:gitea|forgejo)|content=\"gitea"),
    _web("http-jupyter", rb"tornadoserver.{0,1500}(?:/tree|/lab|/login)|<title>jupyter"),
    _web("http-netdata", rb"netdata"),
    _web("http-sonarqube", rb"<title>sonarqube"),
    _web("http-arangodb", rb"server: arangodb"),
    _web("http-portainer", rb"<title>portainer"),
    _web("http-api-version", rb"location: /dashboard/|<title>traefik"),
    _web("http-nats", rb"<title>nats|/varz"),
    _web("http-flink", rb"flink web dashboard"),
    _web("http-missing", rb"apache.coyote|apache tomcat|etag: w/\"\d{1,12}-\d{13}\"|content-type: text/html;charset="),
    Next("http-missing", WEB, re.compile(rb"HTTP/1\.1 [245]\d\d "), fresh=True, unless=NAMED),
    _rule("http-redirect-2", ("http-redirect",), rb"HTTP/\d\.\d 30.{0,1000}?\nlocation: (/(?!/)[\x21-\x7e]{0,200})\r\n", fresh=True),
    _web("http-redirect", rb"\nlocation: (/(?!/)[\x21-\x7e]{0,200})\r\n"),
    _web("http-metrics", rb"_exporter|exporter"),
)  # fmt: skip


def step(replies: Iterable[Reply], asked: Collection[str], port: int) -> Step | None:
    """Return the first question of the table that is suggested and was not asked, or None."""
    said = [(reply.probe, reply.data[:SIGHT_BYTES]) for reply in replies]
    for rule in RULES:
        if rule.probe in asked or (rule.ports and port not in rule.ports):
            continue
        if rule.unless and any(rule.unless.match(data) for _, data in said):
            continue
        for probe, data in said:
            found = rule.sight.match(data) if probe in rule.after else None
            if found:
                return Step(rule.probe, found[1] if rule.sight.groups else b"", rule.fresh)
    return None
