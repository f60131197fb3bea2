"""Where our own database, broker and API listen, so that no scan contacts them; services on unix sockets need no entry."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import psutil
from psycopg.conninfo import conninfo_to_dict

from watchfloor.kernel import clock
from watchfloor.kernel.assets.target import LOOPBACK
from watchfloor.kernel.errors import SetupError
from watchfloor.kernel.settings import kernel_settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from watchfloor.kernel.assets.target import Network
    from watchfloor.kernel.settings import KernelSettings

BROKER_PORTS = {"redis": 6379, "rediss": 6379, "valkey": 6379, "valkeys": 6379, "amqp": 5672, "amqps": 5671}
KEPT = timedelta(minutes=5)
_resolved: dict[str, tuple[float, tuple[str, ...]]] = {}


@dataclass(frozen=True)
class ControlPoint:
    """One port on one network (mostly a single address) of what runs this installation."""

    network: str
    port: int
    what: str


def control_points(settings: KernelSettings | None = None) -> tuple[ControlPoint, ...]:
    """Return what no scan may contact.

    A database or broker on one of this machine's own addresses may listen on all of them: its port is taken out on all.

    Raises:
        SetupError: The settings name a host that does not resolve: nobody can say which address to leave alone.
    """
    known = settings or kernel_settings()
    found: dict[ControlPoint, None] = {}
    for what, host, port in _services(known):
        here = _here()
        for address in _addresses(host):
            own = any(ip_address(address) in network for network in here)
            networks = [str(network) for network in here] if own else [str(ip_network(address))]
            found.update(dict.fromkeys(ControlPoint(network, port, what) for network in networks))
    found.update(dict.fromkeys(_api(known)))
    return tuple(found)


def _services(settings: KernelSettings) -> Iterator[tuple[str, str, int]]:
    """Yield name, host and port of the operator's database and broker."""
    if settings.database_url:
        parts = conninfo_to_dict(settings.database_url.get_secret_value())
        hosts = str(parts.get("hostaddr") or parts.get("host") or "").split(",")
        ports = str(parts.get("port") or "5432").split(",")
        for at, host in enumerate(hosts):
            if host and not host.startswith(("/", "@")):
                yield "database", host, int(ports[min(at, len(ports) - 1)] or 5432)
    if settings.broker_url:
        # kombu takes several addresses joined by semicolons.
        for url in settings.broker_url.get_secret_value().split(";"):
            parsed = urlsplit(url.strip())
            if parsed.scheme in BROKER_PORTS:
                yield "broker", parsed.hostname or "127.0.0.1", parsed.port or BROKER_PORTS[parsed.scheme]


def _api(settings: KernelSettings) -> Iterator[ControlPoint]:
    """Yield where the API listens. A floor of its own that no API was named for has none: its port may be anybody's.

    `watchfloor up` names its API to the processes that it starts.
    """
    named = settings.database_url is not None or {"api_host", "api_port"} & settings.model_fields_set
    if not settings.api_port or not named:
        return
    for address in _addresses(settings.api_host):
        everywhere = ip_address(address).is_unspecified
        for network in _here() if everywhere else [ip_network(address)]:
            yield ControlPoint(str(network), settings.api_port, "API")


def _here() -> list[Network]:
    """Return loopback and every address this machine has."""
    families = {socket.AF_INET, socket.AF_INET6}
    texts = {one.address.partition("%")[0] for held in psutil.net_if_addrs().values() for one in held if one.family in families}
    own = (ip_network(text) for text in sorted(texts))
    return [*LOOPBACK, *(network for network in own if not network.is_loopback)]


def _addresses(host: str) -> tuple[str, ...]:
    """Return a host's addresses; what a name meant within the last minutes still counts, and longer when the resolver fails."""
    try:
        return (str(ip_address(host.strip("[]"))),)
    except ValueError:
        pass
    known = _resolved.get(host)
    if known and clock.monotonic() - known[0] < KEPT.total_seconds():
        return known[1]
    try:
        found = tuple(sorted({str(entry[4][0]).partition("%")[0] for entry in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)}))
    except (OSError, UnicodeError) as error:
        if known:
            return known[1]
        message = f"The host {host} of the database, broker or API does not resolve ({error}), so no scan can be kept away from it. Correct the settings."
        raise SetupError(message) from error
    _resolved[host] = (clock.monotonic(), found)
    return found
