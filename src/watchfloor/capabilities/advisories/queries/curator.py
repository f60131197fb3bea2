"""The right to write what the world knows: taken for a part of one transaction, by the jobs of this capability."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from watchfloor.kernel.db.session import Wire, wire_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.orm import Session

SETTLING = 7001  # the advisory lock of whoever merges: revisions then rise in the order of commits


@contextmanager
def curating(session: Session) -> Iterator[Wire]:
    """Write as the role that may; after it the transaction is the organisation's again, and its commit is one for both."""
    wire = wire_of(session)
    wire.execute("set local role wf_advisories")
    yield wire
    wire.execute("set local role wf_app")  # not after an error: then the transaction is lost anyway
