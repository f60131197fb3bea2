"""Leave out of a snapshot what its readers may not see: secrets, persons, and in public reports the names of assets. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from watchfloor.capabilities.reports.schemas.words import Redaction
from watchfloor.kernel.sections import Column, Redact, Sort

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

MASK = "[masked]"
# A name of a secret, what stands between, and its value up to a blank, quote or separator; and what stands before @ in an address.
SECRET = re.compile(
    r"(?i)\b((?:proxy-)?authorization|set-cookie|cookie|password|passwd|pwd|secret|token|api[_-]?key|access[_-]?key|private[_-]?key)"
    r"(\"?'?\s{0,3}[:=]\s{0,3})((?:basic|bearer|digest)\s{1,3})?(\"[^\"\n]{0,2000}\"|'[^'\n]{0,2000}'|[^\s,;&\"'<>]{1,2000})"
)
PASSWORD_IN_URL = re.compile(r"(?<=://)[^/\s:@]{1,200}:[^/\s@]{1,200}(?=@)")
KEY_BLOCK = re.compile(r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----[^-]{0,20000}(?:-----END [A-Z ]{0,40}PRIVATE KEY-----)?")
MAIL = re.compile(r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9.-]{1,253}\.[A-Za-z]{2,24}\b")
NAME = re.compile(r"[0-9A-Za-z_](?:[0-9A-Za-z_.:-]{0,253}[0-9A-Za-z_])?")


def masked(text: str) -> str:
    """Return text without passwords, tokens, cookies, private keys and mail addresses."""
    for pattern, to in ((KEY_BLOCK, MASK), (SECRET, rf"\1\2{MASK}"), (PASSWORD_IN_URL, MASK), (MAIL, MASK)):
        text = pattern.sub(to, text)
    return text


class Redactor:
    """Applies one level to every row and text of a snapshot; aliases are numbered in the order in which the names were learned."""

    def __init__(self, level: Redaction, names: Iterable[str] = ()) -> None:
        """Learn the assets' names, which only public reports need."""
        self._level = level
        self._aliases: dict[str, str] = {}
        for name in names:
            self._aliases.setdefault(name.lower(), f"asset-{len(self._aliases) + 1}")

    def row(self, columns: Sequence[Column], row: Mapping[str, Any]) -> dict[str, Any]:
        """Return the cells of these columns, redacted; what a row has besides is left out."""
        return {one.name: self._cell(one, row.get(one.name)) for one in columns}

    def text(self, text: str) -> str:
        """Return a sentence, redacted."""
        if self._level is Redaction.NONE:
            return text
        return self._hide(masked(text)) if self._level is Redaction.PUBLIC else masked(text)

    def _cell(self, column: Column, value: Any) -> Any:  # noqa: ANN401 - a cell
        if value is None or self._level is Redaction.NONE:
            return value
        public = self._level is Redaction.PUBLIC
        if column.redact is Redact.PERSON or (public and column.redact is Redact.EVIDENCE):
            return None
        if public and column.redact is Redact.ASSET:
            return self._aliases.get(str(value).lower(), "asset")
        if isinstance(value, str) and column.sort is not Sort.SEVERITY:
            return self.text(value)
        if isinstance(value, list):
            return [self.text(one) if isinstance(one, str) else one for one in value]
        return value

    def _hide(self, text: str) -> str:
        return NAME.sub(lambda found: self._aliases.get(found[0].lower(), found[0]), text)
