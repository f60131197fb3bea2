"""Decide what becomes of a delivery after an attempt: sent, again later, or never."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from watchfloor.capabilities.notifications.channels.lanes import NOT_TRIED
from watchfloor.capabilities.notifications.engine import retry
from watchfloor.capabilities.notifications.queries.due import Result
from watchfloor.capabilities.notifications.schemas.wire import Outcome, Sent

if TYPE_CHECKING:
    from datetime import datetime

    from watchfloor.capabilities.notifications.engine.retry import Judgement
    from watchfloor.capabilities.notifications.queries.due import Claimed
    from watchfloor.capabilities.notifications.schemas.wire import ChannelKind


@dataclass(frozen=True)
class Settled:
    """One attempt: what the box said, what it means, and what is saved of it."""

    row: Claimed
    outcome: Outcome
    judgement: Judgement
    result: Result


def settled(lane: ChannelKind, row: Claimed, outcome: Outcome, *, now: datetime, sha256: bytes | None, note: str = "") -> Settled:
    """Return what becomes of a delivery; what a box says for certain stands, what the protocol's code says decides about the rest.

    `note` is what the log says of the message itself, beside what the box said about its way.
    """
    if outcome.code == NOT_TRIED:
        wait = timedelta(seconds=max(1.0, outcome.retry_after_s or 0.0))
        result = Result(delivery=row.id, state="due", reason=NOT_TRIED, delay=wait, outcome=str(Sent.RETRY), tried=False)
        return Settled(row, outcome, retry.Judgement(kind=Sent.RETRY, reason=NOT_TRIED), result)
    judgement = _judged(lane, outcome, short=row.short)
    chance = random.random()  # noqa: S311 - spreads load, protects nothing
    then = retry.settle(lane, row.attempt, judgement, now=now, expires_at=row.expires_at, chance=chance)
    result = Result(
        delivery=row.id, state=str(then.state), reason=then.reason or None, delay=max(then.due_at - now, now - now) if then.due_at else None,
        outcome=str(judgement.kind), code=outcome.code, ms=outcome.ms, address=outcome.address, note="; ".join(one for one in (outcome.reason, note) if one), head=outcome.head, sha256=sha256,
        short=then.shorter,
    )  # fmt: skip
    return Settled(row, outcome, judgement, result)


def lost(row: Claimed, why: str) -> Outcome:
    """Return the outcome of an attempt of which the box said nothing."""
    return Outcome(delivery_id=row.id, kind=Sent.RETRY, code="box", reason=why[:300])


def _judged(lane: ChannelKind, outcome: Outcome, *, short: bool) -> Judgement:
    if outcome.kind in {Sent.PERMANENT, Sent.DISABLE}:
        found = retry.judge(lane, outcome.code, retry_after_s=outcome.retry_after_s, short=short)
        return found if found.kind is outcome.kind else retry.Judgement(kind=outcome.kind, reason=outcome.code or "refused")
    if outcome.kind is Sent.OK:
        return retry.Judgement(kind=Sent.OK)
    found = retry.judge(lane, outcome.code, retry_after_s=outcome.retry_after_s, short=short)
    return retry.Judgement(kind=Sent.RETRY, reason=outcome.code or "retry") if found.kind is Sent.OK else found
