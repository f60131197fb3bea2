"""What somebody who owns the broker can send, and what must come of it."""

from __future__ import annotations

import base64
import json
import zlib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

import amqp
from kombu import Connection

from tests.broker.worker import KIND, QUEUE
from watchfloor.kernel.jobs.broker import tickets
from watchfloor.kernel.jobs.broker.address import read_address
from watchfloor.kernel.security import Signer

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.broker.worker import Bench

PROTOCOL_1 = json.dumps({"task": KIND, "id": str(uuid4()), "args": [], "kwargs": {}}).encode()
PROTOCOL_2 = json.dumps([[], {}, {"callbacks": None, "errbacks": None, "chain": None, "chord": None}]).encode()
JSON: Final = "application/json"


@dataclass(frozen=True)
class Forgery:
    """One message as its sender likes it."""

    body: bytes
    headers: dict[str, Any]
    content_type: str = tickets.CONTENT_TYPE
    encoding: str = "binary"
    properties: dict[str, Any] = field(default_factory=dict)
    queue: str = QUEUE


def good(bench: Bench) -> Forgery:
    """Return what a dispatcher would send."""
    ring = bench.ring()
    return Forgery(ring.ticket, {"task": ring.kind, "id": ring.message_id})


def send(bench: Bench, forgery: Forgery) -> None:
    """Put a message into its queue with a client of one's own."""
    if bench.url.startswith("amqp"):
        with Connection(bench.url) as connection:
            properties = {
                "content_type": forgery.content_type,
                "content_encoding": forgery.encoding,
                "application_headers": forgery.headers,
                **forgery.properties,
            }
            connection.default_channel.basic_publish(amqp.Message(forgery.body, **properties), "", forgery.queue)
    else:
        send_raw(bench, json.dumps(envelope(forgery)), forgery.queue)


def envelope(forgery: Forgery) -> dict[str, Any]:
    """Wrap a message as kombu does on Redis."""
    route = {"exchange": "", "routing_key": forgery.queue}
    properties = {
        "delivery_mode": 2,
        "delivery_info": route,
        "priority": 0,
        "body_encoding": "base64",
        "delivery_tag": str(uuid4()),
        **forgery.properties,
    }
    return {
        "body": base64.b64encode(forgery.body).decode(),
        "content-encoding": forgery.encoding,
        "content-type": forgery.content_type,
        "headers": forgery.headers,
        "properties": properties,
    }


def send_raw(bench: Bench, item: str | bytes, queue: str = QUEUE) -> None:
    """Push anything into a Redis list."""
    address = read_address(bench.url)
    with Connection(address.url, transport_options={"global_keyprefix": "wf:"}) as connection:
        connection.default_channel._create_client().lpush(queue, item)


def with_headers(**headers: object) -> Callable[[Bench], Forgery]:
    """Return an attack that changes headers of a good message."""

    def make(bench: Bench) -> Forgery:
        found = good(bench)
        return replace(found, headers={**found.headers, **headers})

    return make


def without(name: str) -> Callable[[Bench], Forgery]:
    """Return an attack that leaves a header out."""

    def make(bench: Bench) -> Forgery:
        found = good(bench)
        return replace(found, headers={key: value for key, value in found.headers.items() if key != name})

    return make


def with_body(change: Callable[[bytes], bytes]) -> Callable[[Bench], Forgery]:
    """Return an attack that changes the ticket's bytes."""

    def make(bench: Bench) -> Forgery:
        found = good(bench)
        return replace(found, body=change(found.body))

    return make


def with_parts(**parts: Any) -> Callable[[Bench], Forgery]:
    """Return an attack that changes parts of the message."""
    return lambda bench: replace(good(bench), **parts)


def flipped(at: int) -> Callable[[Bench], Forgery]:
    """Return an attack that flips one bit of the ticket."""
    return with_body(lambda body: body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :])


def signed_by(who: Callable[[Bench], Signer], **how: Any) -> Callable[[Bench], Forgery]:
    """Return an attack with another key, kind, queue or expiry."""

    def make(bench: Bench) -> Forgery:
        ring = bench.ring(signer=who(bench), **how)
        return Forgery(ring.ticket, {"task": ring.kind, "id": ring.message_id})

    return make


def named_as_ours(bench: Bench) -> Forgery:
    """Sign with a foreign key under our dispatcher's key id."""
    foreign = Signer()
    foreign.kid = bench.signer.kid
    return signed_by(lambda _: foreign)(bench)


def bundle_under_one_id(bench: Bench) -> Forgery:
    """Take a bundle and present it under the id of one of its jobs."""
    jobs = [(uuid4(), 1), (uuid4(), 1)]
    body = tickets.sign(bench.signer, KIND, "bundle-1", QUEUE, jobs, bench_expiry(bench))
    return Forgery(body, {"task": KIND, "id": str(jobs[0][0])})


def bench_expiry(bench: Bench) -> int:
    """Return a good expiry."""
    return tickets.parse(bench.ring().ticket).expires_ms


def ours(bench: Bench) -> Signer:
    """Return the trusted key."""
    return bench.signer


OVERSIZED_BYTES: Final = 8 * 1024 * 1024

# name: (message, reason on Redis and on RabbitMQ)
REFUSED: Final[dict[str, tuple[Callable[[Bench], Forgery], str]]] = {
    "task of another kind": (with_headers(task="scans.shard"), "signature"),
    "task unknown": (with_headers(task="os.system"), "signature"),
    "task empty": (with_headers(task=""), "id"),
    "task missing": (without("task"), "id"),
    "task no text": (with_headers(task=7), "id"),
    "task very long": (with_headers(task="x" * 300), "id"),
    "task no ascii": (with_headers(task="scans.rün"), "id"),
    "id of another job": (with_headers(id=str(uuid4())), "signature"),
    "id empty": (with_headers(id=""), "id"),
    "id missing": (without("id"), "id"),
    "id a list": (with_headers(id=["a"]), "id"),
    "id in capitals": (lambda bench: replace(good(bench), headers={"task": KIND, "id": good(bench).headers["id"].upper()}), "signature"),
    "queue of another ticket": (signed_by(ours, queue="reports"), "queue"),
    "key unknown": (signed_by(lambda _: Signer()), "kid"),
    "key revoked": (signed_by(lambda bench: bench.revoked), "revoked"),
    "foreign key under our id": (named_as_ours, "signature"),
    "expired": (signed_by(ours, minutes=-1), "expired"),
    "kind not served": (signed_by(ours, kind="scans.gone"), "kind"),
    "magic": (flipped(3), "magic"),
    "older version": (with_body(lambda body: b"WFT0" + body[4:]), "magic"),
    "bit in key id": (flipped(5), "kid"),
    "bit in expiry": (flipped(19), "signature"),
    "bit in queue": (flipped(21), "signature"),
    "bit in count": (flipped(52), "length"),
    "bit in job": (flipped(60), "signature"),
    "bit in sequence": (flipped(72), "signature"),
    "bit in signature": (flipped(100), "signature"),
    "truncated by one": (with_body(lambda body: body[:-1]), "length"),
    "truncated to magic": (with_body(lambda body: body[:4]), "length"),
    "empty body": (with_body(lambda _: b""), "length"),
    "padded by one": (with_body(lambda body: body + b"\0"), "length"),
    "padded by a job": (with_body(lambda body: body[:-64] + bytes(20) + body[-64:]), "length"),
    "doubled": (with_body(lambda body: body + body), "length"),
    "bundle under one id": (bundle_under_one_id, "signature"),
    "content type json": (with_parts(content_type=JSON), "content_type"),
    "content type pickle": (with_parts(content_type="application/x-python-serialize"), "content_type"),
    "content type of signed Celery": (with_parts(content_type="application/data"), "content_type"),
    "content type empty": (with_parts(content_type=""), "content_type"),
    "content type in capitals": (with_parts(content_type=tickets.CONTENT_TYPE.upper()), "content_type"),
    "JSON task, protocol 2": (
        lambda _: Forgery(PROTOCOL_2, {"task": KIND, "id": str(uuid4()), "lang": "py"}, JSON, "utf-8"),
        "content_type",
    ),
    "JSON task, protocol 1": (lambda _: Forgery(PROTOCOL_1, {}, JSON, "utf-8"), "content_type"),
    "JSON task under our type": (lambda _: Forgery(PROTOCOL_2, {"task": KIND, "id": str(uuid4())}), "length"),
    "compressed": (
        lambda bench: replace(
            good(bench), body=zlib.compress(bytes(10_000)), headers={**good(bench).headers, "compression": "application/x-gzip"}
        ),
        "compression",
    ),
    "compressed unknown": (with_headers(compression="application/x-bomb"), "compression"),
    "oversized": (with_body(lambda body: body * (OVERSIZED_BYTES // len(body))), "length"),
}

# Headers and properties nobody signed: the ticket is good, so it rings, and they change nothing.
WITHOUT_EFFECT: Final[dict[str, Callable[[Bench], Forgery]]] = {
    "eta": with_headers(eta="2099-01-01T00:00:00+00:00"),
    "eta unreadable": with_headers(eta="tomorrow"),
    "expires": with_headers(expires="2001-01-01T00:00:00+00:00"),
    "retries": with_headers(retries=99),
    "timelimit": with_headers(timelimit=[0.001, 0.001]),
    "timelimit no list": with_headers(timelimit="now"),
    "group": with_headers(group="g", group_index=1),
    "chord and callbacks": with_headers(chord={"task": "os.system"}, callbacks=["x"], errbacks=["x"], chain=["x"]),
    "root and parent": with_headers(root_id="x", parent_id="y"),
    "shadow": with_headers(shadow="harmless.name"),
    "reprs and origin": with_headers(argsrepr="x" * 500, kwargsrepr="\x1b[31m", origin="gen1@evil"),
    "stamps": with_headers(stamped_headers=["a"], stamps={"a": "b"}, ignore_result=False, replaced_task_nesting=9),
    "language": with_headers(lang="js"),
    "content encoding": with_parts(encoding="utf-8"),
    "reply": with_parts(properties={"reply_to": "celery", "correlation_id": "other"}),
}

# Only Redis lets a sender choose the envelope.
RAW: Final[dict[str, tuple[Callable[[Bench], str | bytes], str]]] = {
    "no JSON": (lambda _: b"\xff\xfe\x00garbage", "envelope"),
    "empty": (lambda _: b"", "envelope"),
    "a number": (lambda _: "7", "envelope"),
    "a list": (lambda _: "[1,2]", "envelope"),
    "null": (lambda _: "null", "envelope"),
    "deeply nested": (lambda _: "[" * 4000 + "]" * 4000, "envelope"),
    "empty object": (lambda _: "{}", "envelope"),
    "headers a list": (lambda bench: json.dumps({**envelope(good(bench)), "headers": [1]}), "envelope"),
    "properties a text": (lambda bench: json.dumps({**envelope(good(bench)), "properties": "x"}), "envelope"),
    "body a number": (lambda bench: json.dumps({**envelope(good(bench)), "body": 5}), "envelope"),
    "body no base64": (lambda bench: json.dumps({**envelope(good(bench)), "body": "!!!!"}), "envelope"),
    "body badly padded": (lambda bench: json.dumps({**envelope(good(bench)), "body": "abc"}), "envelope"),
    "body encoding unknown": (lambda bench: json.dumps(envelope(with_parts(properties={"body_encoding": "rot13"})(bench))), "envelope"),
    "a million characters": (lambda _: '{"headers": "' + "x" * 1_000_000 + '"}', "length"),
}
