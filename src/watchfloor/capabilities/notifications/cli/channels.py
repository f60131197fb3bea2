"""`wf notifications channels`: where messages can go. Addresses that are secrets come from files, and none is printed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from watchfloor.capabilities.notifications.cli.work import id_of, read_secret, run, shaped
from watchfloor.kernel.errors import InvalidInput, SetupError
from watchfloor.kernel.terminal import Exit, Json, desk, note, print_json, print_text, table

commands = typer.Typer(no_args_is_help=True, help="Where messages can go: mailboxes, webhooks, chat rooms.")
Which = Annotated[str, typer.Argument(help="The channel's id, as `watchfloor notifications channels list` shows it.", metavar="CHANNEL")]
SecretTo = Annotated[
    Path | None, typer.Option("--secret-to", help="Write the webhook's secret into this new file, for you alone.", metavar="FILE")
]


@commands.command("list")
def list_(
    context: typer.Context, *, owner: Annotated[str | None, typer.Option(help="Of this person alone.")] = None, json: Json = False
) -> None:
    """List channels; their addresses are masked."""
    with desk(context).floor() as floor, floor.ledger.database.transaction(floor.org) as session:
        from watchfloor.capabilities.notifications.queries import channels  # noqa: PLC0415 - loads the database's libraries

        found = channels.list_channels(session, floor.org, owner=owner)
    if json:
        print_json({"items": found})
        return
    table(
        ("Channel", "Kind", "Owner", "Label", "Address", "State", "Reason"),
        [(one.id, one.kind, one.owner, one.label, one.address, one.state, one.reason) for one in found],
    )


@commands.command()
def add(
    context: typer.Context,
    kind: Annotated[str, typer.Argument(help="email, webhook, slack or apprise.", metavar="KIND")],
    *,
    email: Annotated[str | None, typer.Option("--email", help="email: the address.")] = None,
    url_from: Annotated[
        str | None,
        typer.Option("--url-from", help="webhook, slack, apprise: a file that holds the URL; - is standard input.", metavar="FILE"),
    ] = None,
    token_from: Annotated[
        str | None, typer.Option("--token-from", help="slack: a file that holds a bot's token; - is standard input.", metavar="FILE")
    ] = None,
    room: Annotated[str | None, typer.Option("--room", help="slack: the channel that the bot writes to.")] = None,
    owner: Annotated[str, typer.Option("--owner", help="Whose it is; the organisation's own without.")] = "",
    label: Annotated[str, typer.Option("--label", help="What to call it.")] = "",
    header: Annotated[list[str] | None, typer.Option("--header", help="webhook: a header of your own, as 'Name: value'; may be repeated.")] = None,
    secret_to: SecretTo = None,
    json: Json = False,
) -> None:  # fmt: skip
    """Make a channel. URLs and tokens are secrets: they are read from a file, so that no list of processes and no history shows them."""
    from watchfloor.capabilities.notifications.engine.to_webhook import own_headers  # noqa: PLC0415 - heavy imports wait until they are needed
    from watchfloor.capabilities.notifications.jobs.addresses import check_address  # noqa: PLC0415 - see above
    from watchfloor.capabilities.notifications.queries import channels, keys  # noqa: PLC0415 - see above
    from watchfloor.capabilities.notifications.schemas.channels import ChannelCreate  # noqa: PLC0415 - see above
    from watchfloor.capabilities.notifications.settings import NotificationSettings  # noqa: PLC0415 - see above
    from watchfloor.kernel.settings import read_settings  # noqa: PLC0415 - see above

    told: dict[str, Any] = {
        "kind": kind, "owner": owner, "label": label, "email": email, "room": room, "url": read_secret(url_from) if url_from else None,
        "token": read_secret(token_from) if token_from else None, "headers": dict(_header(one) for one in header or ()),
    }  # fmt: skip
    wish = shaped(ChannelCreate, told)
    own_headers(wish.headers)
    settings = read_settings(NotificationSettings, "notifications")
    check_address(wish, settings)
    with desk(context).floor() as floor, floor.ledger.database.transaction(floor.org) as session:
        made, new = channels.add_channel(session, floor.ledger.vault, floor.org, wish, actor="cli", verify=settings.verify_webhooks)
        secret = keys.open_secrets(session, floor.ledger.vault, floor.org, [made]).get(made, [""])[0]
        if secret_to and new and secret:
            _keep(secret_to, secret)
        shown = channels.get_channel(session, floor.org, made)
    print_json(shown) if json else print_text(str(made))
    if not new:
        note("It was there already: one owner's channel with the same address is the same channel.")
    elif shown.state == "unverified":
        note(f"Its receiver must repeat a challenge first: watchfloor notifications channels verify {made}")
    if new and secret and not secret_to:
        note(
            f"What it sends is signed. Its receiver needs the secret: watchfloor notifications channels rotate-secret {made} --secret-to FILE"
        )


@commands.command()
def edit(
    context: typer.Context,
    channel: Which,
    *,
    label: Annotated[str | None, typer.Option("--label", help="What to call it.")] = None,
    email: Annotated[str | None, typer.Option("--email", help="email: the new address.")] = None,
    url_from: Annotated[
        str | None, typer.Option("--url-from", help="webhook, slack: a file that holds the new URL; - is standard input.", metavar="FILE")
    ] = None,
    token_from: Annotated[
        str | None, typer.Option("--token-from", help="slack: a file that holds a bot's new token; - is standard input.", metavar="FILE")
    ] = None,
    room: Annotated[str | None, typer.Option("--room", help="slack: the channel that the bot writes to.")] = None,
    header: Annotated[list[str] | None, typer.Option("--header", help="webhook: headers of your own, all of them anew; may be repeated.")] = None,
    no_headers: Annotated[bool, typer.Option("--no-headers", help="webhook: no headers of your own any more.")] = False,
    json: Json = False,
) -> None:  # fmt: skip
    """Change a channel; messages that wait go to the new address. With a new URL headers of your own are given anew."""
    from watchfloor.capabilities.notifications.jobs.changing import change_channel  # noqa: PLC0415 - heavy imports wait until they are needed
    from watchfloor.capabilities.notifications.schemas.changes import ChannelChange  # noqa: PLC0415 - see above

    told: dict[str, Any] = {
        "label": label, "email": email, "room": room, "url": read_secret(url_from) if url_from else None,
        "token": read_secret(token_from) if token_from else None, "headers": dict(_header(one) for one in header) if header else {} if no_headers else None,
    }  # fmt: skip
    wanted = shaped(ChannelChange, {name: value for name, value in told.items() if value is not None})
    which = id_of(channel, "channel")
    with desk(context).floor() as floor, floor.ledger.database.transaction(floor.org) as session:
        shown = change_channel(session, floor.ledger.vault, floor.org, which, wanted, actor="cli")
    print_json(shown) if json else print_text(f"{channel} is changed.")


@commands.command()
def rm(context: typer.Context, channel: Which) -> None:
    """Remove a channel; what was to go over it is suppressed, what went stays on record."""
    with desk(context).floor() as floor, floor.ledger.database.transaction(floor.org) as session:
        from watchfloor.capabilities.notifications.queries import channels  # noqa: PLC0415 - loads the database's libraries

        channels.remove_channel(session, floor.org, id_of(channel, "channel"), actor="cli")
    print_text(f"{channel} is removed.")


@commands.command()
def enable(context: typer.Context, channel: Which) -> None:
    """Switch a channel on that failed or was switched off."""
    from watchfloor.capabilities.notifications.settings import NotificationSettings  # noqa: PLC0415 - heavy imports wait until they are needed
    from watchfloor.kernel.settings import read_settings  # noqa: PLC0415 - see above

    with desk(context).floor() as floor, floor.ledger.database.transaction(floor.org) as session:
        from watchfloor.capabilities.notifications.queries import channels  # noqa: PLC0415 - loads the database's libraries

        verify = read_settings(NotificationSettings, "notifications").verify_webhooks
        channels.enable(session, floor.org, id_of(channel, "channel"), actor="cli", verify=verify)
    print_text(f"{channel} is on.")


@commands.command()
def disable(context: typer.Context, channel: Which) -> None:
    """Switch a channel off; messages for it are suppressed."""
    with desk(context).floor() as floor, floor.ledger.database.transaction(floor.org) as session:
        from watchfloor.capabilities.notifications.queries import channels  # noqa: PLC0415 - loads the database's libraries

        channels.set_state(session, floor.org, id_of(channel, "channel"), "disabled", reason="switched off", actor="cli")
    print_text(f"{channel} is off.")


@commands.command()
def verify(context: typer.Context, channel: Which, *, json: Json = False) -> None:
    """Send a webhook's receiver a challenge that it must repeat: exit code 0 when it did, 1 when it did not."""
    from watchfloor.capabilities.notifications.jobs import verify_channel  # noqa: PLC0415 - heavy imports wait until they are needed
    from watchfloor.capabilities.notifications.queries import channels  # noqa: PLC0415 - see above
    from watchfloor.capabilities.notifications.schemas.channels import VerifyChannel  # noqa: PLC0415 - see above

    which = id_of(channel, "channel")
    with desk(context).floor(work=True) as floor:
        with floor.ledger.database.transaction(floor.org) as session:
            if channels.get_channel(session, floor.org, which).kind != "webhook":
                raise InvalidInput("only webhooks are verified: other channels say nothing back")
        result = run(floor, verify_channel, VerifyChannel(channel=which))
    if json:
        print_json(result)
    elif result["verified"]:
        print_text(f"{channel} is verified and {result['state']}.")
    else:
        note(f"{channel} is not verified: {result['reason']}.")
    raise typer.Exit(Exit.CLEAN if result["verified"] else Exit.FINDINGS)


@commands.command("rotate-secret")
def rotate_secret(
    context: typer.Context,
    channel: Which,
    *,
    kind: Annotated[str, typer.Option(help="v1: a secret that the receiver has too. v1a: Ed25519; the receiver has the public key, which is printed.")] = "v1",
    secret_to: Annotated[
        Path | None, typer.Option("--secret-to", help="v1: write the new secret into this new file, for you alone.", metavar="FILE")
    ] = None,
) -> None:  # fmt: skip
    """Give a webhook a new key to sign with; the one of its kind before it signs along for a day."""
    if kind not in {"v1", "v1a"}:
        raise InvalidInput("there are the kinds v1 and v1a", field="/kind")
    if (kind == "v1") != (secret_to is not None):
        raise InvalidInput(
            "a secret of v1 goes into a file: say --secret-to FILE"
            if kind == "v1"
            else "v1a has no secret to write; its public key is printed"
        )
    with desk(context).floor() as floor, floor.ledger.database.transaction(floor.org) as session:
        from watchfloor.capabilities.notifications.queries import channels  # noqa: PLC0415 - loads the database's libraries
        from watchfloor.capabilities.notifications.schemas.channels import SigningKind  # noqa: PLC0415 - see above

        made = channels.rotate_secret(session, floor.ledger.vault, floor.org, id_of(channel, "channel"), SigningKind(kind), actor="cli")
        if secret_to is not None:
            _keep(secret_to, made.private)
    print_text(str(secret_to.absolute()) if secret_to is not None else str(made.public))


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon:
        raise InvalidInput("a header is given as 'Name: value'", field="/headers")
    return name.strip(), value.strip()


def _keep(path: Path, secret: str) -> None:
    """Write a secret into a file that is new; the change that made it is taken back when it cannot be written."""
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(f"{secret}\n")
    except OSError as error:
        raise SetupError(f"The secret cannot be written to {path}: {error.strerror}. Name a file that is not there yet.") from error
