-- One attempt, from claim to end. Every write proves fence and owner.

-- name: claimed (fragment; needs nothing)
update job set stage = 'running', attempt = attempt + 1, fence = fence + 1, owner = :session, child = :child, redispatches = 0,
  progressed = false, attempt_at = wf_now(), started_at = coalesce(started_at, wf_now())
where id = :id and stage = 'dispatched' and seq = :seq and queue = :queue and cancel_at is null
  and (expires_at is null or expires_at > wf_now())
  and exists (select 1 from worker_session where id = :session and lost_at is null)
returning org, id, kind, attempt, fence, failures, max_failures, crash_count, batch, schedule, actor, trace, limit_s, soft_s

-- name: claim
-- Engine. Zero rows: drop the ticket, another claim or a cancel was first.
with c as ({claimed})
select c.*, p.kid, p.v, p.blob from c left join job_payload p on p.org = c.org and p.job = c.id and p.part = 'args';

-- name: hold
-- App. First statement of every handler transaction; no row: this attempt lost its job.
select 1 from job where org = :org and id = :id and fence = :fence and owner = :session and stage = 'running' for no key update;

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
held as (
  select org, id, owner, child, fence, attempt_at, actor,
    case when :outcome in ('succeeded', 'failed', 'cancelled') then :outcome
         when cancel_at is not null then 'cancelled' when :outcome = 'handed_back' then 'queued'
         when failures + 1 >= max_failures then 'failed' else 'scheduled' end as stage
  from job where org = :org and id = :job and fence = :fence and owner = :session and stage = 'running' for no key update),
done as (
  update job j set stage = h.stage, owner = null, child = null, fence = j.fence + 1,
    failures = j.failures + (:outcome in ('retry', 'failed'))::int, reason = :reason, error_fp = :fp,
    run_at = case h.stage when 'scheduled' then wf_now() + make_interval(secs => :delay_s) else j.run_at end,
    finished_at = case when wf_ended(h.stage) then wf_now() end,
    rank_at = case h.stage when 'scheduled'
      then wf_now() + make_interval(secs => :delay_s) + j.priority * (select age_step from queue where name = j.queue) else j.rank_at end
  from held h where j.org = h.org and j.id = h.id
  returning j.org, j.id, j.attempt, j.stage, j.batch, h.owner, h.child, h.fence, h.attempt_at, h.actor),
att as (
  insert into job_attempt (org, job, attempt, fence, session, child, started_at, ended_at, outcome, reason, error_fp, in_force, cpu_ms)
  select org, id, attempt, fence, owner, child, attempt_at, wf_now(),
    case when stage in ('cancelled', 'failed') then stage else :outcome end, :reason, :fp, :in_force, :cpu_ms from done),
aud as (
  insert into audit_entry (org, actor, operation, object, outcome, reason)
  select org, actor, 'job.end', id::text, stage, :reason from done),
out as (
  insert into job_payload (org, job, part, kid, blob)
  select org, id, :part, :kid, :blob from done where :blob::bytea is not null
  on conflict (org, job, part) do update set kid = excluded.kid, blob = excluded.blob)

-- name: finish
-- Engine. Outcome: succeeded, retry, failed, cancelled or handed_back. No row: fenced, nothing was written.
with {finished}, {close} select stage from done;

-- name: finish_single
-- Engine. As finish, for a job that belongs to no batch.
with {finished} select stage from done;

-- name: finish_claim
-- Engine. End one job of a bundle and claim the next in the same commit.
with {finished}, c as ({claimed})
select (select stage from done) as ended, c.*, p.kid, p.v, p.blob
from (select 1) one left join c on true left join job_payload p on p.org = c.org and p.job = c.id and p.part = 'args';

-- name: park
-- Engine. The mutex was taken between dispatch and claim.
update job set stage = 'blocked', waits_for = 'budget:mutex:' || mutex where id = :id and stage = 'dispatched' and seq = :seq;

-- name: return_rest
-- Engine. What a bundle did not reach goes back in line.
update job set stage = 'queued' where id = any (:ids::uuid[]) and stage = 'dispatched' and queue = :queue;

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
-- Engine. A claim whose answer was lost: nobody runs this job, so it goes back in line uncounted.
with held as (
  select org, id, fence, attempt_at, attempt from job where owner = :session and child = :child and stage = 'running' for no key update),
done as (
  update job j set stage = 'queued', owner = null, child = null, fence = j.fence + 1
  from held h where j.org = h.org and j.id = h.id returning j.org, j.id, h.attempt, h.fence, h.attempt_at)
insert into job_attempt (org, job, attempt, fence, session, child, started_at, ended_at, outcome, reason)
select org, id, attempt, fence, :session, :child, attempt_at, wf_now(), 'handed_back', 'answer_lost' from done returning job;

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
