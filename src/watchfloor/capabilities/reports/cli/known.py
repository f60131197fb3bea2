"""`wf reports list`, `show`, `download`, `open` and `presets`: the reports there are."""

from __future__ import annotations

import os
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID  # noqa: TC003 - one argument is of it

import typer

from watchfloor.capabilities.reports.cli.work import id_of, place_of, standard_output
from watchfloor.kernel.errors import Conflict, InvalidInput
from watchfloor.kernel.terminal import Json, Quiet, desk, print_ids, print_json, print_text, table, write_private

if TYPE_CHECKING:
    from collections.abc import Iterator

    from watchfloor.capabilities.reports.schemas.views import ReportView
    from watchfloor.kernel.terminal import Floor

ReportId = Annotated[str, typer.Argument(help="The report's id, as `watchfloor reports list` shows it.", metavar="REPORT")]


def list_(
    context: typer.Context, *, scan: Annotated[str | None, typer.Option(help="Reports about this scan.")] = None,
    format_: Annotated[str | None, typer.Option("--format", help="Formats joined by commas.")] = None,
    state: Annotated[str | None, typer.Option(help="States joined by commas, such as ready,failed.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=500)] = 50, quiet: Quiet = False, json: Json = False,
) -> None:  # fmt: skip
    """List reports, newest first."""
    with desk(context).floor() as floor, floor.ledger.database.transaction(floor.org) as session:
        from watchfloor.capabilities.reports.queries import reports  # noqa: PLC0415 - loads the database's libraries

        subject = id_of(scan, "scan", "scans") if scan else None
        found = reports.list_reports(session, floor.org, scan=subject, format_=format_, state=state, limit=limit)
    if quiet:
        print_ids(one.id for one in found.items)
        return
    if json:
        print_json(found)
        return
    rows = [
        (one.id, one.created_at, one.format, one.state, one.pages or "", one.size_bytes or "", one.retention, one.title or one.error or "")
        for one in found.items
    ]
    table(("Report", "Asked for", "Format", "State", "Pages", "Bytes", "Kept", "Title"), rows)


def show(context: typer.Context, report: ReportId, *, json: Json = False) -> None:
    """Show all that is known about a report."""
    found = _found(context, report)
    if json:
        print_json(found)
        return
    table(
        ("Property", "Value"),
        [(name.replace("_", " "), value) for name, value in found.model_dump().items() if value not in (None, "", [])],
    )


def download(
    context: typer.Context, report: ReportId, *, output: Annotated[str, typer.Option("--output", "-o", metavar="PATH", help="The file, or a folder that is there or ends with /; - is standard output.")] = "."
) -> None:  # fmt: skip
    """Copy a report's file here."""
    with desk(context).floor() as floor:
        one = id_of(report, "report", "reports")
        content = _taken(floor, one)
        if output == "-":
            with standard_output() as out:
                out.writelines(content)
            return
        name = f"report-{one}.{_view(floor, one).format.suffix}"
        path = place_of(output, name)
        write_private(path, content)
    print_text(str(path.absolute()))


def open_(context: typer.Context, report: ReportId) -> None:
    """Show a report in the program that this machine has for its kind."""
    from watchfloor.kernel.settings import kernel_settings  # noqa: PLC0415 - only here

    with desk(context).floor() as floor:
        one = id_of(report, "report", "reports")
        view = _view(floor, one)
        path = Path(view.file_path) if view.file_path else kernel_settings().data_dir / "reports" / f"{one}.{view.format.suffix}"
        if not os.access(path, os.R_OK):
            write_private(path, content_of(floor, one))
        _audit(floor, one)
    if not webbrowser.open(path.absolute().as_uri()):
        raise InvalidInput(f"Nothing here can show it; the file is {path.absolute()}")
    print_text(str(path.absolute()))


def presets(context: typer.Context, *, json: Json = False) -> None:
    """List how reports can be asked for by one word."""
    with desk(context).floor() as floor, floor.ledger.database.transaction(floor.org) as session:
        from watchfloor.capabilities.reports.jobs.wishes import BUILT_IN  # noqa: PLC0415 - loads the database's libraries
        from watchfloor.capabilities.reports.queries.presets import list_presets  # noqa: PLC0415 - see above

        own = {one.name: one.wish for one in list_presets(session, floor.org)}
    found = {**BUILT_IN, **own}
    if json:
        print_json([{"name": name, "built_in": name not in own, **wish.model_dump(exclude_none=True)} for name, wish in found.items()])
        return
    table(
        ("Preset", "Says"),
        [(name, _said(wish.model_dump(mode="json", exclude_none=True))) for name, wish in found.items()],
    )


def _said(told: dict[str, Any]) -> str:
    """Return a wish as people read it: what is told of findings stands as if it were told of the report."""
    flat = {**{name: value for name, value in told.items() if name != "filters"}, **told.get("filters", {})}
    return ", ".join(f"{name} {' '.join(value) if isinstance(value, list) else value}" for name, value in flat.items())


def content_of(floor: Floor, report: UUID) -> Iterator[bytes]:
    """Return the parts of a report's stored file; raises NotFound or Conflict."""
    from watchfloor.capabilities.reports.jobs.keeping import is_kept  # noqa: PLC0415 - loads the database's libraries
    from watchfloor.kernel.artifacts.store import read  # noqa: PLC0415 - see above

    view = _view(floor, report)
    if view.state == "ready" and view.artifact is not None and not is_kept(floor.ledger, floor.org, view.artifact):
        view = _view(floor, report)
    if view.state != "ready" or view.artifact is None:
        raise Conflict(f"This report is {view.state}" + (f": {view.error}" if view.error else "."))
    with floor.ledger.database.transaction(floor.org) as session:
        return read(floor.ledger, session, floor.org, view.artifact)[1]


def _taken(floor: Floor, report: UUID) -> Iterator[bytes]:
    """Return a report's bytes, and write down that somebody took them."""
    content = content_of(floor, report)
    _audit(floor, report)
    return content


def _audit(floor: Floor, report: UUID) -> None:
    from watchfloor.kernel.audit.record import record  # noqa: PLC0415 - loads the database's libraries

    with floor.ledger.database.transaction(floor.org) as session:
        record(session, floor.org, actor="cli", operation="report.download", object=str(report))


def _found(context: typer.Context, report: str) -> ReportView:
    with desk(context).floor() as floor:
        return _view(floor, id_of(report, "report", "reports"))


def _view(floor: Floor, report: UUID) -> ReportView:
    from watchfloor.capabilities.reports.queries import reports  # noqa: PLC0415 - loads the database's libraries

    with floor.ledger.database.transaction(floor.org) as session:
        return reports.get_report(session, floor.org, report)
