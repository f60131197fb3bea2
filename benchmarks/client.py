"""The process that enqueues for one peer: takes orders as JSON lines on stdin, answers each with one on stdout."""

from __future__ import annotations

import importlib
import json
import os
import random
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from benchmarks.board import VARIABLE, Board

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.peers import Face

PATIENCE_S = 30.0


def timed(work: Callable[[], object]) -> dict[str, float]:
    """Return the wall time and this process's CPU time, that of its other threads included."""
    cpu, wall = time.process_time(), time.perf_counter()
    work()
    return {"wall_s": time.perf_counter() - wall, "cpu_s": time.process_time() - cpu}


def submit(face: Face, count: int) -> dict[str, Any]:
    """Enqueue one by one, in one thread."""
    delay = face.delay

    def loop() -> None:
        for _ in range(count):
            delay()

    return timed(loop)


def latency(face: Face, count: int, pause_s: float) -> dict[str, Any]:
    """Enqueue single jobs into an idle system; return each one's milliseconds from the call of `delay` to its first line.

    Nothing looks while a job is on its way, so that watching costs no peer anything.
    """
    board = Board(Path(os.environ[VARIABLE]))
    taken = []
    for _ in range(count):
        before = board.read().jobs
        begun = time.time_ns()
        face.delay()
        time.sleep(pause_s * random.uniform(0.7, 1.3))  # noqa: S311 - keeps out of step with anybody's polling
        deadline = time.monotonic() + PATIENCE_S
        while (found := board.read()).jobs == before:
            if time.monotonic() > deadline:
                message = f"a single job did not start within {PATIENCE_S:.0f} s"
                raise TimeoutError(message)
            time.sleep(0.005)
        taken.append((found.last_ns - begun) / 1e6)
    return {"ms": taken}


def obey(face: Face, order: dict[str, Any]) -> dict[str, Any]:
    """Carry out one order."""
    match order["do"]:
        case "install":
            face.install()
            return {}
        case "submit":
            return submit(face, int(order["count"]))
        case "bulk":
            return dict(timed(lambda: face.bulk(int(order["count"]))))
        case "latency":
            return latency(face, int(order["count"]), float(order["pause_s"]))
        case "unfinished":
            return {"jobs": face.unfinished()}
    message = f"unknown order {order['do']!r}"
    raise ValueError(message)


def main() -> None:
    """Obey until stdin ends."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever a library prints is not an answer
    face = cast("Face", importlib.import_module(sys.argv[1]))
    for line in sys.stdin:
        print(json.dumps(obey(face, json.loads(line))), file=answers, flush=True)
    answers.close()
    os._exit(0)  # connection pools with threads of their own would otherwise be waited for


if __name__ == "__main__":
    main()
