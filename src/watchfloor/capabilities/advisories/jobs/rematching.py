"""Match again what a change of names concerns, for every organisation."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

from watchfloor.capabilities.advisories.jobs.settling import settle, tell_updated
from watchfloor.capabilities.advisories.queries.curator import curating
from watchfloor.capabilities.advisories.queries.rematch import touch
from watchfloor.kernel.contract import Queue, job

if TYPE_CHECKING:
    from watchfloor.kernel.contract import JobContext


class Rematch(BaseModel):
    """The products whose names changed, by number."""

    model_config = ConfigDict(extra="forbid")

    products: list[int] = Field(min_length=1, max_length=1000)


class Rematched(BaseModel):
    """How many advisories name them."""

    advisories: int = 0


@job("advisories.rematch", Rematch, queue=Queue.ADVISORIES, timeout=timedelta(hours=1))
def rematch(context: JobContext, request: Rematch) -> Rematched:
    """Give the advisories that name some products to everybody who matches, as if they had changed."""
    with context.transaction() as session, curating(session) as wire:
        count = touch(wire, request.products)
    tell_updated(context, settle(context))
    return Rematched(advisories=count)
