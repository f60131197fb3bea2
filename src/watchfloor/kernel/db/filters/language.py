"""The fields a list can be searched by, and search text compiled to one SQL condition in which every value is a parameter."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from typing import TYPE_CHECKING, Any, Protocol

from watchfloor.kernel.db.filters.grammar import Term, Value, parse, wrong

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

HOLE = "{}"


@dataclass
class Given:
    """What conditions are made with: the moment that ages count from, the zone in which days begin, and the parameters so far."""

    now: datetime
    zone: tzinfo = UTC
    parameters: dict[str, Any] = field(default_factory=dict)

    def add(self, value: object) -> str:
        """Make a value a parameter and return its placeholder."""
        name = f"q{len(self.parameters)}"
        self.parameters[name] = value
        return f"%({name})s"


class Kind(Protocol):
    """How the values of a field become SQL."""

    def condition(self, name: str, values: Sequence[Value], given: Given) -> str:
        """Return SQL that is true where one of the values holds; raises InvalidInput for a value that the field cannot hold."""


@dataclass(frozen=True)
class Related:
    """Rows of another table that a row is found by: `{}` in `sql` is what must hold for one of them.

    Terms of one group must hold for the same row of the other table: vendor and product of one product, not of two.
    """

    sql: str


@dataclass(frozen=True)
class Field:
    """A name in the search language."""

    name: str
    kind: Kind
    about: str
    within: Related | None = None


@dataclass(frozen=True)
class Filter:
    """A compiled search: `sql` is a condition over the declared expressions, "true" when nothing was asked."""

    sql: str
    given: Given
    terms: tuple[Term, ...]

    @property
    def words(self) -> tuple[Term, ...]:
        """Return the free words and phrases that were asked for, without the excluded ones."""
        return tuple(term for term in self.terms if term.field is None and not term.excluded)


@dataclass(frozen=True)
class Language:
    """What one list understands; `words` makes a condition from free words and phrases, None where there is no text to search."""

    fields: tuple[Field, ...]
    words: Callable[[Sequence[Value], Given], str] | None = None

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
        grouped: dict[Related, list[str]] = {}
        for term in terms:
            if term.field is None:
                continue
            chosen = self._field(term, known)
            made = chosen.kind.condition(chosen.name, term.values, given)
            if chosen.within is not None and not term.excluded:
                grouped.setdefault(chosen.within, []).append(made)
            else:
                whole = made if chosen.within is None else chosen.within.sql.replace(HOLE, made)
                conditions.append(f"({whole}) is not true" if term.excluded else f"({whole})")
        conditions += [f"({within.sql.replace(HOLE, ' and '.join(f'({one})' for one in parts))})" for within, parts in grouped.items()]
        conditions += self._text(terms, given)
        return Filter(" and ".join(conditions) or "true", given, terms)

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
        if self.words is None:
            return []
        wanted = [term.values[0] for term in free if not term.excluded]
        conditions = [self.words(wanted, given)] if wanted else []
        return conditions + [f"not ({self.words(term.values, given)})" for term in free if term.excluded]
