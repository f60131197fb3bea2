"""Facts about what waits for another attempt: it is judged once more before it goes out, and so is what it names."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from tests.notifications.test_access import member, removed
from watchfloor.capabilities.notifications.queries import channels, silences, unsubscribing, wishes
from watchfloor.capabilities.notifications.queries.acknowledging import acknowledge
from watchfloor.capabilities.notifications.queries.escalations import add_escalation
from watchfloor.capabilities.notifications.schemas.channels import ChannelCreate
from watchfloor.capabilities.notifications.schemas.escalations import EscalationCreate
from watchfloor.capabilities.notifications.schemas.silences import SilenceCreate
from watchfloor.kernel.assets.inventory import see
from watchfloor.kernel.contract import Severity
from watchfloor.kernel.findings.ledger import Seen, close, record_all

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from tests.notifications.mailserver import Mailbox
    from tests.notifications.receiver import Receiver
    from tests.notifications.world import World

AUDIT = "audit.verify_failed"
SEND = "notifications.send_notification"
LATER = datetime.now(UTC) + timedelta(days=2)


def unsubscribed(world: World, what: str = "scans.finished") -> None:
    with world.ledger.database.transaction(world.org) as session:
        assert unsubscribing.opt_out(session, world.org, "ann", what, request_id=None, address=None)


def paused(world: World) -> None:
    with world.ledger.database.transaction(world.org) as session:
        wishes.pause(session, world.org, "ann", LATER, actor="test")


def silenced(world: World, **matchers: Any) -> None:
    told = {"matchers": matchers or {"events": ["scans.*"]}, "starts_at": LATER - timedelta(days=3), "ends_at": LATER, "reason": "test"}
    with world.ledger.database.transaction(world.org) as session:
        silences.add_silence(session, world.org, SilenceCreate.model_validate(told), actor="test")


def disabled(world: World) -> None:
    world.sql("update notify_channel set state = 'disabled', reason = 'by hand'")


def gone(world: World) -> None:
    removed(world, "ann")


def bounced(world: World) -> None:
    world.sql(
        "insert into notify_suppression (org, id, address, shown, reason, created_by) select org, %s, address, shown, 'manual', 'test' from notify_channel",
        uuid4(),
    )


CHANGES: dict[str, Callable[[World], None]] = {
    "opted_out": unsubscribed, "paused": paused, "silenced": silenced, "channel_inactive": disabled, "no_access": gone, "address_suppressed": bounced,
}  # fmt: skip


def follows(world: World, receiver: Receiver, **route: Any) -> UUID:
    """Give ann a channel and a route for everything, at a receiver that fails once."""
    member(world, "ann", "auditor")
    made = world.channel(receiver.url, owner="ann")
    world.route(made, owner="ann", **route)
    receiver.answers += [500]
    return made


def data(receiver: Receiver, at: int = -1) -> Any:
    return json.loads(receiver.came[at][1])["data"]


@pytest.mark.parametrize(("reason", "change"), CHANGES.items())
def test_what_changed_while_a_message_waits_for_its_next_attempt_counts(
    world: World, receiver: Receiver, reason: str, change: Callable[[World], None]
) -> None:
    follows(world, receiver)
    world.told(world.happened())
    assert world.rows() == [("due", "500", 1)]
    change(world)
    world.now()
    assert (world.rows(), len(receiver.came)) == ([("suppressed", reason, 1)], 1)
    assert world.attempts() == [(1, "retry", "500")]


def test_a_mail_that_waits_for_its_relay_does_not_go_out_after_its_reader_unsubscribed(world: World, box: Mailbox) -> None:
    with world.ledger.database.transaction(world.org) as session:
        wish = ChannelCreate.model_validate({"kind": "email", "owner": "ann", "email": "ann@example.org"})
        made, _ = channels.add_channel(session, world.ledger.vault, world.org, wish, actor="test")
    world.route(made, owner="ann")
    box.refusals["to"] += ["450 later", "450 later"]
    world.told(world.happened("scans.finished"), world.happened("scans.changed"))
    unsubscribed(world)
    world.now()
    assert [one.mail["X-Watchfloor-Event"] for one in box.arrived] == ["scans.changed"]
    assert sorted(row[:2] for row in world.rows()) == [("sent", None), ("suppressed", "opted_out")]


def test_a_first_attempt_is_judged_as_well(world: World, receiver: Receiver) -> None:
    follows(world, receiver)
    world.worker.run(world.start("notifications.route_events", event_ids=[str(world.happened())]))
    assert world.rows() == [("due", None, 0)]
    unsubscribed(world)
    world.now()
    assert (world.rows(), receiver.came) == ([("suppressed", "opted_out", 0)], [])


def test_what_is_mandatory_goes_out_though_its_reader_opted_out_while_it_waited(world: World, receiver: Receiver) -> None:
    follows(world, receiver, mandatory=True)
    world.told(world.happened())
    unsubscribed(world)
    world.now()
    assert world.rows() == [("sent", None, 2)]


def test_what_nobody_refuses_any_more_goes_out(world: World, receiver: Receiver) -> None:
    follows(world, receiver)
    silenced(world)
    world.sql("update notify_silence set ends_at = wf_now()")
    world.told(world.happened())
    world.now()
    assert world.rows() == [("sent", None, 2)]


def once_more(world: World, job: UUID) -> tuple[str, str | None, int]:
    """Let a job that sends by hand try again; return how its delivery stands."""
    world.sql("update delivery set due_at = wf_now() where state = 'due'")
    world.worker.wire.execute("update job set stage = 'queued', run_at = wf_now() where id = %s", (job,))
    world.worker.run(job)
    return world.rows()[-1]


def test_what_is_sent_by_hand_goes_through_silences_but_not_to_who_opted_out(world: World, receiver: Receiver) -> None:
    follows(world, receiver)
    silenced(world)
    jobs = [world.start(SEND, notification={"event": one, "user_id": "ann", "data": {}}) for one in ("scans.finished", "scans.changed")]
    world.worker.run(jobs[0])
    assert once_more(world, jobs[0]) == ("sent", None, 2)
    receiver.answers += [500]
    world.worker.run(jobs[1])
    unsubscribed(world, "scans.changed")
    assert once_more(world, jobs[1]) == ("suppressed", "opted_out", 1)


def test_what_was_sent_by_hand_stays_by_itself_when_its_reader_wakes(world: World, receiver: Receiver) -> None:
    world.channel(receiver.url, owner="ann")
    world.wish("ann", quiet=[{"start": "00:00", "end": "23:59"}, {"start": "23:58", "end": "00:01"}])
    for title in ("one", "two"):
        world.done(SEND, notification={"event": "scans.finished", "user_id": "ann", "data": {}, "title": title})
    assert [row[:2] for row in world.rows()] == [("held", "quiet_hours")] * 2
    world.sql("update notify_preference set wishes = wishes - 'quiet'")
    silenced(world)
    world.now()
    assert sorted(data(receiver, at)["title"] for at in range(2)) == ["one", "two"]


def test_a_replay_by_hand_reaches_who_opted_out_but_not_who_may_not_know(world: World, receiver: Receiver) -> None:
    follows(world, receiver)
    world.told(world.happened())
    world.now()
    unsubscribed(world)
    ids = [str(row[0]) for row in world.sql("select id from delivery")]
    world.done("notifications.replay_deliveries", delivery_ids=ids)
    assert world.rows() == [("sent", None, 2), ("sent", None, 1)]
    gone(world)
    world.done("notifications.replay_deliveries", delivery_ids=ids)
    assert world.rows()[-1] == ("suppressed", "no_access", 0)


def test_another_organisations_wishes_count_for_nothing_here(world: World, receiver: Receiver, stranger: UUID) -> None:
    follows(world, receiver)
    world.told(world.happened())
    with world.ledger.database.transaction(stranger) as session:
        unsubscribing.opt_out(session, stranger, "ann", "scans.finished", request_id=None, address=None)
    world.now()
    assert world.rows() == [("sent", None, 2)]


def opened(world: World, *titles: str) -> None:
    """Let findings be opened."""
    with world.ledger.database.transaction(world.org) as session:
        asset = see(session, world.org, kind="host", key="web-1")
        seen = [
            Seen(key=title, check="test.check", asset=asset, target="web-1", title=title, severity=Severity.HIGH, evidence="", remedy="mend it")
            for title in titles
        ]  # fmt: skip
        record_all(session, world.org, seen, capability="scans", job=None)
    world.told(*(row[0] for row in world.sql("select id from event where name = 'finding.opened' order by id")))


def fixed(world: World, title: str) -> None:
    with world.ledger.database.transaction(world.org) as session:
        assert close(session, world.org, [title], capability="scans", reason="seen to be gone", actor="test", job=None)


def gather(world: World, how: str) -> None:
    """Let a digest's or a group's time come."""
    if how == "digest":
        world.sql("update notify_digest set due_at = wf_now()")
        world.done("notifications.flush_digests")
    else:
        world.sql("update notify_group set next_flush_at = wf_now() where next_flush_at is not null")
        world.done("notifications.flush_groups")


GATHERED: dict[str, dict[str, Any]] = {"digest": {"digest": {"mode": "hourly"}}, "group": {"group_by": []}}


@pytest.mark.parametrize("how", GATHERED)
def test_a_digest_or_group_that_waits_calls_resolved_what_is_resolved_by_then(world: World, receiver: Receiver, how: str) -> None:
    follows(world, receiver, events=("finding.opened",), **GATHERED[how])
    opened(world, "Stays", "Goes")
    gather(world, how)
    fixed(world, "Goes")
    world.now()
    first, second = data(receiver, 0), data(receiver)
    assert (receiver.ids()[0], len(receiver.came)) == (receiver.ids()[1], 2)
    assert sorted(first["text"]) == ["HIGH Goes", "HIGH Stays"]
    assert sorted(second["text"]) == sorted(["HIGH Stays", {"digest": "RESOLVED HIGH Goes", "group": "HIGH Goes - resolved"}[how]])
    assert (first["dedup_key"], first["subject"]) == (second["dedup_key"], second["subject"])


@pytest.mark.parametrize("how", GATHERED)
def test_a_digest_or_group_that_waits_leaves_out_what_its_reader_may_not_know_by_then(world: World, receiver: Receiver, how: str) -> None:
    follows(world, receiver, **GATHERED[how])
    world.told(world.happened(AUDIT, title="Hidden"), world.happened("scans.finished", scan="7", title="Seen"))
    gather(world, how)
    member(world, "ann", "admin")
    world.now()
    assert "Hidden" in str(data(receiver, 0))
    assert (data(receiver)["title"], "Hidden" in str(data(receiver))) == ("Seen", False)
    assert ("suppressed", "no_access", 0) in world.rows()


@pytest.mark.parametrize("how", GATHERED)
@pytest.mark.parametrize("change", [unsubscribed, silenced])
def test_a_digest_or_group_that_waits_leaves_out_what_is_not_wanted_by_then(
    world: World, receiver: Receiver, how: str, change: Callable[[World], None]
) -> None:
    follows(world, receiver, **GATHERED[how])
    world.told(world.happened("scans.finished", scan="7", title="Unwanted"), world.happened("reports.ready", title="Wanted"))
    gather(world, how)
    change(world)
    world.now()
    assert (data(receiver)["title"], "Unwanted" in str(data(receiver))) == ("Wanted", False)


@pytest.mark.parametrize("how", GATHERED)
@pytest.mark.parametrize(("reason", "change"), [(one, CHANGES[one]) for one in ("opted_out", "silenced", "no_access", "paused")])
def test_a_digest_or_group_of_which_nothing_is_left_does_not_go_out(
    world: World, receiver: Receiver, how: str, reason: str, change: Callable[[World], None]
) -> None:
    follows(world, receiver, **GATHERED[how])
    world.told(world.happened())
    gather(world, how)
    change(world)
    world.now()
    assert len(receiver.came) == 1
    assert ("suppressed", reason, 1) in world.rows()


@pytest.mark.parametrize("how", GATHERED)
def test_a_digest_or_group_in_which_nothing_changed_is_the_same_message(world: World, receiver: Receiver, how: str) -> None:
    follows(world, receiver, **GATHERED[how])
    world.told(world.happened("scans.finished", scan="7", title="One"), world.happened("reports.ready", title="Two"))
    gather(world, how)
    world.now()
    assert receiver.came[0][1] == receiver.came[1][1]


@pytest.mark.parametrize("how", GATHERED)
def test_a_replayed_digest_or_group_tells_nobody_what_they_may_not_know_by_then(world: World, receiver: Receiver, how: str) -> None:
    follows(world, receiver, **GATHERED[how])
    world.told(world.happened(AUDIT, title="Hidden"))
    gather(world, how)
    world.now()
    world.told(world.happened(AUDIT, title="Hidden too"))  # a group forgets what it named once that is out
    gather(world, how)
    came = len(receiver.came)
    member(world, "ann", "admin")
    ids = [str(row[0]) for row in world.sql("select id from delivery where state = 'sent'")]
    for _ in range(2):
        world.done("notifications.replay_deliveries", delivery_ids=ids)
    assert len(receiver.came) == came


def test_what_a_group_said_while_an_earlier_sending_waited_changes_nothing_in_that(world: World, receiver: Receiver) -> None:
    follows(world, receiver, events=("finding.opened",), group_by=[])
    receiver.answers += [500]
    opened(world, "First")
    gather(world, "group")
    world.told(world.happened("finding.opened", finding=str(uuid4()), target="web-2", title="Second"))
    gather(world, "group")
    fixed(world, "First")
    world.now()
    assert sorted(data(receiver, at)["title"] for at in (-2, -1)) == ["2 messages: 1 new, 1 resolved", "First - resolved"]


def test_a_step_of_what_somebody_looks_after_by_then_does_not_come(world: World, receiver: Receiver) -> None:
    world.channel(receiver.url, owner="bob")
    with world.ledger.database.transaction(world.org) as session:
        wish = EscalationCreate.model_validate({"name": "nights", "steps": [{"after": 0, "users": ["bob"]}]})
        nights = add_escalation(session, world.org, wish, actor="test")
    world.route(world.channel(f"{receiver.url}/room"), escalation_id=nights)
    event = world.happened()
    world.told(event)
    world.worker.run(world.start("notifications.run_escalations"))
    (step, about) = world.sql("select t.notification, r.notification from escalation_told t join escalation_run r on r.id = t.run")[0]
    with world.ledger.database.transaction(world.org) as session:
        acknowledge(session, world.org, about, actor="test")
    # As an attempt leaves it that was on its way just then.
    world.sql("update delivery set state = 'due', reason = '500', ended_at = null where notification = %s", step)
    world.now()
    assert world.sql("select state, reason from delivery where notification = %s", step) == [("suppressed", "acknowledged")]
    ids = [str(row[0]) for row in world.sql("select id from delivery where notification = %s", step)]
    world.done("notifications.replay_deliveries", delivery_ids=ids)
    assert world.sql("select state from delivery where notification = %s and replay_no = 1", step) == [("sent",)]


def test_what_nobody_told_to_be_fixed_is_called_resolved_when_its_group_speaks_next(world: World, receiver: Receiver) -> None:
    world.route(world.channel(receiver.url), events=("finding.*",), group_by=[])
    opened(world, "Stays", "Goes")
    gather(world, "group")
    fixed(world, "Goes")
    gather(world, "group")
    assert [data(receiver, at)["title"] for at in range(2)] == ["2 messages: 2 new", "2 messages: 1 still open, 1 resolved"]
    gather(world, "group")
    assert data(receiver)["title"] == "Stays - still open"


@pytest.mark.parametrize("grouped", [{}, {"group_by": []}])
def test_nobody_is_called_for_what_is_fixed_though_nobody_told_it(world: World, receiver: Receiver, grouped: dict[str, Any]) -> None:
    world.channel(receiver.url, owner="bob")
    with world.ledger.database.transaction(world.org) as session:
        steps = [{"after": 0, "users": ["bob"]}, {"after": 60, "users": ["bob"]}]
        nights = add_escalation(session, world.org, EscalationCreate.model_validate({"name": "nights", "steps": steps}), actor="test")
    world.route(world.channel(f"{receiver.url}/room"), events=("finding.*",), escalation_id=nights, **grouped)
    opened(world, "One", "Two")
    gather(world, "group")
    assert world.done("notifications.run_escalations")["told"] == (1 if grouped else 2)
    fixed(world, "One")
    world.sql("update escalation_run set due_at = wf_now()")
    assert world.done("notifications.run_escalations")["told"] == 1
    fixed(world, "Two")
    world.sql("update escalation_run set due_at = wf_now() where resolved_at is null")
    assert world.done("notifications.run_escalations")["told"] == 0
    assert {row[0] for row in world.sql("select due_at from escalation_run")} == {None}
