"""Create organisations, keys, assets, scopes, findings, artifacts and events."""

from __future__ import annotations

from alembic import op

from watchfloor.kernel.db.rls import protect

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TENANCY = """
create table org (id uuid primary key, name text not null unique, created_at timestamptz not null default wf_now());
create table org_key (
  org uuid not null references org (id), kid text not null, wrapped bytea not null,
  state text not null default 'active' check (state in ('pending', 'active', 'open_only', 'retired')),
  created_at timestamptz not null default wf_now(), primary key (org, kid)
);
create unique index org_key_active on org_key (org) where state = 'active';
create table api_key (
  org uuid not null references org (id), id uuid not null, public_id text not null unique, digest bytea not null,
  name text not null, role text not null, created_by text not null default '',
  created_at timestamptz not null default wf_now(), expires_at timestamptz, revoked_at timestamptz, used_at timestamptz,
  primary key (org, id)
);
"""

NOUNS = """
create table asset (
  org uuid not null, id uuid not null, kind text not null, key text not null, name text,
  tags text[] not null default '{}', first_seen timestamptz not null default wf_now(), last_seen timestamptz not null default wf_now(),
  primary key (org, id), unique (org, kind, key)
);
create table scope (
  org uuid not null, id uuid not null, target text not null, reason text not null default '',
  created_by text not null default '', created_at timestamptz not null default wf_now(), expires_at timestamptz,
  primary key (org, id), unique (org, target)
);
create table finding (
  org uuid not null, id uuid not null, key text not null, capability text not null, "check" text not null,
  asset uuid not null, target text not null, port integer, title text not null, severity text not null,
  severity_rank smallint not null, remedy text not null default '', evidence jsonb not null default '{}',
  state text not null default 'open' check (state in ('open', 'closed', 'accepted')), note text,
  job uuid, first_seen timestamptz not null default wf_now(), last_seen timestamptz not null default wf_now(),
  closed_at timestamptz, primary key (org, id), unique (org, key),
  foreign key (org, asset) references asset (org, id)
);
create index finding_open on finding (org, severity_rank desc, id desc) where state = 'open';
create table artifact (
  org uuid not null, id uuid not null, name text not null, media_type text not null, size_bytes bigint not null,
  sha256 bytea not null, job uuid, created_at timestamptz not null default wf_now(), primary key (org, id)
);
create table artifact_part (
  org uuid not null, artifact uuid not null, n integer not null, kid text not null, blob bytea not null,
  primary key (org, artifact, n), foreign key (org, artifact) references artifact (org, id) on delete cascade
);
create table event (
  org uuid not null, id uuid not null, name text not null, severity text not null, at timestamptz not null default wf_now(),
  data jsonb not null default '{}', job uuid, relayed_at timestamptz, primary key (org, id)
);
create index event_waiting on event (id) where relayed_at is null;
"""


def upgrade() -> None:
    """Apply."""
    op.execute("set local lock_timeout = '4s'; set local statement_timeout = '5s'")
    op.execute(TENANCY + NOUNS)
    op.execute(protect("org", engine=True, key="id", app="select"))
    op.execute(protect("org_key", engine=True, app="select"))
    op.execute(protect("api_key", engine=True))
    for table in ("asset", "scope", "finding", "artifact", "artifact_part"):
        op.execute(protect(table))
    op.execute(protect("event", engine=True))


def downgrade() -> None:
    """Take back."""
    for table in ("event", "artifact_part", "artifact", "finding", "scope", "asset", "api_key", "org_key", "org"):
        op.execute(f"drop table {table}")
