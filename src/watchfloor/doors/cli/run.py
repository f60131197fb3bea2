"""Find the command, run it, and turn whatever happens into an exit code and at most one sentence."""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import typer
from typer.core import TyperGroup

from watchfloor.catalog import CATALOG
from watchfloor.kernel.errors import WatchfloorError
from watchfloor.kernel.terminal import Exit, note

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

DOOR: Final = "watchfloor.doors.cli"
RUN, LOOK, MANAGE, MACHINE = "Run", "Look", "Manage", "This machine"


@dataclass(frozen=True)
class Entry:
    """A command that is loaded when chosen: where it is (`module:attribute`, optionally one command of that group) and its line in the help."""

    face: str
    line: str
    panel: str
    command: str | None = None


# The same words at every door: one noun, one group. What capabilities add comes from the catalog.
COMMANDS: Final = {
    "up": Entry(f"{DOOR}.up:up", "Start everything here: services, scheduler, worker, REST API.", RUN),
    "api": Entry(f"{DOOR}.processes:api", "Run the REST API.", RUN),
    "worker": Entry(f"{DOOR}.processes:worker", "Run a worker.", RUN),
    "scheduler": Entry(f"{DOOR}.processes:scheduler", "Run a scheduler; any number may run.", RUN),
    "jobs": Entry("watchfloor.kernel.jobs.cli.jobs:commands", "List, watch, cancel and repeat jobs.", LOOK),
    "tasks": Entry("watchfloor.kernel.jobs.cli.tasks:commands", "Operate: update, test, monitor, workers.", LOOK),
    "findings": Entry("watchfloor.kernel.findings.cli:commands", "See what is wrong, accept, dismiss.", LOOK),
    "queues": Entry("watchfloor.kernel.jobs.cli.queues:commands", "List, pause and resume queues.", MANAGE),
    "schedules": Entry("watchfloor.kernel.jobs.cli.schedules:commands", "Run jobs by crontab or interval.", MANAGE),
    "assets": Entry("watchfloor.kernel.assets.cli.assets:commands", "Show what we know exists; tag it.", LOOK),
    "scope": Entry("watchfloor.kernel.assets.cli.scope:commands", "Say what may be looked at.", MANAGE),
    "orgs": Entry("watchfloor.kernel.tenancy.cli:orgs", "List and add organisations.", MANAGE),
    "members": Entry("watchfloor.kernel.tenancy.cli:members", "Say who belongs here and what they may know.", MANAGE),
    "keys": Entry("watchfloor.kernel.tenancy.cli:keys", "List, add and revoke API keys.", MANAGE),
    "doctor": Entry(f"{DOOR}.doctor:doctor", "Say what this machine offers and what is wrong.", MACHINE),
    "settings": Entry(f"{DOOR}.settings:settings", "Show every setting, its value and where it comes from.", MACHINE),
    "migrate": Entry(f"{DOOR}.processes:migrate", "Bring the database to this program's schema.", MACHINE),
    "openapi": Entry(f"{DOOR}.processes:openapi", "Print the REST API's description.", MACHINE),
}
# What people type first, and the command it stands for.
ALIASES: Final = {"scan": ("scans", "run", "Find which services your targets expose.")}


class Deferred(typer.core.TyperCommand):
    """A command known by name and line only, for the help and for completion."""

    def __init__(self, name: str, entry: Entry) -> None:
        """Show the line under its heading."""
        super().__init__(name, help=entry.line, short_help=entry.line, rich_help_panel=entry.panel)


class Root(TyperGroup):
    """All commands; none is imported before it is chosen."""

    def list_commands(self, ctx: typer.Context) -> list[str]:  # type: ignore[override] # typer's context is the public name of the inner one
        """Return the names in the order of the help."""
        del ctx
        return list(entries())

    def get_command(self, ctx: typer.Context, cmd_name: str) -> Any:  # type: ignore[override]  # noqa: ANN401 - a command of typer
        """Return a command as the help shows it."""
        del ctx
        entry = entries().get(cmd_name)
        return Deferred(cmd_name, entry) if entry else None

    def resolve_command(self, ctx: typer.Context, args: list[str]) -> Any:  # type: ignore[override]  # noqa: ANN401 - see above
        """Load the chosen command."""
        self.commands = {name: Deferred(name, entry) for name, entry in entries().items()}  # for "did you mean"
        name, found, rest = super().resolve_command(ctx, args)
        return name, load(name, entries()[name]) if name and found else None, rest


def entries() -> dict[str, Entry]:
    """Return every command by its name: aliases, capabilities, then the door's own."""
    offered = {
        capability.name: capability
        for capability in CATALOG
        if capability.commands and capability.package.startswith("watchfloor.capabilities.")
    }
    faces = {name: f"{capability.package}.{capability.commands}" for name, capability in offered.items()}
    aliases = {alias: Entry(faces[noun], line, RUN, command) for alias, (noun, command, line) in ALIASES.items() if noun in faces}
    groups = {name: Entry(faces[name], capability.summary or f"Work with {name}.", LOOK) for name, capability in offered.items()}
    return {**aliases, **{name: COMMANDS[name] for name in ("up",)}, **groups, **COMMANDS}


def load(name: str, entry: Entry) -> Any:  # noqa: ANN401 - a command of typer
    """Import a command and return it as typer runs it."""
    module, _, attribute = entry.face.partition(":")
    face = getattr(importlib.import_module(module), attribute)
    if not isinstance(face, typer.Typer):
        single = typer.Typer(add_completion=False)
        single.command(name)(face)
        return typer.main.get_command(single)
    group: Any = typer.main.get_group(face)
    group.name = name
    return group.commands[entry.command] if entry.command else group


def root(
    context: typer.Context,
    *,
    version: bool = typer.Option(False, "--version", "-V", help="Print the version and exit.", is_eager=True),  # noqa: FBT003 - typer's way
    debug: bool = typer.Option(False, "--debug", help="Show tracebacks and debug logs."),  # noqa: FBT003 - see above
) -> None:
    """Find what you expose, know what is dangerous today, tell the right people.

    Exit codes: 0 clean, 1 findings at or above --fail-on, 2 error, 3 unknown.
    """
    if version:
        from watchfloor import __version__  # noqa: PLC0415 - read where it is printed

        typer.echo(f"watchfloor {__version__}")
        raise typer.Exit
    if context.resilient_parsing or context.invoked_subcommand is None:
        return
    _be_told_of_logs(debug=debug)
    from watchfloor.doors.cli.desk import LocalDesk  # noqa: PLC0415 - the help needs none

    context.obj = LocalDesk()


def _be_told_of_logs(*, debug: bool) -> None:
    from watchfloor.kernel import telemetry  # noqa: PLC0415 - the help needs none

    telemetry.set_up("watchfloor", "DEBUG" if debug else "WARNING", terminal=True)


def run(arguments: Sequence[str]) -> int:
    """Run the command line; return the exit code."""
    debug = "--debug" in arguments
    return _guarded(lambda: typer.main.get_command(_app())(list(arguments), prog_name=_own_name(), standalone_mode=False), debug=debug)


def _app() -> typer.Typer:
    app = typer.Typer(
        cls=Root, no_args_is_help=True, pretty_exceptions_enable=False, context_settings={"help_option_names": ["-h", "--help"]}
    )
    app.callback()(root)
    return app


def _own_name() -> str:
    """Return the name we were called by, which completion needs; `python -m watchfloor` is called watchfloor."""
    name = Path(sys.argv[0]).name
    return name if name in {"watchfloor", "wf"} else "watchfloor"


def _guarded(call: Callable[[], object], *, debug: bool) -> int:
    try:
        code = call()
    except typer.TyperException as error:
        return _misused(error)
    except WatchfloorError as error:
        if debug:
            traceback.print_exc()
        note(f"watchfloor: {_sentence(error)}")
        return Exit.ERROR
    except (typer.Abort, KeyboardInterrupt):
        note("watchfloor: interrupted")
        return Exit.INTERRUPTED
    except (BrokenPipeError, SystemExit) as error:
        # Typer turns a pipe that closed into exit code 1, which means findings here.
        if isinstance(error, SystemExit) and not isinstance(error.__context__, BrokenPipeError):
            raise
        # Whoever read our output has seen enough; nothing may be written there any more, not even by the interpreter's end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return Exit.CLEAN
    except Exception as error:  # noqa: BLE001 - the last place that can turn a bug into a sentence
        if debug:
            traceback.print_exc()
        note(f"watchfloor: {_unforeseen(error)}")
        return Exit.ERROR
    return code if isinstance(code, int) else Exit.CLEAN


def _misused(error: typer.TyperException) -> int:
    """Say how to ask; help that was shown for want of arguments is no error message."""
    message = error.format_message()
    context = getattr(error, "ctx", None)
    if type(error).__name__ == "NoArgsIsHelpError":
        sys.stderr.write(message + "\n" if message else "")
        return Exit.ERROR
    path = context.command_path if context is not None else "watchfloor"
    note(f"watchfloor: {message}\nTry: {path} --help")
    return Exit.ERROR


def _sentence(error: WatchfloorError) -> str:
    from watchfloor.kernel.telemetry import redact  # noqa: PLC0415 - only errors need it

    text = " ".join(redact(str(error)).split())  # libraries spread their messages over lines
    return text or type(error).__name__


def _unforeseen(error: Exception) -> str:
    """Name what libraries raise for known troubles; the rest is ours to mend."""
    from watchfloor.kernel.telemetry import redact  # noqa: PLC0415 - see above

    said = redact(str(error)).strip().partition("\n")[0]
    if type(error).__module__.split(".")[0] in {"psycopg", "sqlalchemy"} and "Operational" in type(error).__name__:
        return f"the database stopped answering: {said}. Check that it runs, then try again."
    if isinstance(error, OSError):
        return f"{said}. Correct this and try again."
    return f"an error that should not happen: {type(error).__name__}: {said}. Run again with --debug and report what it prints."
