-- Planned instants: the key of schedule_tick is the guarantee of once. Role: engine.

-- name: due
select org, id, kind, queue, cron, every_s, tz, next_tick, catch_up, overlap, extract(epoch from jitter)::float8 as jitter_s, wf_now() as now, name
from schedule where enabled and next_tick <= wf_now() order by next_tick limit 50 for update skip locked;

-- name: unfinished
-- By way of the newest ticks: an organisation's jobs may be many, and a schedule of which 1,000 jobs wait is not told apart.
select j.id from (
  select job from schedule_tick where org = :org and schedule = :schedule and job is not null order by tick_at desc limit 1000) t
join job j on j.org = :org and j.id = t.job where j.finished_at is null order by j.id;

-- name: tick
with t as (select * from unnest(:ticks::timestamptz[], :jobs::uuid[], :skips::text[]) as x (tick_at, job, skipped)),
new as (
  insert into schedule_tick (org, schedule, tick_at, job, skipped) select :org, :schedule, tick_at, job, skipped from t
  on conflict do nothing returning *),
made as (
  insert into job (org, id, kind, queue, stage, run_at, rank_at, priority, budgets, schedule, actor, label, max_failures, limit_s, soft_s, keep_s, short)
  select n.org, n.job, s.kind, s.queue, 'scheduled', n.tick_at + :jitter * s.jitter, n.tick_at + s.priority * q.age_step, s.priority,
         array['kind:' || s.kind], s.id, 'schedule', s.name, s.max_failures, s.limit_s, s.soft_s, s.keep_s, s.short
  from new n join schedule s on s.org = n.org and s.id = n.schedule join queue q on q.name = s.queue
  where n.job is not null returning org, id),
pay as (
  -- The arguments stay sealed for the schedule (v = 2); the runner opens them under the schedule's name.
  insert into job_payload (org, job, part, kid, v, blob)
  select m.org, m.id, 'args', s.kid, 2, s.args from made m join schedule s on s.org = m.org and s.id = :schedule),
aud as (insert into audit_entry (org, actor, operation, object) select org, 'schedule', 'job.enqueue', id::text from made)
update schedule set next_tick = :next where org = :org and id = :schedule returning (select count(*) from made);

-- name: create_schedule
-- App.
with new as (
  insert into schedule (org, id, name, kind, queue, cron, every_s, tz, next_tick, catch_up, overlap, jitter, priority, max_failures,
                        limit_s, soft_s, keep_s, short, kid, args, actor)
  values (:org, :id, :name, :kind, :queue, :cron, :every_s, :tz, :next_tick, :catch_up, :overlap, :jitter, :priority, :max_failures,
          :limit_s, :soft_s, :keep_s, :short, :kid, :args, :actor) returning org, id, actor)
insert into audit_entry (org, actor, operation, object) select org, actor, 'schedule.create', id::text from new;
