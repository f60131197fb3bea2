"""What commands work on: the running floor, the operator's services, or a floor of their own for as long as they last."""

from __future__ import annotations

import fcntl
import importlib
import os
import shutil
import signal
import sys
import tempfile
import threading
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, NoReturn, Protocol, cast

from watchfloor.catalog import CATALOG
from watchfloor.kernel.clock import monotonic
from watchfloor.kernel.embedded import floor as embedded
from watchfloor.kernel.embedded.directory import unusable
from watchfloor.kernel.embedded.supervisor import Crew
from watchfloor.kernel.errors import WatchfloorError
from watchfloor.kernel.settings import KernelSettings, kernel_settings, names_of, refuse_unknown
from watchfloor.kernel.terminal import Floor, note

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from uuid import UUID

    from watchfloor.kernel.contract import JobKind
    from watchfloor.kernel.embedded.floor import Services
    from watchfloor.kernel.jobs.ledger import Ledger
    from watchfloor.kernel.sections import ReportSection

JOIN_PATIENCE: Final = timedelta(minutes=5)  # another command may be making the cluster, or recovering it
RIVALRY_SECONDS: Final = 20.0
RIVALRY_PAUSE_SECONDS: Final = 0.05
SLOW_SECONDS: Final = 2.0
HAND_BACK_SECONDS: Final = 3.0
IDLE_SECONDS: Final = 0.5
LOOK_SECONDS: Final = 0.5

_failures: list[WatchfloorError] = []  # what a thread found and the main one shall raise


class Preparation(Protocol):
    """What `first_start` offers; named, not imported, because it loads the database's libraries."""

    def prepare(self, settings: KernelSettings, services: Services) -> tuple[Ledger, UUID]:
        """Bring an embedded floor to the point where work can begin."""

    def open_operators(self, settings: KernelSettings) -> tuple[Ledger, UUID]:
        """Open the operator's own database."""

    def make_ready(self, settings: KernelSettings, login_url: str, owner_url: str) -> tuple[Ledger, UUID]:
        """Bring the operator's own database to this program's schema and open it."""

    def first_key(self, ledger: Ledger, org: UUID) -> str | None:
        """Return an administrator's key when the organisation never had one."""

    def close(self, ledger: Ledger) -> None:
        """Close what was opened."""


class LocalDesk:
    """The desk of one command."""

    def kinds(self) -> dict[str, JobKind[Any, Any]]:
        """Return every job kind of the catalog."""
        return CATALOG.kinds()

    def sections(self) -> dict[str, ReportSection]:
        """Return every report section of the catalog."""
        return CATALOG.sections()

    @contextmanager
    def floor(self, *, work: bool = False) -> Iterator[Floor]:
        """Open the floor; see `kernel.terminal.Desk`."""
        settings = kernel_settings()
        refuse_unknown_settings()
        with ExitStack() as stack:
            if settings.database_url:
                opened = preparation().open_operators(settings)
            else:
                opened = stack.enter_context(_embedded(settings, work=work))
            stack.callback(preparation().close, opened[0])
            yield Floor(opened[0], opened[1], _works(settings, opened, work=work))


def refuse_unknown_settings() -> None:
    """Stop at a misspelt WATCHFLOOR_*."""
    refuse_unknown(known_settings())


def known_settings() -> set[str]:
    """Return every variable the product reads."""
    found = names_of(KernelSettings)
    for capability in CATALOG:
        if capability.settings:
            found |= names_of(capability.load(capability.settings), capability.name)
    return found


def preparation() -> Preparation:
    """Load what talks to the database; half a second in which services can start."""
    return cast("Preparation", importlib.import_module("watchfloor.doors.cli.first_start"))


def _works(settings: KernelSettings, opened: tuple[Ledger, UUID], *, work: bool) -> bool:
    if work and not settings.database_url:
        return True  # those we started, and they need a moment
    from watchfloor.kernel.jobs.watch import anybody_works  # noqa: PLC0415 - loads what opening has loaded by now

    works = anybody_works(opened[0])
    if work and not works:
        note(
            "No worker is connected: the work waits until one is. Start one with `watchfloor worker`, and `watchfloor scheduler` beside it."
        )
    return works


@contextmanager
def _embedded(settings: KernelSettings, *, work: bool) -> Iterator[tuple[Ledger, UUID]]:
    """Share the floor that runs on this data directory, or own one until the last command that uses it has ended."""
    with _sharing(settings.data_dir) as share, _terminable(), ExitStack() as stack:
        services = embedded.running(settings.data_dir)
        if services is not None:
            opened = preparation().prepare(settings, services)
            _staff(settings, opened, stack, work=work)
        else:
            opened = _own(settings, stack, share, work=work)
        yield opened


def _own(settings: KernelSettings, stack: ExitStack, share: int, *, work: bool) -> tuple[Ledger, UUID]:
    """Start services, and beside them the processes that load their libraries meanwhile."""
    helpers = Helpers(settings, held=True) if work else None
    with ExitStack() as failing:
        if helpers is not None:
            failing.callback(helpers.stop)
            helpers.start()
        # Libraries load while the services start.
        threading.Thread(target=preparation, name="libraries", daemon=True).start()
        with _patience("Starting PostgreSQL and Valkey …"):
            floor = _start_or_join(settings)
        if isinstance(floor, embedded.Floor):
            stack.callback(floor.stop)
            failing.pop_all()
            if helpers is not None:
                stack.callback(helpers.stop)
            opened = preparation().prepare(settings, floor.services)
            if helpers is not None:
                helpers.go()
                stack.callback(_dismiss, helpers, opened[0])
            stack.callback(_wait_for_others, share)
            return opened
    opened = preparation().prepare(settings, floor)
    _staff(settings, opened, stack, work=work)
    return opened


def _start_or_join(settings: KernelSettings) -> embedded.Floor | Services:
    deadline = monotonic() + RIVALRY_SECONDS
    while True:
        try:
            return embedded.start(settings.data_dir)
        except embedded.Taken:
            services = embedded.join(settings.data_dir, JOIN_PATIENCE)
            if services is not None:
                return services
            # A rival holds the lock and has not said so yet, or is about to give it back.
            if monotonic() > deadline:
                raise
            threading.Event().wait(RIVALRY_PAUSE_SECONDS)


def _staff(settings: KernelSettings, opened: tuple[Ledger, UUID], stack: ExitStack, *, work: bool) -> None:
    """Where a floor runs without workers, as another command's may, bring our own."""
    from watchfloor.kernel.jobs.watch import anybody_works  # noqa: PLC0415 - heavy, loaded by now

    if work and not anybody_works(opened[0]):
        helpers = Helpers(settings, held=False)
        stack.callback(_dismiss, helpers, opened[0])
        helpers.start()


def _dismiss(helpers: Helpers, ledger: Ledger) -> None:
    """Send the helpers away: at once when no job is under way, else with the time to hand it back."""
    with ledger.database.connect("wf_engine") as line:
        row: Any = line.execute("select exists (select 1 from job where stage = 'running' or stage = 'dispatched')").fetchone()
    helpers.stop(idle=not row[0])


class Helpers:
    """A scheduler and a worker for one command, looked after by a thread of their own."""

    def __init__(self, settings: KernelSettings, *, held: bool) -> None:
        """Start nothing yet; held ones wait for `go`."""
        self._settings = settings
        self._held = held
        self._idle = False
        self._stop = threading.Event()
        self._ready = threading.Event()
        self._scratch = ""
        self._crew: Crew | None = None
        # The death signal follows the thread that starts them.
        self._thread = threading.Thread(target=self._look_after, name="helpers")

    def start(self) -> None:
        """Start both and return once they exist."""
        try:
            logs = self._settings.data_dir / "logs"
            logs.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise unusable(self._settings.data_dir, error) from error
        self._scratch = tempfile.mkdtemp(prefix="watchfloor-")
        self._crew = Crew(environment={**child_environment(self._settings), "TMPDIR": self._scratch}, logs=logs)
        self._thread.start()
        self._ready.wait()

    def go(self) -> None:
        """Let them begin."""
        if self._crew is not None:
            self._crew.go()

    def _look_after(self) -> None:
        crew = self._crew
        if crew is None:
            return
        try:
            for name in ("scheduler", "worker"):
                crew.start(name, door(name), held=self._held)
        finally:
            self._ready.set()
        while not self._stop.wait(LOOK_SECONDS):
            try:
                crew.look()
            except WatchfloorError as error:
                _failures.append(error)
                os.kill(os.getpid(), signal.SIGTERM)
                self._stop.wait()
        crew.tell(signal.SIGTERM)
        if not crew.wait(IDLE_SECONDS if self._idle else HAND_BACK_SECONDS):
            # Nothing runs: the rest of an idle worker's farewell, two seconds in Celery's pool, is not worth waiting for.
            crew.cut() if self._idle else crew.tell(signal.SIGQUIT)
            crew.wait(HAND_BACK_SECONDS)
        crew.kill()

    def stop(self, *, idle: bool = False) -> None:
        """Stop both; running jobs are handed back within seconds, and `idle` ones have none. Harmless when done twice."""
        self._idle = idle
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
        if self._scratch:
            shutil.rmtree(self._scratch, ignore_errors=True)


def door(name: str, *arguments: str) -> list[str]:
    """Return the arguments that start one of our doors."""
    return [sys.executable, *(["-P"] if sys.flags.safe_path else []), "-m", "watchfloor", name, *arguments]


def child_environment(settings: KernelSettings) -> dict[str, str]:
    """Return what our doors see: our own environment, and where the data is."""
    return {**os.environ, "WATCHFLOOR_DATA_DIR": str(settings.data_dir.absolute())}


@contextmanager
def _sharing(data_dir: Path) -> Iterator[int]:
    """Hold a share in the floor, so that the command that owns it waits for us."""
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(data_dir / "users.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise unusable(data_dir, error) from error
    try:
        fcntl.flock(handle, fcntl.LOCK_SH)
        yield handle
    finally:
        os.close(handle)


def _wait_for_others(share: int) -> None:
    """Keep the services until no other command uses them."""
    try:
        fcntl.flock(share, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        note("Another command still uses the services started here; they stop when it has ended.")
        fcntl.flock(share, fcntl.LOCK_EX)


@contextmanager
def _terminable() -> Iterator[None]:
    """Make SIGTERM end the block in order, as Ctrl-C does."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def leave(number: int, _frame: object) -> NoReturn:
        if _failures:
            raise _failures.pop()
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _patience(text: str) -> Iterator[None]:
    """Say what takes so long, once it does."""
    began = monotonic()
    timer = threading.Timer(SLOW_SECONDS, note, [text])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        if monotonic() - began > SLOW_SECONDS:
            note(f"{text} done after {monotonic() - began:.0f} s.")
