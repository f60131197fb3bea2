"""`wf scans import`: keep what another scanner saw."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path  # noqa: TC003 - typer reads the annotation
from typing import Annotated

import typer

from watchfloor.capabilities.scans.cli.scans import _document, _show, commands
from watchfloor.kernel.errors import InvalidInput
from watchfloor.kernel.terminal import Json, desk, print_json

READ_BYTES = 256 * 1024 * 1024


class FileForm(StrEnum):
    """Whose file it is."""

    NMAP = "nmap"
    MASSCAN = "masscan"
    NAABU = "naabu"


@commands.command("import")
def import_(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="nmap's XML, masscan's JSON or list, or naabu's JSON lines.", metavar="FILE")],
    *,
    form: Annotated[FileForm | None, typer.Option("--format", help="Whose file it is.", show_default="found out")] = None,
    json: Json = False,
) -> None:
    """Keep what another scanner saw as a scan: services, findings, and what is known to be closed. Nothing is contacted."""
    content = _content(file)
    from watchfloor.capabilities.scans.engine import imports  # noqa: PLC0415 - loads pydantic's shapes

    found = imports.read(content, imports.Form(form) if form else None)
    with desk(context).floor() as floor:
        from watchfloor.capabilities.scans import jobs  # noqa: PLC0415 - loads the database's libraries

        scan = jobs.import_scan(floor.ledger, floor.org, found, actor="cli")
        document = _document(floor, scan)
    print_json(document) if json else _show(document)


def _content(file: Path) -> bytes:
    try:
        if file.stat().st_size > READ_BYTES:
            raise InvalidInput(f"{file} is larger than {READ_BYTES >> 20} MiB; split it.", field="/file")
        return file.read_bytes()
    except OSError as error:
        raise InvalidInput(f"{file} cannot be read: {error.strerror}.", field="/file") from error
