"""CISA's catalog of known exploited vulnerabilities, as JSON and as CSV."""

from __future__ import annotations

import csv
import io
import re
from typing import TYPE_CHECKING, Any

import msgspec

from watchfloor.capabilities.advisories.feeds import guards
from watchfloor.capabilities.advisories.feeds.decode import BadId, BadRecord, Form, Record, clean
from watchfloor.capabilities.advisories.feeds.reading import About, Reading
from watchfloor.capabilities.advisories.schemas.moments import moment
from watchfloor.capabilities.advisories.schemas.records.kev import KevEntry
from watchfloor.capabilities.advisories.schemas.words import Source, key_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from watchfloor.capabilities.advisories.feeds.opened import Content

MEMBERS = (
    "cveID", "vendorProject", "product", "vulnerabilityName", "dateAdded", "shortDescription", "requiredAction", "dueDate",
    "knownRansomwareCampaignUse", "notes", "cwes",
)  # fmt: skip
MANDATORY = ("cveID", "dateAdded")
_DAY = re.compile(r"\d{4}-\d\d-\d\d")


class _Head(msgspec.Struct):
    id: str = msgspec.field(default="", name="cveID")
    added: str = msgspec.field(default="", name="dateAdded")


class Catalog(msgspec.Struct, rename="camel"):
    """The catalog."""

    vulnerabilities: list[msgspec.Raw]
    catalog_version: str = ""
    date_released: str = ""
    count: int | None = None


_heads = msgspec.json.Decoder(_Head)


def head(document: bytes) -> tuple[int, datetime | None]:
    """Find number and date of an entry."""
    found = _heads.decode(document)
    k = key_of(found.id)
    if k is None:
        raise BadId(f"{found.id[:40]!r} is no CVE id")
    added = moment(found.added) if _DAY.fullmatch(found.added) else None
    if added is None:
        raise BadRecord(f"dateAdded is {found.added[:40]!r} and no date")
    return k, added


class CatalogForm(Form[Record]):
    """Entries in one spelling, whether they come as JSON or as CSV."""

    older_wins = True

    def document(self, raw: bytes | msgspec.Raw) -> bytes:
        """Return an entry with its members in the catalog's order and nothing that only formats differ in."""
        entry = msgspec.json.decode(raw)
        if not isinstance(entry, dict):
            raise BadRecord("an entry is no object")
        plain = {name: _plain(entry[name]) for name in (*MEMBERS, *sorted(entry.keys() - {*MEMBERS})) if name in entry}
        return clean(msgspec.json.encode(plain))


def _plain(value: Any) -> Any:  # noqa: ANN401 - plain JSON
    if isinstance(value, str):
        return value.strip()
    return [one.strip() if isinstance(one, str) else one for one in value] if isinstance(value, list) else value


FORM = CatalogForm(Source.KEV, KevEntry, head)


class Entries:
    """The entries of a catalog."""

    def __init__(self, content: Content, *, table: bool) -> None:
        """Read JSON, or CSV where `table` says so."""
        self._content = content
        self._table = table
        self._about = About()

    def __iter__(self) -> Iterator[bytes | msgspec.Raw]:
        """Yield each entry."""
        return self._rows() if self._table else self._json()

    def _json(self) -> Iterator[msgspec.Raw]:
        try:
            found = msgspec.json.decode(self._content.whole(), type=Catalog)
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
            guards.refuse("G7", f"is no catalog of known exploited vulnerabilities ({error})")
        released = moment(found.date_released) or _version(found.catalog_version)
        declared = {} if found.count is None else {"total": found.count}
        self._about = About(released, found.catalog_version, declared, held=len(found.vulnerabilities))
        yield from found.vulnerabilities

    def _rows(self) -> Iterator[bytes]:
        text = self._content.whole().decode("utf-8", "replace")
        latest = ""
        try:
            for row in csv.DictReader(io.StringIO(text, newline=""), strict=True):
                entry: dict[str, Any] = {name: value for name, value in row.items() if isinstance(name, str) and isinstance(value, str)}
                if "cwes" in entry:
                    entry["cwes"] = [one.strip() for one in entry["cwes"].split(",") if one.strip()]
                latest = max(latest, entry.get("dateAdded", ""))
                yield msgspec.json.encode(entry)
        except csv.Error as error:
            guards.refuse("G7", f"is no table of known exploited vulnerabilities ({error})")
        # The table says nothing about itself; its latest entry is as new as it is, at least.
        self._about = About(moment(latest) if _DAY.fullmatch(latest) else None)

    def about(self) -> About:
        """Tell what the catalog says about itself."""
        return self._about


def _version(text: str) -> datetime | None:
    return moment(text.replace(".", "-")) if re.fullmatch(r"\d{4}\.\d\d\.\d\d", text) else None


def catalog(content: Content, stream: str, *, table: bool) -> Reading:
    """Read the catalog."""
    entries = Entries(content, table=table)
    return Reading(FORM, entries, stream or "catalog", entries.about, complete=True, share=guards.COMPLETE_KEV, content=content)
