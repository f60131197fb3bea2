"""Search text to terms: `field:one,other`, `field>=7`, `-field:value`, words and phrases; knows no field. Pure.

    kernel:openssh kev:true cvss>=7 -severity:low "remote code" log4*

Terms are joined by blanks and all must hold; a leading `-` excludes what the term finds. A backslash takes any meaning from the
character after it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from watchfloor.kernel.errors import InvalidInput

CHARACTERS = 2_000
TERMS = 50
VALUES = 50
HEAD = re.compile(r"([A-Za-z][A-Za-z0-9_-]{0,39})(>=|<=|[:=><])")
COMPARISON = re.compile(r">=|<=|>|<")
LISTING = ":="
HOLE = "{}"


@dataclass(frozen=True)
class Value:
    """One value of a term. `text` is what is meant, `raw` what was written, with its escapes and its `*`."""

    text: str
    raw: str
    start: int
    quoted: bool = False
    comparison: str = ""
    prefix: bool = False

    @property
    def word(self) -> str:
        """Return the value as a word of the language, lower case; empty when it is quoted, compared or a prefix."""
        return "" if self.quoted or self.comparison or self.prefix else self.raw.lower()


@dataclass(frozen=True)
class Term:
    """One condition; without a field it is a word or phrase of free text."""

    field: str | None
    values: tuple[Value, ...]
    excluded: bool
    start: int
    length: int


def wrong(message: str, start: int, length: int, *, did_you_mean: str | None = None) -> InvalidInput:
    """Return the error about a part of the search text; `start` and `length` count its characters."""
    return InvalidInput(message, field="/q", position=start, length=max(1, length), did_you_mean=did_you_mean)


def parse(text: str) -> tuple[Term, ...]:
    """Read a search text; an empty one has no terms.

    Raises:
        InvalidInput: It is longer than 2,000 characters, has more than 50 terms, or a part of it has no meaning; the error names
            that part.
    """
    if len(text) > CHARACTERS:
        raise wrong(f"the search is longer than {CHARACTERS:,} characters", CHARACTERS, len(text) - CHARACTERS)
    _refuse_unreadable(text)
    terms: list[Term] = []
    at = _after_blanks(text, 0)
    while at < len(text):
        if len(terms) == TERMS:
            raise wrong(f"the search has more than {TERMS} terms", at, len(text) - at)
        term = _term(text, at)
        terms.append(term)
        at = _after_blanks(text, term.start + term.length)
    return tuple(terms)


def _refuse_unreadable(text: str) -> None:
    for at, character in enumerate(text):
        if (character < " " and not character.isspace()) or "\ud800" <= character <= "\udfff":
            raise wrong("the search holds a character that is no text", at, 1)


def _after_blanks(text: str, at: int) -> int:
    while at < len(text) and text[at].isspace():
        at += 1
    return at


def _term(text: str, start: int) -> Term:
    excluded = text[start] == "-"
    at = start + excluded
    if at == len(text) or text[at].isspace():
        raise wrong("`-` excludes the term that stands directly after it, and there is none", start, 1)
    head = HEAD.match(text, at)
    if head is None:
        value, end = _value(text, at, stops="")
        return Term(None, (value,), excluded, start, end - start)
    values, end = _values(text, head.end(), head)
    return Term(head[1].lower(), tuple(values), excluded, start, end - start)


def _values(text: str, at: int, head: re.Match[str]) -> tuple[list[Value], int]:
    listing = head[2] in LISTING
    values: list[Value] = []
    while True:
        comparison = "" if listing else head[2]
        found = COMPARISON.match(text, at)
        if found is not None:
            if not listing:
                raise wrong(f"{head[2]} is followed by {found[0]}; write one comparison", at, len(found[0]))
            comparison, at = found[0], found.end()
        value, end = _value(text, at, stops=",")
        if not value.raw:
            raise wrong(
                f"a value must follow {text[head.start() : at]!r} directly, without a blank", head.start(), max(1, at - head.start())
            )
        values.append(Value(value.text, value.raw, value.start, value.quoted, comparison, value.prefix))
        if end == len(text) or text[end] != ",":
            return values, end
        if comparison and not listing:
            raise wrong(f"{comparison} takes one value; write {head[1]}:low..high for a range", end, 1)
        if len(values) == VALUES:
            raise wrong(f"{head[1]} has more than {VALUES} values", end, 1)
        at = end + 1


def _value(text: str, start: int, *, stops: str) -> tuple[Value, int]:
    return _quoted(text, start, stops) if start < len(text) and text[start] == '"' else _plain(text, start, stops)


def _quoted(text: str, start: int, stops: str) -> tuple[Value, int]:
    meant: list[str] = []
    at = start + 1
    while at < len(text) and text[at] != '"':
        at += text[at] == "\\" and at + 1 < len(text)
        meant.append(text[at])
        at += 1
    if at >= len(text):
        raise wrong("the quote is not closed", start, len(text) - start)
    at += 1
    prefix = at < len(text) and text[at] == "*"
    at += prefix
    if at < len(text) and not text[at].isspace() and text[at] not in stops:
        raise wrong("a blank must follow the closing quote", at, 1)
    if not "".join(meant).strip():
        raise wrong("there is nothing between the quotes", start, at - start)
    return Value("".join(meant), text[start:at], start, quoted=True, prefix=prefix), at


def _plain(text: str, start: int, stops: str) -> tuple[Value, int]:
    meant: list[str] = []
    at, escaped = start, False
    while at < len(text) and not text[at].isspace() and text[at] not in stops:
        escaped = text[at] == "\\" and at + 1 < len(text) and not text[at + 1].isspace()
        at += escaped
        meant.append(text[at])
        at += 1
    prefix = len(meant) > 1 and meant[-1] == "*" and not escaped
    return Value("".join(meant[:-1] if prefix else meant), text[start:at], start, prefix=prefix), at
