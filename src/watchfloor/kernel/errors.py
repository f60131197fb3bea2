"""Every error the product raises on purpose: one tree, a stable code, an HTTP status, a sentence for people.

WatchfloorError
├── CallerError      InvalidInput 422 · Unauthenticated 401 · Forbidden 403 · NotFound 404 (Lost 410) · Conflict 409 ·
│                    Unconfirmed 409 · TooLarge 413 · TooMuch 429
├── OutsideError     SourceUnavailable (nothing was learned) · SourceChanged · OutOfScope · EgressRefused
├── Untrusted        Forged · Expired: a ticket, link or key that does not verify
├── SetupError       this machine or its settings cannot do what was asked; says what to change
├── Outcome          Retry · GiveUp (a handler's words) · Cancelled · SoftTimeLimit (told to a handler)
├── Fenced           this attempt no longer owns its job; its write was refused
└── JobError         JobFailed · JobRevoked: what `.get()` raises to whoever waits for a result
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from datetime import timedelta


class WatchfloorError(Exception):
    """Root of the tree. The message is a sentence: what happened, and what to do."""

    code: ClassVar[str] = "error"
    status: ClassVar[int] = 500


class CallerError(WatchfloorError):
    """The request was wrong; asking again unchanged will not help."""

    status = 400


class InvalidInput(CallerError):
    """A value is outside what is accepted. `field` is a JSON pointer where one is known.

    In a text of several parts, `position` and `length` name the part in characters, and `did_you_mean` what may stand there instead.
    """

    code = "invalid_input"
    status = 422

    def __init__(
        self, message: str, *, field: str | None = None, position: int | None = None, length: int | None = None,
        did_you_mean: str | None = None,
    ) -> None:  # fmt: skip
        """Name the field and the part too where they are known."""
        super().__init__(message)
        self.field = field
        self.position = position
        self.length = length
        self.did_you_mean = did_you_mean


class Unauthenticated(CallerError):
    """Nobody we know is asking."""

    code = "unauthenticated"
    status = 401


class Forbidden(CallerError):
    """The actor is known and lacks the permission."""

    code = "forbidden"
    status = 403


class NotFound(CallerError):
    """No such thing in the actor's organisation; another organisation's things look the same."""

    code = "not_found"
    status = 404


class Gone(CallerError):
    """It was there, and is no more."""

    code = "gone"
    status = 410


class Lost(NotFound):
    """A stored file's card is there and its bytes are gone."""

    code = "lost"
    status = 410


class Conflict(CallerError):
    """The thing's present state forbids the request."""

    code = "conflict"
    status = 409


class Unconfirmed(CallerError):
    """Much would follow from this request; it needs a word that it is meant."""

    code = "unconfirmed"
    status = 409


class TooLarge(CallerError):
    """The request is larger than what is accepted."""

    code = "too_large"
    status = 413


class TooMuch(CallerError):
    """A limit or quota is used up for now."""

    code = "too_much"
    status = 429


class OutsideError(WatchfloorError):
    """The outside did not answer as hoped."""

    status = 502


class SourceUnavailable(OutsideError):
    """Nothing was learned: neither presence nor absence."""

    code = "source_unavailable"


class SourceChanged(OutsideError):
    """The answer has not the shape we know."""

    code = "source_changed"


class OutOfScope(OutsideError):
    """A target outside what the organisation allowed to be looked at; `target` names it where one is known."""

    code = "out_of_scope"
    status = 403

    def __init__(self, message: str, *, target: str = "") -> None:
        """Keep the target apart from the sentence, for the audit trail."""
        super().__init__(message)
        self.target = target


class EgressRefused(OutsideError):
    """A connection the egress policy denies."""

    code = "egress_refused"
    status = 403


class Untrusted(WatchfloorError):
    """Something signed does not verify. `reason` is a short stable word for counters."""

    code = "untrusted"
    status = 401

    def __init__(self, reason: str) -> None:
        """Keep the reason apart from the sentence."""
        super().__init__(reason)
        self.reason = reason


class Forged(Untrusted):
    """A signature, layout or key that is not ours."""

    code = "forged"


class Expired(Untrusted):
    """Once valid, too old now."""

    code = "expired"


class SetupError(WatchfloorError):
    """This machine or its settings cannot do what was asked; the sentence says what to change."""

    code = "setup"
    status = 503


class Outcome(WatchfloorError):
    """How a handler ends other than by returning."""


class Retry(Outcome):
    """Try again later; uses up one of the kind's attempts."""

    code = "retry"

    def __init__(self, reason: str, delay: timedelta | None = None) -> None:
        """Without a delay the kind's back-off decides."""
        super().__init__(reason)
        self.reason = reason
        self.delay = delay


class GiveUp(Outcome):
    """Trying again cannot help; the job fails now."""

    code = "gave_up"

    def __init__(self, reason: str) -> None:
        """Keep the reason: people read it."""
        super().__init__(reason)
        self.reason = reason


class Cancelled(Outcome):
    """Raised inside a handler whose job was cancelled; clean up and let it pass."""

    code = "cancelled"


class SoftTimeLimit(Outcome):
    """Raised inside a handler that reached its soft time limit; seconds are left to save what is done."""

    code = "soft_time_limit"


class Fenced(WatchfloorError):
    """This attempt no longer owns its job: it was reaped, cancelled or finished elsewhere."""

    code = "fenced"
    status = 409


class JobError(WatchfloorError):
    """What waiting for a job's result can raise."""


class JobFailed(JobError):
    """The job ended as failed or quarantined. `reason` is a stable word, the message the scrubbed error."""

    code = "job_failed"

    def __init__(self, reason: str, error: str = "") -> None:
        """Keep both parts."""
        super().__init__(f"{reason}: {error}" if error else reason)
        self.reason = reason
        self.error = error


class JobRevoked(JobError):
    """The job was cancelled or expired before it ended."""

    code = "job_revoked"
