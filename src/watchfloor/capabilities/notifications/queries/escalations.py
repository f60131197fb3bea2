"""Escalations: who is told when, kept by name, so that routes can say which."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from psycopg.errors import ForeignKeyViolation, UniqueViolation
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from watchfloor.capabilities.notifications.schemas.escalations import EscalationDetail, EscalationView, RunView
from watchfloor.kernel.audit.record import record
from watchfloor.kernel.db.ids import new_id
from watchfloor.kernel.db.session import wire_of
from watchfloor.kernel.errors import Conflict, NotFound

if TYPE_CHECKING:
    from uuid import UUID

    from sqlalchemy.orm import Session

    from watchfloor.capabilities.notifications.schemas.escalations import EscalationCreate

LIST: Final = """
select id, name, steps, created_by, created_at from escalation where org = %(org)s and (%(id)s::uuid is null or id = %(id)s) order by name limit 1000
"""
RUNS: Final = """
select r.id, r.notification, n.title, r.started_at, r.step, r.due_at, r.acknowledged_by, r.acknowledged_at, r.resolved_at, coalesce((
  select jsonb_agg(jsonb_build_object('step', t.step, 'users', t.users, 'page', t.page, 'notification', t.notification, 'told_at', t.told_at) order by t.step)
  from escalation_told t where t.org = r.org and t.run = r.id), '[]') as told
from escalation_run r join notification n on (n.org, n.id) = (r.org, r.notification)
where r.org = %(org)s and r.escalation_id = %(id)s order by r.id desc limit 100
"""


def add_escalation(session: Session, org: UUID, wish: EscalationCreate, *, actor: str) -> UUID:
    """Keep an escalation; raises Conflict for a name that is taken."""
    made = new_id()
    steps = Jsonb([one.model_dump(mode="json") for one in wish.steps])
    try:
        wire_of(session).execute(
            "insert into escalation (org, id, name, steps, created_by) values (%s, %s, %s, %s, %s)", (org, made, wish.name, steps, actor)
        )
    except UniqueViolation as error:
        message = f"there is an escalation {wish.name!r} already"
        raise Conflict(message) from error
    record(session, org, actor=actor, operation="notify.add_escalation", object=str(made), reason=wish.name)
    return made


def list_escalations(session: Session, org: UUID, *, escalation: UUID | None = None) -> list[EscalationView]:
    """Return escalations by name; at most 1,000."""
    rows = wire_of(session).cursor(row_factory=dict_row).execute(LIST, {"org": org, "id": escalation}).fetchall()
    return [EscalationView.model_validate(row) for row in rows]


def get_escalation(session: Session, org: UUID, escalation: UUID) -> EscalationDetail:
    """Return one escalation and its runs; raises NotFound."""
    found = list_escalations(session, org, escalation=escalation)
    if not found:
        message = f"there is no escalation {escalation}"
        raise NotFound(message)
    rows = wire_of(session).cursor(row_factory=dict_row).execute(RUNS, {"org": org, "id": escalation}).fetchall()
    return EscalationDetail(**found[0].model_dump(), runs=[RunView.model_validate(row) for row in rows])


def remove_escalation(session: Session, org: UUID, escalation: UUID, *, actor: str) -> None:
    """Remove an escalation; what runs goes on by the steps it began with. Raises NotFound, and Conflict while a route names it."""
    wire = wire_of(session)
    wire.execute("select 1 from escalation_run where org = %s and escalation_id = %s order by id for update", (org, escalation))
    try:
        gone = wire.execute("delete from escalation where org = %s and id = %s", (org, escalation)).rowcount
    except ForeignKeyViolation as error:
        message = "routes name this escalation: remove them first"
        raise Conflict(message) from error
    if gone == 0:
        message = f"there is no escalation {escalation}"
        raise NotFound(message)
    record(session, org, actor=actor, operation="notify.remove_escalation", object=str(escalation))
