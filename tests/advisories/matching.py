"""Matches of an organisation's assets, written as matching writes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from watchfloor.kernel.assets.inventory import see
from watchfloor.kernel.db.ids import new_id
from watchfloor.kernel.db.session import wire_of

if TYPE_CHECKING:
    from uuid import UUID

    from sqlalchemy.orm import Session

INSERT = """
insert into adv_match (org, id, asset, k, class, confidence, src, criterion, exposure, priority, band, why, verdict, due_on)
values (%(org)s, %(id)s, %(asset)s, %(k)s, %(kind)s, %(confidence)s, 1, '{}', 'unknown', %(priority)s, %(band)s, '{}', %(verdict)s, %(due_on)s)
"""


def matched(session: Session, org: UUID, host: str, k: int, **told: Any) -> UUID:
    """Match a CVE on an asset and return the match."""
    match = new_id()
    values = {"kind": "likely", "confidence": 0.9, "priority": 50.0, "band": "medium", "verdict": "next upgrade", "due_on": None} | told
    wire_of(session).execute(INSERT, {"org": org, "id": match, "asset": see(session, org, kind="host", key=host), "k": k, **values})
    return match
