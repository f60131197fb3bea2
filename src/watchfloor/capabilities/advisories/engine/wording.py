"""Read versions as people write them: `>= 1.0, < 2.0`, `5.2.10 through 5.2.15`, `0 <1.4`, `6.4.2 and earlier`. Pure.

No grammar covers what is written there, so a text is understood whole or not at all: a wrong bound is worse than none.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from watchfloor.capabilities.advisories.engine.versions import key

LONGEST = 64
UNSAID = frozenset(("", "-", "--", "0", "*", "n/a", "na", "none", "unspecified", "unknown", "not specified", "tbd"))
ALL = frozenset(("*", "all", "any", "all versions", "any version", "all version", "every version"))

PIECE = re.compile(r"<=|>=|=<|=>|[<>=]|[,;|]|[^\s<>=,;|]+")
SYMBOLS = {"≤": "<=", "≥": ">=", "\uff1c": "<", "\uff1e": ">", "\u2013": "-", "\u2014": "-"}
OPERATORS = {"<": "<", "<=": "<=", "=<": "<=", ">": ">", ">=": ">=", "=>": ">=", "=": "=", "==": "="}
BREAKS = frozenset((",", ";", "|"))
# Words that stand before a version, and those that stand behind one.
BEFORE = {"before": "<", "prior": "<", "below": "<", "until": "<", "through": "<=", "thru": "<=", "to": "<=", "-": "<=", "upto": "<=",
    "from": ">=", "since": ">=", "after": ">", "starting": ">="}  # fmt: skip
BEHIND = {"earlier": "<=", "below": "<=", "prior": "<=", "lower": "<=", "older": "<=", "previous": "<=", "before": "<=",
    "later": ">=", "above": ">=", "newer": ">=", "higher": ">=", "up": ">=", "onwards": ">="}  # fmt: skip
SILENT = frozenset(("version", "versions", "ver", "ver.", "release", "releases", "v", "v.", "the", "up", "all"))
INSIDE = frozenset(
    ("build", "update", "patch", "hotfix", "sp", "service", "pack", "rc", "beta", "alpha", "rev", "revision", "u", "hf", "cu", "fp", "mr")
)
JOINING = frozenset(("and", "or", "&"))

DIGIT = re.compile(r"[0-9]")
ORDINARY = re.compile(r"[0-9]+(?:\.[0-9A-Za-z]+)+|[1-9][0-9]{0,18}")  # nine of ten entries: one version, nothing else
HASH = re.compile(r"[0-9a-f]{12,64}")
SHORT_HASH = re.compile(r"[0-9a-f]{7,11}")
PATTERN_ENDS = frozenset("*xX ")
BRANCH = re.compile(r"(.*[0-9a-z])\.(?:\*|x)", re.DOTALL)
SPAN = re.compile(r"(v?[0-9]+(?:\.[0-9a-z]+)+)-(v?[0-9]+(?:\.[0-9a-z]+)+)", re.IGNORECASE)
MANY = 64  # clauses of one text


@dataclass(frozen=True)
class Bounds:
    """What one clause says; None is open. For an exact version `lo` and `hi` are the same and both inclusive."""

    lo: str | None = None
    hi: str | None = None
    lo_inclusive: bool = True
    hi_inclusive: bool = False

    @property
    def exact(self) -> bool:
        """Tell whether one version is meant."""
        return self.lo is not None and self.lo == self.hi


def is_version(text: str) -> bool:
    """Tell whether a text may be a version: it has a digit and is not long, a hash or an address."""
    if len(text) > LONGEST or DIGIT.search(text) is None or "://" in text:
        return False
    low = text.lower()
    if HASH.fullmatch(low):
        return low.isdigit()
    return not (SHORT_HASH.fullmatch(low) and sum(not letter.isdigit() for letter in low) > 1)


def branch_of(text: str) -> str | None:
    """Return the branch that a pattern means, 6.1 of `6.1.*` and `6.1.x`; None for what is no pattern."""
    if text[-1:] not in PATTERN_ENDS:
        return None
    found = BRANCH.fullmatch(text.strip().lower())
    return found[1] if found else None


def words(name: str) -> frozenset[str]:
    """Return the words of a product's name, which may stand before its versions."""
    return frozenset(re.findall(r"[a-z0-9]+(?:[.+-][a-z0-9]+)*", name[:200].lower()))


def bounds(text: str, product: frozenset[str] = frozenset(), *, spans: bool = False) -> list[Bounds] | None:
    """Return the version ranges that a text names, or None where it is not understood.

    Args:
        text: One version entry as it is published.
        product: The words of the product's name: these are passed over.
        spans: Whether `1.0-1.5` is a range; elsewhere it is a version with a revision.
    """
    if ORDINARY.fullmatch(text) and len(text) <= LONGEST:
        return [Bounds(text, text, hi_inclusive=True)]
    for symbol, plain in SYMBOLS.items():
        text = text.replace(symbol, plain)
    text = text.strip()
    if len(text) > LONGEST or "://" in text:
        return None
    if text.lower() in ALL:
        return [Bounds()]
    clauses: list[list[str]] = [[]]
    for piece in PIECE.findall(text):
        if piece in BREAKS:
            clauses.append([])
        else:
            clauses[-1].append(piece)
    found: list[Bounds] = []
    for clause in clauses:
        for part in _parts(clause):
            read = _clause(part, product, spans=spans)
            if read is None:
                return None
            found.append(read)
    return _joined(found) or None


def _parts(clause: list[str]) -> list[list[str]]:
    """Divide `6.4.0 through 6.4.4 and 6.2.0 through 6.2.6`; `6.4 and earlier` is one."""
    parts: list[list[str]] = [[]]
    for at, piece in enumerate(clause):
        follows = clause[at + 1] if at + 1 < len(clause) else ""
        if piece.lower() in JOINING and (DIGIT.search(follows) or follows in OPERATORS):
            parts.append([])
        else:
            parts[-1].append(piece)
    return [part for part in parts if part]


def _clause(pieces: list[str], product: frozenset[str], *, spans: bool) -> Bounds | None:
    values: list[tuple[str, str]] = []  # operator and version
    operator = ""
    joined = False  # the last piece was part of a version, so that the next belongs to it: 22.0 ap361560
    for at, piece in enumerate(pieces):
        low = piece.lower()
        if low in JOINING or low in SILENT or (low == "to" and operator):
            joined = False
        elif piece in OPERATORS or (low in BEFORE and _opens(pieces, at)):
            operator = OPERATORS.get(piece) or BEFORE[low]
            joined = False
        elif low in BEHIND and values:
            values[-1] = (BEHIND[low], values[-1][1])
        elif low in UNSAID and low != "-" and operator != "<" and not joined:
            values.append((operator or "=", ""))
            operator, joined = "", False
        elif is_version(piece) and low not in product:
            if joined:
                values[-1] = (values[-1][0], f"{values[-1][1]} {piece}")
            else:
                values.append((operator, piece))
            operator, joined = "", True
        elif joined and low in INSIDE:
            values[-1] = (values[-1][0], f"{values[-1][1]} {piece}")
        elif low not in product:
            return None
    return _read(values, spans=spans) if not operator else None


def _opens(pieces: list[str], at: int) -> bool:
    """Tell whether a version follows, perhaps after `to` or `version`: then the word is about what follows."""
    return any(DIGIT.search(piece) for piece in pieces[at + 1 :])


def _read(values: list[tuple[str, str]], *, spans: bool) -> Bounds | None:
    match values:
        case [("" | "=", "")]:
            return None
        case [("" | "=", one)]:
            found = SPAN.fullmatch(one) if spans else None
            return Bounds(found[1], found[2], hi_inclusive=True) if found else Bounds(one, one, hi_inclusive=True)
        case [("<" | "<=" as op, one)] if one:
            return Bounds(None, one, hi_inclusive=op == "<=")
        case [(">" | ">=" as op, one)]:
            return Bounds(one or None, None, lo_inclusive=op == ">=")
        case [("" | "=" | ">" | ">=" as low, lo), ("<" | "<=" as high, hi)] if hi:
            return Bounds(lo or None, hi, lo_inclusive=low != ">", hi_inclusive=high == "<=")
        case _:
            return None


def _joined(found: list[Bounds]) -> list[Bounds]:
    """Join `>= 1.0` and `< 2.0` that stand one after the other; versions after an upper bound are where it was fixed as well."""
    ranges: list[Bounds] = []
    for one in found[:MANY]:
        last = ranges[-1] if ranges else None
        if last is not None and one.lo is None and one.hi is not None and last.lo is not None and (last.hi is None or last.exact):
            ranges[-1] = replace(last, hi=one.hi, hi_inclusive=one.hi_inclusive)
        elif last is not None and last.lo is None and one.lo is not None and one.hi is None and key(one.lo) < key(last.hi or ""):
            ranges[-1] = replace(last, lo=one.lo, lo_inclusive=one.lo_inclusive)  # <= 4.2 and >= 4.0
        elif last is not None and one.exact and last.hi is not None and not last.hi_inclusive:
            continue
        else:
            ranges.append(one)
    return ranges
