"""Publishing: the short way makes kombu's bytes, a broken broker is named, nothing hangs."""

from __future__ import annotations

import json
import socket
import threading
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from kombu import Connection, Producer

from tests.broker.worker import KIND, QUEUES, Bench, running
from tests.servers import valkey_server
from watchfloor.kernel.errors import SourceUnavailable
from watchfloor.kernel.jobs.broker import publish, tickets
from watchfloor.kernel.jobs.broker.address import read_address
from watchfloor.kernel.jobs.broker.publish import Publisher, Ring

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import TypeAlias

    from tests.servers import Server

    Opened: TypeAlias = Callable[..., Publisher]


@pytest.fixture
def open_(request: pytest.FixtureRequest) -> Callable[..., Publisher]:
    """Return a function that opens a publisher until the end of the test."""

    def make(url: str, **options: float) -> Publisher:
        publisher = Publisher(url, QUEUES, **options)
        request.addfinalizer(publisher.close)
        return publisher

    return make


@pytest.fixture
def channel(valkey_url: str) -> Iterator[Any]:
    """A channel of plain kombu with the product's options."""
    address = read_address(valkey_url)
    with Connection(address.url, transport_options=address.options) as connection:
        yield connection.default_channel


@pytest.fixture
def client(channel: Any) -> Any:
    """A Redis client on an empty broker."""
    found = channel._create_client()
    found.flushall()
    return found


def without_tag(item: bytes) -> dict[str, Any]:
    """Return a message without its random tag."""
    found: dict[str, Any] = json.loads(item)
    assert len(found["properties"].pop("delivery_tag")) >= 32
    return found


@pytest.fixture
def bench(valkey_url: str, client: Any, tmp_path: Path) -> Bench:  # noqa: ARG001 - it empties the broker
    """A bench whose worker is not running, on an empty broker."""
    return Bench(valkey_url, tmp_path)


def test_short_way_makes_the_bytes_of_kombus_producer(bench: Bench, open_: Opened, client: Any, channel: Any) -> None:
    ring = bench.ring()
    publish.publish_one(Producer(channel, auto_declare=False), *ring[:2], ring.ticket, ring.message_id)
    open_(bench.url).publish([ring])
    ours, theirs = client.lrange("wf:scans", 0, -1)
    assert without_tag(ours) == without_tag(theirs)
    assert len(ours) == len(theirs) - 4  # the tag without its hyphens
    assert list(json.loads(ours)) == list(json.loads(theirs))


def test_batch_keeps_order_and_finds_its_queues(bench: Bench, open_: Opened, client: Any) -> None:
    rings = [bench.ring(queue=queue) for queue in ("scans", "reports") for _ in range(64)]
    publisher = open_(bench.url)
    publisher.publish(rings)
    publisher.publish([])
    assert publisher.depths() == {"default": 0, "scans": 64, "reports": 64}
    items = client.lrange("wf:scans", 0, -1)
    assert [json.loads(item)["headers"]["id"] for item in reversed(items)] == [ring.message_id for ring in rings[:64]]
    tags = {json.loads(item)["properties"]["delivery_tag"] for item in items}
    assert len(tags) == 64


@pytest.mark.parametrize("change", ["raises", "other command", "mark missing"])
def test_unfamiliar_kombu_is_published_the_slow_way(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, change: str, open_: Opened, client: Any
) -> None:
    publisher, ring = open_(bench.url), bench.ring()
    publisher.ping()
    line = publisher._line
    assert isinstance(line, publish._RedisLine)
    plain = line._channel.basic_publish

    def other(message: Any, exchange: str, routing_key: str, **options: Any) -> Any:
        batch = options.pop("_publish_batch", None)
        if batch is None:
            return plain(message, exchange, routing_key, **options)
        if change == "raises":
            raise TypeError("unexpected keyword argument '_publish_batch'")
        return batch.add("xadd" if change == "other command" else "lpush", routing_key, '{"properties": {"delivery_tag": "abc"}}')

    monkeypatch.setattr(line._channel, "basic_publish", other)
    publisher.publish([ring])
    assert publisher.depths()["scans"] == 1
    found = json.loads(client.lrange("wf:scans", 0, -1)[0])
    assert found["headers"] == {"task": KIND, "id": ring.message_id}


def test_canary_lives_as_long_as_the_data(bench: Bench, open_: Opened, client: Any) -> None:
    publisher = open_(bench.url)
    assert publisher.canary() is None
    publisher.set_canary("incarnation-1")
    assert open_(bench.url).canary() == "incarnation-1"
    client.flushall()
    assert publisher.canary() is None


def test_dead_broker_is_unavailable_and_publishing_goes_on_when_it_is_back(tmp_path: Path, open_: Opened) -> None:
    with valkey_server() as server:
        bench, publisher = Bench(server.url, tmp_path), open_(server.url, timeout_s=1)
        publisher.publish([bench.ring()])
        server.kill()
        for _ in range(2):
            with pytest.raises(SourceUnavailable, match="Jobs stay queued"):
                publisher.publish([bench.ring()])
        server.start()
        publisher.publish([bench.ring()])
        assert publisher.depths()["scans"] >= 1


def test_silent_broker_does_not_hang_the_publisher(bench: Bench, open_: Opened, client: Any) -> None:
    publisher = open_(bench.url, timeout_s=0.5)
    publisher.publish([bench.ring()])
    client.execute_command("CLIENT", "PAUSE", "3000", "WRITE")
    try:
        with pytest.raises(SourceUnavailable):
            publisher.publish([bench.ring()])
    finally:
        client.execute_command("CLIENT", "UNPAUSE")
    publisher.publish([bench.ring()])


def test_full_broker_refuses_and_says_so(bench: Bench, open_: Opened, client: Any) -> None:
    publisher = open_(bench.url)
    publisher.publish([bench.ring()])
    client.config_set("maxmemory", "1")
    try:
        with pytest.raises(SourceUnavailable, match=r"OOM|OutOfMemory|memory"):
            publisher.publish([bench.ring()])
    finally:
        client.config_set("maxmemory", "0")


def test_something_else_on_the_port_is_unavailable_not_a_hang(open_: Opened) -> None:
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        port = stranger.getsockname()[1]
        for url in (f"redis://127.0.0.1:{port}/0", f"amqp://127.0.0.1:{port}//"):
            with pytest.raises(SourceUnavailable):
                open_(url, timeout_s=0.3).ping()


def test_wrong_password_is_unavailable(bench: Bench, open_: Opened) -> None:
    with pytest.raises(SourceUnavailable) as caught:
        open_(bench.url.replace("://:", "://:x")).ping()
    assert "Authentication" in str(caught.value)


def test_bundle_rings_once_for_all_its_jobs(valkey_url: str, tmp_path: Path, open_: Opened) -> None:
    with running(Bench(valkey_url, tmp_path), "-P", "solo") as bench:
        jobs = [(uuid4(), number) for number in range(64)]
        body = tickets.sign(bench.signer, KIND, "bundle-7", "scans", jobs, tickets.parse(bench.ring().ticket).expires_ms)
        open_(bench.url).publish([Ring(KIND, "scans", body, "bundle-7")])
        bench.wait(lambda: len(bench.jobs()) == 64, "the bundle")
        assert [line[2] for line in bench.lines() if line[0] == "ticket"] == [[[str(job), seq] for job, seq in jobs]]


def test_worker_answers_inspection_keeps_its_password_and_obeys_shutdown(valkey_url: str, tmp_path: Path) -> None:
    password = valkey_url.split(":", 2)[2].split("@", maxsplit=1)[0]
    with running(Bench(valkey_url, tmp_path), "-c", "2", "--without-heartbeat") as bench:
        answers = {name: bench.celery("inspect", name).stdout for name in ("registered", "active", "stats", "active_queues", "conf")}
        assert all("1 node online" in answer for answer in answers.values())
        assert all(kind in answers["registered"] for kind in ("scans.run", "scans.shard", "system.tidy"))
        assert not any(password in answer for answer in (*answers.values(), bench.log()))
        bench.celery("control", "shutdown")
        assert bench.process is not None
        assert bench.process.wait(30) == 0


def test_hardened_worker_runs_tickets_and_hears_no_commands(valkey_url: str, tmp_path: Path) -> None:
    with running(Bench(valkey_url, tmp_path), "-c", "1", profile="hardened") as bench:
        bench.still_works()
        assert "No nodes replied" in bench.celery("inspect", "ping").stderr
        bench.celery("control", "shutdown")
        bench.still_works()


def test_worker_consumes_again_after_the_broker_was_killed(tmp_path: Path) -> None:
    with valkey_server() as server, running(Bench(server.url, tmp_path), "-c", "1") as bench:
        bench.still_works()
        restart(server)
        bench.still_works()


def restart(server: Server) -> None:
    """Kill, wipe and start a server."""
    server.kill()
    server.wipe()
    server.start()


@pytest.mark.rabbitmq
def test_rabbitmq_takes_batches_with_confirmation(rabbitmq_url: str, tmp_path: Path, open_: Opened) -> None:
    bench, publisher = Bench(rabbitmq_url, tmp_path), open_(rabbitmq_url)
    before = publisher.depths()["reports"]
    publisher.publish([bench.ring(queue="reports") for _ in range(200)])
    publisher.publish([bench.ring(queue="reports")])
    assert publisher.depths()["reports"] == before + 201
    with Connection(rabbitmq_url) as connection:
        connection.default_channel.queue_purge("reports")


@pytest.mark.rabbitmq
def test_rabbitmq_message_into_a_missing_queue_is_refused_not_lost(rabbitmq_url: str, tmp_path: Path, open_: Opened) -> None:
    bench, publisher = Bench(rabbitmq_url, tmp_path), open_(rabbitmq_url)
    publisher.ping()
    with Connection(rabbitmq_url) as connection:
        connection.default_channel.queue_delete("default")
    assert publisher.depths()["default"] == 0
    with pytest.raises(SourceUnavailable, match="default"):
        publisher.publish([bench.ring(queue="default")])
    publisher.publish([bench.ring(queue="default")])
    assert publisher.depths()["default"] == 1


@pytest.mark.rabbitmq
def test_rabbitmq_canary_lives_as_long_as_the_data(rabbitmq_url: str, open_: Opened) -> None:
    publisher = open_(rabbitmq_url)
    with Connection(rabbitmq_url) as connection:
        connection.default_channel.queue_delete("wf.canary")
    assert publisher.canary() is None
    for value in ("one", "two"):
        publisher.set_canary(value)
        assert [publisher.canary() for _ in range(3)] == [value] * 3


def test_two_threads_use_a_publisher_each(bench: Bench, open_: Opened) -> None:
    def work() -> None:
        publisher = open_(bench.url)
        for _ in range(20):
            publisher.publish([bench.ring() for _ in range(10)])

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert open_(bench.url).depths()["scans"] == 400
