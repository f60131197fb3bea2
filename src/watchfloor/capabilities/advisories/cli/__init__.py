"""`wf advisories …`."""

import typer

commands = typer.Typer(no_args_is_help=True, help="Know what is dangerous today, and which of it you expose.")

from watchfloor.capabilities.advisories.cli import sync  # noqa: E402 - adds its commands to the group above

__all__ = ["commands", "sync"]
