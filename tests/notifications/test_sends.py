"""Facts about messages that are sent by hand: one, one event, many, the end of a scan."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from watchfloor.capabilities.notifications.queries.wishes import get_preference
from watchfloor.kernel.jobs.facade import JobResult

if TYPE_CHECKING:
    from tests.notifications.receiver import Receiver
    from tests.notifications.world import World

SEND = "notifications.send_notification"
ONE = {"event": "scan.completed", "user_id": "ann", "channel": "webhook", "data": {"scan": "7"}}


def test_a_message_goes_to_the_address_that_is_given(world: World, receiver: Receiver) -> None:
    made = world.done(SEND, notification=ONE, preferences={"webhook_url": receiver.url})
    assert (made["success"], made["state"], made["reason"], made["attempts"]) == (True, "sent", None, 1)
    assert len(receiver.came) == 1


def test_a_given_address_is_used_for_this_message_only(world: World, receiver: Receiver) -> None:
    world.done(SEND, notification=ONE, preferences={"webhook_url": receiver.url})
    made = world.done("notifications.send_event_notifications", event="scan.completed", data={}, user_id="ann")
    assert made == {"event": "scan.completed", "user_id": "ann", "notifications_sent": 0, "notifications": []}


def test_without_preferences_the_stored_ones_decide(world: World, receiver: Receiver) -> None:
    world.channel(receiver.url, owner="ann")
    assert world.done(SEND, notification=ONE)["success"]
    world.wish("ann", enabled_events=["report.*"])
    made = world.done(SEND, notification=ONE)
    assert (made["success"], made["state"], made["reason"]) == (False, "suppressed", "event_not_wanted")
    assert len(receiver.came) == 1


def test_who_has_no_channel_gets_no_message_and_a_reason(world: World) -> None:
    made = world.done(SEND, notification=ONE)
    assert (made["success"], made["state"], made["reason"], made["delivery_id"]) == (False, "suppressed", "no_channel", None)


def test_a_failure_that_may_pass_is_tried_again_by_the_same_job(world: World, receiver: Receiver) -> None:
    receiver.answers += [503]
    world.channel(receiver.url, owner="ann")
    job = world.start(SEND, notification=ONE)
    world.worker.run_all(world.org)
    assert JobResult(job, world.org, on=world.ledger).state == "RETRY"
    world.sql("update delivery set due_at = wf_now(), state = 'due'")
    world.sql("update notify_host set open_until = null")
    world.worker.wire.execute("update job set stage = 'queued', run_at = wf_now() where id = %s", (job,))
    world.worker.run_all(world.org)
    made = JobResult(job, world.org, on=world.ledger).get(timeout=0)
    assert (made["success"], made["attempts"]) == (True, 2)
    assert len(set(receiver.ids())) == 1


def test_a_failure_that_will_not_pass_fails_the_job(world: World, receiver: Receiver) -> None:
    receiver.answers += [410]
    world.channel(receiver.url, owner="ann")
    job = world.start(SEND, notification=ONE)
    world.worker.run_all(world.org)
    found = JobResult(job, world.org, on=world.ledger)
    assert (found.state, "410" in str(found.info)) == ("FAILURE", True)


def test_in_quiet_hours_a_message_is_held_until_their_end_and_then_sent(world: World, receiver: Receiver) -> None:
    start, end = (datetime.now(UTC) + timedelta(hours=n) for n in (-1, 1))
    quiet = {"start": start.strftime("%H:00"), "end": end.strftime("%H:59"), "timezone": "UTC"}
    made = world.done(SEND, notification=ONE, preferences={"webhook_url": receiver.url, "quiet_hours": quiet})
    assert (made["success"], made["state"], made["reason"]) == (False, "held", "quiet_hours")
    assert datetime.fromisoformat(made["held_until"]).strftime("%H:%M") == quiet["end"]
    assert receiver.came == []
    assert world.sql("select run_at from job where kind = 'notifications.deliver_due'") == world.sql("select due_at from delivery")
    world.now()
    assert world.rows() == [("sent", None, 1)]


def test_held_messages_are_decided_again_when_their_time_has_come(world: World, receiver: Receiver) -> None:
    world.channel(receiver.url, owner="ann")
    world.wish("ann", quiet=[{"start": "00:00", "end": "23:59"}, {"start": "23:58", "end": "00:01"}])
    assert world.done(SEND, notification=ONE)["state"] == "held"
    world.now()
    assert world.rows()[0][:2] == ("held", "quiet_hours")
    world.wish("ann", opted_out=["scan.*"])
    world.now()
    assert world.rows() == [("suppressed", "opted_out", 0)]
    assert receiver.came == []


def test_the_same_key_is_told_once(world: World, receiver: Receiver) -> None:
    world.channel(receiver.url, owner="ann")
    first, second = (world.done(SEND, notification={**ONE, "dedup_key": "one"}) for _ in range(2))
    assert first == second
    assert len(receiver.came) == 1


def test_the_short_form_says_who_and_what(world: World, receiver: Receiver) -> None:
    world.channel(receiver.url, owner="ann")
    made = world.done(
        SEND,
        user_id="ann",
        notification_type="scan.completed",
        title="It is done",
        message="All of it.",
        priority="high",
        entity_type="scan",
        entity_id="7",
    )
    assert made["success"]
    assert world.sql("select title, severity, type from notification") == [("It is done", "high", "scan.completed")]


def test_an_event_goes_over_every_channel_of_a_person(world: World, receiver: Receiver) -> None:
    world.channel(receiver.url, owner="ann")
    world.channel(receiver.url + "/second", owner="ann")
    made = world.done("notifications.send_event_notifications", event="scan.completed", data={"scan": "7"}, user_id="ann")
    assert (made["notifications_sent"], [one["state"] for one in made["notifications"]]) == (2, ["sent", "sent"])


def test_many_people_are_told_and_the_unknown_are_counted(world: World, receiver: Receiver) -> None:
    users = [f"user-{n}" for n in range(12)]
    for user in users[:10]:
        world.channel(f"{receiver.url}/{user}", owner=user)
    world.wish("user-0", enabled_events=["report.*"])
    asked: dict[str, Any] = {"event": "scan.completed", "data": {"scan": "7"}, "user_ids": users}
    made = world.done("notifications.send_bulk_notifications", **asked, dedup_key="one")
    assert {name: made[name] for name in ("total_users", "successful_users", "failed_users", "skipped_users", "total_notifications")} == {
        "total_users": 12, "successful_users": 9, "failed_users": 2, "skipped_users": 1, "total_notifications": 9,
    }  # fmt: skip
    again = world.done("notifications.send_bulk_notifications", **asked, dedup_key="one")
    assert again == made
    assert len(receiver.came) == 9


def test_the_end_of_a_scan_is_told_once_whoever_tells_it(world: World, receiver: Receiver) -> None:
    world.channel(receiver.url, owner="ann")
    world.wish("ann", enabled_events=["scans.*"])
    world.told(world.happened("scans.finished", scan="7"))
    made = world.done(
        "notifications.send_scan_completion_notification",
        scan_id="7",
        user_id="ann",
        scan_name="Office",
        total_findings=3,
        critical_count=1,
        high_count=0,
    )
    assert made["success"]
    assert len(receiver.came) == 1
    assert world.sql("select count(*) from notification") == [(1,)]


def test_a_scan_that_nobody_told_of_is_told_with_its_gravest_severity(world: World, receiver: Receiver) -> None:
    world.channel(receiver.url, owner="ann")
    world.done(
        "notifications.send_scan_completion_notification",
        scan_id="8",
        user_id="ann",
        scan_name="Office",
        total_findings=3,
        critical_count=1,
        high_count=0,
    )
    assert world.sql("select severity from notification") == [("critical",)]
    assert len(receiver.came) == 1


def test_a_zone_that_is_gone_since_somebody_said_it_counts_as_utc(world: World, receiver: Receiver) -> None:
    world.channel(receiver.url, owner="ann")
    world.wish("ann", timezone="Europe/Kyiv", min_severity="info")
    world.sql("update notify_preference set wishes = jsonb_set(wishes, '{timezone}', '\"Europe/Nowhere\"')")
    assert world.done(SEND, notification=ONE)["success"]
    with world.ledger.database.transaction(world.org) as session:
        assert get_preference(session, world.org, "ann").wishes.timezone == "Europe/Nowhere"
