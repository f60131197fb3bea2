"""`wf scans`, and `wf scan` for its first command: look at targets and show what they expose."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from pathlib import Path  # noqa: TC003 - typer reads the annotation
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from watchfloor.capabilities.scans.cli import known, request
from watchfloor.kernel.clock import monotonic
from watchfloor.kernel.contract import Severity
from watchfloor.kernel.errors import InvalidInput, SetupError, WatchfloorError
from watchfloor.kernel.settings import duration, kernel_settings
from watchfloor.kernel.terminal import (
    Exit,
    Json,
    Quiet,
    desk,
    note,
    print_ids,
    print_json,
    print_text,
    progress,
    spell,
    table,
    write_private,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from watchfloor.capabilities.scans.queries.views import HostView, ScanFindingView, ScanProgress, ScanView, ServiceView
    from watchfloor.kernel.db.keyset import Page
    from watchfloor.kernel.terminal import Bar, Desk, Floor

commands = typer.Typer(no_args_is_help=True, help="Find which services your targets expose.")

ScanId = Annotated[str, typer.Argument(help="The scan's id, as `watchfloor scans list` shows it.", metavar="SCAN")]
REPORT = "reports.generate_report"  # the kind of another capability, known by its name alone
PAGE = 500


class FailOn(StrEnum):
    """From which severity on findings end the command with exit code 1."""

    INFO = "info"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"
    NEVER = "never"


class Pace(StrEnum):
    """How hard a scan may press."""

    POLITE = "polite"
    NORMAL = "normal"
    FAST = "fast"


class Find(StrEnum):
    """Whether hosts are looked for first."""

    AUTO = "auto"
    ON = "on"
    OFF = "off"


class Asker(StrEnum):
    """Who asks the ports."""

    NATIVE = "native"
    NMAP = "nmap"


@commands.command("run")
def run(
    context: typer.Context,
    targets: Annotated[
        list[str] | None,
        typer.Argument(
            help="Addresses, networks (192.168.1.0/24), ranges (192.168.1.10-20), host names, or tag:NAME for the assets with that tag.",
            metavar="TARGET…",
            show_default=False,
        ),
    ] = None,
    *,
    files: Annotated[
        list[str] | None,
        typer.Option("--targets", metavar="FILE", help="A file of targets, one a line, # begins a comment; - is standard input."),
    ] = None,
    exclude: Annotated[
        list[str] | None,
        typer.Option("--exclude", "-x", metavar="TARGET", help="Leave this out: an address, network, range or name. May be repeated."),
    ] = None,
    ports: Annotated[
        str | None,
        typer.Option(
            "--ports",
            "-p",
            help="1-1000, 22,80,443, top-100, top-1000, all, several of them; U:53,161 or U:common for UDP.",
            show_default="top-1000",
        ),
    ] = None,
    timeout: Annotated[
        timedelta | None,
        typer.Option("--timeout", parser=duration, metavar="DURATION", help="Longest duration, as 90s or 5m.", show_default="1h"),
    ] = None,
    max_concurrent: Annotated[
        int | None,
        typer.Option("--max-concurrent", min=1, max=20_000, help="Most connections at once in one part.", show_default="by profile"),
    ] = None,
    profile: Annotated[Pace | None, typer.Option("--profile", help="How hard to press.", show_default="normal")] = None,
    rate: Annotated[
        int | None, typer.Option("--rate", min=1, max=1_000_000, help="Most connection attempts per second.", show_default="by profile")
    ] = None,
    discovery: Annotated[
        Find | None, typer.Option("--discovery", help="Look for hosts before their ports are asked.", show_default="auto: wide targets")
    ] = None,
    engine: Annotated[
        Asker | None, typer.Option("--engine", help="Who asks: our own engine, or nmap where it is installed.", show_default="native")
    ] = None,
    checks: Annotated[
        list[str] | None,
        typer.Option("--check", metavar="CHECK", help="Make an opt-in check as well, as default-snmp-community. May be repeated."),
    ] = None,
    fail_on: Annotated[FailOn, typer.Option("--fail-on", help="Exit with 1 when a finding is at least this severe.")] = FailOn.HIGH,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Where the HTML report goes.", show_default="reports in the data directory")
    ] = None,
    no_wait: Annotated[bool, typer.Option("--no-wait", help="Print the job's id and do not wait.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="A wide scan, of more addresses or probes than usual, is meant.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say how many probes it would be and how long it would take; send nothing.")
    ] = False,
    json: Json = False,
) -> None:
    """Find which services your targets expose, and what is wrong with them.

    Exit codes: 0 clean, 1 findings at or above --fail-on, 2 error, 3 not everything could be looked at.
    """
    began = monotonic()
    asked = request.build(
        targets or (), files or (), exclude=exclude, ports=ports, timeout=timeout, max_concurrent=max_concurrent, profile=profile, max_rate=rate,
        discovery=discovery, engine=engine, checks=checks,
        confirmed=yes or None,
    )  # fmt: skip
    here = desk(context)
    if dry_run:
        with here.floor() as floor:
            found = request.estimate(floor, asked)
        request.show_estimate(found, json=json)
        return
    with here.floor(work=not no_wait) as floor:
        started = monotonic()
        from watchfloor.capabilities.scans import jobs  # noqa: PLC0415 - loads the database's libraries

        scan, job = jobs.submit_scan(floor.ledger, floor.org, request.checked(asked), actor="cli")
        if no_wait:
            print_json({"job": job, "scan": scan}) if json else print_text(str(job))
            return
        if not floor.works:
            note(f"Scan {scan} waits for a worker. Ctrl-C cancels it.")
        view = _follow(floor, scan)
        ended = monotonic()
        if view.error:
            raise WatchfloorError(f"The scan could not be done. {view.error}")
        report = _report(here, floor, scan, output)
        document = _document(floor, scan)
        document["vulnerabilities"] = known.known(here, floor, document["hosts"])
    timings = {"start_s": started - began, "scan_s": ended - started, "report_s": monotonic() - ended, "total_s": monotonic() - began}
    document |= {"report": str(report) if report else None, "timings": {name: round(spent, 3) for name, spent in timings.items()}}
    if json:
        print_json(document)
    else:
        _show(document, report)
        known.show_known(document["vulnerabilities"])
    raise typer.Exit(Exit.ERROR if output and not report else _verdict(document, fail_on))


def _follow(floor: Floor, scan: UUID) -> ScanView:
    """Show a scan's progress until it has ended; Ctrl-C cancels it."""
    from watchfloor.capabilities.scans import jobs  # noqa: PLC0415 - loads the database's libraries
    from watchfloor.capabilities.scans.queries import read, write  # noqa: PLC0415 - see above
    from watchfloor.kernel.jobs.watch import wait_for  # noqa: PLC0415 - see above

    def look(bar: Bar) -> Callable[[object], None]:
        def shown(_job: object) -> None:
            with floor.ledger.database.transaction(floor.org) as session:
                _draw(bar, read.scan_progress(session, floor.org, scan))

        return shown

    try:
        with progress() as bar:
            wait_for(floor.ledger, floor.org, scan, look(bar), on_interrupt="leave")
            with floor.ledger.database.transaction(floor.org) as session:
                last = write.finish_job_of(session, floor.org, scan)
            if last is not None:
                wait_for(floor.ledger, floor.org, last, look(bar), on_interrupt="leave")
    except (KeyboardInterrupt, SystemExit):
        jobs.stop_scan(floor.ledger, floor.org, scan, actor="cli")
        note(f"Scan {scan} was cancelled. What it learned so far: watchfloor scans show {scan}")
        raise
    with floor.ledger.database.transaction(floor.org) as session:
        return read.get_scan(session, floor.org, scan)


def _draw(bar: Bar, now: ScanProgress) -> None:
    left = f", {spell(timedelta(seconds=now.eta_s), places=0)} left" if now.eta_s else ""
    bar.show(now.phase, now.done, now.total, f"ports, {now.open} open{left}" if now.total else "")


def _report(here: Desk, floor: Floor, scan: UUID, output: Path | None) -> Path | None:
    """Have the HTML report written and copy it into a file that only its owner can read; None, with the reason told, when that fails."""
    from watchfloor.kernel.artifacts.store import read as open_artifact  # noqa: PLC0415 - loads the database's libraries
    from watchfloor.kernel.jobs.enqueue import Options, bind, submit  # noqa: PLC0415 - see above
    from watchfloor.kernel.jobs.queries import open_result  # noqa: PLC0415 - see above
    from watchfloor.kernel.jobs.watch import wait_for  # noqa: PLC0415 - see above

    kind = here.kinds().get(REPORT)
    if kind is None:
        return None
    made = submit(floor.ledger, floor.org, kind, bind(kind, {"scan_id": scan, "format": "html"}), Options(actor="cli"))
    ended = wait_for(floor.ledger, floor.org, made.id)
    if ended.state != "SUCCESS":
        note(f"The report was not written: {ended.reason or ended.state}. Try again with: watchfloor reports generate {scan}")
        return None
    path = (output or kernel_settings().data_dir / "reports" / f"{scan}.html").absolute()
    with floor.ledger.database.transaction(floor.org) as session:
        result: Any = open_result(floor.ledger, session, floor.org, made.id)
        content = open_artifact(floor.ledger, session, floor.org, UUID(result["artifact_id"]))[1]
    try:
        write_private(path, content)
    except SetupError as error:
        note(str(error))  # what was found is shown all the same
        return None
    return path


def _document(floor: Floor, scan: UUID) -> dict[str, Any]:
    """Return everything a scan saw: hosts and services by address and port, findings gravest first."""
    from ipaddress import ip_address  # noqa: PLC0415 - only here

    from watchfloor.capabilities.scans.queries import read  # noqa: PLC0415 - loads the database's libraries

    with floor.ledger.database.transaction(floor.org) as session:
        view = read.get_scan(session, floor.org, scan)
        hosts: list[HostView] = _all(lambda after: read.list_hosts(session, floor.org, scan, limit=PAGE, after=after))
        services: list[ServiceView] = _all(lambda after: read.list_services(session, floor.org, scan, limit=PAGE, after=after))
        findings: list[ScanFindingView] = _all(lambda after: read.list_scan_findings(session, floor.org, scan, limit=PAGE, after=after))
    place = {host.address: (ip_address(host.address).version, int(ip_address(host.address))) for host in hosts}
    return {
        "scan": view,
        "hosts": sorted(hosts, key=lambda host: place[host.address]),
        "services": sorted(services, key=lambda one: (place[one.address], one.port)),
        "findings": sorted(findings, key=lambda one: (-one.severity.rank, one.target, one.port or 0, one.check)),
        "not_looked_at": view.not_looked_at,
    }


def _all(fetch: Callable[[str | None], Page[Any]]) -> list[Any]:
    found: list[Any] = []
    after: str | None = None
    while True:
        page = fetch(after)
        found += page.items
        after = page.next
        if after is None:
            return found


def _show(document: dict[str, Any], report: Path | None = None) -> None:
    view: ScanView = document["scan"]
    if document["services"]:
        rows = [
            (
                one.address,
                one.host_name,
                f"{one.port}/{one.protocol}",
                one.name,
                f"{one.product} {one.version}".strip(),
                one.detail.get("tls_version"),
            )
            for one in document["services"]
        ]
        table(("address", "name", "port", "service", "product", "tls"), rows, title="Open ports")
    if document["findings"]:
        columns = ("severity", "target", "port", "finding", "new", "what to do")
        rows = [(one.severity, one.target, one.port, one.title, one.is_new, one.remedy) for one in document["findings"]]
        table(columns, rows, title="Findings")
    for sentence in document["not_looked_at"]:
        print_text(f"Not looked at: {sentence}")
    for sentence in view.notes:
        print_text(f"Note: {sentence}")
    print_text(_sentence(view))
    if report:
        print_text(f"Report: {report}")


def _sentence(view: ScanView) -> str:
    took = f" in {spell(view.finished_at - view.started_at)}" if view.finished_at and view.started_at else ""
    counts = f"{_many(view.open_ports, 'open port')}, {_many(view.findings, 'finding')}, {view.hosts_up} of {_many(view.hosts, 'address', 'addresses')} answered"
    return f"Scan {view.id} {view.state}{took}: {counts}."


def _many(count: int, one: str, several: str | None = None) -> str:
    return f"{count:,} {one if count == 1 else several or one + 's'}"


def _verdict(document: dict[str, Any], fail_on: FailOn) -> Exit:
    view: ScanView = document["scan"]
    least = Severity(fail_on).rank if fail_on is not FailOn.NEVER else None
    told = [*document["findings"], *document.get("vulnerabilities", ())]
    if least is not None and any(one.severity.rank >= least and one.state == "open" for one in told):
        return Exit.FINDINGS
    # Silence everywhere is not a clean bill: nobody knows whether the packets arrived.
    return Exit.CLEAN if view.state == "finished" and view.hosts_up else Exit.UNKNOWN


@commands.command("list")
def list_(
    context: typer.Context,
    *,
    state: Annotated[
        str | None, typer.Option("--state", help="planned, running, finished, incomplete, cancelled; comma-separated.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=PAGE, help="How many.")] = 50,
    after: Annotated[str | None, typer.Option("--after", help="Go on where the page before ended.")] = None,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """List scans, newest first."""
    with desk(context).floor() as floor:
        from watchfloor.capabilities.scans.queries import read  # noqa: PLC0415 - loads the database's libraries

        with floor.ledger.database.transaction(floor.org) as session:
            page = read.list_scans(session, floor.org, state=state, limit=limit, after=after)
    if quiet:
        print_ids(one.id for one in page.items)
        return
    if json:
        print_json(page)
        return
    rows = [(one.id, one.state, _some(one.targets, one.targets_total), one.open_ports, one.findings, one.created_at) for one in page.items]
    table(("scan", "state", "targets", "open", "findings", "created"), rows)
    if page.next:
        note(f"There are more: --after {page.next}")


def _some(targets: list[str], total: int) -> str:
    """Return as many targets as a line has room for."""
    first = targets[:3]
    return ", ".join(first) + (" …" if total > len(first) else "")


@commands.command()
def show(context: typer.Context, scan: ScanId, *, json: Json = False) -> None:
    """Show a scan: open ports, findings, and what was not looked at."""
    wanted = scan_id(scan)
    with desk(context).floor() as floor:
        document = _document(floor, wanted)
    if json:
        print_json(document)
        return
    _show(document)
    if document["scan"].error:
        print_text(document["scan"].error)


@commands.command()
def cancel(context: typer.Context, scan: ScanId, *, json: Json = False) -> None:
    """Stop a scan and all its jobs within seconds; what it learned so far stays."""
    wanted = scan_id(scan)
    with desk(context).floor() as floor:
        from watchfloor.capabilities.scans import jobs  # noqa: PLC0415 - loads the database's libraries
        from watchfloor.capabilities.scans.queries import read  # noqa: PLC0415 - see above

        jobs.stop_scan(floor.ledger, floor.org, wanted, actor="cli")
        with floor.ledger.database.transaction(floor.org) as session:
            view = read.get_scan(session, floor.org, wanted)
    print_json(view) if json else print_text(_sentence(view))


def scan_id(text: str) -> UUID:
    """Read a scan's id; raises InvalidInput with where ids are shown."""
    try:
        return UUID(text)
    except ValueError:
        raise InvalidInput(f"{text[:60]!r} is no scan's id; `watchfloor scans list` shows those there are.") from None
