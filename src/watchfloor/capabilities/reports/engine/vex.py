"""Decide what a report may claim about each CVE at each place: the one table from states of findings to VEX. Pure.

What is not known stays under investigation; only somebody's judgement makes a CVE not affect a place.
"""

from __future__ import annotations

import hashlib
import re
import uuid
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from watchfloor.capabilities.reports.engine.text import LINE, visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

CVE: Final = re.compile(r"CVE-[0-9]{4}-[0-9]{4,19}", re.ASCII)
# One attribute of a CPE 2.3 name; `_language` follows RFC 5646 in short.
ATTRIBUTE: Final = re.compile(r"[*-]|(?:\*|\?{0,9})(?:[A-Za-z0-9._-]|\\[\\*?!\"#$%&'()+,/:;<=>@\[\]^`{|}~]){1,200}(?:\*|\?{0,9})", re.ASCII)
LANGUAGE: Final = re.compile(r"[*-]|[A-Za-z]{2,3}(?:-(?:[A-Za-z]{2}|[0-9]{3}))?", re.ASCII)
BETWEEN: Final = re.compile(r"(?<!\\):")
ADDRESS: Final = re.compile(
    r"https?://[A-Za-z0-9.-]{1,253}(?::[0-9]{1,5})?(?:[/?#](?:[A-Za-z0-9._~:/?#@!$&'()*+,;=-]|%[0-9A-Fa-f]{2}){0,1900})?", re.ASCII
)
ATTRIBUTES: Final = 13
TEXT_MAX: Final = 2000
NOT_THERE: Final = "Judged a false positive: the vulnerability was attributed to this place wrongly. No reason is given in this report."
ACCEPTED: Final = "The risk is accepted for now."
NO_REMEDY: Final = "No remedy is recorded; follow what the supplier advises."


class Status(StrEnum):
    """What is claimed, in the words of VEX."""

    AFFECTED = "affected"
    UNDER_INVESTIGATION = "under_investigation"
    FIXED = "fixed"
    NOT_AFFECTED = "not_affected"


# Several findings may speak of one CVE at one place: the gravest claim holds.
GRAVEST: Final = {one: n for n, one in enumerate(Status)}


@dataclass(frozen=True, slots=True)
class Place:
    """One product at one port of one asset: what a claim is about."""

    target: str
    port: int | None
    protocol: str
    product: str
    version: str
    cpe: str

    @property
    def key(self) -> str:
        """Return a name that the same place has in every report."""
        whole = "\x00".join((self.target, str(self.port), self.protocol, self.product, self.version, self.cpe))
        return hashlib.sha256(whole.encode("utf-8", "backslashreplace")).hexdigest()[:32]

    @property
    def name(self) -> str:
        """Return what people call it, one line."""
        software = " ".join(part for part in (self.product, self.version) if part)
        where = self.target + (f" port {self.port}" + (f"/{self.protocol}" if self.protocol else "") if self.port is not None else "")
        return f"{software} on {where}" if software else where


@dataclass(frozen=True, slots=True)
class Claim:
    """What is claimed of one CVE at one place. `action` says what to do where affected, `impact` why not where not affected."""

    status: Status
    action: str = ""
    impact: str = ""
    severity: str = ""
    since: str = ""
    changed: str = ""


@dataclass(slots=True)
class Vulnerability:
    """One CVE: its claims by place, and what people should know of it."""

    cve: str
    title: str
    description: str
    references: tuple[str, ...]
    severity: str
    claims: dict[Place, Claim] = field(default_factory=dict)


def claim(row: Mapping[str, Any]) -> Claim:
    """Return what one finding lets us claim."""
    reason, remedy = _text(row.get("reason")), _text(row.get("remedy"))
    dates = {
        "severity": str(row.get("severity") or ""),
        "since": str(row.get("first_seen") or ""),
        "changed": str(row.get("last_seen") or ""),
    }
    match row.get("state"):
        case "fixed":
            return Claim(Status.FIXED, **{**dates, "changed": str(row.get("fixed_at") or dates["changed"])})
        case "false_positive":
            return Claim(Status.NOT_AFFECTED, impact=reason or NOT_THERE, **dates)
        case "accepted":
            return Claim(Status.AFFECTED, action=_accepted(row, reason, remedy), **dates)
        case "open" if _founded(row):
            return Claim(Status.AFFECTED, action=remedy or NO_REMEDY, **dates)
    return Claim(Status.UNDER_INVESTIGATION, **dates)


class Claims(NamedTuple):
    """What findings let us claim: every CVE, sorted; and how many of the findings name one."""

    vulnerabilities: list[Vulnerability]
    findings: int


def claims(rows: Iterable[Mapping[str, Any]]) -> Claims:
    """Return every CVE of these findings with its claims; findings without one are left out."""
    found: dict[str, Vulnerability] = {}
    shown = 0
    places: dict[Place, Place] = {}
    texts: dict[Claim, Claim] = {}
    for row in rows:
        cves = [cve for cve in row.get("cve") or () if isinstance(cve, str) and CVE.fullmatch(cve)]
        if not cves:
            continue
        shown += 1
        one, told = place(row), claim(row)
        one, told = places.setdefault(one, one), texts.setdefault(told, told)
        for cve in cves:
            entry = found.get(cve) or found.setdefault(cve, _vulnerability(cve, row))
            held = entry.claims.get(one)
            if held is None or GRAVEST[told.status] < GRAVEST[held.status]:
                entry.claims[one] = told
    return Claims([found[cve] for cve in sorted(found, key=_number)], shown)


def place(row: Mapping[str, Any]) -> Place:
    """Return where a finding is."""
    protocol, product, version = (_line(row.get(name)) for name in ("protocol", "product", "version"))
    cpe = row.get("cpe")
    return Place(*where(row), protocol, product, version, cpe if isinstance(cpe, str) and is_cpe(cpe) else "")


def where(row: Mapping[str, Any]) -> tuple[str, int | None]:
    """Return the asset and the port of a finding."""
    port = row.get("port")
    return _line(row.get("target")) or "unnamed asset", port if isinstance(port, int) else None


def is_cpe(text: str) -> bool:
    """Tell a well-formed CPE 2.3 name, as the schemas of CSAF and CycloneDX want it."""
    parts = BETWEEN.split(text[:3000])
    if len(parts) != ATTRIBUTES or parts[:2] != ["cpe", "2.3"] or parts[2] not in {"a", "o", "h", "*", "-"}:
        return False
    return bool(LANGUAGE.fullmatch(parts[8])) and all(ATTRIBUTE.fullmatch(part) for part in (*parts[3:8], *parts[9:]))


def document_id(sha256: str) -> str:
    """Return the same UUID for the same snapshot; of version 5, because schemas know none above."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, f"watchfloor snapshot {sha256}"))


def _vulnerability(cve: str, row: Mapping[str, Any]) -> Vulnerability:
    references = tuple(one for one in row.get("references") or () if isinstance(one, str) and is_address(one))
    return Vulnerability(
        cve, _line(row.get("title")) or cve, _text(row.get("description")), references[:20], str(row.get("severity") or "")
    )


def is_address(text: str) -> bool:
    """Tell an address on the web that every reader of URIs accepts."""
    return bool(ADDRESS.fullmatch(text))


def _founded(row: Mapping[str, Any]) -> bool:
    """Tell that an open finding says what it rests on, or at least what to do about it."""
    return any(row.get(name) for name in ("evidence", "product", "version", "cpe", "fixed_in", "remedy"))


def _accepted(row: Mapping[str, Any], reason: str, remedy: str) -> str:
    until = row.get("accepted_until")
    accepted = f"The risk is accepted until {until}." if until else ACCEPTED
    return " ".join(part for part in (accepted, reason, remedy and f"Remedy: {remedy}") if part)[:TEXT_MAX]


def _number(cve: str) -> tuple[int, int]:
    _, year, number = cve.split("-")
    return int(year), int(number)


def _text(value: object) -> str:
    return visible(value[:TEXT_MAX]).strip()[:TEXT_MAX] if isinstance(value, str) else ""


def _line(value: object) -> str:
    return visible(" ".join(value[: 4 * LINE].split()))[:LINE] if isinstance(value, str) else ""
