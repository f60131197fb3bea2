-- Stop what was asked for. Role: app.

-- name: cancel
-- Up to 500 a call, loop until none. Waiting jobs end at once; running ones are told by their owner's warden.
with held as (
  select org, id from job where org = :org and (id = any (:ids) or batch = :batch) and finished_at is null and cancel_at is null
  order by id limit 500 for update),
done as (
  update job j set cancel_at = wf_now(), cancel_by = :by, reason = 'cancelled', waits_for = null,
    stage = case j.stage when 'running' then 'running' else 'cancelled' end,
    finished_at = case j.stage when 'running' then null else wf_now() end
  from held h where j.org = h.org and j.id = h.id returning j.org, j.id, j.stage, j.batch, j.owner),
aud as (insert into audit_entry (org, actor, operation, object) select org, :by, 'job.cancel', id::text from done),
{close}
select id, stage, owner from done;

-- name: purge
-- Cancel everything that waits; what runs goes on. Up to 500 a call, loop until none.
with held as (
  select org, id from job where org = :org and finished_at is null and cancel_at is null and stage in ('blocked', 'scheduled', 'queued', 'dispatched')
    and (:queue::text is null or queue = :queue) and (:kind::text is null or kind = :kind)
  order by id limit 500 for update),
done as (
  update job j set cancel_at = wf_now(), cancel_by = :by, reason = 'purged', waits_for = null, stage = 'cancelled', finished_at = wf_now()
  from held h where j.org = h.org and j.id = h.id returning j.org, j.id, j.stage, j.batch),
aud as (insert into audit_entry (org, actor, operation, object, reason) select :org, :by, 'job.purge', '', count(*) || ' jobs' from done having count(*) > 0),
{close}
select id from done;
