"""`wf findings`: see what is wrong and why it is in its state; accept, dismiss, open again."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from watchfloor.kernel import clock
from watchfloor.kernel.errors import InvalidInput
from watchfloor.kernel.settings import duration
from watchfloor.kernel.terminal import Exit, Json, desk, note, print_json, print_text, table

if TYPE_CHECKING:
    from watchfloor.kernel.findings.schemas import FindingDetail, FindingView
    from watchfloor.kernel.findings.triage import Decision

commands = typer.Typer(no_args_is_help=True, help="See what is wrong, accept, dismiss.")

Which = Annotated[list[str], typer.Argument(help="Findings' ids, as `watchfloor findings list` shows them.", metavar="FINDING…")]
Why = Annotated[str, typer.Option("--reason", help="Why; it is kept for whoever asks later.")]


@commands.command("list")
def list_(
    context: typer.Context,
    *,
    state: Annotated[str, typer.Option("--state", help="open, fixed, accepted, false_positive, comma-separated, or all.")] = "open",
    severity: Annotated[str | None, typer.Option("--severity", help="Such as high,critical.")] = None,
    capability: Annotated[str | None, typer.Option("--capability", help="Whose checks found it, such as scans.")] = None,
    check: Annotated[str | None, typer.Option("--check", help="Only these checks, comma-separated.")] = None,
    target: Annotated[str | None, typer.Option("--target", help="Only these targets, comma-separated.")] = None,
    asset: Annotated[str | None, typer.Option("--asset", help="Only this asset, by its id.")] = None,
    port: Annotated[int | None, typer.Option("--port", min=1, max=65_535, help="Only this port.")] = None,
    first_seen_after: Annotated[
        str | None, typer.Option("--first-seen-after", help="A day or moment, as 2026-05-31, or a time ago, as 7d.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=500, help="How many.")] = 50,
    after: Annotated[str | None, typer.Option("--after", help="Go on where the page before ended.")] = None,
    json: Json = False,
) -> None:
    """List findings, the gravest first; open ones unless told otherwise."""
    chosen: dict[str, Any] = {
        "state": None if state == "all" else state, "severity": severity, "capability": capability, "check": check, "target": target,
        "asset": finding_id(asset, "asset") if asset else None, "port": port,
        "first_seen_after": moment(first_seen_after) if first_seen_after else None,
    }  # fmt: skip
    with desk(context).floor() as floor:
        from watchfloor.kernel.findings.queries import list_findings  # noqa: PLC0415 - loads the database's libraries

        with floor.ledger.database.transaction(floor.org) as session:
            page = list_findings(session, floor.org, limit=limit, after=after, **chosen)
    if json:
        print_json(page)
        return
    rows = [(one.severity, one.target, _port(one), one.title, one.state, one.first_seen, one.last_seen, one.id) for one in page.items]
    table(("severity", "target", "port", "finding", "state", "first seen", "last seen", "id"), rows)
    if page.next:
        note(f"There are more: --after {page.next}")


@commands.command()
def show(
    context: typer.Context, finding: Annotated[str, typer.Argument(help="The finding's id.", metavar="FINDING")], *, json: Json = False
) -> None:
    """Show one finding: evidence, what to do, references, and how its state came about."""
    wanted = finding_id(finding)
    with desk(context).floor() as floor:
        from watchfloor.kernel.findings.queries import get_finding  # noqa: PLC0415 - loads the database's libraries

        with floor.ledger.database.transaction(floor.org) as session:
            found = get_finding(session, floor.org, wanted)
    print_json(found) if json else _show(found)


@commands.command()
def accept(
    context: typer.Context,
    findings: Which,
    *,
    reason: Why,
    expires: Annotated[
        timedelta, typer.Option("--expires", parser=duration, metavar="DURATION", help="For how long, as 30d; afterwards it is open again.")
    ],
    json: Json = False,
) -> None:
    """Accept a risk for some time: it is kept, but counts no more until the acceptance expires."""
    try:
        until = clock.now() + expires
    except OverflowError:
        raise InvalidInput("--expires is too long; a risk is accepted for at most five years.", field="/until") from None
    _decide(context, findings, "accepted", reason, until=until, json=json)


@commands.command("false-positive")
def false_positive(context: typer.Context, findings: Which, *, reason: Why, json: Json = False) -> None:
    """Say that findings are none; they stay quiet even when they are seen again."""
    _decide(context, findings, "false_positive", reason, json=json)


@commands.command()
def reopen(context: typer.Context, findings: Which, *, reason: Why, json: Json = False) -> None:
    """Open findings again that were accepted or called false positives."""
    _decide(context, findings, "open", reason, json=json)


def _decide(
    context: typer.Context, findings: list[str], state: Decision, reason: str, *, until: datetime | None = None, json: bool
) -> None:
    """Change what can be changed, tell what cannot; exit code 2 when anything was refused."""
    wanted = [finding_id(one) for one in findings]
    with desk(context).floor() as floor:
        from watchfloor.kernel.findings.triage import triage_many  # noqa: PLC0415 - loads the database's libraries

        with floor.ledger.database.transaction(floor.org) as session:
            refused = triage_many(session, floor.org, wanted, state=state, reason=reason, until=until, actor="cli")
    changed = len(set(wanted)) - len(refused)
    told = [{"id": one.finding, "code": one.error.code, "detail": str(one.error)} for one in refused]
    if json:
        print_json({"state": state, "until": until, "changed": changed, "refused": told})
    else:
        ending = f" until {until:%Y-%m-%d %H:%M} UTC" if until else ""
        words = {"accepted": f"Accepted{ending}", "false_positive": "Called false positives", "open": "Open again"}
        print_text(f"{words[state]}: {changed:,} of {changed + len(refused):,}.")
        for one in refused:
            note(str(one.error))
    if refused:
        raise typer.Exit(Exit.ERROR)


def _show(found: FindingDetail) -> None:
    where = f"{found.target} {_port(found)}".strip()
    print_text(f"{found.title}\n{found.severity}, {found.state}, {where} ({found.check}, {found.id})")
    for heading, text in (
        ("", found.description), ("Evidence", _evidence(found)), ("What to do", found.remedy), ("References", "\n  ".join(found.references)),
        ("Why in this state", found.reason or ""), ("Accepted until", f"{found.accepted_until:%Y-%m-%d %H:%M} UTC" if found.accepted_until else ""),
    ):  # fmt: skip
        if text:
            print_text(f"{heading}:\n  {text}" if heading else text)
    rows = [(one.at, one.from_state, one.to_state, one.actor, one.reason, one.job) for one in found.history]
    table(("at", "from", "to", "by", "why", "job"), rows, title="History")
    print_text(f"Seen first {found.first_seen:%Y-%m-%d %H:%M}, last {found.last_seen:%Y-%m-%d %H:%M} UTC.")


def _evidence(found: FindingView) -> str:
    text = found.evidence.get("text")
    return text if isinstance(text, str) else "\n  ".join(f"{name}: {value}" for name, value in found.evidence.items())


def _port(found: FindingView) -> str:
    return "" if found.port is None else f"{found.port}/{found.protocol}"


def finding_id(text: str, noun: str = "finding") -> UUID:
    """Read an id; raises InvalidInput with where ids are shown."""
    try:
        return UUID(text)
    except ValueError:
        raise InvalidInput(f"{text[:60]!r} is no {noun}'s id; `watchfloor findings list --json` shows them.") from None


def moment(text: str) -> datetime:
    """Read a day or moment (UTC without a zone), or a time ago such as 7d."""
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        try:
            return clock.now() - duration(text)
        except (InvalidInput, OverflowError):
            raise InvalidInput(f"{text[:40]!r} is neither a day such as 2026-05-31 nor a time ago such as 7d.") from None
    return read if read.tzinfo else read.replace(tzinfo=clock.now().tzinfo)
