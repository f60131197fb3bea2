"""The long tail of chats and phones, played by servers on this machine: every request goes where the guard lets it, and says no secret."""

from __future__ import annotations

import ast
import json
import threading
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_plus

import pytest

from tests.fetch.servers import Answer, Server, serve
from tests.notifications.receivers import HERE, Authority, Kept, batch, envelope
from watchfloor.capabilities.notifications.channels import apprise, carrier
from watchfloor.capabilities.notifications.channels.lanes import Lane
from watchfloor.capabilities.notifications.engine.to_apprise import BODY, inert, to_apprise
from watchfloor.capabilities.notifications.queries.channels import masked
from watchfloor.capabilities.notifications.schemas.apprise import SERVICES
from watchfloor.capabilities.notifications.schemas.channels import ChannelCreate
from watchfloor.capabilities.notifications.schemas.message import Message
from watchfloor.capabilities.notifications.schemas.wire import ChannelKind, Outcome, Sent
from watchfloor.kernel.clock import monotonic
from watchfloor.kernel.errors import EgressRefused, InvalidInput
from watchfloor.kernel.fetch.dial import trust
from watchfloor.kernel.fetch.guard import Reach
from watchfloor.kernel.fetch.post import Poster

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.api.floor import Client
    from tests.notifications.receiver import Receiver
    from tests.notifications.world import World

TOLD = Message(
    type="finding.opened", severity="high", title="TLS 1.0 is on @everyone <b>now</b> [see](http://evil.example)", asset="web-1",
    lines=("It was seen twice.",), facts={"port": "443"}, link="https://watch.example/findings/a_7", occurred_at=datetime(2026, 11, 29, tzinfo=UTC),
)  # fmt: skip
BODY_SENT = to_apprise(TOLD)
SECRET = "3ccdd113474722377935511fc85d3dd4"
# One address of every service, as its own documentation writes them.
ADDRESSES = {
    "discord": f"discord://4174216298/{SECRET}",
    "gchat": f"gchat://workspace/{SECRET}/token12345",
    "gotify": f"gotify://push.example/{SECRET}",
    "gotifys": f"gotifys://push.example/{SECRET}",
    "json": f"json://push.example/{SECRET}",
    "jsons": f"jsons://push.example/{SECRET}",
    "mmost": f"mmost://push.example/{SECRET}",
    "mmosts": f"mmosts://push.example/{SECRET}",
    "ntfy": f"ntfy://push.example/{SECRET}",
    "ntfys": f"ntfys://{SECRET}",
    "pover": f"pover://{'u' * 30}@{'t' * 30}",
    "tgram": f"tgram://123456789:{SECRET}abc/12315544",
    "workflows": f"workflows://push.example:443/workflow1a/{SECRET}",
}


@pytest.fixture
def server() -> Iterator[Server]:
    with serve(answer=lambda _: Answer(body=b'{"ok":true}')) as started:
        yield started


def at(server: Server, scheme: str = "json", path: str = f"/{SECRET}") -> str:
    return f"{scheme}://127.0.0.1:{server.port}{path}"


def sent(*urls: str, ports: tuple[int, ...] = (), authorities: str = "", networks: tuple[str, ...] = HERE) -> list[Outcome]:
    report, envelopes = Kept(), [envelope(ChannelKind.APPRISE, BODY_SENT, url=url) for url in urls]
    found = report.all(apprise.send(batch(*envelopes, ports=ports, authorities=authorities, networks=networks), report))
    order = {one.delivery_id: number for number, one in enumerate(envelopes)}
    assert sorted(order[one.delivery_id] for one in found) == list(range(len(envelopes)))  # one outcome each
    return sorted(found, key=lambda one: order[one.delivery_id])


def posted(poster: Poster, url: str) -> Outcome:
    lane = Listened(envelope(ChannelKind.APPRISE, BODY_SENT, url=url))
    with carrier.in_place():
        apprise.post(lane, poster)
    return lane.told[0]


class Listened(Lane):
    """One envelope's lane."""

    def __init__(self, one: Any) -> None:
        self.told: list[Outcome] = []
        super().__init__([one], monotonic() + 20, None)  # type: ignore[arg-type] # told is ours

    def tell(self, outcome: Outcome) -> None:
        self.told.append(outcome)


def test_every_service_that_is_let_through_has_an_address_here() -> None:
    assert set(ADDRESSES) == set(SERVICES)


@pytest.mark.parametrize("scheme", sorted(ADDRESSES))
def test_every_service_dials_where_the_guard_looks_and_is_refused_there(scheme: str) -> None:
    asked: list[str] = []

    def inside(host: str, _: int) -> list[str]:
        asked.append(host)
        return ["10.0.0.1"]

    reach = Reach(plain=True, ports=frozenset({443, 80}))
    with Poster(reach, agent="test", trusted=trust(), resolve=inside) as poster:
        outcome = posted(poster, ADDRESSES[scheme])
    assert (outcome.kind, outcome.code) == (Sent.PERMANENT, "egress_refused"), outcome
    assert len(asked) == 1
    assert asked[0] in outcome.reason
    assert SECRET not in outcome.model_dump_json()


@pytest.mark.parametrize("scheme", sorted({service.module for service in SERVICES.values()}))
def test_a_service_that_is_let_through_brings_no_way_out_of_its_own(scheme: str) -> None:
    source = Path(str(import_module(f"apprise.plugins.{scheme}").__file__)).read_text(encoding="utf-8")
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {one.name.partition(".")[0] for one in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names.add(str(node.module).partition(".")[0])
    assert (
        names & {"socket", "ssl", "subprocess", "smtplib", "asyncio", "urllib3", "http", "threading", "ftplib", "paho", "ctypes"} == set()
    )


def test_a_message_arrives_as_its_service_wants_it(server: Server) -> None:
    found = sent(
        at(server),
        at(server, "ntfy", "/alerts"),
        at(server, "gotify", f"/{SECRET}"),
        at(server, "mmost", f"/{SECRET}"),
        ports=(server.port,),
    )
    assert [one.kind for one in found] == [Sent.OK] * 4
    assert all(one.address == "127.0.0.1" for one in found)
    bodies = {asked.path: json.loads(asked.body) for asked in server.asked}
    assert bodies[f"/{SECRET}"]["type"] == "failure"
    assert bodies["/"]["topic"] == "alerts"
    assert bodies["/message"]["title"].startswith("[Watchfloor] HIGH - TLS 1.0 is on")
    assert bodies[f"/hooks/{SECRET}"]["text"].endswith("https://watch.example/findings/a_7")
    assert {asked.headers["user-agent"] for asked in server.asked} == {apprise.AGENT}


@pytest.mark.parametrize(("scheme", "module", "attribute", "path"), [
    ("discord", "discord:NotifyDiscord", "notify_url", "/api/webhooks"), ("tgram", "telegram:NotifyTelegram", "notify_url", "/bot"),
    ("pover", "pushover:NotifyPushover", "notify_url", "/messages.json"), ("gchat", "google_chat:NotifyGoogleChat", "notify_url", "/v1/{workspace}"),
])  # fmt: skip
def test_a_service_of_fixed_address_takes_its_message(
    server: Server, monkeypatch: pytest.MonkeyPatch, scheme: str, module: str, attribute: str, path: str
) -> None:
    file, _, name = module.partition(":")
    monkeypatch.setattr(getattr(import_module(f"apprise.plugins.{file}"), name), attribute, server.url + path)
    (outcome,) = sent(ADDRESSES[scheme], ports=(server.port,))
    assert outcome.kind is Sent.OK
    (asked,) = server.asked
    text = unquote_plus(asked.body.decode())
    assert "@everyone" not in text
    assert "://evil" not in text
    assert "https://watch.example/findings/a_7" in text


def test_what_is_told_mentions_nobody_and_leads_nowhere() -> None:
    told = json.loads(BODY_SENT)
    assert told["body"].splitlines() == ["It was seen twice.", "port: 443", "https://watch.example/findings/a_7"]
    assert inert("@here <!channel> [a](b) https://x") == "@\u200bhere <\u200b!channel> [a]\u200b(b) https://\u200bx"
    long = TOLD.model_copy(update={"lines": tuple(f"{number} {'w' * 390}" for number in range(50))})
    assert len(json.loads(to_apprise(long))["body"]) <= BODY
    assert json.loads(to_apprise(long))["body"].endswith("[…]\nhttps://watch.example/findings/a_7")


@pytest.mark.parametrize(("status", "kind", "code"), [
    (500, Sent.RETRY, "500"), (404, Sent.RETRY, "404"), (401, Sent.RETRY, "401"), (410, Sent.DISABLE, "410"), (429, Sent.RETRY, "429"),
])  # fmt: skip
def test_what_a_service_answers(server: Server, status: int, kind: Sent, code: str) -> None:
    server.plan[f"/{SECRET}"] = [Answer(status=status, headers={"Retry-After": "40"} if status == 429 else {})]
    (outcome,) = sent(at(server), ports=(server.port,))
    assert (outcome.kind, outcome.code, outcome.retry_after_s) == (kind, code, 40.0 if status == 429 else None)


def test_a_redirect_is_not_followed(server: Server) -> None:
    server.plan[f"/{SECRET}"] = [Answer(status=307, headers={"Location": f"{server.url}/elsewhere"})]
    (outcome,) = sent(at(server), ports=(server.port,))
    assert (outcome.kind, outcome.code, outcome.reason) == (Sent.RETRY, "307", "redirect refused")
    assert server.paths == [f"/{SECRET}"]


def test_a_service_that_asks_to_wait_is_not_asked_again_at_once(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    from apprise.plugins.discord import NotifyDiscord  # noqa: PLC0415 - slow to load

    monkeypatch.setattr(NotifyDiscord, "notify_url", f"{server.url}/api/webhooks")
    server.plan[f"/api/webhooks/4174216298/{SECRET}"] = [Answer(status=429, headers={"Retry-After": "7"})]
    found = sent(ADDRESSES["discord"], ADDRESSES["discord"], at(server), ports=(server.port,))
    assert [(one.kind, one.code, one.retry_after_s) for one in found[:2]] == [(Sent.RETRY, "429", 7.0), (Sent.RETRY, "not_tried", 7.0)]
    assert found[2].kind is Sent.OK
    assert len(server.asked) == 2


def test_a_certificate_of_another_name_is_refused_for_good_and_one_of_a_known_authority_taken(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    with (
        serve(answer=lambda _: Answer(), tls=authority.server("127.0.0.1")) as right,
        serve(answer=lambda _: Answer(), tls=authority.server("other.example")) as wrong,
    ):
        found = sent(at(right, "jsons"), at(wrong, "jsons"), ports=(right.port, wrong.port), authorities=authority.pem)
    assert [(one.kind, one.code) for one in found] == [(Sent.OK, "200"), (Sent.PERMANENT, "tls_name")]


def test_a_card_of_teams_leads_where_it_says(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    with serve(answer=lambda _: Answer(status=202), tls=authority.server("127.0.0.1")) as teams:
        url = f"workflows://127.0.0.1:{teams.port}/workflow1a/{SECRET}"
        assert [one.kind for one in sent(url, ports=(teams.port,), authorities=authority.pem)] == [Sent.OK]
    card = json.loads(teams.asked[0].body)["attachments"][0]["content"]
    assert [block["text"].splitlines()[-1] for block in card["body"]][1] == "https://watch.example/findings/a_7"


@pytest.mark.parametrize("url", [
    "mailto://user:pass@example.org", "syslog://", "dbus://", "rsyslog://10.0.0.1", "mqtt://127.0.0.1/topic", "xmpp://user:pass@host", "macosx://",
    "windows://", "apprise://host/token", "msteams://a/b/c", "slack://a/b/c", "file:///etc/passwd", "https://example.org/hook", "no address", "://x",
])  # fmt: skip
def test_a_service_that_opens_sockets_of_its_own_or_is_unknown_is_refused_by_name(url: str) -> None:
    with pytest.raises(ValueError, match="is no service that messages are sent to"):
        ChannelCreate.model_validate({"kind": "apprise", "url": url})
    (outcome,) = sent(url)
    assert (outcome.kind, outcome.code) == (Sent.PERMANENT, "apprise_url")


@pytest.mark.parametrize("query", [
    "template=/etc/passwd", "TEMPLATE=/etc/passwd", "%74emplate=/etc/passwd", "attach=http://10.0.0.1/", "format=markdown", "verify=no", "method=GET", "retry=9",
    "detect=yes", "redirect=yes",
])  # fmt: skip
def test_an_address_decides_nothing_that_is_ours_and_reads_no_file(query: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        apprise.opened(f"discord://4174216298/{SECRET}?{query}")
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(("url", "said"), [
    ("tgram://123456789:abcdefghij_klmnopqrstuvwxyzABCDEFG", "no chat"),
    ("tgram://123456789:abcdefghij_klmnopqrstuvwxyzABCDEFG/1/2", "2 receivers"),
    (f"tgram://{SECRET}", "one is tgram://{bot_token}"), (f"discord://{SECRET}", "one is discord://{webhook_id}/{webhook_token}"),
    ("ntfy://push.example/a/b", "2 receivers"), (f"json://push.example/{SECRET} x", "blanks"),
])  # fmt: skip
def test_an_address_that_cannot_be_read_is_refused_without_repeating_it(url: str, said: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        apprise.opened(url)
    assert said in str(caught.value)
    assert SECRET not in str(caught.value)


def test_code_of_a_service_that_reaches_out_by_itself_is_stopped(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    import socket  # noqa: PLC0415 - played by the test alone

    from apprise.plugins.custom_json import NotifyJSON  # noqa: PLC0415 - slow to load

    def reaches_out(*_: object, **__: object) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", server.port), timeout=5):
                return True
        except Exception:  # noqa: BLE001 - as plugins do
            return False

    monkeypatch.setattr(NotifyJSON, "send", reaches_out)
    (outcome,) = sent(at(server), ports=(server.port,))
    assert (outcome.kind, outcome.code) == (Sent.PERMANENT, "egress_refused")
    assert "tried to reach out by itself" in outcome.reason
    assert server.asked == []


def test_what_is_not_sealed_is_left_alone(server: Server) -> None:
    import requests  # noqa: PLC0415 - the library whose sessions we borrow

    sent(at(server), ports=(server.port,))
    with requests.Session() as session:
        session.trust_env = False
        assert session.post(f"{server.url}/free", data=b"", timeout=5).status_code == 200
    with carrier.in_place(), pytest.raises(EgressRefused):
        requests.post(f"{server.url}/free", data=b"", timeout=5)


def test_a_service_that_wants_another_method_is_refused(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    import requests  # noqa: PLC0415 - as plugins do
    from apprise.plugins.custom_json import NotifyJSON  # noqa: PLC0415 - slow to load

    monkeypatch.setattr(NotifyJSON, "send", lambda *_, **__: requests.get(server.url, timeout=5).ok)
    (outcome,) = sent(at(server), ports=(server.port,))
    assert (outcome.kind, outcome.code) == (Sent.PERMANENT, "egress_refused")
    assert "GET" in outcome.reason
    assert server.asked == []


def test_no_secret_is_logged_or_shown(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    server.plan[f"/{SECRET}"] = [Answer(status=500, body=f"no such hook: {SECRET}".encode())]
    caplog.set_level(0)
    (outcome,) = sent(at(server), ports=(server.port,))
    with pytest.raises(InvalidInput):
        apprise.opened(f"tgram://{SECRET}")
    assert outcome.head == "no such hook: ***"
    assert SECRET not in caplog.text + outcome.model_dump_json()


def test_addresses_are_shown_without_what_opens_them() -> None:
    told = {scheme: masked(ChannelKind.APPRISE, {"url": url}) for scheme, url in ADDRESSES.items()}
    assert told["gotifys"] == "gotifys://push.example/…"
    assert (told["discord"], told["tgram"], told["pover"], told["ntfys"]) == ("discord://…", "tgram://…", "pover://…", "ntfys://…")
    assert masked(ChannelKind.APPRISE, {"url": f"json://user:{SECRET}@push.example/x"}) == "json://push.example/…"


def test_a_channel_of_apprise_takes_what_happens(world: World, receiver: Receiver) -> None:
    world.route(world.channel(receiver.url.replace("http://", "json://"), kind="apprise"), events=("scans.*",))
    world.told(world.happened("scans.finished", title="The scan is over"))
    assert (world.rows(), world.attempts()) == ([("sent", None, 1)], [(1, "ok", "200")])
    assert "The scan is over" in json.loads(receiver.came[0][1])["title"]
    assert world.sql("select host like 'apprise:%%', lane from delivery") == [(True, "apprise")]


def test_threads_of_a_batch_do_not_share_their_trips(server: Server) -> None:
    lock, seen = threading.Lock(), dict[str, int]()

    def answer(asked: Any) -> Answer:
        with lock:
            seen[asked.path] = seen.get(asked.path, 0) + 1
        return Answer(status=500 if asked.path.startswith("/bad") else 200)

    server.answer = answer
    found = sent(*(at(server, path=f"/{name}{number}") for number in range(3) for name in ("bad", "good")), ports=(server.port,))
    assert [one.kind for one in found] == [Sent.RETRY, Sent.OK] * 3
    assert set(seen.values()) == {1}


@pytest.mark.parametrize("url", [
    f"json://10.0.0.1/{SECRET}", f"gotify://169.254.169.254/{SECRET}", f"ntfys://[::1]/{SECRET}", f"jsons://push.example:8443/{SECRET}", f"mailtos://{SECRET}@example.org",
    f"tgram://{SECRET}", f"discord://1/{SECRET}?template=/etc/passwd",
])  # fmt: skip
def test_an_address_that_is_none_or_leads_inside_is_no_channel_and_is_not_repeated(world: World, owner: Client, url: str) -> None:
    del world
    answer = owner.ask("POST", "/notifications/channels", json={"kind": "apprise", "url": url})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input")
    assert SECRET not in answer.text


def test_a_channel_that_is_made_shows_no_secret(world: World, owner: Client) -> None:
    del world
    made = owner.post("/notifications/channels", {"kind": "apprise", "url": ADDRESSES["tgram"], "label": "phones"})
    assert (made["address"], made["kind"], made["secret"]) == ("tgram://…", "apprise", None)
    assert SECRET not in str(owner.get("/notifications/channels"))
