"""Tell the next one while nobody acknowledges: steps that are due, in the transaction that says when the one after them is."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from watchfloor.capabilities.notifications.engine import escalate
from watchfloor.capabilities.notifications.engine.route import Occasion
from watchfloor.capabilities.notifications.jobs.access import Knowing
from watchfloor.capabilities.notifications.jobs.deciding import Asked, decide
from watchfloor.capabilities.notifications.jobs.delivering import wake
from watchfloor.capabilities.notifications.jobs.telling import Telling
from watchfloor.capabilities.notifications.jobs.waking import wake_at
from watchfloor.capabilities.notifications.queries import groups, runs, telling
from watchfloor.capabilities.notifications.schemas.escalations import Escalated
from watchfloor.capabilities.notifications.schemas.jobs import Nothing
from watchfloor.kernel.contract import Queue, Severity, job
from watchfloor.kernel.events.outbox import emit
from watchfloor.kernel.jobs.ledger import ledger

if TYPE_CHECKING:
    from uuid import UUID

    from sqlalchemy.orm import Session

    from watchfloor.capabilities.notifications.queries.telling import Candidate
    from watchfloor.capabilities.notifications.schemas.message import Message
    from watchfloor.kernel.contract import JobContext

AT_ONCE: Final = 20
EXPIRE: Final = timedelta(hours=4)  # who is woken later than that is woken by the past; what waits for the morning keeps its time


@job("notifications.run_escalations", Nothing, queue=Queue.NOTIFICATIONS, timeout=timedelta(seconds=120), keep_result=timedelta(hours=1))
def run_escalations(context: JobContext, request: Nothing) -> Escalated:
    """Tell those whom the next step of each escalation names, when it is due; a step that reaches nobody makes the next one due at once."""
    del request
    done, telling_of = Escalated(), Telling(context)
    while True:
        with context.transaction() as session:
            runs.resolve_settled(session, context.org)
            due = runs.list_due(session, context.org, limit=AT_ONCE)
            messages = telling.open_messages(session, ledger().vault, context.org, [one.notification for one in due])
            for one in due:
                Advancing(context, session, telling_of, done).advance(one, messages[one.notification])
            wake(session, context.org, telling_of.lanes, actor=context.actor)
            wake_steps(session, context.org, actor=context.actor)
        if len(due) < AT_ONCE:
            return done


def wake_steps(session: Session, org: UUID, *, actor: str) -> None:
    """Let the next step of an escalation come when it is due; call it in the transaction that began or moved one."""
    wake_at(session, org, run_escalations, runs.next_due(session, org), actor=actor)


class Advancing:
    """One run that goes on."""

    def __init__(self, context: JobContext, session: Session, telling_of: Telling, done: Escalated) -> None:
        """Know nobody's channels yet."""
        self.context, self.session, self.telling, self.done = context, session, telling_of, done
        self._own: dict[str, list[Candidate]] = {}
        self._types: list[str] = []
        self._knowing = Knowing()

    def advance(self, one: runs.Due, message: Message) -> None:
        """Tell the steps that are due by now, and write when the next is."""
        org = self.context.org
        self._types = groups.types_of(self.session, org, one.group_id) if one.group_id is not None else []

        def reachable(user: str) -> bool:
            asked = Asked(message=message, now=one.now, occasion=Occasion.PAGE)
            return any(each.state != "suppressed" for each in decide(asked, self._channels(user))[0])

        told, after = escalate.advance(one.escalation, one.run, reachable, one.now)
        for step in told:
            if step.users:
                self._tell(one, step, message)
            else:
                self._nobody(one, step)
        runs.save(self.session, org, one.id, after)
        self.done.ended += after.due_at is None

    def _tell(self, one: runs.Due, step: escalate.Told, message: Message) -> None:
        """Store a message of its own for the step: who heard of it before hears of it again."""
        said = escalate.step_message(message, one.name, step, run=str(one.id), notification=str(one.notification), steps=len(one.steps))
        asked = Asked(message=said, now=one.now, occasion=Occasion.PAGE if step.page else Occasion.STEP)
        decided, joined = decide(asked, [each for user in step.users for each in self._channels(user)])
        notification = self.telling.note(self.session, said, expire=EXPIRE if step.page else None)
        self.telling.store(self.session, notification, decided, joined)
        runs.note_step(self.session, self.context.org, one.id, step, notification)
        self.done.told += 1

    def _nobody(self, one: runs.Due, step: escalate.Told) -> None:
        runs.note_step(self.session, self.context.org, one.id, step, None)
        data = {"escalation": one.name, "step": step.step + 1, "steps": len(one.steps), "notification": str(one.notification)}
        emit(self.session, self.context.org, escalate.UNREACHED, severity=Severity.HIGH, data=data, job=self.context.job_id)
        self.done.unreached += 1

    def _channels(self, user: str) -> list[Candidate]:
        """Return somebody's channels; of a group they hear only when they may know of everything in it."""
        if user not in self._own:
            own = telling.list_own(self.session, self.context.org, user)
            self._own[user] = [one for one in own if all(self._knowing.may(each, one.role, one.owner_role) for each in self._types)]
        return self._own[user]
