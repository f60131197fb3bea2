"""What was told already that is graver, of the same kind, about the same asset, and is still open."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from watchfloor.capabilities.notifications.queries.subjects import SETTLED
from watchfloor.kernel.contract import Severity
from watchfloor.kernel.db.session import wire_of

if TYPE_CHECKING:
    from uuid import UUID

    from sqlalchemy.orm import Session

    from watchfloor.capabilities.notifications.schemas.message import Message

# Open is what nobody acknowledged, what has not expired and, of a finding, what is not known to be settled. It counts for a channel
# that told it or will: who never heard of the graver one hears of this one.
GRAVER: Final = f"""
select d.channel, max(array_position(%(graver)s::text[], n.severity)) from notification n join delivery d on (d.org, d.notification) = (n.org, n.id)
where n.org = %(org)s and n.type = %(type)s and n.asset = %(asset)s and n.asset <> '' and n.severity = any (%(graver)s) and n.dedup_key <> %(dedup_key)s
  and n.acknowledged_at is null and n.expires_at > wf_now() and d.state in ('due', 'held', 'sending', 'sent') and d.channel is not null
  and not ({SETTLED})
group by d.channel
"""  # noqa: S608 - our own text


def list_graver(session: Session, org: UUID, message: Message) -> dict[UUID, Severity]:
    """Return the channels that told of something graver that is open, each with the gravest; none for a message about no asset."""
    graver = [str(one) for one in Severity if one.rank > message.severity.rank]
    if not message.asset or not graver:
        return {}
    values = {"org": org, "type": message.type, "asset": message.asset, "graver": graver, "dedup_key": message.dedup_key}
    return {channel: Severity(graver[at - 1]) for channel, at in wire_of(session).execute(GRAVER, values).fetchall()}
