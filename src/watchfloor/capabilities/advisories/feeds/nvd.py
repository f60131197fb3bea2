"""NVD's feeds and API answers, and lines of its records."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from watchfloor.capabilities.advisories.feeds import guards
from watchfloor.capabilities.advisories.feeds.decode import BadId, Form, clean, minified
from watchfloor.capabilities.advisories.feeds.reading import About, Lines, Reading, Single
from watchfloor.capabilities.advisories.feeds.split import Elements
from watchfloor.capabilities.advisories.schemas.moments import moment
from watchfloor.capabilities.advisories.schemas.records.nvd import NvdRecord
from watchfloor.capabilities.advisories.schemas.words import Source, key_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from watchfloor.capabilities.advisories.feeds.opened import Content

_STREAM = re.compile(r"nvdcve-[0-9.]{1,5}-(\d{4}|modified|recent)", re.IGNORECASE)
_WRAPPED, _PLAIN, _BRACE = b'{"cve":{', b'{"id":"', ord("}")


class _Head(msgspec.Struct, rename="camel"):
    id: str = ""
    last_modified: str | None = None


class _Wrapper(msgspec.Struct):
    cve: msgspec.Raw


class Envelope(msgspec.Struct, rename="camel"):
    """What stands around the records."""

    vulnerabilities: list[msgspec.Raw]
    results_per_page: int | None = None
    start_index: int | None = None
    total_results: int | None = None
    format: str = ""
    version: str = ""
    timestamp: str = ""


_heads = msgspec.json.Decoder(_Head)
_wrappers = msgspec.json.Decoder(_Wrapper)
_envelopes = msgspec.json.Decoder(Envelope)


def head(document: bytes) -> tuple[int, datetime | None]:
    """Find number and time of a record."""
    found = _heads.decode(document)
    k = key_of(found.id)
    if k is None:
        raise BadId(f"{found.id[:40]!r} is no CVE id")
    return k, moment(found.last_modified)


class NvdForm(Form[NvdRecord]):
    """Records that may stand alone or as the member `cve` of an object."""

    def stored(self, raw: bytes | msgspec.Raw) -> memoryview | None:
        """Return what stands between the wrapper's braces."""
        view = memoryview(raw)
        if view[: len(_WRAPPED)] == _WRAPPED and view[-1] == _BRACE:
            return view[len(_WRAPPED) - 1 : -1]
        return view if view[: len(_PLAIN)] == _PLAIN else None

    def open(self, raw: bytes | msgspec.Raw) -> tuple[bytes, int, datetime | None]:
        """Return the record itself, its number and time."""
        small = minified(raw)
        if small.startswith(_WRAPPED) and small.endswith(b"}}"):
            try:
                document = clean(small[len(_WRAPPED) - 1 : -1])
                return document, *head(document)
            except msgspec.ValidationError:
                raise
            except msgspec.DecodeError:  # a second member stands behind the record
                pass
        try:
            document = clean(bytes(_wrappers.decode(small).cve))
        except msgspec.ValidationError:  # no member cve: the record itself
            document = clean(small)
        return document, *head(document)


FORM = NvdForm(Source.NVD, NvdRecord, head)


class Feed:
    """The records of a feed or of an API answer."""

    def __init__(self, content: Content) -> None:
        """Read from unpacked content."""
        self._content = content
        self.envelope: Envelope | None = None
        self._held = 0

    def __iter__(self) -> Iterator[msgspec.Raw]:
        """Yield each element of `vulnerabilities`; a document that is broken anywhere is refused."""
        held = 0
        elements = Elements(self._content.ahead(), "vulnerabilities")
        for raw in elements:
            held += 1
            yield raw
        try:
            envelope = _envelopes.decode(elements.envelope)
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
            guards.refuse("G7", f"is no answer of NVD to its end ({error}); it may be cut off, fetch it again")
        yield from envelope.vulnerabilities
        self._held = held + len(envelope.vulnerabilities)
        envelope.vulnerabilities = []
        self.envelope = envelope

    def about(self, *, complete: bool) -> About:
        """Tell what the envelope says; only a feed promises that its total is what it holds."""
        envelope = self.envelope
        if envelope is None:
            return About()
        declared = {"total": envelope.total_results, "start": envelope.start_index, "page": envelope.results_per_page}
        notes: tuple[str, ...] = ()
        if not complete and envelope.results_per_page not in {None, self._held}:
            notes = (f"declares {envelope.results_per_page} records on this page and holds {self._held}",)
        return About(
            as_of=moment(envelope.timestamp),
            version=envelope.version,
            declared={name: value for name, value in declared.items() if value is not None},
            held=self._held if complete else None,
            notes=notes,
        )


def stream_of(label: str) -> str:
    """Return the series that a feed's file name tells: a year, modified or recent; else "api"."""
    found = _STREAM.search(label)
    return found[1].lower() if found else "api"


def feed(content: Content, label: str, stream: str) -> Reading:
    """Read a feed or a page of the API."""
    series = stream or stream_of(label)
    whole = series.isdecimal() or series in {"modified", "recent"}
    records = Feed(content)
    return Reading(
        FORM,
        records,
        series,
        lambda: records.about(complete=whole),
        share=guards.COMPLETE if series.isdecimal() else None,
        content=content,
    )


def records(content: Content, stream: str, *, one: bool) -> Reading:
    """Read JSON lines, or a single record."""
    return Reading(FORM, Single(content) if one else Lines(content), stream or "records", About, content=content)
