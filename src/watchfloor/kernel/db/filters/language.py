"""The fields a list can be searched by, and search text compiled to one SQL condition in which every value is a parameter."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from typing import TYPE_CHECKING, Any, Protocol

from watchfloor.kernel.db.filters.grammar import HOLE, Term, Value, parse, wrong

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime


@dataclass
class Given:
    """What conditions are made with: the moment that ages count from, the zone in which days begin, and the parameters so far.

    `look_up` runs a query of numbers at once, so that PostgreSQL plans with those in hand; without it they are part of the condition.
    """

    now: datetime
    zone: tzinfo = UTC
    parameters: dict[str, Any] = field(default_factory=dict)
    look_up: Callable[[str, Mapping[str, Any]], list[int]] | None = None

    def add(self, value: object) -> str:
        """Make a value a parameter and return its placeholder."""
        name = f"q{len(self.parameters)}"
        self.parameters[name] = value
        return f"%({name})s"

    def numbers(self, query: str) -> str:
        """Return an array of the numbers that a query finds."""
        return f"array({query})" if self.look_up is None else f"{self.add(self.look_up(query, self.parameters))}::integer[]"


class Kind(Protocol):
    """How the values of a field become SQL."""

    def condition(self, name: str, values: Sequence[Value], given: Given) -> str:
        """Return SQL that is true where one of the values holds; raises InvalidInput for a value that the field cannot hold."""


@dataclass(frozen=True)
class Related:
    """Rows of another table that a row is found by: `{}` in `sql` is what must hold for one of them.

    With `numbers`, `{}` stands there, and in `sql` it is the array of the numbers which that query finds. `gathered` says the same as `sql`
    in the way that is fastest where all hits are collected.

    Terms of one group must hold for the same row of the other table: vendor and product of one product, not of two. Where none of the
    group's terms names a field of `unless`, `default` must hold for that row as well.
    """

    sql: str
    default: str = ""
    unless: frozenset[str] = frozenset()
    numbers: str = ""
    gathered: str = ""

    def holds(self, wanted: str, given: Given) -> tuple[str, str]:
        """Return SQL that holds where there is a row for which `wanted` does, and the same for collecting all hits."""
        inner = given.numbers(self.numbers.replace(HOLE, wanted)) if self.numbers else wanted
        return self.sql.replace(HOLE, inner), (self.gathered or self.sql).replace(HOLE, inner)

    def wanted(self, parts: Mapping[str, Sequence[str]]) -> str:
        """Return what must hold for one row; `parts` are conditions by the field they come from."""
        conditions = [f"({one})" for held in parts.values() for one in held]
        if self.default and self.unless.isdisjoint(parts):
            conditions.append(self.default)
        return " and ".join(conditions)


@dataclass(frozen=True)
class Field:
    """A name in the search language."""

    name: str
    kind: Kind
    about: str
    within: Related | None = None


@dataclass(frozen=True)
class Filter:
    """A compiled search: `sql` is a condition over the declared expressions, "true" when nothing was asked.

    `gathered` says the same in the way that is fastest where all hits are collected. `groups` are the conditions on rows of other tables,
    as far as those are to exist.
    """

    sql: str
    given: Given
    terms: tuple[Term, ...]
    groups: Mapping[Related, str] = field(default_factory=dict)
    gathered: str = "true"

    @property
    def words(self) -> tuple[Term, ...]:
        """Return the free words and phrases that were asked for, without the excluded ones."""
        return tuple(term for term in self.terms if term.field is None and not term.excluded)


@dataclass(frozen=True)
class Language:
    """What one list understands.

    `words` makes one condition from the free words and phrases that are wanted and those that are excluded, so that one index can answer
    it; None where there is no text to search.
    """

    fields: tuple[Field, ...]
    words: Callable[[Sequence[Value], Sequence[Value], Given], str] | None = None

    @property
    def by_name(self) -> Mapping[str, Field]:
        """Return the fields by name."""
        return {one.name: one for one in self.fields}

    def compile(self, text: str, given: Given) -> Filter:
        """Return the condition that a search text asks for.

        Raises:
            InvalidInput: A part of the text has no meaning here; the error carries its position, length, and what may be meant.
        """
        terms = parse(text)
        known = self.by_name
        conditions: list[str] = []
        grouped: dict[Related, dict[str, list[str]]] = {}
        for term in terms:
            if term.field is None:
                continue
            chosen = self._field(term, known)
            made = chosen.kind.condition(chosen.name, term.values, given)
            if chosen.within is not None and not term.excluded:
                grouped.setdefault(chosen.within, {}).setdefault(chosen.name, []).append(made)
            else:
                whole = made if chosen.within is None else chosen.within.holds(chosen.within.wanted({chosen.name: [made]}), given)[0]
                conditions.append(f"({whole}) is not true" if term.excluded else f"({whole})")
        groups = {within: within.wanted(parts) for within, parts in grouped.items()}
        pairs = [within.holds(wanted, given) for within, wanted in groups.items()]
        conditions += self._text(terms, given)
        sql, gathered = (" and ".join([*conditions, *(f"({pair[n]})" for pair in pairs)]) or "true" for n in (0, 1))
        return Filter(sql, given, terms, groups, gathered)

    def _field(self, term: Term, known: Mapping[str, Field]) -> Field:
        name = str(term.field)
        if name in known:
            return known[name]
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}; put a word with such signs in quotes"
        raise wrong(f"there is no field {name!r}; {hint}", term.start + term.excluded, len(name), did_you_mean=near[0] if near else None)

    def _text(self, terms: Sequence[Term], given: Given) -> list[str]:
        free = [term for term in terms if term.field is None]
        if free and self.words is None:
            raise wrong(f"words cannot be searched for here; there are the fields {', '.join(self.by_name)}", free[0].start, free[0].length)
        if self.words is None or not free:
            return []
        wanted, excluded = ([term.values[0] for term in free if term.excluded is which] for which in (False, True))
        return [self.words(wanted, excluded, given)]
