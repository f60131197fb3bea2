"""Facts about the rules of notifications over REST: silences, suppressions, previews, changed channels and routes."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import pytest

from tests.api.floor import client_of
from watchfloor.capabilities.notifications.queries import channels
from watchfloor.kernel.clock import now
from watchfloor.kernel.contract import Severity

if TYPE_CHECKING:
    import httpx

    from tests.api.floor import Client
    from tests.notifications.receiver import Receiver
    from tests.notifications.world import World

AT = "/notifications"


def silence(*events: str, reason: str = "the network moves", hours: int = 2) -> dict[str, Any]:
    begins = now() - timedelta(minutes=1)
    return {
        "matchers": {"events": events}, "starts_at": begins.isoformat(), "ends_at": (begins + timedelta(hours=hours)).isoformat(), "reason": reason,
    }  # fmt: skip


def suppressed(world: World, address: str = "ann@example.org") -> None:
    with world.ledger.database.transaction(world.org) as session:
        channels.suppress(session, world.ledger.vault, world.org, address, reason="hard_bounce", keep=timedelta(days=90), actor="test")


def test_a_silence_is_made_kept_to_and_ended(world: World, owner: Client, receiver: Receiver) -> None:
    world.route(world.channel(receiver.url))
    made = owner.post(f"{AT}/silences", silence("scans.*"))
    assert owner.get(f"{AT}/silences/{made['id']}") == made
    world.told(world.happened("scans.finished"))
    assert world.rows() == [("suppressed", "silenced", 0)]
    assert [owner.ask("DELETE", f"{AT}/silences/{made['id']}").status_code for _ in range(2)] == [204, 204]
    assert owner.get(f"{AT}/silences")["items"] == []
    assert [one["reason"] for one in owner.get(f"{AT}/silences", over=True)["items"]] == ["the network moves"]
    world.told(world.happened("scans.finished"))
    assert len(receiver.came) == 1


def test_silences_come_in_pages_newest_first(world: World, owner: Client) -> None:
    del world
    made = [owner.post(f"{AT}/silences", silence("*", reason=f"reason {n}"))["id"] for n in range(3)]
    first = owner.get(f"{AT}/silences", limit=2)
    second = owner.get(f"{AT}/silences", limit=2, after=first["next"])
    assert [one["id"] for one in first["items"] + second["items"]] == sorted(made, reverse=True)
    assert second["next"] is None


def test_a_silence_that_is_asked_for_twice_with_one_key_is_one_silence(world: World, owner: Client) -> None:
    del world
    asked, key = silence("scans.*"), {"Idempotency-Key": "move-1"}
    first, second = (owner.ask("POST", f"{AT}/silences", json=asked, headers=key) for _ in range(2))
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() == second.json()
    assert owner.ask("POST", f"{AT}/silences", json=silence("finding.*"), headers=key).status_code == 409
    assert len(owner.get(f"{AT}/silences")["items"]) == 1


@pytest.mark.parametrize("wrong", [{"events": []}, {"events": ["scans.*"], "assets": {"colour": "red"}}])
def test_a_silence_of_nothing_in_particular_is_refused(world: World, owner: Client, wrong: dict[str, Any]) -> None:
    del world
    answer = owner.ask("POST", f"{AT}/silences", json={**silence("*"), "matchers": wrong})
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")


def test_a_suppressed_address_is_shown_masked_and_takes_mail_again_when_that_is_removed(world: World, owner: Client) -> None:
    suppressed(world)
    (one,) = owner.get(f"{AT}/suppressions")["items"]
    assert (one["address"], one["reason"]) == ("a…@example.org", "hard_bounce")
    assert owner.ask("DELETE", f"{AT}/suppressions/{one['id']}").status_code == 204
    assert owner.ask("DELETE", f"{AT}/suppressions/{one['id']}").status_code == 404
    assert owner.get(f"{AT}/suppressions")["items"] == []


def test_a_preview_says_who_would_be_told_and_why_not_and_keeps_nothing(world: World, owner: Client, receiver: Receiver) -> None:
    hook = world.channel(receiver.url, owner="ann")
    world.route(hook, events=("finding.*",), owner="ann", min_severity="high")
    grave = owner.post(f"{AT}/routes/preview", {"event": "finding.opened", "severity": "critical", "data": {"target": "web-1"}})
    assert (grave["counts"], grave["message"]["asset"]) == ({"due": 1}, "web-1")
    (one,) = grave["decisions"]
    assert (one["user"], one["channel"], one["state"], one["address"]) == ("ann", str(hook), "due", "http://127.0.0.1/…")
    assert owner.post(f"{AT}/routes/preview", {"event": "finding.opened"})["decisions"] == []
    (left,) = owner.post(f"{AT}/routes/preview", {"event": "finding.opened", "dropped": True})["decisions"]
    assert (left["state"], left["reason"]) == ("dropped", "below_severity")
    assert owner.post(f"{AT}/routes/preview", {"event": "finding.opened", "severity": "high", "user_ids": ["bob"]})["counts"] == {}
    world.wish("ann", opted_out=["finding.*"])
    out = owner.post(f"{AT}/routes/preview", {"event": "finding.opened", "severity": "high"})["decisions"][0]
    assert (out["state"], out["reason"]) == ("suppressed", "opted_out")
    assert (receiver.came, world.sql("select count(*) from notification")) == ([], [(0,)])


def test_a_changed_channel_sends_to_its_new_address_under_its_old_id(world: World, owner: Client, receiver: Receiver) -> None:
    receiver.answers += [503]
    made = owner.post(f"{AT}/channels", {"kind": "webhook", "url": f"{receiver.url}?old", "headers": {"X-Key": "s3cret"}})["id"]
    world.route(made)
    world.told(world.happened())
    changed = owner.ask("PATCH", f"{AT}/channels/{made}", json={"url": f"{receiver.url}/new", "label": "ops"})
    assert (changed.status_code, changed.json()["label"], changed.json()["id"]) == (200, "ops", made)
    assert receiver.url not in changed.text
    world.now()
    assert [row[0] for row in world.rows()] == ["sent"]
    assert ["x-key" in headers for headers, _ in receiver.came] == [True, False]


def test_headers_stay_with_the_address_that_they_were_given_for(world: World, owner: Client, receiver: Receiver) -> None:
    made = owner.post(f"{AT}/channels", {"kind": "webhook", "url": receiver.url, "headers": {"X-Key": "one"}})["id"]
    world.route(made)
    for change in ({"label": "ops"}, {"url": receiver.url}, {"headers": {"X-Key": "two"}}):
        assert owner.ask("PATCH", f"{AT}/channels/{made}", json=change).status_code == 200
        world.told(world.happened())
    assert [headers["x-key"] for headers, _ in receiver.came] == ["one", "one", "two"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"url": "http://169.254.169.254/latest"}, "/url"), ({"headers": {"Host": "x"}}, "/headers"), ({"email": "ann@example.org"}, None), ({}, None),
        ({"kind": "slack"}, None), ({"label": None}, None),
    ],
)  # fmt: skip
def test_a_channel_is_changed_into_nothing_that_could_not_be_made(
    world: World, owner: Client, receiver: Receiver, change: dict[str, Any], field: str | None
) -> None:
    made = owner.post(f"{AT}/channels", {"kind": "webhook", "url": receiver.url})["id"]
    answer = owner.ask("PATCH", f"{AT}/channels/{made}", json=change)
    assert answer.status_code == 422
    assert field is None or answer.json()["field"] == field
    world.route(made)
    world.told(world.happened())
    assert len(receiver.came) == 1


def test_where_webhooks_are_verified_a_new_receiver_has_to_be_and_a_new_label_changes_nothing(
    world: World, owner: Client, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATCHFLOOR_NOTIFICATIONS_VERIFY_WEBHOOKS", "yes")
    made = str(world.channel(receiver.url))
    world.sql("update notify_channel set verified_at = wf_now()")
    same = owner.ask("PATCH", f"{AT}/channels/{made}", json={"label": "ops", "url": receiver.url}).json()
    assert (same["state"], same["verified_at"] is None) == ("active", False)
    moved = owner.ask("PATCH", f"{AT}/channels/{made}", json={"url": f"{receiver.url}/new"}).json()
    assert (moved["state"], moved["verified_at"]) == ("unverified", None)
    world.route(UUID(made))
    world.told(world.happened())
    assert world.rows()[0][:2] == ("suppressed", "channel_unverified")
    assert receiver.came == []


def test_a_bot_that_writes_elsewhere_begins_new_threads(world: World, owner: Client) -> None:
    made = owner.post(f"{AT}/channels", {"kind": "slack", "token": "xoxb-1", "room": "C1"})["id"]
    world.sql(
        "insert into notify_thread (org, channel, subject_kind, subject_id, mark) values (%s, %s, 'scan', '7', '1.2')", world.org, made
    )
    assert owner.ask("PATCH", f"{AT}/channels/{made}", json={"label": "ops"}).status_code == 200
    assert world.sql("select mark from notify_thread") == [("1.2",)]
    assert owner.ask("PATCH", f"{AT}/channels/{made}", json={"room": "C2"}).json()["address"] == "C2"
    assert world.sql("select mark from notify_thread") == []


def test_two_channels_of_one_owner_never_have_one_address(world: World, owner: Client, receiver: Receiver) -> None:
    del world
    first, second = (owner.post(f"{AT}/channels", {"kind": "webhook", "url": f"{receiver.url}/{n}"})["id"] for n in range(2))
    answer = owner.ask("PATCH", f"{AT}/channels/{second}", json={"url": f"{receiver.url}/0"})
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert {one["id"] for one in owner.get(f"{AT}/channels")["items"]} == {first, second}


def test_a_changed_route_sends_what_it_says_now_and_keeps_what_was_not_named(world: World, owner: Client, receiver: Receiver) -> None:
    hook = world.channel(receiver.url)
    route = owner.post(f"{AT}/routes", {"name": "all", "events": ["scans.*"], "channels": [str(hook)], "digest": {"mode": "daily"}})["id"]
    changed = owner.ask("PATCH", f"{AT}/routes/{route}", json={"events": ["finding.*"], "digest": None, "min_severity": "high"}).json()
    assert (changed["name"], changed["events"], changed["digest"], changed["min_severity"]) == ("all", ["finding.*"], None, "high")
    world.told(world.happened("scans.finished"), world.happened("finding.opened", severity=Severity.HIGH))
    assert len(receiver.came) == 1
    assert owner.ask("PATCH", f"{AT}/routes/{route}", json={"enabled": False}).json()["enabled"] is False
    world.told(world.happened("finding.opened", severity=Severity.HIGH))
    assert len(receiver.came) == 1


def test_a_route_is_changed_into_nothing_that_could_not_be_made(world: World, owner: Client, receiver: Receiver) -> None:
    hook = str(world.channel(receiver.url))
    route = owner.post(f"{AT}/routes", {"name": "one", "channels": [hook]})["id"]
    owner.post(f"{AT}/routes", {"name": "two", "channels": [hook]})
    wrong: tuple[dict[str, Any], ...] = (
        {},
        {"name": None},
        {"channels": []},
        {"channels": [str(uuid4())]},
        {"events": ["Nothing at all"]},
        {"owner": "ann"},
    )
    assert [owner.ask("PATCH", f"{AT}/routes/{route}", json=one).status_code for one in wrong] == [422] * len(wrong)
    assert owner.ask("PATCH", f"{AT}/routes/{route}", json={"name": "two"}).status_code == 409
    assert owner.ask("PATCH", f"{AT}/routes/{uuid4()}", json={"name": "three"}).status_code == 404


def test_another_organisation_changes_and_sees_nothing(
    world: World, http: httpx.Client, owner: Client, stranger: UUID, receiver: Receiver
) -> None:
    suppressed(world)
    hook = str(world.channel(receiver.url))
    route = owner.post(f"{AT}/routes", {"name": "all", "channels": [hook]})["id"]
    quiet = owner.post(f"{AT}/silences", silence("*"))["id"]
    (address,) = owner.get(f"{AT}/suppressions")["items"]
    other = client_of(http, world.ledger, stranger, "owner")
    for method, path, body in (
        ("PATCH", f"/channels/{hook}", {"label": "theirs"}), ("PATCH", f"/routes/{route}", {"name": "theirs"}), ("GET", f"/silences/{quiet}", None),
        ("DELETE", f"/silences/{quiet}", None), ("DELETE", f"/suppressions/{address['id']}", None),
    ):  # fmt: skip
        assert other.ask(method, AT + path, json=body).status_code == 404, path
    assert other.get(f"{AT}/silences", over=True)["items"] == other.get(f"{AT}/suppressions")["items"] == []
    assert other.post(f"{AT}/routes/preview", {"event": "scans.finished"})["decisions"] == []
    own = other.post(f"{AT}/channels", {"kind": "email", "email": "eve@example.org"})["id"]
    theirs = other.post(f"{AT}/routes", {"name": "all", "channels": [own]})["id"]
    assert other.ask("PATCH", f"{AT}/routes/{theirs}", json={"channels": [hook]}).status_code == 422
