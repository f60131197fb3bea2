"""Write a message as Slack's blocks, within Slack's limits and with nothing in it that Slack would act on. Pure."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from watchfloor.capabilities.notifications.engine import texts
from watchfloor.capabilities.notifications.schemas.templates import Worded
from watchfloor.kernel.contract import Severity
from watchfloor.kernel.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from watchfloor.capabilities.notifications.schemas.message import Message

# https://docs.slack.dev/reference/block-kit/blocks
BLOCKS: Final = 50
HEADER: Final = 150
SECTION: Final = 3_000
FIELDS: Final = 10
TOTAL: Final = 13_000
ITEMS: Final = 20
_SIGNS: Final = {
    Severity.CRITICAL: ":red_circle:", Severity.HIGH: ":large_orange_circle:", Severity.MEDIUM: ":large_yellow_circle:",
    Severity.LOW: ":large_blue_circle:", Severity.INFO: ":white_circle:",
}  # fmt: skip
_MENTION: Final = re.compile(r"<(?:@[UW][A-Z0-9]{2,20}|!subteam\^S[A-Z0-9]{2,20}|!here|!channel)>", re.ASCII)


def to_slack(
    message: Message, *, items: Sequence[Message] = (), room: str = "", thread: str = "", mentions: Sequence[str] = (), acknowledge: str = "",
    short: bool = False,
) -> bytes:  # fmt: skip
    """Return the JSON to post.

    Args:
        message: What happened.
        items: The messages of a digest; twenty are listed, all are counted.
        room: The channel that a bot writes to; an incoming webhook has its own.
        thread: `ts` of the message that this one belongs under; bots only. What is critical is shown in the room as well.
        mentions: From configuration, such as <@U024BE7LH>; never from what is told. InvalidInput for any other shape.
        acknowledge: The address that the button to acknowledge opens; there is none without.
        short: Only title and link, for a receiver that found the whole too long.
    """
    for mention in mentions:
        if not _MENTION.fullmatch(mention):
            raise InvalidInput(f"{mention[:60]!a} is no mention such as <@U024BE7LH>, <!subteam^S012AB3> or <!here>", field="/mentions")
    title = escaped(texts.subject(message))
    blocks = [
        _header(texts.heading(message)),
        *_beginning(message, mentions),
    ]
    if not short:
        blocks += _rest(message, items)
    blocks = [*_within(blocks, TOTAL - 2 * SECTION), *_buttons(message, acknowledge)][:BLOCKS]
    told: dict[str, Any] = {"text": _within_escaped(title, SECTION), "blocks": blocks, "unfurl_links": False, "unfurl_media": False}
    broadcast = bool(thread) and message.severity is Severity.CRITICAL
    told |= {name: value for name, value in (("channel", room), ("thread_ts", thread), ("reply_broadcast", broadcast)) if value}
    return json.dumps(told, ensure_ascii=False).encode()


def escaped(text: str) -> str:
    """Return text in which nothing is a mention, a link or a command to Slack."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _beginning(message: Message, mentions: Sequence[str]) -> list[dict[str, Any]]:
    """Say how bad it is, about what, and to whom it is said."""
    asset = texts.line(message.asset)
    told = " ".join([_SIGNS[message.severity], *([escaped(asset)] if asset else []), *mentions[:10]])
    return [_section([told])]


def _rest(message: Message, items: Sequence[Message]) -> list[dict[str, Any]]:
    if isinstance(message, Worded):  # who words a message says how long it is
        said = [escaped(one) for one in texts.lines(message)]
        blocks = [_section(said)] if said else []
    else:
        blocks = [_section([escaped(one)]) for one in texts.lines(message, most=8)]
    facts = [_text(f"{escaped(name)}: {escaped(texts.line(value, 300))}") for name, value in texts.facts(message, most=FIELDS).items()]
    blocks += [{"type": "section", "fields": facts}] if facts else []
    if items:
        shown = [f"{_SIGNS[one.severity]} {escaped(texts.line(one.title, 120))}" for one in items[:ITEMS]]
        blocks += [_section([one]) for one in shown]
        blocks.append(_section([f"{len(items)} in all" + (f", {len(items) - ITEMS} of them not shown here" if len(items) > ITEMS else "")]))
    return blocks


def _header(text: str) -> dict[str, Any]:
    return {
        "type": "header",
        "text": {"type": "plain_text", "text": _within_escaped(escaped(texts.line(text, HEADER)), HEADER), "emoji": False},
    }


def _section(parts: Iterable[str]) -> dict[str, Any]:
    return {"type": "section", "text": _text("\n".join(parts))}


def _text(text: str) -> dict[str, Any]:
    """Write text of ours and of others; verbatim: Slack makes no links and mentions out of plain words."""
    return {"type": "mrkdwn", "text": _within_escaped(text, SECTION), "verbatim": True}


def _within_escaped(text: str, most: int) -> str:
    """Cut where no escape sequence is broken."""
    return text if len(text) <= most else re.sub(r"&[a-z]{0,4}$", "", text[: most - len(texts.CUT)]) + texts.CUT


def _buttons(message: Message, acknowledge: str) -> list[dict[str, Any]]:
    found = []
    link = texts.web(message.link)
    if link:
        found.append({"type": "button", "action_id": "open", "text": {"type": "plain_text", "text": "Open"}, "url": link[:SECTION]})
    if acknowledge:
        text = {"type": "plain_text", "text": "Acknowledge"}
        found.append({"type": "button", "action_id": "acknowledge", "text": text, "url": acknowledge})
    return [{"type": "actions", "elements": found}] if found else []


def _within(blocks: list[dict[str, Any]], most: int) -> list[dict[str, Any]]:
    """Return the first blocks that keep all together below a number of characters; the rest is said to be missing."""
    size = 0
    for number, block in enumerate(blocks):
        size += len(json.dumps(block, ensure_ascii=False))
        if size > most or number >= BLOCKS - 2:
            return [*blocks[:number], _section(["More is told where this message leads."])]
    return blocks
