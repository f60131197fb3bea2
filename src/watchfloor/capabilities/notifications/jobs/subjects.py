"""What messages are about, looked up once for all of them, and only where a rule asks for assets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchfloor.capabilities.notifications.engine.mentions import Asset, mentions, subject_of
from watchfloor.kernel.assets import inventory

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from uuid import UUID

    from sqlalchemy.orm import Session

    from watchfloor.capabilities.notifications.engine.matching import Silence, Subject
    from watchfloor.capabilities.notifications.queries.telling import Candidate
    from watchfloor.capabilities.notifications.schemas.message import Message


def subjects_of(
    session: Session, org: UUID, messages: Sequence[Message], silences: Iterable[Silence], candidates: Iterable[Candidate] = ()
) -> list[Subject]:  # fmt: skip
    """Return what each message is about; where no silence and no route asks for assets, as far as it says so itself."""
    said = [mentions(one) for one in messages]
    asked = any(not one.matchers.assets.empty for one in silences) or any(one.asset_filter for one in candidates)
    known = _known(session, org, {one.text for one in said if one.text}, {each for one in said for each in one.ids}) if asked else []
    return [subject_of(message, one, known) for message, one in zip(messages, said, strict=True)]


def _known(session: Session, org: UUID, texts: set[str], ids: set[UUID]) -> list[Asset]:
    if not texts and not ids:
        return []
    return [Asset(one.id, one.called, one.tags) for one in inventory.known(session, org, texts=sorted(texts), ids=sorted(ids))]
