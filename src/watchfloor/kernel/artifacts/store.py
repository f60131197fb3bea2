"""Stored files: sealed in parts of 1 MiB under the organisation's key, kept at an address made of their content, read back part by part.

The address is a keyed hash: the same content of one organisation lies in a place once, however many files have it, and nobody without the
key can tell what lies there, or that two organisations have the same. Parts are bound to address and position, so those of two
writers of the same content may replace each other at any time.
"""

from __future__ import annotations

import hashlib
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import select

from watchfloor.kernel.artifacts.draft import PART_BYTES, SEALED_PART_BYTES, Draft, drafted
from watchfloor.kernel.artifacts.models import Artifact
from watchfloor.kernel.artifacts.places import place_named
from watchfloor.kernel.artifacts.queries import get_stored, view
from watchfloor.kernel.artifacts.settings import PlaceName, artifact_settings
from watchfloor.kernel.audit.record import record
from watchfloor.kernel.db.ids import new_id
from watchfloor.kernel.db.session import wire_of
from watchfloor.kernel.errors import Forged, InvalidInput, Lost
from watchfloor.kernel.security import SEALED_OVERHEAD_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sqlalchemy.orm import Session

    from watchfloor.kernel.artifacts.schemas import ArtifactView
    from watchfloor.kernel.jobs.ledger import Ledger
    from watchfloor.kernel.tenancy.vault import Vault

ID_BYTES = 16
INSERT = (
    "insert into artifact (org, id, name, media_type, size_bytes, sha256, job, place, address, kid) "
    "values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
)


@dataclass(frozen=True)
class Staged:
    """Content that lies in its place and has no row yet."""

    draft: Draft
    place: PlaceName
    address: bytes
    kid: str


@contextmanager
def staged(ledger: Ledger, org: UUID, content: bytes | Iterable[bytes]) -> Iterator[Staged]:
    """Bring content to its place before the transaction that stores it, for files that take longer than a transaction may last.

    What is never stored, because the transaction rolls back or the process dies, is removed by `sweep` a day later. In the database's
    own place bytes come with the row, so there this only reads the content.
    """
    name = artifact_settings().chosen()
    place = place_named(name)
    with drafted(content, place.scratch()) as draft:
        found = _addressed(ledger.vault, org, draft, name)
        if draft.size_bytes and name is not PlaceName.POSTGRES:
            place.put(None, org, found.address, _sealed(ledger.vault, org, found))
        yield found


def store(
    ledger: Ledger,
    session: Session,
    org: UUID,
    *,
    name: str,
    media_type: str,
    content: bytes | Iterable[bytes] | Staged,
    job: UUID | None = None,
    actor: str = "system",
) -> UUID:
    """Store a file in the caller's transaction and return its id.

    The bytes are in their place, and safe there, before the row is written; a transaction that rolls back leaves them for `sweep`. Content
    that is not `staged` goes to its place inside the transaction, which ends when that takes more than a minute.

    Raises:
        InvalidInput: The name is a path, empty or longer than 200 characters.
        TooLarge: It is larger than 1 GiB.
        SourceUnavailable: The place is full or does not answer; nothing was kept.
    """
    if not name.strip() or len(name) > 200 or not name.isprintable() or "/" in name or "\\" in name:  # noqa: PLR2004 - the limit of names
        message = f"{name[:60]!r} is no file name: 1 to 200 printable characters, no path"
        raise InvalidInput(message, field="/name")
    if isinstance(content, Staged):
        found = content
        _place(ledger, session, org, found, again=False)
    else:
        chosen = artifact_settings().chosen()
        with drafted(content, place_named(chosen).scratch()) as draft:
            found = _addressed(ledger.vault, org, draft, chosen)
            _place(ledger, session, org, found, again=True)
    artifact, draft = new_id(), found.draft
    values = (org, artifact, name, media_type, draft.size_bytes, draft.sha256, job, found.place, found.address, found.kid)
    wire_of(session).execute(INSERT, values)
    record(session, org, actor=actor, operation="artifact.store", object=str(artifact), reason=name)
    return artifact


def _place(ledger: Ledger, session: Session, org: UUID, found: Staged, *, again: bool) -> None:
    """Hold the address against `sweep` until the transaction ends, and have the bytes there."""
    wire_of(session).execute("select pg_advisory_xact_lock_shared(%s)", (lock_of(found.address),))
    if not found.draft.size_bytes:
        return  # no bytes lie nowhere
    place = place_named(found.place)
    there = None if again else place.look(session, org, found.address)
    if there is None or there.size_bytes != sealed_size(found.draft.size_bytes):
        place.put(session, org, found.address, _sealed(ledger.vault, org, found))


def _addressed(vault: Vault, org: UUID, draft: Draft, place: PlaceName) -> Staged:
    address = vault.blind(org, f"artifact {draft.sha256.hex()}")
    kid, _ = vault.seal(org, "artifact", b"")
    return Staged(draft, place, address, kid)


def _sealed(vault: Vault, org: UUID, found: Staged) -> Iterator[bytes]:
    """Yield a file's parts, each sealed for its address and position."""
    for n, part in enumerate(found.draft.parts()):
        yield vault.seal(org, _bound(found.address, n), part)[1]


def sealed_size(size_bytes: int) -> int:
    """Return how many bytes lie in a place for a file of this size."""
    return size_bytes + -(-size_bytes // PART_BYTES) * SEALED_OVERHEAD_BYTES


def _bound(address: bytes, n: int) -> str:
    """Return what a part is sealed for; files from before places existed have their id as address and were sealed for that."""
    return f"artifact_part|{UUID(bytes=address)}|{n}" if len(address) == ID_BYTES else f"artifact|{address.hex()}|{n}"


def lock_of(address: bytes) -> int:
    """Return the number of an address's advisory lock: held shared by who stores there, alone by who removes there."""
    return int.from_bytes(address[:8], "big", signed=True)


def read(
    ledger: Ledger, session: Session, org: UUID, artifact: UUID, *, first: int = 0, last: int | None = None
) -> tuple[ArtifactView, Iterator[bytes]]:
    """Return a file's card and its bytes from `first` to `last`, both included; see `opened`.

    Raises:
        NotFound: There is none of this id.
        Lost, Forged, SourceUnavailable: While reading.
    """
    card = get_stored(session, org, artifact)
    return view(card), opened(ledger, card, first=first, last=last)


def is_whole(ledger: Ledger, org: UUID, artifact: UUID) -> bool:
    """Tell whether all bytes of a file lie in their place, without reading them; False when there is no such file.

    Raises:
        SourceUnavailable: The place does not answer.
    """
    with ledger.database.transaction(org) as session:
        card = session.scalar(select(Artifact).where(Artifact.org == org, Artifact.id == artifact, Artifact.removed_at.is_(None)))
        if card is None or not card.size_bytes:
            return card is not None
        lying = place_named(PlaceName(card.place)).look(session, org, card.address)
        return lying is not None and lying.size_bytes == sealed_size(card.size_bytes)


def opened(ledger: Ledger, card: Artifact, *, first: int = 0, last: int | None = None) -> Iterator[bytes]:
    """Yield a file's bytes, of which only the parts that hold them are read, each when it is asked for.

    A whole file is checked against its hash before its last part comes out.

    Raises:
        Lost: The row is there and the bytes are gone.
        Forged: A part is cut off, changed, moved or swapped; nothing of that part comes out.
        SourceUnavailable: The place does not answer.
    """
    end = card.size_bytes if last is None else min(last + 1, card.size_bytes)
    whole = hashlib.sha256() if first == 0 and end == card.size_bytes else None
    if whole is not None and end == 0 and whole.digest() != card.sha256:
        raise Forged("artifact")
    for n in range(first // PART_BYTES, -(-end // PART_BYTES)):
        part = _part(ledger, card, n)
        begin = n * PART_BYTES
        if whole is not None:
            whole.update(part)
            if begin + len(part) == card.size_bytes and whole.digest() != card.sha256:
                raise Forged("artifact")
        yield part[max(first - begin, 0) : end - begin]


def _part(ledger: Ledger, card: Artifact, n: int) -> bytes:
    expected = min(PART_BYTES, card.size_bytes - n * PART_BYTES)
    place = place_named(PlaceName(card.place))
    blob = place.fetch(ledger.database, card.org, card.address, n, n * SEALED_PART_BYTES, expected + SEALED_OVERHEAD_BYTES)
    if blob is None:
        message = f"The bytes of artifact {card.id} ({card.name}) are gone from where they were stored ({card.place})."
        raise Lost(message)
    part = ledger.vault.open(card.org, card.kid, _bound(card.address, n), blob)
    if len(part) != expected:
        raise Forged("artifact")
    return part
