"""What one server of the laboratory is: packages, files, command, doors, and the truth about each door."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal

ACCOUNT = "nobody"
TOKEN = re.compile(r"@([a-z][a-z0-9_]*)@")
HERE = "/lab"


@dataclass(frozen=True)
class Told:
    """Where a version is learned from: an installed package, or what the program says itself; never typed in by hand."""

    package: str = ""
    command: tuple[str, ...] = ()
    pattern: str = r"(\d+(?:\.\d+)+)"
    """Group 1 is the part of it that a client without credentials can see."""


def package(name: str, pattern: str = Told.pattern) -> Told:
    """Take the version from a Debian package, without its epoch and revision."""
    return Told(package=name, pattern=pattern)


def says(*command: str, pattern: str = Told.pattern) -> Told:
    """Take the version from what a program prints."""
    return Told(command=command, pattern=pattern)


@dataclass(frozen=True, kw_only=True)
class Door:
    """One listening port and what is true about it; `version` is None where nobody sees one without credentials."""

    name: str
    service: str
    product: str
    version: Told | None = None
    tls: bool = False
    protocol: Literal["tcp", "udp"] = "tcp"
    family: Literal[4, 6] = 4
    also: tuple[str, ...] = ()
    """Other product names that are as right."""
    made_of: tuple[tuple[str, Told], ...] = ()
    """What it is made of, where it introduces itself by that: as right, with a version of its own."""
    beside: str = ""
    """The door whose port number it has at the other loopback address, where a server has one number for both."""

    @property
    def address(self) -> str:
        """Return the loopback address it listens at."""
        return "::1" if self.family == 6 else "127.0.0.1"  # noqa: PLR2004 - IPv6


@dataclass(frozen=True, kw_only=True)
class Server:
    """One server; in files, commands and environment @door@ stands for a port, and @here@ for its folder."""

    name: str
    packages: tuple[str, ...] = ()
    unpacked: tuple[str, ...] = ()
    """Packages that conflict with others: never installed, only unpacked into this server's room."""
    doors: tuple[Door, ...]
    files: dict[str, str] = field(default_factory=dict)
    """Path, relative ones under /lab, to content."""
    prepare: str = ""
    """Shell lines run as root in the room before the server starts."""
    command: str
    """What to run in the foreground, in shell words; nothing else of a shell."""
    account: str = "root"
    environment: dict[str, str] = field(default_factory=dict)
    accounts: tuple[str, ...] = ()
    """Accounts that an unpacked package would have made."""
    seconds: float = 60.0

    def fill(self, text: str, ports: dict[str, int]) -> str:
        """Put this server's ports and folder in place of the tokens."""
        known = {"here": HERE, "key": f"{HERE}/key.pem", "cert": f"{HERE}/cert.pem", "both": f"{HERE}/both.pem"}
        known.update({door: str(port) for door, port in ports.items()})
        return TOKEN.sub(lambda found: known.get(found[1], found[0]), text)
