"""REST: tell something by hand, and send what is over again."""

# ruff: noqa: TC001, TC003 - FastAPI reads annotations when the program runs
from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from fastapi import APIRouter, Response

from watchfloor.capabilities.notifications.jobs import (
    replay_deliveries,
    send_bulk_notifications,
    send_event_notifications,
    send_notification,
    send_scan_completion_notification,
)
from watchfloor.capabilities.notifications.queries import lists
from watchfloor.capabilities.notifications.schemas.sends import SendBulk, SendEvent, SendNotification, SendScanCompletion
from watchfloor.capabilities.notifications.schemas.upkeep import Replay
from watchfloor.capabilities.notifications.schemas.views import Accepted
from watchfloor.kernel.jobs.enqueue import Options, enqueue
from watchfloor.kernel.tenancy.access import Caller, IdempotencyKey

if TYPE_CHECKING:
    from pydantic import BaseModel
    from sqlalchemy.orm import Session

    from watchfloor.kernel.contract import JobKind
    from watchfloor.kernel.tenancy.access import Call

routes = APIRouter(tags=["notifications"])


@routes.post("/send", status_code=202, response_model=Accepted)
def send_one_notification(caller: Caller, body: SendNotification, idempotency_key: IdempotencyKey = None) -> Response:
    """Send one message to one person over one channel; the job's result says whether the channel took it."""
    return accepted(caller, send_notification, body, idempotency_key)


@routes.post("/send-event", status_code=202, response_model=Accepted)
def send_event_to_one(caller: Caller, body: SendEvent, idempotency_key: IdempotencyKey = None) -> Response:
    """Tell one person of an event over every channel on which they want to hear of it."""
    return accepted(caller, send_event_notifications, body, idempotency_key)


@routes.post("/send-bulk", status_code=202, response_model=Accepted)
def send_event_to_many(caller: Caller, body: SendBulk, idempotency_key: IdempotencyKey = None) -> Response:
    """Tell many people of an event."""
    return accepted(caller, send_bulk_notifications, body, idempotency_key)


@routes.post("/send-scan-completion", status_code=202, response_model=Accepted)
def send_scan_completion(caller: Caller, body: SendScanCompletion, idempotency_key: IdempotencyKey = None) -> Response:
    """Tell one person that a scan has ended, unless they heard it from the scan."""
    return accepted(caller, send_scan_completion_notification, body, idempotency_key)


@routes.post("/deliveries/replay", status_code=202, response_model=Accepted)
def replay_many_deliveries(caller: Caller, body: Replay, idempotency_key: IdempotencyKey = None) -> Response:
    """Send deliveries that are over again, ten a second: by their ids, or those of a channel since a moment."""
    return accepted(caller, replay_deliveries, body, idempotency_key)


@routes.post("/deliveries/{delivery}/replay", status_code=202, response_model=Accepted)
def replay_delivery(caller: Caller, delivery: UUID, idempotency_key: IdempotencyKey = None) -> Response:
    """Send one delivery that is over again; its receiver knows it by the same id."""
    with caller.transaction() as session:
        lists.get_delivery(session, caller.org, delivery)
    return accepted(caller, replay_deliveries, Replay(delivery_ids=(delivery,)), idempotency_key)


def accepted(caller: Call, kind: JobKind[Any, Any], request: BaseModel, key: str | None) -> Response:
    """Enqueue and answer with the job."""

    def act(session: Session) -> Accepted:
        return Accepted(job=enqueue(caller.ledger, session, caller.org, kind, request, Options(actor=caller.name)).id)

    answer = caller.once(key, request, act, after=lambda: caller.ledger.doorbell.ring("wf_ready", kind.queue))
    answer.headers["Location"] = f"/api/v1/jobs/{Accepted.model_validate_json(bytes(answer.body)).job}"
    return answer
