"""The job kind that keeps stored files and their rows together."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from watchfloor.kernel.artifacts.removal import sweep
from watchfloor.kernel.artifacts.schemas import Swept  # noqa: TC001 - the job kind reads the annotation
from watchfloor.kernel.contract import Queue, job
from watchfloor.kernel.jobs.ledger import ledger

if TYPE_CHECKING:
    from watchfloor.kernel.contract import JobContext


class SweepArtifacts(BaseModel):
    """All of the organisation's stored files."""

    model_config = ConfigDict(extra="forbid")


@job("artifacts.sweep", SweepArtifacts, queue=Queue.SYSTEM, timeout=timedelta(hours=1), attempts=3)
def sweep_artifacts(context: JobContext, _request: SweepArtifacts) -> Swept:
    """Delete the bytes of removed files and what writers that died left behind; name the files whose bytes are gone."""
    swept = sweep(ledger(), context.org, actor=context.actor)
    if swept.lost:
        context.log.error("%d stored files have lost their bytes, such as %s", len(swept.lost), swept.lost[0])
    return swept
