"""The query language of lists: one grammar for the whole product, fields declared by each list, values that are always parameters."""

from watchfloor.kernel.db.filters.choices import CHOICES, matching, words
from watchfloor.kernel.db.filters.grammar import Term, Value, parse
from watchfloor.kernel.db.filters.kinds import Choice, Dated, Flag, Number, Text, Within
from watchfloor.kernel.db.filters.language import Field, Filter, Given, Kind, Language, Related
from watchfloor.kernel.db.filters.times import Time

__all__ = [
    "CHOICES", "Choice", "Dated", "Field", "Filter", "Flag", "Given", "Kind", "Language", "Number", "Related", "Term", "Text", "Time",
    "Value", "Within", "matching", "parse", "words",
]  # fmt: skip
