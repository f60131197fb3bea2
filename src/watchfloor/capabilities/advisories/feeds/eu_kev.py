"""The European catalog of known exploited vulnerabilities."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from watchfloor.capabilities.advisories.feeds import guards
from watchfloor.capabilities.advisories.feeds.decode import BadId
from watchfloor.capabilities.advisories.feeds.kev import CatalogForm
from watchfloor.capabilities.advisories.feeds.reading import About, Reading
from watchfloor.capabilities.advisories.schemas.moments import moment
from watchfloor.capabilities.advisories.schemas.records.eu_kev import EuKevEntry
from watchfloor.capabilities.advisories.schemas.words import Source, euvd_key_of, key_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from watchfloor.capabilities.advisories.feeds.opened import Content


class _Head(msgspec.Struct):
    id: str = msgspec.field(default="", name="cveID")
    euvd: str = msgspec.field(default="", name="euvdID")
    reported: str = msgspec.field(default="", name="dateReported")


_heads = msgspec.json.Decoder(_Head)


def head(document: bytes) -> tuple[int, datetime | None]:
    """Find number and date of an entry."""
    found = _heads.decode(document)
    k = key_of(found.id.strip()) or euvd_key_of(found.euvd.strip())
    if k is None:
        raise BadId(f"{found.id[:40]!r} is no CVE id")
    return k, moment(found.reported.strip().replace("/", "-"))


FORM = CatalogForm(Source.EU_KEV, EuKevEntry, head)


class Entries:
    """The entries of the catalog."""

    def __init__(self, content: Content) -> None:
        """Read from unpacked content."""
        self._content = content

    def __iter__(self) -> Iterator[msgspec.Raw]:
        """Yield each entry."""
        try:
            yield from msgspec.json.decode(self._content.whole(), type=list[msgspec.Raw])
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
            guards.refuse("G7", f"is no European catalog of known exploited vulnerabilities ({error})")


def catalog(content: Content, stream: str) -> Reading:
    """Read the catalog."""
    return Reading(FORM, Entries(content), stream or "catalog", About, complete=True, share=guards.COMPLETE, content=content)
