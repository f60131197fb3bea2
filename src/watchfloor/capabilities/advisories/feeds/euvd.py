"""ENISA's vulnerability database: answers of its API, and its table of ids."""

from __future__ import annotations

import re
from array import array
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from watchfloor.capabilities.advisories.feeds import guards
from watchfloor.capabilities.advisories.feeds.decode import BadId, Form
from watchfloor.capabilities.advisories.feeds.reading import About, Reading
from watchfloor.capabilities.advisories.feeds.split import Bad, lines, sample_of
from watchfloor.capabilities.advisories.schemas.frames import Aliases, pack
from watchfloor.capabilities.advisories.schemas.records.euvd import EuvdRecord
from watchfloor.capabilities.advisories.schemas.words import Source, euvd_key_of, key_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from watchfloor.capabilities.advisories.feeds.opened import Content
    from watchfloor.capabilities.advisories.schemas.feed import Box

_PAIRS_PER_FRAME = 200_000
_CHECK = 10_000
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DATE = re.compile(r"([A-Za-z]{3})[a-z]{0,6}\.?\s(\d{1,2}),\s(\d{4}),?\s(\d{1,2}):(\d\d):(\d\d)\s?([AaPp])[Mm]")


def euvd_moment(text: str) -> datetime | None:
    """Read a date such as `Jul 9, 2026, 3:06:00 PM`, with any sort of space, as UTC; None for anything else."""
    found = _DATE.fullmatch(" ".join(text.split()))
    if found is None or found[1].lower() not in _MONTHS:
        return None
    hour = int(found[4]) % 12 + (12 if found[7] in "Pp" else 0)
    try:
        return datetime(int(found[3]), _MONTHS.index(found[1].lower()) + 1, int(found[2]), hour, int(found[5]), int(found[6]), tzinfo=UTC)
    except ValueError:
        return None


class _Head(msgspec.Struct, rename="camel"):
    id: str = ""
    aliases: str | None = None
    date_updated: str | None = None
    date_published: str | None = None


class _Named(msgspec.Struct, rename="camel"):
    enisa_id: _Head = msgspec.field(default_factory=_Head)


class _Answer(msgspec.Struct, rename="camel"):
    items: list[msgspec.Raw] | None = None
    total: int | None = None
    id: str = ""
    enisa_id_advisories: list[_Named] | None = None


_heads = msgspec.json.Decoder(_Head)


def cves_of(aliases: str) -> list[int]:
    """Return the CVEs among aliases, lowest first."""
    return sorted({k for line in aliases.split() if (k := key_of(line)) is not None})


def head(document: bytes) -> tuple[int, datetime | None]:
    """Find number and time of a record: its CVE's, else its own."""
    found = _heads.decode(document)
    cves = cves_of(found.aliases or "")
    k = cves[0] if cves else euvd_key_of(found.id)
    if k is None:
        raise BadId(f"{found.id[:40]!r} is no EUVD id and names no CVE")
    return k, euvd_moment(found.date_updated or found.date_published or "")


FORM = Form(Source.EUVD, EuvdRecord, head)


class Records:
    """The records of one answer: a page, a list, or one record."""

    def __init__(self, content: Content) -> None:
        """Read from unpacked content."""
        self._content = content
        self._about = About()

    def __iter__(self) -> Iterator[bytes | msgspec.Raw]:
        """Yield each record."""
        whole = self._content.whole()
        try:
            if whole.lstrip()[:1] == b"[":
                yield from msgspec.json.decode(whole, type=list[msgspec.Raw])
                return
            answer = msgspec.json.decode(whole, type=_Answer)
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
            guards.refuse("G7", f"is no answer of the EUVD ({error})")
        if answer.items is None:
            yield whole
            return
        notes = () if answer.total in {None, len(answer.items)} else (f"is a part: {len(answer.items)} of {answer.total} records",)
        self._about = About(declared={} if answer.total is None else {"total": answer.total}, notes=notes)
        yield from answer.items

    def about(self) -> About:
        """Tell what the answer declares."""
        return self._about


def answer(content: Content, stream: str) -> Reading:
    """Read an answer that holds records."""
    records = Records(content)
    return Reading(FORM, records, stream or "search", records.about, content=content)


def advisory_pairs(whole: bytes) -> list[tuple[int, int]] | None:
    """Return the pairs of EUVD id and CVE that a vendor's advisory names; None when the answer is no advisory."""
    try:
        found = msgspec.json.decode(whole, type=_Answer)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return None
    if found.enisa_id_advisories is None:
        return None
    named = [one.enisa_id for one in found.enisa_id_advisories]
    return [(own, cve) for one in named if (own := euvd_key_of(one.id)) is not None for cve in cves_of(one.aliases or "")]


def mapping(content: Content) -> tuple[list[tuple[int, int]], list[Bad]]:
    """Read the table of EUVD ids and CVEs."""
    pairs, bad = [], []
    for number, line in enumerate(lines(content.pieces())):
        if isinstance(line, Bad):
            bad.append(line)
            continue
        if not number % _CHECK:
            guards.check_rows(number)
        first, _, second = line.decode("utf-8", "replace").strip().partition(",")
        if not number and first.strip('"').lower() == "euvd_id":
            continue
        own, cve = euvd_key_of(first.strip('" ')), key_of(second.strip('" '))
        if own is None or cve is None:
            bad.append(Bad(f"line {number + 1}", "is no pair of an EUVD id and a CVE", sample_of(line)))
        else:
            pairs.append((own, cve))
    return pairs, bad


def send_pairs(pairs: list[tuple[int, int]], box: Box) -> None:
    """Stream pairs, each once."""
    every = sorted(set(pairs))
    for start in range(0, len(every), _PAIRS_PER_FRAME):
        part = every[start : start + _PAIRS_PER_FRAME]
        own, cve = array("q", (pair[0] for pair in part)), array("q", (pair[1] for pair in part))
        box.send(pack(Aliases(int(Source.EUVD), len(part), own.tobytes(), cve.tobytes())))
