"""Signs by which applications behind HTTP are known: headers, titles, JSON, error pages. Pure data."""

from __future__ import annotations

import re

from watchfloor.capabilities.scans.engine.fingerprint.match import CERTAIN, LIKELY, Sign

FRONT = ("http", "http-host", "http-redirect", "http-redirect-2")
V = rb"v?(?P<v>\d[\w.+~-]{0,36})"


def _page(pattern: bytes, product: str, *facts: str, after: tuple[str, ...] = FRONT, sure: bool = True) -> Sign:
    """Return a sign that may stand anywhere in an answer."""
    found = re.compile(rb"HTTP/\d.{0,4090}?(?:" + pattern + rb")", re.DOTALL | re.IGNORECASE)
    return Sign(after, found, "http", product, facts, CERTAIN if sure else LIKELY)


def _ok(pattern: bytes, product: str, *facts: str, after: tuple[str, ...]) -> Sign:
    """Return a sign of an answer that was given, not refused."""
    return Sign(after, re.compile(rb"HTTP/\d\.\d 200 .{0,4090}?(?:" + pattern + rb")", re.DOTALL | re.IGNORECASE), "http", product, facts)


APPLICATIONS = (
    # Answers to questions made for one product
    _ok(rb'"Components":.{0,300}?"Name":"Podman Engine","Version":"' + V, "Podman", "no-authentication", after=("http-version",)),
    _ok(rb'"ApiVersion":"[\d.]{1,8}".{0,2000}?[{,]"Version":"' + V, "Docker Engine", "no-authentication", after=("http-version",)),
    _ok(rb'[{,]"Version":"' + V + rb'".{0,2000}?"ApiVersion":', "Docker Engine", "no-authentication", after=("http-version",)),
    _ok(rb'"etcdserver":"' + V, "etcd", after=("http-version",)),
    _ok(rb'"gitVersion":\s{0,4}"' + V, "Kubernetes", after=("http-version",)),
    _ok(rb'"pkgVersion":\s{0,4}"' + V, "Meilisearch", after=("http-version",)),
    _ok(rb'"kind":\s{0,4}"PodList"', "Kubernetes kubelet", "no-authentication", after=("http-kubelet",)),
    _ok(rb'"solr-spec-version":"' + V, "Apache Solr", "no-authentication", after=("http-solr",)),
    _ok(rb'"database":\s{0,4}"ok".{0,200}?"version":\s{0,4}"' + V, "Grafana", after=("http-grafana",)),
    _ok(rb'"version":\s{0,4}"' + V + rb'".{0,200}?"database":', "Grafana", after=("http-grafana",)),
    _ok(rb'"Config":\{.{0,3000}?"Version":"' + V, "Consul", "no-authentication", after=("http-consul",)),
    _page(rb'"sealed":.{0,1000}?"version":"' + V, "Vault", after=("http-vault",)),
    _ok(rb'"versionInfo":\{.{0,500}?"version":"' + V, "Prometheus Alertmanager", after=("http-alertmanager",)),
    _ok(rb'"build_information":\{.{0,500}?"version":"' + V, "Prometheus Pushgateway", after=("http-pushgateway",)),
    _ok(rb'"data":\{"version":"' + V, "Prometheus", after=("http-buildinfo",)),
    _page(rb'"version":\{"number":"' + V, "Kibana", after=("http-kibana",)),
    _ok(rb'\r\n\r\n"?' + V + rb"\n?\Z", "ClickHouse", "no-authentication", after=("http-clickhouse",)),
    _page(rb"\nX-ClickHouse-(?:Server-Display-Name|Exception-Code|Summary):", "ClickHouse", after=("http-clickhouse", *FRONT)),
    _ok(rb'"server":"arango".{0,60}?"version":"' + V, "ArangoDB", "no-authentication", after=("http-arangodb",)),
    _ok(rb'"Version":\s{0,4}"' + V + rb'".{0,200}?"Codename"', "Traefik", after=("http-api-version",)),
    _ok(rb'"version":\s{0,4}"(?P<v>\d[\w.-]{0,20})\+gitea', "Forgejo", after=("http-gitea",)),
    _ok(rb'"version":\s{0,4}"' + V, "Gitea", after=("http-gitea",)),
    _ok(rb'\{"version":\s{0,4}"' + V + rb'"\}\s{0,3}\Z', "Jupyter Server", after=("http-jupyter",)),
    _ok(rb'"version":\s{0,4}"' + V, "Netdata", "no-authentication", after=("http-netdata",)),
    _ok(rb"\r\n\r\n" + V + rb"\s{0,3}\Z", "SonarQube", after=("http-sonarqube",)),
    _ok(rb'"Version":"' + V, "Portainer", after=("http-portainer",)),
    _ok(rb'"flink-version":"' + V, "Apache Flink", "no-authentication", after=("http-flink",)),
    _ok(rb'"server_id":.{0,300}?"version":\s{0,4}"' + V, "NATS Server", after=("http-nats",)),
    _ok(rb'"version":\s{0,4}"' + V, "NATS Server", after=("http-nats",)),
    _page(rb"<h3>Apache Tomcat/" + V, "Apache Tomcat", after=("http-missing", *FRONT)),
    _page(rb"Apache Tomcat/" + V, "Apache Tomcat", after=("http-missing", *FRONT)),
    _page(rb"Powered by Jetty:// (?P<v>\d+\.\d+\.\d+)", "Jetty", after=("http-missing", *FRONT)),
    _page(rb"<address>Apache Tomcat|<title>Apache Tomcat|<title>Tomcat", "Apache Tomcat", after=("http-missing", *FRONT), sure=False),
    # Headers
    _page(rb"\nx-jenkins: " + V, "Jenkins"),
    _page(rb"\nx-influxdb-version: " + V, "InfluxDB"),
    _page(rb"\nx-syncthing-version: " + V, "Syncthing"),
    _page(rb"\nx-gitlab-meta:|\nset-cookie: _gitlab_session|<title>[^<]{0,60}GitLab", "GitLab", sure=False),
    _page(rb"\nkbn-version: " + V, "Kibana"),
    _page(rb"\nkbn-(?:name|license-sig):", "Kibana"),
    _page(rb"\nx-nuxeo|\nserver: nexus/" + V, "Nexus Repository"),
    _page(rb"\nx-artifactory-(?:id|node-id):", "Artifactory"),
    _page(rb"\nx-transmission-session-id:", "Transmission"),
    _page(rb"\nserver: minio(?: console)?\r", "MinIO"),
    _page(rb"\ndocker-distribution-api-version: registry/", "Docker Registry", after=("http-registry", *FRONT)),
    _page(rb"\nx-confluence-request-time:", "Confluence"),
    _page(rb"\nx-arequestid:.{0,2000}?jira|\natlassian\.xsrf\.token", "Jira", sure=False),
    _page(rb"\nx-teamcity-node-id:", "TeamCity"),
    _page(rb"\nx-plex-protocol:", "Plex Media Server"),
    _page(rb"\nx-application: emby|<title>emby", "Emby", sure=False),
    _page(rb"\nx-vault-|\nx-consul-index:", "Consul", after=("http-consul",), sure=False),
    _page(rb"\nx-elastic-product: elasticsearch.{0,2000}?\"number\"\s{0,3}:\s{0,3}\"" + V, "Elasticsearch", "no-authentication"),
    # JSON
    _page(rb'"cluster_name".{0,600}?"version"\s{0,3}:\s{0,3}\{\s{0,6}"distribution"\s{0,3}:\s{0,3}"opensearch",\s{0,6}"number"\s{0,3}:\s{0,3}"' + V, "OpenSearch", "no-authentication"),
    _page(rb'"cluster_name".{0,600}?"number"\s{0,3}:\s{0,3}"' + V, "Elasticsearch", "no-authentication"),
    _page(rb"\nx-elastic-product: elasticsearch|realm=\"security\" charset=\"UTF-8\".{0,1000}?security_exception", "Elasticsearch"),
    _page(rb'"couchdb"\s{0,3}:\s{0,3}"Welcome".{0,200}?"version"\s{0,3}:\s{0,3}"' + V, "CouchDB"),
    _page(rb'"neo4j_version"\s{0,3}:\s{0,3}"' + V, "Neo4j"),
    _page(rb'"title"\s{0,3}:\s{0,3}"qdrant[^"]{0,60}"\s{0,3},\s{0,3}"version"\s{0,3}:\s{0,3}"' + V, "Qdrant", "no-authentication"),
    _page(rb'"status":"Meilisearch is running"', "Meilisearch"),
    _page(rb'"crate_version"|"cluster_name".{0,300}?crate', "CrateDB", sure=False),
    _page(rb"Ollama is running", "Ollama", "no-authentication"),
    _page(rb'"message":"Welcome to (?:the )?Kong|"tagline":"Welcome to kong","version":"' + V, "Kong"),
    _page(rb'"swagger_ui":.{0,300}?weaviate|/v1/meta","name":"Meta information', "Weaviate", sure=False),
    # Pages
    _page(rb"Statistics Report for HAProxy.{0,2500}?HAProxy version " + V, "HAProxy"),
    _page(rb"HAProxy version " + V, "HAProxy", after=("http-haproxy", *FRONT)),
    _page(rb"Statistics Report for HAProxy", "HAProxy"),
    _page(rb"<title>RabbitMQ Management", "RabbitMQ"),
    _page(rb"<title>Radicale", "Radicale"),
    _ok(rb'"result":\{[^}]{0,400}?"version":"' + V, "aria2", "no-authentication", after=("http-aria2",)),
    _page(rb'"jsonrpc":"2\.0"', "aria2", after=("http-aria2",)),
    _page(rb"<title>Prometheus(?: Time Series| Server)?", "Prometheus", sure=False),
    _page(rb"<title>Alertmanager", "Prometheus Alertmanager", sure=False),
    _page(rb"<title>Grafana", "Grafana"),
    _page(rb"<title>Consul by HashiCorp|<title>Consul", "Consul", sure=False),
    _page(rb"<title>Vault", "Vault", sure=False),
    _page(rb"<title>Nomad", "Nomad", sure=False),
    _page(rb"<title>[^<]{0,40}Dashboard \[Jenkins\]|<title>Sign in \[Jenkins\]|hudson\.model", "Jenkins", sure=False),
    _page(rb"<title>Portainer", "Portainer"),
    _page(rb"<title>SonarQube", "SonarQube"),
    _page(rb"<title>(?:JupyterLab|Jupyter|Home Page - Select)", "Jupyter Server"),
    _page(rb"<title>Home Assistant", "Home Assistant"),
    _page(rb"<title>Keycloak|<title>Welcome to Keycloak", "Keycloak"),
    _page(rb"<title>phpMyAdmin", "phpMyAdmin"),
    _page(rb"<title>Roundcube", "Roundcube"),
    _page(rb"<title>Zabbix|zabbix: zabbix", "Zabbix", sure=False),
    _page(rb"<title>(?:Icinga Web|Icinga)", "Icinga Web", sure=False),
    _page(rb"<title>netdata", "Netdata", "no-authentication"),
    _page(rb"<title>Cockpit|window\.cockpit|\nset-cookie: cockpit=", "Cockpit", sure=False),
    _page(rb"<title>Proxmox|PVE\.|- Proxmox Virtual Environment</title", "Proxmox VE", sure=False),
    _page(rb'<meta name="generator" content="WordPress ' + V, "WordPress"),
    _page(rb'<meta name="generator" content="Drupal ' + V, "Drupal"),
    _page(rb'<meta name="generator" content="Joomla!', "Joomla"),
    _page(rb'<meta name="generator" content="MediaWiki ' + V, "MediaWiki"),
    _page(rb'<meta name="generator" content="TYPO3', "TYPO3"),
    _page(rb'<meta name="generator" content="DokuWiki', "DokuWiki"),
    _page(rb"<title>(?:Node Exporter).{0,2500}?\(?version=" + V, "Prometheus Node Exporter"),
    _page(rb"ActiveMQRealm|<title>Apache ActiveMQ", "ActiveMQ"),
    _page(rb"\nlocation: [^\r\n]{0,100}/solr/", "Apache Solr", sure=False),
    _page(rb"<title>Solr Admin", "Apache Solr"),
    _page(rb"<title>Apache Flink Web Dashboard", "Apache Flink", "no-authentication"),
    _page(rb"Spark (?:Master|Worker).{0,2000}?<span class=\"version\"[^>]{0,60}>" + V, "Apache Spark"),
    _page(rb"<title>Hadoop Administration|/dfshealth\.html", "Apache Hadoop", sure=False),
    _page(rb"<title>HBase|/master-status", "Apache HBase", sure=False),
    _page(rb"<title>GeoServer", "GeoServer", sure=False),
    _page(rb"<title>Sign in .{0,5}GitLab", "GitLab"),
    _page(rb"<title>Webmin|Login to Webmin", "Webmin", sure=False),
    _page(rb"<title>Deluge WebUI|<title>Deluge", "Deluge"),
    _page(rb"<title>qBittorrent", "qBittorrent"),
    _page(rb"<title>Mopidy", "Mopidy"),
    _page(rb"<title>OctoPrint", "OctoPrint"),
    _page(rb"<title>Pi-hole|<title>Pi-Hole", "Pi-hole", sure=False),
    _page(rb"<title>AdGuard Home|\nlocation: /login\.html\r", "AdGuard Home", sure=False),
    _page(rb"<title>UniFi", "UniFi Network", sure=False),
    _page(rb"<title>RouterOS|mikrotik_logo", "MikroTik RouterOS", sure=False),
    _page(rb"<title>Nextcloud|\nset-cookie: oc_sessionPassphrase", "Nextcloud", sure=False),
    _page(rb"<title>Mattermost|content=\"Mattermost", "Mattermost", sure=False),
    _page(rb"<title>Apache2 Debian Default Page: It works", "Apache httpd", sure=False),
    _page(rb"\nserver: Jetty.{0,2000}?<title>(?:Apache )?ActiveMQ", "ActiveMQ"),
)  # fmt: skip

EXPORTERS = {
    "prometheus": "Prometheus", "alertmanager": "Prometheus Alertmanager", "pushgateway": "Prometheus Pushgateway",
    "node_exporter": "Prometheus Node Exporter", "blackbox_exporter": "Prometheus Blackbox Exporter", "mysqld_exporter": "Prometheus MySQL Exporter",
    "postgres_exporter": "Prometheus PostgreSQL Exporter", "apache_exporter": "Prometheus Apache Exporter", "redis_exporter": "Prometheus Redis Exporter",
    "snmp_exporter": "Prometheus SNMP Exporter", "haproxy_exporter": "Prometheus HAProxy Exporter", "bind_exporter": "Prometheus BIND Exporter",
    "memcached_exporter": "Prometheus Memcached Exporter", "statsd_exporter": "Prometheus StatsD Exporter", "grafana": "Grafana",
    "coredns": "CoreDNS", "loki": "Grafana Loki", "promtail": "Grafana Promtail", "tempo": "Grafana Tempo", "mimir": "Grafana Mimir",
    "cortex": "Cortex", "thanos": "Thanos", "process_exporter": "Prometheus Process Exporter", "nginx_exporter": "Prometheus nginx Exporter",
    "nginxexporter": "Prometheus nginx Exporter", "smartctl_exporter": "Prometheus smartctl Exporter", "ipmi_exporter": "Prometheus IPMI Exporter",
    "haproxy_process": "HAProxy", "mtail": "mtail", "influxdb_exporter": "Prometheus InfluxDB Exporter", "graphite_exporter": "Prometheus Graphite Exporter",
    "collectd_exporter": "Prometheus collectd Exporter", "consul_exporter": "Prometheus Consul Exporter", "elasticsearch_exporter": "Prometheus Elasticsearch Exporter",
    "mongodb_exporter": "Prometheus MongoDB Exporter", "squid_exporter": "Prometheus Squid Exporter", "varnish_exporter": "Prometheus Varnish Exporter",
    "postfix_exporter": "Prometheus Postfix Exporter", "frr_exporter": "Prometheus FRR Exporter", "bird_exporter": "Prometheus BIRD Exporter",
}  # fmt: skip

# What an answer to a harmless read shows: the server wanted no sign-in.
OPEN = tuple((probe, re.compile(rb"HTTP/\d\.\d 200 .{0,4090}?" + pattern, re.DOTALL)) for probe, pattern in (
    ("http-etcd", rb'"cluster_id"'),
    ("http-couchdb", rb"\r\n\r\n\["),
    ("http-influxdb", rb'"results":'),
    ("http-kubelet", rb'"PodList"'),
))  # fmt: skip
