"""The right to write what the world knows: taken for a part of one transaction, by the jobs of this capability."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from watchfloor.kernel.db.session import Wire, wire_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.orm import Session

SETTLING = 7001  # the advisory lock of whoever merges: revisions then rise in the order of commits
WRITING = 7002  # of whoever asks for CVEs to be merged: two that touch the same ones in another order would wait for each other for ever
COUNTING = 7003  # of whoever counts or compares everything, which need not be done again by the next organisation
NAMING = 7004  # of whoever maps names: two that do so at once would make a chain of them
# Chunks of others are waited for, which takes longer than statements wait elsewhere; less than a statement may take.
PATIENCE = "25s"


def alone(wire: Wire, lock: int) -> None:
    """Wait until no other transaction has one of these locks, and have it until this one ends."""
    wire.execute("select pg_advisory_xact_lock(%s)", (lock,))


@contextmanager
def curating(session: Session) -> Iterator[Wire]:
    """Write as the role that may; after it the transaction is the organisation's again, and its commit is one for both."""
    wire = wire_of(session)
    wire.execute("select set_config('role', 'wf_advisories', true), set_config('lock_timeout', %s, true)", (PATIENCE,))
    yield wire
    wire.execute("set local role wf_app")  # not after an error: then the transaction is lost anyway
