"""Match products that somebody names, as if an asset ran them: nothing is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import NAMESPACE_OID, UUID, uuid5

from watchfloor.capabilities.advisories.engine.cpe import Logical, ParseError, parse
from watchfloor.capabilities.advisories.engine.observed import observed
from watchfloor.capabilities.advisories.engine.weigh import weigh
from watchfloor.capabilities.advisories.queries.decisions import decisions
from watchfloor.capabilities.advisories.queries.inventory import Held, Running
from watchfloor.capabilities.advisories.queries.numbering import number
from watchfloor.capabilities.advisories.queries.settled import settled
from watchfloor.capabilities.advisories.schemas.faces import MatchView, Tried, Undecided
from watchfloor.capabilities.advisories.schemas.words import State
from watchfloor.kernel.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from watchfloor.capabilities.advisories.engine.match import Verdict
    from watchfloor.capabilities.advisories.schemas.faces import MatchRequest
    from watchfloor.kernel.db.session import Wire

KINDS = {"a": "service", "o": "os", "h": "hardware"}
SHOWN = 5_000
AT_ONCE = 5_000


def try_match(wire: Wire, request: MatchRequest, *, on: date, least: float) -> Tried:
    """Return which advisories affect what is named, the most urgent first; those less sure than `least` are candidates.

    Every item is an asset of its own, on which the platform runs as well.

    Raises:
        InvalidInput: A name is no CPE name.
    """
    platform = [_named(text, n, "/platform") for n, text in enumerate(request.platform)]
    items = [(text, _named(text, n, "/cpes")) for n, text in enumerate(request.cpes)]
    items += [(f"{one.text} {one.version}".strip(), _running("service", one.text, one.version, ())) for one in request.products]
    held = {UUID(int=n): Held(UUID(int=n), text, request.exposure, [fact, *platform]) for n, (text, fact) in enumerate(items, start=1)}
    found = [
        (k, asset, verdict)
        for k, several in decisions(wire, held, least=0.0)
        for asset, fact, verdict in several
        if fact is held[asset].facts[0]
    ]
    views = _weighed(wire, found, held, on)
    sure = [one for one in views if one.confidence >= least]
    unsure = [one for one in views if one.confidence < least]
    return Tried(
        matches=sure[:SHOWN], candidates=unsure[:SHOWN] if request.candidates else [], matches_total=len(sure), candidates_total=len(unsure),
        undecided=_undecided(wire, list(held.values())),
    )  # fmt: skip


def _named(text: str, n: int, field: str) -> Running:
    try:
        name = parse(text)
    except ParseError as error:
        raise InvalidInput(str(error), field=f"{field}/{n}") from error
    version = name.version if isinstance(name.version, str) else ""
    return _running("service" if isinstance(name.part, Logical) else KINDS[name.part], "", version.replace("\\", ""), (text,))


def _running(kind: str, product: str, version: str, cpes: tuple[str, ...]) -> Running:
    seen = observed(kind, product, version, "", cpes)
    return Running(uuid5(NAMESPACE_OID, repr((kind, product, version, cpes))), kind, 0, "", product, version, seen)


def _weighed(wire: Wire, found: Sequence[tuple[int, UUID, Verdict]], held: dict[UUID, Held], on: date) -> list[MatchView]:
    views: list[MatchView] = []
    for start in range(0, len(found), AT_ONCE):
        chunk = found[start : start + AT_ONCE]
        records = settled(wire, sorted({k for k, _asset, _verdict in chunk}))
        for k, asset, verdict in chunk:
            merged = records[k].merged if k in records else None
            if merged is None or merged.state is State.REJECTED or merged.merged_into is not None:
                continue
            one = weigh(verdict, merged, held[asset].exposure, held[asset].key, on, on)
            views.append(
                MatchView(
                    item=held[asset].key, id=merged.cve_id, title=merged.title or merged.descr[:200], priority=one.priority, band=one.band,
                    confidence=round(one.confidence, 3), match_class=one.kind, certain=verdict.value is True, why=verdict.why, source=one.src.label,
                    versions=one.criterion["text"], fix=one.criterion["fix"], kev=merged.kev, deadline=one.deadline,
                )
            )  # fmt: skip
    return sorted(views, key=lambda one: (-one.priority, -one.confidence, one.id, one.item))


def _undecided(wire: Wire, held: Sequence[Held]) -> list[Undecided]:
    """Say of which items nothing, or not enough, is known."""
    told: list[Undecided] = []
    things = [one.facts[0].observed.things for one in held]
    flat = [thing for several in things for thing in several]
    seen = number(wire, flat).seen
    at = 0
    for one, several in zip(held, things, strict=True):
        known = any(seen.get(n) for n in range(at, at + len(several)))
        at += len(several)
        if not known:
            told.append(Undecided(item=one.key, reason="No advisory names this product, under this name at least."))
        elif not any(thing.version for thing in several):
            told.append(Undecided(item=one.key, reason="Its version is not known: everything found is a candidate."))
    return told
