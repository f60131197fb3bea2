"""`wf notifications listen`: a mailbox and a chat room on this machine, to see what messages look like before anybody else does."""

from __future__ import annotations

import asyncio
import json as json_
from contextlib import AsyncExitStack, suppress
from email import policy
from email.parser import BytesParser
from typing import Annotated, Any, Final

import typer

from watchfloor.kernel.terminal import Json, print_json, print_text

HERE: Final = "127.0.0.1"
LARGEST: Final = 1 << 20
SHOWN: Final = 4000
WAIT_S: Final = 10.0
ANSWER: Final = b"HTTP/1.1 %s\r\ncontent-type: text/plain\r\ncontent-length: %d\r\nconnection: close\r\n\r\n%s"


def listen(
    *, mail_port: Annotated[int, typer.Option(min=1, max=65535, help="Where mail is taken.")] = 8925,
    web_port: Annotated[int, typer.Option(min=1, max=65535, help="Where Slack's messages and webhooks are taken.")] = 8926, json: Json = False,
) -> None:  # fmt: skip
    """Take mail, Slack messages and webhooks on this machine and print them until Ctrl-C; nobody else reaches it, and nothing is kept."""
    with suppress(KeyboardInterrupt):
        asyncio.run(_listen(mail_port, web_port, json=json))


async def _listen(mail_port: int, web_port: int, *, json: bool) -> None:
    from aiosmtpd.smtp import SMTP  # noqa: PLC0415 - only here

    loop = asyncio.get_running_loop()
    box = Mailbox(json=json)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(
            await loop.create_server(lambda: SMTP(box, hostname="localhost", data_size_limit=LARGEST, loop=loop), HERE, mail_port)
        )
        web = await stack.enter_async_context(
            await asyncio.start_server(lambda *ends: _take(*ends, json=json), HERE, web_port, limit=1 << 16)
        )
        if not json:
            print_text(f"Mail at {HERE}:{mail_port}, webhooks and Slack's messages at http://{HERE}:{web_port}/. Ctrl-C ends it.")
        await web.serve_forever()


class Mailbox:
    """Prints mail."""

    def __init__(self, *, json: bool) -> None:
        """Print as documents, or as people read."""
        self._json = json

    async def handle_DATA(self, _server: object, _session: object, envelope: Any) -> str:  # noqa: N802, ANN401 - as aiosmtpd calls it
        """Take a mail."""
        mail = BytesParser(policy=policy.default).parsebytes(envelope.original_content)
        body = mail.get_body(("plain",))
        told = {
            "mail": ", ".join(envelope.rcpt_tos),
            "subject": str(mail["Subject"] or ""),
            "text": str(body.get_content()).replace("\r\n", "\n")[:SHOWN] if body else "",
        }
        _print(told, json=self._json)
        return "250 taken"


async def _take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, json: bool) -> None:
    """Take one message over HTTP, whatever its shape; anything else is answered and not shown."""
    try:
        async with asyncio.timeout(WAIT_S):
            lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
            length = headers.get("content-length", "")
            if not lines[0].startswith("POST ") or not length.isdecimal() or int(length[:9]) > LARGEST:
                writer.write(ANSWER % (b"400 Bad Request", 0, b""))
                return
            body = await reader.readexactly(int(length))
            _print(_read(headers, body), json=json)
            said = _said(body)
            writer.write(ANSWER % (b"200 OK", len(said), said))
            await writer.drain()
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, TimeoutError, ConnectionError):
        pass  # whoever it was hung up, or says too much
    finally:
        writer.close()


def _said(body: bytes) -> bytes:
    """Return what is answered: ok, as Slack says, or the challenge of a webhook that is verified."""
    try:
        challenge = json_.loads(body)["data"]["challenge"]
    except (ValueError, RecursionError, LookupError, TypeError):
        return b"ok"
    return str(challenge)[:200].encode("ascii", "replace")


def _read(headers: dict[str, str], body: bytes) -> dict[str, str]:
    text = body.decode("utf-8", "replace")
    try:
        found = json_.loads(text)
    except (ValueError, RecursionError):
        found = None
    if isinstance(found, dict) and "text" in found:
        return {"slack": str(found.get("channel", "")), "text": str(found["text"])[:SHOWN], "blocks": str(len(found.get("blocks") or ()))}
    return {"webhook": headers.get("webhook-id", ""), "signature": headers.get("webhook-signature", ""), "text": text[:SHOWN]}


def _print(told: dict[str, str], *, json: bool) -> None:
    if json:
        print_json(told)
        return
    head, *rest = told.items()
    print_text("\n".join([f"== {head[0]} {head[1]}".rstrip(), *(f"{name}: {value}" for name, value in rest if value), ""]))
