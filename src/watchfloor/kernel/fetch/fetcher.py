"""Downloads into files: asked politely, tried again with patience, bounded in size and time."""

from __future__ import annotations

import re
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NoReturn, Self, TypeAlias
from urllib.parse import unquote, urljoin, urlsplit

import httpcore

from watchfloor.kernel import clock
from watchfloor.kernel.clock import monotonic
from watchfloor.kernel.errors import EgressRefused, SourceChanged, SourceUnavailable
from watchfloor.kernel.fetch.dial import Bounds, Dialler, Resolve, addresses_of, described, trust
from watchfloor.kernel.fetch.download import SAMPLE_BYTES, Again, Download, Got, Speed
from watchfloor.kernel.fetch.guard import Location, Reach, is_address, locate
from watchfloor.kernel.fetch.patience import Pace, Patience, Sleep, asked_for

if TYPE_CHECKING:
    from pathlib import Path

Progress: TypeAlias = Callable[[int, int, str], None]
_REDIRECTS = {301, 302, 303, 307, 308}
_MOST_REDIRECTS = 5
_PASSING = {408, 425, 429}  # these and all of 5xx may be otherwise a moment later
_GONE = {400, 404, 405, 406, 410, 414, 416}  # asking again would not help: the address or its parameters are other than we know
_PRIVATE_HEADERS = {"apikey", "authorization", "cookie"}
_GUARD = re.compile(r"G\d: ")  # the code that a refusal begins with


@dataclass(frozen=True, kw_only=True)
class Ask:
    """One question.

    `etag` and `modified` ask for an answer only if it is another one; 304 says that it is not. `again` are statuses to try again that are
    final elsewhere, `fine` those that are answers, `explain` the headers in which a source says what is wrong. `packed` allows gzip on the
    way.
    """

    url: str
    limit_bytes: int
    headers: Mapping[str, str] = field(default_factory=dict)
    etag: str = ""
    modified: str = ""
    again: frozenset[int] = frozenset()
    fine: frozenset[int] = frozenset({200})
    explain: tuple[str, ...] = ()
    packed: bool = False


class Fetcher:
    """Asks hosts within reach until the time is over. Not for several threads."""

    def __init__(
        self,
        reach: Reach,
        *,
        agent: str,
        ends: float,
        patience: Patience | None = None,
        proxy: str = "",
        authorities: str = "",
        progress: Progress | None = None,
        resolve: Resolve = addresses_of,
        sleep: Sleep = time.sleep,
    ) -> None:
        """Prepare; nothing is connected yet.

        Args:
            reach: Who may be asked; redirects as well.
            agent: How we call ourselves.
            ends: When all is to be over, on the monotonic clock.
            patience: Tries and limits.
            proxy: http:// or https:// address of a proxy, with user and password if it wants them. It looks names up itself, so there
                must be a list of hosts; the operator's own origins are asked directly.
            authorities: Certificates in PEM that are trusted beside those of the system.
            progress: Called with bytes so far, bytes in all (0 unknown) and what is loaded.
            resolve: Looks names up.
            sleep: Waits.
        """
        self._reach, self._agent, self._ends = reach, agent, ends
        self._patience = patience or Patience()
        self._progress, self._sleep = progress, sleep
        self._schemes: dict[tuple[str, int], str] = {}
        trusted = trust(authorities)
        self._direct = httpcore.ConnectionPool(ssl_context=trusted, network_backend=Dialler(reach, self._schemes, Bounds(ends), resolve))
        self._proxied = self._through(proxy, trusted, resolve) if proxy else self._direct

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close what is connected."""
        self._direct.close()
        self._proxied.close()

    def get(self, ask: Ask, into: Path, *, pace: Pace | None = None, check: Callable[[Path], None] | None = None) -> Got:
        """Load an answer into a file, which holds all of it or is not there.

        Args:
            ask: The question.
            into: The file, written over if it is there.
            pace: Kept before each try.
            check: Raises SourceChanged for a body that is not what it should be, which may have been cut off: then it is asked for again.

        Raises:
            SourceUnavailable: Nothing was learned: not reached, not answered, or not to the end.
            SourceChanged: Something else answers there than we know.
            EgressRefused: It may not be asked.
        """
        start = locate(ask.url)
        self._reach.check(start)
        download = Download(into)
        tried = 0
        try:
            while True:
                tried += 1
                if pace:
                    pace.wait()
                try:
                    return _checked(check, self._try(ask, start, download))
                except Again as failure:
                    self._pause(start, tried, failure)
        except BaseException:
            download.drop()
            raise

    def _pause(self, start: Location, tried: int, failure: Again) -> None:
        pause = self._patience.pause(tried, failure.asked)
        guard = failure.reason[:4] if _GUARD.match(failure.reason) else ""
        told = f"{guard}{start.host}: {failure.reason.removeprefix(guard)}; tried {'once' if tried == 1 else f'{tried} times'}"
        if tried >= self._patience.tries:
            raise failure.kind(f"{told}.") from None
        if monotonic() + pause >= self._ends:
            raise failure.kind(f"{told}, no time is left to wait {pause:.0f} s for the next try.") from None
        self._sleep(pause)

    def _try(self, ask: Ask, start: Location, download: Download) -> Got:
        location = start
        for _ in range(_MOST_REDIRECTS + 1):
            with self._answer(ask, start, location, download) as response:
                headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers}
                if response.status not in _REDIRECTS:
                    return self._take(ask, location, response, headers, download)
            location = self._follow(location, headers.get("location", ""))
        raise SourceChanged(f"G1: {start.host} redirects more than {_MOST_REDIRECTS} times.")

    def _follow(self, location: Location, header: str) -> Location:
        try:
            found = locate(urljoin(location.url, header))
            self._reach.check(found)
        except (EgressRefused, ValueError) as error:
            raise SourceChanged(f"G1: {location.host} redirects to where we may not follow: {error}") from None
        if location.scheme == "https" and found.scheme != "https":
            raise SourceChanged(f"G1: {location.host} redirects to {found.host} without TLS.")
        return found

    @contextmanager
    def _answer(self, ask: Ask, start: Location, location: Location, download: Download) -> Iterator[httpcore.Response]:
        """Ask; failures on the way to the end of the body become `Again`."""
        self._schemes[location.host, location.port] = location.scheme
        pool = self._direct if location.origin in self._reach.own else self._proxied
        if pool is not self._direct and is_address(location.host):
            self._reach.judge(location.origin, location.host, [location.host])
        patience = self._patience
        timeout = {"connect": patience.connect_s, "read": patience.read_s, "write": patience.read_s, "pool": patience.connect_s}
        try:
            with pool.stream(
                "GET",
                httpcore.URL(
                    scheme=location.scheme.encode(), host=location.host.encode(), port=location.port, target=location.target.encode()
                ),
                headers=self._headers(ask, start, location, download),
                extensions={"timeout": timeout},
            ) as response:
                yield response
        except httpcore.ConnectError as error:
            if isinstance(error.__cause__ or error.__context__, ssl.SSLCertVerificationError):
                raise SourceUnavailable(f"{location.host}: its certificate does not verify: {error}") from None
            raise Again(described(error)) from None
        except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError, httpcore.ProxyError) as error:
            raise Again(described(error) + download.so_far) from None

    def _headers(self, ask: Ask, start: Location, location: Location, download: Download) -> list[tuple[str, str]]:
        standard = {"http": 80, "https": 443}[location.scheme] == location.port
        host = f"[{location.host}]" if ":" in location.host else location.host
        found = {
            "Host": host if standard else location.authority,
            "User-Agent": self._agent,
            "Accept": "*/*",
            "Accept-Encoding": "gzip" if ask.packed else "identity",
        }
        at_home = location.origin == start.origin
        found |= {name: value for name, value in ask.headers.items() if at_home or name.lower() not in _PRIVATE_HEADERS}
        if ask.etag:
            found["If-None-Match"] = ask.etag
        if ask.modified:
            found["If-Modified-Since"] = ask.modified
        if download.resumable:
            found = {name: value for name, value in found.items() if not name.startswith("If-")}
            found |= {"Range": f"bytes={download.size}-", "If-Range": download.mark}
        return list(found.items())

    def _take(self, ask: Ask, location: Location, response: httpcore.Response, headers: Mapping[str, str], download: Download) -> Got:
        status = response.status
        if status == 304 and (ask.etag or ask.modified):  # noqa: PLR2004 - not modified
            return Got(status=status, url=location.url, path=download.path, size=0, sha256="", headers=headers)
        resumed = status == 206 and download.continues(headers)  # noqa: PLR2004 - partial content
        if status not in ask.fine and not resumed:
            download.drop()
            self._refuse(ask, location, response, headers)
        if not resumed:
            download.begin(headers)
        self._load(ask, location, response, headers, download)
        return download.end(status, location, headers, ask.limit_bytes)

    def _load(self, ask: Ask, location: Location, response: httpcore.Response, headers: Mapping[str, str], download: Download) -> None:
        length = headers.get("content-length", "")
        total = download.size + int(length) if re.fullmatch(r"\d{1,15}", length, re.ASCII) else 0
        limit = f"G4: {location.host} sends more than the {ask.limit_bytes} bytes that are allowed for this."
        if total > ask.limit_bytes:
            raise SourceChanged(limit)
        speed = Speed(self._patience)
        for piece in response.iter_stream():
            download.add(piece)
            if download.size > ask.limit_bytes:
                raise SourceChanged(limit)
            if not speed.enough(len(piece)):
                raise Again(f"the answer comes slower than {self._patience.slowest} bytes a second{download.so_far}")
            if self._progress:
                self._progress(download.size, total, location.target.partition("?")[0].rpartition("/")[2])

    def _refuse(self, ask: Ask, location: Location, response: httpcore.Response, headers: Mapping[str, str]) -> NoReturn:
        status = response.status
        said = " ".join(headers[name] for name in ask.explain if headers.get(name)) or _sample(response)
        told = f"status {status}" + (f" ({said})" if said else "")
        if status in ask.again | _PASSING or status >= 500:  # noqa: PLR2004 - the server's own failures
            raise Again(told, asked_for(headers.get("retry-after", ""), clock.now()))
        if status in _GONE or status < 400:  # noqa: PLR2004 - neither answer nor failure
            raise SourceChanged(f"G1: {location.host} answers {location.target.partition('?')[0]} with {told}.")
        raise SourceUnavailable(f"{location.host} refuses {location.target.partition('?')[0]} with {told}.")

    def _through(self, proxy: str, trusted: ssl.SSLContext, resolve: Resolve) -> httpcore.HTTPProxy:
        if self._reach.hosts is None:
            message = "a proxy looks names up itself, so it needs a list of hosts that may be asked"
            raise ValueError(message)
        parts = urlsplit(proxy)
        place = locate(f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}")
        auth = (unquote(parts.username), unquote(parts.password or "")) if parts.username else None
        reach = replace(self._reach, own=self._reach.own | {place.origin})
        schemes = {(place.host, place.port): place.scheme}
        return httpcore.HTTPProxy(
            place.origin, proxy_auth=auth, ssl_context=trusted, proxy_ssl_context=trusted if place.scheme == "https" else None,
            network_backend=Dialler(reach, schemes, Bounds(self._ends), resolve),
        )  # fmt: skip


def _checked(check: Callable[[Path], None] | None, got: Got) -> Got:
    if check and got.path.exists():
        try:
            check(got.path)
        except SourceChanged as error:
            got.path.unlink(missing_ok=True)
            raise Again(str(error).rstrip("."), kind=SourceChanged) from None
    return got


def _sample(response: httpcore.Response) -> str:
    """Return the first words of an error's body, without markup."""
    found = b""
    for piece in response.iter_stream():
        found += piece
        if len(found) >= SAMPLE_BYTES:
            break
    text = re.sub(r"<[^<>]{0,500}>|\s", " ", found[:SAMPLE_BYTES].decode("utf-8", "replace"))
    return " ".join(text.split())[:200]
