"""Read what a web server shows to anyone: its front page, its icon, and whether a Git repository lies open.

At most six requests, each a GET on a connection of its own that ends after 256 KiB or three seconds. A redirect is followed only to
another path of the same server, never to another host, port or scheme.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import re
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from watchfloor.capabilities.scans.connect import tls
from watchfloor.capabilities.scans.connect.murmur import favicon_hash
from watchfloor.capabilities.scans.schemas import WebAnswer

if TYPE_CHECKING:
    from collections.abc import Iterator

SECONDS, CONNECT_SECONDS = 3.0, 3.0
BYTES_MAX, HEAD_MAX, PAGE_KEPT, GIT_KEPT, ICON_MAX = 262_144, 8192, 16_384, 64, 131_072
REDIRECTS_MAX = 2
OK = 200
REDIRECTS = frozenset((301, 302, 303, 307, 308))
IMAGES = (b"\0\0\1\0", b"\x89PNG", b"GIF8", b"\xff\xd8\xff", b"RIFF", b"<svg", b"BM")
ICON_LINK = re.compile(rb"<link\b([^>]{0,400})>", re.IGNORECASE)
ICON_RELATION = re.compile(rb"rel=[\"']?(?:shortcut )?icon\b", re.IGNORECASE)
ICON_ADDRESS = re.compile(rb"href=[\"']?([^\"'\s>]{1,300})", re.IGNORECASE)
Failure = (OSError, TimeoutError, EOFError, ValueError, ssl.SSLError)


@dataclass(frozen=True)
class Page:
    """One response; `whole` when all of it was read."""

    status: int
    head: bytes
    body: bytes
    whole: bool

    def header(self, name: str) -> str:
        """Return the first header of this name, empty without one."""
        for line in self.head.split(b"\r\n")[1:]:
            key, _, value = line.partition(b":")
            if key.strip().lower() == name.encode():
                return value.strip().decode("latin-1")
        return ""


@dataclass(frozen=True)
class Site:
    """One web server; `name` is asked for in Host and in TLS."""

    address: str
    port: int
    name: str
    secure: bool
    user_agent: str

    @property
    def root(self) -> str:
        """Return the server's address as a link."""
        host = self.name or self.address
        host = f"[{host}]" if ":" in host else host
        scheme, usual = ("https", 443) if self.secure else ("http", 80)
        return f"{scheme}://{host}" + ("" if self.port == usual else f":{self.port}")

    def path_of(self, link: str, base: str = "/") -> str | None:
        """Return the path a link leads to on this very server, None when it leads elsewhere."""
        try:
            there, here = urlsplit(urljoin(self.root + base, link)), urlsplit(self.root)
            same = (there.scheme, there.hostname, there.port) == (here.scheme, here.hostname, here.port)
        except ValueError:
            return None
        path = (there.path or "/") + (f"?{there.query}" if there.query else "")
        return path if same and path.startswith("/") and path.isascii() and path.isprintable() and " " not in path else None


async def show(site: Site) -> WebAnswer | None:
    """Return what the server shows, or None when it gives no page."""
    visit = _Visit(site)
    page, path = await visit.front()
    if page is None:
        return None
    icon = await visit.icon(page, path)
    git = await visit.get("/.git/HEAD")
    return WebAnswer(
        secure=site.secure,
        path=path,
        head=page.head[:HEAD_MAX],
        page=page.body[:PAGE_KEPT],
        favicon_hash=favicon_hash(icon) if icon else None,
        favicon_sha256=hashlib.sha256(icon).hexdigest() if icon else "",
        git=git.body[:GIT_KEPT] if git and git.status == OK else b"",
        git_asked=git is not None,
        requests=visit.requests,
    )


class _Visit:
    """One server being read."""

    def __init__(self, site: Site) -> None:
        self.site, self.requests = site, 0

    async def front(self) -> tuple[Page | None, str]:
        """Return the front page, or the last one of the redirects that stay on this server."""
        path = "/"
        page = await self.get(path)
        for _ in range(REDIRECTS_MAX):
            to = self.site.path_of(page.header("location"), path) if page and page.status in REDIRECTS else None
            if to is None or to == path:
                break
            following = await self.get(to)
            if following is None:
                break
            page, path = following, to
        return page, path

    async def icon(self, page: Page, path: str) -> bytes:
        """Return the icon that the page names, else the one at the usual place."""
        for link in (*_icon_links(page.body), "/favicon.ico"):
            there = self.site.path_of(link, path)
            found = await self.get(there) if there else None
            if found and found.status == OK and found.whole and 0 < len(found.body) <= ICON_MAX and _is_image(found):
                return found.body
        return b""

    async def get(self, path: str) -> Page | None:
        """Return one response, or None when there is none."""
        self.requests += 1
        with contextlib.suppress(*Failure):
            async with asyncio.timeout(CONNECT_SECONDS):
                reader, writer = await asyncio.open_connection(
                    self.site.address,
                    self.site.port,
                    ssl=tls.context(alpn=("http/1.1",)) if self.site.secure else None,
                    server_hostname=self.site.name if self.site.secure else None,
                )
            try:
                writer.write(self._request(path))
                return parse(await _read(reader))
            finally:
                writer.transport.abort()
                with contextlib.suppress(*Failure):
                    await writer.wait_closed()
        return None

    def _request(self, path: str) -> bytes:
        host = urlsplit(self.site.root).netloc
        lines = (f"GET {path} HTTP/1.1", f"Host: {host}", f"User-Agent: {self.site.user_agent}", "Accept: */*", "Accept-Encoding: identity")
        return "\r\n".join((*lines, "Connection: close", "", "")).encode("ascii", "replace")


def _is_image(page: Page) -> bool:
    """Tell an icon from the page that some servers show instead of "not found"."""
    return page.header("content-type").lower().startswith("image/") or page.body.startswith(IMAGES)


def _icon_links(body: bytes) -> Iterator[str]:
    for link in ICON_LINK.finditer(body[:65_536]):
        address = ICON_ADDRESS.search(link[1]) if ICON_RELATION.search(link[1]) else None
        if address:
            yield address[1].decode("latin-1")
            return


async def _read(reader: asyncio.StreamReader) -> bytes:
    """Return what arrives until the response is complete, it closes, or time or 256 KiB are up."""
    said = bytearray()
    with contextlib.suppress(*Failure):
        async with asyncio.timeout(SECONDS):
            while len(said) < BYTES_MAX and (chunk := await reader.read(65_536)):
                said += chunk
                if _complete(bytes(said)):
                    break
    return bytes(said)


def _complete(said: bytes) -> bool:
    page = parse(said)
    return (
        page is not None and page.whole and (page.header("content-length") != "" or "chunked" in page.header("transfer-encoding").lower())
    )


def parse(said: bytes) -> Page | None:
    """Return a response, its body unchunked, or None when this is none."""
    status = re.match(rb"HTTP/1\.[01] (\d{3})(?: |\r)", said[:64])
    head, ends, body = said.partition(b"\r\n\r\n")
    if not status or not ends:
        return None
    page = Page(int(status[1]), head, body, whole=True)
    if "chunked" in page.header("transfer-encoding").lower():
        content, whole = _unchunk(body)
        return Page(page.status, head, content, whole)
    length = page.header("content-length")
    if length.isascii() and length.isdigit() and len(length) < 12:  # noqa: PLR2004 - up to 100 GB
        return Page(page.status, head, body[: int(length)], len(body) >= int(length))
    return page


def _unchunk(body: bytes) -> tuple[bytes, bool]:
    content, at = bytearray(), 0
    while (end := body.find(b"\r\n", at, at + 64)) >= 0:
        size = re.fullmatch(rb"([0-9A-Fa-f]{1,7})(?:;.*)?", body[at:end].strip())
        if not size:
            return bytes(content), False
        length = int(size[1], 16)
        if not length:
            return bytes(content), True
        content += body[end + 2 : end + 2 + length]
        at = end + 4 + length
    return bytes(content), False
