"""Let stored files lie elsewhere than in the database, under an address made of their content, and give them links that expire."""

from __future__ import annotations

from alembic import op

from watchfloor.kernel.db.rls import protect

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

# A file's address is 32 bytes. Those of files stored until now are their id's 16: under it their parts were sealed.
PLACES = """
alter table artifact add column place text not null default 'postgres' check (place in ('postgres', 'directory', 's3')),
  add column address bytea, add column kid text not null default '', add column removed_at timestamptz;
update artifact a set address = uuid_send(a.id),
  kid = coalesce((select p.kid from artifact_part p where p.org = a.org and p.artifact = a.id and p.n = 0), '');
alter table artifact alter column address set not null, alter column place drop default, alter column kid drop default;
create index artifact_address on artifact (org, place, address);
create index artifact_removed on artifact (org, id) where removed_at is not null;
alter table artifact_part add column address bytea;
update artifact_part set address = uuid_send(artifact);
alter table artifact_part drop constraint artifact_part_pkey, drop column artifact, drop column kid,
  add primary key (org, address, n);
create table artifact_link (
  org uuid not null, id uuid not null, artifact uuid not null, creator uuid not null, created_by text not null,
  created_at timestamptz not null default wf_now(), expires_at timestamptz not null, single_use boolean not null, used_at timestamptz,
  primary key (org, id), foreign key (org, artifact) references artifact (org, id) on delete cascade
);
create index artifact_link_of on artifact_link (org, artifact, expires_at);
"""
# What was stored since lies elsewhere, or is sealed under an address: the program of before cannot read it.
BEFORE = """
drop table artifact_link;
delete from artifact where removed_at is not null or octet_length(address) <> 16;
delete from artifact_part p where not exists (select 1 from artifact a where a.org = p.org and a.address = p.address);
alter table artifact_part add column artifact uuid, add column kid text;
update artifact_part p set artifact = a.id, kid = a.kid from artifact a where a.org = p.org and a.address = p.address;
alter table artifact_part drop constraint artifact_part_pkey, drop column address,
  alter column artifact set not null, alter column kid set not null, add primary key (org, artifact, n),
  add foreign key (org, artifact) references artifact (org, id) on delete cascade;
drop index artifact_removed; drop index artifact_address;
alter table artifact drop column removed_at, drop column kid, drop column address, drop column place;
"""


def upgrade() -> None:
    """Apply."""
    op.execute("set local lock_timeout = '4s'; set local statement_timeout = '60s'")
    op.execute(PLACES)
    op.execute(protect("artifact_link"))


def downgrade() -> None:
    """Take back; files that were stored since are lost to the database, their bytes stay where they lie."""
    op.execute(BEFORE)
