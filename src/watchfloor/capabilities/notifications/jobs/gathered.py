"""Word what digests and groups say: when they are made, and once more when what is in them has changed before they go out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchfloor.capabilities.notifications.engine.digest import DIGEST, DigestItem, contents
from watchfloor.capabilities.notifications.engine.grouped import SHOWN, Named, Sending, Standing, group_message
from watchfloor.capabilities.notifications.engine.route import QUIET_HOURS
from watchfloor.capabilities.notifications.engine.told import labels_of
from watchfloor.capabilities.notifications.queries import telling
from watchfloor.capabilities.notifications.schemas.message import Message
from watchfloor.kernel.contract import Severity
from watchfloor.kernel.jobs.ledger import ledger

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy.orm import Session

    from watchfloor.capabilities.notifications.queries.digests import Item
    from watchfloor.capabilities.notifications.queries.groups import Shown
    from watchfloor.capabilities.notifications.queries.waiting import Part


def digest_message(digest: UUID, reason: str, items: Sequence[Item], at: datetime) -> Message | None:
    """Return the message of a digest, None for one that nothing is in; `reason` is why messages were put into it."""
    found = contents(
        DigestItem(notification=one.id, severity=Severity(one.severity), occurred_at=one.at, resolved=one.resolved) for one in items
    )
    if found is None:
        return None
    titles = {one.id: one.title for one in items}
    lines = [f"{'RESOLVED ' if one.resolved else ''}{one.severity.upper()} {titles[one.notification]}" for one in found.shown]
    if found.left:
        lines.append(f"and {found.left} more")
    gravest = max(found.open, key=lambda one: one.rank, default=Severity.INFO)
    counts = {str(severity): str(count) for severity, count in found.open.items()}
    if found.resolved:
        counts["resolved"] = str(found.resolved)
    return Message(
        type=DIGEST, severity=gravest, title=_title(reason, items, gravest)[:200], lines=tuple(lines), facts=counts, subject_kind="digest",
        subject_id=str(digest), occurred_at=at, dedup_key=f"digest:{digest}",
    )  # fmt: skip


def _title(reason: str, items: Sequence[Item], gravest: Severity) -> str:
    if reason == "bypass_cap":
        return f"{len(items)} more {gravest}"
    if len(items) == 1:
        return items[0].title
    return f"{len(items)} messages{' from quiet hours' if reason == QUIET_HOURS else ''}"


def group_text(
    session: Session, org: UUID, sending: Sending, group_by: Sequence[str], says: Sequence[tuple[Standing, Shown | Part]]
) -> Message:  # fmt: skip
    """Return the message of one sending of a group; what its messages have in common is read from those that are shown."""
    shown = says[:SHOWN]
    texts = telling.open_messages(session, ledger().vault, org, [row.notification for _, row in shown])
    assets = {text.asset for text in texts.values()}
    common = labels_of(texts[shown[0][1].notification])
    labels = {name: common.get(name, "") for name in group_by}
    if "asset" not in labels and len(assets) == 1 and len(says) == len(shown):
        labels["asset"] = assets.pop()
    named = [
        Named(standing=how, severity=Severity(row.severity), title=row.title, asset="" if "asset" in labels else texts[row.notification].asset)
        for how, row in shown
    ]  # fmt: skip
    return group_message(sending, named, [(how, Severity(row.severity)) for how, row in says], labels)
