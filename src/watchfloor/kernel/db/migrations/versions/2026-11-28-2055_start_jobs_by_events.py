"""Keep what waits to start a job beside the events, not on them: events that start nothing cost nothing."""

from __future__ import annotations

from alembic import op

from watchfloor.kernel.db.rls import protect, share

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

REACTIONS = """
drop index event_waiting;
alter table event drop column relayed_at;
create table reaction (
  event text not null, kind text not null, delay interval not null default '0', known_at timestamptz not null default wf_now(),
  primary key (event, kind)
);
create table event_due (
  org uuid not null, kind text not null, due_at timestamptz not null, event uuid not null, primary key (org, kind, due_at, event)
) with (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_cost_delay = 0);
create table reaction_run (
  org uuid not null, kind text not null, job uuid, started_at timestamptz, primary key (org, kind)
);
"""
BEFORE = """
drop table reaction_run; drop table event_due; drop table reaction;
alter table event add column relayed_at timestamptz;
create index event_waiting on event (id) where relayed_at is null;
"""


def upgrade() -> None:
    """Apply."""
    op.execute("set local lock_timeout = '4s'; set local statement_timeout = '5s'")
    op.execute(REACTIONS)
    op.execute(share("reaction"))
    op.execute(protect("event_due", engine=True, app="select, insert, delete"))
    op.execute(protect("reaction_run", engine=True, app="select, insert, update"))


def downgrade() -> None:
    """Take back; what waits to start a job is forgotten."""
    op.execute(BEFORE)
