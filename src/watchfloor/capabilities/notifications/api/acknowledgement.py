"""REST without a key: the links in messages by which somebody says that they look after it."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final
from uuid import UUID

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse

from watchfloor.capabilities.notifications.api.links import PAGES, answer
from watchfloor.capabilities.notifications.engine.link_page import Page
from watchfloor.capabilities.notifications.engine.link_words import State
from watchfloor.capabilities.notifications.engine.links import Act
from watchfloor.capabilities.notifications.queries import acknowledging
from watchfloor.kernel.errors import NotFound

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from watchfloor.capabilities.notifications.engine.links import Link

OURS: Final = (Act.ACKNOWLEDGE,)

open_routes = APIRouter(tags=["notifications"])


@open_routes.get("/acknowledgement/{token}", response_class=HTMLResponse, responses=PAGES)
def show_acknowledgement(request: Request, token: str) -> Response:
    """Show the page of a link in a message; needs no key and changes nothing, for programs that look at messages open their links."""
    return answer(request, token, _shown, acts=OURS)


@open_routes.post("/acknowledgement/{token}", response_class=HTMLResponse, responses=PAGES)
def acknowledge_by_link(request: Request, token: str) -> Response:
    """Acknowledge the notification of a link, without a key: its escalations end, and it is not said again. Whoever was first stays."""
    return answer(request, token, _done, acts=OURS)


def _shown(session: Session, request: Request, asked: Link) -> Page:
    del request
    found = acknowledging.standing(session, asked.org, UUID(asked.what))
    if found is None:
        return Page(state=State.GONE)
    who = found.acknowledged_by.removeprefix(acknowledging.LINK) if found.acknowledged_by else asked.user
    return Page(state=State.ACKNOWLEDGED if found.acknowledged_by else State.ASK_ACKNOWLEDGE, user=who, what=found.title)


def _done(session: Session, request: Request, asked: Link) -> Page:
    with suppress(NotFound):  # its page says so
        acknowledging.acknowledge(session, asked.org, UUID(asked.what), actor=f"{acknowledging.LINK}{asked.user}")
    return _shown(session, request, asked)
