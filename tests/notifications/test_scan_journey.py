"""From the end of a scan to a mailbox, a chat room and a receiver of webhooks: the whole way, over real servers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from uuid import uuid4

from watchfloor.capabilities.notifications.engine.sign import verify
from watchfloor.capabilities.notifications.queries import channels, keys
from watchfloor.capabilities.notifications.schemas.channels import ChannelCreate
from watchfloor.catalog import CATALOG
from watchfloor.kernel.clock import now
from watchfloor.kernel.contract import Severity
from watchfloor.kernel.jobs.relay import Relay, know

if TYPE_CHECKING:
    from uuid import UUID

    from tests.notifications.mailserver import Mailbox
    from tests.notifications.receiver import Receiver
    from tests.notifications.world import World


def mail_channel(world: World, address: str) -> UUID:
    with world.ledger.database.transaction(world.org) as session:
        wish = ChannelCreate.model_validate({"kind": "email", "owner": "ana", "email": address})
        return channels.add_channel(session, world.ledger.vault, world.org, wish, actor="test")[0]


def ended(world: World, scan: UUID) -> None:
    """Let a scan end as scans do, and let the relay and a worker do the rest."""
    know(world.ledger, CATALOG.reactions())
    world.happened("scans.finished", severity=Severity.HIGH, scan=str(scan), state="finished", findings={"high": 2})
    Relay(world.ledger, CATALOG.reactions(), CATALOG.kinds).turn()
    world.worker.run_all(world.org)


def test_the_end_of_a_scan_reaches_a_mailbox_a_chat_room_and_a_webhook(
    world: World, receiver: Receiver, room: Receiver, box: Mailbox
) -> None:
    hook, chat, mail = world.channel(receiver.url), world.channel(room.url, kind="slack"), mail_channel(world, "ana@example.org")
    world.route(hook, chat, mail, events=("scans.finished",))
    scan = uuid4()
    ended(world, scan)

    (letter,) = box.arrived
    assert (letter.to, letter.mail["Auto-Submitted"]) == (["ana@example.org"], "auto-generated")
    assert letter.mail["Subject"].startswith("[Watchfloor] HIGH - ")
    assert {part.get_content_type() for part in letter.mail.walk()} == {"multipart/alternative", "text/plain", "text/html"}
    assert str(scan) in letter.mail.get_body(("plain",)).get_content()  # type: ignore[union-attr] # it has both parts

    ((_, said),) = room.came
    shown = json.loads(said)
    assert shown["text"]
    assert {block["type"] for block in shown["blocks"]} <= {"header", "section", "context", "divider", "actions"}
    assert str(scan) in json.dumps(shown["blocks"])

    ((headers, body),) = receiver.came
    with world.ledger.database.transaction(world.org) as session:
        secrets = keys.open_secrets(session, world.ledger.vault, world.org, [hook])[hook]
    verify(secrets, headers, body, now=now())
    assert json.loads(body)["type"] == "scans.finished"
    assert world.rows() == [("sent", None, 1)] * 3


def test_a_scan_that_is_told_by_hand_as_well_is_heard_once(world: World, room: Receiver, box: Mailbox) -> None:
    world.route(world.channel(room.url, kind="slack", owner="ana"), mail_channel(world, "ana@example.org"), owner="ana")
    scan = uuid4()
    ended(world, scan)
    told = world.done(
        "notifications.send_scan_completion_notification", scan_id=str(scan), user_id="ana", scan_name="lab", total_findings=2, high_count=2
    )
    assert (told["success"], len(box.arrived), len(room.came)) == (True, 1, 1)


def test_a_mailbox_that_is_full_for_a_while_gets_the_same_mail_later(world: World, box: Mailbox) -> None:
    box.refusals["ana@example.org"].append("452 4.2.2 mailbox full")
    world.route(mail_channel(world, "ana@example.org"))
    ended(world, uuid4())
    assert (world.rows(), box.arrived) == ([("due", "452", 1)], [])
    world.now()
    assert [row[0] for row in world.rows()] == ["sent"]
    assert len(box.arrived) == 1
