"""Create scans, their shards, hosts, services and what each of them found."""

from __future__ import annotations

from alembic import op

from watchfloor.kernel.db.rls import protect

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

SCANS = """
create table scan (
  org uuid not null, id uuid not null, request jsonb not null, seed bigint not null,
  state text not null default 'planned' check (state in ('planned', 'running', 'finished', 'incomplete', 'cancelled')),
  error text, job uuid, finish_job uuid, hosts integer not null default 0, hosts_up integer not null default 0, probes bigint not null default 0,
  open_ports integer not null default 0, findings integer not null default 0, not_looked_at jsonb not null default '[]',
  notes jsonb not null default '[]', actor text not null default '', created_at timestamptz not null default wf_now(),
  started_at timestamptz, finished_at timestamptz, primary key (org, id)
);
create table shard (
  org uuid not null, id uuid not null, scan uuid not null, n integer not null, request jsonb not null, totals jsonb not null,
  state text not null default 'waiting' check (state in ('waiting', 'taken', 'finished', 'abandoned')), error text,
  summary jsonb not null default '{}', job uuid, finished_at timestamptz,
  primary key (org, id), unique (org, scan, n), foreign key (org, scan) references scan (org, id) on delete cascade
);
create unique index shard_job on shard (org, job) where job is not null;
create table host (
  org uuid not null, id uuid not null, scan uuid not null, asset uuid not null, address inet not null, name text, rtt_ms double precision,
  counts jsonb not null default '{}',
  primary key (org, id), unique (org, scan, address), foreign key (org, scan) references scan (org, id) on delete cascade,
  foreign key (org, asset) references asset (org, id)
);
create table service (
  org uuid not null, id uuid not null, scan uuid not null, host uuid not null, port integer not null check (port between 1 and 65535),
  protocol text not null default 'tcp', port_group text not null, name text not null default 'unknown', product text not null default '',
  version text not null default '', confidence smallint not null default 0, detail jsonb not null default '{}',
  primary key (org, id), unique (org, host, protocol, port),
  foreign key (org, scan) references scan (org, id) on delete cascade, foreign key (org, host) references host (org, id) on delete cascade
);
create index service_scan on service (org, scan, id);
create table scan_finding (
  org uuid not null, id uuid not null, scan uuid not null, finding uuid not null, is_new boolean not null,
  primary key (org, id), unique (org, scan, finding), foreign key (org, scan) references scan (org, id) on delete cascade,
  foreign key (org, finding) references finding (org, id) on delete cascade
);
"""
TABLES = ("scan", "shard", "host", "service", "scan_finding")


def upgrade() -> None:
    """Apply."""
    op.execute("set local lock_timeout = '4s'; set local statement_timeout = '5s'")
    op.execute(SCANS)
    op.execute("".join(protect(table) for table in TABLES))


def downgrade() -> None:
    """Take back."""
    for table in reversed(TABLES):
        op.execute(f"drop table {table}")
