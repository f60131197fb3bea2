"""Facts about the REST face: channels, routes, wishes, what was told, sending by hand."""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import TYPE_CHECKING, Any

import pytest

from tests.api.floor import client_of
from watchfloor.kernel.jobs.facade import JobResult

if TYPE_CHECKING:
    from uuid import UUID

    import httpx

    from tests.api.floor import Client
    from tests.notifications.receiver import Receiver
    from tests.notifications.world import World

AT = "/notifications"


def run(world: World, accepted: Any) -> Any:
    """Run an accepted job and return its result."""
    world.worker.run_all(world.org)
    return JobResult(accepted["job"], world.org, on=world.ledger).get(timeout=0)


def test_a_channel_is_made_tested_and_signs_with_the_secret_that_was_shown(world: World, owner: Client, receiver: Receiver) -> None:
    made = owner.post(f"{AT}/channels", {"kind": "webhook", "url": receiver.url, "label": "ops"})
    assert receiver.url not in str(owner.get(f"{AT}/channels"))
    assert run(world, owner.post(f"{AT}/channels/{made['id']}/test"))["success"]
    headers, body = receiver.came[0]
    content = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    key = base64.b64decode(made["secret"].removeprefix("whsec_"))
    assert headers["webhook-signature"] == "v1," + base64.b64encode(hmac.digest(key, content, hashlib.sha256)).decode()


def test_while_a_secret_is_rotated_both_sign(world: World, owner: Client, receiver: Receiver) -> None:
    made = owner.post(f"{AT}/channels", {"kind": "webhook", "url": receiver.url})
    assert owner.post(f"{AT}/channels/{made['id']}/rotate-secret")["secret"] != made["secret"]
    run(world, owner.post(f"{AT}/channels/{made['id']}/test"))
    assert len(receiver.came[0][0]["webhook-signature"].split()) == 2


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.2.nip.io@10.0.0.1/", "http://169.254.169.254/latest", "http://[::ffff:169.254.169.254]/", "http://10.0.0.1/", "ftp://example.org/",
        "http://0x0a000001/", "https://example.org:8443/", "http://[fe80::1]/",
    ],
)  # fmt: skip
def test_an_address_that_the_guard_refuses_is_no_channel(world: World, owner: Client, url: str) -> None:
    del world
    answer = owner.ask("POST", f"{AT}/channels", json={"kind": "webhook", "url": url})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input")


def test_routes_tell_and_what_was_told_can_be_read(world: World, owner: Client, receiver: Receiver) -> None:
    channel = owner.post(f"{AT}/channels", {"kind": "webhook", "url": receiver.url})["id"]
    owner.post(f"{AT}/routes", {"name": "all", "events": ["scans.*"], "channels": [channel]})
    world.told(world.happened("scans.finished", title="It is over"))
    (one,) = owner.get(AT)["items"]
    assert (one["title"], one["type"]) == ("It is over", "scans.finished")
    (delivery,) = owner.get(f"{AT}/{one['id']}")["deliveries"]
    (attempt,) = owner.get(f"{AT}/deliveries/{delivery['id']}/attempts")["items"]
    assert (delivery["state"], attempt["outcome"], attempt["code"]) == ("sent", "ok", "200")
    assert attempt["body_sha256"] == hashlib.sha256(receiver.came[0][1]).hexdigest()
    assert owner.ask("POST", f"{AT}/{one['id']}/acknowledge").status_code == 204
    assert owner.get(AT)["items"][0]["acknowledged_by"].startswith("owner of a test")


def test_what_is_over_is_sent_again_under_the_same_id(world: World, owner: Client, receiver: Receiver) -> None:
    channel = owner.post(f"{AT}/channels", {"kind": "webhook", "url": receiver.url})["id"]
    owner.post(f"{AT}/routes", {"name": "all", "channels": [channel]})
    world.told(world.happened())
    (delivery,) = owner.get(f"{AT}/deliveries")["items"]
    assert run(world, owner.post(f"{AT}/deliveries/{delivery['id']}/replay")) == {"created": 1, "skipped": 0}
    assert [one["replay_no"] for one in owner.get(f"{AT}/deliveries", state="sent")["items"]] == [1, 0]
    assert receiver.ids()[0] == receiver.ids()[1]


def test_wishes_are_kept_and_quiet_hours_of_a_whole_week_refused(world: World, owner: Client) -> None:
    del world
    assert owner.get(f"{AT}/preferences/ann")["revision"] == 0
    body = {"timezone": "Europe/Berlin", "quiet": [{"start": "22:00", "end": "07:00"}]}
    assert owner.ask("PUT", f"{AT}/preferences/ann", json=body).json()["revision"] == 1
    whole = {"quiet": [{"start": "00:00", "end": "00:00"}]}
    assert owner.ask("PUT", f"{AT}/preferences/ann", json=whole).status_code == 422
    assert owner.ask("PUT", f"{AT}/preferences/ann", json={"timezone": "Mars/Olympus"}).status_code == 422


def test_the_four_sends_answer_with_a_job(world: World, owner: Client, receiver: Receiver) -> None:
    world.channel(receiver.url, owner="ann")
    one = run(world, owner.post(f"{AT}/send", {"notification": {"event": "a.b", "user_id": "ann"}}))
    event = run(world, owner.post(f"{AT}/send-event", {"event": "a.b", "user_id": "ann"}))
    many = run(world, owner.post(f"{AT}/send-bulk", {"event": "a.b", "user_ids": ["ann", "bob"]}))
    scan = run(world, owner.post(f"{AT}/send-scan-completion", {"scan_id": "7", "user_id": "ann", "scan_name": "Office"}))
    assert (one["success"], event["notifications_sent"], many["successful_users"], scan["success"]) == (True, 1, 1, True)
    assert len(receiver.came) == 4


def test_health_and_statistics_are_told(world: World, owner: Client, receiver: Receiver) -> None:
    world.route(world.channel(receiver.url))
    world.told(world.happened())
    assert owner.get(f"{AT}/health")["status"] == "healthy"
    found = owner.get(f"{AT}/statistics", window="1h", by="channel")
    assert (found["total"], found["sent"], found["success_rate"], found["groups"]["channel"]["webhook"]["sent"]) == (1, 1, 1.0, 1)
    assert owner.ask("GET", f"{AT}/statistics", params={"window": "1y"}).status_code == 422


def test_another_organisation_sees_nothing(world: World, http: httpx.Client, owner: Client, stranger: UUID, receiver: Receiver) -> None:
    channel = owner.post(f"{AT}/channels", {"kind": "webhook", "url": receiver.url})["id"]
    route = owner.post(f"{AT}/routes", {"name": "all", "channels": [channel]})["id"]
    world.told(world.happened())
    told, delivery = owner.get(AT)["items"][0]["id"], owner.get(f"{AT}/deliveries")["items"][0]["id"]
    other = client_of(http, world.ledger, stranger, "owner")
    for method, path in (
        ("GET", f"/channels/{channel}"), ("DELETE", f"/channels/{channel}"), ("POST", f"/channels/{channel}/enable"), ("POST", f"/channels/{channel}/test"),
        ("POST", f"/channels/{channel}/rotate-secret"), ("GET", f"/routes/{route}"), ("DELETE", f"/routes/{route}"), ("GET", f"/{told}"),
        ("POST", f"/{told}/acknowledge"), ("GET", f"/deliveries/{delivery}/attempts"), ("POST", f"/deliveries/{delivery}/replay"),
    ):  # fmt: skip
        assert other.ask(method, AT + path).status_code == 404, path
    assert other.get(AT)["items"] == other.get(f"{AT}/deliveries")["items"] == other.get(f"{AT}/channels")["items"] == []
    assert other.ask("POST", f"{AT}/routes", json={"name": "theirs", "channels": [channel]}).status_code == 422


def test_a_viewer_reads_and_changes_nothing(world: World, http: httpx.Client) -> None:
    viewer = client_of(http, world.ledger, world.org, "viewer")
    assert viewer.get(f"{AT}/channels") == {"items": []}
    assert viewer.ask("POST", f"{AT}/channels", json={"kind": "email", "email": "a@example.org"}).status_code == 403
