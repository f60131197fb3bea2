"""Servers of the test session: started when first asked for, one set for each xdist worker."""

from __future__ import annotations

import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import psycopg
import pytest
from hypothesis import HealthCheck, settings
from psycopg import sql

from tests.dealing import Dealing, longest_first
from tests.emitted import Emitted, watching
from tests.servers import Server, postgres_server, rabbitmq_missing, rabbitmq_server, valkey_server

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

# How fast a property is looked at is a fact about the machine.
settings.register_profile("facts", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("facts")
LIMIT_SECONDS, SLOW_LIMIT_SECONDS = 120, 300
DATABASE, TEMPLATE = "watchfloor", "watchfloor_template"


def pytest_configure() -> None:
    """Hear Ctrl-C even where a shell started us in the background and had it ignored: children inherit that, and some tests send it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> Dealing | None:
    """Deal tests in our own way where `--dist loadfile` asks for files."""
    return Dealing(config, log) if config.getvalue("dist") == "loadfile" else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes long; count no coverage where the same lines are walked thousands of times."""
    items[:] = longest_first(items)
    for item in items:
        if item.get_closest_marker("slow") or getattr(getattr(item, "obj", None), "is_hypothesis_test", False):
            item.add_marker("no_cover")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup() -> Generator[None, None, None]:
    """End fixtures that hang."""
    with limited():
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    """End tests that hang."""
    with limited(SLOW_LIMIT_SECONDS if item.get_closest_marker("slow") else LIMIT_SECONDS):
        return (yield)


@contextmanager
def limited(seconds: int = LIMIT_SECONDS) -> Iterator[None]:
    """Fail what takes too long, so that the other tests go on."""

    def late(*_: object) -> None:
        pytest.fail(f"took more than {seconds} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@pytest.fixture(scope="session")
def emitted() -> Iterator[Emitted]:
    """Look at every event that the program emits."""
    with watching() as found:
        yield found


@pytest.fixture(autouse=True)
def _told_as_declared(emitted: Emitted) -> Iterator[None]:
    """Let a test fail in which the program emits what it does not declare."""
    yield
    wrong = emitted.wrong[:]
    emitted.wrong.clear()
    assert wrong == []


@pytest.fixture(scope="session")
def postgres_process() -> Iterator[Server]:
    """PostgreSQL with the schema in a template database; tests that stop it must start it again."""
    from watchfloor.kernel.db.schema import upgrade  # noqa: PLC0415 - most tests need no database

    with postgres_server() as server:
        upgrade(server.url)
        with psycopg.connect(at(server.url, "postgres"), autocommit=True) as connection:
            connection.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(sql.Identifier(DATABASE), sql.Identifier(TEMPLATE)))
        create(server.url, DATABASE)
        yield server


@pytest.fixture(scope="session")
def postgres(postgres_process: Server) -> str:
    """Return the owner's URL of this worker's database."""
    return postgres_process.url


@pytest.fixture(scope="session")
def login_url(postgres: str) -> str:
    """Return the URL of this worker's database as the product logs in: wf_login, which owns nothing."""
    return as_login(postgres)


@pytest.fixture
def new_database(postgres: str) -> Iterator[Callable[[str], str]]:
    """Return a function that makes one more database from the template and returns its owner's URL; gone after the test."""
    made: list[str] = []

    def make(name: str) -> str:
        made.append(name)
        return create(postgres, name)

    yield make
    with psycopg.connect(at(postgres, "postgres"), autocommit=True) as connection:
        for name in made:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture(scope="session")
def valkey_process() -> Iterator[Server]:
    """Valkey on a unix socket; tests that stop it must start it again."""
    with valkey_server() as server:
        yield server


@pytest.fixture(scope="session")
def valkey_url(valkey_process: Server) -> str:
    """Return kombu's URL of this worker's Valkey."""
    return valkey_process.url


@pytest.fixture(scope="session")
def rabbitmq_process() -> Iterator[Server]:
    """RabbitMQ, or a skip with the reason; mark such tests `rabbitmq`."""
    if reason := rabbitmq_missing():
        pytest.skip(reason)
    with rabbitmq_server() as server:
        yield server


@pytest.fixture(scope="session")
def rabbitmq_url(rabbitmq_process: Server) -> str:
    """Return kombu's URL of this worker's RabbitMQ."""
    return rabbitmq_process.url


def at(url: str, database: str) -> str:
    """Return the same server's URL for another database."""
    return urlsplit(url)._replace(path=f"/{database}").geturl()


def as_login(url: str) -> str:
    """Return the same database's URL for wf_login, which tests let in with the owner's password."""
    return url.replace("//wf_owner:", "//wf_login:", 1)


def create(url: str, name: str) -> str:
    """Make a database from the template and return its owner's URL."""
    with psycopg.connect(at(url, "postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(TEMPLATE)))
    return at(url, name)
