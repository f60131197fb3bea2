"""What the pages say that links in mails open. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class State(StrEnum):
    """What a page says."""

    ASK = "ask"
    OUT = "out"
    COVERED = "covered"
    MANDATORY = "mandatory"
    ASK_UNDO = "ask_undo"
    BACK = "back"
    FULL = "full"
    INVALID = "invalid"
    EXPIRED = "expired"
    ASK_ACKNOWLEDGE = "ask_acknowledge"
    ACKNOWLEDGED = "acknowledged"
    GONE = "gone"


@dataclass(frozen=True)
class Words:
    """A page's heading, its one paragraph, which may name {user} and then {what}, and the word on its button."""

    title: str
    text: str
    button: str = ""


ENGLISH: Final = {
    State.ASK: Words(
        "Unsubscribe?", "{user} will be told of {what} no more, over any channel. It will still be found in the inbox.", "Unsubscribe"
    ),
    State.OUT: Words("Unsubscribed", "{user} is told of {what} no more. Was that a mistake? It can be undone here for 30 days.", "Undo"),
    State.COVERED: Words(
        "Unsubscribed",
        "{user} is told of {what} no more: the settings leave out many events at once, and this is one of them. They can change that.",
    ),
    State.MANDATORY: Words(
        "This cannot be unsubscribed",
        "The organisation has decided that {user} is always told of {what}. Nothing was changed. Its administrators can change that.",
    ),
    State.ASK_UNDO: Words("Be told again?", "{user} will be told of {what} again.", "Be told again"),
    State.BACK: Words("Told again", "{user} is told of {what} again, as the settings say."),
    State.FULL: Words(
        "This could not be unsubscribed",
        "{user} has opted out of as many events as there may be. Nothing was changed. Opt out in the settings instead.",
    ),
    State.INVALID: Words(
        "This link does not work",
        "It is not one of ours, or a part of it is missing. Copy it completely, or change what you hear of in your settings.",
    ),
    State.ASK_ACKNOWLEDGE: Words(
        "Acknowledge?", "{user} looks after this: {what}. Then nobody else is told, and it is not said again.", "Acknowledge"
    ),
    State.ACKNOWLEDGED: Words("Acknowledged", "{user} looks after this: {what}. Nobody else is told, and it is not said again."),
    State.GONE: Words("There is nothing to acknowledge", "This notification is not kept any more."),
    State.EXPIRED: Words(
        "This link has expired", "Nothing was changed. Use the link of a newer message, or change what you hear of in your settings."
    ),
}
