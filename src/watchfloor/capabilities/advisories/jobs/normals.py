"""Which part of the engine reads which source's documents."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import msgspec

from watchfloor.capabilities.advisories.engine.normalise import catalogs
from watchfloor.capabilities.advisories.engine.normalise.cve_list import cve_list
from watchfloor.capabilities.advisories.engine.normalise.euvd import euvd
from watchfloor.capabilities.advisories.engine.normalise.nvd import nvd
from watchfloor.capabilities.advisories.engine.normalise.overrides import override
from watchfloor.capabilities.advisories.queries.catalogs import Exploited
from watchfloor.capabilities.advisories.schemas.facts import Kev, Normal
from watchfloor.capabilities.advisories.schemas.records.cve_list import CveRecord
from watchfloor.capabilities.advisories.schemas.records.eu_kev import EuKevEntry
from watchfloor.capabilities.advisories.schemas.records.euvd import EuvdRecord
from watchfloor.capabilities.advisories.schemas.records.exploits import Exploit
from watchfloor.capabilities.advisories.schemas.records.kev import KevEntry
from watchfloor.capabilities.advisories.schemas.records.nvd import NvdRecord
from watchfloor.capabilities.advisories.schemas.records.overrides import Override
from watchfloor.capabilities.advisories.schemas.words import Source

if TYPE_CHECKING:
    from collections.abc import Callable

Made: TypeAlias = Normal | Kev | Exploited

_nvd = msgspec.msgpack.Decoder(NvdRecord).decode
_cve = msgspec.msgpack.Decoder(CveRecord).decode
_euvd = msgspec.msgpack.Decoder(EuvdRecord).decode
_override = msgspec.msgpack.Decoder(Override).decode
_kev = msgspec.msgpack.Decoder(KevEntry).decode
_eu_kev = msgspec.msgpack.Decoder(EuKevEntry).decode
_exploit = msgspec.msgpack.Decoder(Exploit).decode

READERS: dict[Source, Callable[[int, msgspec.Raw], Made]] = {
    Source.NVD: lambda k, record: nvd(k, _nvd(record)),
    Source.CVE_LIST: lambda k, record: cve_list(k, _cve(record)),
    Source.EUVD: lambda k, record: euvd(k, _euvd(record)),
    Source.OVERRIDES: lambda k, record: override(k, _override(record)),
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
