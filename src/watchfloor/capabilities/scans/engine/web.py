"""Read the front page of a web server: headers that matter, cookies, listings, default pages, known administration pages. Pure."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING

from watchfloor.capabilities.scans.engine.text import escape
from watchfloor.capabilities.scans.schemas import WebCookie, WebFacts

if TYPE_CHECKING:
    from watchfloor.capabilities.scans.schemas import WebAnswer

HEADERS_MAX, COOKIES_MAX, VALUE_MAX, TITLE_MAX = 100, 20, 300, 120
KEPT = (
    "strict-transport-security", "content-security-policy", "x-frame-options", "x-content-type-options", "referrer-policy", "permissions-policy",
    "access-control-allow-origin", "www-authenticate", "via",
)  # fmt: skip
TITLE = re.compile(rb"<title[^>]{0,100}>([^<]{0,400})", re.IGNORECASE)
GIT = re.compile(rb"(?:ref: refs/[\x21-\x7e]{1,60}|[0-9a-f]{40}|[0-9a-f]{64})\s*\Z")
LISTING_TITLES = ("index of /", "directory listing for ", "directory of /", "index of ftp")
LISTING_MARKS = (b"[to parent directory]", b"<h1>index of /", b"<h2>index of /", b">parent directory</a>", b"<h1>directory listing for ")
# Title or text of the page a server shows until somebody replaces it.
DEFAULTS = (
    ("Apache httpd", "title", "apache2 debian default page"), ("Apache httpd", "title", "apache2 ubuntu default page"),
    ("Apache httpd", "body", "<html><body><h1>it works!</h1></body></html>"), ("Apache httpd", "title", "http server test page"),
    ("Apache httpd", "title", "test page for the apache"), ("nginx", "title", "welcome to nginx"), ("nginx", "title", "test page for the nginx"),
    ("Microsoft IIS", "title", "iis windows"), ("Microsoft IIS", "title", "iis7"), ("Microsoft IIS", "title", "microsoft internet information services"),
    ("Apache Tomcat", "body", "if you're seeing this, you've successfully installed tomcat"),
    ("Apache Tomcat", "body", "this is the default tomcat home page"), ("lighttpd", "title", "welcome page</title"),
    ("lighttpd", "body", "you should replace this page with your own web pages"), ("Caddy", "title", "caddy works"), ("OpenResty", "title", "welcome to openresty"),
    ("XAMPP", "title", "welcome to xampp"), ("Jetty", "body", "powered by eclipse jetty"), ("Plesk", "title", "default parallels plesk"),
    ("cPanel", "title", "default web site page"), ("Oracle WebLogic", "body", "from rfc 2068 <i>hypertext transfer protocol"),
)  # fmt: skip
# Administration pages by a mark in title, body or headers.
PANELS = (
    ("phpMyAdmin", "title", "phpmyadmin"), ("phpMyAdmin", "head", "set-cookie: phpmyadmin"), ("Adminer", "title", "adminer"), ("pgAdmin", "title", "pgadmin"),
    ("Jenkins", "head", "x-jenkins:"), ("Grafana", "title", "grafana"), ("Kibana", "head", "kbn-name:"), ("Kibana", "title", "kibana"),
    ("Kibana", "head", "location: /app/kibana"), ("GitLab", "head", "_gitlab_session"), ("Gitea", "head", "i_like_gitea"), ("Forgejo", "head", "i_like_forgejo"),
    ("Portainer", "title", "portainer"), ("Traefik", "title", "traefik"), ("RabbitMQ management", "title", "rabbitmq management"),
    ("Consul", "title", "consul by hashicorp"), ("Vault", "title", "vault"), ("Webmin", "title", "login to webmin"), ("Webmin", "head", "server: miniserv"),
    ("cPanel", "title", "cpanel login"), ("Plesk", "title", "plesk obsidian"), ("Proxmox VE", "title", "proxmox virtual environment"),
    ("VMware ESXi", "body", "esxuicontroller"), ("VMware vCenter", "title", "id_vc_welcome"), ("Synology DSM", "title", "synology"), ("QNAP QTS", "title", "qnap"),
    ("TrueNAS", "title", "truenas"), ("pfSense", "title", "pfsense"), ("OPNsense", "title", "opnsense"), ("FortiGate", "body", "/remote/login"),
    ("FortiGate", "head", "server: xxxxxxxx-xxxxx"), ("Cisco ASA", "head", "location: /+cscoe+"), ("Citrix Gateway", "title", "citrix gateway"),
    ("Palo Alto GlobalProtect", "body", "globalprotect portal"), ("SonicWall", "title", "sonicwall"), ("MikroTik RouterOS", "title", "routeros"),
    ("UniFi", "title", "unifi network"), ("OpenWrt LuCI", "body", "/cgi-bin/luci"), ("Roundcube", "title", "roundcube"), ("Zabbix", "title", "zabbix"),
    ("Nagios", "title", "nagios"), ("Prometheus", "title", "prometheus time series"), ("Alertmanager", "title", "alertmanager"), ("Argo CD", "title", "argo cd"),
    ("Kubernetes Dashboard", "title", "kubernetes dashboard"), ("Rancher", "title", "rancher"), ("Harbor", "title", "harbor"), ("Nexus Repository", "title", "nexus repository"),
    ("SonarQube", "title", "sonarqube"), ("Airflow", "title", "airflow"), ("Jupyter", "title", "jupyter"), ("MinIO console", "title", "minio console"),
    ("Keycloak", "title", "keycloak"), ("Node-RED", "title", "node-red"), ("Home Assistant", "title", "home assistant"), ("Netdata", "title", "netdata"),
    ("Tomcat Manager", "body", "/manager/html"), ("WordPress", "body", "/wp-login.php"), ("Solr", "title", "solr admin"), ("CUPS", "title", "cups"),
    ("Hikvision camera", "head", "server: hikvision"), ("Dell iDRAC", "title", "idrac"), ("HPE iLO", "title", "ilo "), ("Supermicro BMC", "title", "ipmi"),
)  # fmt: skip
# Hashes of icons as search engines list them.
ICONS = {81586312: "Jenkins", 116323821: "Spring Boot"}


def facts(answer: WebAnswer | None) -> WebFacts | None:
    """Return what is known of a web server, or None when it showed no page."""
    if answer is None:
        return None
    first, *lines = answer.head.split(b"\r\n")[: HEADERS_MAX + 1]
    headers = _headers(lines)
    title = _title(answer.page)
    head = answer.head.decode("latin-1").lower()
    body = answer.page.decode("latin-1").lower()
    places = {"title": title.lower(), "body": body, "head": head}
    return WebFacts(
        status=int(first[9:12]) if first[9:12].isdigit() else 0,
        path=escape(answer.path, VALUE_MAX),
        location=escape(headers.get("location", ""), VALUE_MAX),
        title=escape(title, TITLE_MAX),
        server=escape(headers.get("server", ""), TITLE_MAX),
        powered_by=escape(headers.get("x-powered-by", ""), TITLE_MAX),
        headers={name: escape(headers[name], VALUE_MAX) for name in KEPT if name in headers},
        cookies=tuple(_cookies(lines)),
        html="html" in headers.get("content-type", "text/html" if b"<html" in answer.page[:1024].lower() else "").lower(),
        listing=title.lower().startswith(LISTING_TITLES) or any(mark.decode() in body for mark in LISTING_MARKS),
        default_page=next((product for product, place, mark in DEFAULTS if mark in places[place]), ""),
        panel=next((panel for panel, place, mark in PANELS if mark in places[place]), "") or ICONS.get(answer.favicon_hash or 0, ""),
        git=escape(answer.git, 80) if GIT.match(answer.git) else "",
        favicon_hash=answer.favicon_hash,
        favicon_sha256=answer.favicon_sha256,
    )


def _headers(lines: list[bytes]) -> dict[str, str]:
    """Return each header's first value, names in lower case."""
    found: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(b":")
        if colon:
            found.setdefault(name.strip().decode("latin-1").lower()[:60], value.strip().decode("latin-1"))
    return found


def _title(page: bytes) -> str:
    found = TITLE.search(page)
    return " ".join(html.unescape(found[1].decode("utf-8", "replace")).split()) if found else ""


def _cookies(lines: list[bytes]) -> list[WebCookie]:
    found: list[WebCookie] = []
    for line in lines:
        name, _, value = line.partition(b":")
        if name.strip().lower() != b"set-cookie" or len(found) == COOKIES_MAX:
            continue
        pair, *attributes = value.decode("latin-1").split(";")
        told = {key.strip().lower(): setting.strip().lower() for key, _, setting in (one.partition("=") for one in attributes)}
        label = escape(pair.partition("=")[0].strip(), 60)
        found.append(
            WebCookie(name=label, secure="secure" in told, http_only="httponly" in told, same_site=escape(told.get("samesite", ""), 10))
        )
    return found
