"""Write scans down: the request, its shards, what each shard saw, how it ended. Repeating any of it changes nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal

from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from watchfloor.capabilities.scans.engine.ranges import Span, between
from watchfloor.capabilities.scans.queries.learned import count
from watchfloor.capabilities.scans.schemas import PortGroup, PortRange, ProbeAnswers, ProbeHost, ScanRequest, ScanSummary
from watchfloor.kernel.db.ids import new_id
from watchfloor.kernel.db.session import wire_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy.orm import Session

SENTENCES = 200
ROWS = 1000


@dataclass(frozen=True)
class Planned:
    """A scan as its jobs need it."""

    id: UUID
    request: ScanRequest
    seed: int
    state: str
    job: UUID | None


@dataclass(frozen=True)
class Part:
    """One shard's work."""

    id: UUID
    n: int
    spans: tuple[Span, ...]
    names: dict[str, str]  # of addresses that came from names
    groups: tuple[PortGroup, ...]
    totals: dict[str, int]
    udp: tuple[PortRange, ...] = ()  # a part of UDP ports has no groups

    @property
    def size(self) -> int:
        """Return the number of addresses."""
        return sum(one.size for one in self.spans)

    @property
    def hosts(self) -> tuple[ProbeHost, ...]:
        """Return each address with its name."""
        addresses = (str(one.at(index)) for one in self.spans for index in range(one.size))
        return tuple(ProbeHost(address=address, name=self.names.get(address, "")) for address in addresses)


@dataclass(frozen=True)
class Taken:
    """A shard with what its scan allows it."""

    part: Part
    scan: Planned
    ends_at: datetime
    now: datetime
    shards: int
    resume: ProbeAnswers | None = None  # what earlier attempts learned, and where they stood
    summary: ScanSummary = field(default_factory=ScanSummary)  # what they counted


def insert_scan(
    session: Session, org: UUID, scan: UUID, request: ScanRequest, *, seed: int, actor: str, state: Literal["draft", "planned"] = "planned"
) -> None:
    """Add a scan whose job has the same id, or a draft, which has none yet."""
    wire_of(session).execute(
        "insert into scan (org, id, request, seed, state, job, actor) values (%s, %s, %s, %s, %s, %s, %s)",
        (org, scan, Jsonb(request.model_dump(mode="json")), seed, state, scan if state == "planned" else None, actor),
    )


def begin_draft(session: Session, org: UUID, scan: UUID, *, job: UUID, confirmed: bool = False) -> bool:
    """Let a job plan a draft, confirmed as a wide one where that was said; tell whether it was one, or this job's already."""
    begun = wire_of(session).execute(
        "update scan set state = case state when 'draft' then 'planned' else state end, job = %(job)s, request = request || %(more)s "
        "where org = %(org)s and id = %(scan)s and (state = 'draft' or job = %(job)s)",
        {"org": org, "scan": scan, "job": job, "more": Jsonb({"confirmed": True} if confirmed else {})},
    )
    return bool(begun.rowcount)


def find_planned(session: Session, org: UUID, scan: UUID) -> Planned | None:
    """Return a scan and hold its row until the transaction's end, or None."""
    sql = "select id, request, seed, state, job from scan where org = %s and id = %s for update"
    row = wire_of(session).execute(sql, (org, scan)).fetchone()
    return _planned(row) if row else None


def _planned(row: Sequence[Any]) -> Planned:
    return Planned(id=row[0], request=ScanRequest.model_validate(row[1]), seed=row[2], state=row[3], job=row[4])


def slots(session: Session, queue: str) -> int:
    """Return how many jobs of a queue the living workers can run at a time, at least one."""
    row: Any = wire_of(session).execute(
        "select coalesce(sum(slots), 0)::int from worker_session where %s = any (queues) and not stopping and lost_at is null and expires_at > wf_now()",
        (queue,),
    ).fetchone()  # fmt: skip
    return max(1, int(row[0]))


def insert_shards(
    session: Session, org: UUID, scan: UUID, parts: Iterable[dict[str, Any]], *, hosts: int, not_looked_at: Sequence[str],
    notes: Sequence[str] = (),
) -> None:  # fmt: skip
    """Write a plan down and let it run; does nothing when a cancel came first or the plan is there already."""
    wire = wire_of(session)
    started = wire.execute(
        "update scan set state = 'running', started_at = wf_now(), hosts = %s, not_looked_at = %s, notes = %s "
        "where org = %s and id = %s and state = 'planned'",
        (hosts, Jsonb(list(not_looked_at[:SENTENCES])), Jsonb(list(notes[:SENTENCES])), org, scan),
    )
    if started.rowcount:
        numbered = enumerate(parts)
        # COPY would be faster and does not go with row-level security.
        while rows := [{"id": str(new_id()), "n": n, **part} for n, part in islice(numbered, ROWS)]:
            wire.execute(
                "insert into shard (org, id, scan, n, request, totals) select %s, id, %s, n, request, totals "
                "from jsonb_to_recordset(%s) as t (id uuid, n integer, request jsonb, totals jsonb)",
                (org, scan, Jsonb(rows)),
            )


def keep_silent(session: Session, org: UUID, scan: UUID, silent: Sequence[Span]) -> None:
    """Note which addresses answered nothing when the scan looked for hosts; their ports are not asked."""
    ranges = [(str(one.at(0)), str(one.at(one.size - 1))) for one in silent]
    wire_of(session).execute("update scan set silent_hosts = %s where org = %s and id = %s", (Jsonb(ranges), org, scan))


def count_shards(session: Session, org: UUID, scan: UUID) -> int:
    """Return how many parts a scan was cut into."""
    row: Any = wire_of(session).execute("select count(*) from shard where org = %s and scan = %s", (org, scan)).fetchone()
    return int(row[0])


ALL_ENDED = """
select not exists (select 1 from job_batch where org = %(org)s and parent = c.job and open > 0) and (
  (select count(*) from shard where org = %(org)s and scan = c.id) <= (select coalesce(sum(total), 0) from job_batch where org = %(org)s and parent = c.job)
  or exists (select 1 from job_all where org = %(org)s and id = c.job and finished_at is not null))
from scan c where c.org = %(org)s and c.id = %(scan)s
"""


def all_ended(session: Session, org: UUID, scan: UUID) -> bool:
    """Tell whether every job of a scan's parts has been made and has ended; a wide scan has several batches of them."""
    row = wire_of(session).execute(ALL_ENDED, {"org": org, "scan": scan}).fetchone()
    return bool(row and row[0])


def keep_finish_job(session: Session, org: UUID, scan: UUID, batch: UUID) -> None:
    """Note which job ends the scan once all shards have ended."""
    wire_of(session).execute(
        "update scan set finish_job = (select callback from job_batch where org = %(org)s and id = %(batch)s) where org = %(org)s and id = %(scan)s",
        {"org": org, "scan": scan, "batch": batch},
    )


TAKE = """
with mine as (
  select org, id from shard where org = %(org)s and scan = %(scan)s and job = %(job)s and state = 'taken'),
next as (
  select s.org, s.id from shard s where s.org = %(org)s and s.scan = %(scan)s and s.state = 'waiting'
    and not exists (select 1 from shard o where o.org = %(org)s and o.job = %(job)s)
  order by s.n limit 1 for update skip locked)
update shard t set job = %(job)s, state = 'taken'
from (select org, id from mine union all select org, id from next) w, scan c
where t.org = w.org and t.id = w.id and c.org = t.org and c.id = t.scan and c.state = 'running'
returning t.id, t.n, t.request, t.totals, c.id, c.request, c.seed, c.state, c.job, c.started_at, wf_now(),
  (select count(*) from shard where org = %(org)s and scan = %(scan)s), t.resume, t.summary
"""


def take_shard(session: Session, org: UUID, scan: UUID, job: UUID) -> Taken | None:
    """Give a shard job the most important part that nobody has; a repeated attempt gets its own part again.

    The dispatcher may start children of one batch in any order, so the part is chosen here: critical ports of all targets come first.
    None: the scan was cancelled, or nothing is left.
    """
    row = wire_of(session).execute(TAKE, {"org": org, "scan": scan, "job": job}).fetchone()
    if row is None:
        return None
    planned, plan = _planned(row[4:9]), row[2]
    part = Part(
        id=row[0], n=row[1], spans=tuple(between(first, last) for first, last in plan["spans"]), names=plan["names"],
        groups=tuple(PortGroup.model_validate(group) for group in plan["groups"]), totals=row[3],
        udp=tuple((first, last) for first, last in plan.get("udp", ())),
    )  # fmt: skip
    return Taken(part=part, scan=planned, ends_at=row[9] + planned.request.timeout, now=row[10], shards=row[11],
        resume=ProbeAnswers.model_validate(row[12]) if row[12] else None, summary=ScanSummary.model_validate(row[13] or {}),
    )  # fmt: skip


def abandon(session: Session, org: UUID, taken: Taken, reason: str) -> None:
    """Give a shard up: its ports were not looked at."""
    sql = "update shard set state = 'abandoned', finished_at = wf_now(), error = %s where org = %s and id = %s"
    wire_of(session).execute(sql, (reason, org, taken.part.id))


@dataclass(frozen=True)
class Ending:
    """How a scan's parts ended."""

    shards: tuple[tuple[ScanSummary, str | None, int], ...]  # summary, error of an abandoned part, its ports


def close_shards(session: Session, org: UUID, scan: UUID) -> Ending:
    """Give up the parts that no job will look at any more and return how all of them ended."""
    wire = wire_of(session)
    wire.execute(
        "update shard s set state = 'abandoned', finished_at = wf_now(), error = coalesce(s.error, (select j.reason from job_all j "
        "where j.org = s.org and j.id = s.job), 'never begun') where s.org = %s and s.scan = %s and s.state in ('waiting', 'taken')",
        (org, scan),
    )
    rows = (
        wire.cursor(row_factory=dict_row)
        .execute("select state, summary, error, totals from shard where org = %s and scan = %s order by n", (org, scan))
        .fetchall()
    )
    return Ending(
        tuple(
            (ScanSummary.model_validate(row["summary"]), row["error"] if row["state"] == "abandoned" else None, sum(row["totals"].values()))
            for row in rows
        )
    )


def end_scan(
    session: Session,
    org: UUID,
    scan: UUID,
    *,
    state: str,
    error: str | None = None,
    not_looked_at: Collection[str] = (),
    notes: Collection[str] = (),
) -> bool:
    """End a scan that has not ended; tell whether this did it. One that was cancelled keeps its state and gets its counts and what it missed."""
    count(session, org, scan)
    ended = wire_of(session).execute(
        "update scan set state = %s, error = %s, finished_at = wf_now(), not_looked_at = not_looked_at || %s, notes = notes || %s "
        "where org = %s and id = %s and state in ('draft', 'planned', 'running')",
        (state, error, Jsonb(list(not_looked_at)[:SENTENCES]), Jsonb(list(notes)[:SENTENCES]), org, scan),
    )
    if not ended.rowcount and not_looked_at:
        wire_of(session).execute(
            "update scan set not_looked_at = %s where org = %s and id = %s and state = 'cancelled' and not_looked_at = '[]'",
            (Jsonb(list(not_looked_at)[:SENTENCES]), org, scan),
        )
    return bool(ended.rowcount)


def batches_of(session: Session, org: UUID, job: UUID) -> list[UUID]:
    """Return the batches of children that a job made."""
    rows = wire_of(session).execute("select id from job_batch where org = %s and parent = %s", (org, job)).fetchall()
    return [row[0] for row in rows]


def finish_job_of(session: Session, org: UUID, scan: UUID) -> UUID | None:
    """Return the job that ends a scan, or None before its shards are planned."""
    row = wire_of(session).execute("select finish_job from scan where org = %s and id = %s", (org, scan)).fetchone()
    return row[0] if row else None
