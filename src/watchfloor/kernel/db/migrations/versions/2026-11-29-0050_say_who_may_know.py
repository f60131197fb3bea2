"""Keep which people belong to an organisation and what they are there; know notifications by their asset and which failures were told."""

from __future__ import annotations

from alembic import op

from watchfloor.kernel.db.rls import protect

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

# Who is removed stays on record: a person of whom nothing is known is told what the setting says, one who was removed is told nothing.
MEMBERS = """
create table member (
  org uuid not null references org (id), id uuid not null, name text not null check (name <> ''), role text not null,
  state text not null default 'active' check (state in ('active', 'disabled', 'removed')), created_by text not null,
  created_at timestamptz not null default wf_now(), changed_by text not null, changed_at timestamptz not null default wf_now(),
  primary key (org, id), unique (org, name)
);
"""
# Of jobs that fail by the thousand one event in an hour is news.
FAILURES = """
create table job_told (
  org uuid not null, kind text not null, stage text not null, told_at timestamptz not null default wf_now(), primary key (org, kind, stage)
);
"""
# A UUIDv7 as the program makes them, for events that a statement writes about what it has just done.
IDS = """
create function wf_new_id() returns uuid language sql volatile as $$
  select encode(set_bit(set_bit(overlay(uuid_send(gen_random_uuid())
    placing substring(int8send((extract(epoch from clock_timestamp()) * 1000)::bigint) from 3) from 1 for 6), 52, 1), 53, 1), 'hex')::uuid
$$;
"""
ASSETS = """
alter table notification add column asset text not null default '';
create index notification_open on notification (org, asset, type) where asset <> '' and acknowledged_at is null;
"""


def upgrade() -> None:
    """Apply."""
    op.execute("set local lock_timeout = '4s'; set local statement_timeout = '5s'")
    op.execute(MEMBERS + FAILURES + IDS + ASSETS)
    op.execute(protect("member"))
    op.execute(protect("job_told", engine=True))


def downgrade() -> None:
    """Take back."""
    op.execute(
        "drop index notification_open; alter table notification drop column asset; drop function wf_new_id(); drop table job_told; drop table member"
    )
