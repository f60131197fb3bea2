"""Deliver messages to the long tail of chats and phones: Apprise knows how each wants them put, our connections carry them."""

from __future__ import annotations

import hashlib
import logging
import time
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from pydantic_core import from_json

from watchfloor import __version__
from watchfloor.capabilities.notifications.channels import answers, carrier, webhook
from watchfloor.capabilities.notifications.channels.lanes import Lane, deliver
from watchfloor.capabilities.notifications.schemas.apprise import scheme_of, service_of
from watchfloor.capabilities.notifications.schemas.wire import Outcome, Outcomes, Sent
from watchfloor.kernel.clock import monotonic
from watchfloor.kernel.errors import EgressRefused, InvalidInput
from watchfloor.kernel.fetch.dial import trust
from watchfloor.kernel.fetch.patience import Pace
from watchfloor.kernel.fetch.post import Limits, NoAnswer, Poster

if TYPE_CHECKING:
    from watchfloor.capabilities.notifications.schemas.wire import Batch, Envelope
    from watchfloor.kernel.contract import KeepingReport
    from watchfloor.kernel.fetch.post import Answer

AGENT: Final = f"Watchfloor/{__version__} (Apprise)"
PLACES: Final = 2
EVERY_S: Final = 1.0  # what the strictest of them, Telegram, takes in one chat
UNREADABLE: Final = "apprise_url"
_BEGIN_S: Final = 5.0
_LIMITS: Final = Limits(body_bytes=64 << 10)
_TOO_MANY, _GONE = 429, 410


def send(batch: Batch, report: KeepingReport) -> Outcomes:
    """Send every envelope of a batch and say how each fared."""
    reach, trusted = webhook.reach_of(batch), trust(batch.authorities)

    def work(lane: Lane) -> None:
        with Poster(reach, agent=AGENT, trusted=trusted, limits=_LIMITS) as poster:
            post(lane, poster)

    with carrier.in_place():
        return deliver(batch, report, place=_room, senders=1, at_once=PLACES, send=work)


def opened(url: str) -> Any:  # noqa: ANN401 - one class of Apprise's for each service
    """Return what speaks to the service of an address.

    Raises:
        InvalidInput: No service that is let through, an address that it cannot read, or more than one receiver. Shows no secret.
    """
    try:
        service = service_of(url)
    except ValueError as error:
        raise InvalidInput(str(error), field="/url") from None
    _quiet()
    plugin = getattr(import_module(f"apprise.plugins.{service.module}"), service.name)
    try:
        with carrier.sealed():
            found = plugin(**plugin.parse_url(url), asset=_asset())
    except Exception:  # noqa: BLE001 - whatever a parser stumbles over; its words may repeat the address
        forms = ", ".join(str(one).replace("{schema}", scheme_of(url)) for one in plugin.templates[:3])
        raise InvalidInput(f"this is no address of that service; one is {forms}", field="/url") from None
    if getattr(found, "template", None):  # found where we did not look for it: a file, or a page somewhere else
        raise InvalidInput("this address names a template; leave it out", field="/url")
    if getattr(found, "detect_owner", False):
        # Who wrote to a bot last would be told all: anybody can.
        raise InvalidInput("this address names no chat; put the chat's id behind the bot's token", field="/url")
    if len(found) != 1:
        raise InvalidInput(
            f"this address names {len(found)} receivers; make a channel for each, so that each is tried by itself", field="/url"
        )
    return found


def origin(url: str) -> str | None:
    """Return the server that an address leads to where it is somebody's own, as a URL; None for a service of fixed address. See `opened`."""
    found = opened(url)
    if not service_of(url).hosted or str(getattr(found, "mode", "")) == "cloud":
        return None
    secure = getattr(found, "secure", True) or scheme_of(url) == "workflows"
    port = f":{found.port}" if found.port else ""
    return f"{'https' if secure else 'http'}://{found.host}{port}/"


def post(lane: Lane, poster: Poster) -> None:
    """Send what is in a lane, one a second; a receiver that asks to wait is left alone with all that is for it."""
    pace = Pace(EVERY_S, time.sleep)
    for envelope in lane:
        if lane.left_s < _BEGIN_S + EVERY_S:
            lane.leave(envelope, "no time was left in this batch")
            return
        pace.wait()
        outcome = _told(envelope, poster, lane.ends)
        lane.tell(outcome)
        if outcome.retry_after_s is not None:
            for one in lane:
                lane.leave(one, "the service asks to wait", outcome.retry_after_s)
            return


def _told(envelope: Envelope, poster: Poster, ends: float) -> Outcome:
    began, trip = monotonic(), carrier.Trip(poster, ends)
    try:
        service = opened(envelope.target["url"].get_secret_value())
    except InvalidInput as error:
        return _failed(envelope, Sent.PERMANENT, UNREADABLE, str(error), began)
    service.throttle = _at_once
    told: dict[str, str] = from_json(envelope.body)
    # For a service that takes Markdown alone, text would be escaped, and links in it broken; without a format it is left as it is.
    shape = None if service.notify_format == "markdown" else "text"
    try:
        with carrier.sealed(trip):
            taken = bool(
                service.notify(title=told["title"], body=told["body"], notify_type=told["type"], body_format=shape, overflow="truncate")
            )
    except Exception:  # noqa: BLE001 - what a stranger's code stumbles over; the trip knows what came of the message
        taken = False
    return _judged(envelope, trip, began, taken=taken)


def _judged(envelope: Envelope, trip: carrier.Trip, began: float, *, taken: bool) -> Outcome:
    ms = webhook.ms_since(began)
    if isinstance(trip.error, EgressRefused):
        return _failed(envelope, Sent.PERMANENT, EgressRefused.code, str(trip.error), began)
    if isinstance(trip.error, NoAnswer):
        return answers.unanswered(envelope, trip.error, ms)
    if trip.answer is None:
        return _failed(envelope, Sent.PERMANENT, "not_sent", "the service's address lacks something: Apprise sent nothing", began)
    return _answered(envelope, trip.answer, ms, taken=taken)


def _answered(envelope: Envelope, answer: Answer, ms: int, *, taken: bool) -> Outcome:
    status, told = answer.status, answers.outcome
    if taken:
        return told(envelope, Sent.OK, answer, ms)
    if status == _GONE:
        return told(envelope, Sent.DISABLE, answer, ms, reason="the service says that this receiver is gone for good")
    if status == _TOO_MANY:
        return told(envelope, Sent.RETRY, answer, ms, reason="the service asks to wait", wait=answers.retry_after(answer) or 30.0)
    if 200 <= status < 300:  # noqa: PLR2004 - taken, but for what Apprise reads in it
        return told(envelope, Sent.RETRY, answer, ms, code="refused", reason="the service's answer says that it did not take the message")
    reason = "redirect refused" if 300 <= status < 400 else f"the service answered {status}"  # noqa: PLR2004 - elsewhere
    return told(envelope, Sent.RETRY, answer, ms, reason=reason)


def _failed(envelope: Envelope, kind: Sent, code: str, reason: str, began: float) -> Outcome:
    reason = answers.masked(reason, answers.secrets_of(envelope), 300)
    return Outcome(delivery_id=envelope.delivery_id, kind=kind, code=code, ms=webhook.ms_since(began), reason=reason)


def _room(envelope: Envelope) -> str:
    """Name where an envelope goes without naming it: a lane is called by this."""
    return hashlib.sha256(envelope.target["url"].get_secret_value().encode()).hexdigest()


def _at_once(*_: object, **__: object) -> None:
    """Stand where Apprise would sleep: lanes keep the pace."""


@cache
def _quiet() -> None:
    """Let Apprise write no log: what it writes repeats addresses, which are secrets."""
    logging.getLogger("apprise").disabled = True


@cache
def _asset() -> Any:  # noqa: ANN401 - see opened
    """Return how Apprise is to behave: nothing kept on disk, no pictures of somebody's server, no redirects."""
    from apprise import AppriseAsset, PersistentStoreMode  # noqa: PLC0415 - loaded where such a channel is used

    return AppriseAsset(
        app_id="Watchfloor", app_desc="Watchfloor", app_url="", image_url_mask="", image_url_logo="", language="en", async_mode=False,
        http_redirects=False, allow_templates=False, storage_mode=PersistentStoreMode.MEMORY,
    )  # fmt: skip
