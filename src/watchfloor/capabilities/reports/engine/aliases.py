"""Write aliases for assets wherever a text names them, however it writes them: with a port, in a URL, as part of a longer name. Pure."""

from __future__ import annotations

import contextlib
import ipaddress
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

# What stands before or behind decides: `cpe:/a:ab:cd::` is no address.
ADDRESS: Final = re.compile(
    r"(?<![\w:./-])(?P<six>[0-9A-Fa-f]{0,4}:[0-9A-Fa-f:.]{1,45}?)(?P<size>/\d{1,3})?(?![\w:])(?!\.\w)"
    r"|(?<![\w.])(?P<four>\d{1,3}(?:\.\d{1,3}){3})(?P<mask>/\d{1,2})?(?![\w])(?!\.\w)"
)
WORD: Final = re.compile(r"\w(?:[\w.-]{0,253}\w)?")
UNKNOWN: Final = "asset"
NETWORK: Final = "network"
DOMAIN_LABELS: Final = 2
ANY: Final = ("::", "0.0.0.0")  # noqa: S104 - every address names none


class Aliases:
    """The aliases of names, numbered in the order in which they were learned.

    Names below a known one, and the domains that it lies in, tell who it is: they are hidden as well. So are addresses nobody knows and
    networks, because they may be what was looked at without an answer.
    """

    def __init__(self, names: Iterable[str] = ()) -> None:
        """Learn names: of hosts, or addresses."""
        self._aliases: dict[str, str] = {}
        self._domains: dict[str, str] = {}
        for name in names:
            self._learn(name)
            for part in name.split():  # a cell may hold an address and a name
                if "." in part or ":" in part:
                    self._learn(part)

    def of(self, name: str) -> str:
        """Return the alias of one asset."""
        return self._aliases.get(_plain(name), UNKNOWN)

    def knows(self, name: str) -> bool:
        """Tell whether a name has an alias."""
        return _plain(name) in self._aliases

    def hide(self, text: str) -> str:
        """Return text with aliases where it names assets."""
        if text.startswith("cpe:"):
            return text  # the name of a product, whose version may look like an address
        return WORD.sub(lambda found: self._word(found[0]), ADDRESS.sub(self._address, text))

    def _learn(self, name: str) -> None:
        plain = _plain(name)
        alias = self._aliases.setdefault(plain, f"asset-{len(self._aliases) + 1}")
        labels = plain.split(".")
        if " " not in plain and not _is_address(plain):
            for n in range(1, len(labels) - DOMAIN_LABELS + 1):
                self._domains.setdefault(".".join(labels[n:]), f"domain-of-{alias}")

    def _address(self, found: re.Match[str]) -> str:
        told = found["six"] or found["four"]
        if found["size"] or found["mask"]:
            return NETWORK if _is_address(told) else found[0]
        return self.of(told) if _is_address(told) and told not in ANY else found[0]

    def _word(self, word: str) -> str:
        if "." not in word and word.isascii():  # nearly all
            return self._aliases.get(word.lower(), word)
        plain = _plain(word)
        if known := self._aliases.get(plain) or self._domains.get(plain):
            return known
        labels = plain.split(".")
        for n in range(1, len(labels)):
            above = ".".join(labels[n:])
            if known := self._aliases.get(above) or self._domains.get(above):
                return f"name.{known}"
        return word


@lru_cache(maxsize=10_000)
def _plain(name: str) -> str:
    """Return the one way in which a name is looked up: addresses as they are shortest, international names as they are sent."""
    plain = name.strip().lower().rstrip(".")
    with contextlib.suppress(ValueError):
        return str(ipaddress.ip_address(plain))
    if not plain.isascii():
        with contextlib.suppress(UnicodeError):
            return plain.encode("idna").decode("ascii")
    return plain


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.strip())
    except ValueError:
        return False
    return True
