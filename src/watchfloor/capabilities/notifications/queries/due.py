"""Deliveries on their way: claimed in batches, sent elsewhere, saved under the claim; nothing waits but in a row."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta  # noqa: TC003 - psycopg makes rows of this class
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID  # noqa: TC003 - see above

from psycopg.rows import class_row

from watchfloor.kernel.db.ids import new_id
from watchfloor.kernel.db.session import wire_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.orm import Session

LOOKED_AT: Final = 1000
# An attempt that ended without a word may have sent or not: the row goes out again under the same id, and the log says so.
RECOVER: Final = """
with lost as (
  update delivery d set state = 'due', claimed_by = null, claimed_attempt = null, claimed_at = null, reason = 'worker_lost', due_at = wf_now()
  where d.org = %(org)s and d.lane = %(lane)s and d.state = 'sending'
    and not exists (select 1 from job j where j.org = d.org and j.id = d.claimed_by and j.stage = 'running' and j.attempt = d.claimed_attempt)
  returning d.id, d.attempt)
insert into delivery_attempt (org, id, delivery, n, outcome, reason) select %(org)s, gen_random_uuid(), id, attempt, 'lost', 'the worker was lost before it could say how it went'
from lost on conflict (org, delivery, n) do nothing
"""
EXPIRE: Final = """
update delivery set state = 'dead', reason = 'expired', ended_at = wf_now()
where org = %(org)s and lane = %(lane)s and state in ('due', 'held') and due_at <= wf_now() and expires_at < wf_now()
"""
# What waits for a host that fails waits together, and uses up no attempt.
HOLD_HOSTS: Final = """
update delivery d set state = 'held', reason = 'circuit_open', due_at = h.open_until from notify_host h
where d.org = %(org)s and d.lane = %(lane)s and d.state = 'due' and d.due_at <= wf_now() and (h.org, h.lane, h.host) = (d.org, d.lane, d.host)
  and h.open_until > wf_now()
"""
FREE_HOSTS: Final = """
update delivery set state = 'due', reason = null
where org = %(org)s and lane = %(lane)s and state = 'held' and reason = 'circuit_open' and due_at <= wf_now()
"""
HELD: Final = """
select id, notification, channel, user_id, reason, due_at, manual from delivery
where org = %(org)s and lane = %(lane)s and state = 'held' and reason <> 'circuit_open' and due_at <= wf_now()
order by due_at, id limit %(rows)s for update skip locked
"""
CLAIM: Final = """
with candidate as (
  select id, host, channel, due_at from delivery
  where org = %(org)s and lane = %(lane)s and state = 'due' and due_at <= wf_now()
    and case when %(own)s then job = %(job)s else job is null end
  order by due_at, id limit %(looked_at)s for update skip locked),
ranked as (
  select id, due_at, row_number() over (partition by host order by due_at, id) as of_host,
    row_number() over (partition by channel order by due_at, id) as of_channel from candidate),
chosen as (select id from ranked where of_host <= %(per_host)s and of_channel <= %(per_channel)s order by due_at, id limit %(rows)s)
update delivery d set state = 'sending', attempt = d.attempt + 1, reason = null, claimed_by = %(job)s, claimed_attempt = %(attempt)s, claimed_at = wf_now()
from chosen where d.org = %(org)s and d.id = chosen.id
returning d.id, d.notification, d.channel, d.user_id, d.host, d.idem, d.attempt, d.manual, d.replay_no, d.first_due_at, d.expires_at, d.short
"""
SAVE: Final = """
with result as (
  select * from unnest(%(ids)s::uuid[], %(states)s::text[], %(reasons)s::text[], %(codes)s::text[], %(delays)s::float8[], %(outcomes)s::text[],
    %(ms)s::int[], %(addresses)s::text[], %(notes)s::text[], %(heads)s::text[], %(hashes)s::bytea[], %(attempts)s::uuid[], %(tried)s::boolean[], %(shorts)s::boolean[])
    as t (id, state, reason, code, delay_s, outcome, ms, address, note, head, sha, attempt, tried, short)),
saved as (
  update delivery d set state = r.state, reason = r.reason, last_code = r.code, due_at = case when r.state in ('due', 'held') then wf_now() + make_interval(secs => r.delay_s) else d.due_at end,
    sent_at = case when r.state = 'sent' then wf_now() end, ended_at = case when r.state in ('sent', 'dead', 'suppressed') then wf_now() end,
    claimed_by = null, claimed_attempt = null, claimed_at = null, attempt = d.attempt - case when r.tried then 0 else 1 end, short = d.short or r.short
  from result r where d.org = %(org)s and d.id = r.id and d.state = 'sending' and d.claimed_by = %(job)s and d.claimed_attempt = %(attempt)s
  returning d.id, d.attempt as n, d.state)
insert into delivery_attempt (org, id, delivery, n, ms, outcome, code, address, reason, head, body_sha256)
select %(org)s, r.attempt, s.id, s.n, r.ms, r.outcome, r.code, r.address, r.note, r.head, r.sha from saved s join result r on r.id = s.id where r.tried
on conflict (org, delivery, n) do nothing returning delivery
"""
# A queued job is locked, so that it cannot start before these rows are there to be found; one that is about to start does not count.
WAITING: Final = """
select 1 from job where org = %(org)s and kind = %(kind)s and label = %(lane)s and stage in ('queued', 'scheduled') and run_at <= coalesce(%(at)s, wf_now())
order by run_at limit 1 for no key update skip locked
"""
NEXT: Final = "select min(due_at) from delivery where org = %(org)s and lane = %(lane)s and state in ('due', 'held') and job is null"
# What a job keeps to itself is anybody's once that job is over.
FREE_JOBS: Final = """
update delivery d set job = null where d.org = %(org)s and d.lane = %(lane)s and d.state in ('due', 'held') and d.job is not null
  and not exists (select 1 from job j where j.org = d.org and j.id = d.job and j.finished_at is null)
"""
LANES: Final = """
select lane, min(due_at) filter (where state <> 'sending'), bool_or(state = 'sending') from delivery
where org = %(org)s and (state in ('due', 'held') and due_at <= wf_now() or state = 'sending') group by lane
"""


@dataclass(frozen=True)
class Claimed:
    """One delivery that this attempt sends."""

    id: UUID
    notification: UUID
    channel: UUID
    user_id: str
    host: str
    idem: bytes
    attempt: int
    manual: bool
    replay_no: int
    first_due_at: datetime
    expires_at: datetime
    short: bool


@dataclass(frozen=True, kw_only=True)
class Result:
    """How one attempt ended, and what becomes of its delivery."""

    delivery: UUID
    state: str
    reason: str | None
    delay: timedelta | None
    outcome: str
    code: str = ""
    ms: int = 0
    address: str = ""
    note: str = ""
    head: str = ""
    sha256: bytes | None = None
    tried: bool = True
    short: bool = False


@dataclass(frozen=True)
class Held:
    """One delivery whose time has come; `reason` is why it was held, until `due_at`."""

    id: UUID
    notification: UUID
    channel: UUID
    user_id: str
    reason: str
    due_at: datetime
    manual: bool


def list_held(session: Session, org: UUID, lane: str) -> list[Held]:
    """Return deliveries that were held until now, locked for this transaction."""
    values = {"org": org, "lane": lane, "rows": LOOKED_AT}
    return wire_of(session).cursor(row_factory=class_row(Held)).execute(HELD, values).fetchall()


def settle_held(session: Session, org: UUID, delivery: UUID, state: str, *, reason: str | None, due_at: datetime | None = None) -> None:
    """Say what becomes of a delivery that was held."""
    sql = (
        "update delivery set state = %(state)s, reason = %(reason)s, due_at = coalesce(%(due_at)s, wf_now()), "
        "ended_at = case when %(state)s = 'suppressed' then wf_now() end where org = %(org)s and id = %(id)s and state = 'held'"
    )
    wire_of(session).execute(sql, {"org": org, "id": delivery, "state": state, "reason": reason, "due_at": due_at})


def recover(session: Session, org: UUID, lane: str) -> int:
    """Make due what attempts left behind that ended without a word; return how many."""
    return wire_of(session).execute(RECOVER, {"org": org, "lane": lane}).rowcount


def ready(session: Session, org: UUID, lane: str) -> int:
    """Bring a lane up to date: expired ones end, hosts that fail hold theirs and others let go; return how many expired."""
    wire, values = wire_of(session), {"org": org, "lane": lane}
    expired = wire.execute(EXPIRE, values).rowcount
    wire.execute(FREE_JOBS, values)
    wire.execute(FREE_HOSTS, values)
    wire.execute(HOLD_HOSTS, values)
    return expired


def claim(
    session: Session, org: UUID, lane: str, *, job: UUID, attempt: int, limit: int, per_host: int, per_channel: int, own: bool = False
) -> list[Claimed]:  # fmt: skip
    """Take the oldest due deliveries for this attempt, few of each host so that one slow host fills no batch; or, with `own`, what this job keeps to itself."""
    values = {
        "org": org, "lane": lane, "job": job, "attempt": attempt, "rows": limit, "per_host": per_host, "per_channel": per_channel, "looked_at": LOOKED_AT, "own": own,
    }  # fmt: skip
    return wire_of(session).cursor(row_factory=class_row(Claimed)).execute(CLAIM, values).fetchall()


def save(session: Session, org: UUID, results: Sequence[Result], *, job: UUID, attempt: int) -> int:
    """Write how attempts ended; those that this attempt does not hold any more are left alone. Return how many were written."""
    if not results:
        return 0
    values = {
        "org": org, "job": job, "attempt": attempt, "ids": [one.delivery for one in results], "states": [one.state for one in results],
        "reasons": [one.reason for one in results], "codes": [one.code for one in results], "outcomes": [one.outcome for one in results],
        "delays": [one.delay.total_seconds() if one.delay is not None else None for one in results], "ms": [one.ms for one in results],
        "addresses": [one.address for one in results], "notes": [one.note for one in results], "heads": [one.head for one in results],
        "tried": [one.tried for one in results], "hashes": [one.sha256 for one in results], "shorts": [one.short for one in results], "attempts": sorted(new_id() for _ in results),
    }  # fmt: skip
    return wire_of(session).execute(SAVE, values).rowcount


def next_due(session: Session, org: UUID, lane: str) -> datetime | None:
    """Return when a lane has something to do next."""
    row: Any = wire_of(session).execute(NEXT, {"org": org, "lane": lane}).fetchone()
    found: datetime | None = row[0]
    return found


def somebody_waits(session: Session, org: UUID, kind: str, lane: str, at: datetime | None) -> bool:
    """Tell whether a job will look at this lane by then, after this transaction."""
    return wire_of(session).execute(WAITING, {"org": org, "kind": kind, "lane": lane, "at": at}).fetchone() is not None


def lanes_due(session: Session, org: UUID) -> list[str]:
    """Return the lanes where something is due, or where an attempt may have left something behind."""
    return [row[0] for row in wire_of(session).execute(LANES, {"org": org}).fetchall()]
