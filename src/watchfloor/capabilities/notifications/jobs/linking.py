"""Links in what is sent, by which somebody says that they look after it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from watchfloor.capabilities.notifications.engine.to_email import LONGEST_PAGE
from watchfloor.capabilities.notifications.engine.unsubscribe import PURPOSE, Act, Unsubscription, make_token
from watchfloor.capabilities.notifications.queries.acknowledging import list_awaited

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from sqlalchemy.orm import Session

    from watchfloor.capabilities.notifications.queries.due import Claimed
    from watchfloor.kernel.tenancy.vault import Vault

PATH: Final = "/api/v1/notifications/acknowledgement/"


def acknowledgements_of(session: Session, vault: Vault, org: UUID, lane: str, rows: Sequence[Claimed], public_url: str) -> dict[UUID, str]:
    """Return for each delivery the address that acknowledges what it tells.

    Only what goes on until somebody acknowledges it has one, and nothing where the installation has no address. What is told nobody in
    person, as in a room, is acknowledged by its readers. Every attempt has the same link.
    """
    if not public_url or not rows:
        return {}
    awaited, key, found = list_awaited(session, org, [row.notification for row in rows]), vault.link_key(org, PURPOSE), {}
    for row in rows:
        if row.notification in awaited:
            who = row.user_id or f"{lane} readers"
            asked = Unsubscription(org=org, user=who, act=Act.ACKNOWLEDGE, what=str(row.notification), issued=row.first_due_at)
            link = public_url + PATH + make_token(key, asked)
            if len(link) <= LONGEST_PAGE:
                found[row.id] = link
    return found
