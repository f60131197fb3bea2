"""REST without a key: the links in mails that unsubscribe with one click (RFC 8058), and those that take it back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse

from watchfloor.capabilities.notifications.api.links import PAGES, Refused, address_of, answer, ledger_of
from watchfloor.capabilities.notifications.engine.link_page import Page
from watchfloor.capabilities.notifications.engine.link_words import State
from watchfloor.capabilities.notifications.engine.links import PURPOSE, Act, Link, make_token
from watchfloor.capabilities.notifications.queries import unsubscribing
from watchfloor.capabilities.notifications.queries.wishes import get_preference
from watchfloor.kernel.errors import Conflict
from watchfloor.kernel.events.outbox import heard_as

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

OURS: Final = (Act.UNSUBSCRIBE, Act.UNDO)

open_routes = APIRouter(tags=["notifications"])


@open_routes.get("/unsubscribe/{token}", response_class=HTMLResponse, responses=PAGES)
def show_unsubscription(request: Request, token: str) -> Response:
    """Show the page of a link in a mail; needs no key and changes nothing, for programs that look at mail open its links."""
    return answer(request, token, _shown, acts=OURS)


@open_routes.post("/unsubscribe/{token}", response_class=HTMLResponse, responses=PAGES)
def unsubscribe(request: Request, token: str) -> Response:
    """Do at once what a link in a mail says, without a key (RFC 8058): unsubscribe from its type of event, or take that back within 30 days."""
    return answer(request, token, _done, acts=OURS)


def _shown(session: Session, request: Request, asked: Link) -> Page:
    state = _standing(session, asked)
    if asked.act is Act.UNDO:
        state = {State.OUT: State.ASK_UNDO, State.ASK: State.BACK}.get(state, state)
    return _page(session, request, asked, state)


def _done(session: Session, request: Request, asked: Link) -> Page:
    told = {"request_id": request.scope.get("request_id"), "address": address_of(request)}
    if asked.act is Act.UNDO:
        unsubscribing.opt_in(session, asked.org, asked.user, asked.what, **told)
        return _shown(session, request, asked)
    state = _standing(session, asked)
    if state is State.MANDATORY:
        message = f"The organisation has decided that {asked.user} is always told of {asked.what}. Its administrators can change that."
        raise Refused(_page(session, request, asked, state), message, reason=f"{asked.what} is mandatory")
    if state is State.ASK:
        try:
            unsubscribing.opt_out(session, asked.org, asked.user, asked.what, **told)
        except Conflict as error:
            raise Refused(Page(state=State.FULL, user=asked.user, what=asked.what), str(error)) from None
    return _shown(session, request, asked)


def _standing(session: Session, asked: Link) -> State:
    """Return whether a person is told of a type of event (ASK), always is, or opted out: of just this (OUT), or of many at once (COVERED)."""
    if asked.act is Act.UNSUBSCRIBE and unsubscribing.list_mandatory(session, asked.org, [(asked.user, asked.what)]):
        return State.MANDATORY
    opted_out = set(get_preference(session, asked.org, asked.user).wishes.opted_out)
    _, *many = heard_as(asked.what)
    if opted_out & set(many):
        return State.COVERED
    return State.OUT if asked.what in opted_out else State.ASK


def _page(session: Session, request: Request, asked: Link, state: State) -> Page:
    """Return what is shown; who is unsubscribed is handed a link that undoes it."""
    undo = ""
    if state is State.OUT:
        back = Link(org=asked.org, user=asked.user, act=Act.UNDO, what=asked.what, issued=unsubscribing.moment(session))
        undo = make_token(ledger_of(request).vault.link_key(asked.org, PURPOSE), back)
    return Page(state=state, user=asked.user, what=asked.what, undo=undo)
