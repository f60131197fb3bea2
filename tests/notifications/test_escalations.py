"""Facts about escalations: the next one is told while nobody acknowledges, and nobody after somebody did."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import pytest

from tests.api.floor import client_of
from tests.cli.desk import OpenDesk
from tests.notifications.world import World, run_beside
from watchfloor.capabilities.notifications.cli import commands
from watchfloor.capabilities.notifications.queries import escalations
from watchfloor.capabilities.notifications.queries.acknowledging import acknowledge
from watchfloor.capabilities.notifications.schemas.escalations import EscalationCreate
from watchfloor.kernel.contract import Severity
from watchfloor.kernel.errors import Conflict, InvalidInput, NotFound

if TYPE_CHECKING:
    from tests.api.floor import Client
    from tests.notifications.receiver import Receiver
    from watchfloor.kernel.sandbox import zygote

RUN = "notifications.run_escalations"
STEPS = [
    {"after": 0, "users": ["ana"]},
    {"after": 900, "users": ["ben", "cleo"], "page": True},
    {"after": 1800, "users": ["dora"], "page": True},
]
NOTHING = {"told": 0, "unreached": 0, "ended": 0}


def escalation(world: World, *, name: str = "nights", steps: Any = STEPS) -> UUID:
    with world.ledger.database.transaction(world.org) as session:
        wish = EscalationCreate.model_validate({"name": name, "steps": steps})
        return escalations.add_escalation(session, world.org, wish, actor="test")


def begun(
    world: World, receiver: Receiver, *, steps: Any = STEPS, people: tuple[str, ...] = ("ana", "ben", "cleo", "dora"), **more: Any
) -> UUID:
    """Let a route with an escalation tell something; return the notification."""
    for one in people:
        world.channel(f"{receiver.url}/{one}", owner=one)
    world.route(world.channel(receiver.url), escalation_id=escalation(world, steps=steps), **more)
    world.told(world.happened("finding.opened", severity=Severity.HIGH, finding="1", target="web-1", title="Telnet is open"))
    return first(world)


def first(world: World) -> UUID:
    found: UUID = world.sql("select id from notification order by id limit 1")[0][0]
    return found


def run(world: World, *, minutes: int = 0) -> Any:
    """Let some time pass, and tell what is due then."""
    by = timedelta(minutes=minutes)
    world.sql("update escalation_run set started_at = started_at - %s, due_at = due_at - %s", by, by)
    return world.done(RUN)


def told(world: World) -> list[tuple[int, list[str]]]:
    return [(row[0], row[1]) for row in world.sql("select step, users from escalation_told order by run, step")]


def looked_after(world: World, notification: UUID, by: str = "ben") -> None:
    with world.ledger.database.transaction(world.org) as session:
        acknowledge(session, world.org, notification, actor=by)


def audited(world: World, operation: str) -> int:
    found: int = world.sql("select count(*) from audit_entry where operation = %s", operation)[0][0]
    return found


def test_steps_come_when_their_time_has_come(world: World, receiver: Receiver) -> None:
    begun(world, receiver)
    assert len(receiver.came) == 1
    assert run(world) == {"told": 1, "unreached": 0, "ended": 0}
    assert run(world, minutes=14) == NOTHING
    assert run(world, minutes=1) == {"told": 1, "unreached": 0, "ended": 0}
    assert run(world, minutes=15) == {"told": 1, "unreached": 0, "ended": 1}
    assert run(world, minutes=600) == NOTHING
    assert told(world) == [(0, ["ana"]), (1, ["ben", "cleo"]), (2, ["dora"])]
    assert len(receiver.came) == 5
    data = json.loads(receiver.came[-1][1])["data"]
    assert data["title"] == "Escalated: Telnet is open"
    assert (data["facts"]["escalation"], data["facts"]["step"]) == ("nights", "3 of 3")


def test_an_acknowledgement_cancels_the_rest(world: World, receiver: Receiver) -> None:
    notification = begun(world, receiver)
    run(world)
    looked_after(world, notification)
    assert run(world, minutes=600) == NOTHING
    assert len(receiver.came) == 2
    assert world.sql("select acknowledged_by, due_at from escalation_run") == [("ben", None)]


def test_who_acknowledges_what_a_step_said_ends_it_too(world: World, receiver: Receiver) -> None:
    begun(world, receiver)
    run(world)
    looked_after(world, world.sql("select notification from escalation_told")[0][0])
    assert run(world, minutes=600) == NOTHING
    assert world.sql("select distinct acknowledged_by from notification") == [("ben",)]


def test_a_second_acknowledgement_changes_nothing_and_leaves_no_record(world: World, receiver: Receiver) -> None:
    notification = begun(world, receiver)
    looked_after(world, notification)
    before = world.sql("select acknowledged_by, acknowledged_at from notification order by id")
    looked_after(world, notification, by="cleo")
    assert world.sql("select acknowledged_by, acknowledged_at from notification order by id") == before
    assert world.sql("select acknowledged_by from escalation_run") == [("ben",)]
    assert audited(world, "notify.acknowledge") == 1


def test_what_a_step_still_has_to_send_is_not_sent_after_an_acknowledgement(world: World, receiver: Receiver) -> None:
    notification = begun(world, receiver)
    receiver.answers += [500]
    run(world)
    looked_after(world, notification)
    world.now()
    assert world.rows()[-1] == ("suppressed", "acknowledged", 1)
    assert len(receiver.came) == 2


def test_an_acknowledgement_that_is_rolled_back_cancels_nothing(world: World, receiver: Receiver) -> None:
    notification = begun(world, receiver)
    with pytest.raises(RuntimeError, match="the audit trail is full"), world.ledger.database.transaction(world.org) as session:
        acknowledge(session, world.org, notification, actor="ben")
        raise RuntimeError("the audit trail is full")
    assert run(world)["told"] == 1
    assert audited(world, "notify.acknowledge") == 0


def test_what_is_looked_after_already_starts_no_escalation(world: World, receiver: Receiver) -> None:
    world.route(world.channel(receiver.url), events=("scans.*",))
    world.told(world.happened("scans.finished", scan="7"))
    looked_after(world, first(world))
    world.route(world.channel(f"{receiver.url}/2"), escalation_id=escalation(world))
    world.told(world.happened("scans.finished", scan="7"))
    assert world.sql("select count(*) from escalation_run") == [(0,)]


def test_nobody_reachable_makes_the_next_step_due_at_once_and_is_an_alert(world: World, receiver: Receiver) -> None:
    begun(world, receiver, people=("cleo", "dora"))
    assert run(world) == {"told": 1, "unreached": 1, "ended": 0}
    assert told(world) == [(0, []), (1, ["cleo"])]
    assert world.sql("select data ->> 'step' from event where name = 'escalation.unreached'") == [("1",)]


def test_an_alert_that_nobody_was_reached_starts_no_escalation(world: World, receiver: Receiver) -> None:
    begun(world, receiver, people=())
    assert run(world) == {"told": 0, "unreached": 3, "ended": 1}
    world.told(*(row[0] for row in world.sql("select id from event where name = 'escalation.unreached'")))
    assert world.sql("select count(*) from notification where type = 'escalation.unreached'") == [(3,)]
    assert world.sql("select count(*) from escalation_run") == [(1,)]


def test_a_page_wakes_people_and_a_step_that_is_none_waits_until_they_wake(world: World, receiver: Receiver) -> None:
    start, end = (datetime.now(UTC) + timedelta(hours=n) for n in (-1, 1))
    for user in ("ana", "ben"):
        world.wish(user, quiet=[{"start": start.strftime("%H:00"), "end": end.strftime("%H:59")}])
    begun(world, receiver)
    run(world)
    assert world.rows()[-1][:2] == ("held", "quiet_hours")
    run(world, minutes=15)
    assert [row[0] for row in world.sql("select d.state from delivery d where user_id in ('ben', 'cleo')")] == ["sent", "sent"]


def test_who_opted_out_is_not_reached(world: World, receiver: Receiver) -> None:
    world.wish("ana", opted_out=["finding.*"])
    begun(world, receiver)
    assert run(world)["unreached"] == 1
    assert told(world)[0] == (0, [])


def test_what_is_over_escalates_no_further(world: World, receiver: Receiver) -> None:
    begun(world, receiver, events=("finding.opened",))
    world.told(world.happened("finding.fixed", finding="1", target="web-1"))
    assert run(world, minutes=600) == NOTHING
    assert world.sql("select due_at, resolved_at is not null from escalation_run") == [(None, True)]


def test_what_is_silenced_starts_no_escalation_and_what_is_below_the_severity_neither(world: World, receiver: Receiver) -> None:
    world.route(world.channel(receiver.url), escalation_id=escalation(world), min_severity="critical")
    world.told(world.happened("finding.opened", severity=Severity.HIGH))
    assert world.sql("select count(*) from escalation_run") == [(0,)]
    world.sql(
        "insert into notify_silence (org, id, matchers, starts_at, ends_at, reason, actor) "
        "values (%s, gen_random_uuid(), '{\"events\": [\"*\"]}', wf_now() - interval '1 hour', wf_now() + interval '1 hour', 'x', 't')",
        world.org,
    )
    world.told(world.happened("finding.opened", severity=Severity.CRITICAL))
    assert world.sql("select count(*) from escalation_run") == [(0,)]


def test_a_route_whose_channel_is_off_escalates_all_the_same(world: World, receiver: Receiver) -> None:
    channel = world.channel(receiver.url)
    world.sql("update notify_channel set state = 'disabled'")
    world.channel(f"{receiver.url}/ana", owner="ana")
    world.route(channel, escalation_id=escalation(world))
    world.told(world.happened())
    assert run(world)["told"] == 1


def test_events_that_are_routed_twice_start_one_run_and_a_run_that_is_repeated_tells_nothing_twice(
    world: World, receiver: Receiver
) -> None:
    world.channel(f"{receiver.url}/ana", owner="ana")
    world.route(world.channel(receiver.url), escalation_id=escalation(world))
    event = world.happened("scans.finished", scan="7")
    world.told(event)
    world.told(event)
    assert world.sql("select count(*) from escalation_run") == [(1,)]
    run(world)
    assert run(world) == NOTHING
    assert len(receiver.came) == 2


def test_many_who_run_escalations_at_once_tell_each_step_once(world: World, receiver: Receiver, nursery: zygote.Zygote) -> None:
    world.channel(f"{receiver.url}/ana", owner="ana")
    world.route(world.channel(receiver.url), escalation_id=escalation(world))
    world.told(*(world.happened("scans.finished", scan=str(n)) for n in range(40)))
    jobs = [world.start(RUN) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda job: run_beside(world, nursery, job), jobs))
    world.now()
    assert len(told(world)) == 40
    assert len(set(receiver.ids())) == 80


def test_an_acknowledgement_beside_a_step_leaves_nothing_to_send_and_nothing_to_come(
    world: World, receiver: Receiver, nursery: zygote.Zygote
) -> None:
    for user in ("ana", "ben"):
        world.channel(f"{receiver.url}/{user}", owner=user)
    world.route(world.channel(receiver.url), escalation_id=escalation(world))
    world.told(*(world.happened("scans.finished", scan=str(n)) for n in range(30)))
    came = len(receiver.came)
    notifications = [row[0] for row in world.sql("select id from notification order by id")]
    job = world.start(RUN)
    with ThreadPoolExecutor(4) as pool:
        running = pool.submit(run_beside, world, nursery, job)
        list(pool.map(lambda one: looked_after(world, one), notifications))
        running.result()
    world.sql("update escalation_run set started_at = started_at - interval '1 day', due_at = due_at - interval '1 day'")
    assert world.done(RUN) == NOTHING
    world.now()
    assert len(receiver.came) == came
    assert world.sql("select count(*) from escalation_run where acknowledged_by = 'ben' and due_at is null") == [(30,)]


def test_a_group_escalates_once_and_its_acknowledgement_ends_that_and_the_repetition(world: World, receiver: Receiver) -> None:
    world.channel(f"{receiver.url}/ana", owner="ana")
    world.route(world.channel(receiver.url), escalation_id=escalation(world), group_by=["asset"])
    for n in range(3):
        world.told(world.happened("finding.opened", finding=str(n), target="web-1", title=f"P{n}"))
        world.sql("update notify_group set next_flush_at = wf_now()")
        world.done("notifications.flush_groups")
    assert world.sql("select count(*) from escalation_run") == [(1,)]
    run(world)
    (last,) = world.sql("select id from notification where type = 'notifications.group' order by id desc limit 1")
    looked_after(world, last[0])
    assert run(world, minutes=600) == NOTHING
    assert world.sql("select acknowledged_by, next_flush_at from notify_group") == [("ben", None)]
    assert world.sql("select count(*) from notification where type = 'finding.opened' and acknowledged_by = 'ben'") == [(3,)]
    came = len(receiver.came)
    world.told(world.happened("finding.opened", finding="new", target="web-1", title="New"))
    assert world.sql("select next_flush_at is not null from notify_group") == [(True,)]
    world.sql("update notify_group set next_flush_at = wf_now()")
    world.done("notifications.flush_groups")
    assert len(receiver.came) == came + 1


def test_a_group_of_which_each_member_is_looked_after_is_not_repeated(world: World, receiver: Receiver) -> None:
    world.route(world.channel(receiver.url), group_by=["asset"])
    world.told(*(world.happened("finding.opened", finding=str(n), target="web-1") for n in range(2)))
    world.sql("update notify_group set next_flush_at = wf_now()")
    world.done("notifications.flush_groups")
    one, other = (row[0] for row in world.sql("select id from notification where type = 'finding.opened' order by id"))
    looked_after(world, one)
    assert world.sql("select next_flush_at is not null from notify_group") == [(True,)]
    looked_after(world, other)
    assert world.sql("select next_flush_at is not null from notify_group") == [(False,)]


def test_a_group_in_which_nothing_holds_any_more_escalates_no_further(world: World, receiver: Receiver) -> None:
    world.route(world.channel(receiver.url), escalation_id=escalation(world), group_by=["asset"])
    for name in ("finding.opened", "finding.fixed"):
        world.told(world.happened(name, finding="1", target="web-1"))
        world.sql("update notify_group set next_flush_at = wf_now()")
        world.done("notifications.flush_groups")
    assert world.sql("select due_at, resolved_at is not null from escalation_run") == [(None, True)]


def test_a_message_that_only_claims_to_be_a_groups_is_acknowledged_as_any_other(world: World, receiver: Receiver) -> None:
    world.channel(receiver.url, owner="ann")
    world.done("notifications.send_event_notifications", event="notifications.group", data={"group": "no id"}, user_id="ann")
    looked_after(world, first(world))
    assert world.sql("select acknowledged_by from notification") == [("ben",)]


def test_what_runs_is_kept_however_old_and_goes_on_when_its_escalation_is_removed(world: World, receiver: Receiver) -> None:
    begun(world, receiver)
    which = world.sql("select id from escalation")[0][0]
    world.sql("update notification set created_at = wf_now() - interval '400 days'")
    assert world.done("notifications.cleanup_old_notifications")["deleted_count"] == 0
    with world.ledger.database.transaction(world.org) as session, pytest.raises(Conflict, match="remove them first"):
        escalations.remove_escalation(session, world.org, which, actor="t")
    world.sql("update notify_route set escalation_id = null")
    with world.ledger.database.transaction(world.org) as session:
        escalations.remove_escalation(session, world.org, which, actor="t")
    assert run(world)["told"] == 1


def test_another_organisation_sees_and_ends_nothing(world: World, receiver: Receiver, stranger: UUID) -> None:
    notification = begun(world, receiver)
    eve = World(world.ledger, stranger, world.worker)
    assert eve.done(RUN) == NOTHING
    for table in ("escalation", "escalation_run", "escalation_told"):
        assert eve.sql(f"select count(*) from {table}") == [(0,)]
    with pytest.raises(NotFound):
        looked_after(eve, notification)
    with pytest.raises(InvalidInput, match="there is no escalation"):
        eve.route(eve.channel(receiver.url), escalation_id=world.sql("select id from escalation")[0][0])
    assert run(world)["told"] == 1


def test_escalations_over_rest(world: World, owner: Client, receiver: Receiver, stranger: UUID) -> None:
    at = "/notifications/escalations"
    rotation = {"users": ["ana", "ben"], "since": "2026-01-05", "timezone": "Europe/Berlin"}
    made = owner.post(
        at, {"name": "nights", "steps": [{"after": "PT0S", "users": ["ana"]}, {"after": 900, "rotation": rotation, "page": True}]}
    )
    assert made["steps"][1]["after"] == "PT15M"
    assert [one["name"] for one in owner.get(at)["items"]] == ["nights"]
    for wrong in (
        {"name": "x", "steps": []},
        {"name": "x", "steps": [{"after": 0, "rotation": {**rotation, "timezone": "Europe/Nowhere"}}]},
    ):
        assert owner.ask("POST", at, json=wrong).status_code == 422
    assert owner.ask("POST", at, json={"name": "nights", "steps": STEPS}).status_code == 409
    channel = owner.post("/notifications/channels", {"kind": "webhook", "url": receiver.url})["id"]
    route = owner.post("/notifications/routes", {"name": "r", "channels": [channel], "escalation_id": made["id"]})
    assert owner.ask("DELETE", f"{at}/{made['id']}").status_code == 409
    world.told(world.happened())
    shown = owner.get(f"{at}/{made['id']}")
    eve = client_of(owner.http, world.ledger, stranger, "owner")
    acknowledged = f"/notifications/{shown['runs'][0]['notification']}/acknowledge"
    assert eve.ask("POST", acknowledged).status_code == 404
    assert owner.ask("POST", acknowledged).status_code == owner.ask("POST", acknowledged).status_code == 204
    assert owner.get(f"{at}/{made['id']}")["runs"][0]["acknowledged_by"] == owner.get("/whoami")["name"]
    owner.ask("DELETE", f"/notifications/routes/{route['id']}")
    assert owner.ask("DELETE", f"{at}/{made['id']}").status_code == 204
    assert owner.get(at)["items"] == []
    unknown = owner.ask("POST", "/notifications/routes", json={"name": "q", "channels": [channel], "escalation_id": str(uuid4())})
    assert (unknown.status_code, unknown.json()["code"]) == (422, "invalid_input")


def test_escalations_by_command(world: World, receiver: Receiver) -> None:
    desk = OpenDesk(world.ledger, world.org)

    def say(*arguments: str) -> str:
        result = desk.run(commands, *arguments)
        assert result.exit_code == 0, (result.output, result.exception)
        return result.stdout

    world.channel(f"{receiver.url}/ana", owner="ana")
    channel = str(world.channel(receiver.url))
    made = say("escalations", "add", "nights", "--page", "15m=ben, cleo", "--step", "0s=ana").strip()
    assert [one["users"] for one in json.loads(say("escalations", "list", "--json"))["items"][0]["steps"]] == [["ana"], ["ben", "cleo"]]
    say("routes", "add", "r", "--channel", channel, "--group-by", "asset,severity", "--group-wait", "1m", "--escalation", made)
    (route,) = json.loads(say("routes", "list", "--json"))["items"]
    assert (route["group_by"], route["group_wait"], route["escalation_id"]) == (["asset", "severity"], "PT1M", made)
    assert "grouped by asset, severity" in say("routes", "list")
    changed = json.loads(
        say("routes", "edit", route["id"], "--group-by", "none", "--repeat-interval", "1h", "--escalation", "none", "--json")
    )
    assert (changed["group_by"], changed["repeat_interval"], changed["escalation_id"]) == (None, "PT1H", None)
    say("routes", "edit", route["id"], "--group-by", "asset", "--escalation", made)
    assert isinstance(desk.run(commands, "routes", "edit", route["id"], "--digest", "daily").exception, InvalidInput)
    assert isinstance(desk.run(commands, "routes", "edit", route["id"], "--escalation", str(uuid4())).exception, InvalidInput)
    world.told(world.happened())
    world.sql("update notify_group set next_flush_at = wf_now()")
    world.done("notifications.flush_groups")
    run(world)
    (running,) = json.loads(say("escalations", "show", made, "--json"))["runs"]
    assert running["told"][0]["users"] == ["ana"]
    assert "is looked after" in say("acknowledge", running["notification"])
    assert "ana" in say("escalations", "show", made)
    say("routes", "rm", route["id"])
    say("escalations", "rm", made)
    for wrong in (
        ("escalations", "add", "x"),
        ("escalations", "add", "x", "--step", "soon"),
        ("escalations", "rm", "x"),
        ("acknowledge", "x"),
    ):
        assert isinstance(desk.run(commands, *wrong).exception, InvalidInput), wrong
