"""Texts from outside, made fit for a channel: nothing in them hides, reorders, breaks a line or floods. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from watchfloor.capabilities.notifications.schemas.templates import Worded

if TYPE_CHECKING:
    from watchfloor.capabilities.notifications.schemas.message import Message

TITLE: Final = 200
LINE: Final = 2_000
CUT: Final = " […]"
# Controls, direction overrides and isolates, what has no width, line separators, halves of pairs, what is no character.
_HIDDEN: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff0-\uffff\ud800-\udfff\U000e0000-\U000e0fff]"
)


def line(text: str, most: int = TITLE) -> str:
    """Return one line in which nothing is hidden; what was cut is marked."""
    return _cut(" ".join(_HIDDEN.sub(" ", text[: 4 * most]).split()), most)


def lines(message: Message, most: int = 60, longest: int = LINE) -> list[str]:
    """Return a message's text, one line for each; empty ones are left out, what was cut is marked."""
    found = [told for one in message.lines if (told := line(one, longest))]
    return found if len(found) <= most else [*found[:most], f"{len(found) - most} more lines are not shown here."]


def facts(message: Message, most: int = 30, longest: int = 500) -> dict[str, str]:
    """Return a message's facts as lines of text; none where an organisation's words name those that it wants to be read."""
    if isinstance(message, Worded):
        return {}
    return {line(name.replace("_", " "), 60): line(value, longest) for name, value in list(message.facts.items())[:most] if value}


def web(link: str) -> str:
    """Return a link that leads to a web page, or an empty text: nothing else is ever made clickable."""
    fine = re.match(r"https?://[A-Za-z0-9\[]", link) and not re.search(r"[\s\"'<>\\^`{|}]|[^\x21-\x7e]", link)
    return link if fine else ""


def subject(message: Message, product: str = "Watchfloor") -> str:
    """Return a message's title as people filter it: product, severity, title, asset; or an organisation's own."""
    if isinstance(message, Worded):
        return line(message.title)
    asset = line(message.asset, 100)
    return f"[{product}] {heading(message)}" + (f" ({asset})" if asset else "")


def heading(message: Message) -> str:
    """Return a message's severity and title, or an organisation's own."""
    title = line(message.title) or line(message.type)
    return title if isinstance(message, Worded) else f"{message.severity.upper()} - {title}"


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - len(CUT)] + CUT
