-- Events start jobs. A row of event_due is written with its event and deleted with the job's row: no cursor, so nothing that commits
-- late is passed over.

-- name: know_reactions
-- Engine. At every start and once an hour; a scheduler of another version may know others.
insert into reaction (event, kind, delay)
select event, kind, make_interval(secs => delay_s) from unnest(:events::text[], :kinds::text[], :delays_s::float8[]) as t (event, kind, delay_s)
on conflict (event, kind) do update set delay = excluded.delay, known_at = wf_now();

-- name: forget_reactions
-- Engine. No scheduler has known them for a week: they are not of this version, nor of the one before.
with old as (delete from reaction where known_at < wf_now() - interval '7 days' returning event, kind)
delete from event_due d where d.kind in (select kind from old)
  and not exists (select 1 from reaction r where r.kind = d.kind and r.known_at >= wf_now() - interval '7 days');

-- name: due_reactions
-- Engine. One step of the index for each organisation and kind, however many events wait; at most one job in each delay.
with recursive walk as (
  (select org, kind, due_at from event_due order by org, kind, due_at limit 1)
  union all
  select n.org, n.kind, n.due_at from walk w cross join lateral (
    select org, kind, due_at from event_due d where (d.org, d.kind) > (w.org, w.kind) order by org, kind, due_at limit 1) n)
select w.org, w.kind from walk w left join reaction_run r on r.org = w.org and r.kind = w.kind
where w.due_at <= wf_now() and w.kind = any(:kinds)
  and (r.started_at is null or r.started_at + (select max(x.delay) from reaction x where x.kind = w.kind) <= wf_now())
order by w.due_at limit 200;

-- name: reaction_seen
-- App. The row that two relays take turns on.
insert into reaction_run (org, kind) values (:org, :kind) on conflict (org, kind) do nothing;

-- name: reaction_turn
-- App. No row: another relay is at it, or was a moment ago.
select r.job from reaction_run r where r.org = :org and r.kind = :kind
  and (r.started_at is null or r.started_at + (select max(x.delay) from reaction x where x.kind = r.kind) <= wf_now())
for update of r skip locked;

-- name: take_due
-- App. The oldest ones, by their place: a plan by key, made while the table was empty, can be the wrong one for thousands.
with taken as (
  delete from event_due where ctid = any (array(
    select ctid from event_due where org = :org and kind = :kind and due_at <= wf_now() order by due_at, event limit :limit))
  returning due_at, event)
select event from taken order by due_at, event;

-- name: still_waits
-- App. A job that nobody has claimed by now will see what these events tell of: they were committed before.
select exists (select 1 from job where org = :org and id = :job and finished_at is null and stage <> 'running');

-- name: reaction_ran
-- App.
update reaction_run set job = :job, started_at = wf_now() where org = :org and kind = :kind;
