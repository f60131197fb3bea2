-- What keeps the promise when something died. Role: engine.

-- name: beat
-- alive = false: this session was declared lost; kill its jobs and start a new one.
with s as (
  update worker_session set expires_at = wf_now() + make_interval(secs => :ttl_s), stopping = :stopping
  where id = :session and lost_at is null returning id)
select (select count(*) from s) = 1 as alive, j.org, j.id, j.fence, j.child, j.cancel_at is not null as cancelled,
  extract(epoch from wf_now() - j.attempt_at)::float8 as ran_s, j.limit_s, j.soft_s, j.kind, j.batch
from (select 1) one left join job j on j.owner = :session and j.stage = 'running';

-- name: lose
update worker_session set lost_at = wf_now()
where lost_at is null and expires_at < wf_now() - make_interval(secs => :grace_s) returning id, queues;

-- name: reap
-- Jobs of lost or missing sessions, or of dead children of my own session.
-- Found first, locked by their fence after: re-reading an outer join under READ COMMITTED takes a job that changed hands
-- meanwhile for one without an owner.
with lost as materialized (
  select j.org, j.id, j.fence
  from job j left join worker_session s on s.id = j.owner
  where j.stage = 'running' and (s.id is null or s.lost_at is not null or (j.owner = :session and j.child = any (:dead)))
  order by j.id limit 200),
held as (
  select j.org, j.id, j.owner, j.child, j.fence, j.attempt_at, j.actor,
    case when j.cancel_at is not null then 'cancelled' when j.crash_count + 1 >= :max_crashes then 'quarantined' else 'scheduled' end as stage
  from lost l join job j on j.org = l.org and j.id = l.id and j.fence = l.fence
  where coalesce(j.stage, '') = 'running'
  order by j.id for update of j skip locked),
done as (
  update job j set stage = h.stage, owner = null, child = null, fence = j.fence + 1, crash_count = j.crash_count + 1, reason = 'lost',
    finished_at = case when wf_ended(h.stage) then wf_now() end,
    run_at = case h.stage when 'scheduled' then wf_now() + make_interval(secs => least(300, 2 ^ j.crash_count - 1)) else j.run_at end
  from held h where j.org = h.org and j.id = h.id and coalesce(j.stage, '') = 'running'
  returning j.org, j.id, j.kind, j.queue, j.attempt, j.stage, j.batch, j.reason, h.owner, h.child, h.fence, h.attempt_at, h.actor),
att as (
  insert into job_attempt (org, job, attempt, fence, session, child, started_at, ended_at, outcome, reason)
  select org, id, attempt, fence, owner, child, attempt_at, wf_now(), 'lost', 'lost' from done),
aud as (insert into audit_entry (org, actor, operation, object, outcome, reason) select org, actor, 'job.end', id::text, stage, 'lost' from done),
{close}, {news}
select org, id, stage from done;

-- name: sweep
-- Published but not claimed; broker_since is when the present broker incarnation was first seen.
with late as (
  select org, id from job
  where stage = 'dispatched' and (:queues::text[] is null or queue = any (:queues))
    and (dispatched_at < wf_now() - least(interval '10 minutes', make_interval(secs => :age_s * 2 ^ least(redispatches, 10)))
         or dispatched_at < :broker_since::timestamptz)
  order by dispatched_at limit 500 for update skip locked)
update job j set stage = 'queued', redispatches = j.redispatches + 1
from late l where j.org = l.org and j.id = l.id and coalesce(j.stage, '') = 'dispatched' returning j.org, j.id, j.redispatches;

-- name: promote
with due as (
  select org, id from job where stage = 'scheduled' and run_at <= wf_now() order by run_at limit 1000 for update skip locked)
update job j set stage = 'queued' from due d where j.org = d.org and j.id = d.id and coalesce(j.stage, '') = 'scheduled' returning j.queue;

-- name: expire
with held as (
  select org, id from job
  where expires_at <= wf_now() and finished_at is null and stage in ('blocked', 'scheduled', 'queued', 'dispatched')
  order by expires_at limit 500 for update skip locked),
done as (
  update job j set stage = 'expired', waits_for = null, reason = 'expired', finished_at = wf_now()
  from held h where j.org = h.org and j.id = h.id returning j.org, j.id, j.stage, j.batch, j.actor),
aud as (insert into audit_entry (org, actor, operation, object, outcome, reason) select org, actor, 'job.end', id::text, stage, 'expired' from done),
{close}
select count(*) from done;

-- name: event
insert into job_event (org, job, type, data) values (:org, :id, :type, :data);

-- name: open_session
insert into worker_session (id, host, pid, queues, slots, pool, kinds, code, expires_at)
values (:session, :host, :pid, :queues, :slots, :pool, :kinds, :code, wf_now() + make_interval(secs => :ttl_s));

-- name: lose_session
update worker_session set lost_at = wf_now(), stopping = true where id = :session and lost_at is null;

-- name: forget_sessions
-- A session may go once no job names it as owner.
delete from worker_session s where s.lost_at < wf_now() - interval '1 day' and not exists (select 1 from job j where j.owner = s.id and j.stage = 'running');

-- name: rejection
-- Counted by minute; the first of a minute is audited, so that a flood cannot fill the log.
with counted as (
  insert into ticket_rejection (reason, minute, n, detail) values (:reason, date_trunc('minute', wf_now()), :n, :detail)
  on conflict (reason, minute) do update set n = ticket_rejection.n + excluded.n, detail = excluded.detail returning xmax = 0 as first)
insert into audit_entry (org, actor, operation, object, outcome, reason)
select '00000000-0000-0000-0000-000000000000', 'broker', 'ticket.reject', :detail, 'refused', :reason from counted where first;
