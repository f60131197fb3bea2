"""Create scans, their shards, hosts and services."""

from __future__ import annotations

from alembic import op

from watchfloor.kernel.db.rls import protect

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

SCANS = """
create table scan (
  org uuid not null, id uuid not null, job uuid, request jsonb not null, seed bigint not null default 0,
  state text not null default 'planned' check (state in ('planned', 'running', 'finished', 'incomplete', 'cancelled')),
  hosts integer not null default 0, probes bigint not null default 0, open_ports integer not null default 0,
  findings integer not null default 0, actor text not null default '', created_at timestamptz not null default wf_now(),
  started_at timestamptz, finished_at timestamptz, primary key (org, id)
);
create table shard (
  org uuid not null, id uuid not null, scan uuid not null, n integer not null, port_group text not null, request jsonb not null,
  state text not null default 'waiting' check (state in ('waiting', 'finished', 'abandoned')), error text,
  summary jsonb not null default '{}', job uuid, finished_at timestamptz,
  primary key (org, id), unique (org, scan, n), foreign key (org, scan) references scan (org, id) on delete cascade
);
create table host (
  org uuid not null, id uuid not null, scan uuid not null, asset uuid not null, address inet not null, name text,
  state text not null, counts jsonb not null default '{}',
  primary key (org, id), unique (org, scan, address), foreign key (org, scan) references scan (org, id) on delete cascade,
  foreign key (org, asset) references asset (org, id)
);
create table service (
  org uuid not null, id uuid not null, scan uuid not null, host uuid not null, port integer not null check (port between 1 and 65535),
  protocol text not null default 'tcp', port_group text not null, name text not null default 'unknown', product text, version text,
  confidence smallint not null default 0, evidence jsonb not null default '{}', tls jsonb,
  primary key (org, id), unique (org, host, protocol, port),
  foreign key (org, scan) references scan (org, id) on delete cascade, foreign key (org, host) references host (org, id) on delete cascade
);
"""


def upgrade() -> None:
    """Apply."""
    op.execute("set local lock_timeout = '4s'; set local statement_timeout = '5s'")
    op.execute(SCANS)
    op.execute("".join(protect(table) for table in ("scan", "shard", "host", "service")))


def downgrade() -> None:
    """Take back."""
    for table in ("service", "host", "shard", "scan"):
        op.execute(f"drop table {table}")
