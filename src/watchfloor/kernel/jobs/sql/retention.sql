-- What may go, 1,000 rows a call. Role: engine.

-- name: forget_payloads
-- One look per distinct keep_s, by index; -1 marks what is done, so that no row is looked at twice.
with recursive kept (s) as (
  (select keep_s from job where finished_at is not null and keep_s >= 0 order by keep_s limit 1)
  union all
  select (select j.keep_s from job j where j.finished_at is not null and j.keep_s >= 0 and j.keep_s > kept.s order by j.keep_s limit 1)
  from kept where kept.s is not null),
old as (
  select o.org, o.id from kept cross join lateral (
    select org, id from job
    where finished_at is not null and keep_s >= 0 and keep_s = kept.s and finished_at < wf_now() - make_interval(secs => kept.s)
    order by finished_at limit 1000) o
  where kept.s is not null limit 1000),
marked as (update job j set keep_s = -1 from old where j.org = old.org and j.id = old.id),
gone as (delete from job_payload p using old where p.org = old.org and p.job = old.id)
select 1 from old;

-- name: archive
with old as (
  -- Payloads go first: the archive keeps none, and a result kept longer keeps its job here.
  select org, id from job where finished_at < wf_now() - interval '7 days'
    and not exists (select 1 from job_payload p where p.org = job.org and p.job = job.id)
  order by finished_at limit 1000 for update skip locked),
gone as (delete from job j using old where j.org = old.org and j.id = old.id returning j.*)
insert into job_done select * from gone;

-- name: forget_archive
with old as (select org, id from job_done where finished_at < wf_now() - interval '400 days' limit 1000),
attempts as (delete from job_attempt a using old where a.org = old.org and a.job = old.id),
progress as (delete from job_progress p using old where p.org = old.org and p.job = old.id),
payloads as (delete from job_payload p using old where p.org = old.org and p.job = old.id),
effects as (delete from job_effect e using old where e.org = old.org and e.job = old.id)
delete from job_done d using old where d.org = old.org and d.id = old.id;

-- name: forget_rest
with keys as (delete from idempotency where at < wf_now() - interval '24 hours'),
ticks as (delete from schedule_tick where tick_at < wf_now() - interval '400 days')
delete from job_event where at < wf_now() - interval '90 days';
