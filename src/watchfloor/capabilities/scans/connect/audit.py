"""Examine a port whose service is known: TLS versions, suites and chain; SSH algorithms and keys; what a web server shows.

Nothing here signs in, writes or follows anything off the host; `engine/judge` says of each check what it sends.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from watchfloor.capabilities.scans.connect import directory, optional, ssh, tls, web
from watchfloor.capabilities.scans.connect.handshake import Audit, Door, full_chain
from watchfloor.capabilities.scans.connect.upgrade import upgrade_of
from watchfloor.capabilities.scans.schemas import TlsAnswer

if TYPE_CHECKING:
    from watchfloor.capabilities.scans.schemas import Limits, PortAnswer


WEB_SECONDS = 10.0


async def audit(address: str, port: int, name: str, answer: PortAnswer, limits: Limits) -> PortAnswer:
    """Return the answer with more evidence; whatever a target does, within about twenty seconds.

    What could not be settled marks the answer as `unsettled`: a finding of before may then still be there.
    """
    if not answer.looked:
        return answer
    answer = answer.model_copy(update={"checks": limits.checks})
    protocol = upgrade_of(answer)
    if protocol is not None:
        answer = await _tls(Door(address, port, name, protocol, limits.helo), answer)
    if any(reply.data.startswith(b"SSH-") for reply in answer.replies):
        told = await ssh.ask(address, port)
        answer = answer.model_copy(update={"ssh": told, "unsettled": answer.unsettled or not told.settled})
    if any(reply.data.startswith(b"HTTP/1.") for reply in answer.replies):
        answer = await _web(address, port, name, answer, limits)
    observed = await optional.observe(address, port, answer, checks=limits.checks, helo=limits.helo) if limits.checks else ()
    context = directory.naming_context(answer.replies)
    if context and await directory.answers_strangers(Door(address, port, name, secure=protocol == ""), context):
        observed = (*observed, "anonymous-read")
    return answer.model_copy(update={"observed": observed})


async def _web(address: str, port: int, name: str, answer: PortAnswer, limits: Limits) -> PortAnswer:
    secure = bool(answer.tls and answer.tls.version and not answer.starttls)
    shown = None
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(WEB_SECONDS):
            shown = await web.show(web.Site(address, port, name, secure, limits.user_agent))
    settled = shown is not None and shown.git_asked and not answer.unsettled
    return answer.model_copy(update={"web": shown, "unsettled": not settled})


async def _tls(door: Door, answer: PortAnswer) -> PortAnswer:
    asked = Audit(door)
    await asked.run()
    found = asked.put_into(answer.tls or TlsAnswer())
    if not found.versions:
        return answer.model_copy(update={"unsettled": bool(answer.tls and answer.tls.version)})
    if not found.chain:
        found = found.model_copy(update={"chain": await full_chain(door, tls.context())})
    oldest = next((version for version in found.versions if version not in {"TLSv1.2", "TLSv1.3"}), "")
    leaf = found.certificate or (found.chain[0] if found.chain else b"")
    update = {"version": found.version or found.versions[-1], "oldest": oldest, "certificate": leaf}
    return answer.model_copy(update={"tls": found.model_copy(update=update), "starttls": door.protocol, "unsettled": not asked.settled})
