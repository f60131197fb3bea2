"""Let a scan remember which addresses answered nothing when it looked for hosts: the scan after it can tell that one is new or gone."""

from __future__ import annotations

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.execute("set local lock_timeout = '4s'; set local statement_timeout = '5s'")
    op.execute("alter table scan add column silent_hosts jsonb not null default '[]'")


def downgrade() -> None:
    """Take back."""
    op.execute("alter table scan drop column silent_hosts")
