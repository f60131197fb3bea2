"""Runs of escalations: they begin with a notification, and end when somebody acknowledges, when it is over, or after the last step."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime  # noqa: TC003 - psycopg makes rows of this class
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID  # noqa: TC003 - see above

from psycopg.rows import class_row

from watchfloor.capabilities.notifications.engine.escalate import Run, start
from watchfloor.capabilities.notifications.queries.subjects import SETTLED
from watchfloor.capabilities.notifications.schemas.rules import Escalation
from watchfloor.kernel.db.ids import new_id
from watchfloor.kernel.db.session import wire_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.orm import Session

    from watchfloor.capabilities.notifications.engine.escalate import Told

# A group begins none while one runs: its first message's run stands for all of it.
BEGIN: Final = """
insert into escalation_run (org, id, escalation_id, name, steps, notification, group_id, started_at, due_at)
select e.org, %(id)s, e.id, e.name, e.steps, n.id, %(group)s, %(started)s, %(due)s from escalation e join notification n on n.org = e.org
where e.org = %(org)s and e.id = %(escalation)s and n.id = %(notification)s and n.acknowledged_at is null
  and not exists (select 1 from escalation_run r where r.org = e.org and r.escalation_id = e.id and r.group_id = %(group)s and r.due_at is not null)
on conflict (org, escalation_id, notification) do nothing
"""
DUE: Final = """
select id, name, steps, notification, group_id, started_at, step, due_at, wf_now() as now from escalation_run
where org = %(org)s and due_at <= wf_now() order by due_at, id limit %(rows)s for update skip locked
"""
# Runs are locked in one order, whoever ends them.
OF_SUBJECTS: Final = """
select r.id from escalation_run r join notification n on (n.org, n.id) = (r.org, r.notification)
where r.org = %(org)s and r.due_at is not null and n.subject_kind || ':' || n.subject_id = any (%(subjects)s) order by r.id for update of r
"""
OF_GROUP: Final = "select id from escalation_run where org = %(org)s and group_id = %(group)s and due_at is not null order by id for update"
SETTLED_DUE: Final = f"""
select r.id from escalation_run r join notification n on (n.org, n.id) = (r.org, r.notification)
where r.org = %(org)s and r.due_at <= wf_now() and ({SETTLED} or r.group_id is not null and not exists (
  select 1 from notify_group_member m join notification n on (n.org, n.id) = (m.org, m.notification)
  where m.org = r.org and m.group_id = r.group_id and not m.over and not m.resolved and not ({SETTLED})))
order by r.id for update of r
"""  # noqa: S608 - our own text
RESOLVE: Final = "update escalation_run set due_at = null, resolved_at = wf_now() where org = %s and id = any (%s)"
CANCEL: Final = """
update delivery d set state = 'suppressed', reason = %(reason)s, ended_at = wf_now() from escalation_told t
where t.org = %(org)s and t.run = any (%(runs)s) and (d.org, d.notification) = (t.org, t.notification) and d.state in ('due', 'held')
"""


@dataclass(frozen=True)
class Due:
    """A run whose next step is due."""

    id: UUID
    name: str
    steps: list[dict[str, Any]]
    notification: UUID
    group_id: UUID | None
    started_at: datetime
    step: int
    due_at: datetime
    now: datetime

    @property
    def escalation(self) -> Escalation:
        """Return the steps that it began with."""
        return Escalation.model_validate({"steps": self.steps})

    @property
    def run(self) -> Run:
        """Return it as the engine knows it."""
        return Run(started_at=self.started_at, step=self.step, due_at=self.due_at)


def begin(session: Session, org: UUID, notification: UUID, escalations: Sequence[UUID], *, group: UUID | None = None) -> None:
    """Begin these escalations for a notification; each once, and none for what somebody looks after."""
    if not escalations:
        return
    wire = wire_of(session)
    rows = wire.execute("select id, steps, wf_now() from escalation where org = %s and id = any (%s)", (org, list(escalations))).fetchall()
    for escalation, steps, now in rows:
        run = start(Escalation.model_validate({"steps": steps}), now)
        values = {"org": org, "id": new_id(), "escalation": escalation, "notification": notification, "group": group}
        wire.execute(BEGIN, values | {"started": run.started_at, "due": run.due_at})


def list_due(session: Session, org: UUID, *, limit: int) -> list[Due]:
    """Return runs whose next step is due, locked for this transaction."""
    return wire_of(session).cursor(row_factory=class_row(Due)).execute(DUE, {"org": org, "rows": limit}).fetchall()


def next_due(session: Session, org: UUID) -> datetime | None:
    """Return when a step is due next."""
    row: Any = wire_of(session).execute("select min(due_at) from escalation_run where org = %s and due_at is not null", (org,)).fetchone()
    found: datetime | None = row[0]
    return found


def note_step(session: Session, org: UUID, run: UUID, told: Told, notification: UUID | None) -> None:
    """Write down that a step came, and whom it told."""
    wire_of(session).execute(
        "insert into escalation_told (org, run, step, users, page, notification) values (%s, %s, %s, %s, %s, %s)",
        (org, run, told.step, list(told.users), told.page, notification),
    )


def save(session: Session, org: UUID, run: UUID, after: Run) -> None:
    """Write which step is next, and when."""
    wire_of(session).execute(
        "update escalation_run set step = %s, due_at = %s where org = %s and id = %s", (after.step, after.due_at, org, run)
    )


def resolve_subjects(session: Session, org: UUID, subjects: Sequence[str]) -> None:
    """End the runs that are about what is over; nobody is told any more."""
    if subjects:
        _resolve(session, org, OF_SUBJECTS, {"org": org, "subjects": list(subjects)})


def resolve_settled(session: Session, org: UUID) -> None:
    """End the runs whose next step is due and whose finding, or each of whose group, is not open any more, whether or not an event told it."""
    _resolve(session, org, SETTLED_DUE, {"org": org})


def resolve_group(session: Session, org: UUID, group: UUID) -> None:
    """End the runs of a group in which nothing holds any more."""
    _resolve(session, org, OF_GROUP, {"org": org, "group": group})


def cancel_told(session: Session, org: UUID, runs: Sequence[UUID], *, reason: str) -> None:
    """Suppress what steps of these runs still have to send."""
    wire_of(session).execute(CANCEL, {"org": org, "runs": list(runs), "reason": reason})


def _resolve(session: Session, org: UUID, which: str, values: dict[str, Any]) -> None:
    wire = wire_of(session)
    ended = [row[0] for row in wire.execute(which, values).fetchall()]
    if ended:
        wire.execute(RESOLVE, (org, ended))
        cancel_told(session, org, ended, reason="resolved")
