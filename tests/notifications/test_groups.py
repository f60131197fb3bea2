"""Facts about groups: what belongs together goes out together, once, again when something changed, and once more when nobody looks."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from tests.cli.desk import OpenDesk
from tests.notifications.test_kills import reap
from tests.notifications.world import World, run_beside
from watchfloor.capabilities.notifications.cli import commands
from watchfloor.capabilities.notifications.queries import inbox, lists, telling, wishes
from watchfloor.capabilities.notifications.schemas.channels import RouteCreate
from watchfloor.kernel.assets.inventory import see
from watchfloor.kernel.contract import Severity
from watchfloor.kernel.db.session import wire_of
from watchfloor.kernel.events.outbox import Told, emit_all

if TYPE_CHECKING:
    from pathlib import Path
    from uuid import UUID

    from tests.notifications.receiver import Receiver
    from watchfloor.kernel.sandbox import zygote

FLUSH = "notifications.flush_groups"
GROUPS, KILLS = 120, 3


def found(world: World, *findings: str, asset: str = "web-1", severity: Severity = Severity.HIGH, name: str = "finding.opened") -> None:
    """Let findings be opened, or end, and route that."""
    told = [Told(name, severity, {"finding": one, "target": asset, "title": f"Problem {one}"}) for one in findings]
    with world.ledger.database.transaction(world.org) as session:
        events = emit_all(session, world.org, told)
    world.told(*events)


def flush(world: World, *, after: timedelta | None = None) -> Any:
    """Let every group's time come, or some time pass, and send what is due then."""
    if after is None:
        world.sql("update notify_group set next_flush_at = wf_now() where next_flush_at is not null")
    else:
        world.sql(
            "update notify_group set next_flush_at = next_flush_at - %s, last_sent_at = last_sent_at - %s, added_at = added_at - %s, acknowledged_at = acknowledged_at - %s",
            after, after, after, after,
        )  # fmt: skip
    return world.done(FLUSH)


def said(receiver: Receiver) -> list[Any]:
    """Return what came, as data."""
    return [json.loads(body)["data"] for _headers, body in receiver.came]


def group_notifications(world: World) -> list[UUID]:
    return [row[0] for row in world.sql("select id from notification where type = 'notifications.group' order by id")]


def test_five_hundred_findings_of_one_import_are_one_message_per_asset(world: World, receiver: Receiver) -> None:
    world.route(world.channel(receiver.url), events=("finding.*",), group_by=["asset"])
    told = [
        Told("finding.opened", Severity.HIGH, {"finding": str(n), "target": f"web-{n % 5}", "title": f"Problem {n}"}) for n in range(500)
    ]
    with world.ledger.database.transaction(world.org) as session:
        events = emit_all(session, world.org, told)
    assert world.told(*events) == {"notifications": 500, "deliveries": 0, "held": 500, "suppressed": 0}
    assert world.done(FLUSH) == {"sent": 0, "postponed": 0, "empty": 0}
    assert receiver.came == []
    assert flush(world)["sent"] == 5
    assert sorted(one["asset"] for one in said(receiver)) == [f"web-{n}" for n in range(5)]
    assert {one["title"] for one in said(receiver)} == {"100 messages: 100 new"}
    lines = world.sql("select count(*), count(distinct group_id) from delivery where state = 'sent'")
    assert lines == [(5, 5)]


def test_a_message_names_fifty_members_the_gravest_first_and_counts_the_rest(world: World, receiver: Receiver) -> None:
    world.route(world.channel(receiver.url), group_by=["asset"])
    found(world, *(str(n) for n in range(60)), severity=Severity.LOW)
    found(world, "worst", severity=Severity.CRITICAL)
    flush(world)
    with world.ledger.database.transaction(world.org) as session:
        (message,) = group_notifications(world)
        shown = lists.get_notification(session, world.ledger.vault, world.org, message).message
    assert shown.severity is Severity.CRITICAL
    assert shown.lines[0] == "CRITICAL Problem worst"
    assert (len(shown.lines), shown.lines[-1]) == (51, "and 11 more")
    assert shown.facts == {"asset": "web-1", "new": "61", "critical": "1", "low": "60"}


def test_a_flush_that_is_repeated_makes_no_second_delivery(world: World, receiver: Receiver) -> None:
    world.route(world.channel(receiver.url), group_by=["asset"])
    found(world, "a", "b")
    flush(world)
    assert world.done(FLUSH) == {"sent": 0, "postponed": 0, "empty": 0}
    found(world, "a", "b")  # new events about the same: two more messages, which wait for the interval
    assert world.done(FLUSH)["sent"] == 0
    assert len(receiver.came) == 1


def test_many_who_flush_at_once_send_each_group_once(world: World, receiver: Receiver, nursery: zygote.Zygote) -> None:
    world.route(world.channel(receiver.url), group_by=["asset"])
    for n in range(40):
        found(world, "a", asset=f"web-{n}")
    world.sql("update notify_group set next_flush_at = wf_now()")
    jobs = [world.start(FLUSH) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda job: run_beside(world, nursery, job), jobs))
    world.now()
    assert len(group_notifications(world)) == 40
    assert len(set(receiver.ids())) == 40


def test_what_comes_while_groups_are_sent_is_told_once_and_none_is_lost(world: World, receiver: Receiver, nursery: zygote.Zygote) -> None:
    world.route(world.channel(receiver.url), events=("finding.*",), group_by=["asset"])
    world.route(world.channel(f"{receiver.url}/kinds"), events=("finding.*",), group_by=["type"])
    jobs = []
    for at in range(8):
        told = [Told("finding.opened", Severity.HIGH, {"finding": f"{at}-{n}", "target": f"web-{(n * 7 + at) % 6}"}) for n in range(40)]
        with world.ledger.database.transaction(world.org) as session:
            jobs.append(world.start("notifications.route_events", event_ids=[str(one) for one in emit_all(session, world.org, told)]))
    ended = [world.happened("finding.fixed", finding=f"{at}-0", target=f"web-{at % 6}") for at in range(8)]
    jobs.append(world.start("notifications.route_events", event_ids=[str(one) for one in ended]))
    with ThreadPoolExecutor(4) as pool:
        routing = [pool.submit(run_beside, world, nursery, job) for job in jobs]
        while not all(one.done() for one in routing):
            world.sql("update notify_group set next_flush_at = wf_now() where next_flush_at is not null")
            world.worker.run(world.start(FLUSH))
        for one in routing:
            one.result()
    flush(world)
    # A lock taken in another order would have cost an attempt.
    assert world.sql("select distinct stage, attempt from job where kind = 'notifications.route_events'") == [("succeeded", 1)]
    assert world.sql("select count(*) from notify_group_member where not told and not over") == [(0,)]
    assert world.sql("select count(distinct notification) from notify_group_member") == [(len(ended) + 8 * 40,)]
    # What was over before it was told is named as over and not as new.
    ((told_once, held),) = world.sql(
        "select count(*), count(*) filter (where not m.resolved) from notify_group_member m join notification n on n.id = m.notification "
        "where n.type = 'finding.opened' and m.told"
    )
    with world.ledger.database.transaction(world.org) as session:
        messages = telling.open_messages(session, world.ledger.vault, world.org, group_notifications(world))
    assert held <= sum(int(one.facts.get("new", "0")) for one in messages.values()) <= told_once


def test_a_route_is_removed_while_messages_join_its_groups(world: World, receiver: Receiver, nursery: zygote.Zygote) -> None:
    routes = [world.route(world.channel(f"{receiver.url}/{n}"), group_by=["asset"]) for n in range(6)]
    told = [Told("finding.opened", Severity.HIGH, {"finding": str(n), "target": f"web-{n}"}) for n in range(60)]
    with world.ledger.database.transaction(world.org) as session:
        events = [str(one) for one in emit_all(session, world.org, told)]
    jobs = [world.start("notifications.route_events", event_ids=events[n::6]) for n in range(6)]
    with ThreadPoolExecutor(3) as pool:
        routing = [pool.submit(run_beside, world, nursery, job) for job in jobs]
        for route in routes[1:]:
            with world.ledger.database.transaction(world.org) as session:
                wishes.remove_route(session, world.org, route, actor="t")
        for one in routing:
            one.result()
    assert world.sql("select distinct stage, attempt from job where kind = 'notifications.route_events'") == [("succeeded", 1)]
    assert flush(world)["sent"] == 60
    assert world.sql("select count(*) from notify_group where closed_at is null and route_id is distinct from %s", routes[0]) == [(0,)]


def test_later_members_wait_for_the_interval_and_name_what_is_still_open(world: World, receiver: Receiver) -> None:
    world.route(world.channel(receiver.url), group_by=["asset"])
    found(world, "a")
    flush(world)
    found(world, "b")
    assert flush(world, after=timedelta(minutes=4))["sent"] == 0
    assert flush(world, after=timedelta(minutes=1, seconds=1))["sent"] == 1
    assert [one["title"] for one in said(receiver)] == ["Problem a", "2 messages: 1 new, 1 still open"]


def test_what_still_holds_is_said_again_after_a_day_and_what_is_over_once(world: World, receiver: Receiver) -> None:
    world.route(world.channel(receiver.url), events=("finding.opened",), group_by=["asset"])
    found(world, "a", "b")
    flush(world)
    assert flush(world, after=timedelta(hours=23))["sent"] == 0
    assert flush(world, after=timedelta(hours=1, seconds=1))["sent"] == 1
    found(world, "a", name="finding.fixed")  # nobody follows it, but the group knows of it
    flush(world)
    found(world, "b", name="finding.accepted")
    flush(world)
    assert [one["title"] for one in said(receiver)] == [
        "2 messages: 2 new", "2 messages: 2 still open", "2 messages: 1 still open, 1 resolved", "Problem b - resolved",
    ]  # fmt: skip
    assert world.sql("select members, closed_at is not null, next_flush_at from notify_group") == [(0, True, None)]
    found(world, "c")
    assert world.sql("select count(*) from notify_group") == [(2,)]


def test_an_end_that_is_followed_itself_stands_in_the_place_of_its_beginning(world: World, receiver: Receiver) -> None:
    world.route(world.channel(receiver.url), events=("finding.*",), group_by=["asset"])
    found(world, "a", "b")
    flush(world)
    found(world, "a", name="finding.fixed")
    flush(world)
    assert said(receiver)[1]["title"] == "2 messages: 1 still open, 1 resolved"
    flush(world)
    assert said(receiver)[2]["title"] == "Problem b - still open"


def test_messages_of_different_labels_are_in_different_groups_and_without_labels_in_one(world: World, receiver: Receiver) -> None:
    world.route(world.channel(receiver.url), group_by=["check", "severity"])
    world.route(world.channel(f"{receiver.url}/all"), group_by=[])
    world.told(
        *(world.happened("finding.opened", finding=str(n), check="tls" if n else "ssh", target=f"web-{n}", title=f"P{n}") for n in range(3))
    )
    assert flush(world)["sent"] == 3
    assert sorted(one["title"] for one in said(receiver)) == ["3 messages: 3 new", "P0", "tls, info: 2 new"]


def test_what_is_silenced_while_it_waits_is_not_told_and_the_log_says_why(world: World, receiver: Receiver) -> None:
    world.route(world.channel(receiver.url), group_by=["asset"])
    found(world, "a")
    world.sql(
        "insert into notify_silence (org, id, matchers, starts_at, ends_at, reason, actor) "
        "values (%s, gen_random_uuid(), '{\"assets\": {\"names\": [\"web-*\"]}}', wf_now() - interval '1 hour', wf_now() + interval '1 hour', 'x', 't')",
        world.org,
    )
    assert flush(world) == {"sent": 0, "postponed": 0, "empty": 1}
    assert world.rows() == [("suppressed", "silenced", 0)]
    assert receiver.came == []


def test_what_a_silenced_tag_is_on_is_not_told_either(world: World, receiver: Receiver) -> None:
    world.route(world.channel(receiver.url), group_by=[])
    found(world, "a", asset="web-1")
    found(world, "b", asset="web-2")
    with world.ledger.database.transaction(world.org) as session:
        see(session, world.org, kind="host", key="web-1")
        wire_of(session).execute("update asset set tags = '{lab}' where key = 'web-1'")
    world.sql(
        "insert into notify_silence (org, id, matchers, starts_at, ends_at, reason, actor) "
        "values (%s, gen_random_uuid(), '{\"assets\": {\"tags\": [\"lab\"]}}', wf_now() - interval '1 hour', wf_now() + interval '1 hour', 'x', 't')",
        world.org,
    )
    assert flush(world)["sent"] == 1
    assert [one["title"] for one in said(receiver)] == ["Problem b"]


def test_who_opted_out_meanwhile_is_not_told(world: World, receiver: Receiver) -> None:
    world.route(world.channel(receiver.url, owner="ann"), owner="ann", group_by=["asset"])
    found(world, "a")
    world.wish("ann", opted_out=["finding.*"])
    assert flush(world)["empty"] == 1
    assert world.rows() == [("suppressed", "opted_out", 0)]


def test_who_wants_no_groups_gets_none(world: World, receiver: Receiver) -> None:
    world.route(world.channel(receiver.url, owner="ann"), owner="ann", group_by=["asset"])
    world.wish("ann", opted_out=["notifications.group"])
    found(world, "a")
    flush(world)
    assert world.rows() == [("suppressed", "opted_out", 0)]
    assert receiver.came == []


def test_a_group_waits_while_its_reader_sleeps_and_is_one_message_when_they_wake(world: World, receiver: Receiver) -> None:
    start, end = (datetime.now(UTC) + timedelta(hours=n) for n in (-1, 1))
    world.wish("ann", quiet=[{"start": start.strftime("%H:00"), "end": end.strftime("%H:59")}])
    world.route(world.channel(receiver.url, owner="ann"), owner="ann", group_by=["asset"])
    found(world, "a")
    assert flush(world) == {"sent": 0, "postponed": 1, "empty": 0}
    found(world, "b")
    assert flush(world)["postponed"] == 1
    assert world.sql("select to_char(next_flush_at at time zone 'utc', 'HH24:MI') from notify_group") == [(end.strftime("%H:59"),)]
    world.wish("ann")
    flush(world)
    assert [one["title"] for one in said(receiver)] == ["2 messages: 2 new"]


def test_members_are_in_the_inbox_and_groups_are_not(world: World, receiver: Receiver) -> None:
    world.route(world.channel(receiver.url, owner="ann"), owner="ann", group_by=["asset"])
    found(world, "a", "b")
    flush(world)
    with world.ledger.database.transaction(world.org) as session:
        wishes.remove_route(session, world.org, wishes.list_routes(session, world.org)[0].id, actor="t")
        told = inbox.list_inbox(session, user="ann", unread=False, severity=None, type_=None, q=None, limit=10, after=None)
    assert sorted(one.title for one in told.items) == ["Problem a", "Problem b"]


def test_a_removed_route_sends_no_group(world: World, receiver: Receiver) -> None:
    route = world.route(world.channel(receiver.url), group_by=["asset"])
    found(world, "a")
    with world.ledger.database.transaction(world.org) as session:
        wishes.remove_route(session, world.org, route, actor="t")
    assert flush(world) == {"sent": 0, "postponed": 0, "empty": 0}
    assert receiver.came == []


def test_a_channel_that_another_route_told_at_once_is_not_told_again(world: World, receiver: Receiver) -> None:
    channel = world.channel(receiver.url)
    world.route(channel, world.channel(f"{receiver.url}/second"), group_by=["asset"])
    with world.ledger.database.transaction(world.org) as session:
        wish = {"name": "at once", "channels": [channel]}
        wishes.add_route(session, world.org, RouteCreate.model_validate(wish), actor="t")
    found(world, "a")
    flush(world)
    assert len(receiver.came) == 2


def test_what_is_sent_by_hand_is_not_gathered(world: World, receiver: Receiver) -> None:
    world.route(world.channel(receiver.url, owner="ann"), owner="ann", group_by=["asset"])
    world.done("notifications.send_event_notifications", event="scan.completed", data={"scan": "7"}, user_id="ann")
    assert len(receiver.came) == 1


def test_a_preview_says_with_what_it_would_be_told(world: World, receiver: Receiver, tmp_path: Path) -> None:
    world.route(world.channel(receiver.url), group_by=["asset"])
    event = tmp_path / "event.json"
    event.write_text(json.dumps({"event": "finding.opened", "severity": "high", "data": {"target": "web-1"}}))
    result = OpenDesk(world.ledger, world.org).run(commands, "preview", str(event), "--json")
    (shown,) = json.loads(result.stdout)["decisions"]
    assert (shown["state"], shown["reason"]) == ("group", "grouped")
    assert world.sql("select count(*) from notify_group") == [(0,)]


def test_a_route_that_gathers_twice_or_waits_for_ever_is_refused(world: World, receiver: Receiver) -> None:
    channel = world.channel(receiver.url)
    wrong: list[dict[str, Any]] = [
        {"group_by": [], "digest": {}}, {"group_by": [""]}, {"group_by": ["a"] * 6}, {"group_wait": -1}, {"repeat_interval": 1}
    ]  # fmt: skip
    for one in wrong:
        with pytest.raises(ValidationError):
            world.route(channel, **one)


def test_a_group_that_waits_is_kept_however_old_it_is(world: World, receiver: Receiver) -> None:
    world.route(world.channel(receiver.url), group_by=["asset"])
    found(world, "a")
    world.sql("update notification set created_at = wf_now() - interval '400 days'")
    assert world.done("notifications.cleanup_old_notifications")["deleted_count"] == 0
    assert flush(world)["sent"] == 1
    found(world, "a", name="finding.fixed")
    flush(world)
    for table, moment in (("notification", "created_at"), ("notify_group", "closed_at")):
        world.sql(f"update {table} set {moment} = wf_now() - interval '400 days'")
    assert world.done("notifications.cleanup_old_notifications")["deleted_count"] == 4
    assert world.sql("select count(*) from notify_group") == [(0,)]


def test_another_organisation_groups_nothing_of_ours(world: World, receiver: Receiver, stranger: UUID) -> None:
    world.route(world.channel(receiver.url), group_by=["asset"])
    found(world, "a")
    eve = World(world.ledger, stranger, world.worker)
    world.sql("update notify_group set next_flush_at = wf_now()")
    assert eve.done(FLUSH)["sent"] == 0
    for table in ("notify_group", "notify_group_member"):
        assert eve.sql(f"select count(*) from {table}") == [(0,)]
    assert world.done(FLUSH)["sent"] == 1


@pytest.mark.slow
def test_workers_are_killed_while_they_flush_and_each_group_is_sent_once(
    world: World, receiver: Receiver, login_url: str, nursery: zygote.Zygote
) -> None:
    world.route(world.channel(receiver.url), group_by=["asset"])
    told = [Told("finding.opened", Severity.HIGH, {"finding": str(n), "target": f"web-{n // 2}"}) for n in range(2 * GROUPS)]
    with world.ledger.database.transaction(world.org) as session:
        events = emit_all(session, world.org, told)
    world.told(*events)
    world.sql("update notify_group set next_flush_at = wf_now()")
    world.start(FLUSH)
    chance = random.Random(7)  # noqa: S311 - the same kills every time
    for _ in range(KILLS):
        command = [sys.executable, "-m", "tests.notifications.killed", login_url, str(world.org), nursery.address]
        with subprocess.Popen(command) as child:
            sent = world.sql("select count(*) from notify_group where flushes > 0")[0][0]
            while world.sql("select count(*) from notify_group where flushes > 0")[0][0] <= sent + chance.randint(0, 20):
                if child.poll() is not None:
                    break
            child.kill()
        reap(world)
        world.start(FLUSH)
    world.worker.run_all(world.org)
    world.now()
    assert world.sql("select count(*), count(distinct group_id), count(*) filter (where state = 'sent') from delivery") == [(GROUPS,) * 3]
    assert len(group_notifications(world)) == GROUPS
    assert len(set(receiver.ids())) == GROUPS
