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
    for answer in _resolved(context, plan.targets.names):
        kept, denied = _checked(answer, scope, ports)
        for address in kept:
            found.setdefault(address, answer.name)
        if denied:
            sentence = _sentence(answer.name, denied, scope)
            missed.append(sentence)
            refused.append((f"{answer.name} ({', '.join(list(denied)[:5])})", sentence))
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
    for answer in _resolved(context, plan.excluded_names):
        if answer.error and not answer.absent:
            raise GiveUp(
                f"{answer.name} is excluded, and nobody can say which address to leave out: {answer.error} Exclude its addresses instead, or try again."
            )
        found += answer.addresses
    return found


def _resolved(context: JobContext, names: Sequence[str]) -> Iterator[NameAnswer]:
    """Yield what each name stands for, wherever that is: nothing is contacted yet, and what may be is decided here."""
    for start in range(0, len(names), NAMES_AT_ONCE):
        asked = tuple(NameRequest(name=name, permitted=ANYWHERE) for name in names[start : start + NAMES_AT_ONCE])
        yield from context.sandbox(resolve, ResolveRequest(names=asked)).names


def _checked(answer: NameAnswer, scope: Scope, ports: Ports) -> tuple[list[str], dict[str, str]]:
    """Return the addresses that may be looked at, and the others with the reason."""
    kept: list[str] = []
    refused = dict.fromkeys(answer.refused, "An address with a zone is on this machine's own link and is never looked at.")
    for address in answer.addresses:
        why = allowing.refusal(scope, address, answer.name, ports)
        if why is None:
            kept.append(str(allowing.unwrap(ip_address(address))))
        else:
            refused[address] = why
    return kept, refused


def _sentence(name: str, refused: dict[str, str], scope: Scope) -> str:
    """Say what a name stands for that may not be looked at, and what would help."""
    first, why = next(iter(refused.items()))
    several = f" and {len(refused) - 1} more addresses" if len(refused) > 1 else ""
    where = f"{name} resolves to {first}{several} outside this organisation's scope."
    if any(fixed in why for fixed in ("never", "excluded", "some ports only")):
        return f"{where} {why}"
    if allowing.in_domains(scope, name):
        return f"{where} A name may stand for public addresses and the scope's networks: check the name servers, or add the network if it is yours."
    return f"{where} Add the name with `watchfloor scope add {name}` if you may look at it."
