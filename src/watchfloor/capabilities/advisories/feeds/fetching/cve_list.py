"""The CVE List: single records where few changed, an archive for each day where many did, everything where the log does not reach back."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import urljoin

import msgspec

from watchfloor.capabilities.advisories.feeds import cve_list
from watchfloor.capabilities.advisories.feeds.fetching.parts import Lines
from watchfloor.capabilities.advisories.feeds.fetching.visit import LARGE, json_to_its_end, pause
from watchfloor.capabilities.advisories.schemas.feed import Kind
from watchfloor.kernel.errors import SourceChanged
from watchfloor.kernel.fetch import content

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from watchfloor.capabilities.advisories.feeds.fetching.visit import Visit

BASELINE, DELTA, LOG = "baseline", "delta", "log"
OVERLAP = timedelta(hours=1)
PACE_S = 0.1
LOG_LIMIT = 128 << 20
RECORD_LIMIT = 16 << 20
_RELEASES = 100  # hourly ones: four days, in the one listing that anonymous visitors should ask for
_BASELINE = "_all_CVEs_at_midnight.zip.zip"
_DELTA = re.compile(r"(\d{4}-\d\d-\d\d)_delta_CVEs_at_(end_of_day|(\d\d)00Z)\.zip", re.ASCII)
_PLACE = re.compile(r"cves/(\d{4}/\d{1,7}xxx/CVE-\d{4}-\d{4,10}\.json)\Z", re.ASCII)


class Asset(msgspec.Struct, frozen=True):
    """One file of a release."""

    name: str = ""
    browser_download_url: str = ""
    size: int | None = None
    digest: str | None = None  # "sha256:…" of the file as it is loaded


class _Release(msgspec.Struct, frozen=True):
    assets: tuple[Asset, ...] = ()


@dataclass
class Shelf:
    """What is there to be loaded: the newest baseline, and for each day its latest archive of changes."""

    baseline: Asset | None = None
    days: dict[date, Asset] = field(default_factory=dict)


def gather(visit: Visit) -> None:
    """Load what changed, or everything."""
    request = visit.request
    visit.pace = pause(request, PACE_S, visit.report)
    since = request.watermark(BASELINE, DELTA, LOG)
    if since is None or request.full:
        _everything(visit)
        return
    got = visit.get(request.second_url, "deltaLog.json", limit=LOG_LIMIT, known=True)
    if got.status == 304:  # noqa: PLR2004 - not modified
        return
    plan = cve_list.increment(cve_list.delta_log(content.plain(got.path, LOG_LIMIT)), since)
    got.path.unlink()
    if plan.gap:
        visit.open_gap(f"the log of changed CVE records does not reach back to {since:%Y-%m-%d %H:%M} UTC, until when they were read")
        _everything(visit)
    elif plan.records and _singles(visit, plan.records):
        visit.complete = True  # all since the watermark, which no hole lets move: a gap is closed
    elif plan.records or plan.days:
        _days(visit, since, plan.latest or request.now)


def _singles(visit: Visit, records: dict[str, str]) -> bool:
    """Load records one by one; False when one of them is not where the log says."""
    lines = Lines(visit.folder / "cve-list.jsonl")
    for name, link in records.items():
        place = _PLACE.search(link)
        path = place[1] if place else _place_of(name)
        try:
            got = visit.get(urljoin(visit.request.second_url, path), "record.json", limit=RECORD_LIMIT, check=json_to_its_end)
        except SourceChanged:
            return False  # renamed, moved or not there yet: the archives of the days hold it
        lines.add([content.plain(got.path, RECORD_LIMIT)])
        got.path.unlink()
        visit.report(lines.count, len(records), "loading", name)
    visit.hand_in(lines.path, label="changed CVE records", kind=Kind.CVE_RECORDS, stream=LOG)
    return True


def _place_of(name: str) -> str:
    """Return where a record is, below the log."""
    _, year, number = name.split("-")
    return f"{year}/{number[:-3]}xxx/{name}.json"


def _days(visit: Visit, since: datetime, latest: datetime) -> None:
    """Load the archives of the days since; everything if one of them is gone."""
    shelf = _shelf(visit)
    first, last = (since - OVERLAP).astimezone(UTC).date(), latest.astimezone(UTC).date()
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    lacking = _lacking(shelf, first, last)
    if lacking or not any(day in shelf.days for day in days):
        visit.open_gap(f"there is no archive of the changes of {_told(lacking or days)}")
        _everything(visit, shelf)
        return
    _load_days(visit, shelf, days)
    visit.complete = True


def _load_days(visit: Visit, shelf: Shelf, days: Sequence[date]) -> None:
    for day in days:
        if asset := shelf.days.get(day):
            visit.hand_in(_asset(visit, asset), label=asset.name, kind=Kind.CVE_LIST, stream=DELTA)


def _everything(visit: Visit, shelf: Shelf | None = None) -> None:
    """Load the newest baseline and what changed since its midnight."""
    if visit.request.url.endswith(".zip"):  # a mirror of the baseline alone
        got = visit.get(visit.request.url, "baseline.zip", limit=LARGE)
        visit.hand_in(got.path, label=visit.request.url.rpartition("/")[2], kind=Kind.CVE_LIST, stream=BASELINE)
    else:
        found = shelf or _shelf(visit)
        if found.baseline is None:
            raise SourceChanged(f"G7: the list of releases names no file that ends in {_BASELINE}; the CVE Program may have renamed it.")
        visit.hand_in(_asset(visit, found.baseline), label=found.baseline.name, kind=Kind.CVE_LIST, stream=BASELINE)
        begun = found.baseline.name[:10]
        lacking = _lacking(found, _date(begun), visit.request.now.astimezone(UTC).date())
        if lacking:
            visit.open_gap(f"there is no archive of the changes of {_told(lacking)}, after the newest baseline")
        _load_days(visit, found, sorted(day for day in found.days if str(day) >= begun))
        visit.complete = not lacking
        return
    visit.complete = True


def _date(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _lacking(shelf: Shelf, first: date | None, last: date) -> list[date]:
    """Return the days without an archive of changes; the last may be too young for one, and of an unknown beginning nothing can be said."""
    if first is None:
        return []
    days = [first + timedelta(days=number) for number in range((last - first).days)]
    return [day for day in days if day not in shelf.days]


def _told(days: Sequence[date]) -> str:
    return ", ".join(map(str, days[:5]))


def _shelf(visit: Visit) -> Shelf:
    """Read the list of releases: files are found by the ends of their names, since dates of releases and of files differ."""
    url = visit.request.url
    listing = url if "?" in url else f"{url}?per_page={_RELEASES}"
    text = visit.read(listing, "releases.json", check=json_to_its_end, packed=True)
    try:
        releases = msgspec.json.decode(text, type=list[_Release])
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise SourceChanged(f"G7: what came is no list of releases ({error}).") from None
    assets = [asset for release in releases for asset in release.assets]
    shelf = Shelf(baseline=max((one for one in assets if one.name.endswith(_BASELINE)), key=lambda one: one.name, default=None))
    hours: dict[date, int] = {}
    for asset in assets:
        found = _DELTA.fullmatch(asset.name)
        if found is None:
            continue
        day, hour = date.fromisoformat(found[1]), int(found[3]) if found[3] else 24
        if hour > hours.get(day, -1):
            hours[day], shelf.days[day] = hour, asset
    return shelf


def _asset(visit: Visit, asset: Asset) -> Path:
    """Load a file of a release, once more if it is not what the list says about it (G3)."""
    url = urljoin(visit.request.url, asset.browser_download_url or asset.name)
    path = _agreeing(visit, asset, url) or _agreeing(visit, asset, url)
    if path is None:
        raise SourceChanged(f"G3: {asset.name} is not of the size or sum that the list of releases declares, even loaded twice.")
    return path


def _agreeing(visit: Visit, asset: Asset, url: str) -> Path | None:
    got = visit.get(url, re.sub(r"[^\w.-]", "_", asset.name)[:150], limit=LARGE)
    digest = (asset.digest or "").removeprefix("sha256:")
    return got.path if asset.size in {None, got.size} and digest in {"", got.sha256} else None
