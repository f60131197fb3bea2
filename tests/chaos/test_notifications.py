"""What killing workers, a mail server and a receiver does to notifications: each goes out, none is recorded twice, what comes twice has one id."""

from __future__ import annotations

import random
from functools import partial
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from tests.chaos.floor import pool_of
from tests.chaos.receivers import Apart
from watchfloor.capabilities.notifications.jobs import sweep_due
from watchfloor.capabilities.notifications.queries import channels, wishes
from watchfloor.capabilities.notifications.schemas.channels import ChannelCreate, RouteCreate
from watchfloor.capabilities.notifications.schemas.jobs import Nothing
from watchfloor.kernel.events.outbox import emit
from watchfloor.kernel.jobs.enqueue import submit

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.chaos.floor import Floor

pytestmark = pytest.mark.slow
EVENTS, BLOCK = 1000, 50
# After so many of the messages have arrived, the next one is killed.
VICTIMS = ("child", "http", "smtp", "child", "worker", "smtp", "http", "child")


@pytest.fixture
def receivers(tmp_path: Path) -> Iterator[dict[str, Apart]]:
    """A mail server and a receiver of webhooks."""
    found = {kind: Apart(kind, tmp_path / kind) for kind in ("http", "smtp")}
    for one in found.values():
        one.start()
    yield found
    for one in found.values():
        one.kill()


@pytest.fixture
def settings(receivers: dict[str, Apart], monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What workers are told of them, and this process as well."""
    told = {
        "ALLOWED_NETWORKS": "127.0.0.0/8", "ALLOWED_NEAR": "yes", "ALLOWED_PORTS": str(receivers["http"].port), "SMTP_HOST": "127.0.0.1",
        "SMTP_PORT": str(receivers["smtp"].port), "SMTP_TLS": "none", "MAIL_FROM": "Watchfloor <wf@example.org>",
    }  # fmt: skip
    found = {f"WATCHFLOOR_NOTIFICATIONS_{name}": value for name, value in told.items()} | {"WATCHFLOOR_PEPPER": "5a" * 32}
    for name, value in found.items():
        monkeypatch.setenv(name, value)
    return found


def follow(floor: Floor, receivers: dict[str, Apart]) -> None:
    """Send every event of this test to both."""
    wanted = [
        {"kind": "webhook", "url": f"http://127.0.0.1:{receivers['http'].port}/{uuid4()}"},
        {"kind": "email", "email": "ana@example.org"},
    ]
    with floor.ledger.database.transaction(floor.org) as session:
        made = [
            channels.add_channel(session, floor.ledger.vault, floor.org, ChannelCreate.model_validate(one), actor="test")[0]
            for one in wanted
        ]
        route = RouteCreate(name="campaign", events=("scans.finished",), channels=tuple(made))
        wishes.add_route(session, floor.org, route, actor="test")


def happen(floor: Floor, count: int) -> None:
    """Commit so many events."""
    with floor.ledger.database.transaction(floor.org) as session:
        for _ in range(count):
            emit(session, floor.org, "scans.finished", data={"scan": str(uuid4())})


def left(floor: Floor) -> int:
    """Return how many messages are not sent, or not even routed."""
    return 2 * EVENTS - int(floor.one("select count(*) from delivery where state = 'sent'"))


def arrived(receivers: dict[str, Apart], least: int) -> bool:
    """Tell whether so many have come."""
    return sum(len(one.ids()) for one in receivers.values()) >= least


def strike(floor: Floor, receivers: dict[str, Apart], victim: str, settings: dict[str, str], chance: random.Random) -> None:
    """Kill somebody, and let another come."""
    if victim in receivers:
        receivers[victim].kill()
        receivers[victim].start()
        return
    worker = chance.choice(floor.workers())
    if victim == "worker":
        worker.kill_group()
        floor.worker("notifications", slots=2, drain_s=1, **settings)
        return
    chance.choice(pool_of(worker)).kill()


def pass_time(floor: Floor) -> None:
    """Let the time pass that retries and closed circuits wait for."""
    floor.ask("update notify_host set open_until = wf_now() where open_until > wf_now()")
    floor.ask("update delivery set due_at = wf_now() where state in ('due', 'held') and due_at > wf_now()")
    submit(floor.ledger, floor.org, sweep_due, Nothing())


def test_whoever_is_killed_every_message_goes_out_once(floor: Floor, receivers: dict[str, Apart], settings: dict[str, str]) -> None:
    floor.staff(workers=0, schedulers=1)
    for _ in range(2):
        floor.worker("notifications", slots=2, drain_s=1, **settings)
    follow(floor, receivers)
    chance = random.Random(11)  # noqa: S311 - the same order every time
    for n in range(EVENTS // BLOCK):
        happen(floor, BLOCK)
        if n % 2:
            after = 2 * BLOCK * n // 2
            floor.wait(partial(arrived, receivers, after), f"{after} messages", 60)
            if n // 2 < len(VICTIMS):
                strike(floor, receivers, VICTIMS[n // 2], settings, chance)
                pass_time(floor)

    def over() -> bool:
        waits = left(floor)
        if waits and not floor.one(
            "select count(*) from delivery where state = 'sending' or state in ('due', 'held') and due_at <= wf_now()"
        ):
            pass_time(floor)
        return waits == 0

    floor.wait(over, f"the end of {left(floor)} messages", 120)
    floor.staff(workers=0, schedulers=1)
    assert floor.one("select count(*) from delivery") == 2 * EVENTS
    assert floor.ask("select delivery from delivery_attempt where outcome = 'ok' group by delivery having count(*) > 1") == []
    assert floor.one("select count(distinct delivery) from delivery_attempt where outcome = 'ok'") == 2 * EVENTS
    for one in receivers.values():
        print(f"{one.kind}: {len(one.ids()) - EVENTS} came twice")  # noqa: T201 - the figure people ask for
        assert len(set(one.ids())) == EVENTS, f"{one.kind} got {len(one.ids())} messages with {len(set(one.ids()))} ids"
