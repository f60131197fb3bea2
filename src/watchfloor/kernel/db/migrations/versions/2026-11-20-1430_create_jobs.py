"""Create the job ledger."""

from __future__ import annotations

from alembic import op

from watchfloor.kernel.db.rls import protect, share

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

ROLES = """
do $$ declare member text; begin
  if not exists (select from pg_roles where rolname = 'wf_app') then create role wf_app nologin nobypassrls; end if;
  if not exists (select from pg_roles where rolname = 'wf_engine') then create role wf_engine nologin nobypassrls; end if;
  for member in select rolname from pg_roles where rolname in ('wf_login', current_user) loop
    execute format('grant wf_app, wf_engine to %I', member);
  end loop;
end $$;
grant usage on schema public to wf_app, wf_engine;
grant select on alembic_version to public; -- every door compares it with the schema it needs
create function wf_now() returns timestamptz language sql stable as 'select statement_timestamp()';
create function wf_ended(stage text) returns boolean language sql immutable
  as $$ select stage in ('succeeded', 'failed', 'quarantined', 'cancelled', 'expired') $$;
"""

QUEUE = """
create table queue (
  name text primary key check (name ~ '^[a-z][a-z0-9_]{0,31}$'),
  paused boolean not null default false,
  max_inflight integer not null default 1000000,
  buffer double precision not null default 1,
  age_step interval not null default '10 minutes',
  org_max_running integer not null default 1000000,
  vclock double precision not null default 0
);
insert into queue (name, buffer) values
  ('default', 64), ('scans', 1), ('advisories', 1), ('cookies', 1), ('reports', 1), ('notifications', 4), ('system', 4);
create table lane (
  queue text not null references queue (name), org uuid not null,
  weight double precision not null default 1 check (weight between 0.01 and 100),
  max_running integer, vtime double precision not null default 0,
  primary key (queue, org)
);
create table budget (
  key text primary key, org uuid, max_running integer, per_second double precision, burst double precision,
  tokens double precision, tokens_at timestamptz, paused_until timestamptz, reason text
);
create table worker_session (
  id uuid primary key, host text not null, pid integer not null, queues text[] not null, slots integer not null,
  pool text not null default 'prefork', kinds text[] not null default '{}', code text not null default '',
  keyring text not null default '', started_at timestamptz not null default wf_now(),
  expires_at timestamptz not null, stopping boolean not null default false, lost_at timestamptz
) with (fillfactor = 50);
create table signer (
  kid text primary key, public bytea not null, not_after timestamptz not null, revoked boolean not null default false
);
create table ticket_rejection (
  reason text not null, minute timestamptz not null, n bigint not null, detail text not null default '',
  primary key (reason, minute)
);
"""

# State is what Celery's users know; stage is what the engine decides by. One row, so they cannot differ.
JOB_COLUMNS = """
  org uuid not null, id uuid not null, kind text not null, queue text not null, stage text not null,
  priority smallint not null default 4,
  run_at timestamptz not null, rank_at timestamptz not null, expires_at timestamptz, waits_for text,
  attempt integer not null default 0, failures integer not null default 0, max_failures integer not null default 5,
  crash_count integer not null default 0, progressed boolean not null default false,
  fence bigint not null default 0, owner uuid, child text,
  seq bigint not null default 0, dispatched_at timestamptz, redispatches integer not null default 0,
  attempt_at timestamptz, cancel_at timestamptz, cancel_by text, reason text, error_fp text,
  unique_key bytea, mutex text, budgets text[] not null default '{}',
  batch uuid, parent uuid, replay_of uuid, schedule uuid, actor text not null default '', label text, trace text,
  limit_s double precision not null default 3600, soft_s double precision, keep_s double precision not null default 86400,
  short boolean not null default false,
  created_at timestamptz not null default wf_now(), started_at timestamptz, finished_at timestamptz
"""

JOB = """
create table job (@columns@,
  -- No stage but these ten: any other makes the state null.
  state text not null generated always as (case stage
    when 'succeeded' then 'SUCCESS' when 'failed' then 'FAILURE' when 'quarantined' then 'FAILURE'
    when 'cancelled' then 'REVOKED' when 'expired' then 'REVOKED'
    when 'running' then case when progressed then 'PROGRESS' else 'STARTED' end
    else case when stage in ('blocked', 'scheduled', 'queued', 'dispatched')
      then case when failures + crash_count = 0 then 'PENDING' else 'RETRY' end end end) stored,
  primary key (org, id),
  -- One check, without functions: PostgreSQL parses each of them again with every statement that writes here.
  constraint job_stage_fits check (
    (stage = 'running') = (owner is not null) and (stage = 'blocked') = (waits_for is not null)
    and (state in ('SUCCESS', 'FAILURE', 'REVOKED')) = (finished_at is not null))
) with (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_cost_delay = 0);
create index job_ready on job (queue, org, rank_at, id) where stage = 'queued';
create index job_due on job (run_at) where stage = 'scheduled';
create index job_blocked on job (queue, waits_for, rank_at) where stage = 'blocked';
create index job_ticket on job (id) where stage = 'dispatched';
create index job_owned on job (owner) where stage = 'running';
create unique index job_unique on job (org, kind, unique_key) where unique_key is not null and finished_at is null;
create unique index job_mutex on job (org, mutex) where stage = 'running' and mutex is not null;
create index job_batch_of on job (org, batch, id) where batch is not null;
create index job_expiry on job (expires_at) where finished_at is null and expires_at is not null;
create index job_over on job (finished_at) where finished_at is not null;
create index job_keeps on job (keep_s, finished_at) where finished_at is not null and keep_s >= 0;
create table job_done (@columns@, state text not null, primary key (org, id));
create view job_all with (security_invoker = true) as select * from job union all select * from job_done;
create table job_payload (
  org uuid not null, job uuid not null, part text not null check (part in ('args', 'result', 'error')),
  kid text not null default '', v smallint not null default 1, blob bytea not null,
  primary key (org, job, part)
);
create table job_attempt (
  org uuid not null, job uuid not null, attempt integer not null, fence bigint not null, session uuid, child text,
  started_at timestamptz, ended_at timestamptz not null,
  outcome text not null check (outcome in ('succeeded', 'retry', 'failed', 'cancelled', 'lost', 'handed_back')),
  reason text, error_fp text, in_force text[] not null default '{}', cpu_ms double precision, rss_kb bigint,
  primary key (org, job, attempt)
);
create table job_effect (
  org uuid not null, job uuid not null, effect text not null, fence bigint not null,
  intent_at timestamptz not null, done_at timestamptz, ref text, primary key (org, job, effect)
);
create table job_progress (
  org uuid not null, job uuid not null, fence bigint not null, phase text, done bigint not null, total bigint not null,
  note text, at timestamptz not null, primary key (org, job)
) with (fillfactor = 50);
create table job_event (
  org uuid not null, job uuid not null, at timestamptz not null default clock_timestamp(), n bigint generated always as identity,
  type text not null, data jsonb not null default '{}', primary key (org, job, at, n)
);
create table job_batch (
  org uuid not null, id uuid not null, parent uuid not null, name text not null,
  total integer not null default 0, open integer not null default 0, failed integer not null default 0,
  cancelled integer not null default 0, sealed boolean not null default false,
  on_failure text not null default 'continue' check (on_failure in ('continue', 'cancel_rest')),
  callback uuid, created_at timestamptz not null default wf_now(),
  primary key (org, id), unique (org, parent, name), check (open between 0 and total)
) with (fillfactor = 50);
create index job_batch_unsealed on job_batch (created_at) where not sealed;
create table schedule (
  org uuid not null, id uuid not null, name text not null, kind text not null, queue text not null references queue (name),
  cron text, every_s double precision, tz text not null default 'UTC', next_tick timestamptz not null, enabled boolean not null default true,
  catch_up text not null default 'latest' check (catch_up in ('none', 'latest', 'all')),
  overlap text not null default 'skip' check (overlap in ('skip', 'queue', 'cancel_previous')),
  jitter interval not null default '0', priority smallint not null default 4, max_failures integer not null default 5,
  limit_s double precision not null default 3600, soft_s double precision, keep_s double precision not null default 86400,
  short boolean not null default false, kid text not null default '', args bytea not null, actor text not null default '',
  created_at timestamptz not null default wf_now(),
  primary key (org, id), unique (org, name), check ((cron is null) <> (every_s is null))
);
create index schedule_due on schedule (next_tick) where enabled;
create table schedule_tick (
  org uuid not null, schedule uuid not null, tick_at timestamptz not null, job uuid, skipped text,
  primary key (org, schedule, tick_at)
);
create table idempotency (
  org uuid not null, actor text not null, key text not null, request_sha bytea not null, status integer not null,
  response bytea not null, at timestamptz not null default wf_now(), primary key (org, actor, key)
);
""".replace("@columns@", JOB_COLUMNS)

AUDIT = """
create table audit_entry (
  org uuid not null, id uuid not null default gen_random_uuid(), at timestamptz not null default clock_timestamp(),
  actor text not null default '', operation text not null, object text not null default '', outcome text not null default 'ok',
  reason text, request_id text, address text, before_hash bytea, after_hash bytea,
  n bigint, hash bytea, tag bytea, -- filled in when the chain is sealed
  primary key (org, at, id)
);
"""

ENGINE_TABLES = (
    "job", "job_done", "job_payload", "job_attempt", "job_effect", "job_progress", "job_event", "job_batch",
    "schedule", "schedule_tick", "idempotency", "lane",
)  # fmt: skip


def upgrade() -> None:
    """Apply."""
    op.execute("set local lock_timeout = '4s'; set local statement_timeout = '5s'")
    op.execute(ROLES + QUEUE + JOB + AUDIT)
    op.execute("".join(protect(table, engine=True) for table in ENGINE_TABLES))
    op.execute("grant select on job_all to wf_app, wf_engine")
    op.execute(protect("audit_entry", engine=True, app="select, insert"))
    op.execute("revoke update, delete on audit_entry from wf_engine")
    for table in ("queue", "worker_session", "signer", "ticket_rejection"):
        op.execute(share(table))
    op.execute(share("budget", app=""))  # its keys tell what other organisations look at


def downgrade() -> None:
    """Take back."""
    op.execute("drop view job_all")
    for table in (*ENGINE_TABLES, "audit_entry", "queue", "budget", "worker_session", "signer", "ticket_rejection"):
        op.execute(f"drop table {table} cascade")
    op.execute("drop function wf_now(); drop function wf_ended(text)")
