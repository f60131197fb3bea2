"""A scan in the words of a task queue: PENDING, PROGRESS, SUCCESS, FAILURE, REVOKED, and what a poller shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select

from watchfloor.capabilities.scans.models import ScannedService
from watchfloor.capabilities.scans.queries import read

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from watchfloor.capabilities.scans.queries.views import ScanProgress, ScanView

SENTENCES: Final = {"planning": "Resolving targets and checking the scope", "services": "Identifying services", "finishing": "Finishing"}


class TaskResult(BaseModel):
    """What came of a scan; `incomplete` means that not everything could be looked at, which is never the same as closed."""

    model_config = ConfigDict(frozen=True)

    scan_id: UUID
    target: str
    ports: str
    total_ports_scanned: int = Field(description="Ports that were settled, over all addresses.")
    open_ports: list[int] = Field(description="Ports that are open on at least one address.")
    findings: int
    status: str = Field(description="completed or incomplete")
    progress: int
    not_looked_at: list[str] = []


class TaskState(BaseModel):
    """How far a scan is. `current_group` and `group_size` (ports over all addresses) while it runs, `result` once it succeeded."""

    model_config = ConfigDict(frozen=True)

    state: str = Field(description="PENDING, PROGRESS, SUCCESS, FAILURE or REVOKED")
    status: str = Field(description="a sentence for people")
    progress: int = Field(ge=0, le=100, description="per cent")
    current_group: str | None = Field(None, description="critical, high, medium or low")
    group_size: int | None = None
    result: TaskResult | None = None
    error: str | None = None


def status_word(view: ScanView) -> str:
    """Return a scan's status as clients of other platforms know it."""
    if view.error:
        return "failed"
    return {"draft": "pending", "planned": "queued", "finished": "completed"}.get(view.state, view.state)


def task_state(session: Session, org: UUID, view: ScanView) -> TaskState:
    """Return a scan as a task; one that looked at nothing has failed, one that missed a part has succeeded and says so."""
    progress = read.scan_progress(session, org, view.id)
    per_cent = 100 * progress.done // progress.total if progress.total else 0
    match status_word(view):
        case "pending":
            return TaskState(state="PENDING", status="Not started", progress=0)
        case "queued":
            return TaskState(state="PENDING", status="Waiting for a worker", progress=0)
        case "running":
            return _running(progress, min(99, per_cent))
        case "cancelled":
            return TaskState(state="REVOKED", status="Cancelled", progress=per_cent)
        case "failed":
            return TaskState(state="FAILURE", status="Failed", progress=per_cent, error=view.error)
    result = _result(session, org, view, progress, per_cent)
    return TaskState(state="SUCCESS", status=result.status.capitalize(), progress=result.progress, result=result)


def _running(progress: ScanProgress, per_cent: int) -> TaskState:
    """Return the group under way; while services of the last group are identified, that one."""
    group = next((one for one in progress.groups if one.done < one.total), progress.groups[-1] if progress.groups else None)
    status = SENTENCES.get(progress.phase) or f"Scanning {progress.phase} priority ports"
    size: dict[str, Any] = {"current_group": group.group, "group_size": group.total} if group else {}
    return TaskState(state="PROGRESS", status=status, progress=per_cent, **size)


def _result(session: Session, org: UUID, view: ScanView, progress: ScanProgress, per_cent: int) -> TaskResult:
    ports = select(ScannedService.port).where(ScannedService.org == org, ScannedService.scan == view.id).distinct()
    return TaskResult(
        scan_id=view.id, target=",".join(view.targets), ports=view.ports, total_ports_scanned=progress.done, open_ports=sorted(session.scalars(ports)),
        findings=view.findings, status=status_word(view), progress=100 if view.state == "finished" else per_cent, not_looked_at=view.not_looked_at,
    )  # fmt: skip
