"""Give findings references, a description, expiring acceptances, misses and a history; let a scan name the one before it."""

from __future__ import annotations

from alembic import op

from watchfloor.kernel.db.rls import protect

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

# An acceptance that has expired counts as open, on the database's clock and at once: nobody has to write that down first.
STATE = """
create function wf_finding_state(state text, accepted_until timestamptz) returns text language sql stable
  as $$ select case when state = 'accepted' and accepted_until <= wf_now() then 'open' else state end $$;
"""

FINDINGS = """
alter table finding rename column closed_at to fixed_at;
alter table finding rename column note to reason;
alter table finding add column description text not null default '', add column "references" text[] not null default '{}',
  add column protocol text not null default 'tcp' check (protocol in ('tcp', 'udp')), add column accepted_until timestamptz,
  add column misses smallint not null default 0, add column missed_by uuid;
alter table finding drop constraint finding_state_check;
update finding set state = 'fixed' where state = 'closed';
-- Acceptances had no end before; none may be for ever.
update finding set accepted_until = wf_now() + interval '90 days' where state = 'accepted';
alter table finding add constraint finding_state_check check (state in ('open', 'fixed', 'accepted', 'false_positive')),
  add constraint finding_accepted_until check ((state = 'accepted') = (accepted_until is not null)),
  add constraint finding_fixed_at check ((state = 'fixed') = (fixed_at is not null));
drop index finding_open;
create index finding_open on finding (org, severity_rank desc, id desc) where state in ('open', 'accepted');
create index finding_gravest on finding (org, severity_rank desc, id desc);
create index finding_asset on finding (org, asset);
create table finding_change (
  org uuid not null, id uuid not null, finding uuid not null, at timestamptz not null default wf_now(), from_state text, to_state text not null,
  accepted_until timestamptz, actor text not null, reason text not null, job uuid,
  primary key (org, id), foreign key (org, finding) references finding (org, id) on delete cascade
);
create index finding_change_finding on finding_change (org, finding, at, id);
create index finding_change_job on finding_change (org, job) where job is not null;
insert into finding_change (org, id, finding, at, from_state, to_state, actor, reason, job)
  select org, gen_random_uuid(), id, first_seen, null, 'open', capability, 'seen for the first time', null from finding;
insert into finding_change (org, id, finding, at, from_state, to_state, accepted_until, actor, reason, job)
  select org, gen_random_uuid(), id, coalesce(fixed_at, wf_now()), 'open', state, accepted_until, 'system', coalesce(reason, 'before there was a history'),
    job from finding where state <> 'open';
"""

SCANS = """
alter table scan add column subject text not null default '', add column previous_scan uuid,
  add foreign key (org, previous_scan) references scan (org, id) on delete set null (previous_scan);
create index scan_subject on scan (org, subject, finished_at desc) where finished_at is not null;
alter table host add column silent jsonb not null default '{}';
create index host_asset on host (org, asset);
"""

BACK = """
alter table host drop column silent;
drop index host_asset;
drop index scan_subject;
alter table scan drop column previous_scan, drop column subject;
drop table finding_change;
drop index finding_asset;
drop index finding_gravest;
drop index finding_open;
alter table finding drop constraint finding_fixed_at, drop constraint finding_accepted_until, drop constraint finding_state_check;
update finding set state = 'closed' where state = 'fixed';
update finding set state = 'accepted' where state = 'false_positive';
alter table finding add constraint finding_state_check check (state in ('open', 'closed', 'accepted'));
alter table finding drop column missed_by, drop column misses, drop column accepted_until, drop column protocol, drop column "references",
  drop column description;
alter table finding rename column reason to note;
alter table finding rename column fixed_at to closed_at;
create index finding_open on finding (org, severity_rank desc, id desc) where state = 'open';
drop function wf_finding_state(text, timestamptz);
"""


def upgrade() -> None:
    """Apply."""
    op.execute("set local lock_timeout = '4s'; set local statement_timeout = '5s'")
    op.execute(STATE + FINDINGS + SCANS)
    op.execute(protect("finding_change", app="select, insert"))  # a history is added to, never rewritten


def downgrade() -> None:
    """Take back; what was a false positive is accepted then, so that it stays quiet."""
    op.execute(BACK)
