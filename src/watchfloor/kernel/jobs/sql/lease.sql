-- Limits that running jobs keep together, whatever organisation they work for. Role: engine.

-- name: lease_gate
-- First statement of each transaction that leases: they take turns, so what is granted never adds up to more than a limit.
select pg_advisory_xact_lock(22342, 2);

-- name: lease_taken
-- Whether another living job has one of these members, or waited for one before this job began to.
with w as (select * from unnest(:keys::bytea[], :members::text[]) as t (key, members)),
me as (
  select coalesce(bool_or(waits_since is null), false) as holds, coalesce(min(waits_since), wf_now()) as since
  from rate_lease where holder = :holder and expires_at > wf_now())
select exists (
  select 1 from me, w join rate_lease l on l.key = w.key
  where l.holder <> :holder and l.expires_at > wf_now() and bit_count(l.members & w.members::bit(256)) > 0
    and (l.waits_since is null or (not me.holds and l.waits_since < me.since)));

-- name: lease_wait
-- Stand in line, as long as this is repeated: who comes later does not overtake.
insert into rate_lease as r (key, holder, members, waits_since, expires_at)
select key, :holder, members::bit(256), wf_now(), wf_now() + interval '3 seconds'
from unnest(:keys::bytea[], :members::text[]) as t (key, members) where bit_count(members::bit(256)) > 0
on conflict (key, holder) do update set members = excluded.members, expires_at = excluded.expires_at, per_second = null,
  waits_since = case when r.expires_at > wf_now() then coalesce(r.waits_since, excluded.waits_since) else excluded.waits_since end;

-- name: lease
-- An even share of each limit, but no more than what the others' running leases leave; they shrink when they are renewed.
with w as (select * from unnest(:keys::bytea[], :members::text[], :limits::float8[]) as t (key, members, most)),
stale as (delete from rate_lease where expires_at <= wf_now() and holder <> :holder),
others as (
  select w.key, w.most, w.members, count(l.holder) as n, coalesce(sum(l.per_second), 0) as granted
  from w left join rate_lease l on l.key = w.key and l.holder <> :holder and l.expires_at > wf_now() and l.waits_since is null
  group by w.key, w.most, w.members),
mine as (
  insert into rate_lease as r (key, holder, per_second, members, expires_at)
  select key, :holder, case when most is not null then greatest(0, least(most / (n + 1), most - granted)) end, members::bit(256), wf_now() + make_interval(secs => :ttl_s) from others
  on conflict (key, holder) do update set per_second = excluded.per_second, members = excluded.members, expires_at = excluded.expires_at,
    waits_since = null
  returning key, per_second)
select key, per_second from mine;

-- name: release
delete from rate_lease where holder = :holder;
