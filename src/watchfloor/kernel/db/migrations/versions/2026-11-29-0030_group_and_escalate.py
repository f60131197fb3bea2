"""Let messages that belong together go out together, and tell the next one while nobody says that they look after it."""

from __future__ import annotations

from alembic import op

from watchfloor.kernel.db.rls import protect

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

# A route without `group_by` groups nothing; one with an empty list has one group.
ROUTES = """
create table escalation (
  org uuid not null, id uuid not null, name text not null, steps jsonb not null, created_by text not null, created_at timestamptz not null default wf_now(),
  primary key (org, id), unique (org, name)
);
alter table notify_route add column group_by text[], add column group_wait interval not null default '30 seconds',
  add column group_interval interval not null default '5 minutes', add column repeat_interval interval not null default '24 hours',
  add column escalation_id uuid, add constraint notify_route_escalation foreign key (org, escalation_id) references escalation (org, id);
"""
# What a group's messages have in common is kept as a hash: the facts themselves are sealed with the messages. Members outlive their group's
# end and their route, for they are what its owner was told.
GROUPS = """
create table notify_group (
  org uuid not null, id uuid not null, route_id uuid, group_key bytea not null check (octet_length(group_key) = 32), user_id text not null,
  members integer not null default 0, next_flush_at timestamptz, last_sent_at timestamptz, added_at timestamptz, acknowledged_by text,
  acknowledged_at timestamptz, flushes integer not null default 0, created_at timestamptz not null default wf_now(), closed_at timestamptz,
  primary key (org, id), foreign key (org, route_id) references notify_route (org, id) on delete set null (route_id)
);
create unique index notify_group_open on notify_group (org, route_id, group_key) where closed_at is null;
create index notify_group_route on notify_group (org, route_id);
create index notify_group_user on notify_group (org, user_id);
create index notify_group_due on notify_group (org, next_flush_at) where closed_at is null and next_flush_at is not null;
create table notify_group_member (
  org uuid not null, group_id uuid not null, notification uuid not null, subject text not null, channels uuid[] not null, told boolean not null default false,
  resolved boolean not null default false, over boolean not null default false, primary key (org, group_id, notification),
  foreign key (org, group_id) references notify_group (org, id) on delete cascade,
  foreign key (org, notification) references notification (org, id) on delete cascade
);
create index notify_group_member_about on notify_group_member (org, subject) where not over and subject <> '';
create index notify_group_member_of on notify_group_member (org, notification);
alter table delivery add column group_id uuid;
"""
# A run keeps the steps it began with; `due_at` is null when no step is to come.
RUNS = """
create table escalation_run (
  org uuid not null, id uuid not null, escalation_id uuid, name text not null, steps jsonb not null, notification uuid not null, group_id uuid,
  started_at timestamptz not null default wf_now(), step integer not null default 0, due_at timestamptz, acknowledged_by text, acknowledged_at timestamptz,
  resolved_at timestamptz, primary key (org, id), unique (org, escalation_id, notification),
  foreign key (org, escalation_id) references escalation (org, id) on delete set null (escalation_id),
  foreign key (org, notification) references notification (org, id) on delete cascade
);
create index escalation_run_due on escalation_run (org, due_at) where due_at is not null;
create index escalation_run_of on escalation_run (org, notification);
create table escalation_told (
  org uuid not null, run uuid not null, step integer not null, users text[] not null, page boolean not null, notification uuid,
  told_at timestamptz not null default wf_now(), primary key (org, run, step),
  foreign key (org, run) references escalation_run (org, id) on delete cascade,
  foreign key (org, notification) references notification (org, id) on delete cascade
);
create index escalation_told_of on escalation_told (org, notification);
"""
NAMES = ("escalation", "notify_group", "notify_group_member", "escalation_run", "escalation_told")


def upgrade() -> None:
    """Apply."""
    op.execute("set local lock_timeout = '4s'; set local statement_timeout = '5s'")
    op.execute(ROUTES + GROUPS + RUNS)
    for table in NAMES:
        op.execute(protect(table))


def downgrade() -> None:
    """Take back."""
    op.execute("set local lock_timeout = '4s'; set local statement_timeout = '5s'")
    op.execute("drop table escalation_told; drop table escalation_run; drop table notify_group_member; drop table notify_group")
    op.execute("alter table delivery drop column group_id")
    op.execute(
        "alter table notify_route drop column group_by, drop column group_wait, drop column group_interval, drop column repeat_interval, "
        "drop column escalation_id"
    )
    op.execute("drop table escalation")
