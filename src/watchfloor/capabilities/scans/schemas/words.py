"""Words and bounds that all shapes of a scan share."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

ADDRESSES_MAX = 65_536
PAIRS_MAX = 1_000_000_000
TARGETS_MAX = 10_000
KEEP_BYTES = 4096
Port = Annotated[int, Field(ge=1, le=65_535)]
PortRange = tuple[Port, Port]
Target = Annotated[str, Field(max_length=300, pattern=r"^[^\x00]*$")]
Protocol = Literal["tcp", "udp"]


class Shape(BaseModel):
    """Frozen, unknown fields refused, bytes as base64 in JSON."""

    model_config = ConfigDict(extra="forbid", frozen=True, ser_json_bytes="base64", val_json_bytes="base64")


class Group(StrEnum):
    """Priority groups of ports, scanned in this order."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class Engine(StrEnum):
    """Who asks the ports of a scan."""

    NATIVE = "native"
    NMAP = "nmap"
    IMPORT = "import"  # nobody: a file says what another scanner saw


class Discovery(StrEnum):
    """Whether hosts are looked for before their ports are asked."""

    AUTO = "auto"  # for wide targets
    ON = "on"
    OFF = "off"


class Stopped(StrEnum):
    """Why a probe ended before everything was looked at."""

    TIMEOUT = "timeout"
    CANCELLED = "cancelled"


class AddressRange(Shape):
    """First and last address, both included, of one IP version."""

    first: str
    last: str


class Profile(StrEnum):
    """How hard a scan may press; see `engine/timing.py`."""

    POLITE = "polite"
    NORMAL = "normal"
    FAST = "fast"
