"""Resolve host names once, in the sandbox, and keep only addresses the scope permits."""

from __future__ import annotations

import socket
import time
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as TooSlow
from ipaddress import ip_address
from typing import TYPE_CHECKING

from watchfloor.capabilities.scans.connect.permit import Permit
from watchfloor.capabilities.scans.schemas import NameAnswer, NameRequest, ResolveAnswers, ResolveRequest

if TYPE_CHECKING:
    from collections.abc import Callable

    from watchfloor.kernel.contract import Report

AT_ONCE = 16
ADDRESSES_MAX = 64
# "No such name" and "a name without addresses" are answers; everything else leaves open what the name stands for.
ABSENT = {socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)}


def addresses_of(name: str) -> list[str]:
    """Ask the system's resolver once; raises OSError."""
    found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def resolve(request: ResolveRequest, report: Report, *, ask: Callable[[str], list[str]] = addresses_of) -> ResolveAnswers:
    """Return the permitted addresses of each name, at most 64 each; a name that does not resolve carries the reason.

    Each name is asked for once (`ask`), and nothing here is asked again: what comes back is what a scan is pinned to.
    """
    deadline = time.monotonic() + request.timeout.total_seconds()
    pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="resolve")
    try:
        asked = [pool.submit(ask, one.name) for one in request.names]
        answers = []
        for done, (one, future) in enumerate(zip(request.names, asked, strict=True), 1):
            answers.append(_answer(one, future, deadline))
            report(done, len(asked), phase="resolve")
        return ResolveAnswers(names=tuple(answers))
    finally:
        # A resolver that hangs cannot be interrupted; it ends with the sandbox.
        pool.shutdown(wait=False, cancel_futures=True)


def _answer(one: NameRequest, future: Future[list[str]], deadline: float) -> NameAnswer:
    try:
        found = future.result(timeout=max(0.0, deadline - time.monotonic()))
    except TooSlow:
        return NameAnswer(name=one.name, error="The name servers did not answer in time; nothing is known about this name.")
    except (OSError, UnicodeError) as wrong:
        reason = wrong.strerror if isinstance(wrong, OSError) else wrong
        return NameAnswer(name=one.name, error=f"The name does not resolve: {reason}.", absent=getattr(wrong, "errno", None) in ABSENT)
    permit = Permit(one.permitted)
    # A zone id comes with link-local answers only, which a name never reaches.
    kept = [address for address in found if "%" not in address and permit.holds(address)]
    refused = [address for address in found if address not in kept]
    error = "" if kept else "Every address of this name is outside the scope."
    if len(kept) > ADDRESSES_MAX:
        error = f"It has {len(kept)} addresses; only the first {ADDRESSES_MAX} are looked at."
    return NameAnswer(
        name=one.name, addresses=tuple(sorted(kept, key=_order)[:ADDRESSES_MAX]), refused=tuple(refused[:ADDRESSES_MAX]), error=error
    )


def _order(address: str) -> tuple[int, int]:
    return ip_address(address).version, int(ip_address(address))
