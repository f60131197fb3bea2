"""`wf advisories`: each topic has its commands in a file of its own; they come together here."""

import typer

from watchfloor.capabilities.advisories.cli import stats, sync, watches

commands = typer.Typer(no_args_is_help=True)
commands.command("sync")(sync.sync)
commands.command("stats")(stats.stats)
commands.add_typer(watches.commands, name="watch")
commands.command("rebuild")(sync.rebuild)
commands.command("clean-cache")(sync.clean_cache)


@commands.callback()
def advisories() -> None:
    """Know what is dangerous today, and which of it you expose."""


__all__ = ["commands"]
