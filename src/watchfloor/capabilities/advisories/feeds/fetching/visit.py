"""One visit to one source: who may be asked, what was loaded, and what is to be remembered."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from ipaddress import ip_network
from typing import TYPE_CHECKING, Any, BinaryIO
from urllib.parse import urljoin

import watchfloor
from watchfloor.capabilities.advisories.schemas.feed import Box, FeedFile, Kind
from watchfloor.capabilities.advisories.schemas.fetch import FetchAnswer
from watchfloor.kernel.clock import monotonic
from watchfloor.kernel.contract import KeepingReport
from watchfloor.kernel.errors import SetupError, SourceChanged
from watchfloor.kernel.fetch import content
from watchfloor.kernel.fetch.fetcher import Ask, Fetcher
from watchfloor.kernel.fetch.guard import Reach, locate
from watchfloor.kernel.fetch.patience import Pace, Patience

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from watchfloor.capabilities.advisories.schemas.fetch import FetchRequest
    from watchfloor.kernel.fetch.download import Got
    from watchfloor.kernel.fetch.patience import Sleep

AGENT = f"Watchfloor/{watchfloor.__version__} (self-hosted exposure management)"
_GITHUB = (
    "api.github.com",
    "github.com",
    "raw.githubusercontent.com",
    "objects.githubusercontent.com",
    "release-assets.githubusercontent.com",
)
HOSTS = {
    "nvd": ("nvd.nist.gov", "services.nvd.nist.gov"),
    "cve-list": _GITHUB,
    "kev": ("www.cisa.gov", *_GITHUB),
    "eu-kev": _GITHUB,
    "euvd": ("euvdservices.enisa.europa.eu",),
    "epss": ("epss.empiricalsecurity.com",),
}
SMALL = 64 << 20  # files that are read in one piece
LARGE = 4 << 30
TELL_EVERY_S = 4.0  # a lease holds for 15 s


@dataclass
class Visit:
    """What a connector works with. Files are handed in for reading only when all of them are there."""

    request: FetchRequest
    fetcher: Fetcher
    folder: Path
    report: Working
    pace: Pace
    files: list[FeedFile] = field(default_factory=list)
    paths: dict[str, Path] = field(default_factory=dict)
    kept: dict[str, str] = field(default_factory=dict)
    gap: str = ""
    complete: bool = False
    incomplete: str = ""
    fell_back: str = ""
    notes: list[str] = field(default_factory=list)
    requests: int = 0
    loaded_bytes: int = 0

    def get(
        self,
        url: str,
        name: str,
        *,
        limit: int = SMALL,
        check: Callable[[Path], None] | None = None,
        known: bool = False,
        **ask: Any,  # noqa: ANN401 - fields of Ask
    ) -> Got:
        """Load a URL into a file of the work folder; with `known` only if it is another one than what was remembered."""
        marks = self.request.cursor("") if known and not self.request.full else {}
        same = marks if marks.get("url") == url else {}
        self.requests += 1
        got = self.fetcher.get(
            Ask(url=url, limit_bytes=limit, etag=same.get("etag", ""), modified=same.get("last_modified", ""), **ask),
            self.folder / name,
            pace=self.pace,
            check=check,
        )
        self.loaded_bytes += got.size
        if known:
            self.kept |= {
                "url": url,
                "etag": got.etag or same.get("etag", ""),
                "last_modified": got.modified or same.get("last_modified", ""),
            }
        return got

    def read(self, url: str, name: str, *, limit: int = SMALL, **options: Any) -> bytes:  # noqa: ANN401 - of `get`
        """Load a small file and return its content, unpacked; nothing of it stays."""
        got = self.get(url, name, **options)
        try:
            return content.plain(got.path, limit)
        finally:
            got.path.unlink(missing_ok=True)

    def hand_in(self, path: Path, *, label: str, kind: Kind, stream: str, sha256: str = "", size: int | None = None) -> None:
        """Let a loaded file be read when the connector is done."""
        name = f"loaded-{len(self.files)}"
        self.paths[name] = path
        self.files.append(FeedFile(name=name, label=label, kind=kind, stream=stream, sha256=sha256, size=size))

    def drop(self) -> None:
        """Hand nothing in after all."""
        for path in self.paths.values():
            path.unlink(missing_ok=True)
        self.paths.clear()
        self.files, self.kept = [], {}
        self.gap, self.complete, self.incomplete = "", False, ""

    def open_gap(self, reason: str) -> None:
        """Say at once that increments do not reach back, whatever becomes of closing the gap."""
        self.gap = reason
        self.report.keep(FetchAnswer(gap=reason))

    def own(self, url: str) -> bool:
        """Tell whether the operator put a mirror in the source's place."""
        return locate(url).host not in HOSTS[self.request.source]

    def both_or_neither_own(self) -> bool:
        """Tell whether the second address may stand in for the first: who mirrors one does not want the other's owner asked."""
        request = self.request
        return bool(request.second_url) and self.own(request.url) == self.own(request.second_url)


class Working:
    """The box as connectors and the reader of files see it.

    Whatever it tells, the job also hears every few seconds that work goes on. Files that were loaded stand beside those that it gave.
    """

    def __init__(self, report: Box, paths: Mapping[str, Path], sleep: Sleep = time.sleep) -> None:
        """Tell a box; `paths` grows as files are handed in."""
        self._report, self._paths, self._sleep = report, paths, sleep
        self._told_at = monotonic()

    def __call__(self, done: int, total: int, phase: str = "", note: str = "") -> None:
        """Report progress."""
        self._report(done, total, phase, note)
        if monotonic() - self._told_at >= TELL_EVERY_S:
            self.keep(FetchAnswer())

    def send(self, message: bytes) -> None:
        """Stream a frame."""
        self._report.send(message)

    def keep(self, answer: FetchAnswer) -> None:
        """Tell the job something at once; what is said while it still hears the last is lost, unless it is a gap."""
        self._told_at = monotonic()
        if isinstance(self._report, KeepingReport):
            while not self._report.keep(answer) and answer.gap:
                self._sleep(0.02)

    def wait(self, seconds: float) -> None:
        """Wait, and let the job know meanwhile."""
        ends = monotonic() + seconds
        while (left := ends - monotonic()) > 0:
            self(0, 0, "waiting", f"{left:.0f} s, as the source asks")
            self._sleep(min(left, TELL_EVERY_S / 2))

    def file(self, name: str) -> BinaryIO:
        """Open a file."""
        path = self._paths.get(name)
        return self._report.file(name) if path is None else path.open("rb")


def reach(request: FetchRequest) -> Reach:
    """Return who may be asked for a source: its own hosts over TLS, and what the operator set instead or beside."""
    hosts = HOSTS[request.source]
    places = [locate(url) for url in (request.url, request.second_url) if url]
    try:
        networks = tuple(ip_network(text) for text in request.allowed_networks)
        return Reach(
            hosts=frozenset({*hosts, *request.allowed_hosts}),
            own=frozenset(place.origin for place in places if place.host not in hosts),
            networks=networks,
            near=True,
        )
    except ValueError as error:
        raise SetupError(f"WATCHFLOOR_ADVISORIES_ALLOWED_NETWORKS is not acceptable: {error}") from None


def fetcher(request: FetchRequest, report: Working) -> Fetcher:
    """Return what downloads, with the manners of the request."""
    manners = request.manners
    patience = Patience(
        tries=manners.tries,
        first_s=manners.first_pause.total_seconds(),
        longest_s=manners.longest_pause.total_seconds(),
        connect_s=manners.connect.total_seconds(),
        read_s=manners.read.total_seconds(),
    )
    return Fetcher(
        reach(request),
        agent=AGENT,
        ends=monotonic() + manners.within.total_seconds(),
        patience=patience,
        proxy=request.proxy.get_secret_value(),
        authorities=request.authorities,
        progress=lambda done, total, name: report(done, total, "loading", name),
        sleep=report.wait,
    )


def below(base: str, path: str) -> str:
    """Return an address under a base, whether that ends in a slash or not."""
    return urljoin(base if base.endswith("/") else f"{base}/", path)


def json_to_its_end(path: Path) -> None:
    """Refuse what is no JSON to its end, as a body that was cut off is."""
    found = content.plain(path, SMALL)
    with suppress(ValueError, RecursionError):
        json.loads(found)
        return
    raise SourceChanged(f"G7: the answer is no JSON to its end: {found[:60].decode('utf-8', 'replace')!r}")


def pause(request: FetchRequest, seconds: float, report: Working) -> Pace:
    """Return the pace of a source, unless the request has one of its own."""
    chosen = request.manners.pace
    return Pace((timedelta(seconds=seconds) if chosen is None else chosen).total_seconds(), report.wait)
