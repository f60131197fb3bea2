"""Pin a scan's names: resolve each once, keep the addresses the scope allows, never ask again; so a later answer changes nothing."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING

from watchfloor.capabilities.scans.connect import resolve
from watchfloor.capabilities.scans.engine import scope as allowing
from watchfloor.capabilities.scans.jobs.refusal import write_down_all
from watchfloor.capabilities.scans.schemas import AddressRange, NameRequest, ResolveRequest
from watchfloor.kernel.errors import GiveUp

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from watchfloor.capabilities.scans.engine.plan import Plan
    from watchfloor.capabilities.scans.engine.scope import Ports
    from watchfloor.capabilities.scans.schemas import NameAnswer, Scope
    from watchfloor.kernel.contract import JobContext

NAMES_AT_ONCE = 250
ANYWHERE = (
    AddressRange(first="0.0.0.0", last="255.255.255.255"),  # noqa: S104 - nothing is contacted: these are left out
    AddressRange(first="::", last="ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
)


def pin(context: JobContext, plan: Plan, scope: Scope) -> tuple[dict[str, str], list[str]]:
    """Return the allowed addresses of a plan's names, each with its name, and in sentences what cannot be looked at.

    Refusals are written down: of resolved addresses and of tagged assets outside the scope.
    """
    ports = tuple(one for group in plan.groups for one in group.ports)
    found: dict[str, str] = {}
    missed = [f"{one.target} has the tag: {one}" for one in plan.refused]
    refused = [(one.target, str(one)) for one in plan.refused]
    asked = [NameRequest(name=name, permitted=allowing.permitted(scope, name)) for name in plan.targets.names]
    for answer in _resolved(context, asked):
        kept, denied = _checked(answer, scope, ports)
        for address in kept:
            found.setdefault(address, answer.name)
        refused += denied
        missed += [sentence for _target, sentence in denied]
        if answer.error and not denied:
            missed.append(f"{answer.name}: {answer.error}")
    write_down_all(context, refused)
    return found, missed


def excluded_addresses(context: JobContext, plan: Plan) -> list[str]:
    """Return the addresses of excluded names.

    Raises:
        GiveUp: The name servers do not say what a name stands for, so nobody knows which address to leave out.
    """
    found: list[str] = []
    for answer in _resolved(context, [NameRequest(name=name, permitted=ANYWHERE) for name in plan.excluded_names]):
        if answer.error and not answer.absent:
            raise GiveUp(
                f"{answer.name} is excluded, and nobody can say which address to leave out: {answer.error} Exclude its addresses instead, or try again."
            )
        found += answer.addresses
    return found


def _resolved(context: JobContext, asked: Sequence[NameRequest]) -> Iterator[NameAnswer]:
    for start in range(0, len(asked), NAMES_AT_ONCE):
        yield from context.sandbox(resolve, ResolveRequest(names=tuple(asked[start : start + NAMES_AT_ONCE]))).names


def _checked(answer: NameAnswer, scope: Scope, ports: Ports) -> tuple[list[str], list[tuple[str, str]]]:
    """Return the addresses that may be looked at, and what was refused with the reason; the sandbox's word is checked once more."""
    kept, refused = [], []
    for address in answer.addresses:
        why = allowing.refusal(scope, address, answer.name, ports)
        if why is None:
            kept.append(str(allowing.unwrap(ip_address(address))))
        else:
            refused.append((f"{answer.name} ({address})", f"{answer.name}: {why}"))
    if answer.refused:
        several = f" and {len(answer.refused) - 1} more addresses" if len(answer.refused) > 1 else ""
        where = f"{answer.name} resolves to {answer.refused[0]}{several} outside this organisation's scope."
        refused.append((f"{answer.name} ({', '.join(answer.refused[:5])})", f"{where} {_remedy(scope, answer)}"))
    return kept, refused


def _remedy(scope: Scope, answer: NameAnswer) -> str:
    """Say what would help: naming the domain helps a public address only."""
    why = allowing.refusal(scope, answer.refused[0])
    if why and ("never contacted" in why or "excluded" in why):
        return why
    if allowing.in_domains(scope, answer.name):
        return "A name may stand for public addresses and the scope's networks; check the name servers, and add the network if it is yours."
    return f"Add the name with `watchfloor scope add {answer.name}` if you may look at it."
