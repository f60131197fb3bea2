"""The worker's consumer: every message passes the gate before Celery looks at a header."""

# ruff: noqa: ANN401, SLF001 - kombu and Celery have no types here, and this floor exists to know their insides

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from celery.worker.consumer import Consumer
from celery.worker.control import Panel
from kombu import compression

from watchfloor.kernel.errors import Untrusted
from watchfloor.kernel.jobs.broker import control
from watchfloor.kernel.jobs.broker.gate import reason_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from kombu.message import Message

log = logging.getLogger(__name__)


class TicketConsumer(Consumer):  # type: ignore[misc]  # Celery has no type hints
    """Celery's consumer behind the gate. Unknown, invalid and unreadable messages end the same way: refused, written nowhere."""

    class Blueprint(Consumer.Blueprint):  # type: ignore[misc]  # Celery has no type hints
        """The stock steps without native delay queues: `run_at` lives in the ledger."""

        default_steps = [step for step in Consumer.Blueprint.default_steps if "delayed_delivery" not in step]  # noqa: RUF012 - Celery's own form

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Take away what would look into or act on a message before it is verified."""
        app = kwargs["app"]
        self.gate = app.gate
        compression._decoders.clear()
        compression._aliases.clear()
        control.restrict(Panel.data, may_stop=not app.hardened)
        # Workers that greet and watch each other exchange unsigned state, such as lists of revoked ids.
        options = {**(kwargs.pop("worker_options", None) or {}), "without_mingle": True, "without_gossip": True}
        super().__init__(*args, worker_options=options, **kwargs)

    def create_task_handler(self, *args: Any, **kwargs: Any) -> Callable[[Message], None]:
        """Put the gate before Celery's own handler."""
        forward = super().create_task_handler(*args, **kwargs)
        admit = self.gate.admit

        def on_message(message: Message) -> None:
            try:
                admit(message, self._queue_of(message))
            except Untrusted as error:
                self._refuse(message, error.reason)
            except Exception as error:  # hostile input ends here, whatever it provokes
                log.debug("A message could not be read.", exc_info=error)
                self._refuse(message, reason_of(error))
            else:
                forward(message)

        return on_message

    def on_decode_error(self, message: Message, exc: BaseException) -> None:
        """Refuse a message kombu could not read."""
        self._refuse(message, "compression" if "compression" in message.headers else reason_of(exc))

    def on_unknown_message(self, _body: object, message: Message) -> None:
        """Refuse a message without a task."""
        self._refuse(message, "id")

    def on_unknown_task(self, _body: object, message: Message, _exc: BaseException) -> None:
        """Refuse a task this worker does not know; stock Celery would write a failure for an id of the sender's choice."""
        self._refuse(message, "kind")

    def on_invalid_task(self, _body: object, message: Message, exc: BaseException) -> None:
        """Refuse a task whose parts do not fit."""
        self._refuse(message, reason_of(exc))

    def _queue_of(self, message: Message) -> str:
        """Return the queue a message was taken from; over AMQP the routing key is the sender's word, our consumer tag is not."""
        tag = message.delivery_info.get("consumer_tag")
        if tag is not None and self.task_consumer is not None:
            for queue, own in self.task_consumer._active_tags.items():
                if own == tag:
                    return str(queue)
        return str(message.delivery_info.get("routing_key", ""))

    def _refuse(self, message: Message, reason: str) -> None:
        headers = message.headers if isinstance(message.headers, dict) else {}
        size = len(message.body) if isinstance(message.body, bytes | bytearray | memoryview | str) else 0
        detail = {"task": headers.get("task"), "id": headers.get("id"), "queue": self._queue_of(message), "length": size}
        if not message.acknowledged:
            message.reject_log_error(log, self.connection_errors)
        self.gate.refuse(reason, detail)
