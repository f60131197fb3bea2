"""Names of vendors and products as people write them, in the one form in which they are compared. Pure."""

from __future__ import annotations

import re
from functools import lru_cache

WORD = re.compile(r"[^\W_]+(?:\+\+|#)?")
LEGAL = frozenset((
    "inc", "incorporated", "llc", "llp", "ltd", "limited", "corp", "corporation", "co", "company", "gmbh", "ag", "kg", "mbh", "ug", "sa", "sas", "sarl",
    "srl", "spa", "sl", "bv", "nv", "ab", "as", "aps", "oy", "oyj", "plc", "pty", "pte", "kk", "sro", "kft", "zrt", "jsc", "ooo", "pvt", "sdn", "bhd",
))  # fmt: skip
UNSAID = frozenset(("", "n/a", "na", "-", "*", "none", "unknown", "unspecified", "not available", "tbd", "various", "multiple"))
LONGEST = 300


@lru_cache(maxsize=16_384)
def plain(name: str) -> str:
    """Return a name in lower case without punctuation; empty for what names nothing, such as n/a."""
    if name.strip().lower() in UNSAID:
        return ""
    return " ".join(WORD.findall(name[:LONGEST].lower()))


@lru_cache(maxsize=16_384)
def plain_vendor(name: str) -> str:
    """Return a vendor's name in lower case without punctuation and what the law makes it add: Example of Example, Ltd."""
    words = plain(name.replace(".", "")).split()  # S.A. is one word
    while len(words) > 1 and words[-1] in LEGAL:
        del words[-1]
    return " ".join(words)
