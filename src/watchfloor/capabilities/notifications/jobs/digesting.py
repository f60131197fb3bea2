"""Tell all at once what was gathered: a digest is a notification of its own, and goes out as every other does."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from watchfloor.capabilities.notifications.engine.digest import DIGEST
from watchfloor.capabilities.notifications.engine.route import unwanted
from watchfloor.capabilities.notifications.jobs.access import Knowing
from watchfloor.capabilities.notifications.jobs.deciding import inactive, read_wishes, wishes_of
from watchfloor.capabilities.notifications.jobs.delivering import wake
from watchfloor.capabilities.notifications.jobs.gathered import digest_message
from watchfloor.capabilities.notifications.jobs.telling import Telling
from watchfloor.capabilities.notifications.jobs.waking import wake_at
from watchfloor.capabilities.notifications.queries import digests, telling
from watchfloor.capabilities.notifications.queries.knowing import roles_of_digest
from watchfloor.capabilities.notifications.queries.unsubscribing import list_mandatory
from watchfloor.capabilities.notifications.schemas.jobs import Nothing
from watchfloor.capabilities.notifications.schemas.upkeep import Flushed
from watchfloor.kernel.clock import now
from watchfloor.kernel.contract import Queue, job

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from sqlalchemy.orm import Session

    from watchfloor.kernel.contract import JobContext

AT_ONCE: Final = 100


@job("notifications.flush_digests", Nothing, queue=Queue.NOTIFICATIONS, timeout=timedelta(seconds=120), keep_result=timedelta(hours=1))
def flush_digests(context: JobContext, request: Nothing) -> Flushed:
    """Close the digests whose window is over and send them; one that nothing is in is not sent."""
    del request
    done, telling_of = Flushed(sent=0, empty=0), Telling(context)
    while True:
        with context.transaction() as session:
            due = digests.list_due(session, context.org, limit=AT_ONCE)
            for one in due:
                _leave_out(session, context.org, one, telling_of)
                items = digests.list_items(session, context.org, one.id)
                candidates = [
                    each for each in telling.list_own(session, context.org, one.user_id, [one.channel]) if each.channel == one.channel
                ]
                kept, refusal = _still_wanted(session, context.org, candidates[0], items) if candidates else (items, "")
                message = digest_message(one.id, one.reason, kept or items, now())
                if message is None or not candidates:
                    digests.close(session, context.org, one.id, None)
                    done.empty += 1
                    continue
                notification = telling_of.note(session, message)
                reason = refusal or inactive(candidates[0].state) or None
                telling_of.store(session, notification, [telling.Decided(candidates[0], "suppressed" if reason else "due", reason)], [])
                digests.close(session, context.org, one.id, notification)
                done.sent += 1
            wake(session, context.org, telling_of.lanes, actor=context.actor)
            wake_digests(session, context.org, actor=context.actor)
        if len(due) < AT_ONCE:
            return done


def wake_digests(session: Session, org: UUID, *, actor: str) -> None:
    """Let digests be sent when the next window is over; call it in the transaction that put something into one."""
    wake_at(session, org, flush_digests, digests.next_due(session, org), actor=actor)


def _leave_out(session: Session, org: UUID, digest: digests.Open, telling_of: Telling) -> None:
    """Take out what its receiver may not know any more; that it was not told is on record."""
    knowing = Knowing()
    for one in roles_of_digest(session, org, digest.id):
        if not knowing.may(one.type, one.role, one.owner_role):
            digests.take_out(session, org, digest.id, [one.id])
            candidates = [
                each for each in telling.list_own(session, org, digest.user_id, [digest.channel]) if each.channel == digest.channel
            ]
            telling_of.store(session, one.id, [telling.Decided(each, "suppressed", "no_access") for each in candidates], [])


def _still_wanted(
    session: Session, org: UUID, candidate: telling.Candidate, items: Sequence[digests.Item]
) -> tuple[list[digests.Item], str]:
    """Return what somebody still wants of what was gathered for them, and why not when that is nothing."""
    wishes, at = wishes_of(read_wishes(candidate.wishes)), now()
    mandatory = list_mandatory(session, org, ((candidate.user_id, item.type) for item in items))
    whole = unwanted(wishes, DIGEST, at)
    refused = {item.id: whole or unwanted(wishes, item.type, at) for item in items if (candidate.user_id, item.type) not in mandatory}
    kept = [item for item in items if not refused.get(item.id)]
    return kept, "" if kept else next(filter(None, refused.values()), "")
