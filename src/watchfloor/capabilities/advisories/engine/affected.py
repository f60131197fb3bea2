"""Turn the version list of a CVE record into ranges of affected versions. Pure.

The list says for versions and ranges whether they are affected, and `defaultStatus` says it for all others; the first entry that holds a
version decides. So the line of versions is cut at every bound, each piece is painted with its status, and the affected pieces are joined.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from typing import TYPE_CHECKING

from watchfloor.capabilities.advisories.engine.versions import branch_end, key
from watchfloor.capabilities.advisories.engine.wording import ALL, LONGEST, ORDINARY, UNSAID, Bounds, bounds, branch_of, is_version, words

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from watchfloor.capabilities.advisories.schemas.records.cve_list import Affected, Version

# A place between versions: before (0) or behind (1) those with this key.
Cut = tuple[bytes, int]
BOTTOM: Cut = (b"", 0)
TOP: Cut = (b"\xff\xff", 1)  # above every key: keys begin with a byte below 07

UNKNOWN, UNAFFECTED, AFFECTED = 0, 1, 2
STATUS = {"affected": AFFECTED, "unaffected": UNAFFECTED}
ANY = "any version"
MANY = 4000  # entries of one product that are looked at


@dataclass(frozen=True)
class Span:
    """Versions that are affected, from `lo` to `hi`; None is open.

    `text` is the range as people write it, `fix` the first version after it that is not affected any more, where the record says so.
    `sure` is false where the record only implies it: all versions of a product of which none is named.
    """

    lo: bytes | None = None
    hi: bytes | None = None
    lo_inclusive: bool = True
    hi_inclusive: bool = False
    text: str = ANY
    fix: str = ""
    sure: bool = True

    @property
    def kind(self) -> str:
        """Return the criterion's kind: `=` one version, `r` a range, `*` any version."""
        if self.lo is None and self.hi is None:
            return "*"
        return "=" if self.lo == self.hi else "r"


@dataclass(frozen=True)
class Ranges:
    """The affected versions of one product in their order; `skipped` entries said nothing usable or contradicted themselves."""

    spans: tuple[Span, ...] = ()
    skipped: int = 0


class _Line:
    """The line of versions while it is painted."""

    def __init__(self) -> None:
        self.strokes: list[tuple[Cut, Cut, int]] = []
        self.names: dict[Cut, str] = {}
        self.fixes: dict[bytes, str] = {}
        self.skipped = 0

    def stroke(self, lo: Cut, hi: Cut, status: int) -> None:
        if lo < hi:
            self.strokes.append((lo, hi, status))

    def place(self, text: str, *, after: bool) -> Cut:
        cut = (key(text), int(after))
        self.names.setdefault(cut, text)
        return cut

    def upper(self, text: str, *, inclusive: bool) -> Cut:
        """Return the place above a bound; the end of the branch for a pattern."""
        branch = branch_of(text)
        if branch is None:
            return self.place(text, after=inclusive)
        cut = (branch_end(branch), 0)
        self.names.setdefault(cut, text)
        return cut

    def lower(self, text: str, *, inclusive: bool = True) -> Cut:
        branch = branch_of(text)
        return self.place(branch or text, after=not inclusive)


def affected(product: Affected) -> Ranges:
    """Return the affected versions of one entry of a record."""
    default = STATUS.get(product.default_status.lower(), UNKNOWN)
    entries = product.versions[:MANY]
    if not entries:
        return Ranges((Span(sure=False),) if default == AFFECTED else ())
    line = _Line()
    line.skipped = len(product.versions) - len(entries)
    doubtful = False
    known = words(product.product)
    for entry in entries:
        if not _read(line, entry, known):
            line.skipped += 1
            # What else is affected by default is not known where an exception could not be read.
            doubtful = doubtful or default == AFFECTED
    if not line.strokes and line.skipped:
        return Ranges((), line.skipped)
    return Ranges(tuple(_spans(line, default, sure=not doubtful)), line.skipped)


def worded(texts: Iterable[str], product: str) -> Ranges:
    """Return the affected versions that texts such as `1.0 <1.5` or `patch: 1.5` name; one that is not understood is skipped."""
    line = _Line()
    known = words(product)
    for text in texts:
        plain = text.strip()
        if plain.lower().startswith("patch:"):
            fixed = plain[len("patch:") :].strip()
            if is_version(fixed):
                line.fixes.setdefault(key(fixed), fixed)
            else:
                line.skipped += 1
        elif (found := bounds(plain, known, spans=True)) is None:
            line.skipped += 1
        else:
            for one in found:
                _draw(line, one, AFFECTED)
    return Ranges(tuple(_spans(line, UNKNOWN, sure=True)), line.skipped)


def _read(line: _Line, entry: Version, known: frozenset[str]) -> bool:
    """Draw what one entry says; False where it says nothing usable."""
    if (entry.version_type or "").strip().lower() == "git":
        return False
    status = STATUS.get(entry.status.lower(), UNKNOWN)
    end = entry.less_than or entry.less_than_or_equal
    if not end:
        found = bounds(entry.version, known)
        for one in found or ():
            _draw(line, one, status)
        return bool(found)
    lo = _lower(line, entry.version, known)
    hi = TOP if end.strip() == "*" else _upper(line, end, known, inclusive=not entry.less_than)
    if lo is None or hi is None or lo >= hi:
        return False
    _change(line, entry, (lo, hi), status, known)
    if status == AFFECTED and entry.less_than and branch_of(end) is None and hi != TOP:
        line.fixes.setdefault(hi[0], line.names[hi])
    return True


def _lower(line: _Line, text: str, known: frozenset[str]) -> Cut | None:
    if text.strip().lower() in UNSAID | ALL:
        return BOTTOM
    plain = _version(text, known)
    return None if plain is None else line.lower(plain)


def _upper(line: _Line, text: str, known: frozenset[str], *, inclusive: bool) -> Cut | None:
    plain = _version(text, known)
    return None if plain is None else line.upper(plain, inclusive=inclusive)


def _version(text: str, known: frozenset[str]) -> str | None:
    """Return the version that a bound names, without the product's name; None for what is none, such as an address."""
    if ORDINARY.fullmatch(text) and len(text) <= LONGEST:
        return text
    if branch_of(text) is not None and is_version(text):
        return text.strip()
    found = bounds(text, known)
    return found[0].lo if found and len(found) == 1 and found[0].exact else None


def _draw(line: _Line, one: Bounds, status: int) -> None:
    lo = BOTTOM if one.lo is None else line.lower(one.lo, inclusive=one.lo_inclusive)
    hi = TOP if one.hi is None else line.upper(one.hi, inclusive=one.hi_inclusive)
    if lo >= hi:
        line.skipped += 1
    line.stroke(lo, hi, status)
    if status == UNAFFECTED and one.lo is not None and one.lo_inclusive:
        line.fixes.setdefault(lo[0], one.lo)
    elif status == AFFECTED and one.hi is not None and not one.hi_inclusive:
        line.fixes.setdefault(hi[0], one.hi)


def _change(line: _Line, entry: Version, ends: tuple[Cut, Cut], status: int, known: frozenset[str]) -> None:
    """Draw a range whose status changes within it."""
    lo, hi = ends
    changes: list[tuple[Cut, int]] = []
    for change in entry.changes[:MANY]:
        at = _version(change.at, known)
        if at is None:
            line.skipped += 1
            continue
        then = STATUS.get(change.status.lower(), UNKNOWN)
        cut = line.place(at, after=False)
        changes.append((cut, then))
        if then == UNAFFECTED:
            line.fixes.setdefault(cut[0], at)
    if status == UNAFFECTED and lo != BOTTOM:
        line.fixes.setdefault(lo[0], line.names[lo])
    for cut, then in sorted(changes):
        if cut >= hi:
            break
        line.stroke(lo, max(lo, cut), status)
        lo, status = max(lo, cut), then
    line.stroke(lo, hi, status)


def _spans(line: _Line, default: int, *, sure: bool) -> Iterable[Span]:
    cuts = sorted({BOTTOM, TOP, *(cut for lo, hi, _status in line.strokes for cut in (lo, hi))})
    paint = bytearray([default]) * (len(cuts) - 1)
    for lo, hi, status in reversed(line.strokes):  # the first entry is painted last: it decides
        first, end = bisect_left(cuts, lo), bisect_left(cuts, hi)
        paint[first:end] = bytes([status]) * (end - first)
    pieces = _pieces(paint)
    fixes = sorted(line.fixes)
    for at, (first, end) in enumerate(pieces):
        limit = cuts[pieces[at + 1][0]] if at + 1 < len(pieces) else TOP
        yield _span(line, cuts[first], cuts[end], _fix(line, fixes, cuts[end], limit), sure=sure or default != AFFECTED)


def _pieces(paint: bytearray) -> list[tuple[int, int]]:
    pieces: list[tuple[int, int]] = []
    at = paint.find(AFFECTED)
    while at >= 0:
        end = at
        while end < len(paint) and paint[end] == AFFECTED:
            end += 1
        # One version beside a range stays its own only where something lies between them.
        pieces.append((at, end))
        at = paint.find(AFFECTED, end)
    return pieces


def _fix(line: _Line, fixes: Sequence[bytes], end: Cut, limit: Cut) -> str:
    """Return the first fixed version from `end` on and before the next affected one."""
    at = bisect_left(fixes, end[0] + b"\0" if end[1] else end[0])
    return line.fixes[fixes[at]] if at < len(fixes) and (fixes[at], 0) < limit else ""


def _span(line: _Line, lo: Cut, hi: Cut, fix: str, *, sure: bool) -> Span:
    low = None if lo == BOTTOM else lo[0]
    high = None if hi == TOP else hi[0]
    if low is not None and low == high:
        text = line.names.get(lo) or line.names[hi]
    else:
        said = []
        if low is not None:
            said.append(f"{'>' if lo[1] or branch_of(_name(line, lo)) else '>='} {_name(line, lo)}")
        if high is not None:
            said.append(f"{'<=' if hi[1] or branch_of(_name(line, hi)) else '<'} {_name(line, hi)}")
        text = ", ".join(said) or ANY
    return Span(low, high, lo_inclusive=not lo[1], hi_inclusive=bool(hi[1]), text=text, fix=fix, sure=sure)


def _name(line: _Line, cut: Cut) -> str:
    """Return how a place is written; a version ends where its neighbour begins, so it may be known by the other side only."""
    return line.names.get(cut) or line.names[cut[0], 1 - cut[1]]
