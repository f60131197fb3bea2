"""Everything that is ever sent to a port: each question with its bytes, the ports that suggest it and why it does no harm.

`{host}`, `{agent}` and `{helo}` in a question are replaced by whom we ask, our name to web servers and our name to mail servers;
`{found}` by what the answer before it asked us to repeat.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from watchfloor.capabilities.scans.connect import packets

ANSWER_SECONDS, GENERIC_SECONDS = 2.5, 1.2


@dataclass(frozen=True, kw_only=True)
class Probe:
    """One question.

    `expects` tells an answer from a complaint, `upgrades` the answer after which TLS begins on the same connection, `keep` the only
    lines of a long answer that are kept.
    """

    name: str
    sends: bytes
    says: str
    ports: tuple[int, ...] = ()
    expects: re.Pattern[bytes] = field(default=re.compile(b"(?s:.)"))
    upgrades: re.Pattern[bytes] | None = None
    keep: re.Pattern[bytes] | None = None
    seconds: float = ANSWER_SECONDS


HTTP = re.compile(rb"HTTP/\d")
TEXT = re.compile(rb"[\t\r\n\x20-\x7e]")
CONSTRAINT = "reads one public page and changes nothing"


def _page(name: str, path: str, says: str, *, method: str = "GET", body: str = "", keep: bytes = b"", ports: tuple[int, ...] = ()) -> Probe:
    """Return a question to a web server with Host and our name."""
    length = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n" if body else ""
    head = f"{method} {path} HTTP/1.1\r\nHost: {{host}}\r\nUser-Agent: {{agent}}\r\nAccept: */*\r\n{length}Connection: close\r\n\r\n"
    return Probe(
        name=name, sends=(head + body).encode(), says=says, ports=ports, expects=HTTP, keep=re.compile(keep) if keep else None,
    )  # fmt: skip


HTTP_PORTS = (
    *(80, 81, 82, 83, 84, 85, 86, 88, 280, 591, 593, 631, 777, 888, 901, 1080, 1311, 2080, 2082, 2095, 2375, 2379, 2480, 2812, 3000, 3001),
    *(3128, 4000, 4040, 4200, 4567, 4848, 5000, 5001, 5104, 5280, 5555, 5601, 5800, 5984, 5985, 6080, 6680, 7001, 7070, 7080, 7474, 7777),
    *(8000, 8001, 8002, 8008, 8010, 8014, 8042, 8060, 8069, 8080, 8081, 8082, 8083, 8084, 8085, 8086, 8087, 8088, 8089, 8090, 8091, 8096),
    *(8100, 8112, 8118, 8123, 8161, 8180, 8181, 8200, 8222, 8280, 8281, 8300, 8384, 8400, 8500, 8529, 8545, 8765, 8800, 8834, 8880, 8888),
    *(
        8899,
        8983,
        9000,
        9080,
        9081,
        9090,
        9091,
        9093,
        9108,
        9113,
        9115,
        9116,
        9117,
        9121,
        9187,
        9200,
        9201,
        9443,
        9999,
        10255,
        11333,
        11334,
    ),
    *(15672, 16686, 19999, 28017, 50070, 50075, 61208),
    *(443, 4433, 4443, 2376, 5986, 6443, 7443, 8443, 8834, 9443, 10250, 10443),
)

OPENING = (
    Probe(
        name="http", sends=b"GET / HTTP/1.0\r\n\r\n", ports=HTTP_PORTS, expects=HTTP,
        says="Asks for the front page without a Host line: every web server answers, and Redis names itself instead of reporting an attack.",
    ),
    Probe(
        name="redis", sends=b"*2\r\n$4\r\nINFO\r\n$6\r\nserver\r\n", ports=(6379, 6380, 6381, 6382, 7379, 16379, 26379),
        expects=re.compile(rb"\$\d|-NOAUTH|-NOPERM|-DENIED|-ERR|-LOADING|-MASTERDOWN"),
        says="Asks Redis or Valkey for the server part of INFO, which is a read; no password is sent.",
    ),
    Probe(
        name="postgresql", sends=b"\x00\x00\x00\x08\x04\xd2\x16\x2f", ports=(5432, 5433, 5434, 6432, 9999), expects=re.compile(rb"[SN]\Z|E\0\0"),
        upgrades=re.compile(rb"S\Z"), says="Asks PostgreSQL whether it speaks TLS; the session ends before any user is named.",
    ),
    Probe(
        name="memcached", sends=b"version\r\n", ports=(11211,), expects=re.compile(rb"VERSION |CLIENT_ERROR|ERROR\r\n"),
        says="Asks memcached for its version, which reads no key.",
    ),
    Probe(
        name="zookeeper", sends=b"srvr", ports=(2181, 2182), expects=re.compile(rb"Zookeeper version|srvr is not|This ZooKeeper"),
        says="Asks ZooKeeper for the state of this server with a four-letter word that only reads.",
    ),
    Probe(
        name="mongodb", sends=packets.mongo(buildInfo=1), ports=(27017, 27018, 27019), expects=re.compile(rb"(?s:.{12}\xdd\x07\0\0)"),
        says="Asks MongoDB for buildInfo, which it answers to anyone and which reads no data.",
    ),
    Probe(
        name="amqp", sends=b"AMQP\0\0\x09\x01", ports=(5672, 5671), expects=re.compile(rb"\x01\0\0|AMQP"),
        says="Says hello in AMQP 0-9-1; the broker introduces itself and we leave before signing in.",
    ),
    Probe(
        name="mqtt", sends=packets.mqtt_connect(), ports=(1883, 8883), expects=re.compile(rb"\x20\x02[\0\x01]"),
        says="Connects to an MQTT broker without name and password, as its anonymous clients do; nothing is published.",
    ),
    Probe(
        name="kafka", sends=packets.kafka_versions(), ports=(9092, 9094), expects=re.compile(rb"\0\0[\0-\x0f].\0\0\0\x01\0", re.DOTALL),
        says="Asks Kafka which requests it understands.",
    ),
    Probe(
        name="cassandra", sends=packets.cassandra(5), ports=(9042, 9142), expects=re.compile(rb"[\x81-\x86]\0\0\0[\0\x06]"),
        says="Asks Cassandra for its OPTIONS, which it tells to anyone.",
    ),
    Probe(
        name="smb", sends=packets.smb2_negotiate(), ports=(445, 139), expects=re.compile(rb"\0\0..[\xfe\xff]SMB|\x83\0\0\x01", re.DOTALL),
        says="Offers the dialects of SMB 2 and 3; no session is opened.",
    ),
    Probe(
        name="rdp", sends=packets.rdp_negotiate(), ports=(3389, 3388, 3390), expects=re.compile(rb"\x03\0\0.\x0e?.?\xd0|\x03\0\0\x0b\x06\xd0", re.DOTALL),
        upgrades=re.compile(rb"\x03\0\0\x13\x0e\xd0.....\x02...[\x01\x02\x08]", re.DOTALL),
        says="Asks a remote desktop which protections it offers, as every client does first; nobody signs in.",
    ),
    Probe(
        name="ldap", sends=packets.root_dse(), ports=(389, 636, 3268, 3269, 1389, 1636), expects=re.compile(rb"\x30(?:[\x05-\x7f]|\x81.|\x82..|\x84....)\x02\x01", re.DOTALL),
        says="Reads the root entry of a directory, which LDAP shows to anyone; no bind is tried.",
    ),
    Probe(
        name="dns", sends=packets.dns_chaos("version.bind"), ports=(53, 853, 5353, 5300), expects=re.compile(rb"..\x57\x46[\x80-\x87]", re.DOTALL),
        says="Asks a name server for version.bind, the record made for this question.",
    ),
    Probe(
        name="tds", sends=packets.tds_prelogin(), ports=(1433, 1434), expects=re.compile(rb"\x04\x01\0"),
        says="Sends the message before sign-in to Microsoft SQL Server, which answers with its build.",
    ),
    Probe(
        name="x11", sends=b"l\0\x0b\0\0\0\0\0\0\0\0\0", ports=tuple(range(6000, 6011)), expects=re.compile(rb"[\0\x01\x02].?\x0b\0", re.DOTALL),
        says="Opens an X11 display without credentials, as far as its greeting; no window is opened and nothing is read.",
    ),
    Probe(
        name="epmd", sends=b"\0\x01n", ports=(4369,), expects=re.compile(rb"\0\0..(?:name [\w.@-]{1,60} at port|\Z)", re.DOTALL),
        says="Asks the Erlang port mapper for the names it holds.",
    ),
    Probe(
        name="git", sends=b"002dgit-upload-pack /watchfloor\0host=localhost\0", ports=(9418,), expects=re.compile(rb"[0-9a-f]{4}"),
        says="Asks a git daemon for a repository that does not exist.",
    ),
    Probe(
        name="sip", ports=(5060, 5061), expects=re.compile(rb"SIP/2\.0 "),
        sends=b"OPTIONS sip:{host} SIP/2.0\r\nVia: SIP/2.0/TCP {host};branch=z9hG4bKwf;rport\r\nFrom: <sip:scan@{host}>;tag=wf\r\n"
        b"To: <sip:{host}>\r\nCall-ID: wf@{host}\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 0\r\nContact: <sip:scan@{host}>\r\nContent-Length: 0\r\n\r\n",
        says="Asks a telephone server for its OPTIONS; no call is made.",
    ),
    Probe(
        name="gearman", sends=b"version\r\n", ports=(4730,), expects=re.compile(rb"OK |\d+\.\d|ERR "),
        says="Asks a gearman job server for its version.",
    ),
    Probe(
        name="beanstalkd", sends=b"stats\r\n", ports=(11300,), expects=re.compile(rb"OK \d|UNKNOWN_COMMAND"),
        says="Asks beanstalkd for its counters.",
    ),
    Probe(
        name="stomp", sends=b"CONNECT\naccept-version:1.0,1.1,1.2\nhost:/\n\n\0", ports=(61613, 61614), expects=re.compile(rb"CONNECTED|ERROR"),
        says="Connects to a STOMP broker without name and password; nothing is sent or subscribed.",
    ),
    Probe(
        name="jdwp", sends=b"JDWP-Handshake", ports=(8787, 5005), expects=re.compile(rb"JDWP-Handshake"),
        says="Greets a Java debugger and leaves; the program keeps running.",
    ),
    Probe(
        name="socks", sends=b"\x05\x02\x00\x02", ports=(9050, 9150), expects=re.compile(rb"\x05[\0\x02\xff]\Z"),
        says="Asks a SOCKS proxy which sign-in it wants; no connection through it is asked for.",
    ),
    Probe(
        name="xmpp", ports=(5222, 5223, 5269, 5270, 5298), expects=re.compile(rb"<\?xml|<stream:"),
        sends=b"<?xml version='1.0'?><stream:stream to='{host}' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>",
        says="Opens an XMPP stream, to which a server answers with what it offers; nobody signs in.",
    ),
    Probe(
        name="distcc", sends=packets.distcc_nothing(), ports=(3632,), expects=re.compile(rb"DONE0000"),
        says="Asks distccd to run a compiler that does not exist, on an empty file; it refuses.",
    ),
    Probe(
        name="ajp", sends=b"\x12\x34\0\x01\x0a", ports=(8009,), expects=re.compile(rb"AB\0\x01\x09"),
        says="Sends the ping that web servers send to an AJP connector.",
    ),
    Probe(
        name="rpcbind", sends=packets.rpc_call(100000, 2, 4), ports=(111,), expects=re.compile(rb"[\x80\0]...\x57\x46\x10\x01\0\0\0\x01", re.DOTALL),
        says="Asks the port mapper for its list of programs.",
    ),
    Probe(
        name="nfs", sends=packets.rpc_call(100003, 4, 0), ports=(2049,), expects=re.compile(rb"[\x80\0]...\x57\x46\x10\x01\0\0\0\x01", re.DOTALL),
        says="Calls the procedure of NFS that does nothing.",
    ),
    Probe(
        name="zabbix-agent", sends=packets.zabbix(b"agent.version"), ports=(10050,), expects=re.compile(rb"ZBXD"),
        says="Asks a Zabbix agent for its version.",
    ),
    Probe(
        name="zabbix-server", sends=packets.zabbix(b'{"request":"active checks","host":"watchfloor"}'), ports=(10051,), expects=re.compile(rb"ZBXD"),
        says="Asks a Zabbix server for the checks of a host it does not know.",
    ),
    Probe(
        name="clamd", sends=b"zVERSION\0", ports=(3310,), expects=re.compile(rb"ClamAV|UNKNOWN COMMAND|COMMAND"),
        says="Asks clamd for its version; no file is scanned.",
    ),
    Probe(
        name="spamd", sends=b"PING SPAMC/1.2\r\n\r\n", ports=(783,), expects=re.compile(rb"SPAMD/"), says="Pings spamd; no mail is checked.",
    ),
    Probe(
        name="upsd", sends=b"VER\n", ports=(3493,), expects=re.compile(rb"Network UPS|ERR "), says="Asks a UPS server for its version.",
    ),
    Probe(
        name="finger", sends=b"\r\n", ports=(79,), expects=TEXT, says="Asks who is signed in, the question finger was made for.",
    ),
    Probe(
        name="ident", sends=b"0, 0\r\n", ports=(113,), expects=re.compile(rb"\s{0,3}\d+\s{0,3},\s{0,3}\d+\s{0,3}:"),
        says="Asks ident about a connection that cannot exist.",
    ),
    Probe(
        name="ovsdb", sends=b'{"method":"list_dbs","params":[],"id":0}', ports=(6640, 6641, 6642), expects=re.compile(rb"\{"),
        says="Asks Open vSwitch for the names of its databases.",
    ),
    Probe(
        name="rmi", sends=b"JRMI\0\x02K", ports=(1099, 1098), expects=re.compile(rb"N\0."), says="Greets a Java RMI registry; nothing is looked up.",
    ),
    Probe(
        name="oracle", sends=packets.oracle_version(), ports=(1521, 1522), expects=re.compile(rb"\0.\0\0[\x02\x04\x0b\x06]", re.DOTALL),
        says="Asks an Oracle listener for its version.",
    ),
    Probe(
        name="fastcgi", sends=packets.fastcgi_values(), ports=(9001,), expects=re.compile(rb"\x01\x0a\0\0"),
        says="Asks a FastCGI program for its limits; no script is run.",
    ),
    Probe(
        name="rlogin", sends=b"\0", ports=(512, 513, 514), expects=re.compile(rb"[\x01\0]"),
        says="Sends rlogin, rsh or rexec an empty first byte, which names nobody.",
    ),
    Probe(
        name="gopher", sends=b"\r\n", ports=(70,), expects=re.compile(rb"[0-9igshIT+][^\t\r\n]{0,200}\t"), says="Asks a gopher server for its first menu.",
    ),
    Probe(
        name="irc", sends=b"NICK wfcheck\r\nUSER wfcheck 0 * :service check\r\n", ports=(6660, 6665, 6666, 6667, 6668, 6669, 6697, 7000, 9999),
        expects=re.compile(rb":[\w.*-]{1,100} (?:NOTICE|\d{3}) |NOTICE AUTH|PING :|ERROR :"), seconds=4.0,
        says="Introduces itself to an IRC server, which then tells its version; no channel is joined.",
    ),
    Probe(
        name="erlang", sends=packets.erlang_name(), ports=(25672,), expects=re.compile(rb"\0.s(?:ok|nok|alive|not_allowed)", re.DOTALL),
        says="Names itself to an Erlang node and leaves before its cookie would be checked.",
    ),
    Probe(
        name="nrpe", sends=packets.nrpe_version(), ports=(5666,), expects=re.compile(rb"\0[\x02-\x04]\0\x02"),
        says="Asks a Nagios agent for its version; no command is run.",
    ),
    Probe(
        name="firebird", sends=packets.firebird_connect(), ports=(3050,), expects=re.compile(rb"\0\0\0[\x03\x04\x09\x5c\x5e\x62]"),
        says="Offers Firebird the versions of its protocol; no database is opened and nobody signs in.",
    ),
    Probe(
        name="echo", sends=b"watchfloor\r\n", ports=(7,), expects=re.compile(rb"watchfloor"), says="Sends one line to see whether it comes back.",
    ),
)  # fmt: skip

FOLLOWING = (
    Probe(
        name="ehlo", sends=b"EHLO {helo}\r\n", expects=re.compile(rb"\d{3}"), seconds=4.0,
        says="Greets a mail server to learn its extensions; no mail is sent.",
    ),
    Probe(name="smtp-help", sends=b"HELP\r\n", says="Asks a mail server that hides its name for help."),
    Probe(
        name="smtp-starttls", sends=b"STARTTLS\r\n", upgrades=re.compile(rb"220"), says="Starts TLS on a mail connection to see its certificate.",
    ),
    Probe(name="ftp-features", sends=b"FEAT\r\n", says="Asks an FTP server which extensions it has.", seconds=4.0),
    Probe(name="ftp-help", sends=b"HELP\r\n", says="Asks an FTP server that hides its name for help."),
    Probe(name="ftp-user", sends=b"USER anonymous\r\n", says="Asks whether FTP is open to anyone under the name made for it.", seconds=4.0),
    Probe(
        name="ftp-anonymous", sends=b"PASS {helo}\r\n", seconds=4.0,
        says="Completes the anonymous sign-in, with our name where the protocol asks for one; no file is listed.",
    ),
    Probe(name="ftp-status", sends=b"STAT\r\n", says="Asks an open FTP server for its own status, which holds its version."),
    Probe(name="ftp-starttls", sends=b"AUTH TLS\r\n", upgrades=re.compile(rb"234"), says="Starts TLS on an FTP connection to see its certificate."),
    Probe(name="imap-capability", sends=b"a1 CAPABILITY\r\n", says="Asks a mailbox server what it can do."),
    Probe(name="imap-id", sends=b"a2 ID NIL\r\n", says="Asks a mailbox server for its name and version without giving ours."),
    Probe(
        name="imap-starttls", sends=b"a3 STARTTLS\r\n", upgrades=re.compile(rb"a3 OK"), says="Starts TLS on a mailbox connection to see its certificate.",
    ),
    Probe(name="pop3-capability", sends=b"CAPA\r\n", says="Asks a mailbox server what it can do."),
    Probe(name="pop3-starttls", sends=b"STLS\r\n", upgrades=re.compile(rb"\+OK"), says="Starts TLS on a mailbox connection to see its certificate."),
    Probe(name="nntp-capability", sends=b"CAPABILITIES\r\n", says="Asks a news server what it can do."),
    Probe(name="sieve-starttls", sends=b"STARTTLS\r\n", upgrades=re.compile(rb"OK"), says="Starts TLS on a mail filter connection to see its certificate."),
    Probe(
        name="mysql-starttls", upgrades=re.compile(rb""), seconds=0.0,
        sends=b"\x20\0\0\x01\0\x8a\x08\0\0\0\0\x01\x21" + b"\0" * 23,
        says="Asks MySQL or MariaDB for TLS to see its certificate; no user is named.",
    ),
    Probe(
        name="postgresql-startup", sends=packets.postgres_startup(1 << 16),
        says="Offers PostgreSQL a protocol that never existed; its refusal shows that it is one.",
    ),
    Probe(
        name="postgresql-trust", sends=packets.postgres_startup(3 << 16, user="postgres", database="postgres", application_name="watchfloor"),
        says="Asks PostgreSQL how user postgres signs in and leaves at the request for a password; only a server that wants none tells more.",
    ),
    Probe(name="mongodb-names", sends=packets.mongo(listDatabases=1, nameOnly=True), says="Asks MongoDB for the names of its databases, to see whether it wants a sign-in."),
    Probe(name="cassandra-startup", sends=packets.cassandra_startup(), says="Starts a Cassandra session to see whether it wants a sign-in."),
    Probe(name="cassandra-version", sends=packets.cassandra_version(), says="Reads the release of an open Cassandra from its own system table."),
    Probe(
        name="mqtt-version", sends=packets.mqtt_subscribe(b"$SYS/broker/version", b"$SYS/brokers/+/version"),
        says="Subscribes to the one topic in which a broker tells its own version.",
    ),
    Probe(name="smb-challenge", sends=packets.smb2_challenge(), says="Asks for an NTLM challenge, which holds the system's build, and never answers it."),
    Probe(name="smb-1", sends=packets.smb1_negotiate(), expects=re.compile(rb"\0\0..\xffSMB", re.DOTALL), says="Offers SMB 1 only, to see whether it is still on."),
    Probe(name="rdp-challenge", sends=packets.credssp_challenge(), says="Asks for an NTLM challenge inside TLS and never answers it."),
    Probe(name="vnc-security", sends=b"RFB 003.008\n", says="Agrees on a VNC version to learn which sign-in is wanted; the screen is not asked for."),
    Probe(name="ldap-starttls", sends=packets.ldap_start_tls(), upgrades=re.compile(rb"\x30.{1,6}\x02\x01\x02\x78.{1,3}\x0a\x01\0", re.DOTALL), says="Starts TLS on a directory connection to see its certificate."),
    Probe(name="xmpp-starttls", sends=b"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>", upgrades=re.compile(rb"<proceed"), says="Starts TLS on an XMPP stream to see its certificate."),
    Probe(name="rsync-modules", sends=b"@RSYNCD: 29.0\n#list\n", says="Asks rsync for the list of modules that it shows to anyone."),
    Probe(name="irc-pong", sends=b"PONG :{found}\r\n", seconds=4.0, says="Repeats the word an IRC server sends to see that we listen."),
    Probe(name="munin-version", sends=b"version\n", says="Asks a Munin node for its version."),
    Probe(name="jdwp-version", sends=b"\0\0\0\x0b\0\0\0\x01\0\x01\x01", says="Asks a Java debugger for the version of its machine."),
    Probe(name="dns-server", sends=packets.dns_chaos("version.server"), says="Asks a name server for version.server, the other name of version.bind."),
    Probe(name="tor-version", sends=b"PROTOCOLINFO 1\r\n", says="Asks a Tor control port what it is, the one question allowed before sign-in."),
    Probe(name="sentinel", sends=b"*2\r\n$4\r\nINFO\r\n$8\r\nsentinel\r\n", says="Asks a Redis sentinel for its counters."),
    _page("http-host", "/", f"Asks for the front page with Host, for servers that insist on it: {CONSTRAINT}."),
    _page("http-redirect", "{found}", f"Follows a redirect to the same server: {CONSTRAINT}."),
    _page("http-redirect-2", "{found}", f"Follows a second redirect to the same server: {CONSTRAINT}."),
    _page("http-haproxy", "/", "Reads HAProxy's page of statistics, of which only the line with the version is kept.", keep=rb"^HTTP/|HAProxy version"),
    _page("http-aria2", "/jsonrpc", "Asks aria2 for its version.", method="POST", body='{"jsonrpc":"2.0","id":"wf","method":"aria2.getVersion"}'),
    _page("http-missing", "/watchfloor-no-such-page", "Asks for a page that does not exist, because the error page names the server."),
    _page("http-version", "/version", f"Asks an API for its version: {CONSTRAINT}.", keep=rb"(?i)^HTTP/|version|etcd|^[a-z-]+:|Major|^[{}]"),
    _page("http-metrics", "/metrics", "Reads the public counters, of which only the lines with a version are kept.", keep=rb"^HTTP/|^(?:server|content-type):|_info[{ ]|_version"),
    _page("http-buildinfo", "/api/v1/status/buildinfo", f"Asks Prometheus and its relatives for their build: {CONSTRAINT}."),
    _page("http-alertmanager", "/api/v2/status", f"Asks Alertmanager for its version: {CONSTRAINT}."),
    _page("http-pushgateway", "/api/v1/status", f"Asks Pushgateway for its version: {CONSTRAINT}."),
    _page("http-grafana", "/api/health", f"Asks Grafana for its health: {CONSTRAINT}."),
    _page("http-consul", "/v1/agent/self", f"Asks Consul or Nomad for the agent's own description: {CONSTRAINT}."),
    _page("http-vault", "/v1/sys/health", f"Asks Vault for its health: {CONSTRAINT}."),
    _page("http-kibana", "/api/status", f"Asks Kibana for its status: {CONSTRAINT}."),
    _page("http-registry", "/v2/", f"Asks a container registry whether it is one: {CONSTRAINT}."),
    _page("http-kubelet", "/pods", f"Asks a kubelet for its pods, to see whether it wants a sign-in: {CONSTRAINT}."),
    _page("http-influxdb", "/query?q=SHOW+DATABASES", f"Asks InfluxDB for the names of its databases, to see whether it wants a sign-in: {CONSTRAINT}."),
    _page("http-etcd", "/v3/kv/range", "Counts etcd's keys without reading one, to see whether it wants a sign-in.", method="POST", body='{"key":"AA==","range_end":"AA==","count_only":true}'),
    _page("http-couchdb", "/_all_dbs", f"Asks CouchDB for the names of its databases, to see whether it wants a sign-in: {CONSTRAINT}."),
    _page("http-solr", "/solr/admin/info/system?wt=json", f"Asks Solr for its version: {CONSTRAINT}."),
    _page("http-clickhouse", "/?query=SELECT%20version()", f"Asks ClickHouse for its version as its anonymous user: {CONSTRAINT}."),
    _page("http-api-version", "/api/version", f"Asks Traefik and others for their version: {CONSTRAINT}."),
    _page("http-gitea", "/api/v1/version", f"Asks Gitea or Forgejo for its version: {CONSTRAINT}."),
    _page("http-jupyter", "/api", f"Asks Jupyter for its version: {CONSTRAINT}."),
    _page("http-netdata", "/api/v1/info", f"Asks Netdata for its version: {CONSTRAINT}.", keep=rb"^HTTP/|version|^server:"),
    _page("http-sonarqube", "/api/server/version", f"Asks SonarQube for its version: {CONSTRAINT}."),
    _page("http-arangodb", "/_api/version", f"Asks ArangoDB for its version: {CONSTRAINT}."),
    _page("http-portainer", "/api/status", f"Asks Portainer for its version: {CONSTRAINT}."),
    _page("http-nats", "/varz", f"Asks NATS for its version: {CONSTRAINT}.", keep=rb"^HTTP/|version|auth"),
    _page("http-flink", "/config", f"Asks Flink for its version: {CONSTRAINT}."),
)  # fmt: skip

PROBES = (*OPENING, *FOLLOWING)
BY_NAME = {probe.name: probe for probe in PROBES}

# Tried on a port that neither speaks first nor answers the web, six at a time, likeliest first: those whose servers hang up at the first
# word of HTTP, and those whose servers wait for more of what they take for a length.
GENERIC_CLOSED = (
    ("postgresql", "mqtt", "memcached", "zookeeper", "dns", "epmd"),
    ("kafka", "socks", "git", "zabbix-agent", "x11", "tds"),
    ("jdwp", "ldap", "sip", "ident", "rpcbind", "firebird"),
)
GENERIC_SILENT = (
    ("ldap", "dns", "smb", "rdp", "stomp", "irc"),
    ("tds", "rpcbind", "erlang", "mongodb", "ajp", "sip"),
    ("mqtt", "x11", "oracle", "rmi", "fastcgi", "kafka"),
)
GENERIC_SECURE = (("ldap", "mqtt", "dns", "nrpe", "stomp", "irc"),)
