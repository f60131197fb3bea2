"""Leave out of a snapshot what its readers may not see: secrets, persons, and in public reports the names of assets. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from watchfloor.capabilities.reports.engine.aliases import Aliases
from watchfloor.capabilities.reports.engine.masking import masked
from watchfloor.capabilities.reports.schemas.words import Redaction
from watchfloor.kernel.sections import Column, Redact, Sort

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


VERSION = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}")  # a cell that is nothing else, where no column of assets is, is no address


class Redactor:
    """Applies one level to every cell and text of a snapshot; aliases are numbered in the order in which the names were learned."""

    def __init__(self, level: Redaction, names: Iterable[str] = ()) -> None:
        """Learn the assets' names, which only public reports need."""
        self._level = level
        self._aliases = Aliases(names)

    def cell(self, column: Column) -> Callable[[Any], Any]:
        """Return what gives a column's values as these readers may see them."""
        public = self._level is Redaction.PUBLIC
        if self._level is Redaction.NONE:
            return _same
        if column.redact is Redact.PERSON or (public and column.redact is Redact.EVIDENCE):
            return _nothing
        if public and column.redact is Redact.ASSET:
            return self._alias
        return self._texts if column.sort is not Sort.SEVERITY else _same

    def text(self, text: str) -> str:
        """Return a sentence, redacted."""
        if self._level is Redaction.NONE:
            return text
        return self._aliases.hide(masked(text)) if self._level is Redaction.PUBLIC else masked(text)

    def _alias(self, value: Any) -> str | None:  # noqa: ANN401 - a cell
        return None if value is None else self._aliases.of(str(value))

    def _texts(self, value: Any) -> Any:  # noqa: ANN401 - a cell
        if isinstance(value, str):
            return value if VERSION.fullmatch(value) and not self._aliases.knows(value) else self.text(value)
        return [self.text(one) if isinstance(one, str) else one for one in value] if isinstance(value, list) else value


def _same(value: Any) -> Any:  # noqa: ANN401 - a cell
    return value


def _nothing(_: Any) -> None:  # noqa: ANN401 - a cell
    return None
