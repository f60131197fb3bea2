"""Links in what is sent: by which somebody hears no more of it, or says that they look after it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from watchfloor.capabilities.notifications.engine.links import PURPOSE, Act, Link, make_token
from watchfloor.capabilities.notifications.engine.to_email import LONGEST_PAGE
from watchfloor.capabilities.notifications.queries.acknowledging import list_awaited
from watchfloor.capabilities.notifications.queries.unsubscribing import list_mandatory
from watchfloor.capabilities.notifications.schemas.channels import GLOB

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from sqlalchemy.orm import Session

    from watchfloor.capabilities.notifications.queries.due import Claimed
    from watchfloor.capabilities.notifications.schemas.message import Message
    from watchfloor.kernel.tenancy.vault import Vault

ACKNOWLEDGE: Final = "/api/v1/notifications/acknowledgement/"
UNSUBSCRIBE: Final = "/api/v1/notifications/unsubscribe/"


def unsubscriptions_of(
    session: Session, vault: Vault, org: UUID, rows: Sequence[Claimed], messages: Mapping[UUID, Message], public_url: str
) -> dict[UUID, str]:
    """Return for each delivery the address that unsubscribes its person from its type of event.

    There is none for what is told nobody in person, for what is mandatory, and where the installation has no address. Every attempt has
    the same link, which counts its days from when the delivery was first due.
    """
    if not public_url:
        return {}
    told = {row.id: (row.user_id, messages[row.notification].type) for row in rows if row.user_id}
    mandatory, key, found = list_mandatory(session, org, told.values()), vault.link_key(org, PURPOSE), {}
    for row in rows:
        user, type_ = told.get(row.id, ("", ""))
        if not user or (user, type_) in mandatory or not GLOB.fullmatch(type_):
            continue
        asked = Link(org=org, user=user, act=Act.UNSUBSCRIBE, what=type_, issued=row.first_due_at)
        link = public_url + UNSUBSCRIBE + make_token(key, asked)
        if len(link) <= LONGEST_PAGE:
            found[row.id] = link
    return found


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
            asked = Link(org=org, user=who, act=Act.ACKNOWLEDGE, what=str(row.notification), issued=row.first_due_at)
            link = public_url + ACKNOWLEDGE + make_token(key, asked)
            if len(link) <= LONGEST_PAGE:
                found[row.id] = link
    return found
