"""`watchfloor up`: the whole floor in one foreground process tree."""

from __future__ import annotations

import logging
import signal
import threading
from contextlib import ExitStack
from typing import TYPE_CHECKING, Annotated, Final, Self

import typer

from watchfloor.doors.cli.desk import child_environment, door, preparation, refuse_unknown_settings
from watchfloor.doors.cli.processes import demand_port
from watchfloor.kernel import telemetry
from watchfloor.kernel.embedded import floor as embedded
from watchfloor.kernel.embedded.supervisor import Backoff, Crew
from watchfloor.kernel.errors import SetupError
from watchfloor.kernel.settings import kernel_settings
from watchfloor.kernel.terminal import note, print_text

if TYPE_CHECKING:
    from uuid import UUID

    from watchfloor.kernel.embedded.floor import Floor
    from watchfloor.kernel.jobs.ledger import Ledger
    from watchfloor.kernel.settings import KernelSettings

LOOK_SECONDS: Final = 0.25
AFTER_DRAIN_SECONDS: Final = 10.0
HAND_BACK_SECONDS: Final = 8.0

log = logging.getLogger("watchfloor.up")


def up(
    *,
    host: Annotated[
        str | None, typer.Option("--host", help="Address the REST API listens on.", show_default="WATCHFLOOR_API_HOST, 127.0.0.1")
    ] = None,
    port: Annotated[
        int | None, typer.Option("--port", min=1, max=65535, help="Port of the REST API.", show_default="WATCHFLOOR_API_PORT, 8000")
    ] = None,
    no_api: Annotated[bool, typer.Option("--no-api", help="Leave the REST API out.")] = False,
    concurrency: Annotated[
        int | None, typer.Option("--concurrency", "-c", min=1, max=512, help="Jobs at a time.", show_default="number of processors")
    ] = None,
) -> None:
    """Start everything in the foreground; Ctrl-C stops it in order.

    PostgreSQL and Valkey are started in the data directory unless WATCHFLOOR_DATABASE_URL and WATCHFLOOR_BROKER_URL name your own.
    """
    settings = kernel_settings()
    refuse_unknown_settings()
    telemetry.set_up("up", settings.log_level)
    here, there = host or settings.api_host, settings.api_port if port is None else port
    if not no_api and embedded.running(settings.data_dir) is None:  # else the floor that runs here is the trouble to name
        demand_port(here, there)
    members = {"scheduler": door("scheduler"), "worker": door("worker", *(["--concurrency", str(concurrency)] if concurrency else []))}
    if not no_api:
        members["api"] = door("api", "--host", here, "--port", str(there))
    with ExitStack() as stack:
        wish = stack.enter_context(Wish())
        api = {} if no_api else {"WATCHFLOOR_API_HOST": here, "WATCHFLOOR_API_PORT": str(there)}
        crew = Crew(environment=child_environment(settings) | api)
        stack.callback(crew.kill)
        floor = _services(settings, stack, crew, members, wish)
        _welcome(settings, None if no_api else _address(here, there))
        Watch(crew, floor).until(wish)
        _stop(crew, wish, settings.worker_drain.total_seconds())


def _services(settings: KernelSettings, stack: ExitStack, crew: Crew, members: dict[str, list[str]], wish: Wish) -> Floor | None:
    """Start services and, loading meanwhile, our processes; let those begin when the floor is ready."""
    floor = None
    embedded_wanted = settings.database_url is None or settings.broker_url is None
    if embedded_wanted and embedded.running(settings.data_dir) is None:
        for name, argv in members.items():
            crew.start(name, argv, held=True)
    if embedded_wanted:
        threading.Thread(target=preparation, name="libraries", daemon=True).start()  # they load while the services start
        floor = embedded.start(settings.data_dir)
        stack.callback(floor.stop)
    if settings.database_url is None and floor is not None:
        opened = preparation().prepare(settings, floor.services)
    else:
        login = settings.database_url.get_secret_value() if settings.database_url else ""
        owner = settings.database_owner_url.get_secret_value() if settings.database_owner_url else login
        opened = preparation().make_ready(settings, login, owner)
    wish.demand_nothing()
    _show_first_key(opened)
    for name, argv in members.items():
        if name not in crew.pids():
            crew.start(name, argv, held=True)
    crew.go()
    return floor


def _show_first_key(opened: tuple[Ledger, UUID]) -> None:
    ledger, org = opened
    try:
        key = preparation().first_key(ledger, org)
    finally:
        preparation().close(ledger)
    if key:
        note("Administrator's API key, shown this once:")
        print_text(key)
        note("Use it as: Authorization: Bearer wf_…\n")


def _welcome(settings: KernelSettings, address: str | None) -> None:
    note(f"Watchfloor is starting, data in {settings.data_dir}. Back up {settings.kek_path().parent} with it, but apart from it.")
    if address:
        print_text(f"REST API: {address}")
    note("Ctrl-C stops everything.")


def _address(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class Wish:
    """What the operator asked for with signals: the first stops in order, the second at once."""

    def __init__(self) -> None:
        """Nothing yet."""
        self.stop = threading.Event()
        self.hurry = threading.Event()
        self._before: dict[int, object] = {}

    def __enter__(self) -> Self:
        """Listen."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            self._before[number] = signal.signal(number, self._hear)
        return self

    def __exit__(self, *_: object) -> None:
        """Stay deaf: a third Ctrl-C must not interrupt the last steps."""
        for number in self._before:
            signal.signal(number, signal.SIG_IGN)

    def _hear(self, _number: int, _frame: object) -> None:
        (self.hurry if self.stop.is_set() else self.stop).set()

    def demand_nothing(self) -> None:
        """Leave when the operator wants to stop already."""
        if self.stop.is_set():
            raise KeyboardInterrupt


class Watch:
    """Keeps processes and services alive until the operator wants them gone."""

    def __init__(self, crew: Crew, floor: Floor | None) -> None:
        """Watch these."""
        self._crew = crew
        self._floor = floor
        self._backoffs: dict[str, Backoff] = {}

    def until(self, wish: Wish) -> None:
        """Look four times a second; signals end the wait at once."""
        while not wish.stop.wait(LOOK_SECONDS):
            self._crew.look()
            if self._floor is not None:
                self._revive(self._floor)

    def _revive(self, floor: Floor) -> None:
        for name in floor.dead():
            backoff = self._backoffs.setdefault(name, Backoff())
            if backoff.due_at is None:
                log.warning("%s ended; it starts again in %.1f s", name, backoff.ended())
            elif backoff.due:
                backoff.started()
                try:
                    floor.revive(name)
                except SetupError as error:
                    log.error("%s does not start: %s", name, error)  # noqa: TRY400 - the sentence says it all


def _stop(crew: Crew, wish: Wish, drain_seconds: float) -> None:
    """Let running jobs go on for their time, or hand them back at once when asked twice."""
    note(f"Stopping; running jobs have {drain_seconds:.0f} s. Press Ctrl-C again to hand them back at once.")
    crew.tell(signal.SIGTERM)
    left = drain_seconds + AFTER_DRAIN_SECONDS
    while left > 0 and not wish.hurry.is_set():
        if crew.wait(LOOK_SECONDS):
            return
        left -= LOOK_SECONDS
    crew.tell(signal.SIGQUIT)
    if not crew.wait(HAND_BACK_SECONDS):
        log.warning("ended by force: %s", ", ".join(crew.pids()))
        crew.kill()
