"""Facts about webhooks that are verified: a receiver repeats a challenge before it is told anything, where an operator wants that."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from standardwebhooks.webhooks import Webhook

from tests.api.floor import client_of
from tests.cli.desk import WorkingDesk
from tests.fetch.servers import Answer, Asked, serve
from tests.notifications.test_api import AT, run
from watchfloor.capabilities.notifications.cli import commands
from watchfloor.capabilities.notifications.engine.challenge import echoes
from watchfloor.kernel.errors import Conflict, InvalidInput

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from uuid import UUID

    import httpx

    from tests.api.floor import Client
    from tests.notifications.world import World


def plainly(asked: Asked) -> Answer:
    return Answer(body=str(json.loads(asked.body)["data"].get("challenge", "ok")).encode())


def as_json(asked: Asked) -> Answer:
    return Answer(status=202, body=json.dumps({"challenge": json.loads(asked.body)["data"].get("challenge")}).encode())


@dataclass
class Hooked:
    """A receiver that answers as it is told, and everything that it was asked."""

    url: str
    says: Callable[[Asked], Answer] = plainly
    asked: list[Asked] = field(default_factory=list)

    def take(self, asked: Asked) -> Answer:
        self.asked.append(asked)
        return self.says(asked)

    def types(self) -> list[str]:
        return [json.loads(one.body)["type"] for one in self.asked]


@pytest.fixture
def hooked(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hooked]:
    del world
    with serve() as server:
        found = Hooked(f"{server.url}/hook")
        server.answer = found.take
        monkeypatch.setenv("WATCHFLOOR_NOTIFICATIONS_ALLOWED_PORTS", f"443,80,{server.port}")
        yield found


@pytest.fixture
def strict(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATCHFLOOR_NOTIFICATIONS_VERIFY_WEBHOOKS", "yes")


def made(owner: Client, hooked: Hooked) -> dict[str, Any]:
    found: dict[str, Any] = owner.post(f"{AT}/channels", {"kind": "webhook", "url": hooked.url})
    return found


def verified(world: World, owner: Client, channel: dict[str, Any]) -> Any:
    return run(world, owner.post(f"{AT}/channels/{channel['id']}/verify"))


@pytest.mark.usefixtures("strict")
@pytest.mark.parametrize("says", [plainly, as_json])
def test_a_receiver_that_repeats_its_challenge_is_told_what_happens(
    world: World, owner: Client, hooked: Hooked, says: Callable[[Asked], Answer]
) -> None:
    hooked.says = says
    channel = made(owner, hooked)
    assert (channel["state"], channel["verified_at"]) == ("unverified", None)
    found = verified(world, owner, channel)
    assert (found["verified"], found["state"], found["reason"]) == (True, "active", "")
    assert owner.get(f"{AT}/channels/{channel['id']}")["verified_at"] is not None
    world.route(channel["id"])
    world.told(world.happened())
    assert hooked.types() == ["webhook.verification", "scans.finished"]


@pytest.mark.usefixtures("strict")
def test_a_channel_that_is_not_verified_is_told_nothing_and_the_log_says_why(world: World, owner: Client, hooked: Hooked) -> None:
    channel = made(owner, hooked)
    world.route(channel["id"])
    world.told(world.happened())
    assert world.rows() == [("suppressed", "channel_unverified", 0)]
    assert run(world, owner.post(f"{AT}/channels/{channel['id']}/test"))["reason"] == "channel_unverified"
    assert hooked.asked == []


@pytest.mark.usefixtures("strict")
@pytest.mark.parametrize(("answer", "said"), [
    (Answer(body=b"ok"), "did not repeat it"), (Answer(body=b""), "did not repeat it"), (Answer(status=500), "answered 500"),
    (Answer(status=302, headers={"Location": "/x"}), "redirect refused"), (Answer(status=410), "gone for good"),
])  # fmt: skip
def test_a_receiver_that_repeats_nothing_stays_unverified(world: World, owner: Client, hooked: Hooked, answer: Answer, said: str) -> None:
    hooked.says = lambda _: answer
    found = verified(world, owner, made(owner, hooked))
    assert (found["verified"], found["state"]) == (False, "unverified")
    assert said in found["reason"]


def test_a_challenge_is_signed_is_another_each_time_and_comes_with_the_headers_of_the_owner(
    world: World, owner: Client, hooked: Hooked
) -> None:
    channel = owner.post(f"{AT}/channels", {"kind": "webhook", "url": hooked.url, "headers": {"X-Ours": "yes"}})
    for _ in range(2):
        verified(world, owner, channel)
    told = [Webhook(channel["secret"]).verify(one.body, dict(one.headers))["data"]["challenge"] for one in hooked.asked]
    assert len({*told}) == 2
    assert all(one.headers["x-ours"] == "yes" for one in hooked.asked)


def test_where_nobody_asks_for_it_a_new_webhook_takes_messages_at_once(world: World, owner: Client, hooked: Hooked) -> None:
    hooked.says = lambda _: Answer(body=b"ok")
    channel = made(owner, hooked)
    assert channel["state"] == "active"
    assert verified(world, owner, channel)["state"] == "active"  # not to repeat a challenge switches nothing off
    assert run(world, owner.post(f"{AT}/channels/{channel['id']}/test"))["success"]


@pytest.mark.usefixtures("strict")
def test_no_other_way_leads_past_the_challenge(world: World, owner: Client, hooked: Hooked) -> None:
    channel = made(owner, hooked)["id"]
    assert owner.ask("POST", f"{AT}/channels/{channel}/enable").status_code == 409
    owner.ask("POST", f"{AT}/channels/{channel}/disable")
    assert owner.ask("POST", f"{AT}/channels/{channel}/enable").status_code == 409
    assert made(owner, hooked)["state"] == "disabled"  # the same address is the same channel
    given = {"event": "a.b", "user_id": "ann"}
    sent = run(world, owner.post(f"{AT}/send", {"notification": given, "preferences": {"webhook_url": f"{hooked.url}/given"}}))
    assert (sent["success"], sent["reason"]) == (False, "channel_unverified")
    assert hooked.asked == []


@pytest.mark.usefixtures("strict")
def test_a_channel_that_was_switched_off_stays_off_when_it_is_verified(world: World, owner: Client, hooked: Hooked) -> None:
    channel = made(owner, hooked)
    owner.ask("POST", f"{AT}/channels/{channel['id']}/disable")
    assert verified(world, owner, channel)["state"] == "disabled"
    assert owner.ask("POST", f"{AT}/channels/{channel['id']}/enable").status_code == 204


@pytest.mark.usefixtures("strict")
def test_only_webhooks_wait_for_a_challenge(world: World, owner: Client) -> None:
    del world
    mail = owner.post(f"{AT}/channels", {"kind": "email", "email": "ann@example.org"})
    assert mail["state"] == "active"
    assert owner.ask("POST", f"{AT}/channels/{mail['id']}/verify").status_code == 409


def test_another_organisation_verifies_nothing(world: World, http: httpx.Client, owner: Client, stranger: UUID, hooked: Hooked) -> None:
    channel = made(owner, hooked)["id"]
    assert client_of(http, world.ledger, stranger, "owner").ask("POST", f"{AT}/channels/{channel}/verify").status_code == 404
    assert hooked.asked == []


@pytest.mark.usefixtures("strict")
def test_commands_verify_and_say_what_is_missing(world: World, hooked: Hooked, tmp_path: Any) -> None:
    desk = WorkingDesk(world.ledger, world.org, worker=world.worker)
    (tmp_path / "url").write_text(hooked.url)
    added = desk.run(commands, "channels", "add", "webhook", "--url-from", str(tmp_path / "url"))
    channel = added.stdout.strip()
    assert f"channels verify {channel}" in added.stderr
    assert isinstance(desk.run(commands, "channels", "enable", channel).exception, Conflict)
    hooked.says = lambda _: Answer(body=b"what?")
    assert desk.run(commands, "channels", "verify", channel).exit_code == 1
    hooked.says = plainly
    shown = desk.run(commands, "channels", "verify", channel)
    assert (shown.exit_code, shown.stdout) == (0, f"{channel} is verified and active.\n")
    mail = desk.run(commands, "channels", "add", "email", "--email", "ann@example.org").stdout.strip()
    assert isinstance(desk.run(commands, "channels", "verify", mail).exception, InvalidInput)
    assert desk.run(commands, "channels", "verify", str(uuid4())).exit_code != 0


@pytest.mark.parametrize(("answer", "right"), [
    ("c-1", True), (" c-1\n", True), ('{"challenge": "c-1"}', True), ('{"challenge": "c-2"}', False), ('{"challenge": ["c-1"]}', False), ('{"challenge": 1}', False),
    ('{"type": "webhook.verification", "data": {"challenge": "c-1"}}', False), ("", False), ("c-", False), ("c-1 and more", False), ("{" * 2000, False),
    ('{"challenge": "c-1"', False), ("\u00fc", False), ('{"a": NaN}', False),
])  # fmt: skip
def test_what_repeats_a_challenge(answer: str, right: bool) -> None:  # noqa: FBT001 - a table
    assert echoes(answer, "c-1") is right
