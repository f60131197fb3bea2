"""Facts about an organisation's own words on their way: kept, tried, sent by mail, webhook and chat, and left out where they do not fit."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.api.floor import client_of
from watchfloor.capabilities.notifications.engine.facts import names_of, values_of
from watchfloor.capabilities.notifications.engine.told import message_of
from watchfloor.capabilities.notifications.queries import channels, templates
from watchfloor.capabilities.notifications.schemas.channels import ChannelCreate
from watchfloor.kernel.assets.inventory import see
from watchfloor.kernel.contract import Severity
from watchfloor.kernel.findings.ledger import record

if TYPE_CHECKING:
    from uuid import UUID

    import httpx

    from tests.api.floor import Client
    from tests.notifications.mailserver import Mailbox
    from tests.notifications.receiver import Receiver
    from tests.notifications.world import World

AT = "/notifications/templates"
OWN = {"subject": "{severity}: port {port} of {target}", "body": "Look at {target}.\nIt says: {title}"}
TELNET: dict[str, Any] = {"target": "192.0.2.1", "port": 23, "title": "Telnet is open"}


def keep(owner: Client, event: str = "finding.opened", kind: str = "webhook", **more: str) -> Any:
    answer = owner.ask("PUT", f"{AT}/{event}/{kind}", json={**OWN, **more})
    assert answer.status_code == 200, answer.text
    return answer.json()


def tell(world: World, event: str = "finding.opened", **data: Any) -> None:
    world.told(world.happened(event, severity=Severity.HIGH, **data))


def hooked(receiver: Receiver) -> dict[str, Any]:
    """Return what the last webhook said."""
    found: dict[str, Any] = json.loads(receiver.came[-1][1])["data"]
    return found


def log(world: World) -> list[str]:
    return [row[0] for row in world.sql("select reason from delivery_attempt order by id")]


def test_own_words_go_out_and_facts_stay_for_machines(world: World, owner: Client, receiver: Receiver) -> None:
    world.route(world.channel(receiver.url))
    keep(owner)
    tell(world, **TELNET)
    said = hooked(receiver)
    assert (said["title"], said["text"]) == ("high: port 23 of 192.0.2.1", ["Look at 192.0.2.1.", "It says: Telnet is open"])
    assert said["facts"]["port"] == "23"
    assert log(world) == [""]


def test_each_kind_of_channel_has_its_words(world: World, owner: Client, receiver: Receiver, room: Receiver, box: Mailbox) -> None:
    with world.ledger.database.transaction(world.org) as session:
        wish = ChannelCreate.model_validate({"kind": "email", "email": "ana@example.org"})
        mail, _ = channels.add_channel(session, world.ledger.vault, world.org, wish, actor="test")
    world.route(world.channel(receiver.url), world.channel(room.url, kind="slack"), mail)
    keep(owner, kind="email", subject="Mail: {title}", body="<b>{target}</b> & co")
    keep(owner, kind="slack", subject="Chat: {title}", body="at {target}")
    tell(world, **TELNET)
    (letter,) = box.arrived
    assert letter.mail["Subject"] == "Mail: Telnet is open"
    plain, html = (letter.mail.get_body((part,)).get_content() for part in ("plain", "html"))  # type: ignore[union-attr] # it has both parts
    assert "<b>192.0.2.1</b> & co" in plain
    assert "&lt;b&gt;192.0.2.1&lt;/b&gt; &amp; co" in html
    assert "protocol" not in plain
    chat = json.loads(room.came[0][1])
    assert (chat["text"], "at 192.0.2.1" in json.dumps(chat["blocks"])) == ("Chat: Telnet is open", True)
    assert hooked(receiver)["title"] == "Telnet is open"


def test_the_nearest_template_counts(world: World, owner: Client, receiver: Receiver) -> None:
    world.route(world.channel(receiver.url))
    keep(owner, "*", subject="all", body="")
    keep(owner, "finding.*", subject="findings", body="")
    keep(owner, "finding.opened", subject="opened", body="")
    for event in ("finding.opened", "finding.fixed", "scans.finished"):
        tell(world, event)
    assert [json.loads(body)["data"]["title"] for _, body in receiver.came] == ["opened", "findings", "all"]


def test_words_that_do_not_fit_are_left_out_and_the_log_says_so(world: World, owner: Client, receiver: Receiver) -> None:
    world.route(world.channel(receiver.url))
    keep(owner)
    tell(world, target="192.0.2.1", title="No port")
    assert hooked(receiver)["title"] == "No port"
    assert log(world) == ["own words were not used: the template for finding.opened is unfit, the message has no port"]
    assert [row[0] for row in world.rows()] == ["sent"]
    (delivery,) = owner.get("/notifications/deliveries")["items"]
    assert "has no port" in owner.get(f"/notifications/deliveries/{delivery['id']}/attempts")["items"][0]["reason"]


def test_what_is_kept_and_means_nothing_any_more_loses_no_message(world: World, owner: Client, receiver: Receiver) -> None:
    world.route(world.channel(receiver.url))
    keep(owner)
    world.sql("update notify_template set subject = '{port', body = '{{'")
    tell(world, **TELNET)
    assert hooked(receiver)["title"] == "Telnet is open"
    assert "a brace stands alone" in log(world)[0]
    assert owner.get(f"{AT}/finding.opened/webhook")["subject"] == "{port"


def test_a_receivers_own_reason_stays_beside_that_of_the_words(world: World, owner: Client, receiver: Receiver) -> None:
    receiver.answers += [410]
    hook = world.channel(receiver.url)
    world.route(hook)
    keep(owner)
    tell(world, target="x")
    assert "own words were not used" in log(world)[0]
    assert "own words" not in str(owner.get(f"/notifications/channels/{hook}")["reason"])


def test_words_that_change_before_another_attempt_are_the_new_ones_under_the_same_id(
    world: World, owner: Client, receiver: Receiver
) -> None:
    receiver.answers += [503]
    world.route(world.channel(receiver.url))
    keep(owner)
    tell(world, **TELNET)
    keep(owner, subject="Now: {title}")
    world.now()
    assert [json.loads(body)["data"]["title"] for _, body in receiver.came] == ["high: port 23 of 192.0.2.1", "Now: Telnet is open"]
    assert len(set(receiver.ids())) == 1


def test_a_digest_is_worded_as_well(world: World, owner: Client, receiver: Receiver) -> None:
    world.route(world.channel(receiver.url), digest={"mode": "hourly"})
    keep(owner, "notifications.digest", subject="{high|0} high", body="{text}")
    tell(world, **TELNET)
    world.sql("update notify_digest set due_at = wf_now()")
    world.done("notifications.flush_digests")
    assert (hooked(receiver)["title"], hooked(receiver)["text"]) == ("1 high", ["HIGH Telnet is open"])


def test_templates_are_kept_shown_counted_and_deleted(world: World, owner: Client) -> None:
    assert keep(owner)["revision"] == 1
    assert keep(owner, subject="{title}")["revision"] == 2
    keep(owner, "*", "email", subject="{title}")
    assert [(one["event"], one["kind"]) for one in owner.get(AT)["items"]] == [("*", "email"), ("finding.opened", "webhook")]
    assert owner.get(f"{AT}/finding.opened/webhook")["subject"] == "{title}"
    assert [owner.ask("DELETE", f"{AT}/finding.opened/webhook").status_code for _ in range(2)] == [204, 404]
    assert owner.ask("GET", f"{AT}/finding.opened/webhook").status_code == 404
    assert world.sql("select operation, object from audit_entry where operation like 'notify.%%template' order by at") == [
        ("notify.set_template", "finding.opened webhook"), ("notify.set_template", "finding.opened webhook"), ("notify.set_template", "* email"),
        ("notify.delete_template", "finding.opened webhook"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("path", "more", "said"),
    [
        ("finding.opened/webhook", {"body": "{colour} and {shape}"}, "colour, shape"), ("finding.opened/webhook", {"subject": "{"}, "brace"),
        ("finding.opened/webhook", {"subject": ""}, "subject"), ("finding.opened/pigeon", {}, "kind"), ("Finding/webhook", {}, "event"),
    ],
)  # fmt: skip
def test_what_could_never_be_sent_is_not_kept(world: World, owner: Client, path: str, more: dict[str, str], said: str) -> None:
    del world
    answer = owner.ask("PUT", f"{AT}/{path}", json={**OWN, **more})
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert said in answer.text
    assert owner.get(AT)["items"] == []


def test_there_are_as_many_templates_as_an_organisation_may_have(world: World, owner: Client) -> None:
    world.sql(
        "insert into notify_template (org, id, event, kind, subject, body, changed_by) "
        "select %s, gen_random_uuid(), 'noun_' || n || '.verb', 'email', 's', '', 'test' from generate_series(1, %s) n",
        world.org,
        templates.MOST - 1,
    )
    for _ in range(2):
        keep(owner)
    assert owner.ask("PUT", f"{AT}/finding.fixed/webhook", json=OWN).status_code == 409
    assert owner.ask("DELETE", f"{AT}/noun_1.verb/email").status_code == 204
    keep(owner, "finding.fixed")


def test_a_preview_words_what_is_given_or_kept_and_sends_nothing(world: World, owner: Client, receiver: Receiver) -> None:
    world.route(world.channel(receiver.url))
    asked = {"event": "finding.opened", "kind": "email", "severity": "high", "data": TELNET}
    ours = owner.post(f"{AT}/preview", asked)
    assert (ours["own"], ours["template"], ours["subject"]) == (False, None, "[Watchfloor] HIGH - Telnet is open (192.0.2.1)")
    assert {"target", "port", "title"} <= set(ours["names"])
    given = owner.post(f"{AT}/preview", {**asked, **OWN})
    assert (given["own"], given["subject"], given["lines"][0]) == (True, "high: port 23 of 192.0.2.1", "Look at 192.0.2.1.")
    keep(owner, "finding.*", "email", subject="Kept: {title}", body="")
    assert owner.post(f"{AT}/preview", asked)["template"] == "finding.*"
    sample = owner.post(f"{AT}/preview", {"event": "finding.opened", "kind": "slack", **OWN})
    assert sample["subject"] == "info: port [port] of [target]"
    lacking = owner.post(f"{AT}/preview", {**asked, **OWN, "data": {"title": "No port"}})
    assert (lacking["own"], lacking["problem"], lacking["subject"]) == (False, "the message has no port", "[Watchfloor] HIGH - No port")
    assert owner.ask("POST", f"{AT}/preview", json={**asked, "subject": "alone"}).status_code == 422
    assert owner.ask("POST", f"{AT}/preview", json={**asked, "subject": "{colour}", "body": ""}).status_code == 422
    assert (receiver.came, world.sql("select count(*) from notification")) == ([], [(0,)])


def test_only_administrators_word_and_everybody_who_reads_may_try(world: World, http: httpx.Client) -> None:
    for role, status in (("admin", 200), ("operator", 403), ("viewer", 403)):
        client = client_of(http, world.ledger, world.org, role)
        assert client.ask("PUT", f"{AT}/finding.opened/webhook", json=OWN).status_code == status
        assert client.post(f"{AT}/preview", {"event": "finding.opened", "kind": "webhook"})["own"] is True


def test_one_organisations_words_are_nobody_elses(
    world: World, http: httpx.Client, owner: Client, stranger: UUID, receiver: Receiver
) -> None:
    other = client_of(http, world.ledger, stranger, "owner")
    keep(other, subject="theirs", body="")
    world.route(world.channel(receiver.url))
    tell(world, **TELNET)
    assert hooked(receiver)["title"] == "Telnet is open"
    assert owner.get(AT)["items"] == []
    assert [owner.ask(method, f"{AT}/finding.opened/webhook").status_code for method in ("GET", "DELETE")] == [404, 404]
    assert other.get(f"{AT}/finding.opened/webhook")["subject"] == "theirs"


def test_what_events_really_say_is_what_is_declared_of_them(world: World, receiver: Receiver) -> None:
    receiver.answers += [410]
    world.route(world.channel(receiver.url), events=("finding.*",))
    with world.ledger.database.transaction(world.org) as session:
        asset = see(session, world.org, kind="host", key="192.0.2.1")
        record(
            session, world.org, key="k", capability="scans", check="c", asset=asset, target="192.0.2.1", port=23, title="t", severity=Severity.HIGH,
            evidence={}, remedy="r", job=None,
        )  # fmt: skip
    world.told(world.sql("select id from event where name = 'finding.opened'")[0][0])
    seen = world.sql("select name, data from event where name in ('finding.opened', 'channel.disabled', 'delivery.dead')")
    assert {name for name, _ in seen} == {"finding.opened", "channel.disabled", "delivery.dead"}
    for name, data in seen:
        message = message_of(name, "high", world.sql("select wf_now()")[0][0], data)
        assert set(values_of(message)) <= set(names_of(name)), name
