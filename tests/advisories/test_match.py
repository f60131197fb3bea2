"""Matching in the database: what one statement decides for many things is what the engine decides for each."""

from __future__ import annotations

import gzip
import random
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from tests.advisories.data import shared
from watchfloor.capabilities.advisories.engine.confidence import FACTORS
from watchfloor.capabilities.advisories.engine.match import Known, Verdict, decide
from watchfloor.capabilities.advisories.engine.normalise.cve_list import cve_list
from watchfloor.capabilities.advisories.engine.normalise.nvd import nvd
from watchfloor.capabilities.advisories.engine.observed import Thing
from watchfloor.capabilities.advisories.engine.versions import key
from watchfloor.capabilities.advisories.queries import match
from watchfloor.capabilities.advisories.queries.criteria import rules as rules_of
from watchfloor.capabilities.advisories.queries.curator import curating
from watchfloor.capabilities.advisories.queries.decisions import KEPT_FROM
from watchfloor.capabilities.advisories.queries.ingest import Head, replace
from watchfloor.capabilities.advisories.queries.numbering import Numbered, number
from watchfloor.capabilities.advisories.queries.products import Products
from watchfloor.capabilities.advisories.schemas.facts import Criterion, Fact, Normal
from watchfloor.capabilities.advisories.schemas.records.cve_list import CveRecord
from watchfloor.capabilities.advisories.schemas.records.nvd import NvdRecord  # noqa: TC001 - msgspec reads annotations when the program runs
from watchfloor.capabilities.advisories.schemas.words import MatchClass, Source, key_of
from watchfloor.kernel.db.session import wire_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path
    from uuid import UUID

    from watchfloor.kernel.db.session import Wire
    from watchfloor.kernel.jobs.ledger import Ledger

K = 20240000006387


@pytest.fixture
def told(ledger: Ledger, org: UUID) -> Iterator[tuple[Wire, Callable[..., None]]]:
    """Be in a transaction, and have a function that lets a source say something."""

    class _BackAgainError(Exception):
        pass

    with pytest.raises(_BackAgainError), ledger.database.transaction(org) as session:
        wire_of(session).execute("set local statement_timeout = '120s'; set local idle_in_transaction_session_timeout = 0")
        products = Products()

        def say(normals: Iterable[Normal]) -> None:
            by_source: dict[Source, list[Normal]] = {}
            for one in normals:
                by_source.setdefault(one.fact.src, []).append(one)
            with curating(session) as wire:
                for src, items in by_source.items():
                    incoming = [(Head(one.fact.k, b"h" * 16, None, None, b"doc"), one) for one in items]
                    replace(wire, src, incoming, set(), products=products, history=0)

        yield wire_of(session), say
        raise _BackAgainError


def _said(*criteria: Criterion, src: Source = Source.NVD) -> Normal:
    k = criteria[0].k if criteria else K
    placed = tuple(msgspec.structs.replace(one, pos=pos) for pos, one in enumerate(criteria))
    return Normal(fact=Fact(k=k, src=src), criteria=placed)


def _criterion(**members: Any) -> Criterion:
    plain = {
        "k": K,
        "src": Source.NVD,
        "part": "a",
        "vendor": "openbsd",
        "product": "openssh",
        "kind": "r",
        "hi": key("9.8"),
        "text": "< 9.8",
    }
    return Criterion(**{**plain, **members})


def _thing(version: str = "8.9", **members: Any) -> Thing:
    return Thing(**{"part": "a", "vendor": "openbsd", "product": "openssh", "version": version, **members})


def _found(wire: Wire, *things: Thing, **options: Any) -> list[tuple[int, int, MatchClass | None, float]]:
    return [(*place, kind, sure) for place, (kind, sure, _engine) in sorted(_hits(wire, number(wire, things), **options).items())]


def _hits(wire: Wire, things: Numbered, **options: Any) -> dict[tuple[int, int], tuple[MatchClass | None, float, bool]]:
    """Return what each thing is to each CVE: of the criteria that decide by themselves the surest, and whether the engine has to decide."""
    found = match.find(wire, things, **options)
    told: dict[tuple[int, int], tuple[MatchClass | None, float, bool]] = {}
    for k in found.ks:
        plain, joined = found.met(k)
        best: dict[int, match.Hit] = {}
        for hit in found.hits(k):
            for n in hit.places if hit.kind is not None else ():
                best[n] = max(hit, best.get(n, hit), key=lambda one: one.sure)
        met, engine = set(plain), set(joined)
        for n in met | engine:
            one = best[n] if n in met else match.Hit((), None, 0.0)
            told[n, k] = (one.kind, one.sure, n in engine)
    return told


def test_things_inside_a_range_are_found(told: tuple[Wire, Callable[..., None]]) -> None:
    wire, say = told
    say([_said(_criterion())])
    assert _found(wire, _thing("9.9"), _thing("8.9"), _thing("8.9", vendor="other")) == [(1, K, MatchClass.EXACT, 1.0)]


def test_products_that_are_one_are_found_by_each_name(told: tuple[Wire, Callable[..., None]]) -> None:
    wire, say = told
    say([_said(_criterion()), _said(_criterion(k=K + 1, vendor="openssh"))])
    wire.execute("set local role wf_advisories")
    wire.execute("update adv_product set canonical = (select id from adv_product where vendor = 'openbsd') where vendor = 'openssh'")
    wire.execute("set local role wf_app")
    assert [hit[:2] for hit in _found(wire, _thing(), _thing(vendor="openssh"))] == [(0, K), (0, K + 1), (1, K), (1, K + 1)]


def test_a_criterion_of_any_part_counts(told: tuple[Wire, Callable[..., None]]) -> None:
    wire, say = told
    say([_said(_criterion(), _criterion(k=K, part="*", hi=key("99")))])
    assert _found(wire, _thing("50")) == [(0, K, MatchClass.EXACT, 1.0)]


@pytest.mark.parametrize(
    ("support", "against", "origin", "sure"),
    [(3, 0, "learned", 0.7), (9, 1, "learned", 0.63), (2, 0, "learned", None), (8, 1, "learned", None), (0, 0, "manual", 0.7)],
)
def test_names_of_a_cna_are_taken_through_the_map(
    told: tuple[Wire, Callable[..., None]], support: int, against: int, origin: str, sure: float | None
) -> None:
    wire, say = told
    cna = _criterion(src=Source.CVE_LIST, vendor="openbsd project", product="portable openssh", names=True, factor=0.7)
    say([_said(cna, src=Source.CVE_LIST), _said(_criterion(k=K + 1, hi=key("1.0")))])
    wire.execute("set local role wf_advisories")
    wire.execute(
        "insert into adv_name_map (name_id, product_id, support, against, origin) "
        "select (select id from adv_product where part = 'c'), (select id from adv_product where vendor = 'openbsd'), %s, %s, %s",
        (support, against, origin),
    )
    wire.execute("set local role wf_app")
    found = _found(wire, _thing())
    assert [(hit[1], round(hit[3], 2)) for hit in found] == ([] if sure is None else [(K, sure)])


def test_what_nvd_says_of_a_product_stands_before_others(told: tuple[Wire, Callable[..., None]]) -> None:
    wire, say = told
    say([_said(_criterion(hi=key("8.0"))), _said(_criterion(src=Source.CVE_LIST, factor=0.9), src=Source.CVE_LIST)])
    assert _found(wire, _thing("8.9")) == []


def test_overrides_that_say_nothing_suppress_what_the_cna_says(told: tuple[Wire, Callable[..., None]]) -> None:
    wire, say = told
    say([_said(_criterion(src=Source.CVE_LIST, factor=0.9), src=Source.CVE_LIST)])
    assert len(_found(wire, _thing("8.9"))) == 1
    say([Normal(fact=Fact(k=K, src=Source.OVERRIDES))])
    assert _found(wire, _thing("8.9")) == []


def test_what_is_joined_is_left_to_the_engine(told: tuple[Wire, Callable[..., None]]) -> None:
    wire, say = told
    platform = _criterion(part="o", vendor="microsoft", product="windows", kind="-", hi=None, vulnerable=False, node=1, cfg_and=True)
    say([_said(_criterion(cfg_and=True), platform)])
    found = match.find(wire, number(wire, [_thing()]))
    assert [(k, found.met(k)) for k in found.ks] == [(K, ([], [0]))]


def test_only_the_advisories_asked_about_are_looked_at(told: tuple[Wire, Callable[..., None]]) -> None:
    wire, say = told
    say([_said(_criterion()), _said(_criterion(k=K + 1))])
    assert [hit[1] for hit in _found(wire, _thing(), only=[K + 1])] == [K + 1]
    assert _found(wire, _thing(), only=[]) == []


def test_what_is_less_sure_than_asked_for_is_left_out(told: tuple[Wire, Callable[..., None]]) -> None:
    wire, say = told
    say([_said(_criterion(kind="-", hi=None))])
    assert _found(wire, _thing(), least=0.31) == []
    assert _found(wire, _thing(), least=0.25) == [(0, K, MatchClass.VERSION_NA, 0.3)]


def test_a_text_means_the_one_product_of_that_name(told: tuple[Wire, Callable[..., None]]) -> None:
    wire, say = told
    say(
        [
            _said(_criterion(product="secure_shell")),
            _said(_criterion(k=K + 1, product="twin", vendor="a")),
            _said(_criterion(k=K + 2, product="twin", vendor="b")),
        ]
    )
    assert [hit[:2] for hit in _found(wire, _thing(vendor="", product="secure shell"), _thing(vendor="", product="twin"))] == [(0, K)]


# SQL and engine agree


class _Item(msgspec.Struct):
    cve: NvdRecord


class _Feed(msgspec.Struct):
    vulnerabilities: list[_Item]


def _feed(path: Path) -> Iterator[Normal]:
    for item in msgspec.json.decode(gzip.decompress(path.read_bytes()), type=_Feed).vulnerabilities:
        if k := key_of(item.cve.id):
            yield nvd(k, item.cve)


def _records(path: Path) -> Iterator[Normal]:
    decoder = msgspec.json.Decoder(CveRecord)
    with gzip.open(path) as lines:
        for line in lines:
            record = decoder.decode(line)
            if k := key_of(record.cve_metadata.cve_id):
                yield cve_list(k, record)


def _things(normals: Iterable[Normal], *, seed: int) -> list[Thing]:
    """Return things at, beside and far from the bounds of every criterion, and some whose version nobody knows."""
    chance = random.Random(seed)  # noqa: S311 - which versions are asked for is no secret
    found: dict[Thing, None] = {}
    for normal in normals:
        for one in normal.criteria:
            if not one.vulnerable or one.names:
                continue
            said = [word.strip("<>=, ") for word in one.text.split(", ")] if one.kind in "=r" else ["1.0"]
            versions = [version.split(" ")[0].removesuffix(".*") for version in said] + [chance.choice(["", "-", "0.1", "99.9"])]
            for version in versions:
                shape = chance.choice([("", "*"), (".1", "*"), ("p1", "*"), ("", "p1"), ("", "-"), ("", one.update)])
                attributes = tuple(one.attributes.items()) if chance.random() < 0.1 else ()
                thing = Thing(
                    one.part if one.part != "*" else "a",
                    one.vendor,
                    one.product,
                    version + shape[0] if version not in {"", "-"} else version,
                    shape[1],
                    attributes,
                )
                found.setdefault(thing)
    return list(found)


def _by_engine(wire: Wire, numbered: Numbered, candidates: dict[int, list[int]]) -> dict[tuple[int, int], Verdict]:
    """Decide every thing against every CVE that names its product."""
    rules = rules_of(wire, {k for ks in candidates.values() for k in ks})
    by_product: dict[int, list[int]] = {}
    for n, several in numbered.seen.items():
        for one in several:
            by_product.setdefault(one.product, []).append(n)
    found = {}
    for k, said in rules.items():
        for n in sorted({n for rule in said if rule.criterion.vulnerable for n in by_product.get(rule.product, ())}):
            for verdict in decide(said, [Known(str(n), "it", numbered.seen[n])]):
                found[n, k] = verdict
    return found


@pytest.mark.data
@pytest.mark.slow
def test_one_statement_and_the_engine_agree_on_every_criterion(told: tuple[Wire, Callable[..., None]]) -> None:
    wire, say = told
    normals = [*_feed(shared("nvd/feeds/nvdcve-2.0-2003.json.gz")), *_feed(shared("nvd/feeds/nvdcve-2.0-modified.json.gz")),
               *_records(shared("cve5/cve5-sample-3000.jsonl.gz"))]  # fmt: skip
    first = {(one.fact.src, one.fact.k): one for one in normals}
    say(first.values())
    things = _things(first.values(), seed=1)[::4]
    numbered = number(wire, things)
    hits = _hits(wire, numbered)
    engine = _by_engine(wire, numbered, {0: [k for _src, k in first]})
    assert len(things) > 5_000
    assert len(engine) > 5_000
    assert {place for place, (_kind, _sure, joined) in hits.items() if not joined} <= set(engine)
    for place, verdict in engine.items():
        kind, sure, joined = hits[place]
        if kind is not None and (not joined or sure > verdict.confidence):
            assert verdict.kind == kind, (things[place[0]], place[1], verdict)
            assert sure == pytest.approx(verdict.confidence, abs=0.002), (things[place[0]], place[1], verdict)
        assert joined or verdict.confidence == pytest.approx(verdict.rule.factor * FACTORS[verdict.kind], abs=0.002)
    kept = _hits(wire, numbered, least=KEPT_FROM)
    assert {place for place, verdict in engine.items() if verdict.confidence >= KEPT_FROM} <= set(kept) < set(hits)
