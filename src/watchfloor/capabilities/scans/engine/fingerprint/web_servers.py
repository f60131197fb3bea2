"""Which product a Server header names. Pure data."""

from __future__ import annotations

import re


def _header(pattern: bytes, product: str) -> tuple[re.Pattern[bytes], str]:
    return re.compile(pattern, re.IGNORECASE), product


V = rb"(?P<v>\d[\w.]{0,24})"
# Headers in which name and version do not simply stand as name/version, or in which the first version is another's.
SPECIAL = (
    _header(rb"Apache-Coyote", "Apache Tomcat"),
    _header(rb"Apache Tomcat(?:/" + V + rb")?", "Apache Tomcat"),
    _header(rb"Apache(?:/(?P<v>\d[\d.]{0,20}))?(?![\w-])", "Apache httpd"),
    _header(rb"Jetty\((?P<v>\d+\.\d+\.\d+)", "Jetty"),
    _header(rb"Jetty\(?(?P<v>\d[\d.]{0,12})?", "Jetty"),
    _header(rb"(?:SimpleHTTP|BaseHTTP)/[\d.]{1,6} Python/" + V, "Python http.server"),
    _header(rb"WSGIServer/[\d.]{1,6} C?Python/" + V, "Python wsgiref"),
    _header(rb"Werkzeug/" + V, "Werkzeug"),
    _header(rb"Python/[\d.]{1,10} aiohttp/" + V, "aiohttp"),
    _header(rb"Python/[\d.]{1,10} websockets/" + V, "websockets"),
    _header(rb"WebSockify", "websockify"),
    _header(rb"Icecast " + V, "Icecast"),
    _header(rb"monit " + V, "Monit"),
    _header(rb"NetData Embedded HTTP Server v?" + V, "Netdata"),
    _header(rb"Debian Apt-Cacher NG(?:/" + V + rb")?", "Apt-Cacher NG"),
    _header(rb"Icinga/[rv]?" + V, "Icinga 2"),
    _header(rb"(?:[^\r\n]{0,100} )?MiniDLNA/" + V, "MiniDLNA"),
    _header(rb"[^\r\n]{0,100}UPnP/[\d.]{1,4},? (?:Gerbera|gerbera)/" + V, "Gerbera"),
    _header(rb"Microsoft-IIS(?:/" + V + rb")?", "Microsoft IIS"),
    _header(rb"[^\r\n]{0,60}Phusion Passenger(?:\(R\))?[ /]" + V, "Phusion Passenger"),
    _header(rb"Thin " + V, "Thin"),
    _header(rb"thin " + V, "Thin"),
    _header(rb"puma " + V, "Puma"),
    _header(rb"Mojolicious", "Mojolicious"),
    _header(rb"HTTP::Server::PSGI|Starman", "Starman"),
    _header(rb"squid(?:/" + V + rb")?", "Squid"),
    _header(rb"Kerio Connect " + V, "Kerio Connect"),
    _header(rb"OpenBSD httpd", "OpenBSD httpd"),
    _header(rb"GoAhead-Webs|GoAhead-http", "GoAhead"),
    _header(rb"Allegro-Software-RomPager/" + V, "RomPager"),
    _header(rb"RomPager/" + V, "RomPager"),
    _header(rb"Oracle-HTTP-Server", "Oracle HTTP Server"),
    _header(rb"WebLogic Server " + V, "Oracle WebLogic"),
    _header(rb"Zope/\(?(?:Zope )?" + V, "Zope"),
    _header(rb"ZServer/[\d.]{1,6} (?:.{0,40})?Zope/" + V, "Zope"),
    _header(rb"deluge(?:-web)?/?" + V, "Deluge"),
    _header(rb"tinyproxy/" + V, "tinyproxy"),
    _header(rb"TinyProxy/" + V, "tinyproxy"),
    _header(rb"(?:PVE|pve)-api-daemon/" + V, "Proxmox VE API"),
    _header(rb"mini_httpd/" + V, "mini_httpd"),
    _header(rb"ejabberd", "ejabberd"),
    _header(rb"Prosody", "Prosody"),
    _header(rb"Zentyal|zentyal", "Zentyal"),
    _header(rb"[^\r\n]{0,80}UPnP/\d\.\d", "UPnP device"),
)
PRODUCTS = {
    "nginx": "nginx", "openresty": "OpenResty", "tengine": "Tengine", "angie": "Angie", "freenginx": "freenginx", "lighttpd": "lighttpd",
    "microsoft-httpapi": "Microsoft HTTPAPI", "caddy": "Caddy", "haproxy": "HAProxy", "varnish": "Varnish", "litespeed": "LiteSpeed",
    "openlitespeed": "OpenLiteSpeed", "h2o": "H2O", "cherokee": "Cherokee", "hiawatha": "Hiawatha", "thttpd": "thttpd", "boa": "Boa",
    "webfs": "webfs", "monkey": "Monkey", "yaws": "Yaws", "gunicorn": "Gunicorn", "uvicorn": "Uvicorn", "hypercorn": "Hypercorn",
    "hypercorn-h11": "Hypercorn", "hypercorn-h2": "Hypercorn", "daphne": "Daphne", "waitress": "Waitress", "tornadoserver": "Tornado",
    "cherrypy": "CherryPy", "cheroot": "Cheroot", "twistedweb": "Twisted Web", "granian": "Granian", "couchdb": "CouchDB", "minio": "MinIO",
    "docker": "Docker Engine", "libpod": "Podman", "cups": "CUPS", "icecast": "Icecast", "transmission": "Transmission", "rspamd": "Rspamd",
    "mochiweb": "MochiWeb", "cowboy": "Cowboy", "kestrel": "Microsoft Kestrel", "puma": "Puma", "webrick": "WEBrick", "unicorn": "Unicorn",
    "envoy": "Envoy", "istio-envoy": "Envoy", "traefik": "Traefik", "kong": "Kong", "apisix": "Apache APISIX", "gsoap": "gSOAP",
    "micro_httpd": "micro_httpd", "darkhttpd": "darkhttpd", "nghttpx": "nghttpx", "nghttpd": "nghttpd", "nghttpd nghttp2": "nghttpd",
    "nghttpx nghttp2": "nghttpx", "ats": "Apache Traffic Server", "apachetrafficserver": "Apache Traffic Server", "splunkd": "Splunk",
    "glassfish server open source edition": "GlassFish", "payara server": "Payara Server", "wildfly": "WildFly", "jboss-eap": "JBoss EAP",
    "undertow": "Undertow", "resin": "Resin", "tntnet": "Tntnet", "mathopd": "Mathopd", "libwebsockets": "libwebsockets", "ntopng": "ntopng",
    "couchbase server": "Couchbase Server", "mono-xsp": "Mono XSP", "mono-xsp server": "Mono XSP", "qbittorrent": "qBittorrent",
    "aria2": "aria2", "privoxy": "Privoxy", "polipo": "Polipo", "miniserv": "Webmin", "nexus": "Nexus Repository",
    "artifactory": "Artifactory", "arangodb": "ArangoDB", "clickhouse": "ClickHouse", "php": "PHP", "express": "Express",
    "next.js": "Next.js", "asp.net": "ASP.NET", "servlet": "Java Servlet", "uhttpd": "uhttpd", "busybox httpd": "BusyBox httpd",
    "mongoose": "Mongoose", "civetweb": "CivetWeb", "crow": "Crow", "drogon": "Drogon", "rocket": "Rocket", "warp": "warp", "hyper": "hyper",
    "restify": "restify", "werkzeug": "Werkzeug", "dwhttpd": "Sun AnswerBook", "lwan": "Lwan", "bfe": "BFE", "gws": "Google Web Server",
    "cloudflare": "Cloudflare", "akamaighost": "Akamai", "bigip": "F5 BIG-IP", "amazons3": "Amazon S3", "awselb": "AWS ELB",
    "swiftstack": "OpenStack Swift", "kerio control": "Kerio Control", "synapse": "Synapse", "conduit": "Conduit", "jellyfin": "Jellyfin",
    "plex media server": "Plex Media Server", "openproxy": "OpenProxy", "pepyaka": "Pepyaka", "radicale": "Radicale", "bjoern": "bjoern",
    "mod_wsgi-express": "mod_wsgi", "meinheld": "Meinheld", "sabnzbd": "SABnzbd", "gitea": "Gitea", "kong-admin": "Kong", "vertx": "Vert.x",
    "pushgateway": "Prometheus Pushgateway", "zebra": "Zebra", "cockpit": "Cockpit", "ollama": "Ollama", "sogo": "SOGo", "smartdns": "SmartDNS",
    "powerdns": "PowerDNS", "swish": "Swish", "galene": "Galene", "asterisk": "Asterisk", "freeswitch": "FreeSWITCH", "kamailio": "Kamailio",
}  # fmt: skip
# Pages of servers that send no header with their name.
ANONYMOUS = (
    (re.compile(rb"<h1>(?:503 Service Unavailable|400 Bad request|403 Forbidden|408 Request Time-out)</h1>\n(?:No server is available|Your browser sent an invalid request|Request forbidden by administrative|Your browser didn't send)"), "HAProxy"),
    (re.compile(rb"Statistics Report for HAProxy"), "HAProxy"),
    (re.compile(rb"Tor is not an HTTP Proxy"), "Tor"),
    (re.compile(rb"<HTML><HEAD><TITLE>404 Not Found</TITLE></HEAD>\n<BODY><H1>404 Not Found</H1>\nThe requested URL was not found\n"), "BusyBox httpd"),
    (re.compile(rb"\AInvalid header received from client\.|Privoxy"), "Privoxy"),
    (re.compile(rb"ShellInABox - Make command line|Shell In A Box"), "Shell In A Box"),
    (re.compile(rb"\np\.warning>span\{font-size:large;background-color:yellow\}"), "Prosody"),
    (re.compile(rb"\AMissing Host header\Z"), "ejabberd"),
)  # fmt: skip
