"""Facts about what somebody holds: who was told of it, and how, is kept for as long as it is held."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.api.floor import a_report
from watchfloor.capabilities.notifications.queries.escalations import add_escalation
from watchfloor.capabilities.notifications.schemas.escalations import EscalationCreate

if TYPE_CHECKING:
    from uuid import UUID

    from tests.api.floor import Client
    from tests.notifications.receiver import Receiver
    from tests.notifications.world import World

CLEAN = "notifications.cleanup_old_notifications"


@pytest.fixture
def report(world: World) -> UUID:
    """Make a report."""
    with world.ledger.database.transaction(world.org) as session:
        return a_report(world.ledger, session, world.org)


def aged(world: World) -> None:
    world.sql("update notification set created_at = wf_now() - interval '200 days'")
    world.sql("update delivery_attempt set at = wf_now() - interval '200 days'")
    world.sql("update escalation_run set due_at = null")
    world.sql("update notify_group set closed_at = wf_now() - interval '200 days', next_flush_at = null")


def kept(world: World) -> dict[str, int]:
    """Return how many are left."""
    return {table: world.sql(f"select count(*) from {table}")[0][0] for table in ("notification", "delivery", "delivery_attempt")}


def held(owner: Client, report: UUID) -> None:
    owner.post(f"/reports/{report}/hold", {"reason": "a lawsuit"})


def test_what_tells_of_a_held_report_is_kept_until_it_is_released(world: World, owner: Client, receiver: Receiver, report: UUID) -> None:
    world.route(world.channel(receiver.url))
    world.told(world.happened("reports.ready", report=str(report)), world.happened("reports.ready", report="another"))
    aged(world)
    held(owner, report)
    assert world.done(CLEAN, days_old=180, dry_run=True)["deleted_count"] == 1
    assert world.done(CLEAN, days_old=180)["kept_held"] == 1
    assert world.sql("select subject_id from notification") == [(str(report),)]
    assert kept(world) == {"notification": 1, "delivery": 1, "delivery_attempt": 1}
    assert owner.ask("DELETE", f"/reports/{report}/hold").status_code == 200
    assert world.done(CLEAN, days_old=180)["kept_held"] == 0
    assert kept(world) == {"notification": 0, "delivery": 0, "delivery_attempt": 0}


def test_what_tells_of_the_scan_of_a_held_report_is_kept(world: World, owner: Client, receiver: Receiver, report: UUID) -> None:
    world.route(world.channel(receiver.url))
    world.told(world.happened("scans.finished", scan=str(report)), world.happened("scans.finished", scan="another"))
    world.sql("update report set scan = id")
    aged(world)
    held(owner, report)
    world.done(CLEAN, days_old=180)
    assert world.sql("select subject_id from notification") == [(str(report),)]


@pytest.mark.parametrize("how", [{"digest": {"mode": "hourly"}}, {"group_by": []}, {}])
def test_the_digest_group_or_step_that_told_of_it_is_kept_with_it(
    world: World, owner: Client, receiver: Receiver, report: UUID, how: dict[str, Any]
) -> None:
    with world.ledger.database.transaction(world.org) as session:
        wish = EscalationCreate.model_validate({"name": "nights", "steps": [{"after": 0, "users": ["bob"]}]})
        nights = add_escalation(session, world.org, wish, actor="test")
    world.channel(f"{receiver.url}/bob", owner="bob")
    world.route(world.channel(receiver.url, owner="ann"), owner="ann", escalation_id=None if how else nights, **how)
    world.told(world.happened("reports.ready", report=str(report)))
    world.sql("update notify_digest set due_at = wf_now()")
    world.sql("update notify_group set next_flush_at = wf_now()")
    for name in ("flush_digests", "flush_groups", "run_escalations"):
        world.done(f"notifications.{name}")
    assert len(receiver.came) == (1 if how else 2)
    before = kept(world)
    aged(world)
    held(owner, report)
    world.done(CLEAN, days_old=180)
    assert kept(world) == before


def test_what_another_organisation_holds_keeps_nothing_here(world: World, receiver: Receiver, stranger: UUID) -> None:
    with world.ledger.database.transaction(stranger) as session:
        report = a_report(world.ledger, session, stranger)
        session.connection().exec_driver_sql("update report set retention = 'hold', hold_reason = 'x', hold_by = 'x'")
    world.route(world.channel(receiver.url))
    world.told(world.happened("reports.ready", report=str(report)))
    aged(world)
    assert world.done(CLEAN, days_old=180)["kept_held"] == 0
    assert kept(world)["notification"] == 0
