"""Write a message as title and text for chats and phones of many makes, with nothing in it that one of them would act on. Pure."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final

from watchfloor.capabilities.notifications.engine import texts
from watchfloor.kernel.contract import Severity

if TYPE_CHECKING:
    from watchfloor.capabilities.notifications.schemas.message import Message

TITLE: Final = 200
BODY: Final = 700  # cards of Teams hold 1,000 characters, a phone's screen less
_LINKS: Final = 300
_SORTS: Final = {
    Severity.CRITICAL: "failure", Severity.HIGH: "failure", Severity.MEDIUM: "warning", Severity.LOW: "info", Severity.INFO: "info",
}  # fmt: skip
# What begins a mention, a tag, a link with a text of its own, or a link.
_ACTIVE: Final = re.compile(r"[@<]|\](?=\()|://")
_NOTHING: Final = "\u200b"


def to_apprise(message: Message) -> bytes:
    """Return JSON with `title`, `body` and `type`; what is left out for want of room is where the link leads, which always fits."""
    link = texts.web(message.link)
    link = link if len(link) <= _LINKS else ""
    facts = [f"{name}: {value}" for name, value in texts.facts(message, most=8, longest=200).items()]
    told = _fitting([inert(one) for one in (*texts.lines(message, most=8, longest=400), *facts)], BODY - len(link) - 1)
    title = inert(texts.line(texts.subject(message), TITLE))
    body = "\n".join([*told, *([link] if link else [])]) or title
    return json.dumps({"title": title, "body": body, "type": _SORTS[message.severity]}, ensure_ascii=False).encode()


def inert(text: str) -> str:
    """Return text that looks the same and in which no chat finds a mention, a tag or a link."""
    return _ACTIVE.sub(lambda found: found[0] + _NOTHING, text)


def _fitting(lines: list[str], most: int) -> list[str]:
    found: list[str] = []
    for one in lines:
        most -= len(one) + 1
        if most < len(texts.CUT):
            return [*found, texts.CUT.strip()]
        found.append(one)
    return found
