"""The people of an organisation: what they are there, and so what they may know; they are told things, keys ask for things."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import select

from watchfloor.kernel.audit.record import record
from watchfloor.kernel.db.ids import new_id
from watchfloor.kernel.db.keyset import LIMIT, Page, page
from watchfloor.kernel.db.session import wire_of
from watchfloor.kernel.errors import InvalidInput, NotFound
from watchfloor.kernel.tenancy.models import MemberRow
from watchfloor.kernel.tenancy.permissions import policy
from watchfloor.kernel.tenancy.schemas import MemberView

if TYPE_CHECKING:
    from uuid import UUID

    from sqlalchemy import Row
    from sqlalchemy.orm import Session

UNLISTED: Final = "?"
NOBODY: Final = ""
NAME_CHARACTERS: Final = 200
SET: Final = """
insert into member as m (org, id, name, role, state, created_by, changed_by) values (%(org)s, %(id)s, %(name)s, %(role)s, %(state)s, %(actor)s, %(actor)s)
on conflict (org, name) do update set role = excluded.role, state = excluded.state, changed_by = excluded.changed_by, changed_at = wf_now()
"""


def role_of(person: str) -> str:
    """Return an SQL expression for the role of the person that the SQL expression `person` names; the statement has a parameter `org`.

    It is `UNLISTED` for somebody of whom nothing is known, and `NOBODY` for somebody who is disabled or removed. Who is no member can be
    an API key, under its full name: it is nobody once it is revoked or has expired.
    """
    return f"""coalesce(
  (select case m.state when 'active' then m.role else '' end from member m where m.org = %(org)s and m.name between {person} and {person}
   order by m.name limit 1),
  (select case when k.revoked_at is null and coalesce(k.expires_at, 'infinity') > wf_now() then k.role else '' end from api_key k
   where k.org = %(org)s and k.public_id = split_part({person}, '#', -1) and k.name || '#' || k.public_id = {person}), '{UNLISTED}')"""  # noqa: S608 - our own text


def set_member(session: Session, org: UUID, name: str, *, role: str, enabled: bool, actor: str) -> MemberView:
    """Make somebody a member, or change what they are; who was removed is back. Return them.

    Raises:
        InvalidInput: The name is no name, or there is no such role.
    """
    policy().of_role(role)
    if not name.strip() or len(name) > NAME_CHARACTERS or not name.isprintable():
        message = f"a member's name has 1 to {NAME_CHARACTERS} printable characters"
        raise InvalidInput(message, field="/name")
    state = "active" if enabled else "disabled"
    wire_of(session).execute(SET, {"org": org, "id": new_id(), "name": name, "role": role, "state": state, "actor": actor})
    record(session, org, actor=actor, operation="member.set", object=name, reason=f"role {role}, {state}")
    return get_member(session, org, name)


def remove_member(session: Session, org: UUID, name: str, *, actor: str) -> None:
    """Remove somebody: they are told nothing more, not even what is on its way. Removing twice is harmless; raises NotFound for a stranger."""
    sql = "update member set state = 'removed', changed_by = %s, changed_at = wf_now() where org = %s and name = %s"
    if wire_of(session).execute(sql, (actor, org, name)).rowcount == 0:
        raise NotFound(_unknown(name))
    record(session, org, actor=actor, operation="member.remove", object=name)


def get_member(session: Session, org: UUID, name: str) -> MemberView:
    """Return one person; raises NotFound."""
    found = session.scalars(select(MemberRow).where(MemberRow.org == org, MemberRow.name == name)).one_or_none()
    if found is None:
        raise NotFound(_unknown(name))
    return _shaped(found)


def list_members(session: Session, org: UUID, *, limit: int = LIMIT, after: str | None = None) -> Page[MemberView]:
    """List people, the newest first; those who were removed included."""
    return page(session, select(MemberRow).where(MemberRow.org == org), [MemberRow.id], shape=_view, limit=limit, after=after)


def _view(row: Row[Any]) -> MemberView:
    return _shaped(row[0])


def _shaped(row: MemberRow) -> MemberView:
    return MemberView(**{name: getattr(row, name) for name in MemberView.model_fields})


def _unknown(name: str) -> str:
    return f"there is no member {name[:60]!r}; `watchfloor members list` shows those there are"
