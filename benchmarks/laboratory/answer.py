"""What a tool says about one door, and about all."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from watchfloor.capabilities.scans.schemas import PortAnswer


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One door as a tool sees it."""

    service: str = ""
    product: str = ""
    version: str = ""
    tls: bool = False
    cpe: str = ""
    evidence: str = ""


@dataclass
class Look:
    """One tool's answers by address and port, and what it took."""

    tool: str
    answers: dict[tuple[str, int], Answer] = field(default_factory=dict)
    seconds: float = 0.0
    connections: int | None = None
    raw: dict[tuple[str, int], PortAnswer] = field(default_factory=dict)
