"""Let those who follow a scan read what changed since they last looked."""

from __future__ import annotations

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.execute("set local lock_timeout = '4s'; set local statement_timeout = '5s'")
    op.execute("alter table service add column changed_at timestamptz not null default wf_now()")
    op.execute("create index service_changed on service (org, scan, changed_at)")


def downgrade() -> None:
    """Take back."""
    op.execute("drop index service_changed")
    op.execute("alter table service drop column changed_at")
