"""The job kind that proves that a report is the one that was made."""

from __future__ import annotations

import hashlib
import json
import tempfile
from contextlib import ExitStack
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from watchfloor.capabilities.reports.engine.spec import TEMPLATE_VERSION, spec_hash
from watchfloor.capabilities.reports.jobs import disk
from watchfloor.capabilities.reports.jobs.fonts import NAME, operator_fonts
from watchfloor.capabilities.reports.jobs.keeping import is_kept
from watchfloor.capabilities.reports.jobs.making import signed
from watchfloor.capabilities.reports.jobs.rendering import Renderer
from watchfloor.capabilities.reports.jobs.snapshot import opened
from watchfloor.capabilities.reports.queries import presets, reports, snapshots
from watchfloor.capabilities.reports.schemas.requests import Verified, VerifyReport
from watchfloor.capabilities.reports.schemas.snapshot import Options
from watchfloor.capabilities.reports.schemas.words import Format, Redaction
from watchfloor.capabilities.reports.settings import ReportSettings
from watchfloor.kernel.artifacts import store as artifacts
from watchfloor.kernel.contract import Queue, job
from watchfloor.kernel.errors import Forged, GiveUp, NotFound
from watchfloor.kernel.jobs.ledger import ledger
from watchfloor.kernel.settings import read_settings

if TYPE_CHECKING:
    from watchfloor.capabilities.reports.models import Report
    from watchfloor.kernel.contract import JobContext

GONE: Final = "its snapshot is not kept any more, so it cannot be rendered again"


@job("reports.verify_report", VerifyReport, queue=Queue.REPORTS, timeout=timedelta(minutes=15), attempts=2)
def verify_report(context: JobContext, request: VerifyReport) -> Verified:
    """Prove that a report's stored file has the bytes of its signed manifest; on request, render it again and compare."""
    with context.transaction() as session:
        report = reports.find_report(session, context.org, request.report_id)
    if report is None or report.state != "ready" or report.manifest is None:
        raise GiveUp(f"there is no report {request.report_id} that is ready")
    notes: list[str] = []
    told: dict[str, Any] = json.loads(report.manifest)
    found = _stored_hash(context, report, notes)
    with disk.room(context):
        equal = _rendered_again(context, report, notes) if request.rerender else None
        pdfa = _archival(context, report, notes) if request.pdfa else None
    return Verified(
        report_id=report.id, file_ok=found == told["sha256"] == (report.sha256 or b"").hex(), signature_ok=signed(report), rerender_equal=equal, pdfa=pdfa,
        notes=notes,
    )  # fmt: skip


def _stored_hash(context: JobContext, report: Report, notes: list[str]) -> str:
    if report.artifact is None:
        notes.append("its stored file is gone")
        return ""
    whole = hashlib.sha256()
    try:
        with context.transaction() as session:
            parts = artifacts.read(ledger(), session, context.org, report.artifact)[1]
        for part in parts:
            whole.update(part)
    except (NotFound, Forged) as error:
        is_kept(ledger(), context.org, report.artifact)
        notes.append(f"the stored file cannot be read: {error}")
        return ""
    return whole.hexdigest()


def _rendered_again(context: JobContext, report: Report, notes: list[str]) -> bool | None:
    if report.template_version != TEMPLATE_VERSION:
        notes.append(f"it was made by templates of version {report.template_version}, these are {TEMPLATE_VERSION}: the bytes may differ")
        return None
    options, fonts = Options.model_validate(report.options), operator_fonts(read_settings(ReportSettings, "reports"))
    if Format(report.format).is_set and options.fonts != fonts.digest:
        notes.append(f"it was made with other fonts than those that {NAME} names now: the bytes may differ")
        return None
    with context.transaction() as session:
        stored = snapshots.find_snapshot(session, context.org, report.snapshot)
        logo = presets.logo_of(session, context.org, report.id)
    if options.logo and spec_hash(options, Redaction(report.redaction), logo) != report.spec_hash:
        notes.append("its theme has another logo by now, so it cannot be rendered again")
        return None
    if stored is None:
        notes.append(GONE)
        return None
    with ExitStack() as stack:
        try:
            file = stack.enter_context(opened(context, stored))
        except (NotFound, Forged) as error:
            notes.append(f"it cannot be rendered again, because its snapshot cannot be read: {error}")
            return None
        disk.ask_for(disk.of_files(stored.size_bytes, [Format(report.format)]))
        renderer = Renderer(context, file, options, logo, stack, fonts)
        return renderer.file(Format(report.format)).sha256 == report.sha256


def _archival(context: JobContext, report: Report, notes: list[str]) -> bool | None:
    if report.format != Format.PDF or report.artifact is None:
        notes.append("PDF/A is a property of PDF files")
        return None
    from watchfloor.capabilities.reports.engine.to_pdf.archival import ArchivalRequest, examine  # noqa: PLC0415 - only where it is asked for

    with context.transaction() as session:
        parts = artifacts.read(ledger(), session, context.org, report.artifact)[1]
    with tempfile.TemporaryFile() as file:
        try:
            file.writelines(parts)
        except (NotFound, Forged):
            return None  # a note says so already
        found = context.sandbox(examine, ArchivalRequest(), files={"pdf": file})
    notes.extend(found.notes)
    return found.passed
