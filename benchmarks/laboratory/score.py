"""Hold a tool's answers against the truth, alike for every tool. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.laboratory.answer import Answer
    from benchmarks.laboratory.record import Door

# Several names for one protocol: the registry's, nmap's and ours.
SAME: Final = (
    {"http", "https", "http-proxy", "http-alt", "https-alt", "ipp", "upnp", "webdav", "rtsp"},
    {"smtp", "smtps", "submission"}, {"imap", "imaps"}, {"pop3", "pop3s"}, {"ftp", "ftps"}, {"ldap", "ldaps"}, {"redis", "redis-tls"},
    {"domain", "dns"}, {"microsoft-ds", "netbios-ssn", "smb"}, {"ms-wbt-server", "rdp"}, {"amqp", "amqps"}, {"mqtt", "mqtts"},
    {"xmpp", "xmpps", "jabber", "xmpp-client", "xmpp-server"}, {"socks", "socks5", "socks4", "tor-socks"}, {"postgresql", "postgres"},
    {"spamassassin", "spamd", "spamc"}, {"svn", "svnserve"}, {"kerberos", "kerberos-sec"}, {"irc", "ircs"}, {"mysql", "mysqls"},
    {"activemq", "openwire", "apachemq"}, {"memcached", "memcache"}, {"distccd", "distcc"}, {"vnc", "rfb"}, {"tls", "ssl", "unknown-tls"},
    {"erlang-node", "erlang", "erlang-dist", "erlang-distribution"}, {"nut", "ups", "upsd"}, {"gpsd", "gpsd-ng"}, {"mumble", "murmur"},
    {"beanstalkd", "beanstalk"}, {"gearman", "gearmand"}, {"dict", "dictd"}, {"mpd", "musicpd"}, {"munin", "munin-node"}, {"epmd"},
    {"firebird", "firebirdsql"}, {"zabbix-agent", "zabbix"}, {"influxdb-rpc", "influxdb"}, {"sphinxapi", "sphinx"}, {"git", "git-daemon"},
    {"varnish-cli", "varnish"}, {"telnet"}, {"nuttcp"}, {"nbd"}, {"tarantool"}, {"nats"}, {"stomp"}, {"zookeeper"}, {"rsync"}, {"ssh"},
    {"tor-control"}, {"nrpe"}, {"rpcbind", "sunrpc"},
)  # fmt: skip
RANGE: Final = re.compile(r"\bor later\b|\bor earlier\b| - |[<>]|\.[xX]\b")


class Mark(StrEnum):
    """How good one part of an answer is."""

    RIGHT = "right"
    MISSING = "missing"
    WRONG = "wrong"
    NONE = "-"  # there is nothing to know


@dataclass(frozen=True)
class Score:
    """The three marks of one door."""

    service: Mark
    product: Mark
    version: Mark


def score(door: Door, visible: str | None, actual: str | None, answer: Answer, parts: Sequence[tuple[str, str]] = ()) -> Score:
    """Mark an answer; `visible` is the version a client can see, `actual` the whole one, `parts` name and version of what the server is made of."""
    service = _service(door, answer)
    for name, version in parts:
        if _names(name, answer.product):
            return Score(service, Mark.RIGHT, _version(version, version, answer))
    return Score(service, _product(door, answer), _version(visible, actual, answer))


def _service(door: Door, answer: Answer) -> Mark:
    if not answer.service or answer.service in {"unknown", "tcpwrapped"}:
        return Mark.MISSING
    same = next((names for names in SAME if door.service in names), {door.service})
    return Mark.RIGHT if answer.service in same and answer.tls == door.tls else Mark.WRONG


def _product(door: Door, answer: Answer) -> Mark:
    if not door.product:
        return Mark.NONE
    if not answer.product:
        return Mark.MISSING
    return Mark.RIGHT if any(_names(name, answer.product) for name in (door.product, *door.also)) else Mark.WRONG


def _names(name: str, said: str) -> bool:
    return f" {_plain(name)} " in f" {_plain(said)} "


def _plain(name: str) -> str:
    return " ".join(re.findall(r"[a-z0-9]+", name.lower()))


def _version(visible: str | None, actual: str | None, answer: Answer) -> Mark:
    said = answer.version.strip().removeprefix("v")
    if not said or RANGE.search(said):
        return Mark.NONE if visible is None else Mark.MISSING
    # nmap adds words ("9.2p1 Debian 2+deb12u10"); only its first one is the version.
    first = said.split()[0].rstrip(",;")
    truth = visible or actual
    if truth is None:
        return Mark.WRONG
    if _begins(first, truth):
        return Mark.RIGHT
    return Mark.WRONG if not _begins(actual or truth, first) else Mark.MISSING if visible else Mark.NONE


def _begins(text: str, start: str) -> bool:
    """Tell whether `text` is `start`, or continues it with another component ("10.11.19-MariaDB" after "10.11.19")."""
    return text == start or (text.startswith(start) and not text[len(start)].isalnum())


def totals(scores: Sequence[Score]) -> dict[str, Any]:
    """Return counts and shares."""
    kinds = {
        "services": [one.service for one in scores],
        "products": [one.product for one in scores],
        "versions": [one.version for one in scores],
    }
    return {name: _counted(marks) for name, marks in kinds.items()}


def _counted(marks: list[Mark]) -> dict[str, Any]:
    known = [mark for mark in marks if mark is not Mark.NONE]
    right = known.count(Mark.RIGHT)
    return {
        "right": right, "of": len(known), "wrong": known.count(Mark.WRONG), "missing": known.count(Mark.MISSING),
        "share": round(right / len(known), 4) if known else None,
    }  # fmt: skip
