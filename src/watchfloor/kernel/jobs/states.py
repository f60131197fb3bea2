"""The ledger's ten stages, the seven states Celery's users know, and the public scale of priorities. Pure."""

from __future__ import annotations

from enum import StrEnum

from watchfloor.kernel.errors import InvalidInput


class Stage(StrEnum):
    """A step of the engine; `state` is derived from it in the database."""

    BLOCKED = "blocked"
    SCHEDULED = "scheduled"
    QUEUED = "queued"
    DISPATCHED = "dispatched"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    QUARANTINED = "quarantined"
    CANCELLED = "cancelled"
    EXPIRED = "expired"

    @property
    def ended(self) -> bool:
        """Tell whether nothing can happen to the job any more."""
        return self in {Stage.SUCCEEDED, Stage.FAILED, Stage.QUARANTINED, Stage.CANCELLED, Stage.EXPIRED}


class State(StrEnum):
    """What `AsyncResult.state` says."""

    PENDING = "PENDING"
    STARTED = "STARTED"
    PROGRESS = "PROGRESS"
    RETRY = "RETRY"
    SUCCESS = "SUCCESS"
    FAILURE = "FAILURE"
    REVOKED = "REVOKED"

    @property
    def ended(self) -> bool:
        """Tell whether the job is over."""
        return self in {State.SUCCESS, State.FAILURE, State.REVOKED}


class Outcome(StrEnum):
    """How one attempt ended."""

    SUCCEEDED = "succeeded"
    RETRY = "retry"
    FAILED = "failed"
    CANCELLED = "cancelled"
    LOST = "lost"
    HANDED_BACK = "handed_back"


def stored_priority(public: int) -> int:
    """Turn the public scale (0 to 9, larger is more urgent, 10 means 9) into the ledger's (0 first).

    Raises:
        InvalidInput: The number is outside 0 to 10.
    """
    if not 0 <= public <= 10:  # noqa: PLR2004 - the scale itself
        message = f"priority {public} is outside 0 to 10; larger is more urgent, the default is 5"
        raise InvalidInput(message, field="/priority")
    return 9 - min(public, 9)


def public_priority(stored: int) -> int:
    """Turn the ledger's priority back into the public scale."""
    return 9 - stored
