"""Facts about upkeep: digests go out once, old ones end, what may still be sent is kept, health is judged from rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchfloor.capabilities.notifications.engine.known import EVENTS
from watchfloor.catalog import CATALOG

if TYPE_CHECKING:
    from tests.notifications.receiver import Receiver
    from tests.notifications.world import World


def test_messages_of_a_digest_are_told_together_once_its_window_is_over(world: World, receiver: Receiver) -> None:
    world.route(world.channel(receiver.url), digest={"mode": "hourly"})
    assert world.told(*(world.happened(title=f"number {n}") for n in range(3)))["held"] == 3
    assert receiver.came == []
    world.sql("update notify_digest set due_at = wf_now()")
    assert world.done("notifications.flush_digests") == {"sent": 1, "empty": 0}
    assert world.done("notifications.flush_digests") == {"sent": 0, "empty": 0}
    assert len(receiver.came) == 1
    assert all(f"number {n}" in receiver.came[0][1].decode() for n in range(3))


def test_a_digest_that_is_closed_takes_nothing_more_and_loses_nothing(world: World, receiver: Receiver) -> None:
    world.route(world.channel(receiver.url), digest={"mode": "hourly"})
    world.told(world.happened())
    world.sql("update notify_digest set closed_at = wf_now()")
    world.told(world.happened())
    assert len(receiver.came) == 1


def test_old_ones_are_deleted_and_what_may_still_be_sent_is_kept(world: World, receiver: Receiver) -> None:
    receiver.answers += [200, 500]
    world.route(world.channel(receiver.url))
    world.told(world.happened())
    world.told(world.happened())
    world.sql("update notification set created_at = wf_now() - interval '200 days'")
    counted = world.done("notifications.cleanup_old_notifications", days_old=180, dry_run=True)
    assert (counted["deleted_count"], counted["kept_pending"]) == (1, 1)
    assert world.sql("select count(*) from notification") == [(2,)]
    gone = world.done("notifications.cleanup_old_notifications", days_old=180)
    assert gone == {"deleted_count": 1, "attempts": 1, "deliveries": 1, "notifications": 1, "kept_pending": 1, "kept_held": 0}
    assert world.rows() == [("due", "500", 1)]


def test_what_waits_too_long_is_unhealthy_and_the_change_is_told_once(world: World, receiver: Receiver) -> None:
    receiver.answers += [500]
    world.route(world.channel(receiver.url), events=("scans.*",))
    world.told(world.happened())
    assert world.done("notifications.monitor_notification_health")["status"] == "healthy"
    world.sql("update delivery set due_at = wf_now() - interval '20 minutes'")
    assert world.done("notifications.monitor_notification_health")["status"] == "unhealthy"
    world.done("notifications.monitor_notification_health")
    assert world.sql("select data ->> 'status' from event where name = 'notifications.health_changed'") == [("unhealthy",)]


def test_every_event_of_this_version_can_be_followed() -> None:
    declared = {event.name: event.permission for capability in CATALOG for event in capability.events}
    assert declared == EVENTS
