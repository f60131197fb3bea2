"""REST without a key: the links in mails that unsubscribe with one click (RFC 8058), and those that take it back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse

from watchfloor.capabilities.notifications.engine.unsubscribe import (
    PURPOSE,
    Act,
    Unsubscription,
    demand_act,
    demand_fresh,
    make_token,
    org_of,
    read_token,
)
from watchfloor.capabilities.notifications.engine.unsubscribe_page import POLICY, Page, locale_of, unsubscribe_page
from watchfloor.capabilities.notifications.engine.unsubscribe_words import State
from watchfloor.capabilities.notifications.queries import unsubscribing
from watchfloor.capabilities.notifications.queries.wishes import get_preference
from watchfloor.kernel.audit.record import record_refusal
from watchfloor.kernel.errors import Conflict, Expired, Forged, Gone, NotFound
from watchfloor.kernel.events.outbox import heard_as

if TYPE_CHECKING:
    from collections.abc import Callable, Container

    from sqlalchemy.orm import Session

    from watchfloor.kernel.jobs.ledger import Ledger
    from watchfloor.kernel.tenancy.limits import Limits

Answer: TypeAlias = "Callable[[Session, Request, Unsubscription], Page]"
OURS: Final = (Act.UNSUBSCRIBE, Act.UNDO)
HEADERS: Final = {"Content-Security-Policy": POLICY, "X-Robots-Tag": "noindex"}
PAGES: Final[dict[int | str, dict[str, Any]]] = {
    200: {"description": "A page for people.", "content": {"text/html": {"schema": {"type": "string"}}}}
}

open_routes = APIRouter(tags=["notifications"])


@open_routes.get("/unsubscribe/{token}", response_class=HTMLResponse, responses=PAGES)
def show_unsubscription(request: Request, token: str) -> Response:
    """Show the page of a link in a mail; needs no key and changes nothing, for programs that look at mail open its links."""
    return answer(request, token, _shown)


@open_routes.post("/unsubscribe/{token}", response_class=HTMLResponse, responses=PAGES)
def unsubscribe(request: Request, token: str) -> Response:
    """Do at once what a link in a mail says, without a key (RFC 8058): unsubscribe from its type of event, or take that back within 30 days."""
    return answer(request, token, _done)


@dataclass(frozen=True)
class _Decided:
    page: Page
    locale: str
    error: NotFound | Gone | Conflict | None = None


def answer(request: Request, token: str, act: Answer, *, acts: Container[Act] = OURS) -> Response:
    """Answer with a page; what is refused is a page for a browser and problem+json for everybody else."""
    decided = _decided(request, token, act, acts)
    if decided.error is not None and "text/html" not in request.headers.get("accept", ""):
        raise decided.error
    return HTMLResponse(unsubscribe_page(decided.page, decided.locale), decided.error.status if decided.error else 200, HEADERS)


def _decided(request: Request, token: str, act: Answer, acts: Container[Act]) -> _Decided:
    locale = locale_of(request.headers.get("accept-language", ""))
    try:
        asked = _verified(request, token, acts)
    except NotFound as error:
        return _Decided(Page(state=State.INVALID), locale, error)
    with _ledger(request).database.transaction(asked.org) as session:
        try:
            demand_fresh(asked, unsubscribing.moment(session))
        except Expired as error:
            return _Decided(Page(state=State.EXPIRED), locale, Gone(str(error)))
        locale = get_preference(session, asked.org, asked.user).wishes.locale or locale
        try:
            page = act(session, request, asked)
        except Conflict as error:
            return _Decided(Page(state=State.FULL, user=asked.user, what=asked.what), locale, error)
    if page.state is State.MANDATORY and act is _done:
        return _Decided(page, locale, Conflict(_refused(request, asked)))
    return _Decided(page, locale)


def _verified(request: Request, token: str, acts: Container[Act]) -> Unsubscription:
    """Return what a token asks for, without a look into the database; raises NotFound, and TooMuch for who guesses or never stops."""
    limits: Limits = request.app.state.limits
    try:
        asked = read_token(_ledger(request).vault.link_key(org_of(token), PURPOSE), token)
        demand_act(asked, acts)
    except Forged as error:
        limits.guess(_address(request) or "local", 1)
        raise NotFound(str(error)) from None
    limits.request((PURPOSE, asked.org, asked.user))
    return asked


def _shown(session: Session, request: Request, asked: Unsubscription) -> Page:
    state = _standing(session, asked)
    if asked.act is Act.UNDO:
        state = {State.OUT: State.ASK_UNDO, State.ASK: State.BACK}.get(state, state)
    return _page(session, request, asked, state)


def _done(session: Session, request: Request, asked: Unsubscription) -> Page:
    told = {"request_id": request.scope.get("request_id"), "address": _address(request)}
    if asked.act is Act.UNDO:
        unsubscribing.opt_in(session, asked.org, asked.user, asked.what, **told)
        return _shown(session, request, asked)
    if _standing(session, asked) is State.ASK:
        unsubscribing.opt_out(session, asked.org, asked.user, asked.what, **told)
    return _shown(session, request, asked)


def _standing(session: Session, asked: Unsubscription) -> State:
    """Return whether a person is told of a type of event (ASK), always is, or opted out: of just this (OUT), or of many at once (COVERED)."""
    if asked.act is Act.UNSUBSCRIBE and unsubscribing.list_mandatory(session, asked.org, [(asked.user, asked.what)]):
        return State.MANDATORY
    opted_out = set(get_preference(session, asked.org, asked.user).wishes.opted_out)
    _, *many = heard_as(asked.what)
    if opted_out & set(many):
        return State.COVERED
    return State.OUT if asked.what in opted_out else State.ASK


def _page(session: Session, request: Request, asked: Unsubscription, state: State) -> Page:
    """Return what is shown; who is unsubscribed is handed a link that undoes it."""
    undo = ""
    if state is State.OUT:
        back = Unsubscription(org=asked.org, user=asked.user, act=Act.UNDO, what=asked.what, issued=unsubscribing.moment(session))
        undo = make_token(_ledger(request).vault.link_key(asked.org, PURPOSE), back)
    return Page(state=state, user=asked.user, what=asked.what, undo=undo)


def _refused(request: Request, asked: Unsubscription) -> str:
    """Write down what was refused; return why, in words."""
    record_refusal(
        _ledger(request).database, asked.org, actor=f"link of {asked.user}", operation="unsubscribe", object=asked.user, reason=f"{asked.what} is mandatory"
    )  # fmt: skip
    return f"The organisation has decided that {asked.user} is always told of {asked.what}. Its administrators can change that."


def _ledger(request: Request) -> Ledger:
    found: Ledger = request.app.state.ledger
    return found


def _address(request: Request) -> str | None:
    return request.client.host if request.client else None
