"""Facts about deliveries while workers are killed: none is lost, none is recorded twice, and what comes twice has one id."""

from __future__ import annotations

import random
import subprocess
import sys
from collections import Counter
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.notifications.receiver import Receiver
    from tests.notifications.world import World
    from watchfloor.kernel.sandbox import zygote

MESSAGES, KILLS = 300, 6


@pytest.mark.slow
def test_workers_are_killed_and_every_message_is_recorded_once(
    world: World, receiver: Receiver, login_url: str, nursery: zygote.Zygote
) -> None:
    world.route(world.channel(receiver.url))
    world.start("notifications.route_events", event_ids=[str(world.happened()) for _ in range(MESSAGES)])
    chance = random.Random(7)  # noqa: S311 - the same kills every time
    for _ in range(KILLS):
        command = [sys.executable, "-m", "tests.notifications.killed", login_url, str(world.org), nursery.address]
        with subprocess.Popen(command) as child:
            receiver.wait_for(len(receiver.came) + chance.randint(1, 40), child)
            child.kill()
        reap(world)
    world.worker.run_all(world.org)
    world.now()
    assert Counter(state for state, _reason, _attempts in world.rows()) == {"sent": MESSAGES}
    assert Counter(outcome for _n, outcome, _code in world.attempts() if outcome == "ok") == {"ok": MESSAGES}
    assert len(set(receiver.ids())) == MESSAGES


def reap(world: World) -> None:
    """Give back what a dead worker held, as the reaper does."""
    world.worker.wire.execute(
        "update job set stage = 'queued', owner = null, child = null, fence = fence + 1 where org = %s and stage in ('running', 'dispatched')",
        (world.org,),
    )
