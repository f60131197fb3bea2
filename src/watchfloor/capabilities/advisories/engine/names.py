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
# What vendors are called in full, and not in CPE names.
GENERIC = frozenset((
    "software", "foundation", "project", "team", "technologies", "technology", "systems", "group", "networks", "solutions", "community", "labs",
    "international", "org", "com",
))  # fmt: skip
LONGEST = 300
GUESSES = 24
VENDOR_WORDS = 3


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


def normal(vendor: str, product: str) -> tuple[str, str]:
    """Return a vendor and a product in the form in which the name map keeps them: Apache HTTP Server of Apache Inc. is http server of apache.

    The product is empty where it names nothing; the vendor may be.
    """
    whose, what = plain_vendor(vendor), plain(product)
    return whose, _without(whose.split(), what)


def pairs(vendor: str, product: str) -> tuple[tuple[str, str], ...]:
    """Return the vendor and product of CPE names that may be meant, likeliest first, at most `GUESSES`; without a vendor the product names it.

    Guesses, to be looked up among the products that exist: `("", "Apache httpd")` gives apache and httpd, among others.
    """
    whose, what = normal(vendor, product)
    if not what:
        return ()
    if whose:
        sides = [(whose.split(), what.split())]
    else:
        words = what.split()
        sides = [(words[:at], words[at:]) for at in range(1, min(len(words), VENDOR_WORDS + 1))] + [(words, words)]
    found = [
        (spelled_vendor, spelled)
        for vendor_words, words in sides
        for spelled_vendor in _vendors(vendor_words)
        for spelled in dict.fromkeys(separator.join(words) for separator in ("_", "-", ""))
    ]
    return tuple(dict.fromkeys(found))[:GUESSES]


def _without(vendor: list[str], product: str) -> str:
    """Return a product without the vendor's name, or the beginning of it, before it."""
    words = product.split()
    for length in range(min(len(vendor), len(words) - 1), 0, -1):
        if words[:length] == vendor[:length]:
            return " ".join(words[length:])
    return product


def _vendors(words: list[str]) -> list[str]:
    short = list(words)
    while len(short) > 1 and short[-1] in GENERIC:
        del short[-1]
    return list(dict.fromkeys([separator.join(one) for one in (words, short) for separator in ("_", "", "-")] + [words[0]]))
