"""Kinds of fields in the search language: text, words of a fixed list, yes or no, numbers. Pure."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, field
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import TYPE_CHECKING, Any

from watchfloor.kernel.db.filters.grammar import HOLE, Value, wrong

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from watchfloor.kernel.db.filters.language import Given, Kind
    from watchfloor.kernel.db.filters.times import Time
    from watchfloor.kernel.errors import InvalidInput

NUMBER = re.compile(r"[+-]?\d{1,15}(?:\.\d{1,15})?(%?)", re.ASCII)
YES, NO = frozenset({"true", "yes", "any"}), frozenset({"false", "no", "none"})
LAST_CHARACTER, BEFORE_SURROGATES, AFTER_SURROGATES = "\U0010ffff", "\ud7ff", "\ue000"


def either(conditions: Sequence[str]) -> str:
    """Return SQL that holds where one of the conditions does."""
    return " or ".join(f"({one})" for one in conditions) or "false"


def refuse_comparison(name: str, value: Value, hint: str) -> None:
    """Raise InvalidInput for `>`, `<` and the like where they mean nothing."""
    if value.comparison:
        raise wrong(f"{name} has no order; {hint}", value.start - len(value.comparison), len(value.comparison) + len(value.raw))


def unknown(name: str, value: Value, choices: Sequence[str]) -> InvalidInput:
    """Return the error about a word that is none of those there are."""
    near = difflib.get_close_matches(value.text.lower(), choices, n=1)
    hint = f"did you mean {near[0]}?" if near else f"choose from {', '.join(choices)}"
    return wrong(f"{name}: {value.text[:40]!r} is not known; {hint}", value.start, len(value.raw), did_you_mean=near[0] if near else None)


@dataclass(frozen=True)
class Text:
    """A column of lower-case text: equal, or beginning with `prefix*`; `none` and `any` ask whether there is any.

    `spellings` returns the forms in which one value may be stored.
    """

    column: str
    spellings: Callable[[str], Sequence[str]] = lambda text: (text.lower(),)

    def condition(self, name: str, values: Sequence[Value], given: Given) -> str:
        """Return SQL that holds where one of the values does."""
        conditions: list[str] = []
        equal: list[str] = []
        for value in values:
            refuse_comparison(name, value, "write the text itself, or the beginning of it with a `*`")
            if value.word in {"any", "*"}:
                conditions.append(f"{self.column} <> ''")
            elif value.word == "none":
                conditions.append(f"{self.column} is null or {self.column} = ''")
            elif value.prefix:
                conditions += [beginning(self.column, one, given) for one in self.spellings(value.text)]
            else:
                equal += self.spellings(value.text)
        if equal:
            conditions.append(f"{self.column} = any ({given.add(sorted(set(equal)))}::text[])")
        return either(conditions)


def beginning(column: str, start: str, given: Given) -> str:
    """Return SQL that holds where text begins with `start`, by an index of text_pattern_ops."""
    end = _after(start)
    first = f"{column} ~>=~ {given.add(start)}::text"
    return first if end is None else f"{first} and {column} ~<~ {given.add(end)}::text"


def _after(start: str) -> str | None:
    """Return the least text greater than everything that begins with `start`; None when there is none."""
    kept = start.rstrip(LAST_CHARACTER)
    if not kept:
        return None
    return kept[:-1] + (AFTER_SURROGATES if kept[-1] == BEFORE_SURROGATES else chr(ord(kept[-1]) + 1))


@dataclass(frozen=True)
class Choice:
    """A column that holds one of a few values; each word stands for one or several, None for NULL.

    With `ordered`, the words of `choices` rise as they are listed and `severity>=high` is understood; those of `apart` have no place in
    that order. `any` is every word of `choices` but "none".
    """

    column: str
    choices: Mapping[str, tuple[Any, ...]]
    ordered: bool = False
    apart: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)

    def condition(self, name: str, values: Sequence[Value], given: Given) -> str:
        """Return SQL that holds where one of the values does."""
        stored: list[Any] = []
        for value in values:
            stored += self.stored(name, value)
        conditions = [f"{self.column} = any ({given.add([one for one in stored if one is not None])})"]
        if None in stored:
            conditions.append(f"{self.column} is null")
        return either(conditions)

    def stored(self, name: str, value: Value) -> tuple[Any, ...]:
        """Return what a value stands for in the column; raises InvalidInput for what is none of the words."""
        words = list(self.choices)
        word = value.text.lower()
        if value.prefix or (word not in self.choices and word not in self.apart and word != "any"):
            raise unknown(name, value, [*words, *self.apart])
        if value.comparison and (not self.ordered or word not in self.choices):
            refuse_comparison(name, value, f"choose from {', '.join([*words, *self.apart])}")
        if word in self.apart:
            return self.apart[word]
        if word not in self.choices:
            return tuple(one for other, held in self.choices.items() if other != "none" for one in held if one is not None)
        at = words.index(word)
        chosen = {"": words[at : at + 1], ">": words[at + 1 :], ">=": words[at:], "<": words[:at], "<=": words[: at + 1]}[value.comparison]
        return tuple(one for other in chosen for one in self.choices[other])


@dataclass(frozen=True)
class Flag:
    """A condition that holds or not: true yes any, false no none."""

    condition_sql: str

    def condition(self, name: str, values: Sequence[Value], given: Given) -> str:
        """Return SQL that holds where one of the values does."""
        del given
        for value in values:
            refuse_comparison(name, value, "write true or false")
            if value.word not in YES | NO:
                raise unknown(name, value, ("true", "false", "yes", "no", "any", "none"))
        return either([self.condition_sql if value.word in YES else f"({self.condition_sql}) is not true" for value in values])


@dataclass(frozen=True)
class Within:
    """A kind whose column is in rows of another table: `{}` in `sql` is what must hold for one of them."""

    sql: str
    kind: Kind

    def condition(self, name: str, values: Sequence[Value], given: Given) -> str:
        """Return SQL that holds where one of the values does."""
        return self.sql.replace(HOLE, self.kind.condition(name, values, given))


@dataclass(frozen=True)
class Dated:
    """A flag with the time since when it holds: `kev:true`, `kev:<7d`, `kev:2026-01`."""

    flag: Flag
    time: Time | Within

    def condition(self, name: str, values: Sequence[Value], given: Given) -> str:
        """Return SQL that holds where one of the values does."""
        return either([self._kind(value).condition(name, [value], given) for value in values])

    def _kind(self, value: Value) -> Flag | Time | Within:
        return self.flag if value.word in YES | NO else self.time


@dataclass(frozen=True)
class Number:
    """A column of numbers from `low` to `high` as people write them.

    `scale` is what a written 1 is stored as. `percent`: values are fractions, which may be written as 50%. `whole`: integers are stored.
    `cast` is the column's type: a real compared with a double is compared in double, where 7.1 is not 7.1.
    """

    column: str
    low: int = 0
    high: int = 10**15
    scale: int = 1
    percent: bool = False
    whole: bool = False
    cast: str = "numeric"

    def condition(self, name: str, values: Sequence[Value], given: Given) -> str:
        """Return SQL that holds where one of the values does."""
        return either([self._one(name, value, given) for value in values])

    def _one(self, name: str, value: Value, given: Given) -> str:
        if value.word in {"any", "none"}:
            return f"{self.column} is {'not ' if value.word == 'any' else ''}null"
        low, dots, high = value.text.partition("..")
        if dots and not value.comparison:
            if not low and not high:
                raise wrong(f"{name}: a range needs one end at least, as in {self.low}..{self.high}", value.start, len(value.raw))
            ends = [self.read(name, value, one) if one else None for one in (low, high)]
            if ends[0] is not None and ends[1] is not None and ends[0] > ends[1]:
                raise wrong(f"{name}: the range ends before it begins", value.start, len(value.raw))
            compared = [
                self._compare(comparison, end, given) for comparison, end in zip((">=", "<="), ends, strict=True) if end is not None
            ]
            return " and ".join(compared)
        return self._compare(value.comparison or "=", self.read(name, value, value.text), given)

    def read(self, name: str, value: Value, text: str) -> Decimal:
        """Return a written number as it is stored; raises InvalidInput when it is none or out of bounds."""
        found = NUMBER.fullmatch(text)
        if found is None or value.prefix or (found[1] and not self.percent):
            forms = "a fraction such as 0.5 or 50%" if self.percent else f"a number from {self.low} to {self.high}"
            raise wrong(f"{name}: {text[:40]!r} is no number; write {forms}", value.start, len(value.raw))
        number = Decimal(text.rstrip("%")) / (100 if found[1] else 1)
        if not self.low <= number <= self.high:
            meant = f"{text}%" if self.percent and not found[1] and number <= 100 else None  # noqa: PLR2004 - per cent
            hint = f"did you mean {meant}?" if meant else f"it goes from {self.low} to {self.high}"
            raise wrong(f"{name}: {text[:40]} is out of range; {hint}", value.start, len(value.raw), did_you_mean=meant)
        return number * self.scale

    def _compare(self, comparison: str, number: Decimal, given: Given) -> str:
        if not self.whole:
            return f"{self.column} {comparison} {given.add(number)}::{self.cast}"
        if comparison == "=" and number != number.to_integral_value():
            return "false"
        near = number.to_integral_value(ROUND_FLOOR if comparison in {">", "<=", "="} else ROUND_CEILING)
        return f"{self.column} {comparison} {given.add(int(near))}::{self.cast}"
