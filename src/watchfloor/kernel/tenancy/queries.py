"""Read who may ask: an organisation's API keys; and remember answers, so that a repeated request acts once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from watchfloor.kernel.db.keyset import LIMIT, Page, page
from watchfloor.kernel.db.session import wire_of
from watchfloor.kernel.errors import Conflict
from watchfloor.kernel.tenancy.models import KeyRow
from watchfloor.kernel.tenancy.schemas import KeyView

if TYPE_CHECKING:
    from uuid import UUID

    from sqlalchemy import Row
    from sqlalchemy.orm import Session


def list_keys(session: Session, org: UUID, *, limit: int = LIMIT, after: str | None = None) -> Page[KeyView]:
    """List an organisation's keys, newest first, revoked and expired ones included."""
    return page(session, select(KeyRow).where(KeyRow.org == org), [KeyRow.id], shape=_view, limit=limit, after=after)


def _view(row: Row[Any]) -> KeyView:
    return KeyView(**{name: getattr(row[0], name) for name in KeyView.model_fields})


def recall(session: Session, org: UUID, actor: str, key: str, request_sha: bytes) -> tuple[int, bytes] | None:
    """Return the answer this request got before, or None when it is new and the key is now ours until the commit.

    A rival with the same key waits for this transaction. Keys are forgotten after 24 hours.

    Raises:
        Conflict: The key was used for another request.
    """
    mine = wire_of(session).execute(
        "insert into idempotency as i (org, actor, key, request_sha, status, response) values (%(org)s, %(actor)s, %(key)s, %(sha)s, 0, '') "
        "on conflict (org, actor, key) do update set request_sha = excluded.request_sha, status = 0, response = '', at = wf_now() "
        "where i.at < wf_now() - interval '24 hours' returning key",
        {"org": org, "actor": actor, "key": key, "sha": request_sha},
    )
    if mine.fetchone():
        return None
    sql = "select request_sha, status, response from idempotency where org = %s and actor = %s and key = %s"
    row = wire_of(session).execute(sql, (org, actor, key)).fetchone()
    if row is None or bytes(row[0]) != request_sha:
        message = f"the idempotency key {key!r} was used for another request within 24 hours; choose a new key for a new request"
        raise Conflict(message)
    return int(row[1]), bytes(row[2])


def remember(session: Session, org: UUID, actor: str, key: str, status: int, response: bytes) -> None:
    """Keep the answer with the work it stands for: both commit, or neither."""
    sql = "update idempotency set status = %s, response = %s where org = %s and actor = %s and key = %s"
    wire_of(session).execute(sql, (status, response, org, actor, key))
