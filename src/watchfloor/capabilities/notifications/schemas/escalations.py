"""Escalations and their runs: what is asked for, and what is shown of them."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, Field

from watchfloor.capabilities.notifications.schemas.rules import Escalation, Step


class EscalationCreate(Escalation):
    """Who is told when, while nobody acknowledges, under a name."""

    name: str = Field(min_length=1, max_length=100)


class EscalationView(BaseModel):
    """An escalation."""

    id: UUID
    name: str
    steps: list[Step]
    created_by: str
    created_at: datetime


class StepTold(BaseModel):
    """One step that came; without users nobody could be reached."""

    step: int
    users: list[str]
    page: bool
    notification: UUID | None
    told_at: datetime


class RunView(BaseModel):
    """One escalation on its way or at its end: `step` is the next one, counted from 0, and `due_at` is when; empty when none is to come."""

    id: UUID
    notification: UUID
    title: str
    started_at: datetime
    step: int
    due_at: datetime | None
    acknowledged_by: str | None
    acknowledged_at: datetime | None
    resolved_at: datetime | None
    told: list[StepTold]


class EscalationDetail(EscalationView):
    """An escalation and its runs, newest first, at most 100."""

    runs: list[RunView]


class Escalations(BaseModel):
    """Escalations by name."""

    items: list[EscalationView]


class Escalated(BaseModel):
    """Steps that told somebody, steps that reached nobody, and runs that have no step left."""

    told: int = 0
    unreached: int = 0
    ended: int = 0
