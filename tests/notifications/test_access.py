"""Facts about who may know: asked when it is decided, when it is released, and before every attempt; never skipped."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from watchfloor.capabilities.notifications.engine.known import EVENTS, LEAST, NOUNS, permission_of
from watchfloor.capabilities.notifications.queries.escalations import add_escalation
from watchfloor.capabilities.notifications.queries.inbox import list_inbox
from watchfloor.capabilities.notifications.schemas.escalations import EscalationCreate
from watchfloor.capabilities.notifications.settings import NotificationSettings
from watchfloor.catalog import CATALOG
from watchfloor.kernel.tenancy.keys import authenticate, make_key, revoke
from watchfloor.kernel.tenancy.members import remove_member, set_member
from watchfloor.kernel.tenancy.permissions import policy, roles_with

if TYPE_CHECKING:
    from uuid import UUID

    from tests.notifications.receiver import Receiver
    from tests.notifications.world import World

AUDIT = "audit.verify_failed"  # auditors read the audit trail, admins do not
SEND = "notifications.send_notification"
QUIET = [{"start": "00:00", "end": "23:59"}, {"start": "23:58", "end": "00:01"}]
UNSEEN = [("suppressed", "no_access", 0)]


def member(world: World, name: str, role: str, *, enabled: bool = True, org: UUID | None = None) -> None:
    """Say what somebody is."""
    with world.ledger.database.transaction(org or world.org) as session:
        set_member(session, org or world.org, name, role=role, enabled=enabled, actor="test")


def removed(world: World, name: str) -> None:
    """Remove somebody."""
    with world.ledger.database.transaction(world.org) as session:
        remove_member(session, world.org, name, actor="test")


def follows(world: World, receiver: Receiver, user: str = "ann", **more: Any) -> UUID:
    """Give somebody a channel and a route for everything."""
    made = world.channel(f"{receiver.url}/{user}", owner=user)
    world.route(made, owner=user, **more)
    return made


@pytest.mark.parametrize(
    ("role", "rows"), [("auditor", [("sent", None, 1)]), ("owner", [("sent", None, 1)]), ("admin", UNSEEN), ("viewer", UNSEEN)]
)
def test_who_may_not_read_the_subject_is_not_told_and_the_log_says_why(
    world: World, receiver: Receiver, role: str, rows: list[Any]
) -> None:
    member(world, "ann", role)
    follows(world, receiver)
    world.told(world.happened(AUDIT))
    assert (world.rows(), len(receiver.came)) == (rows, sum(row[0] == "sent" for row in rows))


def test_what_everybody_may_read_is_told_to_every_role(world: World, receiver: Receiver) -> None:
    for role in policy().names():
        member(world, role, role)
        follows(world, receiver, role)
    world.told(world.happened("scans.finished"))
    assert len(receiver.came) == len(policy().names())


@pytest.mark.parametrize("mandatory", [False, True])
def test_who_is_disabled_or_removed_is_told_nothing_until_they_are_back(world: World, receiver: Receiver, *, mandatory: bool) -> None:
    follows(world, receiver, mandatory=mandatory)
    member(world, "ann", "owner", enabled=False)
    world.told(world.happened())
    member(world, "ann", "owner")
    removed(world, "ann")
    world.told(world.happened())
    assert (world.rows(), receiver.came) == (UNSEEN * 2, [])
    member(world, "ann", "viewer")
    world.told(world.happened())
    assert len(receiver.came) == 1


def test_channels_of_the_organisation_hear_of_everything(world: World, receiver: Receiver) -> None:
    world.route(world.channel(receiver.url))
    world.told(world.happened(AUDIT))
    assert world.rows() == [("sent", None, 1)]


def test_a_route_of_the_organisation_brings_nobody_what_they_may_not_know(world: World, receiver: Receiver) -> None:
    member(world, "ann", "viewer")
    world.route(world.channel(receiver.url, owner="ann"))
    world.told(world.happened(AUDIT))
    assert (world.rows(), receiver.came) == (UNSEEN, [])


def test_a_route_of_who_may_not_know_brings_it_to_nobody(world: World, receiver: Receiver) -> None:
    member(world, "ann", "viewer")
    world.route(world.channel(receiver.url), owner="ann")
    world.told(world.happened(AUDIT))
    assert (world.rows(), receiver.came) == (UNSEEN, [])


def test_who_is_no_member_counts_as_the_setting_says(world: World, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    follows(world, receiver)
    world.told(world.happened())
    world.told(world.happened(AUDIT))
    monkeypatch.setenv("WATCHFLOOR_NOTIFICATIONS_UNLISTED_ROLE", "auditor")
    world.told(world.happened(AUDIT))
    monkeypatch.setenv("WATCHFLOOR_NOTIFICATIONS_UNLISTED_ROLE", "nobody")
    world.told(world.happened())
    assert [row[:2] for row in world.rows()] == [("sent", None), ("suppressed", "no_access"), ("sent", None), ("suppressed", "no_access")]


def test_a_key_is_told_what_its_role_may_know_and_nothing_once_it_is_revoked(world: World, receiver: Receiver) -> None:
    actor = authenticate(world.ledger, f"Bearer {make_key(world.ledger, world.org, name='ci', role='auditor', actor='test')}")
    follows(world, receiver, actor.name)
    world.told(world.happened(AUDIT))
    revoke(world.ledger, world.org, actor.key, actor="test")
    world.told(world.happened())
    assert world.rows() == [("sent", None, 1), *UNSEEN]


def test_a_role_that_is_taken_away_while_a_message_is_held_counts_when_it_is_released(world: World, receiver: Receiver) -> None:
    member(world, "ann", "auditor")
    follows(world, receiver)
    world.wish("ann", quiet=QUIET)
    world.told(world.happened(AUDIT))
    assert world.rows() == [("held", "quiet_hours", 0)]
    member(world, "ann", "viewer")
    world.now()
    assert (world.rows(), receiver.came) == (UNSEEN, [])


def test_a_role_that_is_taken_away_counts_before_the_next_attempt(world: World, receiver: Receiver) -> None:
    receiver.answers += [500]
    member(world, "ann", "auditor")
    follows(world, receiver)
    world.told(world.happened(AUDIT))
    assert world.rows() == [("due", "500", 1)]
    removed(world, "ann")
    world.now()
    assert (world.rows(), len(receiver.came)) == ([("suppressed", "no_access", 1)], 1)
    assert world.attempts() == [(1, "retry", "500")]


def test_a_repetition_tells_nobody_what_they_may_not_know_any_more(world: World, receiver: Receiver) -> None:
    member(world, "ann", "auditor")
    follows(world, receiver)
    world.told(world.happened(AUDIT))
    member(world, "ann", "viewer")
    (delivery,) = world.sql("select id from delivery")[0]
    world.done("notifications.replay_deliveries", delivery_ids=[str(delivery)])
    assert (world.rows(), len(receiver.came)) == ([("sent", None, 1), *UNSEEN], 1)


@pytest.mark.parametrize("job", ["send_notification", "send_event_notifications", "send_bulk_notifications"])
def test_sending_by_hand_does_not_skip_the_question(world: World, receiver: Receiver, job: str) -> None:
    member(world, "ann", "viewer")
    world.channel(receiver.url, owner="ann")
    told: dict[str, dict[str, Any]] = {
        "send_notification": {"notification": {"event": AUDIT, "user_id": "ann", "data": {}}, "preferences": {"enabled_events": ["*"]}},
        "send_event_notifications": {"event": AUDIT, "user_id": "ann", "data": {}},
        "send_bulk_notifications": {"event": AUDIT, "user_ids": ["ann"], "data": {}},
    }
    world.done(f"notifications.{job}", **told[job])
    assert (world.rows(), receiver.came) == (UNSEEN, [])


def test_a_given_address_opens_nothing(world: World, receiver: Receiver) -> None:
    member(world, "ann", "viewer")
    one = {"event": AUDIT, "user_id": "ann", "channel": "webhook", "data": {}}
    made = world.done(SEND, notification=one, preferences={"webhook_url": receiver.url})
    assert (made["success"], made["state"], made["reason"], receiver.came) == (False, "suppressed", "no_access", [])


def test_a_digest_leaves_out_what_its_reader_may_not_know_any_more(world: World, receiver: Receiver) -> None:
    member(world, "ann", "auditor")
    follows(world, receiver, digest={"mode": "hourly"})
    world.told(world.happened("scans.finished", title="the open part"), world.happened(AUDIT, title="the closed part"))
    member(world, "ann", "viewer")
    world.sql("update notify_digest set due_at = wf_now()")
    world.done("notifications.flush_digests")
    body = receiver.came[0][1].decode()
    assert ("the open part" in body, "the closed part" in body, len(receiver.came)) == (True, False, 1)
    assert ("suppressed", "no_access", 0) in world.rows()


def test_another_organisations_members_count_for_nothing_here(world: World, receiver: Receiver, stranger: UUID) -> None:
    member(world, "ann", "owner", org=stranger)
    follows(world, receiver)
    world.told(world.happened(AUDIT))
    assert (world.rows(), receiver.came) == (UNSEEN, [])


def test_every_event_says_what_reads_its_subject_and_somebody_may() -> None:
    declared = {event.name: event.permission for capability in CATALOG for event in capability.events}
    assert {name for name, permission in declared.items() if not roles_with(permission)} == set()
    assert {name: permission_of(name) for name in declared} == declared
    assert all(roles_with(one) for one in {*EVENTS.values(), *NOUNS.values(), LEAST})


def test_the_setting_takes_every_role_that_there_is() -> None:
    for role in policy().names():
        assert NotificationSettings(unlisted_role=role).unlisted_role == role


def flushed(world: World) -> None:
    world.sql("update notify_group set next_flush_at = wf_now()")
    world.done("notifications.flush_groups")


def test_a_group_leaves_out_what_its_reader_may_not_know_any_more(world: World, receiver: Receiver) -> None:
    member(world, "ann", "auditor")
    follows(world, receiver, group_by=[])
    world.told(world.happened(AUDIT, title="Hidden"), world.happened("scans.finished", scan="7", title="Seen"))
    member(world, "ann", "admin")
    flushed(world)
    assert world.rows() == [*UNSEEN, ("sent", None, 1)]
    assert b"Hidden" not in receiver.came[0][1]
    with world.ledger.database.transaction(world.org) as session:
        found = list_inbox(session, user="ann", unread=False, severity=None, type_=None, q=None, limit=10, after=None)
    assert [one.title for one in found.items] == ["Seen"]


def test_a_channel_of_somebody_else_names_only_what_its_owner_may_know(world: World, receiver: Receiver) -> None:
    member(world, "ann", "auditor")
    member(world, "bob", "admin")
    to = [world.channel(f"{receiver.url}/{one}", owner=one) for one in ("ann", "bob")]
    world.route(*to, owner="ann", group_by=[])
    world.told(world.happened(AUDIT, title="Hidden"), world.happened("scans.finished", scan="7", title="Seen"))
    flushed(world)
    told = [json.loads(body)["data"]["title"] for _headers, body in receiver.came]
    assert sorted(told) == ["2 messages: 2 new", "Seen"]


def test_a_step_tells_nobody_of_a_group_in_which_is_what_they_may_not_know(world: World, receiver: Receiver) -> None:
    member(world, "ann", "auditor")
    member(world, "bob", "admin")
    for one in ("ann", "bob"):
        world.channel(f"{receiver.url}/{one}", owner=one)
    with world.ledger.database.transaction(world.org) as session:
        wish = EscalationCreate.model_validate({"name": "nights", "steps": [{"after": 0, "users": ["bob", "ann"]}]})
        nights = add_escalation(session, world.org, wish, actor="test")
    world.route(world.channel(receiver.url), group_by=[], escalation_id=nights)
    world.told(world.happened(AUDIT, title="Hidden"), world.happened("scans.finished", scan="7", title="Seen"))
    flushed(world)
    world.done("notifications.run_escalations")
    assert world.sql("select users from escalation_told") == [(["ann"],)]
    assert world.sql("select count(*) from delivery where user_id = 'bob'") == [(0,)]
