"""What crosses into and out of the sandbox."""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field

from watchfloor.capabilities.scans.schemas.answer import HostAnswer, Place, PortAnswer
from watchfloor.capabilities.scans.schemas.scope import ControlPoint
from watchfloor.capabilities.scans.schemas.words import AddressRange, Group, Port, PortRange, Shape, Stopped


class NameRequest(Shape):
    """One host name with the address ranges it may resolve to."""

    name: str = Field(max_length=253)
    permitted: tuple[AddressRange, ...]


class ResolveRequest(Shape):
    """Resolve these names, keep only permitted addresses."""

    names: tuple[NameRequest, ...]
    timeout: timedelta = timedelta(seconds=30)


class NameAnswer(Shape):
    """What a name resolved to; `refused` are addresses outside the scope, `error` says why there are none."""

    name: str
    addresses: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    error: str = ""
    absent: bool = Field(default=False, description="The name servers said that there is no such name or that it has no address.")


class ResolveAnswers(Shape):
    """One answer for each name, in the order asked."""

    names: tuple[NameAnswer, ...] = ()


class ProbeHost(Shape):
    """An address to probe and, where a target was a name, that name (for TLS and HTTP)."""

    address: str
    name: str = ""


class PortGroup(Shape):
    """Ports of one priority group as sorted ranges that do not overlap."""

    group: Group
    ports: tuple[PortRange, ...]


class Limits(Shape):
    """Bounds of one probe."""

    timeout: timedelta = timedelta(hours=1)
    max_concurrent: int = Field(2000, ge=1, le=20_000)
    max_rate: int | None = Field(None, ge=1)
    tries: int = Field(2, ge=1, le=4)
    window_max: int = Field(1000, ge=1, le=20_000, description="Most connections in flight at once to one host.")
    services: bool = True
    services_max: int = Field(512, ge=0, le=65_535)
    looks_at_once: int = Field(32, ge=1, le=512)
    user_agent: str = Field("Watchfloor (exposure check; ask your network operator)", max_length=200, pattern=r"^[\x20-\x7e]*$")
    checks: tuple[str, ...] = Field((), description="Checks that are made only when asked for, such as open-proxy.")
    helo: str = Field(
        "scanner.invalid", max_length=200, pattern=r"^[A-Za-z0-9.-]+$", description="What mail and FTP servers see as our name."
    )


class Rates(Shape):
    """How many connection attempts a second may go out: in all, to one host, and to each network (by its first address)."""

    total: float | None = None
    host: float | None = None
    nets: dict[str, float] = {}


class ProbeRequest(Shape):
    """One shard: hosts (all of them inside `permitted`) and names still to be resolved, times ports in priority groups."""

    hosts: tuple[ProbeHost, ...] = ()
    names: tuple[NameRequest, ...] = ()
    groups: tuple[PortGroup, ...]
    permitted: tuple[AddressRange, ...]
    control: tuple[ControlPoint, ...] = ()
    limits: Limits = Limits()
    seed: int = 0
    rates: Rates | None = None
    keep_every: timedelta | None = Field(None, description="Hand over what was learned so far this often.")
    resume: ProbeAnswers | None = Field(None, description="Go on from here, a part that an earlier attempt handed over.")


class ProbeAnswers(Shape):
    """What one shard learned; `notes` are sentences about what limited it.

    A part that is handed over before the end has a `place`: everything in it counts from the beginning of the shard, whatever attempt
    learned it, except the evidence in `HostAnswer.ports`, which each part has only of what was looked at since the part before.
    """

    hosts: tuple[HostAnswer, ...] = ()
    names: tuple[NameAnswer, ...] = ()
    probes: int = 0
    elapsed: timedelta = timedelta(0)
    stopped: Stopped | None = None
    notes: tuple[str, ...] = ()
    place: Place | None = None


class DiscoverRequest(Shape):
    """Address ranges (all of them inside `permitted`) in which hosts are looked for."""

    ranges: tuple[AddressRange, ...]
    ports: tuple[Port, ...]
    permitted: tuple[AddressRange, ...]
    timeout: timedelta = timedelta(minutes=25)
    max_concurrent: int = Field(2000, ge=1, le=20_000)
    max_rate: int | None = Field(None, ge=1)
    icmp: bool = True


class DiscoverAnswers(Shape):
    """Where something answered, how many by which way; when time ran out, `alive` holds those nobody could ask as well."""

    alive: tuple[AddressRange, ...] = ()
    ways: dict[str, int] = {}
    probes: int = 0
    elapsed: timedelta = timedelta(0)
    stopped: Stopped | None = None
    notes: tuple[str, ...] = ()


class NmapAnswers(Shape):
    """nmap's XML, compressed with zlib, as base64, not yet read."""

    documents: tuple[str, ...] = ()
    stopped: Stopped | None = None


class UdpRequest(Shape):
    """Hosts (all of them inside `permitted`) times UDP ports; `checks` are the opt-in ones, such as default-snmp-community."""

    hosts: tuple[ProbeHost, ...]
    ports: tuple[PortRange, ...]
    permitted: tuple[AddressRange, ...]
    timeout: timedelta = timedelta(hours=1)
    tries: int = Field(3, ge=1, le=3)
    max_rate: int | None = Field(None, ge=1)
    checks: tuple[str, ...] = ()


class UdpHost(Shape):
    """What the UDP ports of one address answered; of the `silent` ones nobody knows whether they are open."""

    address: str
    ports: tuple[PortAnswer, ...] = ()
    closed: tuple[Port, ...] = ()
    silent: tuple[Port, ...] = ()
    skipped: int = 0


class UdpAnswers(Shape):
    """What UDP ports answered."""

    hosts: tuple[UdpHost, ...] = ()
    probes: int = 0
    elapsed: timedelta = timedelta(0)
    stopped: Stopped | None = None
    notes: tuple[str, ...] = ()
