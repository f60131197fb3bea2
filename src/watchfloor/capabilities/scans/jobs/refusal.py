"""Say what was refused and write it down: in a transaction of its own at the doors, in the job's at the worker."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchfloor.capabilities.scans.engine.estimate import sentence
from watchfloor.capabilities.scans.settings import ScanSettings
from watchfloor.kernel.audit.record import record, record_refusal
from watchfloor.kernel.errors import InvalidInput, OutOfScope, Unconfirmed
from watchfloor.kernel.settings import read_settings

if TYPE_CHECKING:
    from collections.abc import Iterable
    from uuid import UUID

    from watchfloor.capabilities.scans.schemas import ScanEstimate, ScanRequest
    from watchfloor.kernel.contract import JobContext
    from watchfloor.kernel.errors import WatchfloorError
    from watchfloor.kernel.jobs.ledger import Ledger

OPERATION = "scan.refuse"
# A tag or a removed network can stand for thousands.
ROWS_MAX = 20


def is_wide(found: ScanEstimate) -> bool:
    """Tell whether a scan is so wide that somebody must say that it is meant."""
    settings = read_settings(ScanSettings, "scans")
    return found.addresses > settings.confirm_addresses or found.probes > settings.confirm_probes


def demand_confirmed(found: ScanEstimate, *, confirmed: bool) -> None:
    """Raise Unconfirmed, with the estimate, for a wide scan nobody confirmed."""
    if confirmed or not is_wide(found):
        return
    raise Unconfirmed(
        f"This is a wide scan: {sentence(found)}. If you mean it, say so: --yes on the command line, `confirmed: true` in a request, "
        "or a key whose role may approve scopes."
    )


def named(request: ScanRequest, wrong: WatchfloorError) -> str:
    """Return which of a request's targets was refused, as it was written; several when it was all of them."""
    if isinstance(wrong, OutOfScope) and wrong.target:
        return wrong.target
    place = wrong.field.split("/") if isinstance(wrong, InvalidInput) and wrong.field else []
    lists = {"targets": request.targets, "exclude": request.exclude}
    if len(place) == 3 and place[2].isdigit() and int(place[2]) < len(lists.get(place[1], ())):  # noqa: PLR2004 - "", field, index
        return lists[place[1]][int(place[2])]
    return summary(request)


def summary(request: ScanRequest) -> str:
    """Return the first targets and how many more there are."""
    first = request.targets[:5]
    return ", ".join(first) + (f" and {len(request.targets) - len(first)} more" if len(request.targets) > len(first) else "")


def write_down(ledger: Ledger, org: UUID, request: ScanRequest, wrong: WatchfloorError, *, actor: str) -> None:
    """Record a refused request, whatever becomes of the transaction it came in."""
    record_refusal(ledger.database, org, actor=actor, operation=OPERATION, object=named(request, wrong), reason=str(wrong))


def write_down_all(context: JobContext, refused: Iterable[tuple[str, str]]) -> None:
    """Record targets and reasons that a worker refused."""
    rows = list(refused)
    if not rows:
        return
    if len(rows) > ROWS_MAX:
        rows = [*rows[: ROWS_MAX - 1], (f"{len(rows) - ROWS_MAX + 1} more targets", "they were refused as the ones before")]
    with context.transaction() as session:
        for target, reason in rows:
            record(session, context.org, actor=context.actor, operation=OPERATION, object=target, outcome="refused", reason=reason)
