"""What the people are, now, whom stored messages are for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from uuid import UUID  # noqa: TC003 - psycopg makes rows of this class

from psycopg.rows import class_row

from watchfloor.kernel.db.session import wire_of
from watchfloor.kernel.tenancy.members import role_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.orm import Session

ROLES: Final = """
select {id} as id, n.type, case when {user} <> '' then {role} end as role, case when c.owner not in ('', {user}) then {owner} end as owner_role
"""
OF_DELIVERIES: Final = (
    ROLES.format(id="d.id", user="d.user_id", role=role_of("d.user_id"), owner=role_of("c.owner"))
    + """from delivery d join notification n on (n.org, n.id) = (d.org, d.notification) left join notify_channel c on (c.org, c.id) = (d.org, d.channel)
where d.org = %(org)s and d.id = any (%(ids)s)"""
)
OF_DIGEST: Final = (
    ROLES.format(id="n.id", user="g.user_id", role=role_of("g.user_id"), owner=role_of("c.owner"))
    + """from notify_digest g join notify_digest_item i on (i.org, i.digest) = (g.org, g.id) join notification n on (n.org, n.id) = (i.org, i.notification)
  join notify_channel c on (c.org, c.id) = (g.org, g.channel)
where g.org = %(org)s and g.id = %(digest)s"""
)


@dataclass(frozen=True)
class Receiver:
    """What a delivery or a digest's message tells (`type`), and what those are who get it; None is the organisation."""

    id: UUID
    type: str
    role: str | None
    owner_role: str | None


def roles_of_deliveries(session: Session, org: UUID, deliveries: Sequence[UUID]) -> list[Receiver]:
    """Return what the receivers of deliveries are."""
    values = {"org": org, "ids": list(deliveries)}
    return wire_of(session).cursor(row_factory=class_row(Receiver)).execute(OF_DELIVERIES, values).fetchall() if deliveries else []


def roles_of_digest(session: Session, org: UUID, digest: UUID) -> list[Receiver]:
    """Return what the receiver of a digest is, beside every message in it."""
    return wire_of(session).cursor(row_factory=class_row(Receiver)).execute(OF_DIGEST, {"org": org, "digest": digest}).fetchall()
