"""Recognise what stands behind HTTP: the application by its own words first, then proxies, then the Server header. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from watchfloor.capabilities.scans.engine.fingerprint.match import CERTAIN, LIKELY, POSSIBLE, Match, Reader, Said, by_signs, revision, text
from watchfloor.capabilities.scans.engine.fingerprint.web_applications import APPLICATIONS, EXPORTERS, OPEN
from watchfloor.capabilities.scans.engine.fingerprint.web_servers import ANONYMOUS, PRODUCTS, SPECIAL
from watchfloor.capabilities.scans.engine.text import escape

HEADER_LINES_MAX = 100
TITLE = re.compile(rb"<title[^>]{0,100}>([^<]{0,200})", re.IGNORECASE)
STATUS = re.compile(rb"HTTP/\d(?:\.\d)? (\d{3})")
TOKEN = re.compile(rb"([A-Za-z][\w .+-]{0,40}?)/v?(\d[\w.+~-]{0,30})")
# Marks of a source that Debian repacked: the same software, not another version.
REPACKED = re.compile(r"[+~.-](?:ds|dfsg|repack)[\d.]*")
# Tor says in HTTP that it is no web server.
NO_WEB = re.compile(
    rb"Tor is not an HTTP Proxy|Tor's ControlPort is not an HTTP proxy|This is a SOCKS [Pp]roxy, [Nn]ot [Aa]n HTTP [Pp]roxy"
)
PACKAGED = re.compile(r"(\d[\w.~+]*?)-(\d[\w.]*[+~]?(?:deb|ubuntu)[\w.+~]+)\Z")
BUILD_INFO = re.compile(rb'(?:^|\n)([a-z][a-z0-9_]{1,40})_build_info\{[^}\n]{0,600}?\bversion="v?(\d[^"\n]{0,40})"')


@dataclass(frozen=True)
class Page:
    """One answer of a web server."""

    status: int
    headers: dict[bytes, bytes]
    body: bytes
    first_line: bytes


def page(data: bytes) -> Page | None:
    """Return an answer's parts, or None when it is none of HTTP."""
    found = STATUS.match(data)
    if not found:
        return None
    head, _, body = data.replace(b"\r\n", b"\n").partition(b"\n\n")
    first, *rest = head.split(b"\n")[:HEADER_LINES_MAX]
    pairs = (line.partition(b":") for line in rest)
    return Page(int(found[1]), {name.strip().lower(): value.strip() for name, _, value in reversed(list(pairs))}, body, first)


def _http(said: Said) -> Match | None:
    pages = [found for reply in said.replies if (found := page(reply.data))]
    if not pages or NO_WEB.search(pages[0].body[:400]):
        return None
    best = _application(said, pages) or _intermediary(pages) or _server(pages)
    shown = next((one for one in pages if TITLE.search(one.body)), pages[0])
    title = TITLE.search(shown.body)
    header = next((one.headers[b"server"] for one in pages if one.headers.get(b"server")), b"")
    version, package = _split(best.version)
    return replace(
        best,
        version=version,
        revision=package if len(package) > len(best.revision) else best.revision,
        evidence=best.evidence or pages[0].first_line + (b" | Server: " + header if header else b""),
        title=escape(title[1], 120) if title else "",
        facts=tuple(dict.fromkeys((*best.facts, *_facts(said, pages)))),
    )


def _split(version: str) -> tuple[str, str]:
    """Return the software's version and what a distribution added to it."""
    packaged = PACKAGED.match(version)
    if packaged:
        return packaged[1], packaged[2]
    repacked = REPACKED.search(version)
    return (version[: repacked.start()], "Debian") if repacked else (version, "")


def _facts(said: Said, pages: list[Page]) -> list[str]:
    asks = any(one.headers.get(b"www-authenticate", b"").lower().startswith(b"basic") for one in pages)
    gives = any(pattern.match(said.to(probe)) for probe, pattern in OPEN)
    return [*(["basic-authentication"] if asks else []), *(["no-authentication"] if gives else [])]


def _application(said: Said, pages: list[Page]) -> Match | None:
    """Return what a page says it is: more telling than the Server header of whatever stands before it."""
    found = _exporter(said) or by_signs(said, APPLICATIONS)
    return replace(found, evidence=found.evidence if found.version else pages[0].first_line) if found else None


def _exporter(said: Said) -> Match | None:
    found = BUILD_INFO.search(said.to("http-metrics"))
    if not found:
        return None
    name = text(found[1], 60)
    product = EXPORTERS.get(name, name)
    return Match(name="http", product=product, version=text(found[2]), evidence=found[0].strip()[:200])


def _intermediary(pages: list[Page]) -> Match | None:
    """Return the cache or proxy that answered by itself or on behalf of another."""
    for one in pages:
        via, server = one.headers.get(b"via", b""), one.headers.get(b"server", b"")
        varnish = re.search(rb"\(Varnish/(\d[\d.]{0,12})\)", via)
        if b"x-varnish" in one.headers or varnish or server == b"Varnish":
            version = text(varnish[1]) if varnish else ""
            return Match(name="http", product="Varnish", version=version, evidence=b"Via: " + via[:100] if via else b"X-Varnish")
        squid = re.search(rb"\(squid/(\d[\w.]{0,16})\)", via)
        if squid and (not server or server.lower().startswith(b"squid")):
            return Match(name="http", product="Squid", version=text(squid[1]), evidence=b"Via: " + via[:100])
    return None


def _server(pages: list[Page]) -> Match:
    for one in pages:
        value = one.headers.get(b"server", b"")[:200]
        if value:
            return _by_header(value, b"Server: ", one)
    for one in pages:
        powered = one.headers.get(b"x-powered-by", b"")[:200]
        if powered:
            return _by_header(powered, b"X-Powered-By: ", one)
    found = _anonymous(pages)
    return found or Match(name="http", confidence=LIKELY)


def _anonymous(pages: list[Page]) -> Match | None:
    for pattern, product in ANONYMOUS:
        for one in pages:
            if pattern.search(one.body[:2048]):
                return Match(name="http", product=product, evidence=one.body[:100], confidence=LIKELY)
    # Node.js answers HTTP/1.0 in 1.1, names nobody, and writes these two last.
    last = list(pages[0].headers)[:2] if pages[0].first_line.startswith(b"HTTP/1.1") else []
    if set(last) == {b"date", b"connection"}:
        return Match(name="http", product="Node.js", evidence=pages[0].first_line, confidence=POSSIBLE)
    return None


def _by_header(value: bytes, header: bytes, one: Page) -> Match:
    evidence = one.first_line + b" | " + header + value
    for pattern, product in SPECIAL:
        found = pattern.match(value)
        if found:
            version = text(found["v"]) if "v" in pattern.groupindex else ""
            return Match(name="http", product=product, version=version.rstrip("."), revision=revision(value), evidence=evidence)
    token = TOKEN.match(value)
    name = token[1] if token else re.split(rb"[/(]", value)[0].strip()
    version = text(token[2]) if token else ""
    known = PRODUCTS.get(name.strip().lower().decode("ascii", "replace"))
    if known:
        return Match(name="http", product=known, version=version, revision=revision(value), evidence=evidence)
    return Match(name="http", product=escape(name, 60), version=version, revision=revision(value), evidence=evidence, confidence=POSSIBLE)


def _not_quite(said: Said) -> Match | None:
    """Recognise neighbours of HTTP by their first line."""
    first = said.to("http")
    if re.match(rb"\0\0.\x04\0\0\0\0\0", said.to("greeting"), re.DOTALL):
        return Match(name="http", evidence=b"HTTP/2 without TLS", confidence=LIKELY)
    if first.startswith(b"RTSP/1.0 "):
        found = re.search(rb"\n[Ss]erver: ([\w .-]{1,40}?)/?(\d[\w.]{0,20})?\r\n", first)
        return Match(
            name="rtsp", product=text(found[1], 60) if found else "", version=text(found[2]) if found else "", evidence=first[:120],
            confidence=CERTAIN if found else LIKELY,
        )  # fmt: skip
    if first.startswith(b"ICY "):
        return Match(name="http", product="SHOUTcast", evidence=first[:120], confidence=LIKELY)
    return None


READERS: tuple[Reader, ...] = (_http, _not_quite)
