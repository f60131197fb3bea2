"""NVD's yearly and modified feeds: which of them are news, and whether file and declaration belong together."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from watchfloor.capabilities.advisories.feeds.fetching import nvd_api
from watchfloor.capabilities.advisories.feeds.fetching.visit import LARGE, SMALL, below
from watchfloor.capabilities.advisories.feeds.guards import Meta, meta_of
from watchfloor.capabilities.advisories.schemas.feed import Kind
from watchfloor.kernel.errors import OutsideError, SourceChanged, SourceUnavailable
from watchfloor.kernel.fetch import content

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from watchfloor.capabilities.advisories.feeds.fetching.visit import Visit

FIRST_FEED = 2002  # holds 1999 to 2002
REACHES_BACK = timedelta(days=7)  # the feed of modified records covers eight
MODIFIED = "modified"
_META_LIMIT = 1 << 16
_GZ_SIZE = re.compile(rb"gzSize:(\d{1,15})")


def gather(visit: Visit) -> None:
    """Load what is new at NVD: feeds, or its API where a window is asked for or the feeds do not answer."""
    request = visit.request
    if request.days_back is not None:
        missed = nvd_api.reachable_since(request) or request.now
        nvd_api.gather(visit, min(missed, request.now - timedelta(days=request.days_back)))
        return
    try:
        _feeds(visit)
    except OutsideError as error:
        since = nvd_api.reachable_since(request)
        if since is None or request.full or request.years or not visit.both_or_neither_own():
            raise
        _fall_back(visit, since, error)


def _fall_back(visit: Visit, since: datetime, error: OutsideError) -> None:
    """Ask the API for what the feeds do not tell."""
    gap = visit.gap
    visit.drop()
    visit.fell_back = str(error)
    try:
        nvd_api.gather(visit, since)
    except OutsideError as second:
        sort = SourceUnavailable if isinstance(second, SourceUnavailable) else SourceChanged
        raise sort(f"{second} Before that the feeds: {error}") from None
    visit.gap, visit.complete = gap, bool(gap) and not visit.incomplete  # a window without a hole closes a gap as well


def _feeds(visit: Visit) -> None:
    request = visit.request
    if request.years:
        for name in map(str, request.years):
            _load(visit, name, _declared(visit, name))
        return
    years = [str(year) for year in range(request.now.year, FIRST_FEED - 1, -1)]  # newest first: compression learns from what comes first
    missing = [year for year in years if not request.has(year)]
    since = request.watermark(MODIFIED, "api")
    gap = since is None or request.now - since > REACHES_BACK
    if gap and since is not None and len(missing) < len(years):
        visit.open_gap(f"the feed of modified records covers eight days, and NVD was last read as of {since:%Y-%m-%d %H:%M} UTC")
    for year in years:
        if year in missing or gap or request.full:
            _load_if_other(visit, year)
    if visit.files:
        _load(visit, MODIFIED, _declared(visit, MODIFIED))
    else:
        _load_if_other(visit, MODIFIED)
    visit.complete = gap or request.full or bool(missing)


def _load_if_other(visit: Visit, name: str) -> None:
    declared = _declared(visit, name)
    if declared is not None and declared.meta.sha256 != visit.request.cursor(name).get("sha256"):
        _load(visit, name, declared)


@dataclass(frozen=True)
class _Declared:
    """What NVD says about a feed; `packed` is its size as it is loaded, -1 where that is not said."""

    meta: Meta
    packed: int


def _declared(visit: Visit, name: str) -> _Declared | None:
    """Return what is declared about a feed; None for a year that has not begun at NVD."""
    begun = name != str(visit.request.now.year)
    got = visit.get(
        below(visit.request.url, f"nvdcve-2.0-{name}.meta"), f"{name}.meta", limit=_META_LIMIT,
        fine=frozenset({200} if begun else {200, 404}),
    )  # fmt: skip
    text = content.plain(got.path, _META_LIMIT)
    got.path.unlink()
    if got.status != 200:  # noqa: PLR2004 - found
        return None
    packed = _GZ_SIZE.search(text)
    try:
        return _Declared(meta_of(text), int(packed[1]) if packed else -1)
    except SourceChanged as error:
        raise SourceChanged(f"G7: nvdcve-2.0-{name}.meta {str(error).removeprefix('G7: ')}") from None


def _load(visit: Visit, name: str, declared: _Declared | None) -> None:
    """Load a feed that agrees with its declaration; both are replaced, one after the other, so a second look is due (G3)."""
    file = f"nvdcve-2.0-{name}.json.gz"
    found = _agreeing(visit, file, declared) or _agreeing(visit, file, declared := declared and _declared(visit, name))
    if found is None and declared is not None:
        meta = declared.meta
        raise SourceChanged(
            f"G3: {file} is not what its .meta declares, {meta.size} bytes of sha256 {meta.sha256[:16]}…, even loaded twice."
        )
    if found is not None and declared is not None:
        visit.hand_in(found, label=file, kind=Kind.NVD, stream=name, sha256=declared.meta.sha256, size=declared.meta.size)


def _agreeing(visit: Visit, file: str, declared: _Declared | None) -> Path | None:
    """Load a feed; None if it is another one than was declared."""
    if declared is None:
        return None
    got = visit.get(below(visit.request.url, file), file, limit=LARGE)
    # A large one of the size that is declared for the packed file is the right one, most likely; reading checks the sum.
    likely = got.size == declared.packed and declared.meta.size > SMALL
    agrees = likely or _sum_of(got.path) == (declared.meta.size, declared.meta.sha256)
    return got.path if agrees else None


def _sum_of(path: Path) -> tuple[int, str]:
    size, digest = 0, hashlib.sha256()
    for piece in content.unpacked(path):
        size += len(piece)
        digest.update(piece)
    return size, digest.hexdigest()
