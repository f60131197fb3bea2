"""The doors run one by one, and what prepares a database for them."""

from __future__ import annotations

import importlib
import json
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from watchfloor.doors.cli.desk import LocalDesk, refuse_unknown_settings
from watchfloor.kernel import telemetry
from watchfloor.kernel.contract import Queue, queue_named
from watchfloor.kernel.embedded.supervisor import await_go
from watchfloor.kernel.errors import InvalidInput, SetupError
from watchfloor.kernel.settings import kernel_settings
from watchfloor.kernel.terminal import note, print_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from watchfloor.kernel.settings import KernelSettings

AwaitGo = Annotated[bool, typer.Option("--await-go", hidden=True, help="Load everything, then wait for a word on standard input.")]
LogLevel = Annotated[str | None, typer.Option("--loglevel", help="debug, info, warning or error.", show_default=False)]
POOLS = ("prefork", "solo", "threads")
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
# What each door needs loaded before it can begin; doors do not import each other, so they are named.
LOADED = {
    "worker": (
        "watchfloor.doors.worker",
        "celery.worker.worker",
        "celery.concurrency.prefork",
        "celery.apps.worker",
        "kombu.transport.redis",
    ),
    "scheduler": ("watchfloor.doors.scheduler", "kombu.transport.redis"),
    "api": ("watchfloor.doors.api", "uvicorn"),
}


def api(
    *,
    host: Annotated[str | None, typer.Option("--host", help="Address to listen on.", show_default="WATCHFLOOR_API_HOST, 127.0.0.1")] = None,
    port: Annotated[
        int | None, typer.Option("--port", min=0, max=65535, help="Port to listen on.", show_default="WATCHFLOOR_API_PORT, 8000")
    ] = None,
    loglevel: LogLevel = None,
    await_word: AwaitGo = False,
) -> None:
    """Run the REST API; WATCHFLOOR_DATABASE_URL names the database, else the floor that runs here is used."""
    with _begun("api", loglevel, await_word=await_word) as settings:
        module: Any = importlib.import_module("watchfloor.doors.api")
        module.main(host=host or settings.api_host, port=settings.api_port if port is None else port)


def worker(
    *,
    queue: Annotated[
        list[str] | None, typer.Option("--queue", "-Q", help="Queues to serve, comma-separated or repeated.", show_default="all")
    ] = None,
    concurrency: Annotated[
        int | None, typer.Option("--concurrency", "-c", min=1, max=512, help="Jobs at a time.", show_default="number of processors")
    ] = None,
    autoscale: Annotated[str | None, typer.Option("--autoscale", help="Most and fewest processes, as 10,3.")] = None,
    pool: Annotated[str, typer.Option("--pool", "-P", help="prefork, solo or threads.")] = "prefork",
    loglevel: LogLevel = None,
    max_tasks_per_child: Annotated[
        int | None, typer.Option("--max-tasks-per-child", min=1, help="Jobs after which a process is replaced.")
    ] = None,
    await_word: AwaitGo = False,
) -> None:
    """Run a worker until it is told to stop; running jobs may go on for a while, then they are handed back."""
    queues = parse_queues(queue or [])
    parse_autoscale(autoscale)
    if pool not in POOLS:
        raise InvalidInput(f"--pool {pool!r} is not known; use {', '.join(POOLS)}.")
    with _begun("worker", loglevel, await_word=await_word):
        module: Any = importlib.import_module("watchfloor.doors.worker")
        module.main(
            queues=queues,
            concurrency=concurrency,
            autoscale=autoscale,
            pool=pool,
            loglevel=_level(loglevel),
            max_tasks_per_child=max_tasks_per_child,
        )


def scheduler(*, loglevel: LogLevel = None, await_word: AwaitGo = False) -> None:
    """Run a scheduler: dispatch, retry, tick, rescue; run as many as you like, none is the leader."""
    with _begun("scheduler", loglevel, await_word=await_word):
        module: Any = importlib.import_module("watchfloor.doors.scheduler")
        module.main()


def migrate() -> None:
    """Bring the database to this program's schema, and make keys and the default organisation where there are none."""
    settings = kernel_settings()
    refuse_unknown_settings()
    if settings.database_url is None:
        with LocalDesk().floor():
            print_text("The embedded database is up to date.")
        return
    from watchfloor.doors.cli import first_start  # noqa: PLC0415 - the help needs none

    login = settings.database_url.get_secret_value()
    owner = settings.database_owner_url.get_secret_value() if settings.database_owner_url else login
    before = {settings.kek_path(), settings.pepper_path()} - {
        path for path in (settings.kek_path(), settings.pepper_path()) if path.exists()
    }
    ledger, org = first_start.make_ready(settings, login, owner)
    try:
        for path in sorted(path for path in before if path.exists()):
            note(f"MADE A NEW KEY: {path}\nBack it up now, apart from the database: without it the data in the database cannot be read.")
            note("Give every other Watchfloor process the same file (WATCHFLOOR_KEK_FILE, WATCHFLOOR_PEPPER_FILE).")
        key = first_start.first_key(ledger, org)
        if key:
            note("The first API key, shown this once:")
            print_text(key)
        note("The database is up to date.")
    finally:
        first_start.close(ledger)


def openapi() -> None:
    """Print the REST API's OpenAPI 3.1 document."""
    module: Any = importlib.import_module("watchfloor.doors.api")
    sys.stdout.write(json.dumps(module.openapi(), indent=2, sort_keys=True) + "\n")


@contextmanager
def _begun(process: str, loglevel: str | None, *, await_word: bool) -> Iterator[KernelSettings]:
    """Set up a door: settings, logs, libraries; when held, wait for the word; then check the database."""
    from watchfloor.doors.cli import first_start  # noqa: PLC0415 - the help needs none
    from watchfloor.kernel.jobs.ledger import database_url  # noqa: PLC0415 - see above

    settings = kernel_settings()
    refuse_unknown_settings()
    telemetry.set_up(process, _level(loglevel) or settings.log_level)
    telemetry.keep_secret(secret.get_secret_value() for secret in (settings.kek, settings.pepper) if secret)
    for module in LOADED[process]:
        importlib.import_module(module)
    if await_word:
        await_go()
    url = database_url(settings)
    first_start.keep_secret(url)
    first_start.demand_schema(url)
    if process != "api":
        first_start.broker_of(settings)
    yield settings


def _level(text: str | None) -> str | None:
    if text is None:
        return None
    if text.upper() not in LEVELS:
        raise InvalidInput(f"--loglevel {text!r} is not known; use {', '.join(LEVELS).lower()}.")
    return text.upper()


def parse_queues(given: list[str]) -> tuple[str, ...]:
    """Return the queues named, comma-separated or repeated.

    Raises:
        InvalidInput: There is no such queue.
    """
    names = tuple(dict.fromkeys(queue_named(name.strip()) for part in given for name in part.split(",") if name.strip()))
    for name in names:
        if name not in set(Queue):
            raise InvalidInput(f"there is no queue {name!r}; there are {', '.join(Queue)}.")
    return names


def parse_autoscale(text: str | None) -> tuple[int, int] | None:
    """Read "10,3": most and fewest processes; raises InvalidInput for anything else."""
    if text is None:
        return None
    most, _, fewest = text.partition(",")
    if not most.strip().isdecimal() or not (fewest.strip() or "1").isdecimal() or not 1 <= int(fewest or 1) <= int(most) <= 512:  # noqa: PLR2004 - as --concurrency
        raise InvalidInput(f"--autoscale {text!r} is not understood; write most,fewest as in 10,3.")
    return int(most), int(fewest or 1)


def demand_port(host: str, port: int) -> None:
    """Raise SetupError when the port is taken or may not be had."""
    import socket  # noqa: PLC0415 - only where a port is wanted

    if port == 0:
        return
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        with socket.socket(found[0], found[1]) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(found[4])
    except OSError as error:
        raise SetupError(
            f"The REST API cannot listen on {host}:{port} ({error.strerror}). Stop what uses it, or choose another with --port."
        ) from error
