"""Facts about deliveries: one row for one message over one channel, sent once in the log, retried when it is due."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchfloor.kernel.contract import Severity

if TYPE_CHECKING:
    from tests.notifications.receiver import Receiver
    from tests.notifications.world import World


def test_an_event_becomes_a_notification_that_arrives(world: World, receiver: Receiver) -> None:
    world.route(world.channel(receiver.url), events=("scans.*",))
    told = world.told(world.happened("scans.finished", scan="one"))
    assert told == {"notifications": 1, "deliveries": 1, "held": 0, "suppressed": 0}
    assert (world.rows(), world.attempts()) == ([("sent", None, 1)], [(1, "ok", "200")])
    assert len(receiver.came) == 1


def test_an_event_that_nobody_follows_leaves_no_trace(world: World, receiver: Receiver) -> None:
    world.route(world.channel(receiver.url), events=("reports.*",))
    assert world.told(world.happened("scans.finished"))["notifications"] == 0
    assert world.sql("select count(*) from notification") == [(0,)]


def test_events_routed_twice_are_told_once(world: World, receiver: Receiver) -> None:
    world.route(world.channel(receiver.url))
    events = [world.happened("scans.finished") for _ in range(3)]
    world.told(*events)
    assert world.told(*events) == {"notifications": 0, "deliveries": 0, "held": 0, "suppressed": 0}
    assert len(receiver.came) == 3


def test_two_routes_to_one_address_send_one_message(world: World, receiver: Receiver) -> None:
    first, second = world.channel(receiver.url), world.channel(receiver.url, owner="ann")
    world.route(first)
    world.route(second, owner="ann")
    world.told(world.happened())
    assert len(receiver.came) == 1


def test_a_failure_is_tried_again_under_the_same_id_when_it_is_due(world: World, receiver: Receiver) -> None:
    receiver.answers += [500, 500]
    world.route(world.channel(receiver.url))
    world.told(world.happened())
    assert world.rows() == [("due", "500", 1)]
    world.now()
    world.now()
    assert world.rows() == [("sent", None, 3)]
    assert world.attempts() == [(1, "retry", "500"), (2, "retry", "500"), (3, "ok", "200")]
    assert len(set(receiver.ids())) == 1


def test_what_waits_for_its_time_has_a_job_that_comes_then(world: World, receiver: Receiver) -> None:
    receiver.answers += [500]
    world.route(world.channel(receiver.url))
    world.told(world.happened())
    planned = world.sql("select run_at from job where kind = 'notifications.deliver_due' and stage = 'scheduled'")
    assert planned == world.sql("select due_at from delivery")


def test_a_gone_receiver_disables_its_channel_and_says_so(world: World, receiver: Receiver) -> None:
    receiver.answers += [410]
    world.route(world.channel(receiver.url), events=("scans.*",))
    world.told(world.happened())
    assert world.rows()[0][0] == "dead"
    assert world.sql("select state from notify_channel") == [("disabled",)]
    names = {row[0] for row in world.sql("select name from event")}
    assert {"channel.disabled", "delivery.dead"} <= names


def test_five_failures_in_a_row_set_a_host_aside_and_use_no_attempt(world: World, receiver: Receiver) -> None:
    receiver.answers += [500] * 5
    world.route(world.channel(receiver.url))
    world.told(*(world.happened() for _ in range(5)))
    world.told(world.happened())
    assert world.rows()[5] == ("held", "circuit_open", 0)
    assert len(receiver.came) == 5
    world.now()
    assert [row[0] for row in world.rows()] == ["sent"] * 6


def test_a_worker_that_dies_after_sending_sends_again_under_the_same_id(world: World, receiver: Receiver) -> None:
    world.route(world.channel(receiver.url))
    world.told(world.happened())
    world.sql(
        "update delivery set state = 'sending', sent_at = null, ended_at = null, claimed_by = gen_random_uuid(), claimed_attempt = 1, claimed_at = wf_now()"
    )
    world.sql("delete from delivery_attempt")
    world.done("notifications.sweep_due")
    assert world.rows() == [("sent", None, 2)]
    assert world.attempts() == [(1, "lost", ""), (2, "ok", "200")]
    assert receiver.ids()[0] == receiver.ids()[1]


def test_a_person_hears_what_they_follow_from_their_severity_up(world: World, receiver: Receiver) -> None:
    world.channel(receiver.url, owner="ann")
    world.wish("ann", enabled_events=["finding.*"], min_severity="high")
    world.told(world.happened("finding.opened", severity=Severity.MEDIUM), world.happened("scans.finished", severity=Severity.CRITICAL))
    assert receiver.came == []
    world.told(world.happened("finding.opened", severity=Severity.HIGH))
    assert len(receiver.came) == 1


def test_who_paused_is_suppressed_with_the_reason(world: World, receiver: Receiver) -> None:
    world.route(world.channel(receiver.url, owner="ann"), owner="ann")
    world.wish("ann", paused_until="2100-01-01T00:00:00Z")
    assert world.told(world.happened())["suppressed"] == 1
    assert world.rows() == [("suppressed", "paused", 0)]


def test_a_mandatory_route_reaches_who_paused(world: World, receiver: Receiver) -> None:
    world.route(world.channel(receiver.url, owner="ann"), owner="ann", mandatory=True)
    world.wish("ann", paused_until="2100-01-01T00:00:00Z")
    world.told(world.happened())
    assert len(receiver.came) == 1


def test_addresses_are_sealed(world: World, receiver: Receiver) -> None:
    world.channel(f"{receiver.url}?token=canary-4711")
    assert b"canary-4711" not in bytes(world.sql("select config from notify_channel")[0][0])
    assert "canary" not in str(world.sql("select shown, host from notify_channel"))
