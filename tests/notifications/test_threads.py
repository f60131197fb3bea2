"""Facts about rooms that a bot writes to: one thread for one thing, a shorter message where the whole is too long, and waiting together."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.fetch.servers import Answer, Asked, Server, serve
from watchfloor.capabilities.notifications.queries import channels
from watchfloor.capabilities.notifications.schemas.channels import ChannelCreate
from watchfloor.kernel.contract import Severity

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from tests.notifications.world import World


class Room:
    """A Slack that gives every message a mark of its own and remembers what came."""

    def __init__(self, server: Server) -> None:
        self.said: list[dict[str, Any]] = []
        self.words: list[str] = []  # errors to answer with, one by one
        self.url, self.port = f"{server.url}/api/", server.port
        server.answer = self.take

    def take(self, asked: Asked) -> Answer:
        self.said.append(json.loads(asked.body))
        if self.words and (word := self.words.pop(0)):
            return Answer(body=json.dumps({"ok": False, "error": word}).encode())
        return Answer(body=json.dumps({"ok": True, "ts": f"1700000000.{len(self.said):06}"}).encode())

    def threads(self) -> list[str]:
        return [one.get("thread_ts", "") for one in self.said]


@pytest.fixture
def room(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[Room]:
    del world
    with serve() as server:
        found = Room(server)
        monkeypatch.setenv("WATCHFLOOR_NOTIFICATIONS_SLACK_API", found.url)
        monkeypatch.setenv("WATCHFLOOR_NOTIFICATIONS_ALLOWED_PORTS", f"443,80,{found.port}")
        yield found


def bot(world: World, name: str = "C1") -> UUID:
    with world.ledger.database.transaction(world.org) as session:
        wish = ChannelCreate.model_validate({"kind": "slack", "token": "xoxb-1-canary", "room": name})
        return channels.add_channel(session, world.ledger.vault, world.org, wish, actor="test")[0]


def found(world: World, finding: str, **more: Any) -> UUID:
    return world.happened("finding.opened", finding=finding, title="Telnet is open", **more)


def test_what_is_told_of_one_thing_stands_beneath_the_first_message_about_it(world: World, room: Room) -> None:
    world.route(bot(world))
    world.told(found(world, "a"))
    world.told(found(world, "b"))
    world.told(world.happened("finding.fixed", finding="a"))
    assert room.threads() == ["", "", "1700000000.000001"]
    assert {row[0] for row in world.rows()} == {"sent"}


def test_of_messages_that_go_out_together_the_first_begins_the_thread(world: World, room: Room) -> None:
    world.route(bot(world))
    world.told(found(world, "a"), world.happened("finding.fixed", finding="a"), found(world, "b"))
    world.now()
    assert room.threads() == ["", "", "1700000000.000001"]
    assert world.rows() == [("sent", None, 1)] * 3  # waiting for its thread used no attempt
    assert [one["text"].split(" - ")[0] for one in room.said] == ["[Watchfloor] INFO"] * 3


def test_each_room_has_threads_of_its_own(world: World, room: Room) -> None:
    world.route(bot(world, "C1"), bot(world, "C2"))
    world.told(found(world, "a"))
    world.told(world.happened("finding.fixed", finding="a"))
    later = {one["channel"]: one.get("thread_ts") for one in room.said[2:]}
    first = {one["channel"]: f"1700000000.{n:06}" for n, one in enumerate(room.said[:2], 1)}
    assert later == first


def test_what_is_critical_is_shown_in_the_room_as_well(world: World, room: Room) -> None:
    world.route(bot(world))
    for severity in (Severity.CRITICAL, Severity.HIGH, Severity.CRITICAL):
        world.told(
            found(world, "a", n=str(severity)) if not room.said else world.happened("finding.reopened", severity=severity, finding="a")
        )
    assert [one.get("reply_broadcast", False) for one in room.said] == [False, False, True]


def test_messages_about_nothing_that_we_know_begin_no_thread(world: World, room: Room) -> None:
    world.route(bot(world))
    world.told(world.happened("advisories.updated"))
    world.told(world.happened("advisories.updated"))
    assert room.threads() == ["", ""]
    assert world.sql("select count(*) from notify_thread") == [(0,)]


def test_a_thread_that_is_gone_is_begun_anew(world: World, room: Room) -> None:
    world.route(bot(world))
    world.told(found(world, "a"))
    room.words += ["thread_not_found"]
    world.told(world.happened("finding.fixed", finding="a"))
    assert world.rows()[1] == ("due", "thread_not_found", 1)
    world.now()
    world.told(world.happened("finding.reopened", finding="a"))
    assert room.threads() == ["", "1700000000.000001", "", "1700000000.000003"]
    assert world.sql("select failed, failing_since from notify_channel") == [(0, None)]


def test_a_channel_takes_its_threads_along_and_old_ones_go(world: World, room: Room) -> None:
    channel = bot(world)
    world.route(channel)
    world.told(found(world, "a"), found(world, "b"))
    assert len(room.said) == 2
    world.sql("update notify_thread set used_at = wf_now() - interval '200 days' where subject_id = 'a'")
    world.done("notifications.cleanup_old_notifications")
    assert world.sql("select subject_id from notify_thread") == [("b",)]
    with world.ledger.database.transaction(world.org) as session:
        channels.remove_channel(session, world.org, channel, actor="test")
    assert world.sql("select count(*) from notify_thread") == [(0,)]


def test_a_message_that_is_too_long_goes_out_once_more_shorter(world: World, room: Room) -> None:
    world.route(bot(world))
    room.words += ["msg_too_long"]
    world.told(found(world, "a", port="23"))
    world.now()
    assert world.rows() == [("sent", None, 2)]
    assert len(json.dumps(room.said[1])) < len(json.dumps(room.said[0]))
    assert world.sql("select failed from notify_channel") == [(0,)]  # the room takes messages


def test_a_message_that_is_too_long_even_then_is_given_up(world: World, room: Room) -> None:
    world.route(bot(world))
    room.words += ["msg_too_long", "internal_error", "msg_too_long"]
    world.told(found(world, "a", port="23"))
    world.now()
    world.now()
    assert world.rows() == [("dead", "msg_too_long", 3)]
    assert [len(one["blocks"]) for one in room.said][1:] == [len(room.said[1]["blocks"])] * 2


def test_a_room_that_asks_to_wait_makes_all_its_messages_wait_and_uses_no_attempt_of_theirs(world: World, room: Room) -> None:
    world.route(bot(world, "busy"))
    room.words += ["ratelimited"]
    world.told(*(found(world, name) for name in "abc"))
    world.told(found(world, "later"))
    assert [row[2] for row in world.rows()] == [1, 0, 0, 0]
    assert len(room.said) == 1
    assert world.sql("select min(due_at) > wf_now() + interval '20 seconds' from delivery") == [(True,)]
    assert world.sql("select failed, opened from notify_host") == [(1, 0)]  # a wait is no breaker
    world.now()
    assert [row[0] for row in world.rows()] == ["sent"] * 4


def test_another_room_does_not_wait_with_it(world: World, room: Room) -> None:
    world.route(bot(world, "busy"))
    world.route(bot(world, "free"), events=("scans.*",))
    room.words += ["ratelimited"]
    world.told(found(world, "a"))
    world.sql("delete from notify_route where events = %s", ["*"])
    world.told(world.happened("scans.finished", scan="one"))
    assert [row[0] for row in world.rows()] == ["due", "sent"]
