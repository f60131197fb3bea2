"""Facts about messages that others make needless: something graver is open about the same asset, or the same address has it already."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.findings.factories import HOST, close, found
from tests.notifications.world import World
from watchfloor.kernel.contract import Severity

if TYPE_CHECKING:
    from uuid import UUID

    from tests.notifications.receiver import Receiver

SEND = "notifications.send_notification"
SENT, INHIBITED = ("sent", None, 1), ("suppressed", "inhibited", 0)


def opened(world: World, severity: Severity, name: str = "finding.opened", **data: Any) -> Any:
    """Let something be found at an asset and told; return what became of it."""
    return world.told(world.happened(name, severity=severity, **{"asset": "web-1", **data}))


def test_something_graver_that_is_open_keeps_the_lesser_of_its_asset_back(world: World, receiver: Receiver) -> None:
    world.route(world.channel(receiver.url))
    opened(world, Severity.CRITICAL)
    assert opened(world, Severity.HIGH) == {"notifications": 1, "deliveries": 0, "held": 0, "suppressed": 1}
    assert (world.rows(), len(receiver.came)) == ([SENT, INHIBITED], 1)


@pytest.mark.parametrize(
    ("severity", "other"),
    [
        (Severity.HIGH, {"asset": "web-2"}),
        (Severity.HIGH, {"asset": ""}),
        (Severity.HIGH, {"name": "finding.reopened"}),
        (Severity.CRITICAL, {}),
    ],
)
def test_another_asset_or_kind_and_what_is_as_grave_is_told(
    world: World, receiver: Receiver, severity: Severity, other: dict[str, Any]
) -> None:
    world.route(world.channel(receiver.url))
    opened(world, Severity.CRITICAL)
    opened(world, severity, **other)
    assert world.rows() == [SENT, SENT]


def test_the_graver_one_is_told_after_the_lesser(world: World, receiver: Receiver) -> None:
    world.route(world.channel(receiver.url))
    opened(world, Severity.LOW)
    opened(world, Severity.CRITICAL)
    assert world.rows() == [SENT, SENT]


@pytest.mark.parametrize("over", ["acknowledged_at = wf_now(), acknowledged_by = 'ann'", "expires_at = wf_now()"])
def test_what_was_acknowledged_or_has_expired_keeps_nothing_back(world: World, receiver: Receiver, over: str) -> None:
    world.route(world.channel(receiver.url))
    opened(world, Severity.CRITICAL)
    world.sql(f"update notification set {over}")
    opened(world, Severity.HIGH)
    assert world.rows() == [SENT, SENT]


def test_a_finding_that_is_fixed_keeps_nothing_back_and_an_open_one_does(world: World, receiver: Receiver) -> None:
    world.route(world.channel(receiver.url), events=("finding.opened",))

    def seen(key: str, severity: Severity) -> None:
        with world.ledger.database.transaction(world.org) as session:
            found(session, world.org, key, severity=severity)
        world.told(*(row[0] for row in world.sql("select id from event order by id desc limit 1")))

    seen("a", Severity.CRITICAL)
    seen("b", Severity.LOW)
    assert world.rows() == [SENT, INHIBITED]
    assert world.sql("select distinct asset, subject_kind from notification") == [(HOST, "finding")]
    with world.ledger.database.transaction(world.org) as session:
        close(session, world.org, seen=["b"])
    seen("c", Severity.LOW)
    assert world.rows() == [SENT, INHIBITED, SENT]


def test_a_made_up_id_of_a_finding_breaks_nothing(world: World, receiver: Receiver) -> None:
    world.route(world.channel(receiver.url))
    opened(world, Severity.CRITICAL, finding="'; drop table finding; --")
    opened(world, Severity.HIGH)
    assert world.rows() == [SENT, INHIBITED]


def test_who_never_heard_of_the_graver_one_hears_of_the_lesser(world: World, receiver: Receiver) -> None:
    world.route(world.channel(f"{receiver.url}/ann", owner="ann"), owner="ann")
    opened(world, Severity.CRITICAL)
    world.route(world.channel(f"{receiver.url}/ben", owner="ben"), owner="ben")
    opened(world, Severity.HIGH)
    assert world.sql("select user_id, state, reason from delivery order by user_id, id") == [
        ("ann", "sent", None), ("ann", "suppressed", "inhibited"), ("ben", "sent", None),
    ]  # fmt: skip


def test_a_graver_one_that_was_not_told_keeps_nothing_back(world: World, receiver: Receiver) -> None:
    world.route(world.channel(receiver.url, owner="ann"), owner="ann")
    world.wish("ann", paused_until="2100-01-01T00:00:00Z")
    opened(world, Severity.CRITICAL)
    world.wish("ann")
    opened(world, Severity.HIGH)
    assert world.rows() == [("suppressed", "paused", 0), SENT]


def test_it_is_asked_before_a_mandatory_route_skips_wishes_and_not_for_sends_by_hand(world: World, receiver: Receiver) -> None:
    world.route(world.channel(receiver.url, owner="ann"), owner="ann", mandatory=True)
    opened(world, Severity.CRITICAL)
    opened(world, Severity.HIGH)
    one = {"event": "finding.opened", "user_id": "ann", "severity": "high", "data": {"asset": "web-1"}}
    assert world.done(SEND, notification=one)["success"]
    assert world.rows() == [SENT, INHIBITED, SENT]


def test_another_organisations_open_messages_keep_nothing_back(world: World, receiver: Receiver, stranger: UUID) -> None:
    other = World(world.ledger, stranger, world.worker)
    other.route(other.channel(receiver.url))
    opened(other, Severity.CRITICAL)
    world.route(world.channel(receiver.url))
    opened(world, Severity.HIGH)
    assert (other.rows(), world.rows()) == ([SENT], [SENT])


def test_one_person_hears_once_at_one_address_however_many_channels_and_jobs_reach_it(world: World, receiver: Receiver) -> None:
    world.channel(receiver.url, owner="ann")
    shared = world.channel(receiver.url)
    one = {"event": "scan.completed", "user_id": "ann", "data": {}, "dedup_key": "one"}
    assert world.done("notifications.send_event_notifications", **one)["notifications_sent"] == 1
    made = world.done(SEND, notification={**one, "channel_id": str(shared)})
    assert (made["success"], made["state"], made["reason"]) == (False, "suppressed", "same_address")
    assert (world.rows(), len(receiver.came)) == ([SENT], 1)


def test_two_people_who_share_an_address_are_two_people(world: World, receiver: Receiver) -> None:
    world.channel(receiver.url, owner="ann")
    world.channel(receiver.url, owner="ben")
    for user in ("ann", "ben"):
        world.done("notifications.send_event_notifications", event="scan.completed", user_id=user, data={}, dedup_key="one")
    assert len(receiver.came) == 2


def test_an_address_that_failed_for_good_on_one_channel_is_reached_over_the_other(world: World, receiver: Receiver) -> None:
    receiver.answers += [410]
    world.channel(receiver.url, owner="ann")
    shared = world.channel(receiver.url)
    one = {"event": "scan.completed", "user_id": "ann", "data": {}, "dedup_key": "one"}
    world.done("notifications.send_event_notifications", **one)
    assert world.done(SEND, notification={**one, "channel_id": str(shared)})["success"]
