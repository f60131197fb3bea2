"""Facts about links that acknowledge: what goes on until somebody looks after it can be ended from the message itself, without a key."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from tests.notifications.test_unsubscribe import BROWSER, mails, token_of
from watchfloor.capabilities.notifications.engine.links import PURPOSE, Act, Link, make_token
from watchfloor.capabilities.notifications.queries import escalations
from watchfloor.capabilities.notifications.schemas.escalations import EscalationCreate

if TYPE_CHECKING:
    from uuid import UUID

    import httpx

    from tests.notifications.mailserver import Mailbox
    from tests.notifications.receiver import Receiver
    from tests.notifications.world import World


@pytest.fixture(autouse=True)
def reached(monkeypatch: pytest.MonkeyPatch, http: httpx.Client) -> None:
    """Let the installation be reached where its API is."""
    monkeypatch.setenv("WATCHFLOOR_NOTIFICATIONS_PUBLIC_URL", str(http.base_url))


def escalating(world: World) -> UUID:
    """Return an escalation that asks ben an hour later."""
    with world.ledger.database.transaction(world.org) as session:
        wish = EscalationCreate.model_validate({"name": "nights", "steps": [{"after": 3600, "users": ["ben"]}]})
        return escalations.add_escalation(session, world.org, wish, actor="test")


def links_in(text: str) -> list[str]:
    return re.findall(r"https?://\S+/api/v1/notifications/acknowledgement/[A-Za-z0-9_-]+", text)


def text_of(box: Mailbox) -> str:
    body = box.arrived[-1].mail.get_body(("plain",))
    assert body is not None
    return str(body.get_content())


def told(world: World, box: Mailbox) -> str:
    """Tell ana of something that escalates; return the link of her mail."""
    mails(world, escalation_id=str(escalating(world)))
    world.told(world.happened("scans.finished", title="It broke"))
    (link,) = links_in(text_of(box))
    return link


def acknowledged(world: World) -> list[tuple[str | None, bool]]:
    """Return who looks after each notification, and whether its escalation goes on."""
    rows = world.sql(
        "select n.acknowledged_by, r.due_at is not null from notification n join escalation_run r on (r.org, r.notification) = (n.org, n.id) order by n.id"
    )
    return [(row[0], row[1]) for row in rows]


def test_the_link_of_a_mail_acknowledges_and_ends_the_escalation(world: World, http: httpx.Client, box: Mailbox) -> None:
    link = told(world, box)
    assert acknowledged(world) == [(None, True)]
    answer = http.post(link, headers=BROWSER)
    assert (answer.status_code, "Acknowledged" in answer.text, "It broke" in answer.text) == (200, True, True)
    assert acknowledged(world) == [("link of ana", False)]
    audited = world.sql("select actor, operation from audit_entry where operation = 'notify.acknowledge'")
    assert audited == [("link of ana", "notify.acknowledge")]


def test_looking_acknowledges_nothing(world: World, http: httpx.Client, box: Mailbox) -> None:
    link = told(world, box)
    for _ in range(3):
        assert '<button type="submit">Acknowledge</button>' in http.get(link, headers=BROWSER).text
    assert acknowledged(world) == [(None, True)]


def test_who_was_first_stays_and_the_second_is_told_who_that_was(world: World, http: httpx.Client, box: Mailbox) -> None:
    link = told(world, box)
    ((notification,),) = world.sql("select id from notification where type = 'scans.finished'")
    other = Link(org=world.org, user="ben", act=Act.ACKNOWLEDGE, what=str(notification), issued=datetime.now(UTC))
    theirs = link.rpartition("/")[0] + "/" + make_token(world.ledger.vault.link_key(world.org, PURPOSE), other)
    assert http.post(link).status_code == 200
    page = http.post(theirs, headers=BROWSER)
    assert ("ana" in page.text, "ben" in page.text) == (True, False)
    assert acknowledged(world) == [("link of ana", False)]


def test_what_nobody_waits_for_has_no_such_link(world: World, box: Mailbox) -> None:
    mails(world)
    world.told(world.happened("scans.finished"))
    assert (len(box.arrived), links_in(text_of(box))) == (1, [])


def test_a_chat_gets_a_button_that_opens_the_page(world: World, http: httpx.Client, room: Receiver) -> None:
    world.route(world.channel(room.url, kind="slack"), escalation_id=str(escalating(world)))
    world.told(world.happened("scans.finished"))
    (_headers, body) = room.came[0]
    (button,) = [one for one in json.loads(body)["blocks"][-1]["elements"] if one["action_id"] == "acknowledge"]
    assert http.post(button["url"]).status_code == 200
    assert acknowledged(world) == [("link of slack readers", False)]


@pytest.mark.parametrize("place", ["unsubscribe", "acknowledgement"])
def test_a_link_of_one_sort_is_good_for_nothing_else(world: World, http: httpx.Client, place: str) -> None:
    act = Act.ACKNOWLEDGE if place == "unsubscribe" else Act.UNSUBSCRIBE
    wrong = token_of(world, act=act, what=str(uuid4())).replace("/unsubscribe/", f"/{place}/")
    assert (http.get(wrong).status_code, http.post(wrong).status_code) == (404, 404)


def test_a_link_that_is_too_old_or_whose_notification_is_gone_does_nothing_and_says_so(
    world: World, http: httpx.Client, box: Mailbox
) -> None:
    link = told(world, box)
    ((notification,),) = world.sql("select id from notification where type = 'scans.finished'")
    for what, age, status, said in (
        (str(notification), timedelta(days=31), 410, "expired"), (str(uuid4()), timedelta(), 200, "nothing to acknowledge"),
    ):  # fmt: skip
        page = http.post(
            token_of(world, act=Act.ACKNOWLEDGE, what=what, age=age).replace("/unsubscribe/", "/acknowledgement/"), headers=BROWSER
        )
        assert (page.status_code, said in page.text) == (status, True)
    assert links_in(link) == [link]
    assert acknowledged(world) == [(None, True)]


def test_a_link_acts_on_its_own_organisation_alone(world: World, stranger: UUID, http: httpx.Client, box: Mailbox) -> None:
    told(world, box)
    ((notification,),) = world.sql("select id from notification where type = 'scans.finished'")
    theirs = Link(org=stranger, user="ana", act=Act.ACKNOWLEDGE, what=str(notification), issued=datetime.now(UTC))
    token = make_token(world.ledger.vault.link_key(stranger, PURPOSE), theirs)
    page = http.post(f"/api/v1/notifications/acknowledgement/{token}", headers=BROWSER)
    assert ("nothing to acknowledge" in page.text, "It broke" in page.text) == (True, False)
    assert acknowledged(world) == [(None, True)]
