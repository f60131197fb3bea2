"""What a check is: a declared record with one pure function that looks at one service. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from watchfloor.capabilities.scans.schemas import Service
    from watchfloor.kernel.contract import Severity

NOTHING_MORE = "Nothing beyond what identifies the service."


class Category(StrEnum):
    """What kind of trouble a check looks for."""

    AUTHENTICATION = "authentication"
    ENCRYPTION = "encryption"
    EXPOSURE = "exposure"
    CONFIGURATION = "configuration"
    SOFTWARE = "software"


@dataclass(frozen=True)
class Subject:
    """One service of one target; `name` is the host name that was asked for, if any."""

    target: str
    name: str
    service: Service
    today: datetime

    def has(self, *facts: str) -> bool:
        """Tell whether any of these facts was observed."""
        return any(fact in self.service.facts for fact in facts)


@dataclass(frozen=True)
class Seen:
    """What a check found: evidence (empty: the service's own) and, where this case differs, severity and title."""

    evidence: str = ""
    severity: Severity | None = None
    title: str = ""


@dataclass(frozen=True, kw_only=True)
class Check:
    """One thing that can be wrong with a service.

    `needs` and `sends` say in words what the check rests on and what went over the wire for it; an `intrusive` one is off unless asked
    for. `version_only` marks a judgement that rests on a version number, which says little about a distribution's package.
    """

    id: str
    title: str
    severity: Severity
    category: Category
    description: str
    needs: str
    remedy: str
    references: tuple[str, ...]
    sees: Callable[[Subject], Seen | None]
    sends: str = NOTHING_MORE
    intrusive: bool = False
    version_only: bool = False


def cwe(number: int) -> str:
    """Return the address of a weakness in MITRE's list."""
    return f"https://cwe.mitre.org/data/definitions/{number}.html"


def rfc(number: int) -> str:
    """Return the address of a document of the IETF."""
    return f"https://www.rfc-editor.org/rfc/rfc{number}"


MOZILLA_TLS = "https://wiki.mozilla.org/Security/Server_Side_TLS"
MOZILLA_SSH = "https://infosec.mozilla.org/guidelines/openssh"
NIST_TLS = "https://csrc.nist.gov/pubs/sp/800/52/r2/final"
NIST_KEYS = "https://csrc.nist.gov/pubs/sp/800/131/a/r2/final"
