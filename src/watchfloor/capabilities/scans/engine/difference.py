"""Compare two looks at the same targets: what is new, gone, changed; what one of them did not look at is unknown, never gone. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias, TypeVar
from uuid import UUID  # noqa: TC003 - pydantic reads it when the program runs

from pydantic import Field

from watchfloor.capabilities.scans.engine.known import Facts, Known, Place, appeared, gone
from watchfloor.capabilities.scans.schemas import Shape
from watchfloor.capabilities.scans.schemas.events import Counts, NotCompared
from watchfloor.kernel.contract import Severity  # noqa: TC001 - see above

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

LISTED = 1000
GENERIC = {"tls", "ssl"}  # something answers under TLS, and nobody knows what
HostVerdict: TypeAlias = Literal["new", "gone", "changed"]
PortVerdict: TypeAlias = Literal["opened", "reopened", "closed", "filtered"]
FindingVerdict: TypeAlias = Literal["new", "fixed", "returned"]
Entry = TypeVar("Entry")


class HostChange(Shape):
    """A host that appeared, went silent, or on which something changed."""

    change: HostVerdict
    address: str
    name: str = ""
    opened: int = Field(0, description="Ports that are open now and were not; of a new host, all its open ports.")
    closed: int = Field(0, description="Ports that were open and are not; of a host that is gone, all its open ports.")
    services: int = Field(0, description="Open ports on which something about the service changed.")


class PortChange(Shape):
    """A port that opened, opened again after an earlier scan had seen it open, answered closed, or fell silent (`filtered`)."""

    change: PortVerdict
    address: str
    name: str = ""
    protocol: str
    port: int
    service: str = ""
    product: str = ""
    version: str = ""


class ServiceChange(Shape):
    """One property of a service that is another now."""

    address: str
    name: str = ""
    protocol: str
    port: int
    field: Literal["name", "product", "version", "revision", "tls", "certificate"]
    before: str
    after: str


class FindingChange(Shape):
    """A finding that the newer scan saw for the first time, saw again after it was fixed, or found gone."""

    change: FindingVerdict
    finding: UUID
    check: str
    title: str
    severity: Severity
    target: str
    protocol: str
    port: int | None


class Difference(Shape):
    """What changed from one scan (`base`) to a later one of the same targets."""

    scan: UUID
    base: UUID
    changed: bool
    counts: Counts
    not_compared: NotCompared
    hosts: tuple[HostChange, ...] = ()
    ports: tuple[PortChange, ...] = ()
    services: tuple[ServiceChange, ...] = ()
    findings: tuple[FindingChange, ...] = ()
    cut: bool = Field(default=False, description="A list has only its first 1,000 entries; the counts are whole.")


class FindingStates(Shape):
    """A finding with its states when either scan ended; None before it was seen at all."""

    finding: UUID
    check: str
    title: str
    severity: Severity
    target: str
    protocol: str
    port: int | None
    before: str | None
    after: str | None


class Comparison:
    """Takes hosts and findings one after the other and counts what changed; keeps as many entries of each kind as are listed."""

    def __init__(self, *, most: int = LISTED) -> None:
        """Begin with nothing changed."""
        self._most = most
        self._counts = dict.fromkeys(Counts.model_fields, 0)
        self._missed = {"hosts": 0, "ports": 0}
        self._hosts: list[HostChange] = []
        self._ports: list[PortChange] = []
        self._services: list[ServiceChange] = []
        self._findings: list[FindingChange] = []
        self._cut = False

    def host(self, before: Known, now: Known, earlier: Collection[Place] = ()) -> None:
        """Compare one host; `earlier` are ports that a scan before both saw open."""
        if gone(before, now):
            self._counts["hosts_gone"] += 1
            self._keep(self._hosts, HostChange(change="gone", address=now.address, name=before.name, closed=len(before.services)))
            return
        new = appeared(before, now)
        if before.alive != now.alive and not new:
            self._missed["hosts"] += 1
        opened = closed = services = 0
        for place in sorted({*before.services, *now.services}):
            match before.state(place), now.state(place):
                case "open", "open":
                    services += self._service(before, now, place)
                case "closed" | "filtered", "open":
                    opened += 1
                    self._port("reopened" if place in earlier else "opened", now, place)
                case "open", ("closed" | "filtered") as state:
                    closed += 1
                    self._port(state, before, place, name=now.name or before.name)
                case _:
                    self._missed["ports"] += 1
        if new or opened or closed or services:
            verdict: HostVerdict = "new" if new else "changed"
            self._counts[f"hosts_{verdict}"] += 1
            told = HostChange(
                change=verdict, address=now.address, name=now.name or before.name, opened=opened, closed=closed, services=services
            )
            self._keep(self._hosts, told)

    def finding(self, states: FindingStates) -> None:
        """Compare what the ledger knew of one finding when either scan ended."""
        verdict = _finding(states.before, states.after)
        if verdict is not None:
            self._counts[f"findings_{verdict}"] += 1
            self._keep(self._findings, FindingChange(change=verdict, **states.model_dump(exclude={"before", "after"})))

    def result(self, *, base: UUID, scan: UUID) -> Difference:
        """Return what changed so far."""
        return Difference(
            scan=scan, base=base, changed=any(self._counts.values()), counts=Counts(**self._counts), not_compared=NotCompared(**self._missed),
            hosts=tuple(self._hosts), ports=tuple(self._ports), services=tuple(self._services), findings=tuple(self._findings), cut=self._cut,
        )  # fmt: skip

    def _port(self, verdict: PortVerdict, known: Known, place: Place, *, name: str = "") -> None:
        self._counts[f"ports_{verdict}"] += 1
        facts = known.services[place]
        told = PortChange(
            change=verdict, address=known.address, name=name or known.name, protocol=place[0], port=place[1], service=facts.name,
            product=facts.product, version=facts.version,
        )  # fmt: skip
        self._keep(self._ports, told)

    def _service(self, before: Known, now: Known, place: Place) -> bool:
        changes = list(_changes(before.services[place], now.services[place]))
        self._counts["services_changed"] += bool(changes)
        for field, old, new in changes:
            told = ServiceChange(
                address=now.address, name=now.name or before.name, protocol=place[0], port=place[1], field=field, before=old, after=new
            )
            self._keep(self._services, told)
        return bool(changes)

    def _keep(self, entries: list[Entry], entry: Entry) -> None:
        if len(entries) < self._most:
            entries.append(entry)
        else:
            self._cut = True


def _changes(
    before: Facts, now: Facts
) -> Iterator[tuple[Literal["name", "product", "version", "revision", "tls", "certificate"], str, str]]:
    """Yield what is another now. What one look could not tell is unknown, which is no change."""
    if not (before.identified and now.identified):
        return
    if before.name != now.name and not {before.name, now.name} & GENERIC:
        yield "name", before.name, now.name
    fields: tuple[Literal["product", "version", "revision"], ...] = ("product", "version", "revision")
    for field in fields:
        old, new = getattr(before, field), getattr(now, field)
        if old and new and old != new:
            yield field, old, new
    # Both looks got an answer, so a service with TLS in one of them alone did change.
    if before.tls != now.tls:
        yield "tls", before.tls or "none", now.tls or "none"
    if before.certificate and now.certificate and before.certificate != now.certificate:
        yield "certificate", _certificate(before), _certificate(now)


def _certificate(facts: Facts) -> str:
    return f"{facts.subject} (SHA-256 {facts.certificate[:16]}…)".strip()


def _finding(before: str | None, after: str | None) -> FindingVerdict | None:
    if before in {"open", "accepted"} and after == "fixed":
        return "fixed"
    if after not in {"open", "accepted"}:
        return None
    return {None: "new", "fixed": "returned"}.get(before)  # type: ignore[return-value] # mypy widens the values to str
