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
    from watchfloor.kernel.contract import Report

AT_ONCE = 16
ADDRESSES_MAX = 16


def resolve(request: ResolveRequest, report: Report) -> ResolveAnswers:
    """Return the permitted addresses of each name, at most 16 each; a name that does not resolve carries the reason."""
    deadline = time.monotonic() + request.timeout.total_seconds()
    pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="resolve")
    try:
        asked = [pool.submit(_addresses, one.name) for one in request.names]
        answers = []
        for done, (one, future) in enumerate(zip(request.names, asked, strict=True), 1):
            answers.append(_answer(one, future, deadline))
            report(done, len(asked), phase="resolve")
        return ResolveAnswers(names=tuple(answers))
    finally:
        # A resolver that hangs cannot be interrupted; it ends with the sandbox.
        pool.shutdown(wait=False, cancel_futures=True)


def _addresses(name: str) -> list[str]:
    found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def _answer(one: NameRequest, future: Future[list[str]], deadline: float) -> NameAnswer:
    try:
        found = future.result(timeout=max(0.0, deadline - time.monotonic()))
    except TooSlow:
        return NameAnswer(name=one.name, error="The name servers did not answer in time; nothing is known about this name.")
    except (OSError, UnicodeError) as wrong:
        return NameAnswer(name=one.name, error=f"The name does not resolve: {wrong.strerror if isinstance(wrong, OSError) else wrong}.")
    permit = Permit(one.permitted)
    # A zone id comes with link-local answers only, which a name never reaches.
    kept = [address for address in found if "%" not in address and permit.holds(address)]
    refused = [address for address in found if address not in kept]
    error = "" if kept else "Every address of this name is outside the scope."
    return NameAnswer(
        name=one.name, addresses=tuple(sorted(kept[:ADDRESSES_MAX], key=_order)), refused=tuple(refused[:ADDRESSES_MAX]), error=error
    )


def _order(address: str) -> tuple[int, int]:
    return ip_address(address).version, int(ip_address(address))
