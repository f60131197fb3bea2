"""Keep who is told what, over which channel, and every attempt to tell them."""

from __future__ import annotations

from alembic import op

from watchfloor.kernel.db.rls import protect

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

# A channel without owner is the organisation's. Addresses are secrets: sealed, compared by a keyed hash, shown masked.
CHANNELS = """
create table notify_channel (
  org uuid not null, id uuid not null, owner text not null default '', kind text not null check (kind in ('email', 'webhook', 'slack', 'apprise')),
  label text not null default '', kid text not null, config bytea not null, shown text not null, address bytea not null, host text not null,
  state text not null check (state in ('unverified', 'active', 'disabled')), reason text, given boolean not null default false,
  failing_since timestamptz, failed integer not null default 0, dead_told_at timestamptz, verified_at timestamptz, created_by text not null,
  created_at timestamptz not null default wf_now(), changed_at timestamptz not null default wf_now(),
  primary key (org, id), unique (org, owner, kind, address)
);
create table notify_secret (
  org uuid not null, id uuid not null, channel uuid not null, kind text not null check (kind in ('v1', 'v1a')), kid text not null, key bytea not null,
  created_at timestamptz not null default wf_now(), retires_at timestamptz,
  primary key (org, id), foreign key (org, channel) references notify_channel (org, id) on delete cascade
);
create index notify_secret_of on notify_secret (org, channel);
create table notify_host (
  org uuid not null, lane text not null, host text not null, failed integer not null default 0, opened integer not null default 0,
  open_until timestamptz, opened_at timestamptz, primary key (org, lane, host)
);
create table notify_suppression (
  org uuid not null, id uuid not null, address bytea not null, shown text not null, reason text not null check (reason in ('hard_bounce', 'complaint', 'manual')),
  until timestamptz, created_by text not null, created_at timestamptz not null default wf_now(), primary key (org, id), unique (org, address)
);
"""
WISHES = """
create table notify_route (
  org uuid not null, id uuid not null, owner text not null default '', name text not null, events text[] not null, min_severity text not null default 'info',
  channels uuid[] not null default '{}', digest jsonb, mandatory boolean not null default false, enabled boolean not null default true,
  created_by text not null, created_at timestamptz not null default wf_now(), primary key (org, id), unique (org, owner, name)
);
create table notify_preference (
  org uuid not null, id uuid not null, user_id text not null, wishes jsonb not null, revision integer not null default 1,
  changed_by text not null, changed_at timestamptz not null default wf_now(), primary key (org, id), unique (org, user_id)
);
create table notify_silence (
  org uuid not null, id uuid not null, matchers jsonb not null, starts_at timestamptz not null, ends_at timestamptz not null,
  reason text not null, actor text not null, created_at timestamptz not null default wf_now(), primary key (org, id), check (starts_at < ends_at)
);
create index notify_silence_now on notify_silence (org, ends_at);
"""
# What people see as one notification; one delivery is one sending of it over one channel, one attempt is one try of that.
TOLD = """
create table notification (
  org uuid not null, id uuid not null, event uuid, type text not null, dedup_key text not null, severity text not null, subject_kind text not null,
  subject_id text not null, title text not null, kid text not null, message bytea not null, occurred_at timestamptz not null,
  created_at timestamptz not null default wf_now(), expires_at timestamptz not null, acknowledged_by text, acknowledged_at timestamptz,
  primary key (org, id), unique (org, type, dedup_key)
);
create table delivery (
  org uuid not null, id uuid not null, notification uuid not null, channel uuid, user_id text not null, lane text not null, host text not null,
  idem bytea not null check (octet_length(idem) = 32), state text not null check (state in ('held', 'due', 'sending', 'sent', 'suppressed', 'dead')),
  reason text, attempt integer not null default 0, manual boolean not null default false, bypassed boolean not null default false,
  due_at timestamptz not null, first_due_at timestamptz not null,
  created_at timestamptz not null default wf_now(), expires_at timestamptz not null, job uuid, claimed_by uuid, claimed_attempt integer, claimed_at timestamptz,
  last_code text, sent_at timestamptz, ended_at timestamptz, replay_of uuid, replay_no integer not null default 0, replayed_by uuid,
  primary key (org, id), unique (org, idem), foreign key (org, notification) references notification (org, id) on delete cascade,
  check ((state = 'sending') = (claimed_by is not null)), check ((state = 'sent') = (sent_at is not null))
) with (fillfactor = 80);
create index delivery_due on delivery (org, lane, due_at, id) where state in ('due', 'held');
create index delivery_sending on delivery (org, lane) where state = 'sending';
create index delivery_of on delivery (org, notification, user_id);
create index delivery_channel on delivery (org, channel, id);
create index delivery_user on delivery (org, user_id, id);
create index delivery_replay on delivery (org, replay_of) where replay_of is not null;
create index delivery_ended on delivery (org, ended_at) where ended_at is not null;
create table delivery_attempt (
  org uuid not null, id uuid not null, delivery uuid not null, n integer not null, at timestamptz not null default wf_now(), ms integer not null default 0,
  outcome text not null check (outcome in ('ok', 'retry', 'permanent', 'disable', 'lost')), code text not null default '', address text not null default '',
  reason text not null default '', head text not null default '', body_sha256 bytea,
  primary key (org, id), unique (org, delivery, n), foreign key (org, delivery) references delivery (org, id) on delete cascade
);
create index delivery_attempt_at on delivery_attempt (org, at);
"""
# Messages that wait to be told all at once; a digest is a notification of its own when its window closes.
DIGESTS = """
create table notify_digest (
  org uuid not null, id uuid not null, channel uuid not null, user_id text not null, reason text not null, window_start timestamptz not null,
  due_at timestamptz not null, closed_at timestamptz, notification uuid, primary key (org, id),
  unique (org, channel, user_id, reason, window_start), foreign key (org, channel) references notify_channel (org, id) on delete cascade
);
create index notify_digest_due on notify_digest (org, due_at) where closed_at is null;
create table notify_digest_item (
  org uuid not null, digest uuid not null, notification uuid not null, primary key (org, digest, notification),
  foreign key (org, digest) references notify_digest (org, id) on delete cascade,
  foreign key (org, notification) references notification (org, id) on delete cascade
);
"""
READ = """
create table notify_read (
  org uuid not null, user_id text not null, notification uuid not null, read_at timestamptz not null default wf_now(),
  primary key (org, user_id, notification), foreign key (org, notification) references notification (org, id) on delete cascade
);
create index notify_read_of on notify_read (org, notification);
"""
HEALTH = "create table notify_health (org uuid primary key, status text not null, since timestamptz not null default wf_now());"
NAMES = (
    "notify_channel", "notify_secret", "notify_host", "notify_suppression", "notify_route", "notify_preference", "notify_silence", "notification",
    "delivery", "delivery_attempt", "notify_digest", "notify_digest_item", "notify_read", "notify_health",
)  # fmt: skip


def upgrade() -> None:
    """Apply."""
    op.execute("set local lock_timeout = '4s'; set local statement_timeout = '5s'")
    op.execute(CHANNELS + WISHES + TOLD + DIGESTS + READ + HEALTH)
    for table in NAMES:
        op.execute(protect(table))


def downgrade() -> None:
    """Take back."""
    op.execute("".join(f"drop table {table}; " for table in reversed(NAMES)))
