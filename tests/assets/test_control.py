"""Where this installation itself listens, from its settings."""

from __future__ import annotations

import socket
from typing import Any

import psutil
import pytest
from pydantic import SecretStr

from watchfloor.kernel import clock
from watchfloor.kernel.assets import control
from watchfloor.kernel.assets.control import control_points
from watchfloor.kernel.errors import SetupError
from watchfloor.kernel.settings import KernelSettings

OWN = {"127.0.0.0/8", "::1/128"}


def points(**settings: Any) -> set[tuple[str, int, str]]:
    """Return network, port and name of each point; the API is left out unless it is asked for."""
    secret = {name: SecretStr(value) if name.endswith("_url") else value for name, value in ({"api_port": 0} | settings).items()}
    return {(one.network, one.port, one.what) for one in control_points(KernelSettings(**secret))}


def test_services_on_unix_sockets_need_nothing() -> None:
    assert points() == set()
    assert points(database_url="postgresql://user@/name?host=%2Frun%2Fpostgresql", broker_url="redis+socket:///run/valkey.sock") == set()


def test_the_api_is_where_it_listens() -> None:
    assert points(api_port=8000) == {("127.0.0.1/32", 8000, "API")}
    assert points(api_host="::1", api_port=9) == {("::1/128", 9, "API")}
    everywhere = points(api_host="0.0.0.0", api_port=9)  # noqa: S104 - a setting, nothing listens
    assert {network for network, _, _ in everywhere} >= OWN


def test_without_an_api_of_ours_its_usual_port_is_anybodys() -> None:
    assert {one.what for one in control_points(KernelSettings())} == set()
    found = control_points(KernelSettings(database_url=SecretStr("postgresql://u@198.51.100.1/db")))
    assert {one.what for one in found} == {"database", "API"}


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgresql://u:p@198.51.100.1/db", {("198.51.100.1/32", 5432, "database")}),
        ("postgresql://u:p@198.51.100.1:6000/db", {("198.51.100.1/32", 6000, "database")}),
        ("postgresql://u:p@[2001:db8::1]:6000/db", {("2001:db8::1/128", 6000, "database")}),
        ("postgresql://u@198.51.100.1:1,198.51.100.2:2/db", {("198.51.100.1/32", 1, "database"), ("198.51.100.2/32", 2, "database")}),
        ("host=db.example hostaddr=198.51.100.1 port=7 dbname=x", {("198.51.100.1/32", 7, "database")}),
    ],
)
def test_a_database_elsewhere_is_its_addresses_and_ports(url: str, expected: set[tuple[str, int, str]]) -> None:
    assert points(database_url=url) == expected


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("redis://198.51.100.1/0", {("198.51.100.1/32", 6379, "broker")}),
        ("rediss://:p@198.51.100.1:7000/0", {("198.51.100.1/32", 7000, "broker")}),
        ("valkey://[2001:db8::1]", {("2001:db8::1/128", 6379, "broker")}),
        ("amqp://u:p@198.51.100.1//;amqps://198.51.100.2", {("198.51.100.1/32", 5672, "broker"), ("198.51.100.2/32", 5671, "broker")}),
    ],
)
def test_a_broker_elsewhere_is_its_addresses_and_ports(url: str, expected: set[tuple[str, int, str]]) -> None:
    assert points(broker_url=url) == expected


def test_what_listens_on_this_machine_is_left_alone_on_all_its_addresses() -> None:
    found = points(database_url="postgresql://u@127.0.0.1:5433/db")
    assert {network for network, _, _ in found} >= OWN
    own = {one.address for held in psutil.net_if_addrs().values() for one in held if one.family == socket.AF_INET}
    covered = {network.removesuffix("/32") for network, _, _ in found}
    assert all(address in covered or address.startswith("127.") for address in own)
    assert {(port, what) for _, port, what in found} == {(5433, "database")}


def test_a_name_is_resolved_and_remembered_while_the_resolver_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "_resolved", {})
    answers: list[Any] = [[(socket.AF_INET, 1, 6, "", ("198.51.100.7", 0)), (socket.AF_INET6, 1, 6, "", ("2001:db8::7", 0, 0, 0))]]

    def ask(*_: Any, **__: Any) -> Any:
        if not answers:
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure")
        return answers.pop()

    monkeypatch.setattr(socket, "getaddrinfo", ask)
    expected = {("198.51.100.7/32", 5432, "database"), ("2001:db8::7/128", 5432, "database")}
    assert points(database_url="postgresql://u@db.internal/x") == expected
    monkeypatch.setattr(clock, "monotonic", lambda: 1e12)  # long after
    assert points(database_url="postgresql://u@db.internal/x") == expected
    with pytest.raises(SetupError, match=r"other\.internal"):
        points(database_url="postgresql://u@other.internal/x")
