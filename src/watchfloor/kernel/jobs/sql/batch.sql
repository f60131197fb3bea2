-- Children with counters and one completion job.

-- name: open_batch
-- App. No row: a repeated attempt of the parent, the batch is there already.
insert into job_batch (org, id, parent, name, on_failure, callback) values (:org, :id, :parent, :name, :on_failure, :callback)
on conflict (org, parent, name) do nothing returning id;

-- name: seal
-- App. A batch without open children releases its callback at once.
with b as (update job_batch set sealed = true where org = :org and id = :batch and not sealed returning org, callback, open),
cb as (
  update job c set stage = 'queued', waits_for = null, run_at = wf_now(),
         rank_at = wf_now() + c.priority * (select age_step from queue where name = c.queue)
  from b where b.open = 0 and c.org = b.org and c.id = b.callback and c.stage = 'blocked' returning c.id)
select (select open from b) as open, (select id from cb) as released;

-- name: orphans
-- Engine. Parents that ended before sealing.
select b.org, b.id, p.stage from job_batch b join job p on p.org = b.org and p.id = b.parent
where not b.sealed and wf_ended(p.stage) order by b.created_at limit 100;
