"""`watchfloor doctor`: what this machine offers, what is wrong, and what to do about it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeAlias

from watchfloor.kernel.errors import WatchfloorError
from watchfloor.kernel.terminal import Exit, Json, print_json, table

if TYPE_CHECKING:
    from watchfloor.kernel.settings import KernelSettings


class State(StrEnum):
    """How a look ended; `unknown` means that nothing was learned."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Line:
    """One thing looked at."""

    state: State
    what: str
    found: str
    remedy: str = ""


Look: TypeAlias = Callable[..., Iterator[Line]]


def doctor(*, json: Json = False) -> int:
    """Look at everything Watchfloor stands on; exit code 0 when all is well, 1 with warnings, 2 when something is wrong."""
    lines = list(examine())
    if json:
        print_json({"verdict": verdict(lines), "lines": lines})
    else:
        table(("state", "what", "found", "remedy"), [(line.state, line.what, line.found, line.remedy) for line in lines])
    return {"ok": Exit.CLEAN, "warn": Exit.FINDINGS, "fail": Exit.ERROR}[verdict(lines)]


def verdict(lines: list[Line]) -> str:
    """Return the worst of all: ok, warn or fail; what could not be looked at is worth a warning."""
    states = {line.state for line in lines}
    return "fail" if State.FAIL in states else "warn" if states & {State.WARN, State.UNKNOWN} else "ok"


def examine() -> Iterator[Line]:
    """Look at the machine, the settings, the services and the sandbox; a look that fails is a line, not an end."""
    from watchfloor.doors.cli import look_at_machine, look_at_services  # noqa: PLC0415 - the help needs neither
    from watchfloor.kernel.settings import kernel_settings  # noqa: PLC0415 - see above

    yield from guarded("Python", look_at_machine.python)
    yield from guarded("libraries", look_at_machine.libraries)
    try:
        settings = kernel_settings()
    except WatchfloorError as error:
        yield Line(State.FAIL, "settings", str(error), "Correct it; `watchfloor settings` shows them all.")
        return
    yield from guarded("settings", look_at_machine.settings_names)
    for what, look in (
        ("keys", look_at_machine.keys), ("data directory", look_at_machine.data_directory), ("open files", look_at_machine.open_files),
        ("port", look_at_machine.port), ("services", look_at_services.services), ("sandbox", look_at_machine.sandbox),
    ):  # fmt: skip
        yield from guarded(what, look, settings)


def guarded(what: str, look: Look, *arguments: KernelSettings) -> Iterator[Line]:
    """Yield what a look finds; turn what it raises into a line."""
    try:
        yield from look(*arguments)
    except WatchfloorError as error:
        yield Line(State.FAIL, what, " ".join(str(error).split()))
    except Exception as error:  # noqa: BLE001 - one broken look must not hide the others
        yield Line(State.UNKNOWN, what, f"could not be looked at: {type(error).__name__}: {' '.join(str(error).split())[:300]}")


def judge(what: str, found: str, *, fine: bool, remedy: str, otherwise: State = State.FAIL) -> Line:
    """Return a line that is ok, or `otherwise` with its remedy."""
    return Line(State.OK, what, found) if fine else Line(otherwise, what, found, remedy)


def first(rows: Any) -> Any:  # noqa: ANN401 - a cursor, its only value
    """Return the only value of the only row."""
    row = rows.fetchone()
    return row[0] if row else None
