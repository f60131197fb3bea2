"""Keep snapshots, reports, presets and themes."""

from __future__ import annotations

from alembic import op

from watchfloor.kernel.db.rls import protect

revision = "0015"
down_revision = "0012"
branch_labels = None
depends_on = None

TABLES = """
create table report_snapshot (
  org uuid not null, id uuid not null, scope jsonb not null, scope_hash bytea not null, redaction text not null, watermark text,
  as_of timestamptz not null, taken_at timestamptz not null default wf_now(), rows bigint not null, counts jsonb not null,
  sha256 bytea not null, size_bytes bigint not null, artifact uuid, expires_at timestamptz,
  primary key (org, id), foreign key (org, artifact) references artifact (org, id) on delete set null (artifact)
);
create index report_snapshot_scope on report_snapshot (org, scope_hash, redaction, taken_at desc);
create index report_snapshot_expiry on report_snapshot (org, expires_at) where artifact is not null;
create table report (
  org uuid not null, id uuid not null, snapshot uuid not null, scan uuid, scope_hash bytea not null, preset text not null default '',
  theme text not null default '',
  title text not null default '', format text not null, options jsonb not null, redaction text not null, spec_hash bytea not null,
  template_version integer not null, state text not null check (state in ('pending', 'rendering', 'ready', 'failed', 'lost', 'deleted')),
  error_code text, error text, artifact uuid, sha256 bytea, size_bytes bigint, pages integer, rows_shown bigint, rows_total bigint,
  notes jsonb not null default '[]', retention text not null check (retention in ('temporary', 'standard', 'audit', 'hold')),
  expires_at timestamptz, hold_reason text, hold_by text, manifest bytea, signature bytea, file_path text, created_by text not null,
  job uuid, created_at timestamptz not null default wf_now(), ready_at timestamptz, deleted_at timestamptz,
  primary key (org, id), foreign key (org, snapshot) references report_snapshot (org, id),
  foreign key (org, artifact) references artifact (org, id) on delete set null (artifact)
);
create unique index report_once on report (org, spec_hash, snapshot, format, template_version) where state not in ('deleted', 'lost');
create index report_scan on report (org, scan, id) where scan is not null;
create index report_sha on report (org, sha256) where sha256 is not null;
create index report_snapshot_of on report (org, snapshot);
create index report_expiry on report (org, expires_at) where state in ('ready', 'failed', 'lost');
create table report_preset (
  org uuid not null, id uuid not null, name text not null, spec jsonb not null, actor text not null, changed_at timestamptz not null default wf_now(),
  primary key (org, id), unique (org, name)
);
create table report_theme (
  org uuid not null, id uuid not null, name text not null, tokens jsonb not null default '{}', classification text not null default '',
  author text not null default '', logo bytea, actor text not null, changed_at timestamptz not null default wf_now(),
  primary key (org, id), unique (org, name), check (octet_length(logo) <= 1048576)
);
"""
NAMES = ("report_snapshot", "report", "report_preset", "report_theme")


def upgrade() -> None:
    """Apply."""
    op.execute("set local lock_timeout = '4s'; set local statement_timeout = '5s'")
    op.execute(TABLES)
    for table in NAMES:
        op.execute(protect(table))


def downgrade() -> None:
    """Take back; the files of reports stay as artifacts."""
    op.execute("".join(f"drop table {table}; " for table in ("report", "report_snapshot", "report_preset", "report_theme")))
