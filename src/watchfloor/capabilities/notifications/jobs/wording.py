"""Word messages as their organisation does; where its words do not fit, ours are sent and the delivery's log says why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from watchfloor.capabilities.notifications.engine import texts
from watchfloor.capabilities.notifications.engine.facts import COMMON, names_of
from watchfloor.capabilities.notifications.engine.told import message_of
from watchfloor.capabilities.notifications.engine.wording import Unfit, check, worded
from watchfloor.capabilities.notifications.queries import templates
from watchfloor.capabilities.notifications.schemas.templates import TemplatePreview
from watchfloor.capabilities.notifications.schemas.wire import ChannelKind
from watchfloor.kernel.clock import now
from watchfloor.kernel.events.outbox import heard_as

if TYPE_CHECKING:
    from collections.abc import Iterable
    from uuid import UUID

    from sqlalchemy.orm import Session

    from watchfloor.capabilities.notifications.schemas.message import Message
    from watchfloor.capabilities.notifications.schemas.templates import PreviewTemplate, TemplateText

NOT_USED: Final = "own words were not used: "


class Wording:
    """The words that an organisation keeps for some messages over one kind of channel."""

    def __init__(self, session: Session, org: UUID, kind: ChannelKind, messages: Iterable[Message]) -> None:
        """Read them, all in one statement."""
        heard = {name for one in {message.type for message in messages} for name in heard_as(one)}
        self._texts = templates.texts_of(session, org, kind, heard)

    def find(self, event: str) -> tuple[str, TemplateText] | None:
        """Return the template that is nearest to an event: its own, its noun's, or that of all."""
        return next(((name, self._texts[name]) for name in heard_as(event) if name in self._texts), None)

    def of(self, message: Message) -> tuple[Message, str]:
        """Return a message as it is sent, and what its log says about that."""
        found = self.find(message.type)
        if found is None:
            return message, ""
        try:
            return worded(message, found[1]), ""
        except Unfit as error:
            return message, f"{NOT_USED}the template for {found[0]} is unfit, {error}"


def preview(session: Session, org: UUID, asked: PreviewTemplate) -> TemplatePreview:
    """Return a message as it would be sent; nothing is sent and nothing is kept. Raises InvalidInput for given texts that could not be saved."""
    names, given = names_of(asked.event), asked.text
    data = {name: f"[{name}]" for name in names if name not in COMMON} if asked.data is None else asked.data
    message = message_of(asked.event, str(asked.severity), now(), data, title=asked.title or "")
    kept = Wording(session, org, asked.kind, [message]).find(asked.event) if given is None else None
    if given is not None:
        check(asked.event, given)
    text, problem, shown = given or (kept[1] if kept else None), None, message
    if text is not None:
        try:
            shown = worded(message, text)
        except Unfit as error:
            problem = str(error)
    return TemplatePreview(
        own=shown is not message, template=kept[0] if kept else None, problem=problem, subject=_subject(shown, asked.kind),
        lines=texts.lines(shown), names=list(names),
    )  # fmt: skip


def _subject(message: Message, kind: ChannelKind) -> str:
    if kind is ChannelKind.WEBHOOK:
        return texts.line(message.title)
    return texts.heading(message) if kind is ChannelKind.SLACK else texts.subject(message)
