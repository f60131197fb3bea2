-- Who runs next: start-time fair queueing over organisations, rank inside one, budgets never over. Role: engine.
-- `coalesce(stage, '')` re-checks a stage on rows found by key: a plain comparison lets the planner read a whole partial index instead.

-- name: gate
-- First statement of each dispatch transaction: dispatchers take turns, so caps and rates are exact.
select pg_try_advisory_xact_lock(22342, 1);

-- name: credit
with s as (
  select w.slots, w.slots - (select count(*) from job j where j.owner = w.id and j.stage = 'running') as free
  from worker_session w
  where :queue = any (w.queues) and not w.stopping and w.lost_at is null and w.expires_at > wf_now())
select case when q.paused then 0 else
         least(q.max_inflight - f.waiting - f.running, greatest(0, t.free + ceil(q.buffer * t.slots) - f.waiting)) end::int,
       t.slots::int,
       exists (select 1 from job where queue = q.name and stage = 'queued') as backlog
from queue q
cross join lateral (select coalesce(sum(greatest(free, 0)), 0) free, coalesce(sum(slots), 0) slots from s) t
cross join lateral (
  select (select count(*) from job where stage = 'dispatched' and queue = q.name) waiting,
         (select count(*) from job where stage = 'running' and queue = q.name) running) f
where q.name = :queue;

-- name: avail (fragment)
select k.key, case when b.paused_until > wf_now() then 0 else least(
    coalesce(b.max_running, case when k.key like 'mutex:%' then 1 end, 1000000) - coalesce(u.n, 0),
    coalesce(floor(least(b.burst, b.tokens + b.per_second * extract(epoch from wf_now() - b.tokens_at))), 1000000)) end as n
from keys k
left join budget b on b.key = k.key
left join (
  select key, count(*) n from (
    select budgets from job where stage = 'dispatched' union all select budgets from job where stage = 'running') f,
    unnest(f.budgets) key group by key) u on u.key = k.key

-- name: unpark
-- The best-ranked waiters of every key that has room again.
with recursive walk (w) as (
  (select waits_for from job where queue = :queue and stage = 'blocked' and waits_for >= 'budget:' order by waits_for limit 1)
  union all
  select (select waits_for from job where queue = :queue and stage = 'blocked' and waits_for > walk.w order by waits_for limit 1)
  from walk where walk.w is not null),
keys as (select w, substr(w, 8) as key from walk where w like 'budget:%'),
avail as ({avail})
update job j set stage = 'queued', waits_for = null
from keys k join avail a using (key)
cross join lateral (
  select org, id from job where queue = :queue and stage = 'blocked' and waits_for = k.w
  order by rank_at limit greatest(0, a.n)::int) p
where j.org = p.org and j.id = p.id and coalesce(j.stage, '') = 'blocked';

-- name: dispatch
with recursive walk (org) as (
  (select org from job where queue = :queue and stage = 'queued' order by org limit 1)
  union all
  select (select j.org from job j where j.queue = :queue and j.stage = 'queued' and j.org > walk.org order by j.org limit 1)
  from walk where walk.org is not null),
used as (
  select org, count(*) n from (
    select org from job where stage = 'dispatched' and queue = :queue
    union all select org from job where stage = 'running' and queue = :queue) f group by org),
room as (
  select w.org, coalesce(l.weight, 1)::float8 as weight, greatest(coalesce(l.vtime, 0), q.vclock) as vstart,
         greatest(0, coalesce(l.max_running, q.org_max_running) - coalesce(u.n, 0)) as room
  from walk w join queue q on q.name = :queue
  left join lane l on l.queue = q.name and l.org = w.org left join used u on u.org = w.org
  where w.org is not null),
cand as (
  select c.*, r.weight, r.vstart + (row_number() over (partition by c.org order by c.rank_at, c.id) - 1) / r.weight as tag
  from room r cross join lateral (
    select org, id, rank_at, budgets from job j
    where j.queue = :queue and j.org = r.org and j.stage = 'queued' and (j.expires_at is null or j.expires_at > wf_now())
    order by rank_at, id limit least(r.room, 16 + 4 * :credit / (select count(*) from room))::int) c),
head as (select * from cand order by tag, rank_at, id limit 2 * :credit),
claims as (
  select h.org, h.id, k.key, row_number() over (partition by k.key order by h.tag, h.rank_at, h.id) as nth
  from head h cross join unnest(h.budgets) k (key)),
keys as (select distinct key from claims),
avail as ({avail}),
over as (select c.org, c.id, min(c.key) as key from claims c join avail a using (key) where c.nth > a.n group by c.org, c.id),
pick as (
  select h.* from head h where not exists (select 1 from over o where o.org = h.org and o.id = h.id)
  order by h.tag, h.rank_at, h.id limit :credit),
sent as (
  update job j set stage = 'dispatched', seq = j.seq + 1, dispatched_at = wf_now()
  from pick p where j.org = p.org and j.id = p.id and coalesce(j.stage, '') = 'queued'
  returning j.org, j.id, j.seq, j.kind,
    -- A job that crashed or failed, or holds a mutex, travels alone: its neighbours must not suffer for it.
    j.short and j.crash_count + j.failures = 0 and j.mutex is null as short, p.tag, p.weight),
park as (
  update job j set stage = 'blocked', waits_for = 'budget:' || o.key
  from over o where j.org = o.org and j.id = o.id and coalesce(j.stage, '') = 'queued'),
lanes as (
  insert into lane (queue, org, vtime) select :queue, org, max(tag + 1 / weight) from sent group by org
  on conflict (queue, org) do update set vtime = excluded.vtime),
clock as (
  update queue q set vclock = greatest(q.vclock, m.t) from (select max(tag) t from sent) m where q.name = :queue and m.t is not null),
spend as (
  update budget b set tokens = least(b.burst, b.tokens + b.per_second * extract(epoch from wf_now() - b.tokens_at)) - x.n, tokens_at = wf_now()
  from (select k.key, count(*) n from pick p cross join unnest(p.budgets) k (key) group by k.key) x
  where b.key = x.key and b.per_second is not null)
select id, seq, kind, short from sent order by tag;

-- name: undo_dispatch
-- The broker refused these tickets: an arrived one no longer matches, so returning them at once is safe.
update job j set stage = 'queued' from unnest(:ids::uuid[], :seqs::bigint[]) as t (id, seq)
where j.id = t.id and j.seq = t.seq and j.stage = 'dispatched';
