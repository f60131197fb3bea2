"""Ask one source on the network and read what it gives: runs in the sandbox."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from watchfloor.capabilities.advisories.feeds.fetching import catalogs, cve_list, euvd, nvd_feeds
from watchfloor.capabilities.advisories.feeds.fetching.visit import Visit, Working, fetcher, pause
from watchfloor.capabilities.advisories.feeds.read import read_files
from watchfloor.capabilities.advisories.schemas.feed import FeedRequest, Outcome, Verdict
from watchfloor.capabilities.advisories.schemas.fetch import FetchAnswer, FetchRequest

if TYPE_CHECKING:
    from collections.abc import Callable

    from watchfloor.capabilities.advisories.schemas.feed import Box

GATHER: dict[str, Callable[[Visit], None]] = {
    "nvd": nvd_feeds.gather,
    "cve-list": cve_list.gather,
    "kev": catalogs.gather_kev,
    "eu-kev": catalogs.gather_eu_kev,
    "euvd": euvd.gather,
    "epss": catalogs.gather_epss,
}


def fetch_source(request: FetchRequest, report: Box) -> FetchAnswer:
    """Download what is new of one source into the work folder, all of it, and then read it as local files are read.

    Raises:
        SourceUnavailable: Nothing was learned.
        SourceChanged: "G3: …": a guard refused what came; nothing after it was read.
        EgressRefused: The source's address may not be reached.
    """
    return fetch_into(Path.cwd(), request, report)


def fetch_into(folder: Path, request: FetchRequest, report: Box) -> FetchAnswer:
    """Do so in a folder."""
    paths: dict[str, Path] = {}
    working = Working(report, paths)
    with fetcher(request, working) as loading:
        visit = Visit(request, loading, folder, working, pause(request, 0.0, working), paths=paths)
        GATHER[request.source](visit)
    outcomes: tuple[Outcome, ...] = ()
    if visit.files:
        reading = FeedRequest(
            files=tuple(visit.files),
            now=request.now,
            known=request.known,
            dictionaries=request.dictionaries,
            accepted=request.accepted,
            accept=request.accept,
            level=request.level,
        )
        outcomes = read_files(reading, working).files
    return FetchAnswer(
        files=outcomes,
        unchanged=all(one.verdict in {Verdict.SAME, Verdict.STALE, Verdict.NOTHING} for one in outcomes),
        gap=visit.gap,
        complete=visit.complete,
        incomplete=visit.incomplete,
        fell_back=visit.fell_back,
        notes=tuple(visit.notes),
        kept=visit.kept,
        requests=visit.requests,
        loaded_bytes=visit.loaded_bytes,
    )
