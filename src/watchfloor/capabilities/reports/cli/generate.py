"""`wf reports generate` and `export`: write reports into files that only you can read."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from watchfloor.capabilities.reports.cli.work import id_of, place_of, run, standard_output
from watchfloor.kernel.errors import InvalidInput
from watchfloor.kernel.settings import duration
from watchfloor.kernel.terminal import Exit, Json, desk, note, print_json, print_text, write_private

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from watchfloor.capabilities.reports.schemas.requests import GenerateReports
    from watchfloor.kernel.sections import ReportSection
    from watchfloor.kernel.terminal import Floor

FORMATS = ("pdf", "html", "json", "csv", "xlsx", "sarif", "cyclonedx", "openvex", "csaf", "bundle")
FILTERS = {
    "min_severity": "--min-severity", "states": "--finding-state", "capabilities": "--capability", "known_exploited": "--known-exploited",
}  # fmt: skip
Scan = Annotated[str | None, typer.Argument(help="The scan's id, as `watchfloor scans list` shows it.", metavar="SCAN")]


def _formats(incomplete: str) -> list[str]:
    before, _, last = incomplete.rpartition(",")
    return [f"{before},{one}" if before else one for one in FORMATS if one.startswith(last)]


def generate(
    context: typer.Context,
    scan: Scan = None,
    *,
    format_: Annotated[
        str | None,
        typer.Option(
            "--format",
            "-f",
            help=f"One or several of {', '.join(FORMATS)}, joined by commas.",
            autocompletion=_formats,
            show_default="those of the preset, or pdf",
        ),
    ] = None,
    base: Annotated[str | None, typer.Option(help="An earlier scan: show what is new, fixed, returned and unchanged since.")] = None,
    tag: Annotated[str | None, typer.Option(help="Instead of a scan: the assets with this tag.")] = None,
    since: Annotated[datetime | None, typer.Option(help="Instead of a scan: the organisation since this moment (UTC).")] = None,
    until: Annotated[datetime | None, typer.Option(help="With --since or --tag: until this moment (UTC).")] = None,
    preset: Annotated[str | None, typer.Option(help="executive, engineer, auditor, or one of your own.")] = None,
    full: Annotated[bool | None, typer.Option("--full", help="Every row in full, as far as the format allows.")] = None,
    locale: Annotated[str | None, typer.Option(help="Language and region of the reader, such as de.")] = None,
    time_zone: Annotated[str | None, typer.Option(help="Time zone of the reader, such as Europe/Berlin.")] = None,
    redaction: Annotated[str | None, typer.Option(help="none, internal or public.")] = None,
    retention: Annotated[str | None, typer.Option(help="temporary, standard or audit.")] = None,
    theme: Annotated[str | None, typer.Option(help="A theme of your own.")] = None,
    section: Annotated[str | None, typer.Option(help="Only what these capabilities tell, such as scans,advisories.")] = None,
    min_severity: Annotated[
        str | None, typer.Option(help="List findings of this severity and graver ones: info, low, medium, high, critical.")
    ] = None,
    finding_state: Annotated[
        str | None, typer.Option(help="List findings in these states: open, fixed, accepted, false_positive, comma-separated.")
    ] = None,
    capability: Annotated[str | None, typer.Option(help="List what these capabilities found, such as scans,advisories.")] = None,
    known_exploited: Annotated[bool | None, typer.Option("--known-exploited", help="List only what is known to be exploited.")] = None,
    output: Annotated[
        str | None,
        typer.Option(
            "--output",
            "-o",
            metavar="PATH",
            help="A folder that is there or ends with /, or for one format a file; - is standard output.",
            show_default="reports in the data directory",
        ),
    ] = None,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Wait for the reports, or print the job's id and go.")] = True,
    timeout: Annotated[str | None, typer.Option(help="Wait no longer than this, such as 5m; the job goes on.")] = None,
    json: Json = False,
) -> None:
    """Write reports about a scan, a tag or the organisation: one snapshot, every format that is asked for."""
    if json and output == "-":
        raise InvalidInput("--json and --output - both want standard output; choose one.")
    request = _request(
        scan_id=id_of(scan, "scan", "scans") if scan else None, formats=_words(format_),
        base_scan_id=id_of(base, "scan", "scans") if base else None, tag=tag, since=_utc(since), until=_utc(until), preset=preset, full=full, locale=locale,
        time_zone=time_zone, redaction=redaction, retention=retention, theme=theme, sections=_words(section),
        filters=_filters(min_severity=min_severity, states=_words(finding_state), capabilities=_words(capability), known_exploited=known_exploited),
    )  # fmt: skip
    if output == "-":
        standard_output().close()
    _generate(context, request, output, wait=wait, timeout=timeout, json=json)


def export(context: typer.Context, scan: Annotated[str, typer.Argument(help="The scan's id.", metavar="SCAN")], *, output: Annotated[str | None, typer.Option("--output", "-o", metavar="PATH", help="The file, or a folder that is there or ends with /; - is standard output.")] = None, json: Json = False) -> None:  # fmt: skip
    """Write a scan's findings as CSV."""
    _generate(context, _request(scan_id=id_of(scan, "scan", "scans"), formats=["csv"]), output, wait=True, timeout=None, json=json)


def _request(**wanted: Any) -> GenerateReports:  # noqa: ANN401 - the model's fields
    from pydantic import ValidationError  # noqa: PLC0415 - loads a library that help does without

    from watchfloor.capabilities.reports.schemas.requests import GenerateReports  # noqa: PLC0415 - see above

    try:
        return GenerateReports.model_validate({name: value for name, value in wanted.items() if value is not None})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        if first["loc"][:1] == ("filters",):
            option = FILTERS[str(first["loc"][1])]
            raise InvalidInput(
                f"{option} {str(first['input'])[:60]!r} is not accepted: {first['msg']}.", field="/" + "/".join(map(str, first["loc"]))
            ) from error
        if first["loc"][:1] == ("formats",):
            raise InvalidInput(f"--format {str(first['input'])[:60]!r} is not known; use {', '.join(FORMATS)}.") from error
        said, name = str(first["msg"]).removeprefix("Value error, "), str(first["loc"][0]) if first["loc"] else ""
        if name in GenerateReports.model_fields:
            about = GenerateReports.model_fields[name].description or ""
            said = f"--{name.replace('_', '-')} {str(first['input'])[:60]!r} is not accepted: {said}. {about}".rstrip()
        raise InvalidInput(said, field="/" + "/".join(map(str, first["loc"]))) from error


def _words(joined: str | None) -> list[str] | None:
    return None if joined is None else [one.strip() for one in joined.split(",") if one.strip()]


def _filters(**said: Any) -> dict[str, Any] | None:  # noqa: ANN401 - the model's fields
    return {name: value for name, value in said.items() if value is not None} or None


def _utc(moment: datetime | None) -> datetime | None:
    return moment.replace(tzinfo=UTC) if moment and moment.tzinfo is None else moment


def _generate(context: typer.Context, request: GenerateReports, output: str | None, *, wait: bool, timeout: str | None, json: bool) -> None:
    from watchfloor.capabilities.reports.jobs import generate_multiple_reports  # noqa: PLC0415 - heavy imports wait until the floor starts

    with desk(context).floor(work=wait) as floor:
        request = _decided(floor, request, desk(context).sections())
        if output == "-" and len(request.formats or ()) > 1:
            raise InvalidInput("Standard output takes one format; name a folder for several.")
        if not wait:
            _left(floor, request, json=json)
            return
        job, result = run(
            floor, generate_multiple_reports, request, failed="The report was not written", timeout=duration(timeout) if timeout else None
        )
        made = [_placed(floor, one, output, alone=len(result["reports"]) == 1) for one in result["reports"]]
    failed = [one for one in result["reports"] if one["status"] != "ready"]
    if json:
        print_json({**result, "job": job, "reports": made})
    elif output != "-":
        for one in made:
            if one.get("path"):
                print_text(f"Report: {one['path']}")
    for one in failed:
        note(f"The {one['format']} report could not be rendered: {one['error']}")
    raise typer.Exit(Exit.ERROR if failed else Exit.CLEAN)


def _decided(floor: Floor, request: GenerateReports, sections: Mapping[str, ReportSection]) -> GenerateReports:
    """Return the request with its formats, or refuse what can be refused before there is a job; raises InvalidInput."""
    from watchfloor.capabilities.reports.jobs.wishes import wanted  # noqa: PLC0415 - see above
    from watchfloor.capabilities.reports.schemas.words import Format  # noqa: PLC0415 - see above
    from watchfloor.capabilities.reports.settings import ReportSettings  # noqa: PLC0415 - see above
    from watchfloor.kernel.settings import read_settings  # noqa: PLC0415 - see above

    with floor.ledger.database.transaction(floor.org) as session:
        chosen = wanted(session, floor.org, request, read_settings(ReportSettings, "reports"), sections, [Format.PDF])
    return request.model_copy(update={"formats": chosen.formats})


def _left(floor: Floor, request: GenerateReports, *, json: bool) -> None:
    from watchfloor.capabilities.reports.jobs import generate_multiple_reports  # noqa: PLC0415 - see above
    from watchfloor.kernel.jobs.enqueue import Options, submit  # noqa: PLC0415 - see above

    made = submit(floor.ledger, floor.org, generate_multiple_reports, request, Options(actor="cli"))
    print_json({"job": made.id}) if json else print_text(str(made.id))


def _placed(floor: Floor, made: dict[str, Any], output: str | None, *, alone: bool) -> dict[str, Any]:
    """Put a report where it was asked for; without a place, the worker's own copy is named, or one is made in the data directory."""
    from watchfloor.capabilities.reports.cli.known import content_of  # noqa: PLC0415 - loads the database's libraries
    from watchfloor.capabilities.reports.schemas.words import Format  # noqa: PLC0415 - see above
    from watchfloor.kernel.settings import kernel_settings  # noqa: PLC0415 - see above

    if made["status"] != "ready":
        return made
    copy = Path(str(made["file_path"]))
    if output is None and os.access(copy, os.R_OK):
        return {**made, "path": str(copy)}
    content = content_of(floor, UUID(str(made["report_id"])))
    if output == "-":
        _printed(content)
        return made
    name = f"{made['report_id']}.{Format(made['format']).suffix}"
    path = place_of(output, name, alone=alone) if output is not None else kernel_settings().data_dir / "reports" / name
    write_private(path, content)
    return {**made, "path": str(path.absolute())}


def _printed(content: Iterable[bytes]) -> None:
    with standard_output() as out:
        out.writelines(content)
