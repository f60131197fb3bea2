"""What is asked beside the scan: canaries, which tell loss from silence, and decoys, which tell a host that accepts everything."""

from __future__ import annotations

import random

from watchfloor.capabilities.scans.connect.scanner.host import Beside, Host

# A decoy is worth its five probes when that many ports are open and more than half, or very many of the first few hundred.
OPENED, OPENED_OF_FEW, FEW = 16, 100, 300
DECOYS, DECEIVED = 5, 4
HIGH_PORTS = range(20_000, 61_000)


class Watch:
    """Decides when to ask beside the scan, and what the answers mean."""

    def __init__(self, seed: str) -> None:
        """Choose decoys by this seed and the address."""
        self.seed = seed
        self.canary_due: dict[str, float] = {}
        self.decoy_due: dict[str, int] = {}

    def canary_for(self, host: Host, now: float) -> Beside | None:
        """Return a canary when a mostly silent host is due for one: a port that answered before, once per timer."""
        if host.canary is not None or host.answers_on is None or isinstance(host, Beside) or not host.pace.mostly_silent():
            return None
        if now < self.canary_due.get(host.address, 0.0):
            return None
        self.canary_due[host.address] = now + host.pace.rto()
        host.canary = Beside(host, [host.answers_on])
        return host.canary

    def decoy_for(self, host: Host) -> Beside | None:
        """Return a decoy when suspiciously many ports are open; the host's own scan pauses until it is judged."""
        opened, answered = len(host.opened), host.pace.answered
        if opened < OPENED or host.paused or isinstance(host, Beside) or opened < self.decoy_due.get(host.address, 0):
            return None
        if 2 * opened <= answered and not (opened > OPENED_OF_FEW and answered <= FEW):
            return None
        self.decoy_due[host.address] = 2 * opened
        host.paused = True
        host.decoy = Beside(host, random.Random(f"{self.seed}:{host.address}").sample(HIGH_PORTS, DECOYS))  # noqa: S311 - hides nothing
        return host.decoy

    def judge(self, beside: Beside) -> None:
        """Take the answers of a canary or decoy that has them all."""
        host = beside.of
        if beside is host.canary:
            host.canary = None
            host.pace.canary(back=bool(beside.opened or beside.closed))
        elif beside is host.decoy:
            host.decoy = None
            host.accepts_all = len(beside.opened) >= DECEIVED
            # A host that accepts all stays paused for good: what it was not asked is unknown.
            host.paused = host.accepts_all
