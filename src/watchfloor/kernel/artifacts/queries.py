"""Read the cards of stored files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from watchfloor.kernel.artifacts.models import Artifact
from watchfloor.kernel.artifacts.schemas import ArtifactView
from watchfloor.kernel.db.keyset import LIMIT, Page, page
from watchfloor.kernel.errors import NotFound

if TYPE_CHECKING:
    from uuid import UUID

    from sqlalchemy.orm import Session


def list_artifacts(
    session: Session, org: UUID, *, job: UUID | None = None, media_type: str | None = None, limit: int = LIMIT, after: str | None = None
) -> Page[ArtifactView]:
    """List stored files, newest first."""
    query = select(Artifact).where(Artifact.org == org, Artifact.removed_at.is_(None))
    if job is not None:
        query = query.where(Artifact.job == job)
    if media_type is not None:
        query = query.where(Artifact.media_type == media_type)
    return page(session, query, [Artifact.id], shape=lambda row: view(row[0]), limit=limit, after=after)


def get_artifact(session: Session, org: UUID, artifact: UUID) -> ArtifactView:
    """Return one file's card; raises NotFound."""
    return view(get_stored(session, org, artifact))


def get_stored(session: Session, org: UUID, artifact: UUID, *, removed: bool = False) -> Artifact:
    """Return one file's row, which says where its bytes lie; with `removed` also one that only open links still reach.

    Raises:
        NotFound: There is none.
    """
    query = select(Artifact).where(Artifact.org == org, Artifact.id == artifact)
    row = session.scalars(query).first()
    if row is None or (row.removed_at is not None and not removed):
        message = f"there is no artifact {artifact}"
        raise NotFound(message)
    return row


def view(card: Artifact) -> ArtifactView:
    """Return what callers may see of a file's row."""
    return ArtifactView(
        id=card.id, name=card.name, media_type=card.media_type, size_bytes=card.size_bytes, sha256=card.sha256.hex(), job=card.job,
        created_at=card.created_at,
    )  # fmt: skip
