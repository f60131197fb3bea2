"""An organisation's own words for its notifications: as they are kept, shown and tried."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, Field, model_validator

from watchfloor.capabilities.notifications.schemas.channels import EventGlob
from watchfloor.capabilities.notifications.schemas.message import Message, Part
from watchfloor.capabilities.notifications.schemas.sends import Data, EventName, Urgency
from watchfloor.capabilities.notifications.schemas.wire import ChannelKind
from watchfloor.kernel.contract import Severity

Subject = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*[^\x00-\x20\x7f][^\x00-\x1f\x7f]*$")]
Body = Annotated[str, Field(max_length=8000, pattern=r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$")]


class Worded(Message):
    """A message in an organisation's words; made when it is sent, and never kept."""


class TemplateText(Part):
    """Texts in which `{name}` is a fact of the event and `{name|words}` has words for where there is none; `{{` is a brace."""

    subject: Subject = Field(description="A mail's subject, a chat's heading, a webhook's title.")
    body: Body = Field(description="The text, a paragraph each line; plain, whatever the channel.")


class TemplatePlace(Part):
    """What a template is for: an event or a pattern, and a kind of channel."""

    event: EventGlob
    kind: ChannelKind


class TemplateView(TemplateText):
    """An organisation's words for an event, or for all that a pattern means, over one kind of channel."""

    event: str
    kind: ChannelKind
    revision: int
    changed_by: str
    changed_at: datetime


class Templates(BaseModel):
    """Templates by event and kind."""

    items: list[TemplateView]


class PreviewTemplate(Part):
    """An event that did not happen, to be worded: by the texts given, or by those that are kept for it."""

    event: EventName
    kind: ChannelKind
    subject: Subject | None = None
    body: Body | None = None
    severity: Urgency = Severity.INFO
    title: str | None = Field(None, min_length=1, max_length=2000)
    data: Data | None = Field(None, description="What is known of the event; without, each fact stands for itself, as [target].")

    @model_validator(mode="after")
    def _is_whole(self) -> PreviewTemplate:
        if (self.subject is None) != (self.body is None):
            message = "give subject and body, or neither to try what is kept"
            raise ValueError(message)
        return self

    @property
    def text(self) -> TemplateText | None:
        """Return the texts that are given."""
        return None if self.subject is None or self.body is None else TemplateText(subject=self.subject, body=self.body)


class TemplatePreview(BaseModel):
    """A message as it would be sent: in the organisation's words when `own`, else in ours; `problem` says why those given or kept are not used."""

    own: bool
    template: str | None = Field(None, description="The event or pattern of the template that is kept and used.")
    problem: str | None
    subject: str
    lines: list[str]
    names: list[str] = Field(description="What a template for this event may name.")
