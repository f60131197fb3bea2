"""Leave out of a snapshot what its readers may not see: secrets, persons, and in public reports the names of assets. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from watchfloor.capabilities.reports.engine.aliases import Aliases
from watchfloor.capabilities.reports.engine.masking import masked
from watchfloor.capabilities.reports.schemas.words import Redaction
from watchfloor.kernel.sections import Column, Redact, Sort

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


VERSION = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}")  # a cell that is nothing else, where no column of assets is, is no address


class Redactor:
    """Applies one level to every row and text of a snapshot; aliases are numbered in the order in which the names were learned."""

    def __init__(self, level: Redaction, names: Iterable[str] = ()) -> None:
        """Learn the assets' names, which only public reports need."""
        self._level = level
        self._aliases = Aliases(names)

    def row(self, columns: Sequence[Column], row: Mapping[str, Any]) -> dict[str, Any]:
        """Return the cells of these columns, redacted; what a row has besides is left out."""
        return {one.name: self._cell(one, row.get(one.name)) for one in columns}

    def text(self, text: str) -> str:
        """Return a sentence, redacted."""
        if self._level is Redaction.NONE:
            return text
        return self._aliases.hide(masked(text)) if self._level is Redaction.PUBLIC else masked(text)

    def _cell(self, column: Column, value: Any) -> Any:  # noqa: ANN401 - a cell
        if value is None or self._level is Redaction.NONE:
            return value
        public = self._level is Redaction.PUBLIC
        if column.redact is Redact.PERSON or (public and column.redact is Redact.EVIDENCE):
            return None
        if public and column.redact is Redact.ASSET:
            return self._aliases.of(str(value))
        if isinstance(value, str) and column.sort is not Sort.SEVERITY:
            return value if VERSION.fullmatch(value) and not self._aliases.knows(value) else self.text(value)
        if isinstance(value, list):
            return [self.text(one) if isinstance(one, str) else one for one in value]
        return value
