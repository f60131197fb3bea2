"""Tell what a file is by its content alone."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from watchfloor.capabilities.advisories.feeds import tars
from watchfloor.capabilities.advisories.feeds.guards import check_text, refuse
from watchfloor.capabilities.advisories.feeds.opened import Packing, packing_of
from watchfloor.capabilities.advisories.schemas.bundle import MANIFEST
from watchfloor.capabilities.advisories.schemas.feed import Kind

_SCANNER = json.JSONDecoder()
_SPACE = re.compile(r"[ \t\r\n]*")
_COMMA = re.compile(r"[ \t\r\n]*,[ \t\r\n]*")
_COLON = re.compile(r"[ \t\r\n]*:[ \t\r\n]*")
_IDS = re.compile(rb"\s*CVE-\d{4}-\d{4,10}[ \t]*(?:[\r\n,;]|\Z)", re.IGNORECASE)
_MEMBERS_MAX = 200
_DEPTH = 3  # document, record, part


@dataclass(frozen=True)
class Found:
    """What a file is; `single`: one JSON document rather than lines, `packed`: members of an archive."""

    kind: Kind
    single: bool = False
    packed: bool = False


def sniff(head: bytes) -> Found:
    """Return what unpacked content is by its first 64 KB; refused when it is nothing that is read here (G2)."""
    if tars.is_tar(head):
        if tars.name_of(head) == MANIFEST:
            return Found(Kind.BUNDLE, packed=True)
        return Found(Kind.OVERRIDES, packed=True)
    if packing_of(head) is not Packing.PLAIN:
        refuse("G4", "is packed twice, which no source does")
    check_text(head)
    head = head.replace(b"\0", b"")
    text = head.decode("utf-8", "replace").lstrip("\ufeff \t\r\n")
    if text[:1] in {"{", "["}:
        found = _of_json(text)
        if found is not None:
            return found
        refuse("G2", f"is JSON, but of none of the sources: it begins {text[:60]!r}")
    kind = _of_text(head.lstrip(b"\xef\xbb\xbf \t\r\n"))
    if kind is not None:
        return Found(kind)
    return refuse("G2", f"is none of the files that sources publish: it begins {text[:40]!r}")


def _of_text(head: bytes) -> Kind | None:
    first = head.partition(b"\n")[0].strip().lower()
    if first.startswith((b"#model_version", b"# model_version")) or first == b"cve,epss,percentile":
        return Kind.EPSS
    if first.replace(b'"', b"") == b"euvd_id,cve_id":
        return Kind.EUVD_MAPPING
    columns = {column.strip(b'" ') for column in first.split(b",")}
    if {b"cveid", b"dateadded"} <= columns:
        return Kind.KEV_CSV
    if first.startswith(b"lastmodifieddate:"):
        return Kind.NVD_META
    if _IDS.match(head):
        return Kind.EXPLOITS
    return None


def _of_json(text: str) -> Found | None:
    if text.startswith("["):
        place = _skip(_SPACE, text, 1)
        if text[place : place + 1] == "]":
            return None
        kind = _of_element(_members(text, place))
        # Lists of records of NVD and the CVE list are no original file; lines are.
        return Found(kind, single=True) if kind in {Kind.EU_KEV, Kind.EUVD, Kind.DELTA_LOG} else None
    members = _members(text, 0)
    kind = _of_document(members)
    if kind is not None:
        return Found(kind, single=True)
    kind = _of_element(members)
    return Found(kind, single=_is_single(text)) if kind is not None else None


def _of_document(members: dict[str, Any]) -> Kind | None:  # noqa: PLR0911 - one per sort
    if "vulnerabilities" in members:
        first = members["vulnerabilities"]
        if "catalogVersion" in members or (isinstance(first, dict) and "cveID" in first):
            return Kind.KEV
        if members.get("format") == "NVD_CVE" or "resultsPerPage" in members or (isinstance(first, dict) and "cve" in first):
            return Kind.NVD
    if "catalogVersion" in members:
        return Kind.KEV
    if members.get("format") == "NVD_CVE":
        return Kind.NVD
    if "items" in members or "enisaIdAdvisories" in members or ("advisoryProduct" in members and "aliases" in members):
        return Kind.EUVD
    first = next(iter(members.values()), None)
    if isinstance(first, dict) and {"fullname", "mod_time"} & first.keys():
        return Kind.EXPLOITS
    return None


def _of_element(members: dict[str, Any]) -> Kind | None:  # noqa: PLR0911 - one per sort
    """Tell by the members of a record."""
    inner = members.get("cve")
    name = members.get("id")
    if "cveMetadata" in members or members.get("dataType") == "CVE_RECORD":
        return Kind.CVE_RECORDS
    if "fetchTime" in members and "numberOfChanges" in members:
        return Kind.DELTA_LOG
    if "euvdID" in members or ("cveID" in members and "dateReported" in members):
        return Kind.EU_KEV
    if isinstance(inner, dict):
        return Kind.OVERRIDES if "_annotation" in members or "id" not in inner else Kind.NVD_RECORDS
    if isinstance(name, str) and ({"vulnStatus", "sourceIdentifier"} & members.keys()):
        return Kind.NVD_RECORDS
    if isinstance(name, str) and (name.startswith("EUVD-") or {"enisaUuid", "enisaIdProduct", "aliases"} & members.keys()):
        return Kind.EUVD
    return None


def _is_single(text: str) -> bool:
    """Say whether the first value spans lines, or is the only one."""
    try:
        _, end = _SCANNER.raw_decode(text)
    except (ValueError, RecursionError):
        return "\n" in text  # a record that is longer than what was read: lines have no line break inside
    return not text[end:].strip()


def _skip(pattern: re.Pattern[str], text: str, place: int) -> int:
    found = pattern.match(text, place)
    return found.end() if found is not None else place


def _members(text: str, place: int, depth: int = 0) -> dict[str, Any]:
    """Return the members of the object that begins at `place`, as far as they can be read; of a long value, what its beginning shows."""
    found: dict[str, Any] = {}
    if text[place : place + 1] != "{":
        return found
    place = _skip(_SPACE, text, place + 1)
    while len(found) < _MEMBERS_MAX and text[place : place + 1] == '"':
        try:
            name, place = _SCANNER.raw_decode(text, place)
        except (ValueError, RecursionError):
            return found
        place = _skip(_COLON, text, place)
        try:
            found[name], following = _SCANNER.raw_decode(text, place)
        except (ValueError, RecursionError):
            found[name] = _beginning(text, place, depth + 1)
            return found
        if isinstance(found[name], list):
            found[name] = next(iter(found[name]), None)
        place = following
        if _COMMA.match(text, place) is None:
            break
        place = _skip(_COMMA, text, place)
    return found


def _beginning(text: str, place: int, depth: int) -> Any:  # noqa: ANN401 - plain JSON
    """Return the members of an object that is cut off, or of the first element of a list that is."""
    if text[place : place + 1] == "[":
        place = _skip(_SPACE, text, place + 1)
    return _members(text, place, depth) if text[place : place + 1] == "{" and depth <= _DEPTH else None
