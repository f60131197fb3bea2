-- Requests enter the ledger. Roles: app. One statement each, so that an autocommit call is one round trip.

-- name: enqueue
-- Zero rows: a rival with the same unique key committed meanwhile; run it again (at most three times).
with ctx as materialized (select set_config('watchfloor.org', :org::text, true)),
new as (
  insert into job (org, id, kind, queue, stage, priority, run_at, rank_at, expires_at, waits_for, max_failures, unique_key, mutex,
                   budgets, batch, parent, replay_of, actor, label, limit_s, soft_s, keep_s, short)
  select :org, :id, :kind, q.name,
         case when :waits_for::text is not null then 'blocked' when r.at <= wf_now() then 'queued' else 'scheduled' end,
         :priority, r.at, r.at + :priority * q.age_step, :expires_at, :waits_for, :max_failures, :unique_key, :mutex,
         :budgets, :batch, :parent, :replay_of, :actor, :label, :limit_s, :soft_s, :keep_s, :short
  from ctx, queue q,
       (select coalesce(:run_at::timestamptz, wf_now() + make_interval(secs => :delay_s)) at) r
  where q.name = :queue
  on conflict (org, kind, unique_key) where unique_key is not null and finished_at is null do nothing
  returning org, id, actor, batch),
pay as (insert into job_payload (org, job, part, kid, blob) select org, id, 'args', :kid, :blob from new),
-- A sealed batch counts no more: its check refuses the child, and with it the request.
bat as (update job_batch b set total = b.total + 1, open = case when b.sealed then -1 else b.open + 1 end
        from new n where b.org = n.org and b.id = n.batch),
aud as (insert into audit_entry (org, actor, operation, object) select org, actor, 'job.enqueue', id::text from new)
select id, true as created from new
union all
select id, false from job
where org = :org and kind = :kind and unique_key = :unique_key and finished_at is null and not exists (select 1 from new);

-- name: enqueue_plain
-- As enqueue, for a job without unique key and batch: nothing can be in its way.
with ctx as materialized (select set_config('watchfloor.org', :org::text, true)),
new as (
  insert into job (org, id, kind, queue, stage, priority, run_at, rank_at, expires_at, waits_for, max_failures, mutex,
                   budgets, parent, replay_of, actor, label, limit_s, soft_s, keep_s, short)
  select :org, :id, :kind, q.name,
         case when :waits_for::text is not null then 'blocked' when r.at <= wf_now() then 'queued' else 'scheduled' end,
         :priority, r.at, r.at + :priority * q.age_step, :expires_at, :waits_for, :max_failures, :mutex,
         :budgets, :parent, :replay_of, :actor, :label, :limit_s, :soft_s, :keep_s, :short
  from ctx, queue q,
       (select coalesce(:run_at::timestamptz, wf_now() + make_interval(secs => :delay_s)) at) r
  where q.name = :queue returning id),
pay as (insert into job_payload (org, job, part, kid, blob) select :org, :id, 'args', :kid, :blob from ctx),
aud as (insert into audit_entry (org, actor, operation, object) select :org, :actor, 'job.enqueue', :id::text from ctx)
select id, true from new;

-- name: bulk
-- Up to 1,000 rows a call, in parallel arrays. created = false marks a duplicate, with the job that stands for it; a null id is a
-- rival that committed meanwhile.
with ctx as materialized (select set_config('watchfloor.org', :org::text, true)),
src as (select * from unnest(:ids::uuid[], :uniq::bytea[], :blob::bytea[]) with ordinality as t (id, uniq, blob, n)),
new as (
  insert into job (org, id, kind, queue, stage, priority, run_at, rank_at, expires_at, max_failures, unique_key, mutex, budgets, batch, parent,
                   actor, limit_s, soft_s, keep_s, short)
  select :org, s.id, :kind, q.name, case when r.at <= wf_now() then 'queued' else 'scheduled' end, :priority, r.at,
         r.at + :priority * q.age_step, :expires_at, :max_failures, s.uniq, :mutex, :budgets, :batch, :parent,
         :actor, :limit_s, :soft_s, :keep_s, :short
  from ctx, src s, queue q, (select coalesce(:run_at::timestamptz, wf_now() + make_interval(secs => :delay_s)) at) r
  where q.name = :queue
  on conflict (org, kind, unique_key) where unique_key is not null and finished_at is null do nothing
  returning org, id, unique_key),
pay as (insert into job_payload (org, job, part, kid, blob) select n.org, n.id, 'args', :kid, s.blob from new n join src s using (id)),
bat as (update job_batch b set total = b.total + c.n, open = case when b.sealed then -1 else b.open + c.n end
        from (select count(*) n from new) c where b.org = :org and b.id = :batch and c.n > 0),
aud as (insert into audit_entry (org, actor, operation, object, reason)
        select :org, :actor, 'job.enqueue_many', :kind, count(*) || ' jobs, ' || min(id::text) || ' to ' || max(id::text) from new
        having count(*) > 0)
select s.n, coalesce(n.id, m.id,
         (select j.id from job j where j.org = :org and j.kind = :kind and j.unique_key = s.uniq and j.finished_at is null)) as id,
       n.id is not null as created
from src s left join new n on n.id = s.id left join new m on n.id is null and m.unique_key = s.uniq order by s.n;

-- name: bulk_plain
-- As bulk, without unique keys: every row is new, and nothing has to come back.
with ctx as materialized (select set_config('watchfloor.org', :org::text, true)),
src as (select * from unnest(:ids::uuid[], :blob::bytea[]) as t (id, blob)),
new as (
  insert into job (org, id, kind, queue, stage, priority, run_at, rank_at, expires_at, max_failures, mutex, budgets, batch, parent,
                   actor, limit_s, soft_s, keep_s, short)
  select :org, s.id, :kind, q.name, case when r.at <= wf_now() then 'queued' else 'scheduled' end, :priority, r.at,
         r.at + :priority * q.age_step, :expires_at, :max_failures, :mutex, :budgets, :batch, :parent,
         :actor, :limit_s, :soft_s, :keep_s, :short
  from ctx, src s, queue q, (select coalesce(:run_at::timestamptz, wf_now() + make_interval(secs => :delay_s)) at) r
  where q.name = :queue returning 1),
pay as (insert into job_payload (org, job, part, kid, blob) select :org, s.id, 'args', :kid, s.blob from ctx, src s),
bat as (update job_batch b set total = b.total + c.n, open = case when b.sealed then -1 else b.open + c.n end
        from (select count(*) n from new) c where b.org = :org and b.id = :batch and c.n > 0),
aud as (insert into audit_entry (org, actor, operation, object, reason)
        select :org, :actor, 'job.enqueue_many', :kind,
               cardinality(:ids::uuid[]) || ' jobs, ' || (:ids::uuid[])[1] || ' to ' || (:ids::uuid[])[cardinality(:ids::uuid[])] from ctx)
select count(*) from new;

-- name: once
-- App. The request and job that hold an idempotency key: ours when it was free.
with new as (
  insert into idempotency (org, actor, key, request_sha, status, response) values (:org, :actor, :key, :sha, 202, :job)
  on conflict (org, actor, key) do nothing returning request_sha, response)
select request_sha, response from new
union all
select request_sha, response from idempotency where org = :org and actor = :actor and key = :key and not exists (select 1 from new);
