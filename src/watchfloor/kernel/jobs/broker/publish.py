"""Publishing tickets: each kind's message is built once by kombu itself, then only ids and bytes are swapped."""

# ruff: noqa: ANN401, SLF001 - kombu and Celery have no types here, and this floor exists to know their insides

from __future__ import annotations

import base64
import json
import logging
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final, NamedTuple, Self, TypeAlias

from amqp.exceptions import AMQPError, NotFound
from kombu import Connection, Producer
from kombu.exceptions import KombuError
from redis.exceptions import RedisError

from watchfloor.kernel.errors import SourceUnavailable
from watchfloor.kernel.jobs.broker import transport
from watchfloor.kernel.jobs.broker.address import KEY_PREFIX, Address, read_address
from watchfloor.kernel.jobs.broker.app import declared, register_ticket
from watchfloor.kernel.jobs.broker.tickets import CONTENT_TYPE

log = logging.getLogger(__name__)

_CANARY: Final = "wf.canary"
_CONTENT_ENCODING: Final = "binary"
# Lowercase hexadecimal, so JSON neither escapes nor alters them; long, so no queue or kind contains them.
_ID_MARK: Final = "c5f0a7d1e9b84c3fa2d60b7e1f49388a"
_BODY_MARK: Final = b"\x9d\x3e\xc8\x11\x6f\xa4\x52\xe7\x0b\xd9\x86\x2a\xf3\x75\x18\xbe" * 2

Template: TypeAlias = Callable[[bytes, str], bytes]


class Ring(NamedTuple):
    """One message to publish."""

    kind: str
    queue: str
    ticket: bytes
    message_id: str


class Publisher:
    """One connection to the broker for one thread; opened when first needed, again after every error."""

    def __init__(self, url: str, queues: Sequence[str], *, timeout_s: float = 10) -> None:
        """Connect to nothing yet. `timeout_s` bounds each wait for the broker, so that a publish cannot hang."""
        register_ticket()
        self._address = _bounded(read_address(url), timeout_s)
        if self._address.is_redis:
            transport.install()
        self._queues = tuple(str(queue) for queue in queues)
        self._timeout_s = timeout_s
        self._line: _RedisLine | _AmqpLine | None = None

    def publish(self, rings: Sequence[Ring | tuple[str, str, bytes, str]]) -> None:
        """Publish all in one round trip.

        Raises:
            SourceUnavailable: The broker refused, vanished or stayed silent; some may have arrived. A ticket fits one claim, so
                publishing again under new sequences is safe.
        """
        if rings:
            with self._open() as line:
                line.publish([Ring(*ring) for ring in rings])

    def canary(self) -> str | None:
        """Return what `set_canary` left, or None when this broker has lost its data since. Raises SourceUnavailable."""
        with self._open() as line:
            return line.canary()

    def set_canary(self, value: str) -> None:
        """Leave a value that lives exactly as long as the broker's data. Raises SourceUnavailable."""
        with self._open() as line:
            line.set_canary(value)

    def depths(self) -> dict[str, int]:
        """Return how many messages wait in each queue. Raises SourceUnavailable."""
        with self._open() as line:
            return line.depths(self._queues)

    def ping(self) -> None:
        """Ask the broker for a sign of life. Raises SourceUnavailable."""
        with self._open() as line:
            line.ping()

    def close(self) -> None:
        """Let the connection go; the next call opens another."""
        line, self._line = self._line, None
        if line is not None:
            line.close()

    def __enter__(self) -> Self:
        """Close at the end of the block."""
        return self

    def __exit__(self, *_error: object) -> None:
        """Let the connection go."""
        self.close()

    @contextmanager
    def _open(self) -> Iterator[_RedisLine | _AmqpLine]:
        try:
            if self._line is None:
                self._line = (_RedisLine if self._address.is_redis else _AmqpLine)(self._address, self._queues, self._timeout_s)
            yield self._line
        except (OSError, RedisError, AMQPError, KombuError, EOFError) as error:
            self.close()
            raise SourceUnavailable(
                f"The broker does not take messages ({type(error).__name__}: {str(error)[:200]}). Jobs stay queued and run once it answers; check that it is up."
            ) from error
        except BaseException:
            self.close()  # an interrupted exchange leaves replies behind that the next caller would read as its own
            raise


class _RedisLine:
    """A channel to Redis or Valkey."""

    def __init__(self, address: Address, _queues: Sequence[str], timeout_s: float) -> None:
        self._connection = _connect(address, timeout_s)
        try:
            self._channel = self._connection.default_channel
            self._client = self._channel._create_client()
        except BaseException:
            _quietly(self._connection.release)
            raise
        self._templates: dict[tuple[str, str], Template | None] = {}

    def publish(self, rings: Sequence[Ring]) -> None:
        batches: dict[str, list[bytes]] = {}
        plain: list[Ring] = []
        for kind, queue, ticket, message_id in rings:
            template = self._template(kind, queue)
            if template is None or not _is_plain(message_id):
                plain.append(Ring(kind, queue, ticket, message_id))
            else:
                batches.setdefault(queue, []).append(template(ticket, message_id))
        if len(batches) == 1:
            for queue, items in batches.items():
                self._client.lpush(queue, *items)
        elif batches:
            with self._client.pipeline(transaction=False) as pipe:
                for queue, items in batches.items():
                    pipe.lpush(queue, *items)
                pipe.execute()
        if plain:
            _publish_plainly(self._channel, plain)

    def _template(self, kind: str, queue: str) -> Template | None:
        try:
            return self._templates[kind, queue]
        except KeyError:
            found = self._templates[kind, queue] = redis_template(self._channel, kind, queue)
            return found

    def canary(self) -> str | None:
        found = self._client.execute_command("GET", KEY_PREFIX + _CANARY)
        return None if found is None else found.decode() if isinstance(found, bytes) else str(found)

    def set_canary(self, value: str) -> None:
        self._client.set(_CANARY, value)

    def depths(self, queues: Sequence[str]) -> dict[str, int]:
        with self._client.pipeline(transaction=False) as pipe:
            for queue in queues:
                pipe.llen(queue)
            return dict(zip(queues, pipe.execute(), strict=True))

    def ping(self) -> None:
        self._client.ping()

    def close(self) -> None:
        _quietly(self._connection.release)


class _AmqpLine:
    """A confirming channel to RabbitMQ."""

    def __init__(self, address: Address, queues: Sequence[str], timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._connection = _connect(address, timeout_s)
        try:
            self._channel = self._connection.default_channel
            for queue in declared(queues, address):
                queue(self._channel).declare()
            self._channel.confirm_select()
            self._channel._confirm_selected = True
        except BaseException:
            _quietly(self._connection.release)
            raise
        self._sent = 0
        self._unconfirmed: set[int] = set()
        self._refused: list[str] = []
        # Sending reads what the broker says in between, so a confirmation may come before anybody waits for one.
        self._channel.events["basic_ack"].add(self._on_ack)
        self._channel.events["basic_nack"].add(self._on_nack)
        self._channel.events["basic_return"].add(self._on_return)
        self._messages: dict[str, Callable[[bytes, str], Any]] = {}

    def publish(self, rings: Sequence[Ring]) -> None:
        """Send all, then wait until the broker has taken each: to disk, on a majority."""
        send = self._channel._basic_publish
        for kind, queue, ticket, message_id in rings:
            self._sent += 1
            self._unconfirmed.add(self._sent)
            send(amqp_message(self._channel, kind, ticket, message_id), "", queue, mandatory=True)
        while self._unconfirmed:
            self._connection.drain_events(timeout=self._timeout_s)
        if self._refused:
            raise ConnectionError(f"queue {self._refused[0]} refused {len(self._refused)} messages")

    def _on_ack(self, tag: int, multiple: bool) -> None:  # noqa: FBT001 - py-amqp's signature
        # A quorum queue confirms in any order, singly and in ranges.
        self._unconfirmed = {sent for sent in self._unconfirmed if sent > tag} if multiple else self._unconfirmed - {tag}

    def _on_nack(self, tag: int, multiple: bool) -> None:  # noqa: FBT001 - py-amqp's signature
        self._on_ack(tag, multiple)
        self._refused.append("(nack)")

    def _on_return(self, _error: object, _exchange: str, routing_key: str, _message: object) -> None:
        self._refused.append(routing_key)

    def canary(self) -> str | None:
        """Look at the one message of a durable queue and leave it there."""
        channel = self._connection.channel()
        try:
            for _ in range(3):  # another dispatcher may be looking at it this moment
                found = channel.basic_get(_CANARY, no_ack=False)
                if found is not None:
                    channel.basic_reject(found.delivery_tag, requeue=True)
                    body = found.body
                    return body.decode() if isinstance(body, bytes) else str(body)
        except NotFound:
            return None
        finally:
            _quietly(channel.close)
        return None

    def set_canary(self, value: str) -> None:
        channel = self._connection.channel()
        try:
            channel.queue_declare(_CANARY, durable=True, auto_delete=False, arguments={"x-max-length": 1})
            channel.basic_publish_confirm(
                channel.prepare_message(value.encode(), 0, "text/plain", "utf-8", {}, {"delivery_mode": 2}),
                "",
                _CANARY,
                timeout=self._timeout_s,
            )
        finally:
            _quietly(channel.close)

    def depths(self, queues: Sequence[str]) -> dict[str, int]:
        found = {}
        for queue in queues:
            channel = self._connection.channel()
            try:
                found[queue] = int(channel.queue_declare(queue, passive=True).message_count)
            except NotFound:
                found[queue] = 0
            finally:
                _quietly(channel.close)
        return found

    def ping(self) -> None:
        self._connection.channel().close()

    def close(self) -> None:
        _quietly(self._connection.release)


def message_headers(kind: str, message_id: str) -> dict[str, str]:
    """Return the headers of a message: those the signature covers and no others."""
    return {"task": kind, "id": message_id}


def redis_template(channel: Any, kind: str, queue: str) -> Template | None:
    """Let kombu build one message, cut it where ids and bytes stand, and return how to fill it; None when it looks unfamiliar."""
    captured = _Capture()
    try:
        message = channel.prepare_message(
            _BODY_MARK, 0, CONTENT_TYPE, _CONTENT_ENCODING, message_headers(kind, _ID_MARK), _properties(_ID_MARK)
        )
        channel.basic_publish(message, exchange="", routing_key=queue, _publish_batch=captured)
        ((command, (key, text)),) = captured.commands
        tag = json.loads(text)["properties"]["delivery_tag"]
        pieces = _cut(text, {base64.b64encode(_BODY_MARK).decode(): "body", _ID_MARK: "id", tag: "tag"})
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        log.warning("This kombu builds messages in an unknown way; tickets of %s are published the slow way: %r", kind, error)
        return None
    if command != "lpush" or key != queue or sorted(name for _, name in pieces if name) != ["body", "id", "id", "tag"]:
        log.warning("This kombu builds messages in an unknown way; tickets of %s are published the slow way.", kind)
        return None
    form = "".join(text.replace("%", "%%") + (f"%({name})s" if name else "") for text, name in pieces).encode()

    def fill(ticket: bytes, message_id: str) -> bytes:
        return form % {b"body": base64.b64encode(ticket), b"id": message_id.encode(), b"tag": os.urandom(16).hex().encode()}

    return fill


class _Capture:
    """Stands in for kombu's publish batch and keeps what would be sent."""

    def __init__(self) -> None:
        self.commands: list[tuple[str, tuple[Any, ...]]] = []

    def add(self, name: str, *args: Any) -> None:
        self.commands.append((name, args))


def _cut(text: str, marks: Mapping[str, str]) -> list[tuple[str, str]]:
    """Split text at the marks: (text before, name of the mark), the last with an empty name."""
    pieces: list[tuple[str, str]] = []
    start = 0
    while True:
        hits = [(at, mark) for mark in marks if (at := text.find(mark, start)) >= 0]
        if not hits:
            return [*pieces, (text[start:], "")]
        at, mark = min(hits)
        pieces.append((text[start:at], marks[mark]))
        start = at + len(mark)


def amqp_message(channel: Any, kind: str, ticket: bytes, message_id: str) -> Any:
    """Build one message as kombu's producer does, without its detours."""
    return channel.prepare_message(ticket, 0, CONTENT_TYPE, _CONTENT_ENCODING, message_headers(kind, message_id), _properties(message_id))


def _publish_plainly(channel: Any, rings: Sequence[Ring]) -> None:
    producer = Producer(channel, auto_declare=False)
    for kind, queue, ticket, message_id in rings:
        publish_one(producer, kind, queue, ticket, message_id)


def publish_one(producer: Producer, kind: str, queue: str, ticket: bytes, message_id: str) -> None:
    """Publish one ticket the way Celery's `apply_async` hands a message to kombu."""
    producer.publish(
        ticket,
        exchange="",
        routing_key=queue,
        content_type=CONTENT_TYPE,
        content_encoding=_CONTENT_ENCODING,
        headers=message_headers(kind, message_id),
        retry=False,
        **_properties(message_id),
    )


def _properties(message_id: str) -> dict[str, Any]:
    return {"correlation_id": message_id, "delivery_mode": 2}


def _is_plain(message_id: str) -> bool:
    return message_id.isascii() and message_id.replace("-", "").isalnum()


def _bounded(address: Address, timeout_s: float) -> Address:
    limits = ("socket_timeout", "socket_connect_timeout") if address.is_redis else ("read_timeout", "write_timeout")
    options = {**address.options, **{name: min(timeout_s, address.options.get(name, timeout_s)) for name in limits}}
    return Address(address.url, address.family, address.tls, options)


def _connect(address: Address, timeout_s: float) -> Connection:
    connection = Connection(address.url, ssl=address.tls or False, transport_options=address.options, connect_timeout=timeout_s)
    try:
        connection.connect()
    except BaseException:
        _quietly(connection.release)
        raise
    return connection


def _quietly(close: Callable[[], object]) -> None:
    """Close what may be broken already."""
    try:
        close()
    except (OSError, RedisError, AMQPError, KombuError) as error:
        log.debug("Closing a broken connection: %r", error)
