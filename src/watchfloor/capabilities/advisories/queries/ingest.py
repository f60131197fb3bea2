"""Write what one source says: a chunk of documents with all that became of them replaces what that source said of the same CVEs before."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from typing import TYPE_CHECKING

from watchfloor.capabilities.advisories.queries import rows
from watchfloor.capabilities.advisories.queries.products import CNA_NAME, NAME_MAX, Name, Products
from watchfloor.capabilities.advisories.schemas.changes import QUIETLY, Cause

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    from watchfloor.capabilities.advisories.schemas.facts import Criterion, Fact, Metric, Normal, Ssvc
    from watchfloor.capabilities.advisories.schemas.words import Source
    from watchfloor.kernel.db.session import Wire

# Why a CVE has to be merged again; added up in adv_touched.mask.
FACTS, CRITERIA, KEV, SSVC, EPSS, EXPLOIT, AGE = (one.value for one in Cause)

CFG_AND, NODE_AND, CFG_NEGATE, NEGATE, SIBLINGS = 1, 2, 4, 8, 16


@dataclass(frozen=True)
class Head:
    """A document as it is kept; `doc` is compressed with the dictionary `dict_id`."""

    k: int
    h: bytes
    source_modified: datetime | None
    dict_id: int | None
    doc: bytes


def differing(wire: Wire, src: Source, heads: Sequence[tuple[int, bytes, datetime | None]]) -> tuple[set[int], set[int]]:
    """Return which of (k, hash, modified) are news, and which of those replace a document that is there.

    A document older than the one we have is none: mirrors lag behind.
    """
    known = {
        k: (h, modified, gone)
        for k, h, modified, gone in wire.execute(
            "select k, h, source_modified, gone_at is not null from adv_raw where src = %s and k = any (%s::bigint[])",
            (int(src), rows.keys(k for k, _h, _modified in heads)),
            binary=True,
        )
    }
    news, old = set(), set()
    for k, h, modified in heads:
        if k in known:
            have, since, gone = known[k]
            if (have == h and not gone) or (not gone and modified and since and modified < since):
                continue
            old.add(k)
        news.add(k)
    return news, old


def replace(
    wire: Wire, src: Source, items: Sequence[tuple[Head, Normal]], old: set[int], *, products: Products, history: int, quiet: bool = False
) -> None:
    """Write a chunk of news; `old` are those of them that the source had told before. All or nothing: the caller's transaction."""
    if old:
        _forget(wire, src, sorted(old), history=history)
    heads, normals = [head for head, _normal in items], [normal for _head, normal in items]
    rows.copy(wire, "adv_raw", RAW_COLUMNS, map(RawRow(src), heads))
    rows.copy(wire, "adv_fact", FACT_COLUMNS, (_fact(one.fact) for one in normals))
    rows.copy(
        wire, "adv_metric", "k, src, version, provider, score, vector, severity", (_metric(m) for one in normals for m in one.metrics)
    )
    ssvcs = [one.ssvc for one in normals if one.ssvc is not None]
    if ssvcs:
        rows.copy(wire, "adv_ssvc", "k, src, exploitation, automatable, total, at, role, version", map(_ssvc, ssvcs))
    _write_criteria(wire, normals, products)
    _write_aliases(wire, src, normals)
    touch(wire, [one.k for one in heads], FACTS | CRITERIA, quiet=quiet)


def touch(wire: Wire, ks: Sequence[int], mask: int, *, quiet: bool = False) -> None:
    """Ask for these CVEs to be merged again; quietly where what is said of them is no news."""
    wire.execute(
        "insert into adv_touched (k, mask) select k, %s from unnest(%s::bigint[]) as t (k) group by k "
        "on conflict (k) do update set mask = adv_touched.mask | excluded.mask",
        (mask << QUIETLY if quiet else mask, rows.keys(ks)),
    )


def _forget(wire: Wire, src: Source, ks: list[int], *, history: int) -> None:
    text = rows.keys(ks)
    if history:
        wire.execute(
            "insert into adv_raw_old (src, k, fetched_at, h, source_modified, dict_id, doc) select src, k, fetched_at, h, source_modified, "
            "dict_id, doc from adv_raw where src = %s and k = any (%s::bigint[]) on conflict do nothing",
            (int(src), text),
        )
    for table in ("adv_raw", "adv_fact", "adv_metric", "adv_ssvc", "adv_criterion", "adv_alias"):
        wire.execute(f"delete from {table} where src = %s and k = any (%s::bigint[])", (int(src), text))  # noqa: S608 - our own tables


RAW_COLUMNS = "src, k, h, source_modified, dict_id, doc"


class RawRow:
    """Packs documents of one source as rows of adv_raw."""

    def __init__(self, src: Source) -> None:
        self._head = b"\0\x06" + rows.int2(src)

    def __call__(self, one: Head) -> bytes:
        """Pack one document."""
        return (
            self._head
            + rows.int8(one.k)
            + rows.data(one.h)
            + rows.moment(one.source_modified)
            + rows.int4(one.dict_id)
            + rows.data(one.doc)
        )


FACT_COLUMNS = "src, k, state, status, title, descr, published, modified, cwes, flags, exploited_since, replaced_by"


def _fact(one: Fact) -> bytes:
    return b"".join((
        b"\0\x0c", rows.int2(one.src), rows.int8(one.k), rows.int2(one.state), rows.text(one.status), rows.text(one.title), rows.text(one.descr),
        rows.moment(one.published), rows.moment(one.modified), rows.texts(one.cwes), rows.int4(one.flags), rows.moment(one.exploited_since),
        rows.texts(one.replaced_by),
    ))  # fmt: skip


def _metric(one: Metric) -> bytes:
    return b"".join((
        b"\0\x07", rows.int8(one.k), rows.int2(one.src), rows.text(one.version), rows.int2(one.provider), rows.real(one.score),
        rows.text(one.vector), rows.text(one.severity),
    ))  # fmt: skip


def _ssvc(one: Ssvc) -> bytes:
    return b"".join((
        b"\0\x08", rows.int8(one.k), rows.int2(one.src), rows.int2(one.exploitation), rows.flag(one.automatable), rows.flag(one.total),
        rows.moment(one.at), rows.text(one.role), rows.text(one.version),
    ))  # fmt: skip


CRITERION_COLUMNS = "k, src, cfg, node, pos, logic, vulnerable, product_id, factor, kind, rng, upd, attrs, text, fix"
_CRITERION = struct.Struct("!h" + "iq" + "ih" + "iiiiii" + "ih" + "i?" + "ii" + "if").pack


def product_of(one: Criterion) -> Name:
    """Return the name by which the product of a criterion is numbered."""
    return (CNA_NAME if one.names else one.part, one.vendor[:NAME_MAX], one.product[:NAME_MAX])


def _write_criteria(wire: Wire, normals: Sequence[Normal], products: Products) -> None:
    criteria = list(chain.from_iterable(one.criteria for one in normals))
    if not criteria:
        return
    names = list(map(product_of, criteria))
    numbers = products.number(wire, set(names))
    rows.copy(wire, "adv_criterion", CRITERION_COLUMNS, map(_criterion, criteria, map(numbers.__getitem__, names)))


def _criterion(one: Criterion, product: int) -> bytes:
    logic = (
        (CFG_AND if one.cfg_and else 0) | (NODE_AND if one.node_and else 0) | (CFG_NEGATE if one.cfg_negate else 0)
        | (NEGATE if one.negate else 0) | (SIBLINGS if one.siblings else 0)
    )  # fmt: skip
    versions = _versions(one.kind, one.lo, one.hi, one.lo_inclusive, one.hi_inclusive, one.update)
    attributes = rows.document(one.attributes) if one.attributes else rows.NULL
    return b"".join((
        _CRITERION(15, 8, one.k, 2, one.src, 4, one.cfg, 4, one.node, 4, one.pos, 2, logic, 1, one.vulnerable, 4, product, 4, one.factor),
        versions, attributes, rows.word(one.text), rows.word(one.fix),
    ))  # fmt: skip


# Versions come again and again: 1.0 is one of ten thousand products.
@lru_cache(maxsize=32_768)
def _versions(kind: str, lo: bytes | None, hi: bytes | None, lo_inclusive: bool, hi_inclusive: bool, update: str) -> bytes:  # noqa: FBT001 - a key of the cache
    bounded = kind in "=r"
    return (
        rows.text(kind)
        + (rows.version_range(lo, hi, lo_inclusive=lo_inclusive, hi_inclusive=hi_inclusive) if bounded else rows.NULL)
        + (rows.NULL if update == "*" else rows.text(update))
    )


def _write_aliases(wire: Wire, src: Source, normals: Iterable[Normal]) -> None:
    def packed() -> Iterator[bytes]:
        for one in normals:
            for alias in sorted(set(one.aliases)):
                yield b"\0\x03" + rows.text(alias[:NAME_MAX]) + rows.int8(one.fact.k) + rows.int2(src)

    lines = list(packed())
    if lines:
        wire.execute("create temp table if not exists adv_in_alias (alias text, k bigint, src smallint) on commit drop")
        rows.copy(wire, "adv_in_alias", "alias, k, src", lines)
        wire.execute("insert into adv_alias select alias, k, src from adv_in_alias on conflict (alias, k) do nothing")
        wire.execute("truncate adv_in_alias")
