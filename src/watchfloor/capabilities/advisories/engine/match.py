"""Decide whether what one asset runs is what one CVE affects: yes, no, or not known. Pure.

What nobody observed is not absent: it leaves a decision open, and an open one is a candidate with little confidence, never a silent yes or no.
Values are True, False and None for not known; they are joined as Kleene does it.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from watchfloor.capabilities.advisories.engine.confidence import FACTORS, confidence, least
from watchfloor.capabilities.advisories.engine.cpe import ParseError, Relation, relate_values
from watchfloor.capabilities.advisories.engine.platforms import same_family
from watchfloor.capabilities.advisories.engine.versions import READ, base_key, key
from watchfloor.capabilities.advisories.schemas.words import MatchClass, Source

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from watchfloor.capabilities.advisories.schemas.facts import Criterion

NONE: Mapping[str, str] = MappingProxyType({})
NAMES = {Source.NVD: "NVD", Source.CVE_LIST: "CVE List", Source.EUVD: "EUVD", Source.OVERRIDES: "overrides"}


class Outcome(NamedTuple):
    """A decision and why it is as sure as it is."""

    value: bool | None
    kind: MatchClass = MatchClass.EXACT


NO = Outcome(value=False)
YES = Outcome(value=True)


def all_of(outcomes: Iterable[Outcome]) -> Outcome:
    """Join with AND: one no decides; otherwise the least sure counts."""
    value: bool | None = True
    kinds = []
    for one in outcomes:
        if one.value is False:
            return NO
        if one.value is None:
            value = None
        kinds.append(one.kind)
    return Outcome(value, least(kinds))


def any_of(outcomes: Iterable[Outcome]) -> Outcome:
    """Join with OR: one yes decides, then one that is not known; of several the surest counts."""
    best = NO
    for one in outcomes:
        if _rank(one) > _rank(best):
            best = one
    return best


def opposite(one: Outcome) -> Outcome:
    """Negate; what is not known stays so."""
    return one if one.value is None else NO if one.value else YES


def _rank(one: Outcome) -> tuple[int, float]:
    return (0 if one.value is False else 1 if one.value is None else 2, FACTORS[one.kind])


class Seen(msgspec.Struct, frozen=True, gc=False):
    """One name of something that an asset runs. `product` is the number by which names of one product are the same.

    Without a version `full` and `base` are None: nobody observed it, unless `na`: it has none. `base` is `full` without an update.
    """

    product: int
    part: str = "a"
    vendor: str = ""
    name: str = ""
    full: bytes | None = None
    base: bytes | None = None
    na: bool = False
    attributes: Mapping[str, str] = NONE


@dataclass(frozen=True)
class Known:
    """One fact about an asset: everything that is known about one thing that runs there."""

    id: str
    label: str  # as people call it, such as OpenSSH 8.9p1
    seen: tuple[Seen, ...]
    build: str = ""  # what names a distribution's build of it; empty for none
    confidence: float = 1.0


@dataclass(frozen=True)
class Rule:
    """A criterion with the product it means; `factor` is how far its source's word goes, the name map's doubt included."""

    criterion: Criterion
    product: int
    factor: float


@dataclass(frozen=True)
class Verdict:
    """That a fact is affected, or may be: `value` is True or None."""

    fact: str
    value: bool | None
    kind: MatchClass
    confidence: float
    rule: Rule
    why: str


def seen(
    product: int, *, version: str = "", update: str = "*", part: str = "a", vendor: str = "", name: str = "", attributes: Mapping[str, str] | None = None
) -> Seen:  # fmt: skip
    """Return a name as it is observed: no version or `*` is an unknown one, `-` says that there is none."""
    full, base = _keys(version[:READ], update[:READ])
    noted = {attribute: value for attribute, value in attributes.items() if value != "*"} if attributes else NONE
    return Seen(product, part, vendor, name, full, base, version == "-", noted)


@lru_cache(maxsize=4096)  # an inventory has its few thousand versions again and again
def _keys(version: str, update: str) -> tuple[bytes | None, bytes | None]:
    return (None, None) if version in {"", "*", "-"} else (key(version, update), base_key(version, update))


def compare(one: Criterion, fact: Seen) -> Outcome:
    """Decide one criterion by one name of the same product."""
    version = _version(one, fact)
    return version if version.value is False or not one.attributes else all_of((version, *_attributes(one, fact)))


def _version(one: Criterion, fact: Seen) -> Outcome:
    if one.kind == "*" or (one.kind == "-" and not one.vulnerable):
        return YES  # a platform without a version is any of its versions
    if one.kind == "-":
        return YES if fact.na else Outcome(None, MatchClass.VERSION_UNKNOWN if fact.full is None else MatchClass.VERSION_NA)
    if fact.full is None or fact.base is None:
        return NO if fact.na else Outcome(None, MatchClass.VERSION_UNKNOWN)
    if one.kind == "=":
        return _exact(one, fact.full, fact.base)
    above = one.lo is None or fact.full > one.lo or (one.lo_inclusive and fact.full == one.lo)
    below = one.hi is None or fact.full < one.hi or (one.hi_inclusive and fact.full == one.hi)
    # 8.4p1 is a version 8.4: it lies in <= 8.4, though not in < 8.4p1.
    return YES if (above and below) or (one.hi is not None and one.hi_inclusive and fact.base == one.hi) else NO


def _exact(one: Criterion, full: bytes, base: bytes) -> Outcome:
    if full == one.lo:
        return YES
    if one.update == "*":
        if base != one.lo:
            return NO
        return Outcome(value=True, kind=MatchClass.BASE_AMBIGUOUS) if one.siblings else YES
    if one.update == "-" or full != base:
        return NO
    # The criterion means an update, and no update was observed: a release is none of its pre-releases, but it may have been patched.
    listed = key(one.text.removesuffix(f" {one.update}"))
    return Outcome(None, MatchClass.VERSION_UNKNOWN) if full == listed and one.lo is not None and one.lo > full else NO


def _attributes(one: Criterion, fact: Seen) -> Iterable[Outcome]:
    for attribute, wanted in one.attributes.items():
        have = fact.attributes.get(attribute)
        if have is None:
            yield Outcome(value=True, kind=MatchClass.LIKELY)
        elif have != wanted and not _covers(wanted, have):
            yield NO


def _covers(wanted: str, have: str) -> bool:
    if not (wanted.startswith(("*", "?")) or wanted.endswith(("*", "?"))):
        return False
    try:
        return relate_values(wanted, have) is Relation.SUPERSET
    except ParseError:
        return False


class _Asset:
    """What is known about an asset, by product."""

    def __init__(self, facts: Sequence[Known], closed: frozenset[str]) -> None:
        self.closed = closed
        self.facts = facts
        self.by_product: dict[int, list[tuple[Known, Seen]]] = defaultdict(list)
        for fact in facts:
            for name in fact.seen:
                self.by_product[name.product].append((fact, name))

    def outcome(self, rule: Rule) -> Outcome:
        """Decide a criterion by everything that is known: without a fact about it, it is open unless all of its kind are known."""
        one = rule.criterion
        named = [compare(one, name) for _fact, name in self.by_product.get(rule.product, ())]
        if not one.vulnerable and not named:
            named = [YES for fact in self.facts for name in fact.seen if same_family(one, name.part, name.vendor, name.name)]
        if named:
            return any_of(named)
        known = one.part in self.closed or (one.part == "*" and self.closed >= {"a", "o", "h"})
        return NO if known else Outcome(None, MatchClass.PLATFORM_UNKNOWN)


class _Node(NamedTuple):
    rules: list[Rule]
    joined: bool  # with AND
    negate: bool

    def outcome(self, each: Callable[[Rule], Outcome]) -> Outcome:
        found = (all_of if self.joined else any_of)(each(rule) for rule in self.rules)
        return opposite(found) if self.negate else found


def decide(
    rules: Sequence[Rule], facts: Sequence[Known], closed: frozenset[str] = frozenset(), *, overridden: bool = False
) -> list[Verdict]:
    """Return which facts of one asset a CVE affects or may affect, the surest verdict of each.

    Args:
        rules: All criteria of one CVE, of all sources.
        facts: Everything that is known about one asset.
        closed: The parts (a, o, h) of which everything is known: there, what was not observed is absent.
        overridden: Whether the overrides speak of this CVE, even if only to say that nothing of it is affected.
    """
    asset = _Asset(facts, closed)
    if not any(rule.product in asset.by_product for rule in rules):
        return []
    overridden = overridden or any(rule.criterion.src is Source.OVERRIDES for rule in rules)
    by_nvd = {rule.product for rule in rules if rule.criterion.src is Source.NVD and rule.criterion.vulnerable}
    best: dict[str, Verdict] = {}
    for nodes in _configurations(rules).values():
        src = nodes[0].rules[0].criterion.src
        if overridden and src in {Source.CVE_LIST, Source.EUVD}:
            continue
        for at, node in enumerate(nodes):
            for rule in node.rules:
                # What NVD says about a product stands before what others say about it.
                if rule.criterion.vulnerable and rule.product in asset.by_product and (src is Source.NVD or rule.product not in by_nvd):
                    _meet(best, asset, nodes, at, rule)
    return [best[fact.id] for fact in facts if fact.id in best]


def _configurations(rules: Sequence[Rule]) -> dict[tuple[int, int], list[_Node]]:
    found: dict[tuple[int, int], dict[int, _Node]] = defaultdict(dict)
    for rule in rules:
        one = rule.criterion
        nodes = found[int(one.src), one.cfg]
        node = nodes.setdefault(one.node, _Node([], one.node_and, one.negate))
        node.rules.append(rule)
    return {where: [nodes[at] for at in sorted(nodes)] for where, nodes in sorted(found.items())}


def _meet(best: dict[str, Verdict], asset: _Asset, nodes: list[_Node], at: int, rule: Rule) -> None:
    """Add what follows from one criterion for each fact of its product: the rest of the configuration is the asset's to decide."""
    met: dict[str, tuple[Known, list[Outcome]]] = {}
    for fact, name in asset.by_product[rule.product]:
        met.setdefault(fact.id, (fact, []))[1].append(compare(rule.criterion, name))
    for fact, outcomes in met.values():
        own = any_of(outcomes)
        if own.value is False:
            continue
        whole = _configuration(asset, nodes, at, rule, own)
        if whole.value is False:
            continue
        kind = least((whole.kind, MatchClass.BACKPORT)) if fact.build else whole.kind
        sure = confidence(rule.factor, kind, fact.confidence)
        have = best.get(fact.id)
        if have is None or (sure, whole.value is True) > (have.confidence, have.value is True):
            best[fact.id] = Verdict(fact.id, whole.value, kind, sure, rule, _why(asset, nodes, fact, rule, own, kind))


def _configuration(asset: _Asset, nodes: list[_Node], at: int, rule: Rule, own: Outcome) -> Outcome:
    node = nodes[at]
    here = all_of((own, *(asset.outcome(other) for other in node.rules if other is not rule))) if node.joined else own
    outcome = opposite(here) if node.negate else here
    if rule.criterion.cfg_and:
        outcome = all_of((outcome, *(other.outcome(asset.outcome) for place, other in enumerate(nodes) if place != at)))
    return opposite(outcome) if rule.criterion.cfg_negate else outcome


def _why(asset: _Asset, nodes: list[_Node], fact: Known, rule: Rule, own: Outcome, kind: MatchClass) -> str:
    one = rule.criterion
    source = NAMES.get(one.src, one.src.label)
    if own.kind is MatchClass.VERSION_UNKNOWN:
        return f"The version of {fact.label} is not known; {one.text} is affected ({source})"
    if own.kind is MatchClass.VERSION_NA:
        return f"{fact.label} is affected, in a version that is not named ({source})"
    match one.kind:
        case "*" | "-":
            said = f"{fact.label} is affected in any version"
        case "=":
            said = f"{fact.label} is the affected version {one.text}"
        case _:
            said = f"{fact.label} lies in {one.text}"
    doubt = _doubt(asset, nodes, fact, one, kind)
    return f"{said} ({source}){f'; {doubt}' if doubt else ''}"


def _doubt(asset: _Asset, nodes: list[_Node], fact: Known, one: Criterion, kind: MatchClass) -> str:
    match kind:
        case MatchClass.LIKELY:
            wanted = ", ".join(f"{attribute} {value}" for attribute, value in one.attributes.items())
            return f"whether it is that for {wanted} was not observed" if wanted else "part of the platform was not observed"
        case MatchClass.BASE_AMBIGUOUS:
            return "the advisory lists this version with other updates"
        case MatchClass.PLATFORM_UNKNOWN:
            others = [
                f"{rule.criterion.vendor} {rule.criterion.product}"
                for node in nodes
                for rule in node.rules
                if asset.outcome(rule) == Outcome(None, MatchClass.PLATFORM_UNKNOWN)
            ]
            return f"whether it runs on {' or '.join(others[:3])} is not known"
        case MatchClass.BACKPORT:
            return f"{fact.build} is a distribution's build, which may hold the fix"
        case _:
            return ""
