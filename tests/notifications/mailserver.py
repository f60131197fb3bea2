"""A real mail server on loopback, whose answers are written down beforehand."""

from __future__ import annotations

import asyncio
import email.policy
import threading
import warnings
from collections import defaultdict
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.parser import BytesParser
from typing import TYPE_CHECKING, Any, cast

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator
    from email.message import EmailMessage


@dataclass(frozen=True)
class Arrived:
    """A mail as it came in."""

    sender: str
    to: list[str]
    content: bytes
    encrypted: bool
    options: list[str]

    @property
    def mail(self) -> EmailMessage:
        return BytesParser(policy=email.policy.default).parsebytes(self.content)


@dataclass
class Mailbox:
    """Takes mail. `refusals` holds what is answered at a step (mail, to, content), one after the other; afterwards 250."""

    refusals: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    arrived: list[Arrived] = field(default_factory=list)
    greeted: list[str] = field(default_factory=list)
    hang_up_after_content: int = 0
    hang_up_on_kept: int = 0
    used: list[Any] = field(default_factory=list)
    mails: int = 0
    port: int = 0

    async def handle_EHLO(self, _server: SMTP, session: Any, _envelope: Any, hostname: str, responses: list[str]) -> list[str]:  # noqa: N802 - as aiosmtpd calls it
        session.host_name = hostname
        self.greeted.append(hostname)
        return responses

    async def handle_MAIL(self, server: SMTP, session: Any, envelope: Any, address: str, options: list[str]) -> str:  # noqa: N802 - as aiosmtpd calls it
        self.mails += 1
        if self.hang_up_on_kept and session in self.used:
            self.hang_up_on_kept -= 1
            server.transport.close()  # type: ignore[union-attr] # connected
            return "421 bye"
        if told := self._refusal("mail"):
            return told
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(self, _server: SMTP, _session: Any, envelope: Any, address: str, _options: list[str]) -> str:  # noqa: N802 - as aiosmtpd calls it
        if told := self._refusal(address) or self._refusal("to"):
            return told
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Any, envelope: Any) -> str:  # noqa: N802 - as aiosmtpd calls it
        if told := self._refusal("content"):
            return told
        self.used.append(session)
        self.arrived.append(
            Arrived(
                envelope.mail_from, list(envelope.rcpt_tos), envelope.original_content, session.ssl is not None, list(envelope.mail_options)
            )
        )
        if self.hang_up_after_content:
            self.hang_up_after_content -= 1
            server.transport.close()  # type: ignore[union-attr] # connected
        return "250 taken"

    def _refusal(self, step: str) -> str:
        return self.refusals[step].pop(0) if self.refusals[step] else ""


def signs_in(_server: SMTP, _session: Any, _envelope: Any, _way: str, told: Any) -> AuthResult:
    fine = isinstance(told, LoginPassword) and (told.login, told.password) == (b"wf", b"s3cret-pass")
    return AuthResult(success=fine, handled=False)


@contextmanager
def mailserver(starttls: ssl.SSLContext | None = None, implicit: ssl.SSLContext | None = None, **options: Any) -> Iterator[Mailbox]:
    """Run a server; `options` are those of aiosmtpd's SMTP."""
    box = Mailbox()
    loop = asyncio.new_event_loop()

    def speaker() -> SMTP:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it warns of everything that a test wants to see refused
            told = {"hostname": "mail.test", "enable_SMTPUTF8": False, **options}
            return SMTP(box, tls_context=starttls, loop=loop, **told)

    door = loop.run_until_complete(loop.create_server(speaker, "127.0.0.1", 0, ssl=implicit))
    box.port = door.sockets[0].getsockname()[1]
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield box
    finally:
        asyncio.run_coroutine_threadsafe(_ended(door), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _ended(door: asyncio.Server) -> None:
    """Let nobody in any more and end what still talks."""
    door.close()
    rest = asyncio.all_tasks() - {cast("asyncio.Task[Any]", asyncio.current_task())}
    for one in rest:
        one.cancel()
    await asyncio.gather(*rest, return_exceptions=True)
