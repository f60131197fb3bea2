"""REST: an organisation's own words for its notifications."""

# ruff: noqa: TC001 - FastAPI reads annotations when the program runs
from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path

from watchfloor.capabilities.notifications.engine.wording import check
from watchfloor.capabilities.notifications.jobs import wording
from watchfloor.capabilities.notifications.queries import templates
from watchfloor.capabilities.notifications.schemas.channels import EventGlob
from watchfloor.capabilities.notifications.schemas.templates import PreviewTemplate, TemplatePreview, Templates, TemplateText, TemplateView
from watchfloor.capabilities.notifications.schemas.wire import ChannelKind
from watchfloor.kernel.tenancy.access import Caller

routes = APIRouter(tags=["notifications"])
Event = Annotated[EventGlob, Path(description="An event such as finding.opened, all of a noun as finding.*, or * for all.")]
Kind = Annotated[ChannelKind, Path(description="A kind of channel.")]


@routes.get("/templates")
def list_templates(caller: Caller) -> Templates:
    """List the organisation's own words by event and kind of channel."""
    with caller.transaction() as session:
        return Templates(items=templates.list_templates(session, caller.org))


@routes.post("/templates/preview")
def preview_template(caller: Caller, body: PreviewTemplate) -> TemplatePreview:
    """Show an event as it would be worded, by texts that are given or those that are kept; nothing is sent and nothing is kept."""
    with caller.transaction() as session:
        return wording.preview(session, caller.org, body)


@routes.get("/templates/{event}/{kind}")
def get_template(caller: Caller, event: Event, kind: Kind) -> TemplateView:
    """Show the words for an event, or for a pattern, over one kind of channel."""
    with caller.transaction() as session:
        return templates.get_template(session, caller.org, event, kind)


@routes.put("/templates/{event}/{kind}")
def set_template(caller: Caller, event: Event, kind: Kind, body: TemplateText) -> TemplateView:
    """Word such messages so from now on; of several that fit an event the nearest counts. Names that it has not are refused."""
    check(event, body)
    with caller.transaction() as session:
        templates.set_template(session, caller.org, event, kind, body, actor=caller.name)
        return templates.get_template(session, caller.org, event, kind)


@routes.delete("/templates/{event}/{kind}", status_code=204)
def delete_template(caller: Caller, event: Event, kind: Kind) -> None:
    """Word such messages as Watchfloor does again."""
    with caller.transaction() as session:
        templates.delete_template(session, caller.org, event, kind, actor=caller.name)
