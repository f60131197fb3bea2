"""What tests of stored files do again and again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchfloor.kernel.artifacts.places import place_named
from watchfloor.kernel.artifacts.queries import get_stored
from watchfloor.kernel.artifacts.settings import artifact_settings
from watchfloor.kernel.artifacts.store import read, store

if TYPE_CHECKING:
    from uuid import UUID

    from watchfloor.kernel.artifacts.places import Lying
    from watchfloor.kernel.jobs.ledger import Ledger


def put(ledger: Ledger, org: UUID, content: bytes, name: str = "report.html") -> UUID:
    """Store one file."""
    with ledger.database.transaction(org) as session:
        return store(ledger, session, org, name=name, media_type="text/html", content=content)


def got(ledger: Ledger, org: UUID, artifact: UUID, first: int = 0, last: int | None = None) -> bytes:
    """Return a file's bytes."""
    with ledger.database.transaction(org) as session:
        _card, parts = read(ledger, session, org, artifact, first=first, last=last)
    return b"".join(parts)


def lying_at(ledger: Ledger, org: UUID, artifact: UUID) -> bytes:
    """Return a file's address."""
    with ledger.database.transaction(org) as session:
        return bytes(get_stored(session, org, artifact, removed=True).address)


def lying(ledger: Ledger, org: UUID) -> list[Lying]:
    """Return all that lies in the place of new files."""
    return sorted(place_named(artifact_settings().chosen()).listing(ledger.database, org, None))


def fresh_settings() -> None:
    """Read the environment again."""
    artifact_settings.cache_clear()
    place_named.cache_clear()
