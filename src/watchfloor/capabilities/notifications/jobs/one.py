"""Tell one person one thing over one channel: the job itself sends it, and its state is the delivery's."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError

from watchfloor.capabilities.notifications.engine.route import Occasion
from watchfloor.capabilities.notifications.engine.told import message_of
from watchfloor.capabilities.notifications.jobs.access import Knowing
from watchfloor.capabilities.notifications.jobs.addresses import check_address
from watchfloor.capabilities.notifications.jobs.asking import until
from watchfloor.capabilities.notifications.jobs.deciding import Asked, decide, read_wishes
from watchfloor.capabilities.notifications.jobs.delivering import wake
from watchfloor.capabilities.notifications.jobs.digesting import wake_digests
from watchfloor.capabilities.notifications.jobs.sending import Turn
from watchfloor.capabilities.notifications.jobs.telling import Telling
from watchfloor.capabilities.notifications.queries import channels, telling
from watchfloor.capabilities.notifications.schemas.channels import ChannelCreate
from watchfloor.capabilities.notifications.schemas.jobs import Delivered
from watchfloor.capabilities.notifications.schemas.preferences import Wishes
from watchfloor.capabilities.notifications.schemas.sends import GivenPreferences, SendNotification, SentNotification
from watchfloor.capabilities.notifications.schemas.wire import ChannelKind
from watchfloor.capabilities.notifications.settings import NotificationSettings
from watchfloor.kernel.clock import now
from watchfloor.kernel.contract import Queue, job
from watchfloor.kernel.errors import GiveUp, InvalidInput, Retry
from watchfloor.kernel.events.outbox import heard_as
from watchfloor.kernel.jobs.ledger import ledger
from watchfloor.kernel.settings import read_settings

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy.orm import Session

    from watchfloor.capabilities.notifications.queries.telling import Candidate
    from watchfloor.kernel.contract import JobContext

KINDS: Final = (ChannelKind.EMAIL, ChannelKind.SLACK, ChannelKind.WEBHOOK, ChannelKind.APPRISE)
ATTEMPTS: Final = 24  # more than any schedule has: the delivery's row says when it is over


@job(
    "notifications.send_notification", SendNotification, queue=Queue.NOTIFICATIONS, timeout=timedelta(seconds=60), attempts=ATTEMPTS,
)  # fmt: skip
def send_notification(context: JobContext, request: SendNotification) -> SentNotification:
    """Send one message over one channel; a failure that may pass is tried again by this job, when its delivery is due."""
    try:
        stored = _store(context, request)
    except InvalidInput as error:
        raise GiveUp(str(error)) from error
    if stored.delivery is None:
        return _result(stored)
    if stored.delivery.job == context.job_id and stored.delivery.state in {"due", "sending"}:
        turn = Turn(context, ChannelKind(stored.delivery.lane), Delivered())
        if turn.take(1, own=True):
            turn.send()
    return _ended(context, stored)


@dataclass(frozen=True)
class _Stored:
    notification: UUID
    channel: UUID | None = None
    delivery: telling.Standing | None = None
    reason: str | None = None
    held_until: datetime | None = None


def _store(context: JobContext, request: SendNotification) -> _Stored:
    """Store the message and its delivery, or find both as an earlier attempt stored them."""
    one, done = request.notification, Telling(context)
    key = one.dedup_key or f"job:{context.job_id}"
    message = message_of(one.event, str(one.severity), now(), one.data, dedup_key=key, title=one.title or "")
    with context.transaction() as session:
        given = _given(session, context, one.user_id, request.preferences)
        named = [one.channel_id] if one.channel_id is not None else given
        candidate = _chosen(telling.list_own(session, context.org, one.user_id, named), one.channel, named)
        notification = done.note(session, message)
        if candidate is None:
            return _Stored(notification, reason="no_channel")
        candidate = _with(candidate, request.preferences)
        # Who may not know of it is not told, whatever they wish; what they wish is asked by what was given for this message.
        knows = Knowing().may(one.event, candidate.role, candidate.owner_role)
        if knows and (reason := _unwanted(candidate, one.event, request.preferences)):
            done.store(session, notification, [telling.Decided(candidate, "suppressed", reason)], [], manual=True)
        else:
            decided, joined = decide(Asked(message=message, now=now(), occasion=Occasion.MANUAL), [candidate])
            own = context.job_id if any(each.state == "due" for each in decided) else None
            done.store(session, notification, decided, joined, job=own, manual=True)
            if own is None:
                wake(session, context.org, done.lanes, actor=context.actor)
            wake_digests(session, context.org, actor=context.actor)
            if joined and not decided:
                return _Stored(notification, candidate.channel, None, joined[0].reason, joined[0].due_at)
        standing = telling.list_deliveries(session, context.org, notification, [candidate.channel])
    # Every decision here leaves a row, but for an address where this person has the same message already.
    return _Stored(notification, candidate.channel, standing[0] if standing else None, None if standing else "same_address")


def _ended(context: JobContext, stored: _Stored) -> SentNotification:
    """Return how the delivery stands; raise Retry for as long as this job is to try again, GiveUp when it is over without success."""
    assert stored.channel is not None  # noqa: S101 - a delivery has a channel
    with context.transaction() as session:
        one = telling.list_deliveries(session, context.org, stored.notification, [stored.channel])[0]
        mine = one.job == context.job_id
        if mine and one.state == "held":
            wake(session, context.org, telling.let_go(session, context.org, context.job_id), actor=context.actor)
    if mine and one.state == "due":
        raise Retry(one.reason or "not_due", until(one.due_at))
    if mine and one.state == "dead":
        raise GiveUp(f"not delivered: {one.reason or 'refused'} after {one.attempt} attempts")
    return _result(replace(stored, delivery=one))


def _result(stored: _Stored) -> SentNotification:
    one = stored.delivery
    return SentNotification(
        notification_id=stored.notification, delivery_id=one.id if one else None, success=one is not None and one.state == "sent",
        state=one.state if one else "held" if stored.held_until else "suppressed", reason=one.reason if one else stored.reason,
        held_until=one.due_at if one is not None and one.state == "held" else stored.held_until, attempts=one.attempt if one else 0,
    )  # fmt: skip


def _given(session: Session, context: JobContext, user: str, given: GivenPreferences | None) -> list[UUID]:
    """Keep the addresses that were given for this message as channels for nothing else."""
    if given is None:
        return []
    told: dict[ChannelKind, dict[str, Any]] = {
        ChannelKind.EMAIL: {"email": given.email_address}, ChannelKind.WEBHOOK: {"url": given.webhook_url},
        ChannelKind.SLACK: {"url": given.slack_webhook_url},
    }  # fmt: skip
    made = []
    for kind, address in told.items():
        if any(address.values()):
            try:
                wish = ChannelCreate.model_validate({"kind": kind, "owner": user, **address})
            except ValidationError as error:
                raise InvalidInput(f"the {kind} address is none: {error.errors()[0]['msg']}", field="/preferences") from None
            settings = read_settings(NotificationSettings, "notifications")
            check_address(wish, settings)
            one, _ = channels.add_channel(
                session, ledger().vault, context.org, wish, actor=context.actor, given=True, verify=settings.verify_webhooks
            )
            made.append(one)
    return made


def _chosen(candidates: list[Candidate], kind: ChannelKind | None, given: list[UUID]) -> Candidate | None:
    """Return the channel to use: one that was given before one that is stored, active before others, mail before others."""
    fitting = [one for one in candidates if kind is None or one.kind == kind]
    return min(fitting, key=lambda one: (one.channel not in given, one.state != "active", KINDS.index(ChannelKind(one.kind))), default=None)


def _with(candidate: Candidate, given: GivenPreferences | None) -> Candidate:
    """Put quiet hours that were given in the place of stored ones."""
    if given is None or given.quiet_hours is None:
        return candidate
    hours = given.quiet_hours
    said = {**json.loads(candidate.wishes or "{}"), "timezone": hours.timezone, "quiet": [{"start": hours.start, "end": hours.end}]}
    return replace(candidate, wishes=Wishes.model_validate(said).model_dump_json(exclude_none=True))


def _unwanted(candidate: Candidate, event: str, given: GivenPreferences | None) -> str | None:
    """Say why a person does not want this, by what was given or else by what is stored."""
    stored = read_wishes(candidate.wishes)
    events: Any = given.enabled_events if given and given.enabled_events is not None else stored.enabled_events
    kinds: Any = given.enabled_channels if given and given.enabled_channels is not None else stored.enabled_channels
    if events is not None and not set(heard_as(event)) & set(events):
        return "event_not_wanted"
    if kinds is not None and candidate.kind not in kinds:
        return "channel_not_wanted"
    if set(heard_as(event)) & set(stored.opted_out):
        return "opted_out"
    return "paused" if stored.paused_until is not None and stored.paused_until > now() else None
