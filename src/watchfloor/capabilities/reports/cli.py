"""`wf reports`: write a report about a scan into a file."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path  # noqa: TC003 - typer reads the annotation
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from watchfloor.kernel.errors import InvalidInput, SetupError, WatchfloorError
from watchfloor.kernel.settings import kernel_settings
from watchfloor.kernel.terminal import Exit, Json, desk, note, print_json, print_text, progress

if TYPE_CHECKING:
    from collections.abc import Iterable

    from watchfloor.kernel.terminal import Floor

commands = typer.Typer(no_args_is_help=True, help="Write reports about scans.")


@commands.callback()
def group() -> None:
    """Write reports about scans."""


@commands.command()
def generate(
    context: typer.Context,
    scan: Annotated[str, typer.Argument(help="The scan's id, as `watchfloor scans list` shows it.", metavar="SCAN")],
    *,
    format_: Annotated[str, typer.Option("--format", help="html or json.")] = "html",
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="The file to write; - is standard output.", show_default="reports in the data directory"),
    ] = None,
    json: Json = False,
) -> None:
    """Write a report about a scan into a file that only you can read."""
    if format_ not in {"html", "json"}:
        raise InvalidInput(f"--format {format_!r} is not known; use html or json.")
    if json and str(output) == "-":
        raise InvalidInput("--json and --output - both want standard output; choose one.")
    subject = _scan_id(scan)
    path = output or kernel_settings().data_dir / "reports" / f"{subject}.{format_}"
    with desk(context).floor(work=True) as floor:
        made, content = _made(floor, subject, format_)
        if str(output) == "-":
            with os.fdopen(os.dup(1), "wb") as out:
                out.writelines(content)
        else:
            write_private(path, content)
    if json:
        print_json({"scan": subject, "job": made.id, "format": format_, "path": str(path.absolute())})
    elif str(output) != "-":
        print_text(f"Report: {path.absolute()}")
    raise typer.Exit(Exit.CLEAN)


def _scan_id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise InvalidInput(f"{text[:60]!r} is no scan's id; `watchfloor scans list` shows those there are.") from None


def _made(floor: Floor, subject: UUID, format_: str) -> tuple[Any, Iterable[bytes]]:
    from watchfloor.capabilities.reports.engine.render import Format  # noqa: PLC0415 - heavy imports wait until the floor starts
    from watchfloor.capabilities.reports.jobs import GenerateReport, generate_report  # noqa: PLC0415 - see above
    from watchfloor.kernel.artifacts.store import read  # noqa: PLC0415 - see above
    from watchfloor.kernel.jobs.enqueue import Options, submit  # noqa: PLC0415 - see above
    from watchfloor.kernel.jobs.queries import open_result  # noqa: PLC0415 - see above
    from watchfloor.kernel.jobs.watch import wait_for  # noqa: PLC0415 - see above

    request = GenerateReport(scan_id=subject, formats=[Format(format_)])
    made = submit(floor.ledger, floor.org, generate_report, request, Options(actor="cli"))
    if not floor.works:
        note("No worker is connected; this waits until one is. Ctrl-C gives up.")
    with progress() as bar:
        view = wait_for(floor.ledger, floor.org, made.id, lambda seen: bar.show("report", *_told(seen)))
    if view.state != "SUCCESS":
        raise WatchfloorError(f"The report was not written: {view.reason or view.state}.")
    with floor.ledger.database.transaction(floor.org) as session:
        result: Any = open_result(floor.ledger, session, floor.org, made.id)
        return made, read(floor.ledger, session, floor.org, UUID(result["artifacts"][format_]))[1]


def _told(view: Any) -> tuple[int, int]:  # noqa: ANN401 - a JobView
    return (view.progress.done, view.progress.total) if view.progress else (0, 0)


def write_private(path: Path, content: Iterable[bytes]) -> None:
    """Write a file that only its owner can read, all of it or nothing; raises SetupError when it cannot be written."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.writelines(content)
        draft.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            draft.unlink()
        raise SetupError(f"The report cannot be written to {path}: {error.strerror}. Choose another place with --output.") from error
