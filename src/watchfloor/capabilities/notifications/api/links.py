"""REST without a key: what every link in a message has in common, from its signature to its page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from fastapi.responses import HTMLResponse

from watchfloor.capabilities.notifications.engine.link_page import POLICY, Page, link_page, locale_of
from watchfloor.capabilities.notifications.engine.link_words import State
from watchfloor.capabilities.notifications.engine.links import PURPOSE, demand_act, demand_fresh, org_of, read_token
from watchfloor.capabilities.notifications.queries import unsubscribing
from watchfloor.capabilities.notifications.queries.wishes import get_preference
from watchfloor.kernel.audit.record import record_refusal
from watchfloor.kernel.errors import Conflict, Expired, Forged, Gone, NotFound

if TYPE_CHECKING:
    from collections.abc import Callable, Container

    from fastapi import Request, Response
    from sqlalchemy.orm import Session

    from watchfloor.capabilities.notifications.engine.links import Act, Link
    from watchfloor.kernel.jobs.ledger import Ledger
    from watchfloor.kernel.tenancy.limits import Limits

Answer: TypeAlias = "Callable[[Session, Request, Link], Page]"
HEADERS: Final = {"Content-Security-Policy": POLICY, "X-Robots-Tag": "noindex"}
PAGES: Final[dict[int | str, dict[str, Any]]] = {
    200: {"description": "A page for people.", "content": {"text/html": {"schema": {"type": "string"}}}}
}


class Refused(Exception):
    """A link that is good and does nothing all the same: its page, and why. With a `reason` it goes into the audit."""

    def __init__(self, page: Page, message: str, *, reason: str = "") -> None:
        """Take what is shown, and said to programs."""
        super().__init__(message)
        self.page, self.reason = page, reason


@dataclass(frozen=True)
class _Decided:
    page: Page
    locale: str
    error: NotFound | Gone | Conflict | None = None


def answer(request: Request, token: str, act: Answer, *, acts: Container[Act]) -> Response:
    """Answer with a page; what is refused is a page for a browser and problem+json for everybody else. `acts` are those of this address."""
    decided = _decided(request, token, act, acts)
    if decided.error is not None and "text/html" not in request.headers.get("accept", ""):
        raise decided.error
    return HTMLResponse(link_page(decided.page, decided.locale), decided.error.status if decided.error else 200, HEADERS)


def ledger_of(request: Request) -> Ledger:
    """Return the ledger of the API."""
    found: Ledger = request.app.state.ledger
    return found


def address_of(request: Request) -> str | None:
    """Return where a request came from."""
    return request.client.host if request.client else None


def _decided(request: Request, token: str, act: Answer, acts: Container[Act]) -> _Decided:
    locale = locale_of(request.headers.get("accept-language", ""))
    try:
        asked = _verified(request, token, acts)
    except NotFound as error:
        return _Decided(Page(state=State.INVALID), locale, error)
    database = ledger_of(request).database
    try:
        with database.transaction(asked.org) as session:
            demand_fresh(asked, unsubscribing.moment(session))
            locale = get_preference(session, asked.org, asked.user).wishes.locale or locale
            return _Decided(act(session, request, asked), locale)
    except Expired as error:
        return _Decided(Page(state=State.EXPIRED), locale, Gone(str(error)))
    except Refused as refused:
        if refused.reason:
            record_refusal(
                database, asked.org, actor=f"link of {asked.user}", operation=str(asked.act), object=asked.user, reason=refused.reason
            )
        return _Decided(refused.page, locale, Conflict(str(refused)))


def _verified(request: Request, token: str, acts: Container[Act]) -> Link:
    """Return what a token asks for, without a look into the database; raises NotFound, and TooMuch for who guesses or never stops."""
    limits: Limits = request.app.state.limits
    try:
        asked = read_token(ledger_of(request).vault.link_key(org_of(token), PURPOSE), token)
        demand_act(asked, acts)
    except Forged as error:
        limits.guess(address_of(request) or "local", 1)
        raise NotFound(str(error)) from None
    limits.request((PURPOSE, asked.org, asked.user))
    return asked
