"""Read masscan's JSON and list, and naabu's JSON lines: line by line, so that a file that breaks off is read as far as it goes. Pure."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, Final

from watchfloor.capabilities.scans.engine.imports.found import HOSTS_MAX, PORTS_MAX, FoundHost, Imported, OpenPort, words
from watchfloor.capabilities.scans.schemas import Service
from watchfloor.kernel.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LINE_BYTES: Final = 64 * 1024
BANNER_BYTES: Final = 4096
PORT_MAX: Final = 65_535
# What masscan calls the protocols whose greeting it writes down as it came; of others it writes its own words.
RAW: Final = frozenset(("ssh", "ftp", "smtp", "pop3", "imap", "http", "vnc", "unknown"))
Seen = tuple[str, str, int, bytes, float, str]  # address, protocol, port, banner, time, name


def read_masscan(content: bytes) -> Imported:
    """Return what masscan's JSON (`-oJ`, `-oD`) or list (`-oL`) says; raises InvalidInput when it is neither."""
    lines = content.lstrip(b"\xef\xbb\xbf \t\r\n")
    return _gathered("masscan", content, _json_record if lines[:1] in b"[{" else _list_record)


def read_naabu(content: bytes) -> Imported:
    """Return what naabu's JSON lines (`-json`) say; raises InvalidInput when they are none."""
    return _gathered("naabu", content, _naabu_record)


def _gathered(tool: str, content: bytes, record: Callable[[bytes], Iterator[Seen]]) -> Imported:
    open_ports: dict[str, dict[tuple[str, int], bytes]] = {}
    names: dict[str, str] = {}
    unread = count = 0
    last = 0.0
    for line in content.splitlines():
        plain = line.strip()
        try:
            for address, protocol, port, banner, at, name in record(_short(plain)):
                count += 1
                held = open_ports.setdefault(address, {})
                held[protocol, port] = held.get((protocol, port)) or banner
                names[address] = names.get(address) or name
                last = max(last, at)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            unread += 1
        if len(open_ports) > HOSTS_MAX or count > PORTS_MAX:
            raise InvalidInput(f"The file has more than {HOSTS_MAX:,} hosts or {PORTS_MAX:,} ports; split it.", field="/file")
    if unread and not open_ports:
        raise InvalidInput(f"This is not what {tool} writes: no line of it could be read.", field="/file")
    notes = (f"{unread:,} lines of the file could not be read and were left out.",) if unread else ()
    hosts = tuple(FoundHost(address, names[address], open=tuple(_open(held))) for address, held in sorted(open_ports.items()))
    return Imported(tool=tool, hosts=hosts, at=_moment(last), notes=notes)


def _open(held: dict[tuple[str, int], bytes]) -> Iterator[OpenPort]:
    for (protocol, port), banner in sorted(held.items()):
        yield OpenPort("udp" if protocol == "udp" else "tcp", Service(port=port, protocol=protocol, evidence="imported"), banner)


def _json_record(line: bytes) -> Iterator[Seen]:
    plain = line.rstrip(b",").strip()
    if plain in {b"", b"[", b"]"} or plain.startswith((b"{finished", b"#")):
        return
    found = json.loads(plain.removeprefix(b"[").removesuffix(b"]"))
    address = str(ip_address(found["ip"]))
    for one in found["ports"]:
        service = one.get("service") or {}
        if one.get("status", "open") == "open" and _is_port(one):
            yield (
                address,
                one["proto"],
                one["port"],
                _banner(service.get("name", ""), service.get("banner", "")),
                _time(found.get("timestamp")),
                "",
            )


def _list_record(line: bytes) -> Iterator[Seen]:
    """Read `open tcp 80 192.0.2.1 1390380064` and `banner tcp 22 192.0.2.1 1390380064 ssh SSH-2.0-…`."""
    if not line or line.startswith(b"#"):
        return
    words_of = line.decode("utf-8", "replace").split(" ", 6)
    what, protocol, port, address, at = words_of[:5]
    banner = _banner(words_of[5], words_of[6]) if what == "banner" else b""
    one = {"proto": protocol, "port": int(port)}
    if what not in {"open", "banner"}:
        raise ValueError(what)
    if _is_port(one):
        yield str(ip_address(address)), protocol, int(port), banner, _time(at), ""


def _naabu_record(line: bytes) -> Iterator[Seen]:
    if not line:
        return
    found = json.loads(line)
    held = found["port"]
    port, protocol = (
        (held, found.get("protocol", "tcp")) if isinstance(held, int) else (held["Port"], "udp" if held.get("Protocol") == 1 else "tcp")
    )
    one = {"proto": protocol, "port": port}
    if _is_port(one):
        address, host = str(ip_address(found["ip"])), str(found.get("host", ""))
        yield address, protocol, port, b"", _time(found.get("timestamp")), "" if host == address else words(host, 253)


def _is_port(one: dict[str, Any]) -> bool:
    """Tell whether this is a port; other protocols that masscan finds (icmp, sctp) are no ports of ours. Raises ValueError for nonsense."""
    if one["proto"] not in {"tcp", "udp"}:
        return False
    if not isinstance(one["port"], int) or not 1 <= one["port"] <= PORT_MAX:
        raise ValueError(one["port"])
    return True


def _banner(name: str, text: str) -> bytes:
    raw = name.partition(".")[0] in RAW and name not in {"http.title", "http.server"}
    return text.encode("utf-8", "replace")[:BANNER_BYTES] if raw else b""


def _time(said: object) -> float:
    """Return seconds since 1970 of a number or an ISO time; 0 when it is neither."""
    with suppress(ValueError, OverflowError):
        if isinstance(said, (int, float)) or (isinstance(said, str) and said.isascii() and said.isdigit()):
            return float(said)
        if isinstance(said, str):
            moment = datetime.fromisoformat(said[:40].partition(".")[0].rstrip("Z"))
            return moment.replace(tzinfo=UTC).timestamp()
    return 0.0


def _moment(seconds: float) -> datetime | None:
    with suppress(ValueError, OverflowError, OSError):
        return datetime.fromtimestamp(seconds, UTC) if seconds > 0 else None
    return None


def _short(line: bytes) -> bytes:
    if len(line) > LINE_BYTES:
        raise ValueError(len(line))
    return line
