"""What webhooks post, as the API's document says it: a shape for each event, made of what the event's own declaration says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from fastapi import APIRouter, Header
from pydantic import BaseModel, Field, create_model

from watchfloor.capabilities.notifications.engine.digest import DIGEST
from watchfloor.capabilities.notifications.engine.facts import facts_in
from watchfloor.capabilities.notifications.engine.grouped import GROUP, Standing
from watchfloor.capabilities.notifications.schemas.webhooks import Webhook, WebhookData, WebhookFacts
from watchfloor.kernel.contract import Severity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from watchfloor.kernel.contract import EventType

COUNTED: Final = {str(one): f"How many of severity {one}." for one in Severity}
GATHERED: Final = {
    DIGEST: ("Messages that were gathered for one reader, all at once.", COUNTED | {"resolved": "How many are over."}),
    GROUP: (
        "Messages that belong together: what is new, what still holds and what is over. What they have in common is among its facts.",
        COUNTED | {str(one): f"How many are {one}." for one in Standing},
    ),
}
MessageId = Annotated[str, Header(description="What the message is known by: the same in every attempt and repetition.")]
Timestamp = Annotated[int, Header(description="When it is sent, in seconds since 1970. Refuse what is older than five minutes.")]
Signature = Annotated[str, Header(description="Signatures v1 and v1a as Standard Webhooks has them, separated by spaces.")]


def webhooks(events: Iterable[tuple[EventType, type[BaseModel]]]) -> APIRouter:
    """Return what is posted of these events, and of what gathers several."""
    found = APIRouter(tags=["webhooks"])
    told = {one.name: (one.description, facts_in(shape.model_json_schema())) for one, shape in events}
    for name, (description, facts) in sorted({**told, **GATHERED}.items()):
        found.add_api_route(
            name, _receiver(body_of(name, facts)), methods=["POST"], status_code=204, operation_id=f"receive_{name.replace('.', '_')}",
            summary=name, description=description, response_description="Any answer of 2xx takes it; 410 switches the channel off.",
        )  # fmt: skip
    return found


def body_of(name: str, facts: Mapping[str, str]) -> type[Webhook]:
    """Return the shape of what is posted of an event with these facts, by what they mean."""
    called = "".join(part.capitalize() for part in name.replace("_", ".").split("."))
    fields: dict[str, Any] = {
        f"fact_{n}": (str, Field(default_factory=str, alias=fact, description=meaning or None))
        for n, (fact, meaning) in enumerate(facts.items())
    }
    own = create_model(f"{called}Facts", __base__=WebhookFacts, **fields)
    data = create_model(f"{called}WebhookData", __base__=WebhookData, facts=(own, ...))
    typed: Any = Literal[name]
    return create_model(f"{called}Webhook", __base__=Webhook, type=(typed, ...), data=(data, ...))


def _receiver(body: type[Webhook]) -> Callable[..., None]:
    def receive(message: Any, webhook_id: MessageId, webhook_timestamp: Timestamp, webhook_signature: Signature) -> None:  # noqa: ANN401 - see below
        """Describe what a receiver is posted; it is never called."""
        del message, webhook_id, webhook_timestamp, webhook_signature

    receive.__annotations__ = {
        "message": body, "webhook_id": MessageId, "webhook_timestamp": Timestamp, "webhook_signature": Signature, "return": None
    }  # fmt: skip
    return receive
