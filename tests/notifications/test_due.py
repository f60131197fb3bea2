"""Facts about what comes at a time of its own: a job is planned for that moment, and no schedule is waited for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from watchfloor.capabilities.notifications.queries.escalations import add_escalation
from watchfloor.capabilities.notifications.schemas.escalations import EscalationCreate

if TYPE_CHECKING:
    from uuid import UUID

    from tests.notifications.receiver import Receiver
    from tests.notifications.world import World

STEPS = [{"after": 300, "users": ["bob"]}, {"after": 900, "users": ["bob"]}]
RUN, GROUPS, DIGESTS = (f"notifications.{name}" for name in ("run_escalations", "flush_groups", "flush_digests"))


def escalation(world: World, steps: list[dict[str, Any]], name: str = "nights") -> UUID:
    with world.ledger.database.transaction(world.org) as session:
        return add_escalation(session, world.org, EscalationCreate.model_validate({"name": name, "steps": steps}), actor="test")


def planned(world: World, kind: str) -> list[Any]:
    """Return for when jobs of a kind are planned."""
    return [row[0] for row in world.sql("select run_at from job where kind = %s and finished_at is null order by run_at", kind)]


def moments(world: World, sql: str) -> list[Any]:
    return [row[0] for row in world.sql(sql)]


def come(world: World, kind: str, table: str, column: str) -> None:
    """Let the time come for which a job is planned."""
    world.sql(f"update {table} set {column} = wf_now() where {column} is not null")
    world.worker.wire.execute("update job set stage = 'queued', run_at = wf_now() where org = %s and kind = %s and stage = 'scheduled'", (world.org, kind))  # fmt: skip
    world.worker.run_all(world.org)


def test_each_step_of_an_escalation_has_a_job_that_comes_when_it_is_due(world: World, receiver: Receiver) -> None:
    world.channel(receiver.url, owner="bob")
    world.route(world.channel(f"{receiver.url}/room"), escalation_id=escalation(world, STEPS))
    world.told(world.happened())
    assert planned(world, RUN) == moments(world, "select due_at from escalation_run")
    come(world, RUN, "escalation_run", "due_at")
    assert world.sql("select step, users from escalation_told") == [(0, ["bob"])]
    assert len(receiver.came) == 2
    assert planned(world, RUN) == moments(world, "select due_at from escalation_run")
    come(world, RUN, "escalation_run", "due_at")
    assert (planned(world, RUN), len(receiver.came)) == ([], 3)


def test_a_step_that_is_due_sooner_has_a_job_of_its_own_and_a_later_one_needs_none(world: World, receiver: Receiver) -> None:
    room = world.channel(receiver.url)
    for name, after in (("late", 3000), ("soon", 30), ("later", 4000)):
        world.route(
            room,
            events=(f"scans.{name}",),
            escalation_id=escalation(world, [{"after": after, "users": ["bob"]}], name),
            enabled=True,
            name=name,
        )
        world.told(world.happened(f"scans.{name}"))
    assert planned(world, RUN) == moments(world, "select due_at from escalation_run order by due_at")[:2]


def test_a_step_without_delay_comes_without_a_schedule(world: World, receiver: Receiver) -> None:
    world.channel(receiver.url, owner="bob")
    world.route(world.channel(f"{receiver.url}/room"), escalation_id=escalation(world, [{"after": 0, "users": ["bob"]}]))
    world.start("notifications.route_events", event_ids=[str(world.happened())])
    world.worker.run_all(world.org)
    assert len(receiver.came) == 2


def test_a_group_has_a_job_that_comes_when_it_is_sent_and_another_when_it_is_repeated(world: World, receiver: Receiver) -> None:
    world.route(world.channel(receiver.url), group_by=[])
    world.told(world.happened("scans.finished", scan="1"))
    first = planned(world, GROUPS)
    world.told(world.happened("scans.finished", scan="2"))
    assert planned(world, GROUPS) == first == moments(world, "select next_flush_at from notify_group")
    come(world, GROUPS, "notify_group", "next_flush_at")
    assert len(receiver.came) == 1
    assert planned(world, GROUPS) == moments(world, "select next_flush_at from notify_group")


def test_a_group_that_escalates_has_a_job_for_its_first_step(world: World, receiver: Receiver) -> None:
    world.route(world.channel(receiver.url), group_by=[], escalation_id=escalation(world, STEPS))
    world.told(world.happened("scans.finished", scan="1"))
    assert planned(world, RUN) == []
    come(world, GROUPS, "notify_group", "next_flush_at")
    assert planned(world, RUN) == moments(world, "select due_at from escalation_run")


def test_a_digest_has_a_job_that_comes_when_its_window_is_over(world: World, receiver: Receiver) -> None:
    world.route(world.channel(receiver.url, owner="ann"), owner="ann", digest={"mode": "hourly"})
    world.told(world.happened())
    assert planned(world, DIGESTS) == moments(world, "select due_at from notify_digest")
    come(world, DIGESTS, "notify_digest", "due_at")
    assert (planned(world, DIGESTS), len(receiver.came)) == ([], 1)


def test_what_one_reader_wakes_up_to_comes_at_once(world: World, receiver: Receiver) -> None:
    world.route(world.channel(receiver.url, owner="ann"), owner="ann")
    world.wish("ann", quiet=[{"start": "00:00", "end": "23:59"}, {"start": "23:58", "end": "00:01"}])
    world.told(world.happened("scans.finished"), world.happened("scans.changed"))
    world.sql("update notify_preference set wishes = wishes - 'quiet'")
    world.sql("update delivery set due_at = wf_now() where state = 'held'")
    world.start("notifications.sweep_due")
    world.worker.run_all(world.org)
    assert len(receiver.came) == 1


def test_where_nothing_is_due_no_job_is_planned(world: World, receiver: Receiver) -> None:
    world.route(world.channel(receiver.url))
    world.told(world.happened())
    assert [planned(world, kind) for kind in (RUN, GROUPS, DIGESTS)] == [[], [], []]
