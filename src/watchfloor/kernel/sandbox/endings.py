"""What the keeper's last words about a box mean to whoever asked for it."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any

from pydantic_core import from_json

from watchfloor.kernel.errors import Cancelled, GiveUp, SetupError
from watchfloor.kernel.sandbox.wire import scrub

if TYPE_CHECKING:
    from watchfloor.kernel.sandbox.box import Order


def last_words(told: bytes) -> dict[str, Any]:
    """Read what a keeper said last; nothing where it could not say it."""
    try:
        found = from_json(told)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def death(order: Order, end: dict[str, Any], *, asked: bool) -> Exception:  # noqa: PLR0911 - one per way to die
    """Say how the box ended without an answer."""
    if end.get("gone") is False:
        return GiveUp("sandbox: stuck: the kernel could not end a process of the box; restart this host")
    if asked and end:
        return Cancelled("The box was stopped on request.")
    match end.get("ended"):
        case "deadline" | "memory" | "processes" | "files" as limit:
            return GiveUp(f"sandbox: {limit}: {_limit(order, limit)}")
        case "signal":
            return GiveUp(f"sandbox: signal: the code was ended by {_signal_name(-int(end['code']))}")
        case "exit":
            return GiveUp(f"sandbox: exit: the code ended its process with code {end['code']} and without an answer")
        case "load":
            return SetupError(f"The sandbox cannot load {order.function}: {scrub(end.get('text', ''))}")
        case "keeper":
            return SetupError(f"The sandbox cannot start a box here: {scrub(end.get('text', ''))}")
    return SetupError("The sandbox's zygote ended while the box ran, and the box with it; try again, restart the worker if it stays so.")


def _limit(order: Order, name: str) -> str:
    profile = order.profile
    return {
        "deadline": f"the code ran longer than its limit of {order.seconds:g} s",
        "memory": f"the box used more than its limit of {profile.memory_bytes >> 20} MiB",
        "processes": f"the box started more than its limit of {profile.processes}",
        "files": f"the box wrote more than its limit of {profile.workdir_bytes >> 20} MiB, or too many files",
    }[name]


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
