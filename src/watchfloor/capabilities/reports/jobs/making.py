"""Make the reports of one request: get each that is there, render each that is not, commit one after the other."""

from __future__ import annotations

import json
import os
import tempfile
from contextlib import ExitStack
from typing import TYPE_CHECKING, Final

from watchfloor.capabilities.reports.engine import spec
from watchfloor.capabilities.reports.engine.filtered import plain
from watchfloor.capabilities.reports.engine.spool import Spool, canonical
from watchfloor.capabilities.reports.jobs import copies, disk
from watchfloor.capabilities.reports.jobs.fonts import OperatorFonts, operator_fonts
from watchfloor.capabilities.reports.jobs.keeping import is_kept
from watchfloor.capabilities.reports.jobs.rendering import PURPOSE, Renderer
from watchfloor.capabilities.reports.jobs.snapshot import opened, snapshot
from watchfloor.capabilities.reports.jobs.wishes import USUAL, refuse_formats, wanted
from watchfloor.capabilities.reports.queries import making
from watchfloor.capabilities.reports.schemas.words import Format
from watchfloor.capabilities.reports.settings import ReportSettings
from watchfloor.kernel.artifacts.store import read, staged, store
from watchfloor.kernel.clock import monotonic
from watchfloor.kernel.contract import Severity
from watchfloor.kernel.errors import Cancelled, Fenced, GiveUp, InvalidInput, Retry, SoftTimeLimit, WatchfloorError
from watchfloor.kernel.events.outbox import emit
from watchfloor.kernel.jobs.ledger import ledger
from watchfloor.kernel.security import signature_fits
from watchfloor.kernel.settings import read_settings

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    from watchfloor.capabilities.reports.jobs.rendering import File
    from watchfloor.capabilities.reports.jobs.snapshot import Taken
    from watchfloor.capabilities.reports.jobs.wishes import Wanted
    from watchfloor.capabilities.reports.models import Report
    from watchfloor.capabilities.reports.queries.making import Asked, Row
    from watchfloor.capabilities.reports.schemas.requests import Wish
    from watchfloor.capabilities.reports.schemas.snapshot import Head, Options
    from watchfloor.kernel.contract import JobContext
    from watchfloor.kernel.sections import Scope

BLOCK: Final = 1 << 20
PATIENCE_S: Final = 60.0
LOOK_S: Final = 0.5
DOMAIN: Final = b"watchfloor report 1\n"


def signed(report: Report) -> bool:
    """Tell whether a report's manifest is the one that this installation signed."""
    return report.manifest is not None and signature_fits(
        ledger().vault.signer(PURPOSE).public, report.signature or b"", DOMAIN + report.manifest
    )


class Making:
    """The reports of one request, from one snapshot."""

    def __init__(
        self, context: JobContext, scope: Scope, wish: Wish, formats: Sequence[Format] | None = None, usual: Sequence[Format] = USUAL
    ) -> None:
        """Decide everything, then take the snapshot or find one that still holds; `formats` come before those of the wish and its preset.

        Raises:
            GiveUp: Nobody knows what the request is about, or it asks for what there is not.
        """
        self.context = context
        self.settings = read_settings(ReportSettings, "reports")
        try:
            with context.transaction() as session:
                self.wanted: Wanted = wanted(session, context.org, wish, self.settings, context.sections(), usual)
            self.formats = refuse_formats(list(formats or self.wanted.formats), self.wanted.options)
        except InvalidInput as error:
            raise GiveUp(str(error)) from error
        self.scope = self.wanted.narrow(scope)
        self.fonts = operator_fonts(self.settings) if any(one.is_set for one in self.formats) else OperatorFonts()
        with disk.room(context):
            self.taken: Taken = snapshot(context, self.scope, self.wanted.redaction, self.wanted.options.audience)
        self.reused: set[UUID] = set()
        self.as_of: datetime = self.taken.stored.as_of

    def make(self) -> list[Row]:
        """Return every format's report, ready or failed; one that fails does not stop the others."""
        with disk.room(self.context), ExitStack() as stack:
            rendering, made = None, []
            for format_ in self.formats:
                row, mine = self._claimed(format_)
                if mine:
                    if rendering is None:
                        disk.ask_for(
                            disk.of_files(self.taken.stored.size_bytes, self.formats), copies.folder(self.settings, self.context.org)
                        )
                        file = stack.enter_context(opened(self.context, self.taken.stored))
                        options = self.wanted.options.model_copy(update={"fonts": self.fonts.digest})
                        rendering = Renderer(self.context, file, options, self.wanted.logo, stack, self.fonts), Spool(file).head
                    row = self._rendered(*rendering, row, format_)
                else:
                    self.reused.add(row.id)
                made.append(row)
            return made

    def _options(self, format_: Format) -> Options:
        """Return what decides a format's bytes besides the snapshot."""
        return self.wanted.options.model_copy(update={"fonts": self.fonts.digest if format_.is_set else ""})

    def _asked(self, format_: Format) -> Asked:
        one, options = self.wanted, self._options(format_)
        return making.Asked(
            org=self.context.org, job=self.context.job_id, snapshot=self.taken.stored.id, scan=self.scope.scan, scope_hash=spec.scope_hash(self.scope),
            preset=one.preset, theme=one.theme, options=options.model_dump(mode="json"), redaction=str(one.redaction),
            spec_hash=spec.spec_hash(options, one.redaction, one.logo), version=spec.TEMPLATE_VERSION, retention=str(one.retention), keep=one.keep,
            actor=self.context.actor,
        )  # fmt: skip

    def _claimed(self, format_: Format) -> tuple[Row, bool]:
        """Return a report that is ready and there, or this job's to render; waits a minute for another job that renders it just now."""
        deadline = monotonic() + PATIENCE_S
        while True:
            with self.context.transaction() as session:
                row, mine = making.claim(session, self._asked(format_), format_)
            if mine:
                return row, True
            if row.state == "ready":
                if is_kept(ledger(), self.context.org, row.artifact):
                    return self._copied(row), False
                continue
            if monotonic() >= deadline:
                raise Retry(f"job {row.job} renders the same report just now")
            self.context.wait(LOOK_S)

    def _copied(self, row: Row) -> Row:
        """Write the copy of a report that was there already, where copies are wanted and somebody removed it, or none was wanted before."""
        context, folder = self.context, copies.folder(self.settings, self.context.org)
        if folder is None or row.artifact is None or (row.file_path and os.access(row.file_path, os.R_OK)):
            return row
        name = copies.file_name(self.scope, row.id, Format(row.format))
        with tempfile.TemporaryFile() as file:
            with context.transaction() as session:
                parts = read(ledger(), session, context.org, row.artifact)[1]
            file.writelines(parts)
            path = copies.write(self.settings, context.org, name, file)
        with context.transaction() as session:
            return making.copied(session, context.org, row.id, str(path))

    def _rendered(self, renderer: Renderer, head: Head, row: Row, format_: Format) -> Row:
        try:
            file = renderer.file(format_)
        except (Cancelled, Fenced, Retry, SoftTimeLimit):
            raise
        except WatchfloorError as error:
            with self.context.transaction() as session:
                making.fail(session, self._asked(format_), row.id, error.code, str(error))
                emit(
                    session, self.context.org, "reports.failed", severity=Severity.MEDIUM, data={"report": str(row.id), "format": str(format_), "reason": str(error)[:500]},
                    job=self.context.job_id,
                )  # fmt: skip
                return making.get_row(session, self.context.org, row.id)
        return self._stored(row, format_, file, head)

    def _stored(self, row: Row, format_: Format, file: File, head: Head) -> Row:
        context, name = self.context, copies.file_name(self.scope, row.id, format_)
        context.progress(1, 1, phase="store", note=str(format_))
        rendered = file.rendered.model_copy(update={"notes": (*file.rendered.notes, *filter(None, [plain(head)]))})
        manifest = self._manifest(row, format_, file, name)
        signature = ledger().vault.signer(PURPOSE).sign(DOMAIN + manifest)
        path = copies.write(self.settings, context.org, name, file.content)
        file.content.seek(0)
        with staged(ledger(), context.org, iter(lambda: file.content.read(BLOCK), b"")) as content, context.transaction() as session:
            artifact = store(
                ledger(), session, context.org, name=name, media_type=format_.media_type, content=content,
                job=context.job_id, actor=context.actor,
            )  # fmt: skip
            ready = making.finish(
                session, self._asked(format_), row.id, rendered, artifact=artifact, sha256=file.sha256, size=file.size, manifest=manifest,
                signature=signature, path=str(path) if path else None, title=head.title,
            )  # fmt: skip
            if ready is None:
                raise Retry("another attempt took this report over")
            data = {
                "report": str(row.id),
                "scan": str(self.scope.scan) if self.scope.scan else None,
                "format": str(format_),
                "artifact": str(artifact),
            }
            emit(session, context.org, "reports.ready", data=data, job=context.job_id)
        return ready

    def _manifest(self, row: Row, format_: Format, file: File, name: str) -> bytes:
        """Return what is signed: which file, from which snapshot, made how; the same report has the same one."""
        told = {
            "report": str(row.id), "name": name, "format": str(format_), "size": file.size, "sha256": file.sha256.hex(),
            "snapshot": self.taken.stored.sha256.hex(), "as_of": self.as_of.isoformat(), "redaction": str(self.wanted.redaction),
            "options": json.loads(self._options(format_).model_dump_json()), "template_version": spec.TEMPLATE_VERSION,
        }  # fmt: skip
        return canonical(told)
