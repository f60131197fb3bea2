"""Give report themes a language, for reports whose wish names none."""

from __future__ import annotations

from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.execute("set local lock_timeout = '4s'; set local statement_timeout = '5s'")
    op.execute("alter table report_theme add column locale text not null default ''")


def downgrade() -> None:
    """Take back: the settings' language stands for all."""
    op.execute("set local lock_timeout = '4s'; set local statement_timeout = '5s'")
    op.execute("alter table report_theme drop column locale")
