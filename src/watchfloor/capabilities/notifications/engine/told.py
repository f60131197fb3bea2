"""Turn an event of the outbox into a message, in plain words. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from watchfloor.capabilities.notifications.schemas.message import Message
from watchfloor.kernel.contract import Severity

if TYPE_CHECKING:
    from datetime import datetime

SUBJECTS: Final = ("finding", "scan", "report", "job", "asset", "watch", "source", "channel", "delivery")
ASSETS: Final = ("asset", "target", "host")
SAID: Final = {"title", "message"}
TITLE: Final = 200
FACT: Final = 500
FACTS: Final = 40


def message_of(name: str, severity: str, at: datetime, data: dict[str, Any], *, dedup_key: str = "", title: str = "") -> Message:
    """Return what is told of an event: its own title where it has one, and its plain facts in their order."""
    facts = {str(key)[:60]: str(value)[:FACT] for key, value in list(data.items())[:FACTS] if key not in SAID and _plain(value)}
    noun = name.partition(".")[0]
    subject = next((kind for kind in (noun.removesuffix("s"), noun, *SUBJECTS) if kind in facts), "")
    asset = next((facts[key] for key in ASSETS if key in facts), "")
    said = title or str(data.get("title") or "") or name.replace(".", " ").replace("_", " ").capitalize()
    return Message(
        type=name, severity=Severity(severity), title=said[:TITLE], asset=asset[:300], lines=tuple(str(data["message"])[:4000].splitlines()[:200]) if data.get("message") else (),
        facts=facts, subject_kind=subject, subject_id=facts.get(subject, "")[:200], occurred_at=at, dedup_key=dedup_key,
    )  # fmt: skip


def _plain(value: object) -> bool:
    return isinstance(value, (str, int, float, bool)) and value != ""
