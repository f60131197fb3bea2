"""Slack, played by a server on this machine that answers as Slack does."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from tests.fetch.servers import Answer, Server, serve
from tests.notifications.receivers import Kept, batch, envelope
from watchfloor.capabilities.notifications.channels import slack
from watchfloor.capabilities.notifications.engine.to_slack import to_slack
from watchfloor.capabilities.notifications.schemas.message import Message
from watchfloor.capabilities.notifications.schemas.wire import ChannelKind, Envelope, Outcome, Sent
from watchfloor.kernel.clock import monotonic

if TYPE_CHECKING:
    from collections.abc import Iterator

TOKEN = "xoxb-7d1e2f3-T0KEN"
HOOK = "/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX"
BODY = to_slack(
    Message(type="finding.opened", title="TLS 1.0 is on", asset="web-1", occurred_at=datetime(2026, 11, 29, tzinfo=UTC)), room="C012AB3CD"
)


@pytest.fixture
def server() -> Iterator[Server]:
    with serve() as started:
        yield started


def hook(server: Server, path: str = HOOK) -> Envelope:
    return envelope(ChannelKind.SLACK, BODY, url=server.url + path)


def bot(server: Server, room: str = "C012AB3CD") -> Envelope:
    return envelope(ChannelKind.SLACK, BODY, token=TOKEN, channel_=room, api=f"{server.url}/api/chat.postMessage")


def sent(server: Server, *envelopes: Envelope) -> list[Outcome]:
    report = Kept()
    found = report.all(slack.send(batch(*envelopes, ports=(server.port,)), report))
    order = {one.delivery_id: number for number, one in enumerate(envelopes)}
    assert sorted(order[one.delivery_id] for one in found) == list(range(len(envelopes)))  # one outcome each
    return sorted(found, key=lambda one: order[one.delivery_id])


def test_an_incoming_webhook_is_told_by_its_url_alone(server: Server) -> None:
    server.plan[HOOK] = [Answer(body=b"ok")]
    (outcome,) = sent(server, hook(server))
    assert (outcome.kind, outcome.head) == (Sent.OK, "ok")
    (asked,) = server.asked
    assert asked.body == BODY
    assert "authorization" not in asked.headers
    assert asked.headers["content-type"] == "application/json; charset=utf-8"


def test_a_bot_signs_in_and_learns_where_its_message_is(server: Server) -> None:
    answer = {"ok": True, "channel": "C012AB3CD", "ts": "1700000000.000100", "message": {"text": "\u00fc" * 9000}}
    server.plan["/api/chat.postMessage"] = [Answer(body=json.dumps(answer).encode())]
    (outcome,) = sent(server, bot(server))
    assert outcome.kind is Sent.OK
    assert outcome.head.startswith('{"ok": true')
    assert '"ts": "1700000000.000100"' in outcome.head
    assert server.asked[0].headers["authorization"] == f"Bearer {TOKEN}"
    assert TOKEN not in outcome.model_dump_json()


@pytest.mark.parametrize(("status", "word", "kind"), [
    (404, "no_service", Sent.DISABLE), (404, "channel_not_found", Sent.DISABLE), (410, "channel_is_archived", Sent.DISABLE),
    (403, "invalid_token", Sent.DISABLE), (403, "action_prohibited", Sent.DISABLE), (410, "", Sent.DISABLE), (400, "invalid_payload", Sent.PERMANENT),
    (400, "msg_too_long", Sent.RETRY), (500, "rollup_error", Sent.RETRY), (503, "", Sent.RETRY), (200, "<html>sign in</html>", Sent.RETRY),
    (404, "<html>", Sent.RETRY),
])  # fmt: skip
def test_what_slack_says_to_a_webhook(server: Server, status: int, word: str, kind: Sent) -> None:
    server.plan[HOOK] = [Answer(status=status, body=word.encode())]
    (outcome,) = sent(server, hook(server))
    assert outcome.kind is kind
    if word == "msg_too_long":
        assert outcome.code == slack.TOO_LONG


@pytest.mark.parametrize(("body", "kind"), [
    ('{"ok":false,"error":"channel_not_found"}', Sent.DISABLE), ('{"ok":false,"error":"is_archived"}', Sent.DISABLE),
    ('{"ok":false,"error":"invalid_auth"}', Sent.DISABLE), ('{"ok":false,"error":"token_revoked"}', Sent.DISABLE),
    ('{"ok":false,"error":"msg_too_long"}', Sent.RETRY), ('{"ok":false,"error":"invalid_blocks"}', Sent.PERMANENT),
    ('{"ok":false,"error":"internal_error"}', Sent.RETRY), ('{"ok":false,"error":"ratelimited"}', Sent.RETRY), ('{"ok":"true"}', Sent.RETRY),
    ("[]", Sent.RETRY), ("", Sent.RETRY), ("<html>", Sent.RETRY), ('{"ok":true,"message":{"text":"cut of', Sent.OK),
])  # fmt: skip
def test_what_slack_says_to_a_bot_comes_with_status_200(server: Server, body: str, kind: Sent) -> None:
    server.plan["/api/chat.postMessage"] = [Answer(body=body.encode())]
    assert sent(server, bot(server))[0].kind is kind


def test_a_room_that_asks_to_wait_is_waited_for_and_no_other(server: Server) -> None:
    server.plan["/busy"] = [Answer(status=429, headers={"Retry-After": "30"})]
    server.plan["/free"] = [Answer(body=b"ok")]
    found = sent(server, *(hook(server, "/busy") for _ in range(5)), hook(server, "/free"))
    assert [(one.kind, one.code, one.retry_after_s) for one in found[:5]] == [
        (Sent.RETRY, "429", 30.0),
        *[(Sent.RETRY, "not_tried", 30.0)] * 4,
    ]
    assert found[5].kind is Sent.OK
    assert server.paths.count("/busy") == 1


def test_a_room_gets_one_message_a_second_and_rooms_do_not_wait_for_each_other(server: Server) -> None:
    server.answer = lambda _: Answer(body=b"ok")
    began = monotonic()
    found = sent(server, *(hook(server, f"/room{number % 10}") for number in range(20)))
    assert {one.kind for one in found} == {Sent.OK}
    assert monotonic() - began >= slack.EVERY_S  # the second message of each room


def test_slack_is_never_asked_without_tls_but_on_this_machine() -> None:
    report = Kept()
    found = report.all(slack.send(batch(envelope(ChannelKind.SLACK, BODY, url="http://hooks.slack.example/x"), networks=()), report))
    assert [(one.kind, one.code) for one in found] == [(Sent.PERMANENT, "egress_refused")]
