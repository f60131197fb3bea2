"""Relays in processes of their own: something to kill."""

from __future__ import annotations

import logging
import sys
import threading
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from watchfloor.kernel.contract import JobContext, JobKind, Queue, Reaction, job
from watchfloor.kernel.jobs.ledger import make_ledger
from watchfloor.kernel.jobs.relay import Relay

KEK = bytes(range(32))


class Told(BaseModel):
    """Which events a job is for."""

    model_config = ConfigDict(extra="forbid")
    event_ids: list[UUID]


class Nothing(BaseModel):
    """No arguments."""

    model_config = ConfigDict(extra="forbid")


@job("tests.told", Told, queue=Queue.DEFAULT)
def told(_context: JobContext, request: Told) -> Told:
    """Return what was told."""
    return request


@job("tests.woken", Nothing, queue=Queue.DEFAULT)
def woken(_context: JobContext, _request: Nothing) -> None:
    """Look for yourself."""


KINDS: dict[str, JobKind[Any, Any]] = {told.name: told, woken.name: woken}
TELL = Reaction(event="tests.happened", kind=told.name, with_events=True)
WAKE = Reaction(event="tests.happened", kind=woken.name)


def main(url: str) -> None:
    """Relay until killed."""
    logging.basicConfig(level="INFO")
    relay = Relay(make_ledger(url, KEK), (TELL, WAKE), lambda: KINDS)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    relay.run(threading.Event())
