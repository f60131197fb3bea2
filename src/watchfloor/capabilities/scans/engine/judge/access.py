"""Checks for services that let anyone in. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from watchfloor.capabilities.scans.engine.judge.check import Category, Check, Seen, Subject, cwe
from watchfloor.kernel.contract import Severity

if TYPE_CHECKING:
    from collections.abc import Callable

CRITICAL, HIGH, MEDIUM, LOW = Severity.CRITICAL, Severity.HIGH, Severity.MEDIUM, Severity.LOW
OPEN = ("no-authentication", "no-password")


@dataclass(frozen=True)
class Open:
    """A service that must not answer strangers; `services` are names of protocols, or products where the protocol is HTTP."""

    id: str
    services: tuple[str, ...]
    severity: Severity
    title: str
    sends: str
    remedy: str
    document: str
    facts: tuple[str, ...] = OPEN
    description: str = "Whoever reaches the port can read what is there, and often change it or run commands, without a password."


ROWS: tuple[Open, ...] = (
    Open(
        "unauthenticated-redis", ("redis", "redis-tls"), CRITICAL, "Redis or Valkey answers without a password", "INFO server, which only reads.",
        "Set a password or ACL users (`requirepass`, `aclfile`) and bind it to loopback, or require client certificates (`tls-auth-clients yes`).",
        "https://redis.io/docs/latest/operate/oss_and_stack/management/security/",
    ),
    Open(
        "unauthenticated-memcached", ("memcached",), HIGH, "memcached answers without a password", "version, which reads no key.",
        "Bind memcached to loopback or turn SASL on (`-S`); it can also be abused to flood others.", "https://docs.memcached.org/features/authentication/",
    ),
    Open(
        "unauthenticated-zookeeper", ("zookeeper",), HIGH, "ZooKeeper answers status commands to anyone", "srvr, which only reads.",
        "Set `4lw.commands.whitelist`, turn SASL on and limit access to the cluster.", "https://zookeeper.apache.org/doc/current/zookeeperAdmin.html",
    ),
    Open(
        "unauthenticated-mongodb", ("mongodb",), CRITICAL, "MongoDB answers without a sign-in", "listDatabases with nameOnly, which reads names only.",
        "Set `security.authorization: enabled`, create users, and bind it to loopback or a private network.",
        "https://www.mongodb.com/docs/manual/administration/security-checklist/",
    ),
    Open(
        "unauthenticated-elasticsearch", ("elasticsearch", "opensearch", "Elasticsearch", "OpenSearch"), CRITICAL,
        "Elasticsearch or OpenSearch answers without a sign-in", "GET /, the page with its version.",
        "Turn its security features on (`xpack.security.enabled: true`, or OpenSearch's security plugin).",
        "https://www.elastic.co/guide/en/elasticsearch/reference/current/secure-cluster.html",
    ),
    Open(
        "unauthenticated-etcd", ("etcd",), CRITICAL, "etcd answers without a sign-in", "A count of its keys, of which none is read.",
        "Require client certificates (`--client-cert-auth`) and turn authentication on (`etcdctl auth enable`).", "https://etcd.io/docs/latest/op-guide/security/",
        description="etcd often holds the secrets of a Kubernetes cluster; whoever reaches it owns the cluster.",
    ),
    Open(
        "unauthenticated-docker", ("docker", "Docker Engine", "Podman"), CRITICAL, "The Docker API is open to anyone", "GET /version.",
        "Close the port (`-H unix://` only), or require client certificates (`--tlsverify`).", "https://docs.docker.com/engine/security/protect-access/",
        description="Whoever reaches the API starts containers with the host's disk mounted: they are root on this machine.",
    ),
    Open(
        "unauthenticated-kubelet", ("kubelet", "Kubelet", "Kubernetes kubelet"), CRITICAL, "The kubelet answers without a sign-in", "GET /pods, which only reads.",
        "Set `authentication.anonymous.enabled: false` and `authorization.mode: Webhook`, and turn the read-only port off.",
        "https://kubernetes.io/docs/reference/access-authn-authz/kubelet-authn-authz/",
        description="Pod definitions hold secrets, and commands can be run in every container of the node.",
    ),
    Open(
        "unauthenticated-influxdb", ("influxdb", "InfluxDB"), HIGH, "InfluxDB answers without a sign-in", "SHOW DATABASES, which reads names only.",
        "Set `auth-enabled = true` and create an administrator, or move to version 2, which always asks.",
        "https://docs.influxdata.com/influxdb/v1/administration/authentication_and_authorization/",
    ),
    Open(
        "unauthenticated-couchdb", ("couchdb", "CouchDB"), CRITICAL, "CouchDB answers without a sign-in", "GET /_all_dbs, which reads names only.",
        "Create an administrator and set `require_valid_user = true`.", "https://docs.couchdb.org/en/stable/intro/security.html",
    ),
    Open(
        "unauthenticated-cassandra", ("cassandra",), HIGH, "Cassandra answers without a sign-in", "STARTUP, and its release from its own system table.",
        "Set `authenticator: PasswordAuthenticator` and `authorizer: CassandraAuthorizer`.", "https://cassandra.apache.org/doc/latest/cassandra/managing/operating/security.html",
    ),
    Open(
        "unauthenticated-postgresql", ("postgresql",), CRITICAL, "PostgreSQL lets user postgres in without a password",
        "The start of a session of user postgres, which is left at once.", "Replace `trust` in pg_hba.conf by `scram-sha-256`.",
        "https://www.postgresql.org/docs/current/auth-trust.html",
    ),
    Open(
        "unauthenticated-clickhouse", ("clickhouse", "ClickHouse"), HIGH, "ClickHouse answers its default user without a password", "SELECT version().",
        "Give the user `default` a password and limit its networks.", "https://clickhouse.com/docs/operations/settings/settings-users",
    ),
    Open(
        "unauthenticated-solr", ("solr", "Apache Solr", "Solr"), HIGH, "Solr's administration is open to anyone", "GET of its system information.",
        "Turn on authentication and authorization plugins (`security.json`).",
        "https://solr.apache.org/guide/solr/latest/deployment-guide/authentication-and-authorization-plugins.html",
    ),
    Open(
        "unauthenticated-consul", ("consul", "Consul", "HashiCorp Consul"), HIGH, "Consul's API is open to anyone", "GET /v1/agent/self.",
        'Turn ACLs on with `default_policy = "deny"`.', "https://developer.hashicorp.com/consul/docs/security",
    ),
    Open(
        "unauthenticated-flink", ("Apache Flink",), CRITICAL, "Apache Flink runs programs for anyone", "GET /config.",
        "Set `web.submit.enable: false` and put a sign-in before it.", "https://flink.apache.org/what-is-flink/security/",
        description="Whoever reaches the page can upload a program and run it on the cluster.",
    ),
    Open(
        "unauthenticated-arangodb", ("ArangoDB",), HIGH, "ArangoDB answers without a sign-in", "GET /_api/version.",
        "Set `server.authentication = true`.", "https://docs.arangodb.com/stable/operations/security/",
    ),
    Open(
        "unauthenticated-qdrant", ("Qdrant",), HIGH, "Qdrant answers without a key", "GET /.", "Set `service.api_key`.",
        "https://qdrant.tech/documentation/guides/security/",
    ),
    Open(
        "unauthenticated-ollama", ("Ollama",), MEDIUM, "Ollama works for anyone", "GET /.", "Bind it to loopback (`OLLAMA_HOST`), or put a sign-in before it.",
        "https://docs.ollama.com/faq", description="Others use the machine's models and computing time, and can replace models.",
    ),
    Open(
        "unauthenticated-aria2", ("aria2",), HIGH, "aria2 downloads for anyone", "The question for its version.", "Set `rpc-secret` and `rpc-listen-all=false`.",
        "https://aria2.github.io/manual/en/html/aria2c.html", description="Whoever reaches the port writes files onto this machine.",
    ),
    Open(
        "unauthenticated-ovsdb", ("ovsdb",), HIGH, "The database of a virtual switch is open to anyone", "The question for the names of its databases.",
        "Listen on a Unix socket only, or require TLS with client certificates (`pssl:`).", "https://docs.openvswitch.org/en/latest/howto/ssl/",
        description="Whoever reaches the port can rewire the network of the machines behind it.",
    ),
    Open(
        "unauthenticated-varnish", ("varnish-cli",), HIGH, "Varnish's command line wants no secret", "Nothing beyond its greeting.",
        "Set a secret file (`-S`) and listen on loopback (`-T`).", "https://varnish-cache.org/docs/trunk/reference/varnish-cli.html",
    ),
    Open(
        "unauthenticated-queue", ("gearman", "beanstalkd"), MEDIUM, "A job queue is open to anyone", "The question for its version or counters.",
        "Bind it to loopback or the network of its workers.", "https://cwe.mitre.org/data/definitions/668.html",
        description="Whoever reaches the port takes jobs and hands in own ones, which workers then run.",
    ),
    Open(
        "unauthenticated-clamd", ("clamd",), LOW, "The virus scanner works for anyone", "The question for its version.", "Listen on a Unix socket only (`LocalSocket`).",
        "https://docs.clamav.net/manual/Usage/Configuration.html", description="Others can have files scanned, and stop the scanner.",
    ),
    Open(
        "open-monitoring", ("munin", "check_mk", "ganglia", "gpsd", "nrpe", "Netdata"), LOW, "Monitoring is readable by anyone", "The question for its version.",
        "Limit it to the monitoring server by address, and use TLS with keys where it can.", "https://cwe.mitre.org/data/definitions/200.html",
        description="It tells users, programs, versions and load, which helps to plan an attack.",
    ),
    Open(
        "anonymous-mqtt", ("mqtt", "mqtts"), MEDIUM, "The MQTT broker accepts anyone", "CONNECT without name and password; nothing is published.",
        "Set `allow_anonymous false` and a password file.", "https://mosquitto.org/documentation/authentication-methods/",
        description="Whoever reaches the port reads all messages and sends own ones, for instance to devices.",
    ),
    Open(
        "anonymous-ftp", ("ftp", "ftps"), MEDIUM, "FTP is open to anonymous users", "USER anonymous and PASS with our name; no file is listed.",
        "Turn anonymous sign-in off (`anonymous_enable=NO` or the like), unless the files are meant for everybody.",
        "https://www.rfc-editor.org/rfc/rfc1635", facts=("anonymous-ftp", *OPEN), description="Files are readable, and often writable, for everybody.",
    ),
    Open(
        "anonymous-ldap", ("ldap", "ldaps"), MEDIUM, "The directory answers searches without a sign-in", "One search below its first naming context.",
        "Refuse anonymous binds (`disallow bind_anon`) and require authentication for searches (`require authc`).",
        "https://www.openldap.org/doc/admin26/security.html", facts=("anonymous-read",),
        description="Names, groups and mail addresses of everybody are readable.",
    ),
    Open(
        "unauthenticated-vnc", ("vnc",), CRITICAL, "Remote desktop (VNC) without a password", "The agreement on a version; the screen is not asked for.",
        "Set a password, and reach VNC through SSH or a VPN only.", "https://www.rfc-editor.org/rfc/rfc6143", facts=("vnc-none", *OPEN),
        description="Whoever reaches the port sees the screen and moves the mouse.",
    ),
    Open(
        "unauthenticated-x11", ("x11",), CRITICAL, "An X11 display is open to anyone", "The opening message without credentials; no window is opened.",
        "Start the server with `-nolisten tcp`, and use SSH's X11 forwarding.", "https://www.x.org/releases/current/doc/man/man7/Xsecurity.7.xhtml",
        description="Whoever reaches the port sees the screen, reads the keyboard and sends keys.",
    ),
    Open(
        "rsync-modules", ("rsync",), LOW, "The rsync daemon lists its modules to anyone", "#list; no module is opened.",
        "Set `list = no`, `auth users` and `hosts allow` for each module.", "https://download.samba.org/pub/rsync/rsyncd.conf.5",
        facts=("rsync-modules",), description="Module names show what is kept here; many are readable without a password.",
    ),
    Open(
        "open-socks", ("socks", "socks5"), MEDIUM, "A SOCKS proxy wants no sign-in", "The list of sign-ins we know; no connection through it is asked for.",
        "Require a sign-in and allow it from your own networks only.", "https://www.rfc-editor.org/rfc/rfc1928",
        description="Others reach your inner network, or hide behind your address.",
    ),
    Open(
        "unauthenticated-nats", ("nats",), MEDIUM, "NATS accepts anyone", "Nothing beyond its greeting.", "Configure `authorization` or accounts, and TLS.",
        "https://docs.nats.io/running-a-nats-service/configuration/securing_nats",
    ),
    Open(
        "unauthenticated-stomp", ("stomp", "amqp", "openwire", "kafka"), MEDIUM, "A message broker accepts anyone", "CONNECT without name and password.",
        "Require a sign-in for every listener.", "https://cwe.mitre.org/data/definitions/306.html",
        description="Whoever reaches the port reads messages and sends own ones.",
    ),
)  # fmt: skip


def _sees(row: Open) -> Callable[[Subject], Seen | None]:
    def sees(subject: Subject) -> Seen | None:
        service = subject.service
        return Seen() if (service.name in row.services or service.product in row.services) and subject.has(*row.facts) else None

    return sees


CHECKS = tuple(
    Check(
        id=row.id, title=row.title, severity=row.severity, category=Category.AUTHENTICATION, description=row.description, sends=row.sends,
        needs=f"An answer of {' or '.join(row.services[:2])} that only those who are let in get.", remedy=row.remedy,
        references=tuple(dict.fromkeys((cwe(306), row.document))), sees=_sees(row),
    )
    for row in ROWS
)  # fmt: skip
