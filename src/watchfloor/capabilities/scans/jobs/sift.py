"""Find the living hosts of a wide target before its ports are asked."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from watchfloor.capabilities.scans.connect import discover
from watchfloor.capabilities.scans.engine import discovery
from watchfloor.capabilities.scans.engine import scope as allowing
from watchfloor.capabilities.scans.engine.ranges import Span, between, intersect, merge, subtract
from watchfloor.capabilities.scans.schemas import AddressRange, DiscoverRequest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from watchfloor.capabilities.scans.engine.plan import Plan
    from watchfloor.capabilities.scans.schemas import ScanRequest, Scope
    from watchfloor.kernel.contract import JobContext

EVERY_PORT = ((1, 65_535),)


def sift(context: JobContext, request: ScanRequest, parts: Sequence[Plan], scope: Scope) -> tuple[list[Plan], list[Span], list[str]]:
    """Return the parts without addresses that answered nothing, these addresses, and in sentences how many they were."""
    whole = merge(one for part in parts for one in part.targets.spans)
    asked = discovery.doubtful(request.discovery, whole, ports=max((part.ports for part in parts), default=0))
    ports = _ports(asked, scope)
    limited = bool(allowing.outside(scope, asked, EVERY_PORT))
    if not asked or (limited and not ports):
        return list(parts), [], []
    ranges = tuple(AddressRange(first=str(one.at(0)), last=str(one.at(one.size - 1))) for one in asked)
    wanted = DiscoverRequest(
        ranges=ranges, ports=ports, permitted=ranges, max_concurrent=request.max_concurrent, max_rate=request.max_rate, icmp=not limited
    )  # fmt: skip
    answers = context.sandbox(discover, wanted)
    alive = merge(between(one.first, one.last) for one in answers.alive)
    left = [one for part in parts if (one := _without(part, asked, alive)).targets.spans]
    return left, subtract(asked, alive), discovery.left_out(asked, alive, answers)


def _ports(asked: Sequence[Span], scope: Scope) -> tuple[int, ...]:
    """Return the ports that may be asked at all of these addresses and are none of our own control plane's."""
    own = {point.port for point in scope.control}
    return tuple(port for port in discovery.PORTS if port not in own and not allowing.outside(scope, list(asked), ((port, port),)))


def _without(part: Plan, asked: Sequence[Span], alive: Sequence[Span]) -> Plan:
    spans = merge((*subtract(part.targets.spans, asked), *intersect(part.targets.spans, alive)))
    return replace(part, targets=replace(part.targets, spans=tuple(spans)))
