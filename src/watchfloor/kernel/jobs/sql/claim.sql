-- One attempt, from claim to end. Every write proves fence and owner.

-- name: claim
-- Engine. Jobs that are missing in the answer are dropped: another claim, a cancel or a sweep was first.
with t as (select * from unnest(:ids::uuid[], :seqs::bigint[]) as x (id, seq)),
c as (
  update job j set stage = 'running', attempt = attempt + 1, fence = fence + 1, owner = :session, child = :child, redispatches = 0,
    progressed = false, attempt_at = wf_now(), started_at = coalesce(started_at, wf_now())
  from t
  where j.id = t.id and j.stage = 'dispatched' and j.seq = t.seq and j.queue = :queue and j.cancel_at is null
    and (j.expires_at is null or j.expires_at > wf_now())
    and exists (select 1 from worker_session where id = :session and lost_at is null)
  returning j.org, j.id, j.kind, j.attempt, j.fence, j.failures, j.max_failures, j.crash_count, j.batch, j.schedule, j.actor, j.trace,
    j.limit_s, j.soft_s)
select c.*, p.kid, p.v, p.blob from c left join job_payload p on p.org = c.org and p.job = c.id and p.part = 'args';

-- name: hold
-- App. First statement of every handler transaction; no row: this attempt lost its job.
select 1 from job where org = :org and id = :id and fence = :fence and owner = :session and coalesce(stage, '') = 'running' for no key update;

-- name: advance
-- App, in a held transaction. What gets on from attempt to attempt does not kill its workers.
update job set crash_count = 0 where org = :org and id = :id and fence = :fence and coalesce(stage, '') = 'running' and crash_count > 0;

-- name: close (fragment; needs done (org, id, stage, batch))
bat as (
  update job_batch b set open = b.open - x.n, failed = b.failed + x.f, cancelled = b.cancelled + x.c
  from (select org, batch, count(*) n, count(*) filter (where stage in ('failed', 'quarantined', 'expired')) f,
               count(*) filter (where stage = 'cancelled') c
        from done where batch is not null and wf_ended(stage) group by org, batch) x
  where b.org = x.org and b.id = x.batch returning b.org, b.callback, b.open, b.sealed),
cb as (
  update job c set stage = 'queued', waits_for = null, run_at = wf_now(),
         rank_at = wf_now() + c.priority * (select age_step from queue where name = c.queue)
  from bat b where b.open = 0 and b.sealed and c.org = b.org and c.id = b.callback and c.stage = 'blocked'
    and not exists (select 1 from done d where d.org = c.org and d.id = c.id))

-- name: finished (fragment)
t as (
  select * from unnest(:orgs::uuid[], :jobs::uuid[], :fences::bigint[], :outcomes::text[], :reasons::text[], :fps::text[], :delays::float8[],
                       :parts::text[], :kids::text[], :blobs::bytea[], :cpu_ms::float8[])
  as x (org, id, fence, outcome, reason, fp, delay_s, part, kid, blob, cpu_ms)),
held as (
  select j.org, j.id, j.owner, j.child, j.fence, j.attempt_at, j.actor,
    case when t.outcome in ('succeeded', 'failed', 'cancelled') then t.outcome
         when j.cancel_at is not null then 'cancelled' when t.outcome = 'handed_back' then 'queued'
         when j.failures + 1 >= j.max_failures then 'failed' else 'scheduled' end as stage
  from job j, t where j.org = t.org and j.id = t.id and j.fence = t.fence and j.owner = :session and coalesce(j.stage, '') = 'running'
  order by j.id for no key update of j),
done as (
  update job j set stage = h.stage, owner = null, child = null, fence = j.fence + 1,
    failures = j.failures + (t.outcome in ('retry', 'failed'))::int, reason = t.reason, error_fp = t.fp,
    run_at = case h.stage when 'scheduled' then wf_now() + make_interval(secs => t.delay_s) else j.run_at end,
    finished_at = case when wf_ended(h.stage) then wf_now() end,
    rank_at = case h.stage when 'scheduled'
      then wf_now() + make_interval(secs => t.delay_s) + j.priority * (select age_step from queue where name = j.queue) else j.rank_at end
  from held h, t where j.org = h.org and j.id = h.id and t.id = h.id
  returning j.org, j.id, j.kind, j.queue, j.attempt, j.stage, j.batch, h.owner, h.child, h.fence, h.attempt_at, h.actor,
    t.outcome, t.reason, t.fp, t.part, t.kid, t.blob, t.cpu_ms),
att as (
  insert into job_attempt (org, job, attempt, fence, session, child, started_at, ended_at, outcome, reason, error_fp, in_force, cpu_ms)
  select org, id, attempt, fence, owner, child, attempt_at, wf_now(),
    case when stage in ('cancelled', 'failed') then stage else outcome end, reason, fp, :in_force, cpu_ms from done),
aud as (
  insert into audit_entry (org, actor, operation, object, outcome, reason)
  select org, actor, 'job.end', id::text, stage, reason from done),
out as (
  insert into job_payload (org, job, part, kid, blob)
  select org, id, part, kid, blob from done where blob is not null
  on conflict (org, job, part) do update set kid = excluded.kid, blob = excluded.blob)

-- name: finish
-- Engine. Outcome: succeeded, retry, failed, cancelled or handed_back. A job missing in the answer was fenced: nothing was written.
with {finished}, {close} select id, stage from done;

-- name: finish_single
-- Engine. As finish, for jobs that belong to no batch.
with {finished} select id, stage from done;

-- name: finish_failing
-- Engine. As finish, for attempts of which one may end its job in failure: that is an event.
with {finished}, {close}, {news} select id, stage from done;

-- name: news (fragment; needs done (org, id, kind, queue, stage, attempt, reason))
-- Of jobs of a kind that fail by the thousand one in an hour is told. What tells of things tells nothing of itself: it would never end.
first as (
  insert into job_told as t (org, kind, stage)
  select org, kind, stage from done where stage in ('failed', 'quarantined') and queue <> 'notifications' group by org, kind, stage order by org, kind, stage
  on conflict (org, kind, stage) do update set told_at = wf_now() where t.told_at <= wf_now() - interval '1 hour' returning t.org, t.kind, t.stage),
happened as (
  insert into event (org, id, name, severity, data, job)
  select distinct on (d.org, d.kind, d.stage) d.org, wf_new_id(), 'job.' || d.stage, case d.stage when 'quarantined' then 'high' else 'medium' end,
    jsonb_build_object('job', d.id, 'kind', d.kind, 'attempts', d.attempt, 'reason', coalesce(d.reason, '')), d.id
  from first f join done d on d.org = f.org and d.kind = f.kind and d.stage = f.stage order by d.org, d.kind, d.stage, d.id returning org, id, name),
due as (
  insert into event_due (org, kind, due_at, event)
  select h.org, r.kind, wf_now() + r.delay, h.id from happened h join reaction r on r.event in (h.name, 'job.*', '*') on conflict do nothing)

-- name: park
-- Engine. The mutex was taken between dispatch and claim.
update job set stage = 'blocked', waits_for = 'budget:mutex:' || mutex where id = :id and stage = 'dispatched' and seq = :seq;

-- name: progress
-- App. At most once a second per job.
with own as (select org, id, fence from job where org = :org and id = :id and fence = :fence and stage = 'running'),
first as (
  update job j set progressed = true from own o
  where j.org = o.org and j.id = o.id and not j.progressed and j.stage = 'running' and j.fence = o.fence)
insert into job_progress (org, job, fence, phase, done, total, note, at)
select org, id, fence, :phase, :done, :total, :note, wf_now() from own
on conflict (org, job) do update set fence = excluded.fence, phase = excluded.phase, done = excluded.done, total = excluded.total,
  note = excluded.note, at = excluded.at where job_progress.fence <= excluded.fence returning at;

-- name: disown
-- Engine. A claim whose answer was lost: nobody runs this job, so it goes back in line uncounted; or ends, if somebody cancelled it.
with held as (
  select org, id, fence, attempt_at, attempt, actor, case when cancel_at is null then 'queued' else 'cancelled' end as stage
  from job where owner = :session and child = :child and stage = 'running' for no key update),
done as (
  update job j set stage = h.stage, owner = null, child = null, fence = j.fence + 1,
    finished_at = case when wf_ended(h.stage) then wf_now() end
  from held h where j.org = h.org and j.id = h.id
  returning j.org, j.id, j.stage, j.batch, h.attempt, h.fence, h.attempt_at, h.actor),
att as (
  insert into job_attempt (org, job, attempt, fence, session, child, started_at, ended_at, outcome, reason)
  select org, id, attempt, fence, :session, :child, attempt_at, wf_now(),
    case stage when 'cancelled' then 'cancelled' else 'handed_back' end, 'answer_lost' from done),
aud as (
  insert into audit_entry (org, actor, operation, object, outcome, reason)
  select org, actor, 'job.end', id::text, stage, 'answer_lost' from done where wf_ended(stage)),
{close}
select id from done;

-- name: intend
-- App. mine: this attempt may do it now; done: it was done before.
with new as (
  insert into job_effect (org, job, effect, fence, intent_at) values (:org, :job, :effect, :fence, wf_now())
  on conflict do nothing returning effect)
select exists (select 1 from new) as mine,
       exists (select 1 from job_effect where org = :org and job = :job and effect = :effect and done_at is not null) as done;

-- name: confirm
-- App.
update job_effect set done_at = wf_now() where org = :org and job = :job and effect = :effect and fence = :fence;

-- name: meta
-- Engine. Everything a result object shows.
select j.state, j.stage, j.reason, j.attempt,
  (select jsonb_build_object('done', p.done, 'total', p.total, 'phase', p.phase, 'note', p.note, 'at', p.at)
   from job_progress p where p.org = j.org and p.job = j.id and p.fence = j.fence) as progress,
  r.kid, r.blob, e.kid, e.blob, j.finished_at, j.kind, w.host, j.attempt_at, j.run_at
from job_all j
left join job_payload r on r.org = j.org and r.job = j.id and r.part = 'result'
left join job_payload e on e.org = j.org and e.job = j.id and e.part = 'error'
left join worker_session w on w.id = j.owner
where j.org = :org and j.id = :id;
