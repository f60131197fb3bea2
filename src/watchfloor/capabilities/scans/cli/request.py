"""Turn the command line into a scan's request: targets from arguments and files, and the estimate of --dry-run."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from watchfloor.kernel.errors import InvalidInput
from watchfloor.kernel.terminal import note, print_json, print_text, spell

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import timedelta

    from watchfloor.capabilities.scans.schemas import ScanEstimate, ScanRequest
    from watchfloor.kernel.terminal import Floor

TARGET_CHARACTERS = 300
FILE_BYTES = 4 * 1024 * 1024
DAY_SECONDS = 86_400


def build(targets: Sequence[str], files: Sequence[str], *, timeout: timedelta | None, **given: Any) -> dict[str, Any]:  # noqa: ANN401 - ScanRequest checks them
    """Return the fields of a request; what was not asked for is left to the operator's defaults.

    Raises:
        InvalidInput: There is no target, one is too long, a file cannot be read, or the timeout is out of bounds.
    """
    wanted = [*targets, *(line for name in files for line in _lines(name))]
    if not wanted:
        raise InvalidInput("There is no TARGET. Give addresses, names, networks or tag:NAME, or a file with --targets.", field="/targets")
    if any(len(target) > TARGET_CHARACTERS for target in (*wanted, *(given.get("exclude") or ()))):
        raise InvalidInput("A target is longer than 300 characters; give an address, host name or network.", field="/targets")
    if timeout is not None and not 0 < timeout.total_seconds() <= DAY_SECONDS:
        raise InvalidInput("--timeout must be above zero and at most 24 hours.", field="/timeout")
    return {"targets": wanted, **{name: value for name, value in {**given, "timeout": timeout}.items() if value not in (None, [])}}


def checked(asked: dict[str, Any]) -> ScanRequest:
    """Return the request; raises InvalidInput for what is too much or too long."""
    from pydantic import ValidationError  # noqa: PLC0415 - loads libraries

    from watchfloor.capabilities.scans.schemas import ScanRequest  # noqa: PLC0415 - see above

    try:
        return ScanRequest(**asked)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = "/".join(str(part) for part in first["loc"])
        raise InvalidInput(f"{where}: {first['msg']}.", field=f"/{where}") from error


def _lines(name: str) -> Iterator[str]:
    """Yield the targets of a file, one a line; # begins a comment, - is standard input."""
    try:
        if name == "-":
            content = sys.stdin.buffer.read(FILE_BYTES + 1)
        else:
            with Path(name).open("rb") as file:
                content = file.read(FILE_BYTES + 1)
        text = content.decode("utf-8-sig")
    except OSError as error:
        raise InvalidInput(f"The file of targets {name} cannot be read: {error.strerror}.", field="/targets") from error
    except UnicodeDecodeError as error:
        raise InvalidInput(f"The file of targets {name} is not UTF-8 text, one target a line.", field="/targets") from error
    if len(content) > FILE_BYTES:
        raise InvalidInput(f"The file of targets {name} is larger than 4 MB. Write networks as CIDR.", field="/targets")
    for line in text.splitlines():
        target = line.partition("#")[0].strip()
        if target:
            yield target


def estimate(floor: Floor, asked: dict[str, Any]) -> ScanEstimate:
    """Return how big the scan would be; it is checked and refused as a scan would be, and nothing is sent."""
    from watchfloor.capabilities.scans import jobs  # noqa: PLC0415 - loads the database's libraries

    with floor.ledger.database.transaction(floor.org) as session:
        return jobs.estimate_scan(floor.ledger, session, floor.org, checked(asked), actor="cli")


def show_estimate(found: ScanEstimate, *, json: bool) -> None:
    """Print it."""
    if json:
        print_json({**found.model_dump(mode="json"), "duration_s": found.duration.total_seconds()})
        return
    for sentence in found.notes:
        note(sentence)
    names = f" ({found.names:,} of them names)" if found.names else ""
    print_text(
        f"{found.addresses:,} addresses{names} times {found.ports:,} ports: {found.probes:,} probes, about {spell(found.duration, places=0)}."
    )
    if found.needs_confirmation:
        print_text("This is a wide scan: it starts with --yes only.")
