"""Facts about links in mails that unsubscribe: over the real API, with mails that a real server took."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.api.floor import client_of, served
from tests.notifications.mailserver import Mailbox, mailserver
from tests.notifications.world import World
from watchfloor.capabilities.notifications.engine.links import PURPOSE, Act, Link, make_token
from watchfloor.capabilities.notifications.queries import channels, unsubscribing
from watchfloor.capabilities.notifications.schemas.channels import ChannelCreate
from watchfloor.capabilities.notifications.schemas.preferences import Wishes
from watchfloor.catalog import CATALOG
from watchfloor.doors.api import make_app
from watchfloor.kernel.settings import kernel_settings
from watchfloor.kernel.tenancy.limits import Limits

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

BROWSER = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
ONE_CLICK = {"List-Unsubscribe": "One-Click"}
DAY = {"mode": "daily", "at_local": "08:00"}


@pytest.fixture
def box(monkeypatch: pytest.MonkeyPatch, http: httpx.Client) -> Iterator[Mailbox]:
    """Serve mail, and let the installation use it as its relay and be reached where its API is."""
    with mailserver() as found:
        told = {"SMTP_HOST": "127.0.0.1", "SMTP_PORT": str(found.port), "SMTP_TLS": "none", "MAIL_FROM": "Watchfloor <wf@example.org>"}
        for name, value in (told | {"PUBLIC_URL": str(http.base_url)}).items():
            monkeypatch.setenv(f"WATCHFLOOR_NOTIFICATIONS_{name}", value)
        yield found


def mails(world: World, user: str = "ana", address: str = "ana@example.org", **route: Any) -> UUID:
    """Let a person follow all events by mail."""
    with world.ledger.database.transaction(world.org) as session:
        wish = ChannelCreate.model_validate({"kind": "email", "owner": user, "email": address})
        made, _ = channels.add_channel(session, world.ledger.vault, world.org, wish, actor="test")
    return world.route(made, owner=user, **route)


def link_in(box: Mailbox, at: int = -1) -> str:
    """Return the link of a mail's header as it came over the wire."""
    head = box.arrived[at].content.partition(b"\r\n\r\n")[0]
    (found,) = re.findall(rb"^List-Unsubscribe: <([^>]+)>\r?$", head, re.MULTILINE)
    return str(found.decode())


def token_of(
    world: World, user: str = "ana", what: str = "scans.finished", act: Act = Act.UNSUBSCRIBE, *, age: timedelta = timedelta()
) -> str:
    asked = Link(org=world.org, user=user, act=act, what=what, issued=datetime.now(UTC) - age)
    return "/api/v1/notifications/unsubscribe/" + make_token(world.ledger.vault.link_key(world.org, PURPOSE), asked)


def opted_out(world: World, user: str = "ana") -> list[str]:
    rows = world.sql("select wishes -> 'opted_out' from notify_preference where user_id = %s", user)
    return list(rows[0][0] or ()) if rows else []


def audited(world: World) -> list[tuple[str, str, str, str, str]]:
    sql = "select actor, operation, object, outcome, reason from audit_entry where operation in ('unsubscribe', 'undo_unsubscribe') order by at, id"
    return [(row[0], row[1], row[2], row[3], row[4]) for row in world.sql(sql)]


def undo_in(page: httpx.Response) -> str:
    (found,) = re.findall(r'<form method="post" action="([A-Za-z0-9_-]+)">', page.text)
    return str(page.url.join(found))


def test_the_link_of_a_mail_posted_by_a_mail_program_ends_such_mail(world: World, http: httpx.Client, box: Mailbox) -> None:
    mails(world)
    world.told(world.happened("scans.finished"))
    head = box.arrived[0].mail
    assert (head["List-Unsubscribe-Post"], head["List-Id"]) == ("List-Unsubscribe=One-Click", "<notifications.example.org>")
    answer = httpx.post(link_in(box), data=ONE_CLICK, trust_env=False)  # no cookie, no key
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert not answer.cookies
    world.told(world.happened("scans.finished"))
    assert [row[:2] for row in world.rows()] == [("sent", None), ("suppressed", "opted_out")]
    world.told(world.happened("scans.changed"))
    assert world.rows()[-1][:2] == ("sent", None)  # of other events people are told as before
    assert len(box.arrived) == 2
    assert audited(world) == [("link of ana", "unsubscribe", "ana", "ok", "scans.finished")]
    assert http.base_url.host == urlsplit(link_in(box)).hostname


def test_both_parts_of_a_mail_end_with_the_link(world: World, box: Mailbox) -> None:
    mails(world)
    world.told(world.happened("scans.finished"))
    for kind in ("plain", "html"):
        body = box.arrived[0].mail.get_body((kind,))
        assert body is not None
        assert link_in(box) in body.get_content()


def test_a_mail_that_is_tried_again_has_the_same_link(world: World, box: Mailbox) -> None:
    mails(world)
    box.refusals["content"] = ["451 later"]
    world.told(world.happened("scans.finished"))
    world.now()
    hashes = world.sql("select body_sha256 from delivery_attempt order by n")
    assert world.rows()[0][:2] == ("sent", None)
    assert (len(hashes), len(set(hashes))) == (2, 1)


def test_looking_changes_nothing_however_often(world: World, http: httpx.Client, box: Mailbox) -> None:
    mails(world)
    world.told(world.happened("scans.finished"))
    pages = [http.get(link_in(box)) for _ in range(3)]
    assert {page.status_code for page in pages} == {200}
    assert len({page.text for page in pages}) == 1
    assert http.head(link_in(box)).status_code == 405
    world.told(world.happened("scans.finished"))
    assert [row[:2] for row in world.rows()] == [("sent", None)] * 2
    assert world.sql("select count(*) from notify_preference") == [(0,)]
    assert audited(world) == []


def test_a_page_has_no_script_nothing_from_elsewhere_and_a_policy_that_says_so(world: World, http: httpx.Client) -> None:
    page = http.get(token_of(world, "<script>alert(1)</script>"), headers=BROWSER)
    assert "<script" not in page.text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page.text
    assert not re.search(r"\b(src|href)=|url\(|@import", page.text)
    policy = page.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy
    assert {name: page.headers[name] for name in ("cache-control", "referrer-policy", "x-content-type-options", "x-robots-tag")} == {
        "cache-control": "no-store", "referrer-policy": "no-referrer", "x-content-type-options": "nosniff", "x-robots-tag": "noindex"
    }  # fmt: skip


def test_what_was_held_when_somebody_unsubscribed_is_suppressed(world: World, http: httpx.Client, box: Mailbox) -> None:
    hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    world.wish("ana", quiet=[{"start": f"{hour:%H:%M}", "end": f"{hour + timedelta(hours=3):%H:%M}"}])
    mails(world)
    world.told(world.happened("scans.finished"), world.happened("scans.changed"))
    assert [row[:2] for row in world.rows()] == [("held", "quiet_hours")] * 2
    assert http.post(token_of(world)).status_code == 200
    world.sql("update notify_preference set wishes = wishes - 'quiet'")
    world.now()
    assert sorted(row[0] for row in world.rows()) == ["sent", "suppressed"]
    assert [one.mail["X-Watchfloor-Event"] for one in box.arrived] == ["scans.changed"]


def test_posting_again_changes_nothing_more(world: World, http: httpx.Client) -> None:
    first, second = (http.post(token_of(world)) for _ in range(2))
    assert (first.status_code, second.status_code) == (200, 200)
    assert opted_out(world) == ["scans.finished"]
    assert world.sql("select revision from notify_preference") == [(1,)]
    assert len(audited(world)) == 1


def test_two_links_posted_at_once_both_count(world: World) -> None:
    wanted = {f"scans.kind{number}" for number in range(6)}
    sessions = world.ledger.database

    def post(what: str) -> bool:
        with sessions.transaction(world.org) as session:
            return unsubscribing.opt_out(session, world.org, "ana", what, request_id=None, address=None)

    with ThreadPoolExecutor(6) as pool:
        assert all(pool.map(post, wanted))
        assert sum(pool.map(post, ["scans.finished"] * 6)) == 1  # one link posted six times at once counts once
    assert sorted(opted_out(world)) == sorted(wanted | {"scans.finished"})
    assert len(audited(world)) == len(wanted) + 1


def test_the_page_that_answers_undoes_it(world: World, http: httpx.Client, box: Mailbox) -> None:
    world.wish("ana", opted_out=["reports.*"], locale="de")
    mails(world)
    done = http.post(token_of(world), headers=BROWSER)
    assert "Rückgängig machen" in done.text
    undo = undo_in(done)
    looked = http.get(undo, headers=BROWSER)
    assert "Wieder erfahren" in looked.text
    assert opted_out(world) == ["reports.*", "scans.finished"]  # looking undoes nothing
    for _ in range(2):
        assert http.post(undo, headers=BROWSER).status_code == 200
    assert opted_out(world) == ["reports.*"]
    world.told(world.happened("scans.finished"))
    assert len(box.arrived) == 1
    assert [row[1] for row in audited(world)] == ["unsubscribe", "undo_unsubscribe"]


def test_who_opens_a_link_that_a_mail_program_posted_can_undo_it(world: World, http: httpx.Client) -> None:
    link = token_of(world)
    http.post(link, data=ONE_CLICK)
    assert http.post(undo_in(http.get(link, headers=BROWSER))).status_code == 200
    assert opted_out(world) == []


@pytest.mark.parametrize(("act", "days"), [(Act.UNSUBSCRIBE, 180), (Act.UNDO, 30)])
def test_a_link_that_is_too_old_does_nothing_and_says_so(world: World, http: httpx.Client, act: Act, days: int) -> None:
    world.wish("ana", opted_out=["scans.changed"])
    old = token_of(
        world, what="scans.finished" if act is Act.UNSUBSCRIBE else "scans.changed", act=act, age=timedelta(days=days, minutes=1)
    )
    for method in ("GET", "POST"):
        plain, page = http.request(method, old), http.request(method, old, headers=BROWSER | {"accept-language": "de-AT,de;q=0.9,en;q=0.5"})
        assert (plain.status_code, plain.json()["code"]) == (410, "gone")
        assert f"{days} days" in plain.json()["detail"]
        assert (page.status_code, page.headers["content-type"]) == (410, "text/html; charset=utf-8")
        assert "abgelaufen" in page.text
        assert "ana" not in page.text
    assert opted_out(world) == ["scans.changed"]
    assert http.get(token_of(world, act=act, age=timedelta(days=days, minutes=-1))).status_code == 200


def test_a_link_that_was_changed_opens_nothing_and_tells_nothing(world: World, http: httpx.Client) -> None:
    link = token_of(world)
    head, _, token = link.rpartition("/")
    swapped = [token[:at] + ("A" if token[at] != "A" else "B") + token[at + 1 :] for at in range(0, len(token), 7)]
    answers = [http.request(method, f"{head}/{one}") for one in (*swapped, "x", "A" * 60_000, token + "A") for method in ("GET", "POST")]
    assert {(one.status_code, one.json()["code"], one.json()["detail"]) for one in answers} == {
        (404, "not_found", answers[0].json()["detail"])
    }
    page = http.get(f"{head}/{swapped[3]}", headers=BROWSER)
    assert (page.status_code, "ana" in page.text) == (404, False)
    assert (opted_out(world), audited(world)) == ([], [])


def test_a_link_acts_on_its_own_organisation_alone(world: World, stranger: UUID, http: httpx.Client) -> None:
    there = World(world.ledger, stranger, world.worker)
    assert http.post(token_of(there)).status_code == 200
    assert (opted_out(there), opted_out(world)) == (["scans.finished"], [])
    assert audited(world) == []
    # Signed with another organisation's key it is nobody's, though both organisations are of this installation.
    asked = Link(org=world.org, user="ana", act=Act.UNSUBSCRIBE, what="scans.finished", issued=datetime.now(UTC))
    forged = make_token(world.ledger.vault.link_key(stranger, PURPOSE), asked)
    assert http.post(f"/api/v1/notifications/unsubscribe/{forged}").status_code == 404
    assert opted_out(world) == []


def test_what_is_mandatory_has_no_link_and_cannot_be_unsubscribed(world: World, http: httpx.Client, box: Mailbox) -> None:
    mails(world, events=("scans.*",), mandatory=True)
    world.told(world.happened("scans.finished"))
    head = box.arrived[0].mail
    assert (head["List-Unsubscribe"], head["List-Unsubscribe-Post"]) == (None, None)
    assert b"nsubscribe:" not in box.arrived[0].content
    link = token_of(world)  # of a mail from before it was mandatory
    plain, page = http.post(link, data=ONE_CLICK), http.post(link, headers=BROWSER)
    assert (plain.status_code, plain.json()["code"], page.status_code) == (409, "conflict", 409)
    assert "always told of scans.finished" in plain.json()["detail"]
    assert "cannot be unsubscribed" in page.text
    assert "<form" not in http.get(link, headers=BROWSER).text
    assert opted_out(world) == []
    assert audited(world) == [("link of ana", "unsubscribe", "ana", "refused", "scans.finished is mandatory")] * 2


def test_what_is_mandatory_and_was_held_is_told_though_its_person_opted_out(world: World, box: Mailbox) -> None:
    hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    world.wish("ana", opted_out=["scans.*"], quiet=[{"start": f"{hour:%H:%M}", "end": f"{hour + timedelta(hours=3):%H:%M}"}])
    mails(world, mandatory=True)
    world.told(world.happened("scans.finished"))
    assert world.rows()[0][:2] == ("held", "quiet_hours")
    world.sql("update notify_preference set wishes = wishes - 'quiet'")
    world.now()
    assert (world.rows()[0][:2], len(box.arrived)) == (("sent", None), 1)


@pytest.mark.parametrize("user", ["", "ana"])
def test_mail_to_nobody_in_person_or_of_an_installation_without_address_has_no_link(
    world: World, box: Mailbox, monkeypatch: pytest.MonkeyPatch, user: str
) -> None:
    if user:
        monkeypatch.delenv("WATCHFLOOR_NOTIFICATIONS_PUBLIC_URL")
    mails(world, user)
    world.told(world.happened("scans.finished"))
    head = box.arrived[0].mail
    assert (head["List-Unsubscribe"], head["List-Unsubscribe-Post"]) == (None, None)
    assert b"nsubscribe" not in box.arrived[0].content


def test_who_opted_out_of_many_events_at_once_is_told_where_to_change_that(world: World, http: httpx.Client) -> None:
    world.wish("ana", opted_out=["scans.*"])
    page = http.post(token_of(world), headers=BROWSER)
    assert (page.status_code, "settings" in page.text, "<form" in page.text) == (200, True, False)
    assert (opted_out(world), audited(world)) == (["scans.*"], [])


def test_more_than_the_settings_can_hold_is_refused_and_nothing_is_lost(world: World, http: httpx.Client) -> None:
    many = [f"a.b{number}" for number in range(unsubscribing.MOST)]
    world.wish("ana", opted_out=many)
    assert [http.post(token_of(world)).status_code, http.post(token_of(world), headers=BROWSER).status_code] == [409, 409]
    assert opted_out(world) == many
    assert Wishes.model_fields["opted_out"].metadata[0].max_length == unsubscribing.MOST


def test_who_guesses_is_slowed_down_and_so_is_who_never_stops(world: World) -> None:
    app = make_app(world.ledger, CATALOG, kernel_settings(), limits=Limits(requests_a_minute=5, failures_a_minute=3))
    with served(app) as client:
        wrong = [client.get("/api/v1/notifications/unsubscribe/wrong").status_code for _ in range(5)]
        right = [client.post(token_of(world)).status_code for _ in range(7)]
        other = client.post(token_of(world, "bob")).status_code
    assert wrong == [404, 404, 404, 429, 429]
    assert (right[:5], right[-1], other) == ([200] * 5, 429, 200)


def test_a_key_is_neither_needed_nor_of_use(world: World, http: httpx.Client, stranger: UUID) -> None:
    eve = client_of(http, world.ledger, stranger, "owner")
    assert eve.ask("POST", token_of(world)).status_code == 200
    assert opted_out(world) == ["scans.finished"]
    with world.ledger.database.transaction(stranger) as session:
        assert unsubscribing.opt_in(session, stranger, "ana", "scans.finished", request_id=None, address=None) is False


def test_a_digest_leaves_out_what_somebody_unsubscribed_from_since(world: World, http: httpx.Client, box: Mailbox) -> None:
    mails(world, digest=DAY)
    world.told(world.happened("scans.finished", title="One"), world.happened("scans.changed", title="Two"))
    assert http.post(token_of(world)).status_code == 200
    world.sql("update notify_digest set due_at = wf_now()")
    assert world.done("notifications.flush_digests") == {"sent": 1, "empty": 0}
    (arrived,) = box.arrived
    body = arrived.mail.get_body(("plain",))
    assert body is not None
    assert ("Two" in body.get_content(), "One" in body.get_content()) == (True, False)


def test_a_digest_of_nothing_that_is_wanted_is_suppressed_and_says_why(world: World, http: httpx.Client, box: Mailbox) -> None:
    mails(world, digest=DAY)
    world.told(world.happened("scans.finished"), world.happened("scans.finished"))
    assert http.post(token_of(world)).status_code == 200
    world.sql("update notify_digest set due_at = wf_now()")
    world.done("notifications.flush_digests")
    assert (world.rows(), box.arrived) == ([("suppressed", "opted_out", 0)], [])


def test_the_link_of_a_digest_ends_digests(world: World, box: Mailbox) -> None:
    mails(world, digest=DAY)
    for _ in range(2):
        world.told(world.happened("scans.finished"))
        world.sql("update notify_digest set due_at = wf_now() where closed_at is null")
        world.done("notifications.flush_digests")
        world.sql("update notify_digest set window_start = window_start - interval '1 day' where closed_at is not null")
        httpx.post(link_in(box), data=ONE_CLICK, trust_env=False)
    assert [row[:2] for row in world.rows()] == [("sent", None), ("suppressed", "opted_out")]
    assert opted_out(world) == ["notifications.digest"]


def test_what_was_held_when_somebody_paused_is_suppressed_and_a_digest_too(world: World, box: Mailbox) -> None:
    mails(world, digest=DAY)
    mails(world, "bob", "bob@example.org")
    hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    world.wish("bob", quiet=[{"start": f"{hour:%H:%M}", "end": f"{hour + timedelta(hours=3):%H:%M}"}])
    world.told(world.happened("scans.finished"))
    until = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    for user in ("ana", "bob"):
        world.wish(user, paused_until=until)
    world.sql("update notify_digest set due_at = wf_now()")
    world.now()
    world.done("notifications.flush_digests")
    assert (world.rows(), box.arrived) == ([("suppressed", "paused", 0)] * 2, [])
