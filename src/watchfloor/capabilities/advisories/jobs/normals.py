"""Which part of the engine reads which source's documents."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import msgspec

from watchfloor.capabilities.advisories.engine.normalise import catalogs
from watchfloor.capabilities.advisories.queries.catalogs import Exploited
from watchfloor.capabilities.advisories.schemas.facts import Kev, Normal
from watchfloor.capabilities.advisories.schemas.records.eu_kev import EuKevEntry
from watchfloor.capabilities.advisories.schemas.records.exploits import Exploit
from watchfloor.capabilities.advisories.schemas.records.kev import KevEntry
from watchfloor.capabilities.advisories.schemas.words import Source

if TYPE_CHECKING:
    from collections.abc import Callable

Made: TypeAlias = Normal | Kev | Exploited

_kev = msgspec.msgpack.Decoder(KevEntry).decode
_eu_kev = msgspec.msgpack.Decoder(EuKevEntry).decode
_exploit = msgspec.msgpack.Decoder(Exploit).decode

READERS: dict[Source, Callable[[int, msgspec.Raw], Made]] = {
    Source.KEV: lambda k, record: catalogs.kev(k, _kev(record)),
    Source.EU_KEV: lambda k, record: catalogs.eu_kev(k, _eu_kev(record)),
    Source.EXPLOITS: lambda k, record: Exploited(k, ", ".join(_exploit(record).modules)),
}


def normal(src: Source, k: int, record: msgspec.Raw) -> Made:
    """Return what a document of a source becomes.

    Raises:
        ValueError, msgspec.MsgspecError: It makes no sense; the sentence says what.
    """
    return READERS[src](k, record)
