"""An organisation's own words for its notifications: text in which `{name}` stands for a fact, and nothing else has a meaning. Pure.

    {target} is open on port {port|an unknown port}

A name that the message has no value for ends in the words after `|`; without those the template fails, and our own words are sent. `{{` and
`}}` are braces. Values are put in once and never read again, so that no fact can name another.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from watchfloor.capabilities.notifications.engine.facts import COMMON, names_of, values_of
from watchfloor.capabilities.notifications.engine.texts import line
from watchfloor.capabilities.notifications.schemas.templates import Worded
from watchfloor.kernel.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from watchfloor.capabilities.notifications.schemas.message import Message
    from watchfloor.capabilities.notifications.schemas.templates import TemplateText

PLACES: Final = 100
MOST: Final = 20_000
LINES: Final = 200
_PART: Final = re.compile(r"\{\{|\}\}|\{([a-z][a-z0-9_]{0,99})(?:\|([^{}\n]{0,200}))?\}|[{}]")
_BRACES: Final = {"{{": "{", "}}": "}"}


class Unfit(Exception):
    """A template cannot word this message; says why."""


@dataclass(frozen=True)
class Place:
    """A name in a template, what stands there where there is no value, and where it begins."""

    name: str
    otherwise: str | None
    at: int
    length: int


def check(event: str, text: TemplateText) -> None:
    """Raise InvalidInput for braces that mean nothing and for names that no such event has."""
    known = names_of(event)
    for field, template in (("/subject", text.subject), ("/body", text.body)):
        places = [part for part in _parts(template, field) if isinstance(part, Place)]
        if len(places) > PLACES:
            raise InvalidInput(f"a text has {PLACES} names at most, this one has {len(places)}", field=field)
        if unknown := [one for one in places if one.name not in known]:
            names = ", ".join(dict.fromkeys(one.name for one in unknown))
            close = difflib.get_close_matches(unknown[0].name, known, 1)
            raise InvalidInput(
                f"{event} has no {names}; there are {', '.join(known)}", field=field, position=unknown[0].at, length=unknown[0].length,
                did_you_mean=close[0] if close else None,
            )  # fmt: skip


def worded(message: Message, text: TemplateText) -> Worded:
    """Return a message in an organisation's words; what makes it one message, and its facts, stay.

    Raises:
        Unfit: It names what this message has not, says nothing, or was made for another version.
    """
    values = values_of(message)
    try:
        subject, body = _filled(text.subject, values), _filled(text.body, values)
    except InvalidInput as error:
        raise Unfit(str(error)) from error
    if not line(subject):
        message_ = "its subject is empty"
        raise Unfit(message_)
    told = message.model_dump(exclude={"title", "lines"})
    return Worded(title=line(subject), lines=tuple(body.splitlines()[:LINES]), **told)


def _filled(template: str, values: Mapping[str, str]) -> str:
    """Put the values in their places; stops where the text is longer than anything that is sent."""
    made, size = [], 0
    for part in _parts(template, ""):
        told = part if isinstance(part, str) else _value(part, values)
        made.append(told)
        size += len(told)
        if size > MOST:
            break
    return "".join(made)[:MOST]


def _value(place: Place, values: Mapping[str, str]) -> str:
    value = values.get(place.name, "")
    if value or (place.otherwise is None and place.name in COMMON):
        return value
    if place.otherwise is None:
        message = f"the message has no {place.name}"
        raise Unfit(message)
    return place.otherwise


def _parts(template: str, field: str) -> Iterator[str | Place]:
    """Yield texts and places in their order; raises InvalidInput for a brace that belongs to nothing."""
    end = 0
    for found in _PART.finditer(template):
        yield template[end : found.start()]
        end = found.end()
        if found[1] is not None:
            yield Place(found[1], found[2], found.start(), end - found.start())
        elif found[0] in _BRACES:
            yield _BRACES[found[0]]
        else:
            raise InvalidInput(
                "a brace stands alone: a fact is named as {target} or {port|none}, a brace is written twice", field=field or None,
                position=found.start(), length=1,
            )  # fmt: skip
    yield template[end:]
