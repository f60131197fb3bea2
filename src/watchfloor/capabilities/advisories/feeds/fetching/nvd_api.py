"""NVD's API 2.0: windows of time, page by page, until there is as much as it says there is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import msgspec

from watchfloor.capabilities.advisories.feeds.fetching.parts import Lines
from watchfloor.capabilities.advisories.feeds.fetching.visit import pause
from watchfloor.capabilities.advisories.schemas.feed import Kind
from watchfloor.kernel.errors import SourceChanged
from watchfloor.kernel.fetch import content

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from watchfloor.capabilities.advisories.feeds.fetching.visit import Visit
    from watchfloor.capabilities.advisories.schemas.fetch import FetchRequest

LONGEST_WINDOW = timedelta(days=120)
OVERLAP = timedelta(hours=10)  # the index lags behind the records
PAGE = 2000
PAGE_LIMIT = 256 << 20
# https://nvd.nist.gov/developers/start-here: 5 requests in 30 s, 50 with a key.
PACE_S, PACE_WITH_KEY_S = 6.5, 0.7
STREAM = "api"
WINDOW = "window"  # what does not join on to what is stored: it must not pass for all that happened until its end


class _Cve(msgspec.Struct, frozen=True):
    id: str = ""


class _Item(msgspec.Struct):
    cve: _Cve = _Cve()


class _Page(msgspec.Struct, rename="camel"):
    total_results: int
    start_index: int
    vulnerabilities: list[msgspec.Raw]


_pages = msgspec.json.Decoder(_Page)
_items = msgspec.json.Decoder(_Item)


def reachable_since(request: FetchRequest) -> datetime | None:
    """Return from when on the API has to be asked to join on to what is stored; None if it cannot."""
    since = request.watermark("modified", STREAM)
    return None if since is None or request.now - since > LONGEST_WINDOW - OVERLAP else since


def gather(visit: Visit, since: datetime) -> None:
    """Load every record modified since, less the overlap, until now."""
    request = visit.request
    visit.pace = pause(request, PACE_WITH_KEY_S if request.key.get_secret_value() else PACE_S, visit.report)
    known = request.watermark("modified", STREAM)
    lines = Lines(visit.folder / "nvd-api.jsonl")
    for start, end in windows(since - OVERLAP, request.now):
        _window(visit, lines, start, end)
    if not lines.count:
        return  # nothing was modified, or nothing was told: neither moves a watermark
    joined = known is not None and since <= known and not visit.incomplete
    visit.hand_in(lines.path, label="NVD API", kind=Kind.NVD_RECORDS, stream=STREAM if joined else WINDOW)


def windows(start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Cut a time into windows that NVD answers."""
    while start < end:
        until = min(end, start + LONGEST_WINDOW)
        yield start, until
        start = until


def stamp(moment: datetime) -> str:
    """Write a time as NVD reads it: with its zone, whose plus is escaped and whose colons are not."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+", "%2B")


def _window(visit: Visit, lines: Lines, start: datetime, end: datetime) -> None:
    """Load a window; once more if it does not hold as many ids as it says. What came is kept either way."""
    found, total = _pass(visit, lines, start, end)
    if len(found) != total:
        again, total = _pass(visit, lines, start, end)
        found |= again
    if len(found) != total:
        visit.incomplete = (
            f"NVD says that {total} records were modified from {start:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} UTC and gave {len(found)}"
        )


def _pass(visit: Visit, lines: Lines, start: datetime, end: datetime) -> tuple[set[str], int]:
    base = visit.request.second_url
    mark = "&" if "?" in base else "?"
    found: set[str] = set()
    at = total = 0
    while True:
        page = _page(
            visit, f"{base}{mark}lastModStartDate={stamp(start)}&lastModEndDate={stamp(end)}&startIndex={at}&resultsPerPage={PAGE}"
        )
        before, total = len(found), page.total_results
        if page.start_index != at:
            visit.notes.append(f"NVD's page from {at} on says that it begins at {page.start_index}")
        found |= {_id(item) for item in page.vulnerabilities}
        lines.add(page.vulnerabilities)
        at += len(page.vulnerabilities)
        visit.report(len(found), total, "loading", "NVD API")
        # A page that brings nothing new ends it as well: pages that repeat must not be asked for ever.
        if at >= total or len(found) == before:
            return found, total


def _id(item: msgspec.Raw) -> str:
    try:
        return _items.decode(item).cve.id
    except msgspec.MsgspecError:
        return ""  # it is refused, with its reason, when it is read


def _page(visit: Visit, url: str) -> _Page:
    held: list[_Page] = []

    def check(path: Path) -> None:
        try:
            held[:] = [_pages.decode(content.plain(path, PAGE_LIMIT))]
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
            raise SourceChanged(f"G7: what came is no page of NVD's API to its end ({error}).") from None

    key = visit.request.key.get_secret_value()
    got = visit.get(
        url,
        "nvd-api.page",
        limit=PAGE_LIMIT,
        check=check,
        headers={"apiKey": key} if key else {},
        again=frozenset({403}),  # a limit that was passed, a firewall in a mood; a wrong key is told as 404
        explain=("message",),
        packed=True,
    )
    got.path.unlink()
    return held[0]
