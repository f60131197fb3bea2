"""Write down who did what to which object, in the transaction that does it; refused actions too."""

from __future__ import annotations

from typing import TYPE_CHECKING

from psycopg import OperationalError

from watchfloor.kernel.db.session import wire_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from sqlalchemy.orm import Session

    from watchfloor.kernel.db.session import Database

CHARACTERS = 500


MANY = """
insert into audit_entry (org, actor, operation, object, outcome, reason)
select %s, %s, %s, object, 'ok', reason from unnest(%s::text[], %s::text[]) as told (object, reason)
"""
INSERT = (
    "insert into audit_entry (org, actor, operation, object, outcome, reason, request_id, address) values (%s, %s, %s, %s, %s, %s, %s, %s)"
)


def record(
    session: Session, org: UUID, *, actor: str, operation: str, object: str, outcome: str = "ok", reason: str | None = None,  # noqa: A002 - the audit's own word
    request_id: str | None = None, address: str | None = None,
) -> None:  # fmt: skip
    """Add one audit row; it stands or falls with the caller's transaction. Long texts are cut at 500 characters, secrets never belong here."""
    values = (org, _clean(actor), operation, _clean(object), outcome, _clean(reason), _clean(request_id), address)
    wire_of(session).execute(INSERT, values, prepare=True)


def record_many(session: Session, org: UUID, *, actor: str, operation: str, objects: Mapping[str, str]) -> None:
    """Add a row for each object, with what is told of it as the reason, in one statement."""
    if objects:
        values = (org, _clean(actor), operation, [_clean(one) for one in objects], [_clean(one) for one in objects.values()])
        wire_of(session).execute(MANY, values, prepare=True)


def record_refusal(database: Database, org: UUID, *, actor: str, operation: str, object: str, reason: str) -> None:  # noqa: A002 - the audit's own word
    """Add one row about what was refused, in a transaction of its own: the one that was refused is rolled back.

    It goes over this thread's own connection, never a second one of the pool: callers that all hold one would wait for each other.
    """
    values = (org, _clean(actor), operation, _clean(object), "refused", _clean(reason), None, None)
    for last in (False, True):
        wire = database.wire("wf_app")
        try:
            with wire.transaction():
                wire.execute("select set_config('watchfloor.org', %s, true)", (str(org),))
                wire.execute(INSERT, values)
        except OperationalError:
            if last or not wire.closed:
                raise
        else:
            return


def _clean(text: str | None) -> str | None:
    """Return text that PostgreSQL can store and a terminal can show."""
    return None if text is None else "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in text[:CHARACTERS])
