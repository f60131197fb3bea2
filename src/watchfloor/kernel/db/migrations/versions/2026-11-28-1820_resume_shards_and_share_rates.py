"""Let a shard go on where its last attempt stood, and let all running jobs keep limits together."""

from __future__ import annotations

from alembic import op

from watchfloor.kernel.db.rls import share

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

LEASES = """
alter table shard add column resume jsonb;
create table rate_lease (
  key bytea not null, holder uuid not null, per_second double precision, members bit(256) not null, expires_at timestamptz not null, waits_since timestamptz,
  primary key (key, holder)
) with (fillfactor = 50);
create index rate_lease_holder on rate_lease (holder);
"""


def upgrade() -> None:
    """Apply."""
    op.execute("set local lock_timeout = '4s'; set local statement_timeout = '5s'")
    op.execute(LEASES)
    op.execute(share("rate_lease", app=""))  # its keys tell what other organisations look at


def downgrade() -> None:
    """Take back."""
    op.execute("drop table rate_lease")
    op.execute("alter table shard drop column resume")
