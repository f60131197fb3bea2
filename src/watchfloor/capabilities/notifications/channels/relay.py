"""One connection to a mail relay: dialled where it was judged, encrypted before anything is said, and never waited for beyond its time."""

from __future__ import annotations

import smtplib
import socket
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import httpcore

from watchfloor.kernel.clock import monotonic
from watchfloor.kernel.errors import EgressRefused
from watchfloor.kernel.fetch.dial import Resolve, addresses_of, judged
from watchfloor.kernel.fetch.guard import Reach, host_named

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import SecretStr

CONNECT_S: Final = 5.0
ANSWER_S: Final = 15.0
_LINE_BYTES: Final = 4 << 10
_ANSWER_BYTES: Final = 32 << 10
_PIECE: Final = 4 << 10
_OTHER_NAME: Final = {62, 64}


@dataclass(frozen=True)
class Relay:
    """A relay that an operator set, which may be in a private network or on this machine; its address is still judged."""

    host: str
    port: int
    tls: str
    user: str
    password: str

    @classmethod
    def of(cls, target: Mapping[str, SecretStr]) -> Relay:
        """Read an envelope's target."""
        plain = {name: value.get_secret_value() for name, value in target.items()}
        return cls(
            plain["host"], int(plain.get("port", "587")), plain.get("tls", "starttls"), plain.get("user", ""), plain.get("password", "")
        )


class Unusable(Exception):
    """There is no connection over which mail could be sent; `word` is a short name of the reason, such as timeout or relay_535.

    None of this is about a recipient, and all of it is the operator's to mend: mail waits for that as long as it may.
    """

    def __init__(self, word: str, message: str) -> None:
        """Keep the word for counters."""
        super().__init__(message)
        self.word = word


class Connection(smtplib.SMTP):
    """SMTP with a limit of time for all and of bytes for each answer."""

    def __init__(self, relay: Relay, trusted: ssl.SSLContext, ends: float, resolve: Resolve = addresses_of) -> None:
        """Connect, encrypt and sign in; raises Unusable."""
        self._relay, self._trusted, self._ends, self._resolve = relay, trusted, ends, resolve
        self.address = ""
        self.sent = 0
        self._unread = b""
        try:
            super().__init__(relay.host, relay.port, timeout=CONNECT_S, local_hostname="localhost")
            self.local_hostname = _literal(str(self._plain_socket().getsockname()[0]))
            self._begin()
        except (OSError, UnicodeError, smtplib.SMTPException, Unusable) as error:
            self.close()
            raise _unusable(error) from None

    def leave(self) -> None:
        """Say good-bye and close; a relay that has gone already needs none."""
        try:
            self.quit()
        except (OSError, smtplib.SMTPException):
            self.close()

    def _begin(self) -> None:
        relay = self._relay
        self.ehlo()
        if relay.tls == "starttls":
            if not self.has_extn("starttls"):
                raise Unusable("tls_not_offered", "the relay offers no STARTTLS; nothing is sent to it without encryption")
            self._encrypt()
            self.ehlo()
        if relay.user:
            if not self.has_extn("auth"):
                raise Unusable("auth_not_offered", "the relay takes no user and password")
            self.login(relay.user, relay.password)

    def _encrypt(self) -> None:
        code, _ = self.docmd("STARTTLS")
        if code != 220:  # noqa: PLR2004 - go on
            raise Unusable("tls_not_offered", f"the relay answers STARTTLS with {code}; nothing is sent to it without encryption")
        if self._unread:
            raise Unusable("tls", "the relay sent more before TLS began; what stands between may have put it there")
        self.sock = self._shielded(self._plain_socket())
        self.helo_resp = self.ehlo_resp = None  # as the library does after its own STARTTLS
        self.esmtp_features = {}
        self.does_esmtp = False

    def _shielded(self, plain: socket.socket) -> ssl.SSLSocket:
        plain.settimeout(self._left(CONNECT_S))
        return self._trusted.wrap_socket(plain, server_hostname=self._relay.host)

    def _plain_socket(self) -> socket.socket:
        if self.sock is None:
            raise smtplib.SMTPServerDisconnected("please connect first")
        return self.sock

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        """Dial the first judged address that answers; the library calls this where it would dial the name."""
        del timeout
        failure: OSError = OSError("no address")
        for address in self._addresses(host, port):
            self.address = address
            try:
                found = socket.create_connection((address, port), self._left(CONNECT_S))
            except OSError as error:
                failure = error
                continue
            found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return self._shielded(found) if self._relay.tls == "implicit" else found
        raise failure

    def _addresses(self, host: str, port: int) -> list[str]:
        name = host_named(host.strip("[]")) or host.strip("[]").lower()
        shown = f"[{name}]:{port}" if ":" in name else f"{name}:{port}"
        reach = Reach(own=frozenset({f"smtp://{shown}"}))
        try:
            found = judged(reach, f"smtp://{shown}", name, port, self._left(CONNECT_S), self._resolve)
        except EgressRefused as error:
            raise Unusable(EgressRefused.code, str(error)) from None
        except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
            raise Unusable("lookup", str(error)) from None
        if self._relay.tls == "none" and not all(map(_is_here, found)):
            raise Unusable("tls_required", f"{host} is not this machine: mail is sent there over TLS only")
        return found

    def send(self, s: Any) -> None:  # noqa: ANN401 - text or bytes, as the library says
        """Send as the library does, within the time."""
        self._plain_socket().settimeout(self._left(ANSWER_S))
        super().send(s)

    def getreply(self) -> tuple[int, bytes]:
        """Read one answer of the relay; raises SMTPServerDisconnected or SMTPResponseException, and the connection is closed then."""
        ends, told, size = monotonic() + ANSWER_S, [], 0
        while True:
            line = self._line(ends)
            size += len(line)
            if size > _ANSWER_BYTES:
                self.close()
                raise smtplib.SMTPResponseException(500, "the relay's answer has no end")
            told.append(line[4:].strip(b" \t\r\n"))
            if not line[:3].isdigit():
                self.close()
                raise smtplib.SMTPResponseException(500, "the relay speaks no SMTP")
            if line[3:4] != b"-":
                return int(line[:3]), b"\n".join(told)

    def _line(self, ends: float) -> bytes:
        while b"\n" not in self._unread:
            connection = self._plain_socket()
            connection.settimeout(min(self._left(ANSWER_S), max(ends - monotonic(), 0.001)))
            piece = connection.recv(_PIECE)
            self._unread += piece
            if not piece or len(self._unread) > _LINE_BYTES + _PIECE:
                self.close()
                raise smtplib.SMTPServerDisconnected("the relay closed the connection")
        line, _, self._unread = self._unread.partition(b"\n")
        return line + b"\n"

    def _left(self, most: float) -> float:
        left = self._ends - monotonic()
        if left <= 0:
            raise TimeoutError("no time is left")
        return min(left, most)


def _is_here(address: str) -> bool:
    return address == "::1" or address.startswith("127.")


def _unusable(error: Exception) -> Unusable:  # noqa: PLR0911 - one per sort of trouble
    """Name what went wrong, in words of ours: a relay's own may repeat what was said to it."""
    match error:
        case Unusable():
            return error
        case ssl.SSLCertVerificationError():
            return Unusable(
                "relay_tls_name" if error.verify_code in _OTHER_NAME else "tls", f"the relay's certificate: {error.verify_message}"
            )
        case ssl.SSLError():
            return Unusable("tls", f"no TLS with the relay: {error.reason or 'the handshake failed'}")
        case smtplib.SMTPAuthenticationError():
            return Unusable(f"relay_{error.smtp_code}", "the relay refuses this user and password")
        case smtplib.SMTPResponseException():
            return Unusable(f"relay_{error.smtp_code}", f"the relay answered {error.smtp_code} before any mail was sent")
        case TimeoutError():
            return Unusable("timeout", "the relay did not answer in time")
        case smtplib.SMTPNotSupportedError():
            return Unusable("auth_not_offered", "the relay offers no way to sign in that we know")
        case UnicodeError():
            return Unusable("auth", "the user or the password holds letters that SMTP cannot carry")
    return Unusable("connection", f"the connection to the relay failed: {type(error).__name__}")


def _literal(address: str) -> str:
    """Return how a machine calls itself that need not have a name."""
    return f"[IPv6:{address}]" if ":" in address else f"[{address}]"
