"""Celery's remote control reduced to looking: unsigned messages may ask, and stop a worker, but never steer one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeAlias

Command: TypeAlias = Callable[..., Any]

READING: Final = frozenset(
    {
        "active",
        "active_queues",
        "clock",
        "conf",
        "disable_events",
        "dump_active",
        "dump_conf",
        "dump_reserved",
        "dump_revoked",
        "dump_schedule",
        "dump_tasks",
        "enable_events",
        "heartbeat",
        "ping",
        "query_task",
        "registered",
        "report",
        "reserved",
        "revoked",
        "scheduled",
        "stats",
    }
)
STOPPING: Final = "shutdown"
_INSTEAD: Final = {
    "revoke": "watchfloor jobs cancel JOB",
    "terminate": "watchfloor jobs cancel JOB",
    "revoke_by_stamped_headers": "watchfloor jobs cancel JOB",
    "pool_grow": "watchfloor worker --concurrency",
    "pool_shrink": "watchfloor worker --concurrency",
    "autoscale": "watchfloor worker --autoscale",
    "add_consumer": "watchfloor worker --queue",
    "cancel_consumer": "watchfloor worker --queue",
    "pool_restart": "watchfloor up",
    "time_limit": "the job kind's timeout",
    "rate_limit": "a budget",
}


def restrict(commands: dict[str, Command], *, may_stop: bool) -> None:
    """Replace each command that would change a worker by one that says what to use; changes the given registry."""
    for name in list(commands):
        if name not in READING and not (may_stop and name == STOPPING):
            commands[name] = _refusal(name)


def _refusal(name: str) -> Command:
    instead = _INSTEAD.get(name, "watchfloor")

    def refuse(_state: object, *_args: object, **_kwargs: object) -> dict[str, str]:
        return {"error": f"{name} is not taken from the broker, where anyone could have written it. Use {instead}."}

    return refuse
