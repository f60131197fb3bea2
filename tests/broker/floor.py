"""The application a test's worker runs: every ticket and every refusal becomes one line in a file."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel

from watchfloor.kernel.contract import JobKind, Queue
from watchfloor.kernel.jobs.broker.app import LedgerApp, Profile, Wiring, make_app
from watchfloor.kernel.jobs.broker.keyring import Keyring

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from watchfloor.kernel.contract import JobContext


class Nothing(BaseModel):
    """No arguments."""


def idle(_context: JobContext, _request: Nothing) -> None:
    """Do nothing."""


KINDS = {
    name: JobKind(name=name, arguments=Nothing, handler=idle, queue=Queue.SCANS) for name in ("scans.run", "scans.shard", "system.tidy")
}
DIRECTORY = "WATCHFLOOR_TEST_DIRECTORY"


def note(directory: Path, line: list[object]) -> None:
    """Append one line; short appends do not interleave."""
    with (directory / "seen").open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")


def build(url: str, directory: Path, profile: Profile = Profile.EMBEDDED) -> LedgerApp:
    """Return the application on this broker, writing into this directory."""

    def on_ticket(kind: str, jobs: Sequence[tuple[UUID, int]], queue: str) -> str:
        note(directory, ["ticket", kind, [[str(job), seq] for job, seq in jobs], queue])
        return "seen"

    def on_rejected(reason: str, detail: Mapping[str, str]) -> None:
        note(directory, ["rejected", reason, dict(detail)])

    wiring = Wiring(on_ticket=on_ticket, on_rejected=on_rejected, keys=Keyring(directory / "keys.json"))
    return make_app(url, KINDS, profile=profile, wiring=wiring)


def __getattr__(name: str) -> LedgerApp:
    """Let `celery -A tests.broker.floor` find its application."""
    if name == "app":
        return build(
            os.environ["WATCHFLOOR_TEST_BROKER"],
            Path(os.environ[DIRECTORY]),
            Profile(os.environ.get("WATCHFLOOR_TEST_PROFILE", "embedded")),
        )
    raise AttributeError(name)
