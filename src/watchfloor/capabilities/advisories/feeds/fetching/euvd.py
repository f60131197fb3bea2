"""ENISA's database: what was updated since, page by page; at first, and once in a while, what is exploited and which id is which CVE."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import msgspec

from watchfloor.capabilities.advisories.feeds.fetching.parts import Arrays
from watchfloor.capabilities.advisories.feeds.fetching.visit import SMALL, below, pause
from watchfloor.capabilities.advisories.schemas.feed import Kind
from watchfloor.kernel.errors import SourceChanged
from watchfloor.kernel.fetch import content

if TYPE_CHECKING:
    from pathlib import Path

    from watchfloor.capabilities.advisories.feeds.fetching.visit import Visit

SEARCH, EXPLOITED, MAPPING, PART = "search", "exploited", "mapping", "part"
PACE_S = 1.0
PAGE = 100  # more is clamped to it, silently
_EXPLOITED_EVERY = timedelta(hours=20)
_MAPPING_EVERY = timedelta(days=6)
_EMPTY = 204


class _Item(msgspec.Struct):
    id: str = ""


class _Page(msgspec.Struct):
    items: list[msgspec.Raw]
    total: int


_pages = msgspec.json.Decoder(_Page)
_items = msgspec.json.Decoder(_Item)


def gather(visit: Visit) -> None:
    """Load what is new."""
    request = visit.request
    visit.pace = pause(request, PACE_S, visit.report)
    since = request.watermark(SEARCH)
    if _due(visit, MAPPING, _MAPPING_EVERY):
        got = visit.get(below(request.url, "dump/cve-euvd-mapping"), "mapping.csv", packed=True)
        visit.hand_in(got.path, label="EUVD mapping", kind=Kind.EUVD_MAPPING, stream=MAPPING)
    if _due(visit, EXPLOITED, _EXPLOITED_EVERY):
        _search(visit, "exploited=true", EXPLOITED, "exploited records")
    first = (request.now - request.backfill if since is None else since - timedelta(days=1)).date()
    _search(visit, f"fromUpdatedDate={first}&toUpdatedDate={request.now.date()}", SEARCH, f"records updated since {first}")
    visit.complete = since is None or request.full


def _due(visit: Visit, what: str, every: timedelta) -> bool:
    """Tell whether something that is loaded once in a while is due, and remember that it is loaded now."""
    request = visit.request
    try:
        last = datetime.fromisoformat(request.cursor("")[f"{what}_at"])
        fresh = request.has(what) and request.now - last < every
    except (KeyError, ValueError, TypeError):
        fresh = False
    if fresh and not request.full:
        return False
    visit.kept[f"{what}_at"] = request.now.isoformat()
    return True


def _search(visit: Visit, query: str, stream: str, label: str) -> None:
    """Load all pages of a question; once more if they hold another number of records than they say."""
    arrays = Arrays(visit.folder, stream)
    found, total = _pass(visit, query, arrays, label)
    if found != total:
        arrays = Arrays(visit.folder, stream)
        found, total = _pass(visit, query, arrays, label)
    paths = arrays.end()
    if found != total:
        visit.incomplete = f"EUVD says that there are {total} {label} and gave {found}"
        visit.kept.pop(f"{stream}_at", None)
    for place, path in enumerate(paths, 1):
        # Only the last file moves the watermark, and only if nothing is missing.
        last = place == len(paths) and found == total
        visit.hand_in(path, label=f"EUVD {label}", kind=Kind.EUVD, stream=stream if last else f"{stream}-{PART}")


def _pass(visit: Visit, query: str, arrays: Arrays, label: str) -> tuple[int, int]:
    seen: set[str] = set()
    number = 0
    while True:
        page = _page(visit, below(visit.request.url, f"search?{query}&page={number}&size={PAGE}"))
        fresh = [item for item in page.items if (name := _id(item)) not in seen and not seen.add(name)]  # type: ignore[func-returns-value]
        arrays.add(fresh)
        visit.report(len(seen), page.total, "loading", label)
        number += 1
        if len(seen) >= page.total or not fresh:
            return len(seen), page.total


def _id(item: msgspec.Raw) -> str:
    try:
        return _items.decode(item).id
    except msgspec.MsgspecError:
        return bytes(item[:200]).decode("utf-8", "replace")  # it is refused, with its reason, when it is read


def _page(visit: Visit, url: str) -> _Page:
    held: list[_Page] = []

    def check(path: Path) -> None:
        text = content.plain(path, SMALL)
        if not text:
            return  # 204: none
        try:
            held[:] = [_pages.decode(text)]
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
            raise SourceChanged(f"G7: what came is no page of the EUVD to its end ({error}).") from None

    got = visit.get(url, "euvd.page", check=check, fine=frozenset({200, _EMPTY}), packed=True)
    got.path.unlink()
    if not held and got.status != _EMPTY:
        raise SourceChanged("G7: an empty answer came instead of a page of the EUVD.")
    return held[0] if held else _Page([], 0)
