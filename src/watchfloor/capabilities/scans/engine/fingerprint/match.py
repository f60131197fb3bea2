"""What a port said and what one part of it proves; tables of signs by which products are known. Pure.

Patterns are our own, anchored, without nested quantifiers, and see at most 4 KiB.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from watchfloor.capabilities.scans.engine.text import escape

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from watchfloor.capabilities.scans.schemas import PortAnswer, Reply

CERTAIN, LIKELY, POSSIBLE, GUESS = 95, 80, 60, 30
VERSION_CHARACTERS, EVIDENCE_BYTES = 40, 150
# A distribution's own words: `Debian-2+deb12u10`, `Ubuntu-3ubuntu0.6`, `(Debian)`, `0+deb12u1`, `0ubuntu0.22.04.1`.
DISTRIBUTION = r"Debian|Ubuntu|Raspbian|FreeBSD|Fedora|CentOS|Rocky|AlmaLinux|SUSE|Alpine|Gentoo|Arch"
REVISION = re.compile(rf"\b({DISTRIBUTION})[-_ ]([\w.+~:-]{{0,60}}\d[\w.+~:-]{{0,60}})")
PACKAGE = re.compile(r"[-_ +](\d{0,4}[.\w]{0,8}[+~-]?(?:deb\d{1,2}u\d{1,3}|ubuntu[\d.]{1,16}|el\d{1,2}[\w.]{0,12})[\w.~+]{0,30})")
KNOWN_ONLY = re.compile(rf"[(/-]({DISTRIBUTION})\b")


@dataclass(frozen=True, kw_only=True)
class Match:
    """What the bytes prove. `part` names the observation it rests on, so that later ones can add to it."""

    name: str
    product: str = ""
    version: str = ""
    revision: str = ""
    evidence: bytes = b""
    confidence: int = CERTAIN
    title: str = ""
    facts: tuple[str, ...] = field(default=())


@dataclass(frozen=True)
class Said:
    """All that one port said."""

    port: int
    replies: tuple[Reply, ...]
    secure: bool = False
    starttls: str = ""

    @classmethod
    def by(cls, answer: PortAnswer) -> Said:
        """Return what an answer holds."""
        return cls(answer.port, answer.replies, bool(answer.tls and answer.tls.version), answer.starttls)

    def to(self, *probes: str) -> bytes:
        """Return the first answer to any of these probes, empty when there is none."""
        return next((reply.data for reply in self.replies if reply.probe in probes), b"")

    def asked(self, probe: str) -> bool:
        """Tell whether something came back after this probe."""
        return any(reply.probe == probe for reply in self.replies)


Reader: TypeAlias = "Callable[[Said], Match | None]"
ANY: tuple[str, ...] = ()


@dataclass(frozen=True)
class Sign:
    """One sign: after which probes (any when empty), what the answer begins with, and who says such a thing.

    Group `v` of the pattern is the version, `r` the distribution's revision; both may be missing.
    """

    after: tuple[str, ...]
    pattern: re.Pattern[bytes]
    name: str
    product: str = ""
    facts: tuple[str, ...] = ()
    confidence: int = CERTAIN


def sign(after: tuple[str, ...], pattern: bytes, name: str, product: str = "", *facts: str, confidence: int = 0) -> Sign:
    """Return a sign whose pattern may cross lines; without a product it is only likely."""
    return Sign(after, re.compile(pattern, re.DOTALL), name, product, facts, confidence or (CERTAIN if product else LIKELY))


def by_signs(said: Said, signs: Sequence[Sign]) -> Match | None:
    """Return the first sign of the table that any answer shows."""
    for one in signs:
        for reply in said.replies:
            found = one.pattern.match(reply.data) if not one.after or reply.probe in one.after else None
            if found:
                return _shown(one, found)
    return None


def _shown(one: Sign, found: re.Match[bytes]) -> Match:
    groups = found.groupdict()
    data, begins = found.string, found.start()
    if groups.get("v") and found.start("v") - begins > EVIDENCE_BYTES:
        begins = found.start("v") - EVIDENCE_BYTES // 2
    ends = data.find(b"\n", found.end())
    line = data[begins : min(ends if ends >= 0 else len(data), begins + 2 * EVIDENCE_BYTES)].strip()
    return Match(
        name=one.name,
        product=one.product,
        version=text(groups.get("v")),
        revision=text(groups.get("r"), 80) or revision(line),
        evidence=line,
        confidence=one.confidence,
        facts=one.facts,
    )


def text(found: bytes | None, most: int = VERSION_CHARACTERS) -> str:
    """Return a short printable piece, empty for nothing."""
    return escape(found, most).strip() if found else ""


def revision(found: bytes | str) -> str:
    """Return the distribution's package revision in a text, its name alone when only that is told, else nothing."""
    words = escape(found[:400], 400)
    exact = REVISION.search(words)
    if exact:
        return f"{exact[1]}-{exact[2]}"
    package = PACKAGE.search(words)
    if package:
        return package[1]
    known = KNOWN_ONLY.search(words)
    return known[1] if known else ""


def lines(data: bytes) -> Iterator[bytes]:
    """Return the lines of an answer without their ends."""
    return (line.rstrip(b"\r") for line in data.split(b"\n"))
