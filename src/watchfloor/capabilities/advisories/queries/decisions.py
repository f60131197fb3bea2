"""Decide for some assets which advisories meet them: what one statement finds, completed by the engine."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from watchfloor.capabilities.advisories.engine.match import Known, Seen, Verdict, decide
from watchfloor.capabilities.advisories.queries.criteria import overridden, rules
from watchfloor.capabilities.advisories.queries.inventory import things_of
from watchfloor.capabilities.advisories.queries.match import find
from watchfloor.capabilities.advisories.queries.numbering import number

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from uuid import UUID

    from watchfloor.capabilities.advisories.engine.match import Rule
    from watchfloor.capabilities.advisories.engine.observed import Observed
    from watchfloor.capabilities.advisories.queries.inventory import Held, Running
    from watchfloor.kernel.db.session import Wire

AT_ONCE = 1000  # CVEs whose criteria are in memory together
# What is less sure is not kept: it would be every advisory of a product whose version nobody knows. Whoever wants it asks for it.
KEPT_FROM = 0.25


_Facts = list[tuple["UUID", "Running"]]


@dataclass
class _Memory:
    """What was decided already: most assets run the same things."""

    names: dict[Observed, tuple[Seen, ...]]
    alone: dict[tuple[int, Observed], Verdict | None] = field(default_factory=dict)

    def known(self, fact: Running) -> Known:
        one = fact.observed
        return Known(str(fact.id), one.label, self.names.get(one, ()), one.build, one.confidence)


def decisions(
    wire: Wire, held: Mapping[UUID, Held], *, only: Collection[int] | None = None, least: float = KEPT_FROM
) -> Iterator[tuple[int, list[tuple[UUID, Running, Verdict]]]]:  # fmt: skip
    """Yield, CVE by CVE, the facts of these assets that it affects or may affect, with the verdict.

    Args:
        wire: The transaction; it gets temporary tables.
        held: The assets with all their facts: those of one asset are decided together.
        only: These CVEs; all by default.
        least: Leave out verdicts that are less sure.
    """
    seen = list(things_of(held.values()))
    things = list(dict.fromkeys(thing for one in seen for thing in one.things))
    places = {thing: n for n, thing in enumerate(things)}
    numbered = number(wire, things)
    memory = _Memory({
        one: tuple(name for thing in one.things for name in numbered.seen.get(places[thing], ())) for one in seen
    })  # fmt: skip
    running: dict[int, list[tuple[UUID, Running]]] = {}
    for asset in held.values():
        for fact in asset.facts:
            for thing in fact.observed.things:
                running.setdefault(places[thing], []).append((asset.id, fact))
    found = find(wire, numbered, only=only, least=least)
    for start in range(0, len(found.ks), AT_ONCE):
        chunk = found.ks[start : start + AT_ONCE]
        spoken = overridden(wire, chunk)
        for k, said in rules(wire, chunk).items():
            plain, joined = ([met for n in places for met in running.get(n, ())] for places in found.met(k))
            decided = _decided(k, said, plain, joined, held, memory, overridden=k in spoken)
            yield k, [one for one in decided if one[2].confidence >= least]


def _decided(
    k: int, said: Sequence[Rule], plain: _Facts, joined: _Facts, held: Mapping[UUID, Held], memory: _Memory, *, overridden: bool
) -> Iterator[tuple[UUID, Running, Verdict]]:  # fmt: skip
    whole = {asset for asset, _fact in joined}
    for asset, fact in dict.fromkeys(plain):
        if asset in whole:
            continue
        place = (k, fact.observed)
        if place not in memory.alone:
            found = decide(said, [memory.known(fact)], overridden=overridden)
            memory.alone[place] = found[0] if found else None
        verdict = memory.alone[place]
        if verdict is not None:
            yield asset, fact, verdict
    for asset in sorted(whole):
        facts = {str(fact.id): fact for fact in held[asset].facts}
        for verdict in decide(said, [memory.known(fact) for fact in facts.values()], held[asset].closed, overridden=overridden):
            yield asset, facts[verdict.fact], verdict
