"""`wf notifications verify-signature`: is this webhook one that we sent? Needs no database when the key is at hand."""

from __future__ import annotations

from typing import Annotated

import typer

from watchfloor.capabilities.notifications.cli.work import id_of, read_bytes, read_secret
from watchfloor.kernel import clock
from watchfloor.kernel.errors import Expired, Forged, InvalidInput
from watchfloor.kernel.settings import duration
from watchfloor.kernel.terminal import Exit, Json, desk, note, print_json, print_text


def verify_signature(
    context: typer.Context,
    body: Annotated[str, typer.Argument(help="The file with the body's bytes as they came; - is standard input.", metavar="BODY")],
    *,
    header: Annotated[list[str], typer.Option("--header", help="As it came: 'webhook-id: …', 'webhook-timestamp: …', 'webhook-signature: …'.")],
    key_from: Annotated[
        str | None, typer.Option("--key-from", help="A file that holds the secret (whsec_) or the public key (whpk_).", metavar="FILE")
    ] = None,
    channel: Annotated[str | None, typer.Option("--channel", help="Instead: check with the secrets of this channel, by its id.")] = None,
    tolerance: Annotated[str, typer.Option(help="How old it may be, such as 5m; longer for one that came a while ago.")] = "5m",
    json: Json = False,
) -> None:  # fmt: skip
    """Check a webhook as its receiver does: exit code 0 when it is genuine, 1 when it is forged or too old."""
    if bool(key_from) == bool(channel):
        raise InvalidInput("say --key-from or --channel")
    if body == key_from:
        raise InvalidInput("the body and the key cannot both come from one place")
    from watchfloor.capabilities.notifications.engine.sign import verify  # noqa: PLC0415 - loads a library that help does without

    content, spread = read_bytes(body), duration(tolerance)
    headers = {name.strip(): value.strip() for name, _, value in (one.partition(":") for one in header)}
    keys = [read_secret(key_from)] if key_from else _keys(context, str(channel))
    try:
        verify(keys, headers, content, now=clock.now(), tolerance=spread)
    except (Forged, Expired) as error:
        print_json({"genuine": False, "reason": str(error)}) if json else note(f"Not genuine: {error}.")
        raise typer.Exit(Exit.FINDINGS) from None
    print_json({"genuine": True, "reason": None}) if json else print_text("Genuine.")


def _keys(context: typer.Context, channel: str) -> list[str]:
    from watchfloor.capabilities.notifications.queries import channels, keys  # noqa: PLC0415 - loads the database's libraries

    which = id_of(channel, "channel")
    with desk(context).floor() as floor, floor.ledger.database.transaction(floor.org) as session:
        channels.get_channel(session, floor.org, which)
        found = keys.open_secrets(session, floor.ledger.vault, floor.org, [which])
    if which not in found:
        raise InvalidInput("this channel signs nothing; only webhooks do")
    return found[which]
