"""What the people are, now, whom gathered messages are for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from uuid import UUID  # noqa: TC003 - psycopg makes rows of this class

from psycopg.rows import class_row

from watchfloor.kernel.db.session import wire_of
from watchfloor.kernel.tenancy.members import role_of

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

OF_DIGEST: Final = f"""
select n.id, n.type, case when g.user_id <> '' then {role_of("g.user_id")} end as role, case when c.owner not in ('', g.user_id) then {role_of("c.owner")} end as owner_role
from notify_digest g join notify_digest_item i on (i.org, i.digest) = (g.org, g.id) join notification n on (n.org, n.id) = (i.org, i.notification)
  join notify_channel c on (c.org, c.id) = (g.org, g.channel)
where g.org = %(org)s and g.id = %(digest)s
"""  # noqa: S608 - our own text


@dataclass(frozen=True)
class Receiver:
    """What a digest's message tells (`type`), and what those are who get it; None is the organisation."""

    id: UUID
    type: str
    role: str | None
    owner_role: str | None


def roles_of_digest(session: Session, org: UUID, digest: UUID) -> list[Receiver]:
    """Return what the receiver of a digest is, beside every message in it."""
    return wire_of(session).cursor(row_factory=class_row(Receiver)).execute(OF_DIGEST, {"org": org, "digest": digest}).fetchall()
