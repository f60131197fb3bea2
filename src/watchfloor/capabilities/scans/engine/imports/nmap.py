"""Read nmap's XML, which masscan can write too: a stream of elements, bounded in depth, size and number; DTDs and entities refused. Pure.

Source: nmap's output format 1.05 (nmap.dtd). A file that breaks off, as that of a scanner which was stopped, is read as far as it goes.
"""

from __future__ import annotations

import zlib
from base64 import b64decode
from contextlib import suppress
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final
from xml.parsers import expat

from watchfloor.capabilities.scans.engine.imports.found import (
    HOSTS_MAX,
    PORTS_MAX,
    FileRead,
    FoundHost,
    Imported,
    OpenPort,
    ranges_of,
    words,
)
from watchfloor.capabilities.scans.schemas import NmapAnswers, Service
from watchfloor.kernel.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn

XML_BYTES: Final = 64 * 1024 * 1024
DEPTH_MAX: Final = 32
VALUE_CHARACTERS: Final = 400_000  # the list of all ports as numbers
CHUNK: Final = 1 << 20
PORT_MAX: Final = 65_535
Attributes = dict[str, str]


def read_nmap(content: bytes) -> Imported:
    """Return what an XML file says.

    Raises:
        InvalidInput: It is not nmap's XML, holds a DTD or entities, or more than is allowed.
    """
    reader = _Reader()
    broken = reader.feed(content)
    if not reader.tool:
        raise InvalidInput(f"This is not nmap's XML{': ' + broken if broken else ''}. Write it with `nmap -oX FILE`.", field="/file")
    notes = [f"The file breaks off ({broken}); what it would say after that is not known."] if broken else []
    return Imported(tool=reader.tool, hosts=tuple(reader.hosts), at=reader.at, silent=reader.silent, notes=(*notes, *reader.notes))


class _Reader:
    """Handlers of one file."""

    def __init__(self) -> None:
        self.tool = ""
        self.hosts: list[FoundHost] = []
        self.at: datetime | None = None
        self.silent = self.ports = 0
        self.notes: list[str] = []
        self.asked: set[int] | None = None
        self._depth = 0
        self._host: _Host | None = None
        self._cpe: list[str] | None = None
        self._starts: dict[str, Callable[[Attributes], None]] = {
            "nmaprun": self._run, "scaninfo": self._scaninfo, "host": self._begin_host, "status": self._status, "address": self._address,
            "hostname": self._hostname, "extraports": self._extraports, "extrareasons": self._extrareasons, "port": self._port,
            "state": self._state, "service": self._service, "times": self._times, "finished": self._finished, "cpe": self._begin_cpe,
        }  # fmt: skip

    def feed(self, content: bytes) -> str:
        """Read everything; return why reading ended early, or nothing."""
        parser = expat.ParserCreate("utf-8")
        parser.buffer_text = True
        parser.StartDoctypeDeclHandler = _doctype
        parser.EntityDeclHandler = parser.UnparsedEntityDeclHandler = parser.ExternalEntityRefHandler = _entity
        parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = self._start, self._end, self._text
        try:
            for at in range(0, len(content), CHUNK):
                parser.Parse(content[at : at + CHUNK], False)  # noqa: FBT003 - expat's own
            parser.Parse(b"", True)  # noqa: FBT003 - expat's own
        except expat.ExpatError as error:
            return f"line {error.lineno}: {expat.ErrorString(error.code)}"
        return ""

    def _start(self, name: str, attributes: Attributes) -> None:
        self._depth += 1
        if self._depth > DEPTH_MAX:
            raise InvalidInput(f"The XML is nested deeper than {DEPTH_MAX} elements, which nmap's never is.", field="/file")
        if any(len(value) > VALUE_CHARACTERS for value in attributes.values()):
            raise InvalidInput(f"An attribute of <{words(name, 20)}> is longer than any that nmap writes.", field="/file")
        if self._depth == 1 and name != "nmaprun":
            raise InvalidInput(
                f"The XML begins with <{words(name, 20)}>, not with <nmaprun>. Write it with `nmap -oX FILE`.", field="/file"
            )
        if name in self._starts:
            self._starts[name](attributes)

    def _end(self, name: str) -> None:
        self._depth -= 1
        if name == "cpe" and self._cpe is not None and self._host:
            self._host.cpe("".join(self._cpe))
            self._cpe = None
        if name == "host" and self._host is not None:
            self._end_host(self._host)
            self._host = None

    def _text(self, text: str) -> None:
        if self._cpe is not None and sum(map(len, self._cpe)) < PORTS_MAX:
            self._cpe.append(text[:500])

    def _begin_cpe(self, _: Attributes) -> None:
        self._cpe = []

    def _run(self, attributes: Attributes) -> None:
        self.tool = words(f"{attributes.get('scanner', 'nmap')} {attributes.get('version', '')}".strip(), 40)
        self.at = _moment(attributes.get("start", ""))

    def _scaninfo(self, attributes: Attributes) -> None:
        if attributes.get("protocol") == "tcp" and attributes.get("services"):
            self.asked = (self.asked or set()) | _ports(attributes["services"])

    def _finished(self, attributes: Attributes) -> None:
        self.at = _moment(attributes.get("time", "")) or self.at

    def _begin_host(self, attributes: Attributes) -> None:
        self._host = _Host(timed_out=attributes.get("timedout") == "true")

    def _end_host(self, host: _Host) -> None:
        if host.address and host.alive:
            if len(self.hosts) >= HOSTS_MAX:
                raise InvalidInput(f"The file has more than {HOSTS_MAX:,} hosts that answered; split it.", field="/file")
            self.hosts.append(host.found(self.asked))
        else:
            self.silent += 1

    def _status(self, attributes: Attributes) -> None:
        if self._host:
            self._host.up = attributes.get("state") == "up"
            self._host.presumed = attributes.get("reason") == "user-set"

    def _address(self, attributes: Attributes) -> None:
        if self._host and attributes.get("addrtype") in {"ipv4", "ipv6"}:
            with suppress(ValueError):
                self._host.address = str(ip_address(attributes.get("addr", "")))

    def _hostname(self, attributes: Attributes) -> None:
        # What somebody asked for is a name of this host; what a reverse lookup says is only claimed.
        if self._host and attributes.get("type") == "user":
            self._host.name = words(attributes.get("name", ""), 253)

    def _extraports(self, attributes: Attributes) -> None:
        if self._host:
            self._host.extra.append((attributes.get("state", ""), _number(attributes.get("count", "")), []))

    def _extrareasons(self, attributes: Attributes) -> None:
        if self._host and self._host.extra and attributes.get("ports"):
            self._host.extra[-1][2].append((attributes.get("proto", "tcp"), attributes["ports"]))

    def _port(self, attributes: Attributes) -> None:
        self.ports += 1
        if self.ports > PORTS_MAX:
            raise InvalidInput(f"The file lists more than {PORTS_MAX:,} ports; split it.", field="/file")
        if self._host:
            self._host.begin_port(attributes.get("protocol", ""), _number(attributes.get("portid", "")))

    def _state(self, attributes: Attributes) -> None:
        if self._host:
            self._host.state(attributes.get("state", ""))

    def _service(self, attributes: Attributes) -> None:
        if self._host:
            self._host.service(attributes)

    def _times(self, attributes: Attributes) -> None:
        if self._host and _number(attributes.get("srtt", "")) > 0:
            self._host.rtt_ms = round(_number(attributes["srtt"]) / 1000, 3)


class _Host:
    """One <host> while it is read."""

    def __init__(self, *, timed_out: bool) -> None:
        self.timed_out = timed_out
        self.up, self.presumed = True, False  # masscan writes no status
        self.address = self.name = ""
        self.rtt_ms: float | None = None
        self.extra: list[tuple[str, int, list[tuple[str, str]]]] = []
        self.open: dict[tuple[str, int], OpenPort] = {}
        self.states: dict[int, str] = {}
        self._at: tuple[str, int] | None = None

    @property
    def alive(self) -> bool:
        """Tell whether the host answered; `nmap -Pn` calls every host up."""
        closed = any(state == "closed" for state in (*self.states.values(), *(state for state, _, _ in self.extra)))
        return self.up and (bool(self.open) or closed or not self.presumed)

    def begin_port(self, protocol: str, port: int) -> None:
        self._at = (protocol, port) if protocol in {"tcp", "udp"} and 1 <= port <= PORT_MAX else None

    def state(self, state: str) -> None:
        if self._at is None:
            return
        protocol, port = self._at
        if state == "open":
            self.open[self._at] = OpenPort("udp" if protocol == "udp" else "tcp", Service(port=port, protocol=protocol))
        elif protocol == "tcp":
            self.states[port] = state

    def service(self, attributes: Attributes) -> None:
        held = self.open.get(self._at) if self._at else None
        if held and self._at:
            self.open[self._at] = OpenPort(held.protocol, _service(held.service.port, held.protocol, attributes))

    def cpe(self, text: str) -> None:
        """Take the first application's name; an operating system's says nothing about the service."""
        held = self.open.get(self._at) if self._at else None
        if held and self._at and text.startswith("cpe:/a:") and not held.service.cpe:
            self.open[self._at] = OpenPort(held.protocol, held.service.model_copy(update={"cpe": formatted(text)}))

    def found(self, asked: set[int] | None) -> FoundHost:
        """Return the host with what the file proves about ports it does not list."""
        closed = {port for port, state in self.states.items() if state in {"closed", "unfiltered"}}
        filtered = {port for port, state in self.states.items() if state in {"filtered", "open|filtered"}}
        listed = {*self.states, *(port for protocol, port in self.open if protocol == "tcp")}
        for state, ports in self._unlisted(asked, listed):
            {"closed": closed, "filtered": filtered}.get(state, set()).update(ports - listed)
        return FoundHost(
            self.address, self.name, self.rtt_ms, tuple(self.open[at] for at in sorted(self.open)), ranges_of(closed), ranges_of(filtered)
        )

    def _unlisted(self, asked: set[int] | None, listed: set[int]) -> list[tuple[str, set[int]]]:
        """Return the ports of each state that are only counted, where the file says which they are."""
        if self.timed_out:
            return []
        if self.extra and all(reasons for _, _, reasons in self.extra):
            named = [(state, [ports for protocol, ports in reasons if protocol == "tcp"]) for state, _, reasons in self.extra]
            return [(state, set().union(*(_ports(ports) for ports in texts))) for state, texts in named if texts]
        rest = (asked or set()) - listed
        if len(self.extra) == 1 and rest and self.extra[0][1] == len(rest):
            return [(self.extra[0][0], rest)]
        return []


def _service(port: int, protocol: str, attributes: Attributes) -> Service:
    tunnel = attributes.get("tunnel") == "ssl"
    name = words(attributes.get("name", ""), 60)
    if name in {"", "tcpwrapped"}:  # nmap's word for a line that was cut before anything was said
        name = "unknown"
    probed = attributes.get("method") == "probed"
    product, version = words(attributes.get("product", "")), words(attributes.get("version", ""), 100)
    said = " ".join(part for part in (product, version, words(attributes.get("extrainfo", ""))) if part)
    return Service(
        port=port, protocol=protocol, name=f"{name}s" if tunnel and name == "http" else name, product=product if probed else "",
        version=version if probed else "", confidence=min(100, max(0, _number(attributes.get("conf", "")) * 10)),
        evidence=f"imported: {said or name}" if probed else f"imported: {name}, by the port's number", tls_version="TLS" if tunnel else "",
    )  # fmt: skip


def formatted(uri: str) -> str:
    """Return CPE 2.3 of a CPE 2.2 URI, or nothing when it is none. Source: NISTIR 7695, 6.1 and 6.2."""
    parts = uri.removeprefix("cpe:/").split(":")
    if len(parts) < 3 or len(uri) > 500 or parts[0] != "a":  # noqa: PLR2004 - part, vendor, product
        return ""
    plain = [_component(part) for part in (parts + [""] * 7)[:7]]
    return "cpe:2.3:" + ":".join([*plain, "*", "*", "*", "*"])


def _component(text: str) -> str:
    if text in {"", "*"}:
        return "*"
    with suppress(ValueError):
        text = "".join(
            chr(int(piece[:2], 16)) + piece[2:] if at else piece for at, piece in enumerate(text.split("%"))
        )  # fmt: skip
    return "".join(one if one.isascii() and (one.isalnum() or one in "_.-") else f"\\{one}" for one in text.lower() if one.isprintable())


def _ports(text: str) -> set[int]:
    """Return the ports of `1-1000,3306`; what is not a port is left out."""
    found: set[int] = set()
    for part in text.split(","):
        first, _, last = part.partition("-")
        low, high = _number(first), _number(last or first)
        if 1 <= low <= high <= PORT_MAX:
            found.update(range(low, high + 1))
    return found


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else -1  # noqa: PLR2004 - digits of 64 bits


def _moment(text: str) -> datetime | None:
    with suppress(ValueError, OverflowError, OSError):
        number = _number(text)
        return datetime.fromtimestamp(number, UTC) if number > 0 else None
    return None


def _doctype(_name: str, system: str | None, public: str | None, internal: int) -> None:
    """Accept nmap's bare `<!DOCTYPE nmaprun>` and nothing that could define or fetch something."""
    if system or public or internal:
        _entity()


def _entity(*_: object) -> NoReturn:
    raise InvalidInput("The XML holds a DTD or entities, which nmap's never does; it was not read.", field="/file")


def read_documents(answers: NmapAnswers, _report: object) -> FileRead:
    """Return what nmap's compressed documents say; meant to run in a box of its own, for the words in them are strangers'."""
    return FileRead(found=tuple(read_nmap(unpacked(document)) for document in answers.documents))


def unpacked(document: str) -> bytes:
    """Return a compressed document, cut where it is longer than any that we let nmap write."""
    return zlib.decompressobj().decompress(b64decode(document), XML_BYTES)
