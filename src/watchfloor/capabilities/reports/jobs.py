"""The job kind that writes reports: collect what the capabilities tell, render it in a box, store the files."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from watchfloor.capabilities.reports.engine.render import Format, RenderRequest, render
from watchfloor.capabilities.reports.queries import as_of, made_by, org_name
from watchfloor.capabilities.reports.schemas import Document, Section
from watchfloor.kernel.artifacts.store import store
from watchfloor.kernel.contract import Queue, job
from watchfloor.kernel.errors import GiveUp
from watchfloor.kernel.events.outbox import emit
from watchfloor.kernel.jobs.ledger import ledger

if TYPE_CHECKING:
    from watchfloor.kernel.contract import JobContext

MEDIA_TYPES: Final = {Format.HTML: "text/html; charset=utf-8", Format.JSON: "application/json"}


class GenerateReport(BaseModel):
    """Write a report about a scan, or about whatever a capability's section knows under `subject`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    scan_id: UUID | None = None
    subject: UUID | None = None
    formats: list[Format] = Field(default=[Format.HTML, Format.JSON], min_length=1, max_length=len(Format))

    @model_validator(mode="after")
    def _names_one_subject(self) -> GenerateReport:
        if (self.scan_id is None) == (self.subject is None):
            message = "give either scan_id or subject"
            raise ValueError(message)
        return self

    @property
    def about(self) -> UUID:
        """Return what the report is about."""
        found = self.scan_id or self.subject
        assert found is not None  # noqa: S101 - the validator saw to it
        return found


class ReportMade(BaseModel):
    """The stored files of one report; GET /api/v1/artifacts/{id}/content has their bytes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    subject: UUID
    generated_at: datetime
    artifacts: dict[Format, UUID]


@job("reports.generate", GenerateReport, queue=Queue.REPORTS, timeout=timedelta(minutes=10), attempts=3, first_delay=timedelta(seconds=2))
def generate_report(context: JobContext, request: GenerateReport) -> ReportMade:
    """Write a report in one or several formats and store the files."""
    formats = tuple(dict.fromkeys(request.formats))
    document = _document(context, request.about)
    rendered = context.sandbox(render, RenderRequest(document=document, formats=formats))
    with context.transaction() as session:
        # An attempt that died after its commit has stored them already.
        artifacts = made_by(session, context.org, context.job_id)
        if not artifacts:
            artifacts = {
                wanted: store(
                    ledger(), session, context.org, name=f"report-{request.about}.{wanted}", media_type=MEDIA_TYPES[wanted],
                    content=rendered.files[wanted], job=context.job_id, actor=context.actor,
                )
                for wanted in formats
            }  # fmt: skip
            data = {"subject": str(request.about), "artifacts": {str(name): str(artifact) for name, artifact in artifacts.items()}}
            emit(session, context.org, "reports.ready", data=data, job=context.job_id)
    return ReportMade(subject=request.about, generated_at=document.generated_at, artifacts=artifacts)


def _document(context: JobContext, subject: UUID) -> Document:
    with context.transaction() as session:
        told: list[dict[str, Any]] = [found for section in context.sections().values() if (found := section(session, subject))]
        now, name = as_of(session), org_name(session, context.org)
    if not told:
        raise GiveUp(f"nothing here has the id {subject}; `watchfloor scans list` shows the scans there are")
    sections = tuple(Section.model_validate(one) for one in told)
    return Document(title=f"{sections[0].title} of {name}", org=name, generated_at=now, sections=sections, reference=str(subject))
