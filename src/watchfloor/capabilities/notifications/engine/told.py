"""Turn an event of the outbox into a message, in plain words. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from watchfloor.capabilities.notifications.engine.titles import retitled, title_of
from watchfloor.capabilities.notifications.schemas.message import Message
from watchfloor.kernel.contract import Severity

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

SUBJECTS: Final = ("finding", "scan", "report", "schedule", "job", "asset", "watch", "source", "channel", "delivery")
ASSETS: Final = ("asset", "target", "host")
SAID: Final = {"title", "message", "sentences"}
TITLE: Final = 200
FACT: Final = 500
FACTS: Final = 40
LISTED: Final = 20


def message_of(name: str, severity: str, at: datetime, data: dict[str, Any], *, dedup_key: str = "", title: str = "") -> Message:
    """Return what is told of an event: its own title where it has one, and its facts in their order, those inside others beside them."""
    facts = dict(list(_facts(data))[:FACTS])
    noun = name.partition(".")[0]
    subject = next((kind for kind in (noun.removesuffix("s"), noun, *SUBJECTS) if kind in facts), "")
    asset = next((facts[key] for key in ASSETS if key in facts), "")
    own = "" if retitled(name) else str(data.get("title") or "")
    said = title or own or title_of(name, data)
    return Message(
        type=name, severity=Severity(severity), title=said[:TITLE], asset=asset[:300], lines=_lines(data), facts=facts, subject_kind=subject,
        subject_id=facts.get(subject, "")[:200], occurred_at=at, dedup_key=dedup_key,
    )  # fmt: skip


def labels_of(message: Message) -> dict[str, str]:
    """Return what messages are grouped by: their facts, and what every message has."""
    return {**message.facts, "type": message.type, "severity": str(message.severity), "asset": message.asset}


def about(message: Message) -> str:
    """Return what two messages about one thing have in common; empty for a message about nothing we know."""
    return f"{message.subject_kind}:{message.subject_id}" if message.subject_id else ""


def _lines(data: dict[str, Any]) -> tuple[str, ...]:
    sentences = data.get("sentences")
    told = (
        [str(data["message"])] if data.get("message") else [str(one) for one in sentences[:LISTED]] if isinstance(sentences, list) else []
    )
    return tuple("\n".join(told)[:4000].splitlines()[:200])


def _facts(data: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield short facts; of what is inside a fact, one level, and of lists their first words."""
    for key, value in data.items():
        if key in SAID:
            continue
        if isinstance(value, dict):
            yield from ((f"{key} {inner}"[:60], str(one)[:FACT]) for inner, one in value.items() if _plain(one))
        elif isinstance(value, list):
            words = ", ".join(str(one) for one in value[:LISTED] if _plain(one))
            if words:
                yield str(key)[:60], words[:FACT]
        elif _plain(value):
            yield str(key)[:60], str(value)[:FACT]


def _plain(value: object) -> bool:
    return isinstance(value, (str, int, float, bool)) and value != ""
