"""What is known to be wrong with the versions that a scan found: matched before it is shown, where our own worker does the work."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchfloor.kernel.terminal import note, progress, table

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from watchfloor.capabilities.scans.queries.views import HostView
    from watchfloor.kernel.findings.schemas import FindingView
    from watchfloor.kernel.terminal import Desk, Floor

MATCH = "advisories.match"
HOSTS_AT_ONCE, SHOWN = 50, 200


def known(here: Desk, floor: Floor, hosts: Sequence[HostView]) -> list[FindingView]:
    """Return the open findings of these hosts that come from advisories, gravest first, at most 200."""
    from watchfloor.kernel.findings.queries import list_findings  # noqa: PLC0415 - loads the database's libraries

    kind = here.kinds().get(MATCH)
    if kind is None or not hosts:
        return []
    if floor.works:
        _match(here, floor, [host.asset for host in hosts])
    found: list[FindingView] = []
    addresses = [host.address for host in hosts]
    with floor.ledger.database.transaction(floor.org) as session:
        for start in range(0, len(addresses), HOSTS_AT_ONCE):
            some = ",".join(addresses[start : start + HOSTS_AT_ONCE])
            found += list_findings(session, floor.org, state="open", capability="advisories", target=some, limit=SHOWN).items
    return sorted(found, key=lambda one: (-one.severity.rank, one.target, one.port or 0, one.title))[:SHOWN]


def _match(here: Desk, floor: Floor, assets: Sequence[UUID]) -> None:
    from watchfloor.kernel.jobs.cli.jobs import told  # noqa: PLC0415 - loads the database's libraries
    from watchfloor.kernel.jobs.enqueue import Options, bind, submit  # noqa: PLC0415 - see above
    from watchfloor.kernel.jobs.watch import wait_for  # noqa: PLC0415 - see above

    kind = here.kinds()[MATCH]
    made = submit(floor.ledger, floor.org, kind, bind(kind, {"assets": list(assets)}), Options(actor="cli"))
    with progress() as bar:
        ended = wait_for(floor.ledger, floor.org, made.id, lambda seen: bar.show(*told(seen)), on_interrupt="leave")
    if ended.state != "SUCCESS":
        note(f"Known vulnerabilities were not matched: {ended.reason or ended.state}. Try again with: watchfloor advisories sync")


def show_known(found: Sequence[FindingView]) -> None:
    """Show them as a table."""
    if found:
        rows = [(one.severity, one.target, one.port, one.title, one.remedy) for one in found]
        table(("severity", "target", "port", "known vulnerability", "what to do"), rows, title="Known vulnerabilities")
