"""Celery as people set it up: early acknowledgement; results only where BENCHMARK_RESULTS is set."""

from __future__ import annotations

import os

from celery import Celery

from benchmarks.board import tick

QUEUE = "benchmark"
RESULTS = "BENCHMARK_RESULTS" in os.environ

broker = os.environ["BENCHMARK_BROKER"]
app = Celery("benchmark", broker=broker, backend=broker if RESULTS else None)
app.conf.update(task_default_queue=QUEUE, task_ignore_result=not RESULTS, broker_connection_retry_on_startup=True)


@app.task(name="benchmark.noop")  # type: ignore[untyped-decorator]  # Celery has no type hints
def noop() -> None:
    """Do nothing."""
    tick()


def install() -> None:
    """Nothing: it has no database."""


def delay() -> None:
    """Publish one message."""
    noop.delay()


def bulk(count: int) -> None:
    """Publish in a loop; Celery has nothing else."""
    for _ in range(count):
        noop.apply_async()


def unfinished() -> int:
    """Count messages in the queue; those a worker holds are seen by the board."""
    with app.connection_for_write() as connection:
        channel = connection.default_channel
        if hasattr(channel, "_size"):  # Redis: a list without messages does not exist, and asking as below would fail
            return int(channel._size(QUEUE))  # noqa: SLF001 - kombu has no other
        return int(channel.queue_declare(QUEUE, passive=True).message_count)
