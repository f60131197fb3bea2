"""Hold one watch against the changes of advisories and the matches of assets, those it has not seen yet or those of past days."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from watchfloor.capabilities.advisories.engine.watch import value_of
from watchfloor.capabilities.advisories.queries.search import Asked, compiled
from watchfloor.capabilities.advisories.queries.watches import LAST, missing
from watchfloor.capabilities.advisories.schemas.changes import Kind
from watchfloor.capabilities.advisories.schemas.watches import BAND_CHANGED, CLOSED, CONFIDENCE_RAISED, KINDS, NEW, Hit, WatchTest
from watchfloor.capabilities.advisories.schemas.words import Source, name_of
from watchfloor.kernel.db.ids import first_id
from watchfloor.kernel.db.session import wire_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy.orm import Session

    from watchfloor.kernel.db.filters import Filter
    from watchfloor.kernel.db.session import Wire

SHOWN = 20  # assets of a hit
AHEAD = timedelta(hours=1)  # no clock of a worker is further from the database's
ENDING = (str(Kind.REJECTED), str(Kind.REMOVED))
TESTED = 100
COUNTED = 10_000
LOCK = f"""
select id, name, query, kinds, min_score, asset_tags, since_change, {LAST}, greatest(armed_at, seen_until - make_interval(secs => %(overlap)s)), wf_now()
from adv_watch where org = %(org)s and id = %(id)s and enabled for update
"""  # noqa: S608 - our own text
PAST = f"""
select id, name, query, kinds, min_score, asset_tags,
  coalesce((select id from adv_change where at < wf_now() - make_interval(days => %(days)s) order by id desc limit 1), 0), {LAST},
  wf_now() - make_interval(days => %(days)s), wf_now()
from adv_watch where org = %(org)s and id = %(id)s
"""  # noqa: S608 - our own text
# What an asset has to have, and what a match has to be sure of; `least` is where findings begin.
# Where a record ends, its matches may have ended before anybody looked.
MATCHED = """
select from adv_match m join asset a on (a.org, a.id) = (m.org, m.asset)
where m.org = %(org)s and m.k = ch.k and m.confidence >= %(least)s and m.priority >= %(score)s
  and (m.gone_at is null or (ch.kind = any (%(ending)s) and m.gone_at > ch.at - interval '1 day'))
"""
TAGGED = f"exists ({MATCHED} and a.tags && %(tags)s::text[])"
URGENT = f"(coalesce(c.priority, (ch.old->>'priority')::real) >= %(score)s or exists ({MATCHED}))"
# A record that is rejected or removed has lost what a watch asked for: whoever was told of it before is told that as well.
TOLD_BEFORE = "ch.kind = any (%(ending)s) and exists (select from adv_watch_hit h where (h.org, h.watch, h.k) = (%(org)s, %(watch)s, ch.k))"
CHANGES = """
select ch.id, ch.k, ch.kind, ch.old, ch.new, ch.src, ch.at, c.cve_id, x.title, c.priority, c.band
from adv_change ch left join adv_cve c on c.k = ch.k left join adv_text x on x.k = ch.k
where ch.id > %(since)s and ch.id <= %(upto)s and not ch.quiet and ch.kind = any (%(kinds)s) and c.merged_into is null
  and (c.k is not null or ch.kind = %(removed)s)
"""
# Of what was told already nothing comes again, so a page of the rest is always the next one.
MATCHES = """
select m.asset, {at} as at, m.gone_reason, m.priority, m.band, m.verdict, m.due_on, c.k, c.cve_id, x.title, {value}
from adv_match m join adv_cve c on c.k = m.k join adv_text x on x.k = m.k join asset a on (a.org, a.id) = (m.org, m.asset)
where m.org = %(org)s and m.confidence >= %(least)s and m.priority >= %(score)s and {at} >= %(from)s and m.gone_at is {gone} null
  and (%(tags)s::text[] = '{{}}' or a.tags && %(tags)s::text[]) and not exists (select from adv_watch_hit h
    where h.org = m.org and h.watch = %(watch)s and h.k = m.k and h.kind = %(kind)s and h.value = {value} and not %(again)s)
"""
# The number that an advisory's name stands for (`schemas.words.key_of`): names have no index. An EUVD id's is negative.
KEY = """(case when e.data->>'cve' ~ '^(CVE|EUVD)-[0-9]{{4}}-[0-9]{{1,10}}$' then
  (case split_part(e.data->>'cve', '-', 1) when 'CVE' then 1 else -1 end)
  * (split_part(e.data->>'cve', '-', 2)::bigint * 10000000000 + split_part(e.data->>'cve', '-', 3)::bigint) end)"""
EVENTS = f"""
select e.at, e.data, c.k, c.cve_id, x.title, {{value}} from event e join adv_cve c on c.k = {KEY} join adv_text x on x.k = c.k
where e.org = %(org)s and e.id >= %(first)s and e.name = %(kind)s and e.at >= %(from)s and (e.data->>'priority')::real >= %(score)s
  and (%(tags)s::text[] = '{{{{}}}}' or exists (select from adv_match m join asset a on (a.org, a.id) = (m.org, m.asset)
    where m.org = e.org and m.k = c.k and a.tags && %(tags)s::text[]
      and (e.data->'assets' ? m.asset::text or (e.data->>'count')::integer > jsonb_array_length(e.data->'assets'))))
  and not exists (select from adv_watch_hit h
    where h.org = e.org and h.watch = %(watch)s and h.k = c.k and h.kind = %(kind)s and h.value = {{value}} and not %(again)s)
"""  # noqa: S608 - our own text
RAISED = "(e.data->>'new') || ' ' || md5((e.data->'assets')::text)"
WHERE = "m.asset || ':' || coalesce(m.fact::text, '')"
ENDED = f"{WHERE} || ' ' || to_char(m.gone_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI')"
TOLD = """
insert into adv_watch_hit (org, watch, k, kind, value) select %s, %s, * from unnest(%s::bigint[], %s::text[], %s::text[])
on conflict do nothing returning k, kind, value
"""
ASSETS = """
select k, count(distinct asset), (array_agg(distinct asset))[1:%s] from adv_match
where org = %s and k = any (%s) and gone_at is null and confidence >= %s group by k
"""


@dataclass(frozen=True)
class Watch:
    """A watch as it is looked with: `upto` is the newest change that it may see."""

    org: UUID
    id: UUID
    name: str
    query: str
    kinds: tuple[str, ...]
    min_score: float
    tags: tuple[str, ...]
    since: int
    upto: int
    seen_from: datetime
    now: datetime

    @property
    def wanted(self) -> tuple[str, ...]:
        """Return the kinds it listens for."""
        return self.kinds or KINDS


@dataclass(frozen=True)
class Seen:
    """One thing that happened, with what makes it a new one."""

    k: int
    value: str
    hit: Hit
    asset: UUID | None = None  # of a match that began or ended
    whole: bool = False  # the hit names its assets already


def locked(wire: Wire, org: UUID, watch: UUID, *, overlap: int) -> Watch | None:
    """Return a watch for looking, held for this transaction; None when it is gone or switched off.

    Matches are looked at again for `overlap` seconds: they are written by transactions that may end after later ones.
    """
    row: Any = wire.execute(LOCK, {"org": org, "id": watch, "overlap": overlap}).fetchone()
    return _watch(org, row) if row else None


def happened(wire: Wire, watch: Watch, *, least: float, limit: int) -> tuple[list[Seen], int]:
    """Return the next changes that a watch is for, oldest first, and the last change that was looked at."""
    found, values = _filter(wire, watch, least)
    sql = f"{CHANGES} and {_conditions(watch, found)} order by ch.id limit {limit}"
    rows = wire.execute(sql.encode(), values, prepare=False).fetchall()
    return [_changed(row) for row in rows], rows[-1][0] if len(rows) == limit else watch.upto


def matched(wire: Wire, watch: Watch, *, least: float, limit: int, again: bool = False) -> list[Seen]:
    """Return the next matches that began or ended for a watch and were not told yet, or `again` those that were; one for each asset."""
    seen: list[Seen] = []
    for kind, at, value, gone in ((NEW, "m.first_seen", WHERE, ""), (CLOSED, "m.gone_at", ENDED, "not")):
        if kind in watch.wanted:
            found, values = _filter(wire, watch, least)
            sql = f"{MATCHES.format(at=at, gone=gone, value=value)} and ({found.sql}) order by at, c.k limit {limit}"
            rows = wire.execute(sql.encode(), values | {"watch": watch.id, "kind": kind, "again": again}, prepare=False)
            seen += [_met(kind, row) for row in rows]
    for kind in (BAND_CHANGED, CONFIDENCE_RAISED):
        if kind in watch.wanted:
            found, values = _filter(wire, watch, least)
            sql = f"{EVENTS.format(value=RAISED)} and ({found.sql}) order by e.id limit {limit}"
            asked = {"watch": watch.id, "kind": kind, "again": again, "first": first_id(watch.seen_from - AHEAD)}
            seen += [_raised(kind, row) for row in wire.execute(sql.encode(), values | asked, prepare=False)]
    return seen


def fresh(wire: Wire, watch: Watch, seen: Sequence[Seen]) -> list[Seen]:
    """Note what a watch tells now and return what it has not told before."""
    if not seen:
        return []
    columns = [[one.k for one in seen], [one.hit.kind for one in seen], [one.value for one in seen]]
    told = set(wire.execute(TOLD, (watch.org, watch.id, *columns)).fetchall())
    kept = []
    for one in seen:
        if (one.k, one.hit.kind, one.value) in told:
            told.discard((one.k, one.hit.kind, one.value))
            kept.append(one)
    return kept


def hits(wire: Wire, org: UUID, seen: Sequence[Seen], *, least: float) -> list[Hit]:
    """Return what a watch tells of what it saw: a match that began or ended on many assets is one hit, with the assets."""
    alone = [one for one in seen if one.asset is None and not one.whole]
    rows = wire.execute(ASSETS, (SHOWN, org, sorted({one.k for one in alone}), least)).fetchall() if alone else []
    assets = {k: (count, ids) for k, count, ids in rows}
    told = [_with(one.hit, *assets.get(one.k, (0, []))) for one in alone]
    together: dict[tuple[int, str], list[Seen]] = {}
    for one in seen:
        if one.asset is not None:
            together.setdefault((one.k, one.hit.kind), []).append(one)
    told += [one.hit for one in seen if one.whole]
    for group in together.values():
        ids = list(dict.fromkeys(one.asset for one in group if one.asset is not None))
        most = max(group, key=lambda one: one.hit.priority)
        told.append(_with(most.hit, len(ids), ids[:SHOWN]))
    return told


def _with(hit: Hit, count: int, ids: list[UUID]) -> Hit:
    return hit.model_copy(update={"assets": count, "asset_ids": ids})


def advance(wire: Wire, watch: Watch, change: int, *, until: datetime | None) -> None:
    """Note how far a watch has looked: the last change, and until when matches; None leaves that where it was."""
    wire.execute(
        "update adv_watch set since_change = %s, seen_until = coalesce(%s, seen_until) where org = %s and id = %s",
        (change, until, watch.org, watch.id),
    )


def tried(session: Session, org: UUID, watch: UUID, *, days: int, least: float) -> WatchTest:
    """Return what a watch would have told in the last days, with records and matches as they are now. Raises NotFound."""
    wire = wire_of(session)
    row: Any = wire.execute(PAST, {"days": days, "org": org, "id": watch}).fetchone()
    if row is None:
        raise missing(watch)
    asked = _watch(org, row)
    changes, last = happened(wire, asked, least=least, limit=COUNTED)
    seen = list({(one.k, one.hit.kind, one.value): one for one in changes}.values())
    found = hits(wire, org, [*seen, *matched(wire, asked, least=least, limit=COUNTED, again=True)], least=least)
    found.sort(key=lambda one: (one.at, one.cve_id), reverse=True)
    return WatchTest(days=days, total=len(found), total_capped=last < asked.upto, items=found[:TESTED])


def _watch(org: UUID, row: Any) -> Watch:  # noqa: ANN401 - a row
    number, name, query, kinds, score, tags, since, upto, seen_from, now = row
    return Watch(org, number, name, query, tuple(kinds), score, tuple(tags), since, upto, seen_from, now)


def _filter(wire: Wire, watch: Watch, least: float) -> tuple[Filter, dict[str, Any]]:
    found = compiled(wire, Asked(watch.query, watch.now, least=least))
    values = {
        "org": watch.org, "since": watch.since, "upto": watch.upto, "kinds": list(watch.wanted), "score": watch.min_score,
        "tags": list(watch.tags), "least": least, "from": watch.seen_from, "watch": watch.id,
        "ending": list(ENDING), "removed": str(Kind.REMOVED),
    }  # fmt: skip
    return found, found.given.parameters | values


def _conditions(watch: Watch, found: Filter) -> str:
    wanted = [f"({found.sql})"]
    if watch.tags:
        wanted.append(TAGGED)
    elif watch.min_score > 0:
        wanted.append(URGENT)
    return f"(({' and '.join(wanted)}) or ({TOLD_BEFORE}))"


def _changed(row: Any) -> Seen:  # noqa: ANN401 - a row
    _id, k, kind, old, new, src, at, cve_id, title, priority, band = row
    gone = old if cve_id is None and isinstance(old, dict) else {}  # of a removed record only that is left
    hit = Hit(
        cve_id=cve_id or name_of(k), kind=kind, old=old, new=new, source=None if src is None else Source(src).label, at=at,
        title=gone.get("title", "") if title is None else title, priority=round(gone.get("priority", 0.0) if priority is None else priority, 1),
        band=band or gone.get("band", "none"),
    )  # fmt: skip
    return Seen(k, value_of(kind, new), hit)


def _met(kind: str, row: Any) -> Seen:  # noqa: ANN401 - a row
    asset, at, reason, priority, band, verdict, due, k, cve_id, title, value = row
    told = {"verdict": verdict, "due": None if due is None else due.isoformat()}
    old, new = (told, {"reason": reason}) if kind == CLOSED else (None, told)
    hit = Hit(cve_id=cve_id, kind=kind, old=old, new=new, at=at, title=title, priority=round(priority, 1), band=band)
    return Seen(k, value, hit, asset)


def _raised(kind: str, row: Any) -> Seen:  # noqa: ANN401 - a row
    at, data, k, cve_id, title, value = row
    hit = Hit(
        cve_id=cve_id, kind=kind, old=data["old"], new=data["new"], at=at, title=title, priority=round(data["priority"], 1), band=data["band"],
        assets=data["count"], asset_ids=data["assets"][:SHOWN],
    )  # fmt: skip
    return Seen(k, value, hit, whole=True)
