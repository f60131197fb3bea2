"""`wf notifications`: each topic has its commands in a file of its own; they come together here."""

import typer

from watchfloor.capabilities.notifications.cli import (
    channels,
    deliveries,
    escalations,
    fare,
    inbox,
    listen,
    preview,
    routes,
    send,
    signature,
    silences,
    suppressions,
    templates,
    wishes,
)

commands = typer.Typer(no_args_is_help=True)
commands.command("list")(deliveries.list_)
commands.command("inbox")(inbox.inbox)
commands.command("read")(inbox.read)
commands.command("acknowledge")(inbox.acknowledge)
commands.command("send")(send.send)
commands.command("test")(send.try_)
commands.add_typer(channels.commands, name="channels")
commands.add_typer(routes.commands, name="routes")
commands.add_typer(escalations.commands, name="escalations")
commands.command("preview")(preview.preview)
commands.command("preferences")(wishes.preferences)
commands.add_typer(silences.commands, name="silence")
commands.add_typer(suppressions.commands, name="suppressions")
commands.add_typer(templates.commands, name="templates")
commands.command("deliveries")(deliveries.deliveries)
commands.command("attempts")(deliveries.attempts)
commands.command("replay")(deliveries.replay)
commands.command("health")(fare.health)
commands.command("stats")(fare.stats)
commands.command("cleanup")(fare.cleanup)
commands.command("listen")(listen.listen)
commands.command("verify-signature")(signature.verify_signature)


@commands.callback()
def notifications() -> None:
    """Tell people what happened, once, at a good hour, and see how it went."""


__all__ = ["commands"]
