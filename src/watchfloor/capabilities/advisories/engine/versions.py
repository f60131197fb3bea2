r"""Order versions: one key of bytes per version, compared byte by byte, for every way of counting that products use. Pure.

A key is a sequence of items and ends with END. A lower first byte sorts first, therefore
pre-release < the release itself < its packaging revision < a letter < a further number:

    01 rank           a word before the release: dev, alpha, beta, rc …
    02                the end
    03                the numbers that follow are a revision: 1.8.0_345, 2.5.1-r8
    05 word 00        any other word: 1.0.1g, 8.4p1
    06 count digits   a number without leading zeros; its length first, so that 9 < 10
    ff                instead of the end: the end of a branch, above all that starts with it
"""

from __future__ import annotations

import re
from functools import lru_cache

PRE, END, SEP, ALPHA, NUM, BRANCH = "\x01", "\x02", "\x03", "\x05", "\x06", "\xff"

LONGEST = 255  # characters of a version that count
READ = 1024  # characters that are looked at: blanks, escapes and an epoch stand before the ones that count
REMEMBERED = 32_768

TOKENS = re.compile(r"([^0-9a-z]*)([0-9]+|[a-z]+)")
EPOCH = re.compile(r"[0-9]+:")
ESCAPED = re.compile(r"\\(.)", re.DOTALL)
DIVIDING = frozenset("-_+~ ")
DIGITS = frozenset("0123456789")
LETTERS = frozenset("abcdefghijklmnopqrstuvwxyz")
UNSAID = frozenset(("", "*", "-"))  # updates that add nothing

NOTHING = frozenset(("final", "ga", "release"))
EARLIER = {
    "dev": 1,
    "snapshot": 2,
    "nightly": 2,
    "preview": 3,
    "ea": 3,
    "alpha": 4,
    "beta": 5,
    "milestone": 6,
    "pre": 7,
    "prerelease": 7,
    "rc": 8,
    "cr": 8,
    "candidate": 8,
}
SHORT_EARLIER = {"a": EARLIER["alpha"], "b": EARLIER["beta"], "m": EARLIER["milestone"]}  # letters that are releases elsewhere: 1.0.1a
SYNONYMS = {"patch": "p", "update": "u", "hotfix": "hf", "servicepack": "sp"}
LATER_SUFFIXES = frozenset(f"{ALPHA}{word}\0" for word in ("p", "sp", "u", "hf"))
EARLIER_SUFFIXES = frozenset(PRE + chr(EARLIER[word]) for word in ("rc", "beta", "alpha"))


def key(version: str, update: str | None = None) -> bytes:
    """Return the bytes that put a version in order; no text is an error, and no key is longer than about 800 bytes.

    Versions that differ in writing only have the same key: 2.4 and 2.4.0, v1.0-RC1 and 1.0rc1, 8.4p1 and 8.4 with the update p1.
    """
    return _key(version[:READ], update and update[:READ])


def base_key(version: str, update: str | None = None) -> bytes:
    """Return the key of the version without its update: that of 8.4 for 8.4p1 and for 8.4 with the update p1."""
    return _base_key(version[:READ], update and update[:READ])


def branch_end(prefix: str) -> bytes:
    """Return the exclusive upper bound of all versions that begin so: that of 6.0 (from 6.0.*) lies above 6.0.99 and below 6.1."""
    return _encoded([*_items(_text(prefix[:READ], None), keep_zeros=True), BRANCH])


@lru_cache(maxsize=REMEMBERED)
def _key(version: str, update: str | None) -> bytes:
    return _encoded([*_items(_text(version, update)), END])


@lru_cache(maxsize=REMEMBERED)
def _base_key(version: str, update: str | None) -> bytes:
    if update is not None and _cleaned(update) not in UNSAID:
        return _key(version, None)
    items = _items(_text(version, None))
    end = len(items)
    while end and items[end - 1].startswith(NUM):
        end -= 1
    numbered = end < len(items)
    # rc, beta and alpha say the same without a number; a lone p or u is a letter release: openssl 1.0.1u.
    suffix = end > 1 and (items[end - 1] in EARLIER_SUFFIXES or (numbered and items[end - 1] in LATER_SUFFIXES))
    return _encoded([*(items[: end - 1] if suffix else items), END])


def _encoded(items: list[str]) -> bytes:
    return "".join(items).encode("latin-1")


def _cleaned(text: str) -> str:
    if "\\" in text:
        text = ESCAPED.sub(r"\1", text)
    return text.strip().lower()


def _text(version: str, update: str | None) -> str:
    text = _cleaned(version)
    if update is not None and (added := _cleaned(update)) not in UNSAID:
        letter = added in LETTERS and text[-1:] in DIGITS
        text = text + added if letter else f"{text}-{added}"
    if (epoch := EPOCH.match(text)) is not None:
        text = text[epoch.end() :]
    if text[:1] == "v" and text[1:2] in DIGITS:
        text = text[1:]
    return text[:LONGEST]


def _items(text: str, *, keep_zeros: bool = False) -> list[str]:
    digits = text.replace(".", "")
    if digits.isascii() and digits.isdecimal():
        return _numbers([number for number in text.split(".") if number], opens=True, keep_zeros=keep_zeros)
    return _mixed(TOKENS.findall(text), keep_zeros=keep_zeros)


def _numbers(run: list[str], *, opens: bool, keep_zeros: bool) -> list[str]:
    """Return the items of numbers that belong together; zeros at their end say nothing."""
    numbers = [number.lstrip("0") for number in run]
    if not keep_zeros:
        while numbers and not numbers[-1]:
            del numbers[-1]
        if opens and not numbers:
            numbers.append("")
    return [f"{NUM}{chr(len(number))}{number}" for number in numbers]


def _mixed(tokens: list[tuple[str, str]], *, keep_zeros: bool) -> list[str]:
    items: list[str] = []
    revision = False  # an r before a number announced it
    numbered = False  # a number was emitted since the last word
    at = 0
    while at < len(tokens):
        gap, piece = tokens[at]
        if piece[0] in DIGITS:
            end = _run_end(tokens, at)
            run = [number for _, number in tokens[at:end]]
            numbers = _numbers(run, opens=at == 0, keep_zeros=keep_zeros and end == len(tokens))
            if numbers:
                if revision or (numbered and _divides(gap)):
                    items.append(SEP)
                items += numbers
                numbered = True
            revision = False
            at = end
            continue
        revision = piece == "r" and at > 0 and _divides(gap) and _number_follows(tokens, at)
        if not revision and piece not in NOTHING:
            rank = EARLIER.get(piece) or _short_rank(tokens, at)
            items.append(PRE + chr(rank) if rank else f"{ALPHA}{SYNONYMS.get(piece, piece)}\0")
            numbered = False
        at += 1
    return items


def _run_end(tokens: list[tuple[str, str]], start: int) -> int:
    end = start + 1
    while end < len(tokens) and tokens[end][1][0] in DIGITS and not _divides(tokens[end][0]):
        end += 1
    return end


def _divides(gap: str) -> bool:
    return bool(gap) and not DIVIDING.isdisjoint(gap)


def _number_follows(tokens: list[tuple[str, str]], at: int) -> bool:
    return at + 1 < len(tokens) and tokens[at + 1][1][0] in DIGITS


def _short_rank(tokens: list[tuple[str, str]], at: int) -> int:
    """Return the rank of a, b and m where they mean alpha, beta and milestone; 0 where they are letters of a release."""
    gap, word = tokens[at]
    rank = SHORT_EARLIER.get(word, 0)
    if not rank or at == 0:
        return 0
    number = _number_follows(tokens, at)
    if word == "m":
        return rank if number and (_divides(gap) or gap.endswith(".")) else 0
    apart = at + 1 == len(tokens) or _divides(tokens[at + 1][0])
    return rank if (number and not apart) or (_divides(gap) and apart) else 0
