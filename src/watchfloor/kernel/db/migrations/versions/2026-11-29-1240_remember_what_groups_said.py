"""Remember which messages each sending of a group names, so that it can be judged again before it goes out."""

from __future__ import annotations

from alembic import op

from watchfloor.kernel.db.rls import protect

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

# One row for a sending, however many messages it names: their ids are kept while it may still go out, their types for when it is repeated.
SENDINGS = """
create table notify_group_sending (
  org uuid not null, notification uuid not null, group_id uuid not null, types text[] not null, fresh uuid[] not null,
  still uuid[] not null, ended uuid[] not null, primary key (org, notification),
  foreign key (org, notification) references notification (org, id) on delete cascade,
  foreign key (org, group_id) references notify_group (org, id) on delete cascade
);
create index notify_group_sending_of on notify_group_sending (org, group_id);
"""


def upgrade() -> None:
    """Apply."""
    op.execute("set local lock_timeout = '4s'; set local statement_timeout = '5s'")
    op.execute(SENDINGS)
    op.execute(protect("notify_group_sending"))


def downgrade() -> None:
    """Take back: what a group says stands from when it is made."""
    op.execute("set local lock_timeout = '4s'; set local statement_timeout = '5s'")
    op.execute("drop table notify_group_sending")
