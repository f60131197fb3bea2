"""Links that unsubscribe in what is sent, and what somebody does not want any more of what was gathered for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from watchfloor.capabilities.notifications.engine.route import unwanted
from watchfloor.capabilities.notifications.engine.to_email import LONGEST_PAGE
from watchfloor.capabilities.notifications.engine.unsubscribe import PURPOSE, Act, Unsubscription, make_token
from watchfloor.capabilities.notifications.jobs.deciding import read_wishes, wishes_of
from watchfloor.capabilities.notifications.queries.unsubscribing import list_mandatory
from watchfloor.capabilities.notifications.schemas.channels import GLOB
from watchfloor.kernel.clock import now

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from sqlalchemy.orm import Session

    from watchfloor.capabilities.notifications.queries.digests import Item
    from watchfloor.capabilities.notifications.queries.due import Claimed
    from watchfloor.capabilities.notifications.queries.telling import Candidate
    from watchfloor.capabilities.notifications.schemas.message import Message
    from watchfloor.kernel.tenancy.vault import Vault

PATH: Final = "/api/v1/notifications/unsubscribe/"
DIGEST: Final = "notifications.digest"


def links_of(
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
        asked = Unsubscription(org=org, user=user, act=Act.UNSUBSCRIBE, what=type_, issued=row.first_due_at)
        link = public_url + PATH + make_token(key, asked)
        if len(link) <= LONGEST_PAGE:
            found[row.id] = link
    return found


def still_wanted(session: Session, org: UUID, candidate: Candidate, items: Sequence[Item]) -> tuple[list[Item], str]:
    """Return what somebody still wants of what was gathered for them, and why not when that is nothing."""
    wishes, at = wishes_of(read_wishes(candidate.wishes)), now()
    mandatory = list_mandatory(session, org, ((candidate.user_id, item.type) for item in items))
    whole = unwanted(wishes, DIGEST, at)
    refused = {item.id: whole or unwanted(wishes, item.type, at) for item in items if (candidate.user_id, item.type) not in mandatory}
    kept = [item for item in items if not refused.get(item.id)]
    return kept, "" if kept else next(filter(None, refused.values()), "")
