"""Facts about what webhooks are signed with: secrets that receivers share, and keys of which they have the public half."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.cli.desk import WorkingDesk
from tests.notifications.test_api import AT, run
from watchfloor.capabilities.notifications.cli import commands
from watchfloor.capabilities.notifications.engine.sign import verify
from watchfloor.capabilities.notifications.queries.keys import MOST
from watchfloor.kernel.clock import now
from watchfloor.kernel.errors import Forged, InvalidInput

if TYPE_CHECKING:
    from tests.api.floor import Client
    from tests.notifications.receiver import Receiver
    from tests.notifications.world import World


@pytest.fixture
def hook(world: World, owner: Client, receiver: Receiver) -> dict[str, Any]:
    del world
    made: dict[str, Any] = owner.post(f"{AT}/channels", {"kind": "webhook", "url": receiver.url})
    return made


def rotated(owner: Client, hook: dict[str, Any], kind: str) -> Any:
    return owner.ask("POST", f"{AT}/channels/{hook['id']}/rotate-secret", params={"kind": kind}).json()


def versions(receiver: Receiver) -> list[str]:
    """Return the sorts of signatures of what came last."""
    return [one.partition(",")[0] for one in receiver.came[-1][0]["webhook-signature"].split()]


def test_a_public_key_checks_what_is_sent_and_the_secret_signs_on(
    world: World, owner: Client, receiver: Receiver, hook: dict[str, Any]
) -> None:
    made = rotated(owner, hook, "v1a")
    assert (made["kind"], made["secret"], made["public_key"][:5]) == ("v1a", None, "whpk_")
    run(world, owner.post(f"{AT}/channels/{hook['id']}/test"))
    (headers, body) = receiver.came[0]
    assert sorted(versions(receiver)) == ["v1", "v1a"]
    for key in (made["public_key"], hook["secret"]):
        verify([key], headers, body, now=now())
    with pytest.raises(Forged):
        verify([made["public_key"]], headers, body + b" ", now=now())


def test_while_a_key_is_rotated_both_sign_and_both_public_keys_are_shown(
    world: World, owner: Client, receiver: Receiver, hook: dict[str, Any]
) -> None:
    old, new = (rotated(owner, hook, "v1a")["public_key"] for _ in range(2))
    run(world, owner.post(f"{AT}/channels/{hook['id']}/test"))
    assert sorted(versions(receiver)) == ["v1", "v1a", "v1a"]
    for key in (old, new):
        verify([key], *receiver.came[0], now=now())
    assert owner.get(f"{AT}/channels/{hook['id']}")["public_keys"] == [new, old]


def test_a_key_that_is_retired_signs_no_more(world: World, owner: Client, receiver: Receiver, hook: dict[str, Any]) -> None:
    old, new = (rotated(owner, hook, "v1a")["public_key"] for _ in range(2))
    world.sql("update notify_secret set retires_at = wf_now() where retires_at is not null")
    run(world, owner.post(f"{AT}/channels/{hook['id']}/test"))
    verify([new], *receiver.came[0], now=now())
    with pytest.raises(Forged):
        verify([old], *receiver.came[0], now=now())
    assert owner.get(f"{AT}/channels/{hook['id']}")["public_keys"] == [new]


def test_however_often_a_key_is_rotated_only_a_few_sign(world: World, owner: Client, receiver: Receiver, hook: dict[str, Any]) -> None:
    made = [rotated(owner, hook, "v1a")["public_key"] for _ in range(MOST + 3)]
    run(world, owner.post(f"{AT}/channels/{hook['id']}/test"))
    assert versions(receiver).count("v1a") == MOST
    verify([hook["secret"]], *receiver.came[0], now=now())  # the other kind is left alone
    assert owner.get(f"{AT}/channels/{hook['id']}")["public_keys"] == made[::-1][:MOST]


def test_the_private_key_is_sealed_and_never_shown(world: World, owner: Client, hook: dict[str, Any]) -> None:
    made = rotated(owner, hook, "v1a")
    assert "whsk_" not in json.dumps(made) + json.dumps(owner.get(f"{AT}/channels"))
    assert all(b"whsk_" not in bytes(row[0]) for row in world.sql("select key from notify_secret"))


def test_a_kind_that_there_is_not_and_a_channel_that_signs_nothing_are_refused(owner: Client, hook: dict[str, Any]) -> None:
    assert owner.ask("POST", f"{AT}/channels/{hook['id']}/rotate-secret", params={"kind": "v2"}).status_code == 422
    mail = owner.post(f"{AT}/channels", {"kind": "email", "email": "ann@example.org"})["id"]
    assert owner.ask("POST", f"{AT}/channels/{mail}/rotate-secret", params={"kind": "v1a"}).status_code == 409


def test_a_public_key_is_printed_by_command(world: World, receiver: Receiver) -> None:
    desk, channel = WorkingDesk(world.ledger, world.org, worker=world.worker), str(world.channel(receiver.url))
    shown = desk.run(commands, "channels", "rotate-secret", channel, "--kind", "v1a")
    assert (shown.exit_code, shown.stdout[:5]) == (0, "whpk_")
    assert desk.run(commands, "test", channel).exit_code == 0
    verify([shown.stdout.strip()], *receiver.came[0], now=now())
    for wrong in (["--kind", "v2"], ["--kind", "v1"], ["--kind", "v1a", "--secret-to", "file"]):
        assert isinstance(desk.run(commands, "channels", "rotate-secret", channel, *wrong).exception, InvalidInput)
