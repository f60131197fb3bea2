"""Deliver messages to Slack, by incoming webhooks and as a bot: one a second to each room, and what Slack says understood."""

from __future__ import annotations

import hashlib
import re
import time
from ipaddress import ip_network
from typing import TYPE_CHECKING, Any, Final

from pydantic_core import from_json

from watchfloor import __version__
from watchfloor.capabilities.notifications.channels import answers, webhook
from watchfloor.capabilities.notifications.channels.lanes import Lane, deliver
from watchfloor.capabilities.notifications.schemas.wire import Outcome, Outcomes, Sent
from watchfloor.kernel.fetch.dial import trust
from watchfloor.kernel.fetch.guard import Reach
from watchfloor.kernel.fetch.patience import Pace
from watchfloor.kernel.fetch.post import Answer, Limits, Poster

if TYPE_CHECKING:
    from watchfloor.capabilities.notifications.schemas.wire import Batch, Envelope
    from watchfloor.kernel.contract import KeepingReport

AGENT: Final = f"Watchfloor/{__version__} (Slack)"
ROOMS: Final = 20
EVERY_S: Final = 1.0  # https://docs.slack.dev/apis/web-api/rate-limits
_BEGIN_S: Final = 5.0
_LIMITS: Final = Limits(body_bytes=64 << 10)  # bots are told the whole message again
TOO_LONG: Final = "msg_too_long"
# Nobody is there any more, or we are not let in any more: trying again helps only after a person did something.
_GONE: Final = {
    "no_service", "no_service_id", "no_team", "no_active_hooks", "invalid_token", "channel_not_found", "channel_is_archived", "is_archived",
    "invalid_auth", "not_authed", "token_revoked", "token_expired", "account_inactive", "not_in_channel", "action_prohibited",
    "posting_to_general_channel_denied", "missing_scope", "team_disabled", "user_not_found", "org_login_required", "team_access_not_granted",
}  # fmt: skip
_WRONG: Final = {"invalid_payload", "invalid_blocks", "invalid_blocks_format", "no_text", "too_many_attachments", "invalid_arguments"}
_TOO_LONG: Final = {TOO_LONG, "msg_blocks_too_long", "message_too_long"}
# The message that a thread began with is gone, or takes no answers: the next attempt begins a new thread.
LOST_THREADS: Final = {
    "thread_not_found", "invalid_thread_ts", "cannot_reply_to_message", "message_not_found", "restricted_action_thread_locked",
    "restricted_action_non_threadable_channel",
}  # fmt: skip
_MARK: Final = re.compile(r"[0-9]{1,20}\.[0-9]{1,12}", re.ASCII)
_WAIT: Final = {"ratelimited", "rate_limited", "message_limit_exceeded"}
_TOO_MANY: Final = 429
_OK: Final = 200


def send(batch: Batch, report: KeepingReport) -> Outcomes:
    """Post every envelope of a batch and say how each fared; TLS always, unless the batch may reach this machine itself."""
    reach = Reach(
        networks=tuple(ip_network(one) for one in batch.networks), ports=frozenset(batch.ports), plain=batch.near, near=batch.near
    )  # fmt: skip
    trusted = trust(batch.authorities)

    def work(lane: Lane) -> None:
        with Poster(reach, agent=AGENT, trusted=trusted, limits=_LIMITS) as poster:
            _post(lane, poster)

    return deliver(batch, report, place=_room, senders=1, at_once=ROOMS, send=work)


def _post(lane: Lane, poster: Poster) -> None:
    pace = Pace(EVERY_S, time.sleep)
    for envelope in lane:
        if lane.left_s < _BEGIN_S + EVERY_S:
            lane.leave(envelope, "no time was left in this batch")
            return
        pace.wait()
        url, headers = _addressed(envelope)
        found, ms = webhook.posted(poster, envelope, url, headers, lane.ends)
        if isinstance(found, Outcome):
            lane.tell(found)
            continue
        outcome = _judged(envelope, found, ms)
        lane.tell(outcome)
        if outcome.retry_after_s is not None:
            for one in lane:
                lane.leave(one, "Slack asks to wait with this room", outcome.retry_after_s)
            return


def _addressed(envelope: Envelope) -> tuple[str, dict[str, str]]:
    """Return URL and headers; `api` in the target says where bots write."""
    target = {name: value.get_secret_value() for name, value in envelope.target.items()}
    headers = {"Content-Type": "application/json; charset=utf-8"}
    if token := target.get("token"):
        return target["api"], headers | {"Authorization": f"Bearer {token}"}
    return target["url"], headers


def _judged(envelope: Envelope, answer: Answer, ms: int) -> Outcome:  # noqa: PLR0911 - one per sort of answer
    word, mark = _said(envelope, answer)
    told = answers.outcome
    if answer.status == _OK and word == "ok":
        return told(envelope, Sent.OK, answer, ms, mark=mark)
    if answer.status == _TOO_MANY or word in _WAIT:
        wait = answers.retry_after(answer) or 30.0
        return told(envelope, Sent.RETRY, answer, ms, code="429", reason="Slack asks to wait", wait=wait)
    if word in _TOO_LONG:
        return told(envelope, Sent.RETRY, answer, ms, code=TOO_LONG, reason="the message is too long for Slack")
    if word in _GONE or answer.status == 410:  # noqa: PLR2004 - gone
        return told(envelope, Sent.DISABLE, answer, ms, code=word[:40], reason=f"Slack says {word[:60]}")
    if word in LOST_THREADS:
        return told(envelope, Sent.RETRY, answer, ms, code=word[:40], reason="the thread is not there any more")
    if word in _WRONG:
        return told(envelope, Sent.PERMANENT, answer, ms, code=word[:40], reason=f"Slack does not take the message: {word[:60]}")
    reason = "redirect refused" if 300 <= answer.status < 400 else f"Slack answered {answer.status}"  # noqa: PLR2004 - elsewhere
    return told(envelope, Sent.RETRY, answer, ms, reason=reason, wait=None)


def _said(envelope: Envelope, answer: Answer) -> tuple[str, str]:
    """Return Slack's own word, and to bots the mark of what they said.

    Bots are answered in JSON, with status 200 for errors too; others by a short text.
    """
    if "token" not in envelope.target:
        return answer.body[:100].decode("ascii", "replace").strip().lower(), ""
    try:
        found: Any = from_json(answer.body, allow_partial="trailing-strings")
    except ValueError:
        return "", ""
    if not isinstance(found, dict):
        return "", ""
    mark = str(found.get("ts", ""))
    return ("ok", mark if _MARK.fullmatch(mark) else "") if found.get("ok") is True else (str(found.get("error", ""))[:100], "")


def _room(envelope: Envelope) -> str:
    """Name where an envelope goes without naming it: a lane is called by this."""
    target = {name: value.get_secret_value() for name, value in envelope.target.items()}
    told = "\n".join(target.get(name, "") for name in ("url", "token", "channel"))
    return hashlib.sha256(told.encode()).hexdigest()
