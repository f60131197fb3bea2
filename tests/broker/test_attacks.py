"""Whoever controls the broker can delay work, and nothing else."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from kombu import Connection

from tests.broker import attacks
from watchfloor.kernel.jobs.broker.address import read_address
from watchfloor.kernel.jobs.broker.publish import Publisher

if TYPE_CHECKING:
    from tests.broker.worker import Bench

pytestmark = pytest.mark.slow
GROWTH_BYTES = 20 * 1024 * 1024


def assert_refused(bench: Bench, attack: str) -> None:
    """Send one forgery and find exactly one refusal, for the reason given, and nothing run."""
    make, reason = attacks.REFUSED[attack]
    refused, rung = len(bench.reasons()), len(bench.jobs())
    attacks.send(bench, make(bench))
    bench.wait(lambda: len(bench.reasons()) > refused, "the refusal")
    assert bench.reasons()[refused:] == [reason]
    assert len(bench.jobs()) == rung


def assert_without_effect(bench: Bench, attack: str) -> None:
    """Send one good ticket with foreign headers and find that it rings once, at once."""
    forgery = attacks.WITHOUT_EFFECT[attack](bench)
    refused = len(bench.reasons())
    attacks.send(bench, forgery)
    bench.wait(lambda: forgery.headers["id"] in bench.jobs(), "the ring")
    assert bench.jobs().count(forgery.headers["id"]) == 1
    assert len(bench.reasons()) == refused


@pytest.mark.parametrize("attack", attacks.REFUSED)
def test_forged_message_is_refused_and_counted(redis_bench: Bench, attack: str) -> None:
    assert_refused(redis_bench, attack)


@pytest.mark.parametrize("attack", attacks.WITHOUT_EFFECT)
def test_unsigned_header_changes_nothing(redis_bench: Bench, attack: str) -> None:
    assert_without_effect(redis_bench, attack)


@pytest.mark.parametrize("attack", attacks.RAW)
def test_broken_envelope_is_refused_and_counted(redis_bench: Bench, attack: str) -> None:
    make, reason = attacks.RAW[attack]
    refused = len(redis_bench.reasons())
    attacks.send_raw(redis_bench, make(redis_bench))
    redis_bench.wait(lambda: len(redis_bench.reasons()) > refused, "the refusal")
    assert redis_bench.reasons()[refused:] == [reason]
    redis_bench.still_works()


@pytest.mark.rabbitmq
@pytest.mark.parametrize("attack", attacks.REFUSED)
def test_forged_message_is_refused_by_rabbitmq_workers_too(amqp_bench: Bench, attack: str) -> None:
    assert_refused(amqp_bench, attack)


@pytest.mark.rabbitmq
@pytest.mark.parametrize("attack", attacks.WITHOUT_EFFECT)
def test_unsigned_header_changes_nothing_on_rabbitmq(amqp_bench: Bench, attack: str) -> None:
    assert_without_effect(amqp_bench, attack)


@pytest.mark.rabbitmq
def test_rabbitmq_worker_keeps_its_connection(amqp_bench: Bench) -> None:
    amqp_bench.still_works()
    assert "connection to broker lost" not in amqp_bench.log().lower()


def test_replayed_ticket_reaches_the_ledger_which_drops_it(redis_bench: Bench) -> None:
    forgery = attacks.good(redis_bench)
    for _ in range(3):
        attacks.send(redis_bench, forgery)
    redis_bench.wait(lambda: redis_bench.jobs().count(forgery.headers["id"]) == 3, "three rings")


def test_rejected_message_names_itself_without_control_characters(redis_bench: Bench) -> None:
    attacks.send(redis_bench, attacks.Forgery(b"x", {"task": "\x1b[2J\n" + "a" * 500, "id": "i"}))
    redis_bench.wait(lambda: any(line[1] == "length" and line[2].get("id") == "i" for line in redis_bench.lines()), "the refusal")
    found = next(line[2] for line in redis_bench.lines() if line[1] == "length" and line[2].get("id") == "i")
    assert found["task"].startswith("?[2J?aaa")
    assert len(found["task"]) == 64


def test_flood_leaves_the_worker_small_and_working(redis_bench: Bench) -> None:
    redis_bench.still_works()
    before, refused = redis_bench.memory_bytes(), len(redis_bench.reasons())
    large = json.dumps(attacks.envelope(attacks.Forgery(bytes(attacks.OVERSIZED_BYTES), {"task": "x", "id": "y"})))
    for _ in range(4):
        attacks.send_raw(redis_bench, large)
    for _ in range(300):
        attacks.send_raw(redis_bench, "{}")
    redis_bench.still_works()
    assert len(redis_bench.reasons()) == refused + 304
    assert redis_bench.memory_bytes() - before < GROWTH_BYTES


@pytest.mark.parametrize("junk", [b"garbage", b"[]", b"{}", b'{"body": "x", "properties": {}}', b"\xff", b"[" * 5000])
def test_junk_in_the_control_channel_does_not_stop_the_worker(redis_bench: Bench, junk: bytes) -> None:
    with Connection(read_address(redis_bench.url).url) as connection:
        client = connection.default_channel._create_client()
        heard = client.publish("wf:/0.celery.pidbox", junk)
    assert heard == 1
    redis_bench.still_works()


def test_control_commands_do_not_steer(redis_bench: Bench) -> None:
    for words in (
        ["revoke", str(uuid4())],
        ["terminate", "KILL", str(uuid4())],
        ["rate_limit", "scans.run", "1/h"],
        ["time_limit", "scans.run", "1"],
        ["cancel_consumer", "scans"],
    ):
        assert "is not taken from the broker" in redis_bench.celery("control", *words).stdout
    redis_bench.still_works()


def test_revoked_ids_from_a_strangers_greeting_are_not_believed(redis_bench: Bench) -> None:
    ring = redis_bench.ring()
    body = json.dumps({"method": "hello", "arguments": {"from_node": "evil@x", "revoked": {ring.message_id: 1.0}}, "destination": None})
    message = attacks.Forgery(body.encode(), {}, attacks.JSON, "utf-8")
    with Connection(read_address(redis_bench.url).url) as connection:
        assert connection.default_channel._create_client().publish("wf:/0.celery.pidbox", json.dumps(attacks.envelope(message))) == 1
    redis_bench.still_works()
    with Publisher(redis_bench.url, ["scans"]) as publisher:
        publisher.publish([ring])
    redis_bench.wait(lambda: ring.message_id in redis_bench.jobs(), "the ring of the job named in the greeting")


def test_nothing_an_attack_sends_becomes_a_result(redis_bench: Bench) -> None:
    with Connection(read_address(redis_bench.url).url) as connection:
        client = connection.default_channel._create_client()
        assert [key for key in client.keys("*") if b"task-meta" in key or b"unacked" in key] == []
