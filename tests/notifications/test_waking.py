"""Facts about what was held: who wakes up to many messages gets one, who wakes up to one gets that, and what is over is called so."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.findings.factories import close, found
from watchfloor.kernel.contract import Severity

if TYPE_CHECKING:
    from tests.notifications.receiver import Receiver
    from tests.notifications.world import World

NIGHT = [{"start": "00:00", "end": "23:59"}, {"start": "23:58", "end": "00:01"}]
SENT, DIGESTED = ("sent", None), ("suppressed", "in_digest")


def asleep(world: World, receiver: Receiver, *users: str) -> None:
    for user in users:
        world.route(world.channel(f"{receiver.url}/{user}", owner=user), owner=user)
        world.wish(user, quiet=NIGHT)


def awake(world: World, *users: str) -> None:
    """Let the night be over, and send what waited for that."""
    for user in users:
        world.wish(user)
    world.now()
    world.done("notifications.flush_digests")
    world.done("notifications.sweep_due")


def told(receiver: Receiver) -> list[Any]:
    return [json.loads(body)["data"] for _headers, body in receiver.came]


def test_who_wakes_up_to_many_messages_gets_one_that_names_them(world: World, receiver: Receiver) -> None:
    asleep(world, receiver, "ann")
    world.told(*(world.happened("scans.finished", title=f"Scan {number}") for number in range(60)))
    assert receiver.came == []
    awake(world, "ann")
    (message,) = told(receiver)
    assert (message["title"], len(message["text"]), message["text"][-1]) == ("60 messages from quiet hours", 51, "and 10 more")
    assert sorted(row[:2] for row in world.rows()) == [SENT, *[DIGESTED] * 60]


def test_who_wakes_up_to_one_message_gets_that(world: World, receiver: Receiver) -> None:
    asleep(world, receiver, "ann", "bob")
    world.told(world.happened("scans.finished", title="Only one"))
    awake(world, "ann", "bob")
    assert [one["title"] for one in told(receiver)] == ["Only one"] * 2
    assert [row[:2] for row in world.rows()] == [SENT, SENT]


def test_waking_twice_tells_nothing_twice(world: World, receiver: Receiver) -> None:
    asleep(world, receiver, "ann")
    world.told(world.happened("scans.finished"), world.happened("scans.finished"))
    awake(world, "ann")
    awake(world, "ann")
    assert len(receiver.came) == 1


def test_what_is_over_by_then_is_told_as_over(world: World, receiver: Receiver) -> None:
    asleep(world, receiver, "ann")
    with world.ledger.database.transaction(world.org) as session:
        for key in "ab":
            found(session, world.org, key, severity=Severity.HIGH)
    world.told(*(row[0] for row in world.sql("select id from event where name = 'finding.opened'")))
    with world.ledger.database.transaction(world.org) as session:
        close(session, world.org, seen=["b"])
    awake(world, "ann")
    (message,) = told(receiver)
    assert [line.startswith("RESOLVED HIGH") for line in message["text"]] == [False, True]


def test_what_may_not_pass_any_more_when_it_is_released_waits_for_its_digest(world: World, receiver: Receiver) -> None:
    asleep(world, receiver, "ann")
    world.told(world.happened("scans.finished"))
    world.wish("ann", quiet=NIGHT, bypass_severity="info", bypass_per_hour=0)
    world.now()
    assert [row[:2] for row in world.rows()] == [DIGESTED]
    world.sql("update notify_digest set due_at = wf_now()")
    world.done("notifications.flush_digests")
    assert [one["title"] for one in told(receiver)] == ["1 more info"]
