"""Lease shares of limits that all running jobs keep together: rates by key, and members of a key that one job has alone.

The keys are hashed with a key of the installation: the table never tells what anybody looks at, and a job that has to wait is never
told for whom.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from watchfloor.kernel.jobs.statements import statement

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from watchfloor.kernel.contract import Want
    from watchfloor.kernel.jobs.ledger import Ledger

TTL_S = 15.0
BITS = 256


def lease(ledger: Ledger, holder: UUID, wants: Sequence[Want], *, worker: UUID) -> dict[str, float] | None:
    """Take or renew shares until 15 s from now and return them by key; None while another job has one of the members.

    Who is refused stands in line for 3 s: repeat it sooner, and nobody who comes later goes first.

    What is granted never adds up to more than a limit; a newcomer's share grows as those of the others are renewed. 0 is a share too.
    """
    blind = {ledger.vault.blind_for_all(f"worker:{worker}" if want.key == "worker" else want.key): want for want in wants}
    order = sorted(blind)
    values = {
        "holder": holder, "keys": order, "members": [_bits(blind[key].members) for key in order],
        "limits": [blind[key].per_second for key in order], "ttl_s": TTL_S,
    }  # fmt: skip
    members = {name: values[name] for name in ("holder", "keys", "members")}
    wire = ledger.database.wire("wf_engine")
    with wire.transaction():
        wire.execute(statement("lease_gate"))
        taken: Any = wire.execute(statement("lease_taken"), members).fetchone()
        if taken[0]:
            wire.execute(statement("lease_wait"), members)
            return None
        rows = wire.execute(statement("lease"), values).fetchall()
    return {blind[bytes(key)].key: float(per_second) for key, per_second in rows if per_second is not None}


def release(ledger: Ledger, holder: UUID) -> None:
    """Give everything back; a lease that nobody gives back ends by itself."""
    wire = ledger.database.wire("wf_engine")
    with wire.transaction():
        wire.execute(statement("lease_gate"))
        wire.execute(statement("release"), {"holder": holder})


def _bits(members: frozenset[int]) -> str:
    bits = ["0"] * BITS
    for member in members:
        bits[member] = "1"
    return "".join(bits)
