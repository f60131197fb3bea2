"""Job kinds that behave badly, known only to the workers of these tests."""

from __future__ import annotations

import os
import signal
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from watchfloor.kernel.contract import Catalog, JobContext, JobKind, Queue, job
from watchfloor.kernel.jobs.selftest import Nothing, Wait, Waited

if TYPE_CHECKING:
    from watchfloor.kernel.contract import Report


@job("chaos.stubborn", Wait, queue=Queue.DEFAULT)
def stubborn(_context: JobContext, request: Wait) -> None:
    """Go on whatever is raised; only SIGKILL ends it early."""
    until = time.monotonic() + request.seconds
    while time.monotonic() < until:
        try:
            time.sleep(0.05)
        except Exception:  # noqa: BLE001, S112 - deafness is its purpose
            continue


@job("chaos.overdue", Wait, queue=Queue.DEFAULT, timeout=timedelta(seconds=1), attempts=2, first_delay=timedelta(milliseconds=100))
def overdue(context: JobContext, request: Wait) -> None:
    """Take longer than the hard limit allows, listening to nothing."""
    stubborn(context, request)


@job(
    "chaos.slow", Wait, queue=Queue.DEFAULT, soft_timeout=timedelta(seconds=1), timeout=timedelta(minutes=5), attempts=2,
    first_delay=timedelta(milliseconds=100),
)  # fmt: skip
def slow(context: JobContext, request: Wait) -> None:
    """Take longer than the soft limit allows, listening."""
    context.wait(request.seconds)


@job("chaos.crash", Nothing, queue=Queue.DEFAULT)
def crash(_context: JobContext, _request: Nothing) -> None:
    """End the process it runs in."""
    os.kill(os.getpid(), signal.SIGKILL)


@job("chaos.box", Wait, queue=Queue.DEFAULT)
def box(context: JobContext, request: Wait) -> None:
    """Wait in a box."""
    context.sandbox(nap, request)


def nap(request: Wait, report: Report) -> Waited:
    """Wait, telling once that it began; runs in the box."""
    report(0, 1, "napping")
    time.sleep(request.seconds)
    return Waited(seconds=request.seconds, attempt=1)


class BadCatalog(Catalog):
    """The product's catalog with the kinds of this file."""

    def kinds(self) -> dict[str, JobKind[Any, Any]]:
        """Return the product's kinds and these."""
        return {**super().kinds(), **{kind.name: kind for kind in globals().values() if isinstance(kind, JobKind)}}
