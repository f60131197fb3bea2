"""Write down who did what to which object, in the transaction that does it; refused actions too."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchfloor.kernel.db.session import wire_of

if TYPE_CHECKING:
    from uuid import UUID

    from sqlalchemy.orm import Session

CHARACTERS = 500


def record(
    session: Session, org: UUID, *, actor: str, operation: str, object: str, outcome: str = "ok", reason: str | None = None,  # noqa: A002 - the audit's own word
    request_id: str | None = None, address: str | None = None,
) -> None:  # fmt: skip
    """Add one audit row; it stands or falls with the caller's transaction. Long texts are cut at 500 characters, secrets never belong here."""
    wire_of(session).execute(
        "insert into audit_entry (org, actor, operation, object, outcome, reason, request_id, address) values (%s, %s, %s, %s, %s, %s, %s, %s)",
        (org, _clean(actor), operation, _clean(object), outcome, _clean(reason), _clean(request_id), address),
        prepare=True,
    )


def _clean(text: str | None) -> str | None:
    """Return text that PostgreSQL can store and a terminal can show."""
    return None if text is None else "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in text[:CHARACTERS])
