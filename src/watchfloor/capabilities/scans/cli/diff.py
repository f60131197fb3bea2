"""`wf scans diff`: what changed between two scans."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from watchfloor.capabilities.scans.cli.scans import ScanId, commands, scan_id
from watchfloor.kernel.terminal import Exit, Json, desk, note, print_json, print_text, table

if TYPE_CHECKING:
    from uuid import UUID

    from watchfloor.capabilities.scans.engine.difference import Difference
    from watchfloor.kernel.terminal import Floor

WORDS = {
    "hosts_new": "hosts new", "hosts_gone": "hosts gone", "hosts_changed": "hosts changed", "ports_opened": "ports opened",
    "ports_reopened": "ports opened again", "ports_closed": "ports closed", "ports_filtered": "ports silent now",
    "services_changed": "services changed", "findings_new": "findings new", "findings_fixed": "findings fixed",
    "findings_returned": "findings that returned",
}  # fmt: skip


@commands.command("diff")
def diff(
    context: typer.Context,
    scan: ScanId,
    other: Annotated[
        str | None,
        typer.Argument(
            help="Another scan; the older of both is compared with.", metavar="SCAN", show_default="the one before of the same targets"
        ),
    ] = None,
    *,
    json: Json = False,
) -> None:
    """Show what changed between two scans: hosts, ports, services, findings. What one of them did not look at is unknown, not gone.

    Exit codes: 0 nothing changed, 1 something changed, 2 error, 3 nothing changed where both looked, and one looked at less.
    """
    first, second = scan_id(scan), scan_id(other) if other else None
    with desk(context).floor() as floor:
        found = _compare(floor, first, second)
    print_json(found) if json else _show(found)
    unknown = found.not_compared.hosts or found.not_compared.ports
    raise typer.Exit(Exit.FINDINGS if found.changed else Exit.UNKNOWN if unknown else Exit.CLEAN)


def _compare(floor: Floor, first: UUID, second: UUID | None) -> Difference:
    from watchfloor.capabilities.scans.queries import read  # noqa: PLC0415 - loads the database's libraries
    from watchfloor.capabilities.scans.queries.difference import difference  # noqa: PLC0415 - see above

    with floor.ledger.database.transaction(floor.org) as session:
        if second is not None:
            older, newer = sorted(
                (read.get_scan(session, floor.org, one) for one in (first, second)), key=lambda one: (one.created_at, one.id)
            )
            return difference(session, floor.org, newer.id, older.id)
        return difference(session, floor.org, first)


def _show(found: Difference) -> None:
    if found.hosts:
        rows = [(one.change, one.address, one.name, one.opened, one.closed, one.services) for one in found.hosts]
        table(("host", "address", "name", "opened", "closed", "services"), rows, title="Hosts")
    if found.ports:
        ports = [
            (one.change, one.address, f"{one.port}/{one.protocol}", one.service, f"{one.product} {one.version}".strip())
            for one in found.ports
        ]
        table(("port", "address", "number", "service", "product"), ports, title="Ports")
    if found.services:
        services = [(one.address, f"{one.port}/{one.protocol}", one.field, one.before, one.after) for one in found.services]
        table(("address", "port", "what", "before", "after"), services, title="Services")
    if found.findings:
        findings = [(one.change, one.severity, one.target, one.port, one.title) for one in found.findings]
        table(("finding", "severity", "target", "port", "title"), findings, title="Findings")
    if found.cut:
        note("Only the first 1,000 of each kind are listed; the counts below are whole.")
    counted = [f"{WORDS[name]} {count:,}" for name, count in found.counts.model_dump(exclude_defaults=True).items()]
    print_text(f"From {found.base} to {found.scan}: {', '.join(counted) or 'nothing changed'}.")
    if found.not_compared.hosts or found.not_compared.ports:
        print_text(
            f"Not compared, because one of the scans did not look there: {found.not_compared.hosts:,} hosts, {found.not_compared.ports:,} ports."
        )
