"""What notifications can be asked to do."""

from watchfloor.capabilities.notifications.jobs.asking import (
    send_bulk_notifications,
    send_event_notifications,
    send_scan_completion_notification,
)
from watchfloor.capabilities.notifications.jobs.delivering import deliver_due, sweep_due
from watchfloor.capabilities.notifications.jobs.digesting import flush_digests
from watchfloor.capabilities.notifications.jobs.escalating import run_escalations
from watchfloor.capabilities.notifications.jobs.flushing import flush_groups
from watchfloor.capabilities.notifications.jobs.one import send_notification
from watchfloor.capabilities.notifications.jobs.routing import route_events
from watchfloor.capabilities.notifications.jobs.upkeep import (
    cleanup_old_notifications,
    monitor_notification_health,
    notification_statistics,
    replay_deliveries,
)
from watchfloor.capabilities.notifications.jobs.verifying import verify_channel

__all__ = [
    "cleanup_old_notifications",
    "deliver_due",
    "flush_digests",
    "flush_groups",
    "monitor_notification_health",
    "notification_statistics",
    "replay_deliveries",
    "route_events",
    "run_escalations",
    "send_bulk_notifications",
    "send_event_notifications",
    "send_notification",
    "send_scan_completion_notification",
    "sweep_due",
    "verify_channel",
]
