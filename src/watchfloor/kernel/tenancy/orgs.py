"""Organisations: whose data is apart."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from watchfloor.kernel.db.ids import new_id

if TYPE_CHECKING:
    from watchfloor.kernel.db.session import Database
    from watchfloor.kernel.tenancy.vault import Vault


def find_org(database: Database, name: str) -> UUID | None:
    """Return the id of the organisation of this name."""
    row = database.wire("wf_engine").execute("select id from org where name = %s", (name,)).fetchone()
    return UUID(str(row[0])) if row else None


def ensure_org(database: Database, vault: Vault, name: str) -> UUID:
    """Return the organisation of this name, made with its data key when it is new; safe to race."""
    found = find_org(database, name)
    if found:
        return found
    org = new_id()
    kid, wrapped = vault.wrap_new(org)
    database.wire("wf_engine").execute(
        "with made as (insert into org (id, name) values (%s, %s) on conflict (name) do nothing returning id), "
        "key as (insert into org_key (org, kid, wrapped) select id, %s, %s from made) "
        "insert into audit_entry (org, actor, operation, object) select id, 'system', 'org.create', id::text from made",
        (org, name, kid, wrapped),
    )
    return find_org(database, name) or org
