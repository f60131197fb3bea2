"""Dramatiq on Redis or RabbitMQ with its default middleware."""

# mypy: disable-error-code="import-not-found,untyped-decorator,no-untyped-call"
# (it is no dependency, so most machines that check this file do not have it)
from __future__ import annotations

import os
from typing import Any

import dramatiq

from benchmarks.board import tick

QUEUE = "dramatiq"  # "default" is Watchfloor's on the same RabbitMQ

broker: Any
if os.environ["BENCHMARK_BROKER"].startswith("amqp"):
    from dramatiq.brokers.rabbitmq import RabbitmqBroker

    broker = RabbitmqBroker(url=os.environ["BENCHMARK_BROKER"].removesuffix("//") + "/%2F", confirm_delivery=True)
else:
    from dramatiq.brokers.redis import RedisBroker

    broker = RedisBroker(url=os.environ["BENCHMARK_BROKER_CLIENT"])
dramatiq.set_broker(broker)


@dramatiq.actor(queue_name=QUEUE)
def noop() -> None:
    """Do nothing."""
    tick()


def install() -> None:
    """Nothing: it has no database."""


def delay() -> None:
    """Publish one message."""
    noop.send()


def bulk(count: int) -> None:
    """Publish in a loop; a group is one as well."""
    for _ in range(count):
        noop.send()


def unfinished() -> int:
    """Count messages waiting."""
    if hasattr(broker, "do_qsize"):
        return int(broker.do_qsize(QUEUE))
    return int(broker.get_queue_message_counts(QUEUE)[0])
