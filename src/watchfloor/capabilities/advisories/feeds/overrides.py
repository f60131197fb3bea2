"""CPE configurations by others, one JSON line or one file of an archive per CVE."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from watchfloor.capabilities.advisories.feeds import guards, tars
from watchfloor.capabilities.advisories.feeds.decode import BadId, BadRecord, Form, clean
from watchfloor.capabilities.advisories.feeds.reading import About, Lines, Reading
from watchfloor.capabilities.advisories.feeds.split import Bad
from watchfloor.capabilities.advisories.schemas.records.overrides import Override
from watchfloor.capabilities.advisories.schemas.words import Source, key_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from watchfloor.capabilities.advisories.feeds.opened import Content


class _Head(msgspec.Struct):
    id: str = ""


_heads = msgspec.json.Decoder(_Head)


def head(document: bytes) -> tuple[int, datetime | None]:
    """Find the number of an override; it has no time."""
    found = _heads.decode(document)
    k = key_of(found.id)
    if k is None:
        raise BadId(f"{found.id[:40]!r} is no CVE id")
    return k, None


class OverrideForm(Form[Override]):
    """Overrides in one shape, whether they come as lines or as files of an archive."""

    def document(self, raw: bytes | msgspec.Raw) -> bytes:
        """Return id, reason and configurations."""
        plain = msgspec.json.decode(raw)
        if not isinstance(plain, dict) or not isinstance(plain.get("cve"), dict):
            raise BadRecord("has no configurations")
        about: Any = plain.get("_annotation")
        about = about if isinstance(about, dict) else {}
        found = {
            "id": plain.get("id") or about.get("cve_id") or plain["cve"].get("id") or "",
            "cna": plain.get("cna") or "",
            "reason": plain.get("reason") or about.get("reason") or "",
            "cve": {"configurations": plain["cve"].get("configurations", [])},
        }
        return clean(msgspec.json.encode(found))


FORM = OverrideForm(Source.OVERRIDES, Override, head)


class Files:
    """The overrides of an archive."""

    def __init__(self, content: Content) -> None:
        """Read from an unpacked tar."""
        self._content = content

    def __iter__(self) -> Iterator[bytes | Bad]:
        """Yield each file whose name says that it is about a CVE."""
        for name, body in tars.members(self._content.ahead()):
            base = name.rpartition("/")[2]
            if base.startswith("CVE-") and base.endswith(".json"):
                yield body if body is not None else Bad(base, "is larger than a record may be", "")


def overrides(content: Content, stream: str, *, tar: bool) -> Reading:
    """Read all overrides."""
    records = Files(content) if tar else Lines(content)
    return Reading(FORM, records, stream or "all", About, complete=True, share=guards.COMPLETE, content=content)
