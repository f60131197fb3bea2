"""Let routes choose assets, and organisations word notifications themselves."""

from __future__ import annotations

from alembic import op

from watchfloor.kernel.db.rls import protect

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

# `event` is a pattern as routes have them: a name, all of a noun, or all.
WORDS = """
alter table notify_route add column asset_filter jsonb;
create table notify_template (
  org uuid not null, id uuid not null, event text not null, kind text not null check (kind in ('email', 'webhook', 'slack', 'apprise')),
  subject text not null, body text not null, revision integer not null default 1, changed_by text not null,
  changed_at timestamptz not null default wf_now(), primary key (org, id), unique (org, event, kind)
);
"""


def upgrade() -> None:
    """Apply."""
    op.execute("set local lock_timeout = '4s'; set local statement_timeout = '5s'")
    op.execute(WORDS)
    op.execute(protect("notify_template"))


def downgrade() -> None:
    """Take back: routes tell of every asset again, and notifications are worded by the program."""
    op.execute("drop table notify_template; alter table notify_route drop column asset_filter;")
