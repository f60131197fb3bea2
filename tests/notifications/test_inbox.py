"""Facts about what one person was told: all of it, theirs alone, read once."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from tests.api.floor import client_of
from tests.api.test_stream import follow
from tests.cli.desk import WorkingDesk
from watchfloor.capabilities.notifications.cli import commands
from watchfloor.capabilities.notifications.engine.told import message_of
from watchfloor.capabilities.notifications.queries import telling
from watchfloor.kernel.clock import now
from watchfloor.kernel.contract import Severity
from watchfloor.kernel.db.session import wire_of

if TYPE_CHECKING:
    from uuid import UUID

    from tests.api.floor import Client
    from tests.notifications.receiver import Receiver
    from tests.notifications.world import World

AT = "/notifications/inbox"


@pytest.fixture
def told(world: World, receiver: Receiver) -> World:
    """Three scans have ended; ana heard of all, one at once, one in a digest, one over a channel that is off."""
    channel = world.channel(receiver.url, owner="ana")
    world.route(channel, events=("scans.*",), owner="ana")
    world.told(world.happened(severity=Severity.HIGH, scan=str(uuid4()), state="finished", findings={"high": 2}))
    world.wish("ana", digest={"mode": "daily", "at_local": "08:00"})
    world.sql('update notify_route set digest = \'{"mode": "daily", "at_local": "08:00"}\'')
    world.told(world.happened("scans.changed", severity=Severity.LOW))
    world.sql("update notify_route set digest = null")
    world.sql("update notify_channel set state = 'disabled'")
    world.told(world.happened("scans.cancelled"))
    return world


def titles(found: Any) -> list[str]:
    return [one["title"] for one in found["items"]]


def test_everything_is_there_whatever_became_of_it(told: World, owner: Client) -> None:
    del told
    found = owner.get(AT, user="ana")
    assert titles(found) == ["A scan was cancelled", "Something changed since the scan before", "Scan has ended: 2 findings, 2 high"]
    assert owner.get(f"{AT}/unread", user="ana") == {"user": "ana", "total": 3, "by_severity": {"high": 1, "low": 1, "info": 1}}


def test_another_person_and_another_organisation_have_nothing_of_it(told: World, owner: Client, stranger: UUID) -> None:
    eve = client_of(owner.http, told.ledger, stranger, "owner")
    assert owner.get(AT, user="bob")["items"] == []
    assert owner.get(AT)["items"] == []
    assert eve.get(AT, user="ana")["items"] == []
    assert eve.get(f"{AT}/unread", user="ana")["total"] == 0
    assert eve.post(f"{AT}/read", {"user": "ana"}) == {"marked": 0}
    assert owner.get(f"{AT}/unread", user="ana")["total"] == 3


def test_what_is_read_is_read_once_and_for_one_person(told: World, owner: Client) -> None:
    first = owner.get(AT, user="ana")["items"][0]["id"]
    assert owner.post(f"{AT}/read", {"user": "ana", "ids": [first, str(uuid4())]}) == {"marked": 1}
    assert owner.post(f"{AT}/read", {"user": "ana", "ids": [first]}) == {"marked": 0}
    assert len(owner.get(AT, user="ana", unread="true")["items"]) == 2
    assert owner.post(f"{AT}/read", {"user": "ana"}) == {"marked": 2}
    assert owner.get(f"{AT}/unread", user="ana") == {"user": "ana", "total": 0, "by_severity": {}}
    told.told(told.happened("scans.healthy"))
    assert owner.get(f"{AT}/unread", user="ana")["total"] == 1


def test_only_who_manages_notifications_reads_for_others(told: World, owner: Client) -> None:
    analyst = client_of(owner.http, told.ledger, owner.org, "analyst")
    assert analyst.ask("POST", f"{AT}/read", json={"user": "ana"}).status_code == 403
    assert analyst.post(f"{AT}/read", {}) == {"marked": 0}
    viewer = client_of(owner.http, told.ledger, owner.org, "viewer")
    assert viewer.ask("POST", f"{AT}/read", json={}).status_code == 403


def test_words_severities_and_pages_narrow_the_list(told: World, owner: Client) -> None:
    del told
    assert titles(owner.get(AT, user="ana", q="scan ended")) == ["Scan has ended: 2 findings, 2 high"]
    assert titles(owner.get(AT, user="ana", q="100%")) == []
    assert titles(owner.get(AT, user="ana", severity="low,info")) == ["A scan was cancelled", "Something changed since the scan before"]
    page = owner.get(AT, user="ana", limit="2")
    assert len(page["items"]) == 2
    assert titles(owner.get(AT, user="ana", limit="2", after=page["next"])) == ["Scan has ended: 2 findings, 2 high"]


def test_what_somebody_may_not_know_is_not_in_their_inbox(told: World, owner: Client) -> None:
    told.sql("update delivery set reason = 'no_access', state = 'suppressed', sent_at = null")
    assert titles(owner.get(AT, user="ana")) == ["Something changed since the scan before"]


def test_the_commands_show_and_mark(told: World) -> None:
    desk = WorkingDesk(told.ledger, told.org, worker=told.worker)
    shown = desk.run(commands, "inbox", "ana")
    assert "3 unread, 1 high, 1 low, 1 info" in shown.stdout
    assert desk.run(commands, "read", "ana").stdout == "3 marked as read.\n"
    assert "0 unread" in desk.run(commands, "inbox", "ana", "--unread").stdout
    assert "shows those there are" in str(desk.run(commands, "read", "ana", "no-id").exception)


def test_a_stream_tells_what_comes_and_how_much_is_unread(told: World, owner: Client) -> None:
    with follow(owner, f"{AT}/stream?user=ana") as events:
        assert next(events)[1]["total"] == 3
        told.told(told.happened("scans.healthy"))
        name, came = next(events)
        assert (name, came["title"], came["read_at"]) == (came["id"], "Scanning is well again", None)
        assert next(events)[1]["total"] == 4
        owner.post(f"{AT}/read", {"user": "ana"})
        assert next(events)[1]["total"] == 0


def test_a_stream_resumes_where_it_was_left(told: World, owner: Client) -> None:
    del told
    first = owner.get(AT, user="ana")["items"][-1]["id"]
    with follow(owner, f"{AT}/stream?user=ana", **{"Last-Event-ID": first}) as events:
        assert [next(events)[1]["title"] for _ in range(2)] == ["Something changed since the scan before", "A scan was cancelled"]
    assert owner.ask("GET", f"{AT}/stream", headers={"Last-Event-ID": "x", "Authorization": f"Bearer {owner.key}"}).status_code == 422


def test_a_stream_of_another_organisation_stays_silent(told: World, owner: Client, stranger: UUID) -> None:
    eve = client_of(owner.http, told.ledger, stranger, "owner")
    with follow(eve, f"{AT}/stream?user=ana") as events:
        assert next(events)[1]["total"] == 0
        told.told(told.happened("scans.healthy"))
        with told.ledger.database.transaction(stranger) as session:
            message = message_of("scans.finished", "info", now(), {})
            made, _ = telling.record_notification(session, told.ledger.vault, stranger, message, expire=timedelta(hours=1))
            wire_of(session).execute(
                "insert into delivery (org, id, notification, user_id, lane, host, idem, state, due_at, first_due_at, expires_at) "
                "values (%s, gen_random_uuid(), %s, 'ana', 'webhook', '', sha256('x'), 'held', wf_now(), wf_now(), wf_now())",
                (stranger, made),
            )
        assert next(events)[1]["id"] == str(made)
