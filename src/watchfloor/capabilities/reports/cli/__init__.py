"""`wf reports`: each topic has its commands in a file of its own; they come together here."""

import typer

from watchfloor.capabilities.reports.cli import generate, keep, known, verify

commands = typer.Typer(no_args_is_help=True)
commands.command("generate")(generate.generate)
commands.command("export")(generate.export)
commands.command("list")(known.list_)
commands.command("show")(known.show)
commands.command("download")(known.download)
commands.command("open")(known.open_)
commands.command("verify")(verify.verify)
commands.command("hold")(keep.hold)
commands.command("release")(keep.release)
commands.command("delete")(keep.delete)
commands.command("cleanup")(keep.cleanup)
commands.command("presets")(known.presets)


@commands.callback()
def reports() -> None:
    """Write reports about scans, assets and the organisation, and prove them."""


__all__ = ["commands"]
