"""Make a scope entry an authorisation, and keep what runs on an asset."""

from __future__ import annotations

from alembic import op

from watchfloor.kernel.db.rls import protect

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

SCOPE = """
alter table scope
  add column kind text not null default 'allow' check (kind in ('allow', 'exclude')), add column ports text,
  add column approved_by text not null default '', add column proof text not null default '',
  add column valid_from timestamptz not null default wf_now();
alter table scope drop constraint scope_org_target_key, add constraint scope_once unique (org, kind, target);
update scope set approved_by = created_by, valid_from = created_at;
-- Nobody's permission lasts for ever; only what a machine may do to itself and its own network does.
update scope set expires_at = least(coalesce(expires_at, 'infinity'), wf_now() + interval '365 days') where created_by <> 'system';
"""

ASSETS = """
alter table asset
  add column names text[] not null default '{}',
  add column exposure text not null default 'unknown' check (exposure in ('internet', 'partner', 'internal', 'isolated', 'unknown'));
update asset set names = array[name] where name is not null;
create table asset_fact (
  org uuid not null, id uuid not null, asset uuid not null, kind text not null check (kind in ('service', 'os', 'hardware')),
  port integer not null default 0 check (port between 0 and 65535), protocol text not null default '', name text not null default '',
  product text not null default '', version text not null default '', revision text not null default '', cpe23 text[] not null default '{}',
  first_seen timestamptz not null default wf_now(), observed_at timestamptz not null default wf_now(),
  changed_at timestamptz not null default wf_now(), gone_at timestamptz,
  primary key (org, id), constraint asset_fact_once unique (org, asset, kind, protocol, port, product),
  foreign key (org, asset) references asset (org, id) on delete cascade
);
create index asset_fact_changed on asset_fact (org, changed_at, id);
"""


def upgrade() -> None:
    """Apply."""
    op.execute("set local lock_timeout = '4s'; set local statement_timeout = '5s'")
    op.execute(SCOPE + ASSETS)
    op.execute(protect("asset_fact"))


def downgrade() -> None:
    """Take back; of two entries for one target the exclusion goes."""
    op.execute("drop table asset_fact")
    op.execute("alter table asset drop column names, drop column exposure")
    op.execute("delete from scope where kind = 'exclude'")
    op.execute("alter table scope drop constraint scope_once, add constraint scope_org_target_key unique (org, target)")
    op.execute("alter table scope drop column kind, drop column ports, drop column approved_by, drop column proof, drop column valid_from")
