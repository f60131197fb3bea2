"""Keep which thread tells of what, which messages go out in their shorter form, and what receivers check signatures with."""

from __future__ import annotations

from alembic import op

from watchfloor.kernel.db.rls import protect

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

# The first message about something begins a thread; `mark` is what the chat knows that message by.
THREADS = """
create table notify_thread (
  org uuid not null, channel uuid not null, subject_kind text not null, subject_id text not null, mark text not null,
  used_at timestamptz not null default wf_now(), primary key (org, channel, subject_kind, subject_id),
  foreign key (org, channel) references notify_channel (org, id) on delete cascade
);
create index notify_thread_used on notify_thread (org, used_at);
"""


def upgrade() -> None:
    """Apply."""
    op.execute("set local lock_timeout = '4s'; set local statement_timeout = '5s'")
    op.execute(THREADS + protect("notify_thread"))
    op.execute("alter table delivery add column short boolean not null default false")
    op.execute("alter table notify_secret add column public text")


def downgrade() -> None:
    """Take back."""
    op.execute("alter table notify_secret drop column public")
    op.execute("alter table delivery drop column short")
    op.execute("drop table notify_thread")
