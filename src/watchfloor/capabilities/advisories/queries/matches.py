"""Matches of an organisation as they are stored, and how far it has read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
from psycopg.types.json import Jsonb

from watchfloor.capabilities.advisories.engine.weigh import Match
from watchfloor.capabilities.advisories.schemas.words import Band, Exposure, MatchClass, Source
from watchfloor.kernel.assets.facts import Mark
from watchfloor.kernel.db.ids import new_id

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from datetime import date
    from uuid import UUID

    from watchfloor.kernel.db.session import Wire

Place = tuple["UUID", "UUID | None", int]  # asset, fact, CVE
COLUMNS = "class, confidence, src, criterion, exposure, priority, band, why, verdict, due_on"


@dataclass(frozen=True)
class Reader:
    """How far an organisation has read: advisories by revision, facts by mark. `first`: nothing was ever matched."""

    revision: int
    mark: Mark | None
    first: bool


@dataclass(frozen=True)
class Stored:
    """A match with its id; `open` until it was closed."""

    id: UUID
    match: Match
    first_seen: date
    open: bool


def reader(wire: Wire, org: UUID) -> Reader:
    """Return how far this organisation has read, and hold it: whoever else matches for it waits until this transaction ends."""
    wire.execute("insert into adv_reader (org) values (%s) on conflict do nothing", (org,))
    row: Any = wire.execute(
        "select revision, facts_at, facts_id, matched_at from adv_reader where org = %s for update", (org,), binary=True
    ).fetchone()
    revision, at, last, matched = row
    return Reader(revision, Mark(at, last) if at is not None else None, first=matched is None)


def advance(wire: Wire, org: UUID, *, revision: int | None = None, mark: Mark | None = None, done: bool = False) -> None:
    """Write down how far has been read."""
    wire.execute(
        "update adv_reader set revision = greatest(revision, coalesce(%s, revision)), facts_at = coalesce(%s, facts_at), "
        "facts_id = coalesce(%s, facts_id), matched_at = case when %s then wf_now() else matched_at end where org = %s",
        (revision, mark.changed_at if mark else None, mark.id if mark else None, done, org),
    )


def newest(wire: Wire) -> int:
    """Return the revision of the advisory that changed last; 0 without any."""
    row = wire.execute("select coalesce(max(revision), 0) from adv_cve", binary=True).fetchone()
    return int(row[0]) if row else 0


def revised(wire: Wire, after: int, upto: int, limit: int) -> list[tuple[int, int]]:
    """Return the advisories that changed after a revision, as (revision, k), in that order."""
    sql = "select revision, k from adv_cve where revision > %s and revision <= %s order by revision limit %s"
    return wire.execute(sql, (after, upto, limit), binary=True).fetchall()


def vanished(wire: Wire, org: UUID) -> list[int]:
    """Return the CVEs with open matches of which no source says anything any more."""
    sql = (
        "select distinct m.k from adv_match m where m.org = %s and m.gone_at is null and not exists (select from adv_cve c where c.k = m.k)"
    )
    return [row[0] for row in wire.execute(sql, (org,), binary=True)]


def stored(
    wire: Wire, org: UUID, *, assets: Collection[UUID] | None = None, ks: Collection[int] | None = None
) -> dict[Place, Stored]:  # fmt: skip
    """Return the matches of some assets or of some CVEs, closed ones included."""
    sql = (
        f"select id, asset, fact, k, first_seen, gone_at is null, {COLUMNS} from adv_match "  # noqa: S608 - our own columns
        "where org = %(org)s and (%(assets)s::uuid[] is null or asset = any (%(assets)s)) and (%(ks)s::bigint[] is null or k = any (%(ks)s))"
    )
    values = {"org": org, "assets": None if assets is None else list(assets), "ks": None if ks is None else list(ks)}
    return {(row[1], row[2], row[3]): _stored(row) for row in wire.execute(sql, values, binary=True)}


def _stored(row: Any) -> Stored:  # noqa: ANN401 - a row
    number, _asset, _fact, _k, first, still, kind, confidence, src, criterion, exposure, priority, band, why, deadline, due = row
    match = Match(
        kind=MatchClass(kind), confidence=confidence, src=Source(src), criterion=criterion, exposure=Exposure(exposure),
        priority=round(priority, 1), band=Band(band), why=why, deadline=deadline, due_on=due,
    )  # fmt: skip
    return Stored(number, match, first.date(), still)


UPSERT = f"""
insert into adv_match as m (org, id, asset, fact, k, {COLUMNS})
select %(org)s, id, asset, fact, k, {COLUMNS} from jsonb_to_recordset(%(rows)s) as t (
  id uuid, asset uuid, fact uuid, k bigint, class text, confidence real, src smallint, criterion jsonb, exposure text, priority real, band text,
  why jsonb, verdict text, due_on date)
on conflict on constraint adv_match_once do update set
  first_seen = case when m.gone_at is null then m.first_seen else wf_now() end, last_seen = wf_now(), gone_at = null, gone_reason = null,
  {", ".join(f"{name} = excluded.{name}" for name in COLUMNS.split(", "))}
"""  # noqa: S608 - our own columns


def save(wire: Wire, org: UUID, matches: Iterable[tuple[Place, Match]]) -> None:
    """Add matches and replace those that are there; one that was closed opens again."""
    rows = [
        {
            "id": str(new_id()), "asset": str(asset), "fact": str(fact) if fact else None, "k": k, "class": str(one.kind),
            "confidence": one.confidence, "src": int(one.src), "criterion": one.criterion, "exposure": str(one.exposure),
            "priority": one.priority, "band": str(one.band), "why": one.why, "verdict": one.deadline,
            "due_on": one.due_on.isoformat() if one.due_on else None,
        }
        for (asset, fact, k), one in matches
    ]  # fmt: skip
    if rows:
        wire.execute(UPSERT, {"org": org, "rows": Jsonb(rows, dumps=lambda value: msgspec.json.encode(value).decode())})


def close(wire: Wire, org: UUID, closed: Iterable[tuple[UUID, str]]) -> None:
    """Close matches, each for its reason."""
    pairs = list(closed)
    if pairs:
        wire.execute(
            "update adv_match m set gone_at = wf_now(), gone_reason = t.reason from unnest(%s::uuid[], %s::text[]) as t (id, reason) "
            "where m.org = %s and m.id = t.id and m.gone_at is null",
            ([one for one, _reason in pairs], [reason for _one, reason in pairs], org),
        )


def seen_again(wire: Wire, org: UUID, assets: Collection[UUID]) -> None:
    """Say of the open matches of assets that were looked at that they are still there."""
    wire.execute("update adv_match set last_seen = wf_now() where org = %s and asset = any (%s) and gone_at is null", (org, list(assets)))
