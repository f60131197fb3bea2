"""`wf notifications escalations`: who is told next while nobody acknowledges."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from watchfloor.capabilities.notifications.cli.work import id_of, read_document, shaped
from watchfloor.kernel.errors import InvalidInput
from watchfloor.kernel.settings import duration
from watchfloor.kernel.terminal import Json, desk, print_json, print_text, table

if TYPE_CHECKING:
    from watchfloor.capabilities.notifications.schemas.rules import Step

commands = typer.Typer(no_args_is_help=True, help="Who is told next while nobody acknowledges.")
Id = Annotated[str, typer.Argument(help="The escalation's id.", metavar="ESCALATION")]


@commands.command("list")
def list_(context: typer.Context, *, json: Json = False) -> None:
    """List escalations."""
    with desk(context).floor() as floor, floor.ledger.database.transaction(floor.org) as session:
        from watchfloor.capabilities.notifications.queries import escalations  # noqa: PLC0415 - loads the database's libraries

        found = escalations.list_escalations(session, floor.org)
    if json:
        print_json({"items": found})
        return
    table(
        ("Escalation", "Name", "Steps", "By", "Since"),
        [(one.id, one.name, "; ".join(map(_said, one.steps)), one.created_by, one.created_at) for one in found],
    )


@commands.command()
def add(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="What to call it.", metavar="NAME")],
    *,
    step: Annotated[list[str] | None, typer.Option("--step", help="After how long whom, such as 0s=ana or 15m=ben,cleo; may be repeated.")] = None,
    page: Annotated[list[str] | None, typer.Option("--page", help="As --step, but quiet hours are not heeded; may be repeated.")] = None,
    from_: Annotated[
        str | None, typer.Option("--from", help="Instead: a JSON file with `steps`, for rotations; - is standard input.", metavar="FILE")
    ] = None,
    json: Json = False,
) -> None:  # fmt: skip
    """Keep who is told when: watchfloor notifications escalations add nights --step 0s=ana --page 15m=ben,cleo."""
    from watchfloor.capabilities.notifications.engine.escalate import check_zones  # noqa: PLC0415 - heavy imports wait until they are needed
    from watchfloor.capabilities.notifications.queries import escalations  # noqa: PLC0415 - see above
    from watchfloor.capabilities.notifications.schemas.escalations import EscalationCreate  # noqa: PLC0415 - see above

    if bool(step or page) == bool(from_):
        raise InvalidInput("say --step and --page, or --from FILE")
    steps = [_step(one, page=False) for one in step or []] + [_step(one, page=True) for one in page or []]
    told = read_document(from_) if from_ else {"steps": sorted(steps, key=lambda one: one["after"])}
    wish = shaped(EscalationCreate, {**told, "name": name})
    check_zones(wish)
    with desk(context).floor() as floor, floor.ledger.database.transaction(floor.org) as session:
        made = escalations.add_escalation(session, floor.org, wish, actor="cli")
        shown = escalations.get_escalation(session, floor.org, made)
    print_json(shown) if json else print_text(str(made))


@commands.command()
def show(context: typer.Context, escalation: Id, *, json: Json = False) -> None:
    """Show an escalation, and how far its runs are."""
    with desk(context).floor() as floor, floor.ledger.database.transaction(floor.org) as session:
        from watchfloor.capabilities.notifications.queries import escalations  # noqa: PLC0415 - loads the database's libraries

        found = escalations.get_escalation(session, floor.org, id_of(escalation, "escalation"))
    if json:
        print_json(found)
        return
    table(("Step", "Tells"), [(n + 1, _said(one)) for n, one in enumerate(found.steps)])
    table(
        ("Notification", "Title", "Since", "Told", "Next", "Looked after by"),
        [
            (one.notification, one.title, one.started_at, "; ".join(", ".join(each.users) or "nobody" for each in one.told), one.due_at,
             one.acknowledged_by or ("over" if one.resolved_at else ""))
            for one in found.runs
        ],
    )  # fmt: skip


@commands.command()
def rm(context: typer.Context, escalation: Id) -> None:
    """Remove an escalation that no route names; what runs goes on by the steps it began with."""
    with desk(context).floor() as floor, floor.ledger.database.transaction(floor.org) as session:
        from watchfloor.capabilities.notifications.queries import escalations  # noqa: PLC0415 - loads the database's libraries

        escalations.remove_escalation(session, floor.org, id_of(escalation, "escalation"), actor="cli")
    print_text(f"{escalation} is removed.")


def _step(text: str, *, page: bool) -> dict[str, Any]:
    after, equals, users = text.partition("=")
    named = [one.strip() for one in users.split(",") if one.strip()]
    if not equals or not named:
        raise InvalidInput(f"{text[:60]!r} is no step such as 15m=ana,ben")
    return {"after": duration(after), "users": named, "page": page}


def _said(step: Step) -> str:
    turn = [f"one of {', '.join(step.rotation.users)} in turn"] if step.rotation else []
    return f"after {step.after}: {', '.join([*step.users, *turn])}{' (page)' if step.page else ''}"
