"""Promise 05: what lies at the broker names jobs and nothing they are about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import redis

from tests.jobs.conftest import floor, ledger_floor
from tests.jobs.kinds import Text, short
from watchfloor.kernel.contract import Queue
from watchfloor.kernel.jobs.broker.publish import Publisher
from watchfloor.kernel.jobs.dispatch import Dispatcher

if TYPE_CHECKING:
    from tests.jobs.floor import Floor

__all__ = ["floor", "ledger_floor"]

MARK = "kiwi-7f3a"


def test_broker_never_holds_arguments(floor: Floor, valkey_url: str) -> None:
    org = floor.org()
    secrets = {"text": MARK + "-text", "label": MARK + "-label", "actor": MARK + "-actor", "unique": MARK + "-unique"}
    for n in range(3):
        options: dict[str, Any] = {name: f"{value}{n}" for name, value in secrets.items() if name != "text"}
        floor.submit(org, request=Text(text=secrets["text"]), **options)
        floor.submit(org, short, Text(text=secrets["text"]), **options)
    floor.session()
    publisher = Publisher(valkey_url, tuple(Queue))
    try:
        assert Dispatcher(floor.ledger, publisher).round("default").sent == 6
    finally:
        publisher.close()
    stored = everything(valkey_url)
    assert b"tests.echo" in stored
    for word in (*secrets.values(), MARK, str(org), org.hex):
        assert word.encode() not in stored
    assert org.bytes not in stored


def everything(url: str) -> bytes:
    """Return all that the broker holds, as one heap of bytes."""
    client: Any = redis.Redis.from_url(url.replace("redis+socket://", "unix://").replace("virtual_host", "db"))
    heap: list[bytes] = []
    try:
        for key in client.keys("*"):
            heap.append(key)
            match client.type(key):
                case b"list":
                    heap += client.lrange(key, 0, -1)
                case b"hash":
                    heap += [part for pair in client.hgetall(key).items() for part in pair]
                case b"set":
                    heap += client.smembers(key)
                case b"zset":
                    heap += client.zrange(key, 0, -1)
                case b"string":
                    heap.append(client.get(key))
                case other:
                    raise AssertionError(f"{key!r} is a {other!r}; teach this test to read it")
    finally:
        client.close()
    return b"\n".join(heap)
