"""`wf advisories`: each topic has its commands in a file of its own; they come together here."""

import typer

from watchfloor.capabilities.advisories.cli import (
    aliases,
    bundles,
    match,
    matches,
    names,
    products,
    search,
    show,
    sources,
    stats,
    sync,
    watches,
)

commands = typer.Typer(no_args_is_help=True)
# A term that is excluded begins with a dash, as `-published:2024`; its letters are no options.
commands.command("search", context_settings={"ignore_unknown_options": True, "help_option_names": ["--help"]})(search.search)
commands.command("show")(show.show)
commands.command("score")(show.score)
commands.command("match")(match.match)
commands.command("matches")(matches.matches)
commands.command("kev")(products.kev)
commands.command("products")(products.products)
commands.command("sync")(sync.sync)
commands.command("status")(products.status)
commands.command("rejects")(products.rejects)
commands.add_typer(aliases.commands, name="alias")
commands.add_typer(names.commands, name="names")
commands.command("enable")(sources.enable)
commands.command("disable")(sources.disable)
commands.command("stats")(stats.stats)
commands.add_typer(watches.commands, name="watch")
commands.command("export")(bundles.export)
commands.command("import")(bundles.import_)
commands.command("verify")(bundles.verify)
commands.command("rebuild")(sync.rebuild)
commands.command("clean-cache")(sync.clean_cache)


@commands.callback()
def advisories() -> None:
    """Know what is dangerous today, and which of it you expose."""


__all__ = ["commands"]
