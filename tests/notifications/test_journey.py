"""Facts about what arrives: one event ends as a mail, a chat message and a signed webhook at real servers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from standardwebhooks.webhooks import Webhook

from tests.notifications.mailserver import Mailbox, mailserver
from watchfloor.capabilities.notifications.queries import channels, keys
from watchfloor.capabilities.notifications.schemas.channels import ChannelCreate
from watchfloor.kernel.contract import Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.notifications.receiver import Receiver
    from tests.notifications.world import World


@pytest.fixture
def mailbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Mailbox]:
    """Serve mail on this machine, and set it as the relay."""
    with mailserver() as found:
        monkeypatch.setenv("WATCHFLOOR_NOTIFICATIONS_SMTP_HOST", "127.0.0.1")
        monkeypatch.setenv("WATCHFLOOR_NOTIFICATIONS_SMTP_PORT", str(found.port))
        monkeypatch.setenv("WATCHFLOOR_NOTIFICATIONS_SMTP_TLS", "none")
        monkeypatch.setenv("WATCHFLOOR_NOTIFICATIONS_MAIL_FROM", "Watchfloor <watchfloor@example.org>")
        yield found


def test_one_event_arrives_by_mail_chat_and_webhook(world: World, receiver: Receiver, mailbox: Mailbox) -> None:
    with world.ledger.database.transaction(world.org) as session:
        wish = ChannelCreate.model_validate({"kind": "email", "email": "ann@example.org"})
        mail, _ = channels.add_channel(session, world.ledger.vault, world.org, wish, actor="test")
    hook, chat = world.channel(receiver.url), world.channel(receiver.url + "/chat", kind="slack")
    world.route(mail, hook, chat)
    world.told(world.happened("finding.opened", severity=Severity.HIGH, title="Telnet is open <!channel>", target="192.0.2.7"))
    assert [row[0] for row in world.rows()] == ["sent"] * 3
    (arrived,) = mailbox.arrived
    assert (arrived.sender, arrived.to) == ("watchfloor@example.org", ["ann@example.org"])
    assert "HIGH" in arrived.mail["subject"]
    assert "Telnet is open" in arrived.mail["subject"]
    with world.ledger.database.transaction(world.org) as session:
        (secret,) = keys.open_secrets(session, world.ledger.vault, world.org, [hook])[hook]
    (signed,) = [(headers, body) for headers, body in receiver.came if "webhook-id" in headers]
    assert Webhook(secret).verify(signed[1], signed[0])["type"] == "finding.opened"
    (chatted,) = [json.loads(body) for headers, body in receiver.came if "webhook-id" not in headers]
    assert "Telnet is open" in json.dumps(chatted)
    assert "<!channel>" not in chatted["text"]  # a heading is plain text to Slack, this is not


def test_an_address_that_bounces_is_mailed_no_more(world: World, mailbox: Mailbox) -> None:
    mailbox.refusals["to"] += ["550 no such user"]
    with world.ledger.database.transaction(world.org) as session:
        wish = ChannelCreate.model_validate({"kind": "email", "email": "gone@example.org"})
        mail, _ = channels.add_channel(session, world.ledger.vault, world.org, wish, actor="test")
    world.route(mail, events=("scans.*",))
    world.told(world.happened())
    world.told(world.happened())
    assert [(state, reason) for state, reason, _attempts in world.rows()] == [("dead", "550"), ("suppressed", "address_suppressed")]


def test_without_a_relay_a_mail_is_dead_and_says_what_to_set(world: World) -> None:
    with world.ledger.database.transaction(world.org) as session:
        wish = ChannelCreate.model_validate({"kind": "email", "email": "ann@example.org"})
        mail, _ = channels.add_channel(session, world.ledger.vault, world.org, wish, actor="test")
    world.route(mail, events=("scans.*",))
    world.told(world.happened())
    assert world.rows()[0][:2] == ("dead", "not_rendered")
    assert "SMTP_HOST" in world.sql("select reason from delivery_attempt")[0][0]
