"""Deliver mail through a relay: one recipient for each mail, many mails over one connection."""

from __future__ import annotations

import re
import smtplib
from typing import TYPE_CHECKING, Final

from watchfloor.capabilities.notifications.channels import answers
from watchfloor.capabilities.notifications.channels.lanes import Lane, deliver
from watchfloor.capabilities.notifications.channels.relay import Connection, Relay, Unusable
from watchfloor.capabilities.notifications.schemas.wire import Outcome, Outcomes, Sent
from watchfloor.kernel.clock import monotonic
from watchfloor.kernel.errors import EgressRefused
from watchfloor.kernel.fetch.dial import trust

if TYPE_CHECKING:
    import ssl

    from watchfloor.capabilities.notifications.schemas.wire import Batch, Envelope
    from watchfloor.kernel.contract import KeepingReport

RELAYS: Final = 4
CONNECTIONS: Final = 2
MAILS: Final = 100
_BEGIN_S: Final = 2.0
_ADDRESS: Final = re.compile(r"[^\x00-\x20\x7f-\xa0<>]{1,320}")
_SIGN_IN: Final = {530, 535, 538}  # the relay wants to know who we are: its operator mends that, no recipient can
_CLOSING: Final = 421


def send(batch: Batch, report: KeepingReport) -> Outcomes:
    """Send every mail of a batch and say how each fared; the relay is one that an operator set, and may be near."""
    trusted = trust(batch.authorities)

    def work(lane: Lane) -> None:
        sender = _Sender(lane, trusted)
        try:
            sender.send()
        finally:
            sender.close()

    return deliver(batch, report, place=_relay, senders=CONNECTIONS, at_once=RELAYS, send=work)


class _Sender:
    """One connection after the other to one relay."""

    def __init__(self, lane: Lane, trusted: ssl.SSLContext) -> None:
        self._lane, self._trusted = lane, trusted
        self._connection: Connection | None = None

    def send(self) -> None:
        for envelope in self._lane:
            if self._lane.left_s < _BEGIN_S:
                self._lane.leave(envelope, "no time was left in this batch")
                return
            began = monotonic()
            try:
                outcome = self._sent(envelope, began)
            except Unusable as error:
                kind = Sent.PERMANENT if error.word == EgressRefused.code else Sent.RETRY
                self._lane.tell(_told(envelope, kind, error.word, began, reason=str(error)))
                for one in self._lane:
                    self._lane.leave(one, f"the relay cannot be used: {error}")
                return
            self._lane.tell(outcome)

    def close(self) -> None:
        if self._connection is not None:
            self._connection.leave()
            self._connection = None

    def _sent(self, envelope: Envelope, began: float) -> Outcome:
        """Send one mail; over a new connection where a kept one turns out to be closed before anything was said over it."""
        used = self._connected(envelope)
        fresh = used.sent == 0
        step = _Step(used, envelope, began)
        try:
            outcome = step.send()
        except (OSError, smtplib.SMTPServerDisconnected) as error:
            used.close()
            self._connection = None
            if not fresh and step.name == "sender":
                return self._sent(envelope, began)
            code = "timeout" if isinstance(error, TimeoutError) else "dropped"
            return _told(envelope, Sent.RETRY, code, began, used.address, reason=f"the connection ended at the {step.name}")
        used.sent += 1
        if used.sock is None:
            self._connection = None
        return outcome

    def _connected(self, envelope: Envelope) -> Connection:
        if self._connection is not None and self._connection.sent >= MAILS:
            self.close()
        if self._connection is None:
            self._connection = Connection(Relay.of(envelope.target), self._trusted, self._lane.ends)
        return self._connection


class _Step:
    """One mail over one connection; `name` says how far it came: sender, recipient or content."""

    def __init__(self, connection: Connection, envelope: Envelope, began: float) -> None:
        self._connection, self._envelope, self._began = connection, envelope, began
        self.name = "sender"

    def send(self) -> Outcome:
        connection, envelope = self._connection, self._envelope
        sender, to = (envelope.target[name].get_secret_value() for name in ("from", "to"))
        if not _ADDRESS.fullmatch(sender) or not _ADDRESS.fullmatch(to):
            return self._told(Sent.PERMANENT, "bad_address", reason="this is no address that a mail can be sent to")
        options = []
        if not (sender + to).isascii():
            if not connection.has_extn("smtputf8"):
                return self._told(Sent.PERMANENT, "smtputf8_not_offered", reason="the relay takes no addresses beyond ASCII")
            options = ["SMTPUTF8", "BODY=8BITMIME"]
        most = connection.esmtp_features.get("size", "")
        if most.isdigit() and 0 < int(most[:18]) < len(envelope.body):
            return self._told(Sent.PERMANENT, "too_large", reason=f"the relay takes mails of at most {most[:18]} bytes")
        return self._said(*connection.mail(sender, options)) or self._to(to)

    def _to(self, to: str) -> Outcome:
        self.name = "recipient"
        if refused := self._said(*self._connection.rcpt(to)):
            return refused
        self.name = "content"
        try:
            code, text = self._connection.data(self._envelope.body)
        except smtplib.SMTPDataError as error:
            code, text = error.smtp_code, error.smtp_error if isinstance(error.smtp_error, bytes) else error.smtp_error.encode()
        return self._said(code, text) or self._told(Sent.OK, str(code), text)

    def _said(self, code: int, text: bytes) -> Outcome | None:
        """Return the outcome where an answer is a refusal, with the connection as it was before this mail."""
        if 200 <= code < 300:  # noqa: PLR2004 - taken
            return None
        if code == _CLOSING:
            self._connection.close()
        else:
            self._connection.rset()
        lasting = 500 <= code < 600 and not (self.name == "sender" and code in _SIGN_IN)  # noqa: PLR2004 - refused for good
        # Only a recipient's code stands alone: by it addresses are told that no mail can be sent to any more.
        shown = str(code) if self.name == "recipient" else f"{self.name}_{code}"
        return self._told(
            Sent.PERMANENT if lasting else Sent.RETRY,
            shown,
            text,
            reason=f"the relay refuses the {self.name}" + ("" if lasting else " for now"),
        )

    def _told(self, kind: Sent, code: str, text: bytes = b"", reason: str = "") -> Outcome:
        return _told(self._envelope, kind, code, self._began, self._connection.address, text, reason)


def _told(envelope: Envelope, kind: Sent, code: str, began: float, address: str = "", text: bytes = b"", reason: str = "") -> Outcome:
    secrets = [
        value.get_secret_value() for name, value in envelope.target.items() if name in {"user", "password"} and value.get_secret_value()
    ]
    return Outcome(
        delivery_id=envelope.delivery_id, kind=kind, code=code, ms=max(0, round((monotonic() - began) * 1000)), address=address,
        head=answers.masked(text.decode("utf-8", "replace"), secrets, 300), reason=answers.masked(reason, secrets, 300),
    )  # fmt: skip


def _relay(envelope: Envelope) -> str:
    relay = Relay.of(envelope.target)
    return f"{relay.host}:{relay.port}:{relay.tls}:{relay.user}"
