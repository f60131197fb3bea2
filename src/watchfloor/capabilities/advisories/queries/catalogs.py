"""Write entries of catalogs and names of exploits; what a complete set no longer holds is gone, and is kept with the time it went."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from watchfloor.capabilities.advisories.queries import rows
from watchfloor.capabilities.advisories.queries.ingest import EXPLOIT, FACTS, KEV, RAW_COLUMNS, RawRow, touch
from watchfloor.capabilities.advisories.schemas.words import Source

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from watchfloor.capabilities.advisories.queries.ingest import Head
    from watchfloor.capabilities.advisories.schemas.facts import Kev
    from watchfloor.kernel.db.session import Wire

WEAPONISED = 2


@dataclass(frozen=True)
class Exploited:
    """A CVE for which exploits are published; `ref` names them."""

    k: int
    ref: str


def write_kev(wire: Wire, entries: Sequence[Kev], *, quiet: bool = False) -> None:
    """Write entries of catalogs over what they were before."""
    if not entries:
        return
    wire.execute("create temp table if not exists adv_in_kev (like adv_kev) on commit drop")
    columns = "k, catalog, added, due, ransomware, action, name, extra"
    rows.copy(wire, "adv_in_kev", columns, map(_kev, entries))
    wire.execute(
        f"insert into adv_kev ({columns}) select {columns} from adv_in_kev on conflict (k, catalog) do update set added = excluded.added, "  # noqa: S608 - our own columns
        "due = excluded.due, ransomware = excluded.ransomware, action = excluded.action, name = excluded.name, extra = excluded.extra, removed_at = null"
    )
    wire.execute("truncate adv_in_kev")
    touch(wire, [one.k for one in entries], KEV, quiet=quiet)


def _kev(one: Kev) -> bytes:
    return b"".join((
        b"\0\x08", rows.int8(one.k), rows.int2(one.catalog), rows.moment(one.added), rows.moment(one.due), rows.flag(one.ransomware),
        rows.text(one.action), rows.text(one.name), rows.document(one.extra),
    ))  # fmt: skip


def write_exploits(wire: Wire, src: Source, exploits: Sequence[Exploited], *, quiet: bool = False) -> None:
    """Write which CVEs exploits name; who publishes modules has weapons, not proofs."""
    wire.execute(
        "insert into adv_exploit (k, src, kind, ref) select k, %s, %s, ref from unnest(%s::bigint[], %s::text[]) as t (k, ref) "
        "on conflict (k, src) do update set kind = excluded.kind, ref = excluded.ref",
        (int(src), WEAPONISED, [one.k for one in exploits], [one.ref[:500] for one in exploits]),
    )
    touch(wire, [one.k for one in exploits], EXPLOIT, quiet=quiet)


def write_raw(wire: Wire, src: Source, documents: Iterable[Head], old: Collection[int]) -> None:
    """Write documents that have no facts of their own; `old` are those of them that were there before."""
    if old:
        wire.execute("delete from adv_raw where src = %s and k = any (%s)", (int(src), sorted(old)))
    rows.copy(wire, "adv_raw", RAW_COLUMNS, map(RawRow(src), documents))


def lose(wire: Wire, src: Source, seen: Collection[int], *, low: int, high: int) -> int:
    """Take back what a source said of CVEs from `low` to `high` that a complete set no longer names; return how many those are."""
    held = {
        k
        for (k,) in wire.execute(
            "select k from adv_raw where src = %s and gone_at is null and k between %s and %s", (int(src), low, high), binary=True
        )
    }
    gone = sorted(held.difference(seen))
    if gone:
        wire.execute("update adv_raw set gone_at = wf_now() where src = %s and k = any (%s)", (int(src), gone))
        if src in {Source.KEV, Source.EU_KEV}:
            catalog = 1 if src is Source.KEV else 2
            wire.execute(
                "update adv_kev set removed_at = wf_now() where catalog = %s and removed_at is null and k = any (%s)", (catalog, gone)
            )
        for table in ("adv_fact", "adv_metric", "adv_ssvc", "adv_criterion", "adv_alias", "adv_exploit"):
            wire.execute(f"delete from {table} where src = %s and k = any (%s)", (int(src), gone))  # noqa: S608 - our own tables
        touch(wire, gone, FACTS | KEV | EXPLOIT)
    return len(gone)
