"""A worker that stays for the tests of one file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.broker.worker import Bench, running

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module", params=["solo", "prefork"])
def redis_bench(request: pytest.FixtureRequest, valkey_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """A worker on Valkey, with each pool."""
    with running(Bench(valkey_url, tmp_path_factory.mktemp("redis")), "-P", request.param, "-c", "1") as bench:
        yield bench


@pytest.fixture(scope="module")
def amqp_bench(rabbitmq_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """A worker on RabbitMQ."""
    with running(Bench(rabbitmq_url, tmp_path_factory.mktemp("amqp")), "-P", "prefork", "-c", "1") as bench:
        yield bench
