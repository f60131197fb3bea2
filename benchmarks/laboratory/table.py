"""The table of all servers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from benchmarks.laboratory import (
    applications,
    chat,
    databases,
    datagrams,
    directory,
    files,
    mail,
    monitoring,
    names,
    proxies,
    queues,
    remote,
    web,
)

if TYPE_CHECKING:
    from benchmarks.laboratory.record import Server

FAMILIES: Final = (web, applications, proxies, mail, databases, queues, names, files, remote, directory, monitoring, chat, datagrams)
SERVERS: Final[tuple[Server, ...]] = tuple(server for family in FAMILIES for server in family.SERVERS)
