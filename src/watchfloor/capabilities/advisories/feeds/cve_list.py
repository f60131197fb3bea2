"""The CVE Program's list: archives, lines and single records, and the log of what changed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Self

import msgspec

from watchfloor.capabilities.advisories.feeds import guards, zips
from watchfloor.capabilities.advisories.feeds.decode import BadId, Form
from watchfloor.capabilities.advisories.feeds.reading import About, Lines, Reading, Single
from watchfloor.capabilities.advisories.feeds.split import Bad
from watchfloor.capabilities.advisories.schemas.moments import moment
from watchfloor.capabilities.advisories.schemas.records.cve_list import CveRecord
from watchfloor.capabilities.advisories.schemas.words import Source, key_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date, datetime

    from watchfloor.capabilities.advisories.feeds.opened import Content

_RECORD = re.compile(r"(?:^|/)CVE-\d{4}-\d{4,10}\.json$")
_NESTED = re.compile(r"\.zip$", re.IGNORECASE)
_COMPANIONS = {"delta.json", "deltaLog.json", "recent_activities.json"}
_MINIFIED = b'{"'
FEW = 300  # single files that are fetched rather than archives
_OVERLAP = timedelta(hours=1)


class _Metadata(msgspec.Struct, rename="camel"):
    cve_id: str = ""
    date_updated: str | None = None
    date_published: str | None = None
    date_rejected: str | None = None
    date_reserved: str | None = None


class _Head(msgspec.Struct, rename="camel"):
    cve_metadata: _Metadata
    containers: msgspec.Raw  # must be there


_heads = msgspec.json.Decoder(_Head)


def head(document: bytes) -> tuple[int, datetime | None]:
    """Find number and time of a record."""
    about = _heads.decode(document).cve_metadata
    k = key_of(about.cve_id)
    if k is None:
        raise BadId(f"{about.cve_id[:40]!r} is no CVE id")
    return k, moment(about.date_updated or about.date_rejected or about.date_published or about.date_reserved)


class CveForm(Form[CveRecord]):
    """Records of the list."""

    def stored(self, raw: bytes | msgspec.Raw) -> memoryview | None:
        """Return the record; those of archives are written with spaces between their parts."""
        view = memoryview(raw)
        return view if view[: len(_MINIFIED)] == _MINIFIED else None


FORM = CveForm(Source.CVE_LIST, CveRecord, head)


class Archive:
    """The records of a zip, or of a zip in a zip; other members are passed over."""

    def __init__(self, span: zips.Span) -> None:
        """Read an open archive."""
        self._span = span
        self._opened: dict[str, zips.Span] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for span in self._opened.values():
            span.close()

    def kinds(self) -> tuple[bool, bool]:
        """Tell whether there are zips inside, and whether any file shows that this is an archive of the list."""
        nested = known = False
        for member in zips.members(self._span):
            nested = nested or _NESTED.search(member.name) is not None
            known = known or _RECORD.search(member.name) is not None or member.name.rpartition("/")[2] in _COMPANIONS
        return nested, known

    def __iter__(self) -> Iterator[bytes | Bad]:
        """Yield each record."""
        return self._walk(self._span, 1)

    def _walk(self, span: zips.Span, depth: int) -> Iterator[bytes | Bad]:
        for member in zips.members(span):
            if _RECORD.search(member.name):
                data = zips.read(span, member)
                yield data if data is not None else Bad(member.name[-60:], "is damaged or larger than a record may be", "")
            elif _NESTED.search(member.name):
                if member.name not in self._opened:
                    self._opened[member.name] = zips.nested(span, member, depth)
                yield from self._walk(self._opened[member.name], depth + 1)


def archive(found: Archive, label: str, stream: str) -> Reading:
    """Read a baseline or a delta."""
    nested, known = found.kinds()
    if not nested and not known:
        guards.refuse("G2", "is a zip without any CVE record")
    series = stream or ("baseline" if nested or "_all_CVEs_" in label else "delta")
    return Reading(FORM, found, series, About, share=guards.COMPLETE if series == "baseline" else None)


def records(content: Content, stream: str, *, one: bool) -> Reading:
    """Read JSON lines, or a single record."""
    return Reading(FORM, Single(content) if one else Lines(content), stream or "records", About, content=content)


class Changed(msgspec.Struct, frozen=True, rename="camel"):
    """One record that changed."""

    cve_id: str = ""
    github_link: str = ""
    date_updated: str = ""


class Log(msgspec.Struct, frozen=True, rename="camel"):
    """One look of the program at its records."""

    fetch_time: str = ""
    number_of_changes: int = 0
    new: tuple[Changed, ...] = ()
    updated: tuple[Changed, ...] = ()


@dataclass(frozen=True)
class Increment:
    """How to come from a watermark to now: single records, archives of days, or, as the log does not reach back, everything again."""

    records: dict[str, str]  # CVE id to the address of its record
    days: tuple[date, ...] = ()
    gap: bool = False
    latest: datetime | None = None  # of the log


def delta_log(content: bytes) -> list[Log]:
    """Read `deltaLog.json`; refused when it is something else."""
    try:
        return msgspec.json.decode(content, type=list[Log])
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        guards.refuse("G7", f"is no log of changed CVE records ({error})")


def increment(log: list[Log], watermark: datetime | None) -> Increment:
    """Choose what to fetch; the log must reach back an hour beyond the watermark."""
    times = [(moment(one.fetch_time), one) for one in log]
    known = [(at, one) for at, one in times if at is not None]
    latest = max((at for at, _ in known), default=None)
    if watermark is None or not known or min(at for at, _ in known) > watermark - _OVERLAP:
        return Increment({}, gap=True, latest=latest)
    since = [(at, one) for at, one in known if at >= watermark - _OVERLAP]
    changed = {item.cve_id: item.github_link for _, one in since for item in (*one.updated, *one.new) if key_of(item.cve_id) is not None}
    if len(changed) <= FEW:
        return Increment(changed, latest=latest)
    first, last = (watermark - _OVERLAP).date(), max(at for at, _ in since).date()
    return Increment({}, tuple(first + timedelta(days=day) for day in range((last - first).days + 1)), latest=latest)
