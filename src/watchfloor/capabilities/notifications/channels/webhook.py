"""Deliver signed webhooks: each posted once to a judged address, over connections that are kept."""

from __future__ import annotations

import ssl
from ipaddress import ip_network
from typing import TYPE_CHECKING, Final

from watchfloor import __version__
from watchfloor.capabilities.notifications.channels import answers
from watchfloor.capabilities.notifications.channels.lanes import Lane, deliver
from watchfloor.capabilities.notifications.schemas.wire import Outcome, Outcomes, Sent
from watchfloor.kernel.clock import monotonic
from watchfloor.kernel.errors import EgressRefused
from watchfloor.kernel.fetch.dial import trust
from watchfloor.kernel.fetch.guard import Reach, locate
from watchfloor.kernel.fetch.post import Answer, Limits, NoAnswer, Poster

if TYPE_CHECKING:
    from watchfloor.capabilities.notifications.schemas.wire import Batch, Envelope
    from watchfloor.kernel.contract import KeepingReport

AGENT: Final = f"Watchfloor/{__version__} (webhooks)"
HOSTS: Final = 20
PER_HOST: Final = 2
LIMITS: Final = Limits()
_BEGIN_S: Final = 1.0
_SILENT: Final = 2  # so many in a row without an answer, and the host is left alone for this batch
_GONE: Final = 410


def send(batch: Batch, report: KeepingReport) -> Outcomes:
    """Post every envelope of a batch and say how each fared."""
    reach = reach_of(batch)
    # Reading the system's authorities takes as long as a dozen messages; what is not shielded needs none.
    shielded = any(not envelope.target["url"].get_secret_value().startswith("http://") for envelope in batch.envelopes)
    trusted = trust(batch.authorities) if shielded else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

    def work(lane: Lane) -> None:
        with Poster(reach, agent=AGENT, trusted=trusted, limits=LIMITS) as poster:
            _post(lane, poster)

    return deliver(batch, report, place=_host, senders=PER_HOST, at_once=HOSTS, send=work)


def reach_of(batch: Batch) -> Reach:
    """Return where envelopes of a batch may go: everywhere public, and where an operator says."""
    return Reach(networks=tuple(ip_network(one) for one in batch.networks), ports=frozenset(batch.ports), plain=True, near=batch.near)


def posted(poster: Poster, envelope: Envelope, url: str, headers: dict[str, str], ends: float) -> tuple[Answer | Outcome, int]:
    """Return the answer, or the outcome where there is none, and the milliseconds that it took."""
    began = monotonic()
    try:
        answer = poster.post(url, envelope.body, headers, ends=ends)
    except EgressRefused as error:
        return _refused(envelope, url, error), ms_since(began)
    except NoAnswer as error:
        return answers.unanswered(envelope, error, ms_since(began)), ms_since(began)
    return answer, ms_since(began)


def _post(lane: Lane, poster: Poster) -> None:
    answered, silent = False, 0
    for envelope in lane:
        if lane.left_s < (_BEGIN_S if answered else LIMITS.total_s):
            lane.leave(envelope, "no time was left in this batch")
            return
        if silent >= _SILENT:
            lane.leave(envelope, "the receiver did not answer those before")
            return
        found, ms = posted(poster, envelope, envelope.target["url"].get_secret_value(), dict(envelope.headers), lane.ends)
        answered = isinstance(found, Answer)
        outcome = _judged(envelope, found, ms) if isinstance(found, Answer) else found
        silent = silent + 1 if not answered and outcome.kind is Sent.RETRY else 0
        lane.tell(outcome)


def _judged(envelope: Envelope, answer: Answer, ms: int) -> Outcome:
    status = answer.status
    if 200 <= status < 300:  # noqa: PLR2004 - taken
        return answers.outcome(envelope, Sent.OK, answer, ms)
    if status == _GONE:
        return answers.outcome(envelope, Sent.DISABLE, answer, ms, reason="the receiver says that it is gone for good")
    reason = f"the receiver answered {status}"
    if 300 <= status < 400:  # noqa: PLR2004 - elsewhere
        reason = "redirect refused: the receiver wants the message elsewhere; set that address instead"
    return answers.outcome(envelope, Sent.RETRY, answer, ms, reason=reason, wait=answers.retry_after(answer))


def _refused(envelope: Envelope, url: str, error: EgressRefused) -> Outcome:
    """Say why without the URL, which is a secret; a host that can be read is none."""
    try:
        locate(url)
        reason = str(error)
    except EgressRefused:
        reason = "the channel's address is no URL that may be asked"
    return Outcome(
        delivery_id=envelope.delivery_id, kind=Sent.PERMANENT, code=EgressRefused.code,
        reason=answers.masked(reason, [], 300),
    )  # fmt: skip


def _host(envelope: Envelope) -> str:
    try:
        return locate(envelope.target["url"].get_secret_value()).origin
    except EgressRefused:
        return ""


def ms_since(began: float) -> int:
    """Return the milliseconds since a moment of the monotonic clock."""
    return max(0, round((monotonic() - began) * 1000))
