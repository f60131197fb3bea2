"""Look at one open port: greeting, hinted question, the web, TLS, then the likeliest others; few connections, few bytes, little time."""

from __future__ import annotations

import asyncio
import contextlib
import re
from contextlib import AsyncExitStack
from ssl import SSLError
from typing import TYPE_CHECKING

from watchfloor.capabilities.scans.connect import tls
from watchfloor.capabilities.scans.connect.follow import step
from watchfloor.capabilities.scans.connect.line import Failure, Line, connection, context, reason
from watchfloor.capabilities.scans.connect.probes import (
    BY_NAME,
    GENERIC_CLOSED,
    GENERIC_SECONDS,
    GENERIC_SECURE,
    GENERIC_SILENT,
    OPENING,
    Probe,
)
from watchfloor.capabilities.scans.schemas import Limits, PortAnswer, Reply, TlsAnswer

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence

LOOK_SECONDS = 25.0
GREETING_SECONDS = 0.35
# These servers speak first, some only after they looked up who calls.
SLOW_GREETING_SECONDS = 6.0
# Something else than expected on such a port is asked for a page after this long, beside the waiting.
PATIENCE_SECONDS = 1.5
TLS_AFTER_SECONDS = 0.4
SPEAK_FIRST = frozenset((
    *(21, 22, 23, 24, 25, 26, 106, 110, 119, 143, 220, 222, 433, 465, 563, 587, 990, 992, 993, 995, 2022, 2121, 2200, 2222, 2525, 2628),
    *(3306, 4190, 4222, 5900, 5901, 5902, 5903, 5904, 5905, 6600, 8022, 10809, 22222, 61616),
))  # fmt: skip
TLS_FIRST = frozenset((
    *(443, 465, 563, 636, 853, 989, 990, 992, 993, 995, 2376, 3269, 4433, 4443, 5061, 5223, 5671, 5986, 6443, 6514, 6697, 8443, 8834),
    *(8883, 9443, 10250, 10443, 61614, 61617),
))  # fmt: skip
# A printer prints whatever arrives here.
NEVER_SPEAK = frozenset(range(9100, 9108))
FOLLOW_MAX, FRESH_MAX = 14, 4
CONNECTIONS_MAX = 32
# What servers say unasked, however late: such words are no answer to our question.
GREETING = re.compile(
    rb"SSH-\d|220[ -]|20[01] |\* (?:OK|PREAUTH|BYE)|\+OK|RFB \d{3}|@RSYNCD: |OK MPD |INFO \{|:\S{1,100} NOTICE |\( success |NBDMAGIC"
    rb"|\xff[\xfb-\xfe]|(?s:.{3}\0\x0a\d{1,3}\.)"
)
# A handshake that failed like this may have met a server that speaks only old versions.
MAYBE_OLD = re.compile(r"UNSUPPORTED|HANDSHAKE_FAILURE|PROTOCOL_VERSION|NO_CIPHERS|DH_KEY|INSUFFICIENT|ALERT|UNEXPECTED_EOF", re.IGNORECASE)
HTTP = BY_NAME["http"]


def hints(port: int) -> tuple[Probe, ...]:
    """Return the questions that a port number suggests."""
    return tuple(probe for probe in OPENING if port in probe.ports)


async def look(address: str, port: int, name: str, limits: Limits) -> PortAnswer:
    """Return all evidence of one port; whatever a target does, within about twenty-five seconds."""
    if port in NEVER_SPEAK:
        return PortAnswer(port=port)
    visit = Visit(address, port, name, limits)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(LOOK_SECONDS):
            await visit.run()
    return visit.answer()


class Visit:
    """One port being looked at."""

    def __init__(self, address: str, port: int, name: str, limits: Limits) -> None:
        self.address, self.port, self.name, self.limits = address, port, name, limits
        self.plain, self.inside = Conversation(self), Conversation(self, secure=True)
        self.tls: TlsAnswer | None = None
        self.starttls = ""
        self.connections = 0
        self.web = True  # offer the web's protocol when TLS starts

    def answer(self) -> PortAnswer:
        """Return what was learned, from inside TLS where there was any."""
        return PortAnswer(
            port=self.port,
            replies=tuple(self.inside.replies or self.plain.replies),
            tls=self.tls,
            starttls=self.starttls,
            looked=True,
            connections=self.connections,
        )

    async def run(self) -> None:
        """Talk in the order that the port suggests, until something answers."""
        if self.port in TLS_FIRST and await self.secure():
            return
        await self.plain.run()
        if not self.plain.understood and not self.is_secure():
            others = GENERIC_CLOSED if self.plain.closed else GENERIC_SILENT
            await self.plain.try_others(others[:1] if self.plain.replies else others)
        if self.plain.replies and self.port not in TLS_FIRST and self.tls and not self.tls.version:
            self.tls = None  # that a plain service speaks no TLS is no trouble

    def is_secure(self) -> bool:
        """Tell whether TLS was agreed."""
        return bool(self.tls and self.tls.version)

    async def secure(self) -> bool:
        """Start TLS, then talk inside it; tells whether there is TLS."""
        if self.tls is not None:
            return self.is_secure()
        self.tls = TlsAnswer(error="unfinished")
        try:
            await self._shake()
        except Failure as wrong:
            if not self.is_secure():
                old = await self._oldest() if isinstance(wrong, SSLError) and MAYBE_OLD.search(reason(wrong)) else ""
                self.tls = TlsAnswer(oldest=old, version=old, error=reason(wrong))
                return bool(old)
        if not self.inside.replies:
            await self.inside.try_others(GENERIC_SECURE)
        return True

    async def _shake(self) -> None:
        try:
            async with self.connect(secure=True) as line:
                self.tls = line.agreed()
                await self.inside.run(line)
        except SSLError as wrong:
            if self.is_secure() or "APPLICATION_PROTOCOL" not in reason(wrong):
                raise
            self.web = False
            async with self.connect(secure=True) as line:
                self.tls = line.agreed()
                await self.inside.run(line)

    async def _oldest(self) -> str:
        with contextlib.suppress(*Failure):
            async with self.connect() as line:
                line.say(tls.old_hello(self.name))
                return tls.agreed(await line.read(HTTP.seconds))
        return ""

    def connect(self, *, secure: bool = False) -> contextlib.AbstractAsyncContextManager[Line]:
        """Open one more connection."""
        self.connections += 1
        return connection(self.address, self.port, context(web=self.web) if secure else None, self.name)

    def fill(self, probe: Probe, found: bytes) -> bytes:
        """Return a question with its names filled in."""
        host = self.name or self.address
        names = {b"{host}": f"[{host}]" if ":" in host else host, b"{agent}": self.limits.user_agent, b"{helo}": self.limits.helo}
        question = probe.sends.replace(b"{found}", found)
        for mark, name in names.items():
            question = question.replace(mark, name.encode("ascii", "replace"))
        return question


class Conversation:
    """What was said to a port, in plain or inside TLS; `understood` once something answered as expected."""

    def __init__(self, visit: Visit, *, secure: bool = False) -> None:
        self.visit, self.secure = visit, secure
        self.replies: list[Reply] = []
        self.asked: set[str] = set()
        self.understood = False
        self.closed = False  # the other side hung up at our question for a page

    async def run(self, line: Line | None = None) -> None:
        """Hinted question, else greeting, else the web; then what the answers suggest."""
        for probe in hints(self.visit.port):
            if await self._begin(line, probe) or self._left_for_tls():
                return
            line = None
            if not self.secure and await self.visit.secure():
                return
        await self._begin(line, None)

    async def _begin(self, given: Line | None, probe: Probe | None) -> bool:
        """Open with one question, or by listening; then follow. Tells whether that led somewhere."""
        with contextlib.suppress(*Failure):
            async with AsyncExitStack() as stack:
                line = given if given is not None else await stack.enter_async_context(self.visit.connect(secure=self.secure))
                if probe:
                    await self.ask(line, probe)
                else:
                    await self._listen(line)
                if self._wants_tls():
                    await self.visit.secure()
                if not self._left_for_tls():
                    await self.follow(line, stack)
        return self.understood

    def _wants_tls(self) -> bool:
        """Tell whether what came back is an alert, or a web server's complaint about plain HTTP."""
        if self.secure or not self.replies or self.visit.starttls:
            return False
        first = self.replies[0].data
        said = first[:1024].lower()
        return first[:2] == b"\x15\x03" or (b" 400 " in first[:20] and b"https" in said) or b"ssl routines" in said

    def _left_for_tls(self) -> bool:
        return self.visit.is_secure() and not self.secure and not self.visit.starttls

    async def _listen(self, line: Line) -> None:
        """Wait for a greeting; without one ask for a page, and meanwhile try TLS."""
        first = self.visit.port in SPEAK_FIRST
        if await self._greeted(line, PATIENCE_SECONDS if first else GREETING_SECONDS):
            return
        if first:
            await self._race(self._greeted(line, SLOW_GREETING_SECONDS - PATIENCE_SECONDS), self._web())
        elif HTTP.name not in self.asked:
            await self.ask_or_secure(line)

    async def _greeted(self, line: Line, seconds: float) -> bool:
        greeting = await line.read(seconds)
        if greeting:
            self.replies.append(Reply(probe="greeting", data=greeting))
            self.understood = True
        return bool(greeting)

    async def _web(self) -> bool:
        """Ask for a page on a connection of its own."""
        other = Conversation(self.visit, secure=self.secure)
        with contextlib.suppress(*Failure):
            async with AsyncExitStack() as stack:
                line = await stack.enter_async_context(self.visit.connect(secure=self.secure))
                await other.ask_or_secure(line)
                await other.follow(line, stack)
        return self._adopt(other) or self.visit.is_secure()

    async def ask_or_secure(self, line: Line) -> None:
        """Ask for a page and, when that takes long, try TLS meanwhile."""
        await self._race(self.ask(line, HTTP), self._secure_later())

    async def _secure_later(self) -> bool:
        if self.secure:
            return False
        await asyncio.sleep(TLS_AFTER_SECONDS)
        try:
            return await self.visit.secure()
        except asyncio.CancelledError:
            if not self.visit.is_secure():
                self.visit.tls = None
            raise

    async def _race(self, *ways: Coroutine[None, None, bool]) -> None:
        """Go all ways at once until one leads somewhere; the others are given up."""
        tasks = {asyncio.ensure_future(way) for way in ways}
        try:
            pending = tasks
            while pending:
                done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
                if any(task.exception() is None and task.result() for task in done):
                    break
        finally:
            for task in tasks:
                task.cancel()
            ended = await asyncio.gather(*tasks, return_exceptions=True)
        for one in ended:
            if isinstance(one, Exception) and not isinstance(one, Failure):
                raise one

    async def ask(self, line: Line, probe: Probe, *, found: bytes = b"", seconds: float = 0.0) -> bool:
        """Ask one question, keep the answer, and start TLS when the answer agrees to it; tells whether anything came back."""
        self.asked.add(probe.name)
        line.say(self.visit.fill(probe, found))
        data = await line.read(seconds or probe.seconds, probe.keep) if probe.seconds else b""
        self.closed = self.closed or (line.ended and not data)
        expected = bool(data and (probe.expects.match(data) or HTTP.expects.match(data)))
        greeted = bool(data and not expected and not self.replies and GREETING.match(data))
        if data:
            self.replies.append(Reply(probe="greeting" if greeted else probe.name, data=data))
        self.understood = self.understood or expected or greeted
        if probe.upgrades and probe.upgrades.match(data) and not self.secure:
            agreed = await line.secure(self.visit.name)
            if agreed.version:
                self.visit.tls, self.visit.starttls = agreed, probe.name.removesuffix("-starttls")
        return bool(data)

    async def follow(self, line: Line, stack: AsyncExitStack) -> None:
        """Ask what the answers suggest, until nothing new is suggested."""
        fresh = 0
        for _ in range(FOLLOW_MAX):
            following = step(self.replies, self.asked, self.visit.port)
            if following is None:
                return
            self.asked.add(following.probe)
            if self.secure and following.probe.endswith("-starttls"):
                continue
            if following.fresh:
                fresh += 1
                if fresh > FRESH_MAX:
                    return
                line = await stack.enter_async_context(self.visit.connect(secure=self.secure))
            if not line.ended:
                await self.ask(line, BY_NAME[following.probe], found=following.found)

    async def try_others(self, rounds: Sequence[Sequence[str]]) -> None:
        """Ask the likeliest other questions, six at a time, each on its own connection, until one is answered as expected."""
        for names in rounds:
            await self._race(*(self._try(BY_NAME[name]) for name in names if name not in self.asked))
            if self.understood:
                return

    async def _try(self, probe: Probe) -> bool:
        other = Conversation(self.visit, secure=self.secure)
        with contextlib.suppress(*Failure):
            async with AsyncExitStack() as stack:
                line = await stack.enter_async_context(self.visit.connect(secure=self.secure))
                await other.ask(line, probe, seconds=GENERIC_SECONDS)
                if other.understood:
                    await other.follow(line, stack)
        return self._adopt(other)

    def _adopt(self, other: Conversation) -> bool:
        """Take over what another conversation learned, unless this one already understood something."""
        if other.understood and not self.understood:
            self.replies, self.asked, self.understood = other.replies, self.asked | other.asked, True
        return self.understood
