"""Remember which default schedules an organisation was given; let a scan exist before it is started."""

from __future__ import annotations

from alembic import op

from watchfloor.kernel.db.rls import protect

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

PLANTED = """
create table schedule_planted (
  org uuid not null references org (id), name text not null, planted_at timestamptz not null default wf_now(), primary key (org, name)
);
"""
STATES = "alter table scan drop constraint scan_state_check, add constraint scan_state_check check (state in ({states}))"
BEFORE = ("planned", "running", "finished", "incomplete", "cancelled")


def upgrade() -> None:
    """Apply."""
    op.execute("set local lock_timeout = '4s'; set local statement_timeout = '5s'")
    op.execute(PLANTED)
    op.execute(protect("schedule_planted", engine=True, app="select, insert"))
    op.execute(STATES.format(states=", ".join(f"'{state}'" for state in ("draft", *BEFORE))))


def downgrade() -> None:
    """Take back; scans that were never started are cancelled."""
    op.execute("update scan set state = 'cancelled', finished_at = wf_now() where state = 'draft'")
    op.execute(STATES.format(states=", ".join(f"'{state}'" for state in BEFORE)))
    op.execute("drop table schedule_planted")
