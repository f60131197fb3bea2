"""What every command shares: exit codes, one JSON document or a table on stdout, everything else on stderr."""

from __future__ import annotations

import contextlib
import json
import os
import re
import sys
from dataclasses import asdict, dataclass, is_dataclass
from datetime import datetime, timedelta
from enum import IntEnum
from typing import TYPE_CHECKING, Annotated, Any, Protocol, Self, cast

import typer

from watchfloor.kernel import clock
from watchfloor.kernel.errors import SetupError
from watchfloor.kernel.telemetry import escape

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path
    from types import TracebackType
    from uuid import UUID

    from watchfloor.kernel.contract import JobKind
    from watchfloor.kernel.jobs.ledger import Ledger
    from watchfloor.kernel.sections import ReportSection

ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
SHORT = 12
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout and nothing else there.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print the ids alone, one a line.")]


class Exit(IntEnum):
    """What a command's end means to scripts."""

    CLEAN = 0
    FINDINGS = 1
    ERROR = 2
    UNKNOWN = 3
    INTERRUPTED = 130


@dataclass(frozen=True)
class Floor:
    """What a command works on while the floor is open."""

    ledger: Ledger
    org: UUID
    works: bool  # somebody is there to run jobs


class Desk(Protocol):
    """What the command-line door lends to its commands."""

    def kinds(self) -> dict[str, JobKind[Any, Any]]:
        """Return every job kind the product knows."""

    def sections(self) -> Mapping[str, ReportSection]:
        """Return each capability's report section by its name."""

    def floor(self, *, work: bool = False) -> AbstractContextManager[Floor]:
        """Use the running floor or the operator's services; where there is neither, start services for the length of the block.

        `work` starts a scheduler and a worker as well when nobody else runs jobs here.
        """


def desk(context: typer.Context) -> Desk:
    """Return what the door put into the context."""
    return cast("Desk", context.obj)


def print_json(document: object) -> None:
    """Print one document on stdout; dataclasses, pydantic models, ids, times and durations (as seconds) are understood."""
    sys.stdout.write(json.dumps(document, default=plain, indent=2, ensure_ascii=not _speaks_unicode()) + "\n")
    sys.stdout.flush()


def plain(value: object) -> object:
    """Turn what JSON does not know into what it does."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, set | frozenset):
        return sorted(value)
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if callable(dump := getattr(value, "model_dump", None)):
        return dump(mode="json")
    return str(value)  # ids, paths, addresses


def print_text(text: str) -> None:
    """Print lines on stdout; what could steer a terminal is written out."""
    sys.stdout.write("\n".join(escape(line) for line in text.split("\n")) + "\n")
    sys.stdout.flush()


def print_ids(ids: Iterable[object]) -> None:
    """Print ids alone, one a line, as scripts want them; of none, nothing."""
    sys.stdout.write("".join(f"{one}\n" for one in ids))
    sys.stdout.flush()


def note(text: str) -> None:
    """Tell people something on stderr."""
    sys.stderr.write("\n".join(escape(line) for line in text.split("\n")) + "\n")
    sys.stderr.flush()


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
        raise SetupError(f"The file cannot be written to {path}: {error.strerror}. Choose another place with --output.") from error


def cell(value: object) -> str:
    """Return a value as a table shows it, on one line."""
    match value:
        case None | "":
            return "-"
        case True:
            return "yes"
        case False:
            return "no"
        case datetime():
            return value.strftime("%Y-%m-%d %H:%M:%S")
        case timedelta():
            return spell(value)
    return escape(str(value))


def spell(span: timedelta, *, places: int = 1) -> str:
    """Return a duration as people say it: 0.4 s, 12 s, 3 min 5 s, 2 h 10 min, 4 d 3 h; below ten seconds with decimal places."""
    seconds = span.total_seconds()
    if seconds < 10:  # noqa: PLR2004 - below ten seconds parts of one matter
        return f"{seconds:.{places}f} s"
    whole = round(seconds)
    for size, name, smaller, small in ((86_400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if whole >= size:
            rest = whole % size // smaller
            return f"{whole // size} {name}" + (f" {rest} {small}" if rest else "")
    return f"{whole} s"


def table(columns: Sequence[str], rows: Sequence[Sequence[object]], *, title: str | None = None) -> None:
    """Print a table on stdout: drawn for a terminal that is wide enough, plain aligned columns for a pipe or a narrow one."""
    cells = [[cell(value) for value in row] for row in rows]
    if sys.stdout.isatty():
        from rich.console import Console  # noqa: PLC0415 - 80 ms that only a terminal pays

        console = Console(highlight=False)
        if _least(columns, cells) <= console.width:
            console.print(drawn(columns, cells, title))
            return
    widths = [max(len(line[n]) for line in [list(columns), *cells]) for n in range(len(columns))]
    lines = [columns, *cells]
    heading = [title] if title else []
    print_text(
        "\n".join([*heading, *("  ".join(part.ljust(width) for part, width in zip(line, widths, strict=True)).rstrip() for line in lines)])
    )


def _whole(n: int, rows: Sequence[Sequence[str]]) -> bool:
    """Tell whether a column's cells are not broken over lines: short ones, and ids, which could not be copied."""
    return all(len(row[n]) <= SHORT or ID.fullmatch(row[n]) for row in rows)


def _least(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> int:
    """Return how many characters a drawn table needs to be read."""
    widths = [max(len(row[n]) for row in [columns, *rows]) for n in range(len(columns))]
    return sum(width if _whole(n, rows) else min(width, SHORT) for n, width in enumerate(widths)) + len(columns)


def drawn(columns: Sequence[str], rows: Sequence[Sequence[str]], title: str | None) -> Any:  # noqa: ANN401 - rich's, loaded for a terminal alone
    """Return rich's table of cells that are escaped already."""
    from rich.box import SIMPLE_HEAD  # noqa: PLC0415 - 80 ms that only a terminal pays
    from rich.table import Table  # noqa: PLC0415 - see above
    from rich.text import Text  # noqa: PLC0415 - see above

    made = Table(box=SIMPLE_HEAD, title=title, title_justify="left", pad_edge=False, padding=(0, 1, 0, 0), show_edge=False)
    for n, column in enumerate(columns):
        made.add_column(column, overflow="fold", no_wrap=_whole(n, rows))
    for row in rows:
        made.add_row(*(Text(value) for value in row))
    return made


class Bar:
    """How far one piece of work is, on stderr: a bar with phase and time left, or a line now and then where nobody watches."""

    LINE_S = 10.0

    def __init__(self, *, shown: bool = True) -> None:
        """Draw nothing yet."""
        self._shown = shown
        self._live: Any = None
        self._task: Any = None
        self._phase = ""
        self._said_at = -1e9

    def __enter__(self) -> Self:
        """Begin."""
        if self._shown and sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
            self._live = _live_bar()
            self._live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Take the bar away."""
        if self._live is not None:
            self._live.stop()

    def show(self, phase: str, done: int, total: int, text: str = "") -> None:
        """Show where the work is; a new phase begins its own count."""
        phase, text = escape(phase), escape(text)
        if self._live is not None:
            if self._task is None:
                self._task = self._live.add_task(phase, total=total or None, text=text)
            elif phase != self._phase:
                self._live.reset(self._task)
            self._live.update(self._task, description=phase, completed=done, total=total or None, text=text)
        elif self._shown and (phase != self._phase or clock.monotonic() - self._said_at > self.LINE_S):
            self._said_at = clock.monotonic()
            note(f"{phase}: {done} of {total} {text}".rstrip() if total else f"{phase} {text}".rstrip())
        self._phase = phase


def progress(*, shown: bool = True) -> Bar:
    """Return a bar for a `with` block."""
    return Bar(shown=shown)


def _live_bar() -> Any:  # noqa: ANN401 - rich's, loaded for a terminal alone
    from rich.console import Console  # noqa: PLC0415 - see _draw
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn  # noqa: PLC0415

    return Progress(
        SpinnerColumn(), TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
        TextColumn("left"), TimeRemainingColumn(), TextColumn("{task.fields[text]}", markup=False),
        console=Console(stderr=True, highlight=False), transient=True,
    )  # fmt: skip


def _speaks_unicode() -> bool:
    return (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
