"""Stored files: sealed in parts of 1 MiB under the organisation's key, hashed as a whole, read back part by part."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from watchfloor.kernel.artifacts.queries import get_artifact
from watchfloor.kernel.audit.record import record
from watchfloor.kernel.db.ids import new_id
from watchfloor.kernel.db.session import wire_of
from watchfloor.kernel.errors import Forged, InvalidInput, NotFound, TooLarge

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from uuid import UUID

    from sqlalchemy.orm import Session

    from watchfloor.kernel.artifacts.schemas import ArtifactView
    from watchfloor.kernel.jobs.ledger import Ledger

PART_BYTES = 1024 * 1024
SIZE_MAX_BYTES = 1024 * PART_BYTES


def store(
    ledger: Ledger,
    session: Session,
    org: UUID,
    *,
    name: str,
    media_type: str,
    content: bytes | Iterable[bytes],
    job: UUID | None = None,
    actor: str = "system",
) -> UUID:
    """Store a file in the caller's transaction and return its id; one part is in memory at a time.

    Raises:
        InvalidInput: The name is a path, empty or longer than 200 characters.
        TooLarge: It is larger than 1 GiB.
    """
    if not name.strip() or len(name) > 200 or not name.isprintable() or "/" in name or "\\" in name:  # noqa: PLR2004 - the limit of names
        message = f"{name[:60]!r} is no file name: 1 to 200 printable characters, no path"
        raise InvalidInput(message, field="/name")
    artifact, wire = new_id(), wire_of(session)
    # The card comes first because parts refer to it; size and hash are known at the end.
    sql = "insert into artifact (org, id, name, media_type, size_bytes, sha256, job) values (%s, %s, %s, %s, 0, '', %s)"
    wire.execute(sql, (org, artifact, name, media_type, job))
    whole, size = hashlib.sha256(), 0
    for n, part in enumerate(_parts(content)):
        whole.update(part)
        size += len(part)
        if size > SIZE_MAX_BYTES:
            message = f"{name} is larger than {SIZE_MAX_BYTES} bytes; split it"
            raise TooLarge(message)
        kid, blob = ledger.vault.seal(org, _place(artifact, n), part)
        wire.execute("insert into artifact_part (org, artifact, n, kid, blob) values (%s, %s, %s, %s, %s)", (org, artifact, n, kid, blob))
    wire.execute("update artifact set size_bytes = %s, sha256 = %s where org = %s and id = %s", (size, whole.digest(), org, artifact))
    record(session, org, actor=actor, operation="artifact.store", object=str(artifact), reason=name)
    return artifact


def remove(session: Session, org: UUID, artifact: UUID, *, actor: str = "system") -> None:
    """Remove a file in the caller's transaction; one that is gone already is no error."""
    gone = wire_of(session).execute("delete from artifact where org = %s and id = %s returning name", (org, artifact)).fetchone()
    if gone is not None:
        record(session, org, actor=actor, operation="artifact.remove", object=str(artifact), reason=gone[0])


def read(ledger: Ledger, session: Session, org: UUID, artifact: UUID) -> tuple[ArtifactView, Iterator[bytes]]:
    """Return a file's card and its parts; parts are read as they are asked for, each in a short transaction of its own.

    Raises:
        NotFound: There is none of this id.
        Forged: While reading: a part is missing, changed, moved or swapped; nothing of that part comes out.
    """
    card = get_artifact(session, org, artifact)
    return card, _opened(ledger, org, card)


def _opened(ledger: Ledger, org: UUID, card: ArtifactView) -> Iterator[bytes]:
    whole, size, n = hashlib.sha256(), 0, 0
    while size < card.size_bytes:
        with ledger.database.transaction(org) as session:
            row = (
                wire_of(session)
                .execute("select kid, blob from artifact_part where org = %s and artifact = %s and n = %s", (org, card.id, n))
                .fetchone()
            )
        if row is None:
            message = f"part {n} of artifact {card.id} is gone"
            raise NotFound(message)
        part = ledger.vault.open(org, row[0], _place(card.id, n), bytes(row[1]))
        whole.update(part)
        size, n = size + len(part), n + 1
        if size == card.size_bytes and whole.hexdigest() != card.sha256:
            raise Forged("artifact")
        yield part


def _parts(content: bytes | Iterable[bytes]) -> Iterator[bytes]:
    held = bytearray()
    for piece in (content,) if isinstance(content, bytes) else content:
        held += piece
        while len(held) >= PART_BYTES:
            yield bytes(held[:PART_BYTES])
            del held[:PART_BYTES]
    if held:
        yield bytes(held)


def _place(artifact: UUID, n: int) -> str:
    return f"artifact_part|{artifact}|{n}"
