"""Celery's view of results, read from the ledger; nothing that arrives by the broker can write one."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias, cast

from celery import states
from celery.backends.base import BaseBackend
from celery.exceptions import TaskRevokedError
from celery.exceptions import TimeoutError as WaitedTooLong

from watchfloor.kernel.errors import JobFailed, JobRevoked

Read: TypeAlias = Callable[[str], Mapping[str, Any] | None]

_FIRST_WAIT_S: Final = 0.1
_LONGEST_WAIT_S: Final = 1.0


class Revoked(JobRevoked, TaskRevokedError):  # type: ignore[misc]  # Celery has no type hints
    """What waiting for a cancelled or expired job raises, under our name and under Celery's."""


class LedgerBackend(BaseBackend):  # type: ignore[misc]  # Celery has no type hints
    """Answers `AsyncResult` from the application's `read(job id)`.

    `read` returns None for an unknown job, which looks PENDING as in Celery, or a mapping with `state` and, where known, `result`,
    `info` (STARTED, PROGRESS, RETRY), `reason` and `error` (FAILURE, REVOKED), `traceback`, `name`, `worker`, `date_done`, `retries`.
    """

    def get_task_meta(self, task_id: str, cache: bool = True) -> dict[str, Any]:  # noqa: ARG002, FBT001, FBT002 - Celery's signature; the ledger is always asked
        """Read one job."""
        read = cast("Read | None", self.app.read)
        found = read(str(task_id)) if read else None
        if found is None:
            return {"task_id": task_id, "status": states.PENDING, "result": None, "traceback": None, "children": []}
        state = str(found["state"])
        return {
            "task_id": task_id,
            "status": state,
            "result": _result(state, found),
            "traceback": found.get("traceback"),
            "name": found.get("name"),
            "worker": found.get("worker"),
            "date_done": found.get("date_done"),
            "retries": found.get("retries", 0),
            "children": [],
        }

    def meta_from_decoded(self, meta: dict[str, Any]) -> dict[str, Any]:
        """Leave as it is: exceptions are made by us, never from a message."""
        return meta

    def wait_for(
        self, task_id: str, timeout: float | None = None, on_interval: Callable[[], object] | None = None, **_options: object
    ) -> dict[str, Any]:
        """Ask the ledger every 0.1 s, rising to 1 s, until the job has ended. Raises Celery's TimeoutError after `timeout` seconds."""
        deadline = None if timeout is None else time.monotonic() + timeout
        pause = _FIRST_WAIT_S
        while True:
            meta = self.get_task_meta(task_id)
            if meta["status"] in states.READY_STATES:
                return meta
            if on_interval:
                on_interval()
            left = None if deadline is None else deadline - time.monotonic()
            if left is not None and left <= 0:
                raise WaitedTooLong(
                    f"Job {task_id} is {meta['status']} after {timeout:g} s. Wait longer, or see watchfloor jobs show {task_id}."
                )
            time.sleep(pause if left is None else min(pause, left))
            pause = min(_LONGEST_WAIT_S, pause * 1.5)

    def store_result(self, task_id: str, result: object, state: str, *_args: object, **_kwargs: object) -> None:
        """Write nothing: only the attempt that owns a job may end it, and it does so in its own transaction."""

    def forget(self, task_id: str) -> None:
        """Refuse: how long results stay is the retention's business."""
        raise TypeError(f"The result of {task_id} is part of the ledger. Set the kind's keep_result to keep results for less time.")

    def as_uri(self, include_password: bool = False) -> str:  # noqa: ARG002, FBT001, FBT002 - Celery's signature
        """Name itself in the worker's banner."""
        return "ledger"

    def add_pending_result(self, result: object, weak: bool = False) -> object:  # noqa: ARG002, FBT001, FBT002 - Celery's signature
        """Subscribe to nothing."""
        return result


def _result(state: str, found: Mapping[str, Any]) -> object:
    if state == states.SUCCESS:
        return found.get("result")
    if state == states.FAILURE:
        return JobFailed(str(found.get("reason") or "failed"), str(found.get("error") or ""))
    if state == states.REVOKED:
        return Revoked(str(found.get("reason") or "cancelled"))
    return found.get("info")
