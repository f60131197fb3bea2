"""Turn events into notifications and their deliveries: one of each, whoever tries, however often."""

from __future__ import annotations

from datetime import timedelta
from itertools import chain
from typing import TYPE_CHECKING, Final

from watchfloor.capabilities.notifications.engine.told import message_of
from watchfloor.capabilities.notifications.jobs.access import Knowing
from watchfloor.capabilities.notifications.jobs.deciding import Asked
from watchfloor.capabilities.notifications.jobs.delivering import wake
from watchfloor.capabilities.notifications.jobs.digesting import wake_digests
from watchfloor.capabilities.notifications.jobs.escalating import wake_steps
from watchfloor.capabilities.notifications.jobs.flushing import wake_groups
from watchfloor.capabilities.notifications.jobs.subjects import subjects_of
from watchfloor.capabilities.notifications.jobs.telling import Telling
from watchfloor.capabilities.notifications.queries import runs, telling, wishes
from watchfloor.capabilities.notifications.queries.inhibiting import list_graver
from watchfloor.capabilities.notifications.schemas.jobs import Routed, RouteEvents
from watchfloor.kernel.clock import now
from watchfloor.kernel.contract import Queue, job

if TYPE_CHECKING:
    from watchfloor.kernel.contract import JobContext

SCAN_ENDS: Final = {"scans.finished", "scans.failed"}


@job(
    "notifications.route_events",
    RouteEvents,
    queue=Queue.NOTIFICATIONS,
    timeout=timedelta(seconds=60),
    keep_result=timedelta(hours=1),
    unit="events",
)
def route_events(context: JobContext, request: RouteEvents) -> Routed:
    """Tell everybody who follows these events; what nobody follows leaves no trace."""
    telling_of, knowing = Telling(context), Knowing()
    with context.transaction() as session:
        silences = wishes.list_silences(session, context.org)
        events = telling.list_events(session, context.org, request.event_ids)
        audience = {name: telling.list_candidates(session, context.org, name) for name in sorted({event.name for event in events})}
        messages = [message_of(event.name, event.severity, event.at, event.data, dedup_key=_key(event)) for event in events]
        subjects = subjects_of(session, context.org, messages, silences, chain(*audience.values()))
        for event, message, subject in zip(events, messages, subjects, strict=True):
            graver = list_graver(session, context.org, message)
            asked = Asked(message=message, now=now(), silences=silences, subject=subject, graver=graver, routed=True, knowing=knowing)
            telling_of.tell(session, asked, audience[event.name], event=event.id)
        telling_of.gathering.store(session, context.org)
        runs.resolve_subjects(session, context.org, telling_of.gathering.ended)
        wake(session, context.org, telling_of.lanes, actor=context.actor)
        for wake_others in (wake_steps, wake_groups, wake_digests):
            wake_others(session, context.org, actor=context.actor)
    return telling_of.done


def _key(event: telling.Event) -> str:
    """Return what events are told once by: the end of one scan is told once, whoever tells it."""
    scan = event.data.get("scan")
    return f"scan:{scan}" if event.name in SCAN_ENDS and isinstance(scan, str) else ""
