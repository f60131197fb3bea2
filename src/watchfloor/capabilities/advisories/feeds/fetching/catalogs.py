"""Sources of one file: CISA's and the EU's catalog, and the day's EPSS."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchfloor.capabilities.advisories.feeds.fetching.visit import LARGE, below, json_to_its_end
from watchfloor.capabilities.advisories.schemas.feed import Kind
from watchfloor.kernel.errors import OutsideError, SourceChanged, SourceUnavailable
from watchfloor.kernel.fetch import content

if TYPE_CHECKING:
    from pathlib import Path

    from watchfloor.capabilities.advisories.feeds.fetching.visit import Visit

NOT_MODIFIED = 304


def gather_kev(visit: Visit) -> None:
    """Load CISA's catalog from its first place, or from the other where the first does not serve data centres."""
    request = visit.request
    try:
        _one(visit, request.url, Kind.KEV)
    except OutsideError as error:
        if not visit.both_or_neither_own():
            raise
        visit.fell_back = str(error)
        try:
            _one(visit, request.second_url, Kind.KEV)
        except OutsideError as second:
            raise SourceUnavailable(f"Neither place of the catalog answers: {error} {second}") from None


def gather_eu_kev(visit: Visit) -> None:
    """Load the EU's catalog."""
    _one(visit, visit.request.url, Kind.EU_KEV)


def _one(visit: Visit, url: str, kind: Kind) -> None:
    got = visit.get(url, f"{kind}.file", check=_whole, known=True)
    if got.status != NOT_MODIFIED:
        visit.hand_in(got.path, label=url.partition("?")[0].rpartition("/")[2], kind=kind, stream="catalog")


def _whole(path: Path) -> None:
    """Refuse what is cut off; a table shows that nowhere, and its reader counts."""
    if content.beginning(path).lstrip()[:1] in {b"{", b"["}:
        json_to_its_end(path)


def gather_epss(visit: Visit) -> None:
    """Load the scores of the day."""
    url = visit.request.url
    url = url if url.endswith(".gz") else below(url, "epss_scores-current.csv.gz")
    got = visit.get(url, "epss.csv.gz", limit=LARGE, check=_unpacks, known=True)
    if got.status != NOT_MODIFIED:
        visit.hand_in(got.path, label=got.url.rpartition("/")[2], kind=Kind.EPSS, stream="daily")


def _unpacks(path: Path) -> None:
    size = 0
    for piece in content.unpacked(path):
        size += len(piece)
        if size > LARGE:
            raise SourceChanged(f"G4: it unpacks to more than {LARGE} bytes.")
