"""Mail to a real server, accepted, refused, cut off and overheard."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from aiosmtpd.smtp import AuthResult

from tests.notifications.mailserver import mailserver, signs_in
from tests.notifications.receivers import Authority, Kept, batch, envelope, listening
from watchfloor.capabilities.notifications.channels import mail, relay
from watchfloor.capabilities.notifications.engine.to_email import Mail, to_email
from watchfloor.capabilities.notifications.schemas.message import Message
from watchfloor.capabilities.notifications.schemas.wire import ChannelKind, Envelope, Outcome, Outcomes, Sent
from watchfloor.kernel.contract import Severity
from watchfloor.kernel.sandbox.client import Sandbox
from watchfloor.kernel.sandbox.profiles import NOTIFY
from watchfloor.kernel.sandbox.zygote import start

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable
    from pathlib import Path

NOW = datetime(2026, 11, 29, 8, tzinfo=UTC)
PASSWORD = "s3cret-pass"


def content(to: str = "ana@example.org", title: str = "TLS 1.0 is on", number: int = 1) -> bytes:
    message = Message(
        type="finding.opened", severity=Severity.HIGH, title=title, asset="web-1", occurred_at=NOW, lines=("\u00fc .", ".", "..", ".x")
    )
    return to_email(message, Mail(sender="Watchfloor <wf@example.org>", to=to, idem=number.to_bytes(32, "big"), at=NOW))


def letter(port: int, to: str = "ana@example.org", body: bytes | None = None, **target: str) -> Envelope:
    where: dict[str, Any] = {"host": "127.0.0.1", "port": str(port), "tls": "none", "from_": "wf@example.org", "to": to} | target
    return envelope(ChannelKind.EMAIL, body if body is not None else content(), **where)


def sent(*envelopes: Envelope, authorities: str = "") -> list[Outcome]:
    report = Kept()
    found = report.all(mail.send(batch(*envelopes, authorities=authorities, networks=()), report))
    order = {one.delivery_id: number for number, one in enumerate(envelopes)}
    assert sorted(order[one.delivery_id] for one in found) == list(range(len(envelopes)))  # one outcome each
    return sorted(found, key=lambda one: order[one.delivery_id])


def said(outcome: Outcome) -> tuple[Sent, str]:
    return outcome.kind, outcome.code


def test_a_mail_arrives_as_it_was_written() -> None:
    with mailserver() as box:
        (outcome,) = sent(letter(box.port))
    assert (*said(outcome), outcome.address) == (Sent.OK, "250", "127.0.0.1")
    (arrived,) = box.arrived
    assert (arrived.sender, arrived.to) == ("wf@example.org", ["ana@example.org"])
    assert arrived.content == content()
    assert box.greeted == ["[127.0.0.1]"]
    text = arrived.mail.get_body(("plain",))
    assert text is not None
    assert "\n\u00fc .\n\n.\n\n..\n\n.x\n" in text.get_content().replace("\r\n", "\n")


@pytest.mark.parametrize(("step", "answer", "outcome"), [
    ("to", "450 busy", (Sent.RETRY, "450")), ("to", "451 later", (Sent.RETRY, "451")), ("to", "550 nobody", (Sent.PERMANENT, "550")),
    ("to", "551 moved", (Sent.PERMANENT, "551")), ("to", "552 full", (Sent.PERMANENT, "552")), ("to", "553 bad", (Sent.PERMANENT, "553")),
    ("to", "421 closing", (Sent.RETRY, "421")), ("mail", "450 later", (Sent.RETRY, "sender_450")), ("mail", "421 closing", (Sent.RETRY, "sender_421")),
    ("mail", "530 sign in", (Sent.RETRY, "sender_530")), ("mail", "550 not you", (Sent.PERMANENT, "sender_550")),
    ("content", "451 later", (Sent.RETRY, "content_451")), ("content", "554 spam", (Sent.PERMANENT, "content_554")),
    ("content", "550 policy", (Sent.PERMANENT, "content_550")),
])  # fmt: skip
def test_a_refusal_hits_its_mail_and_no_other(step: str, answer: str, outcome: tuple[Sent, str]) -> None:
    with mailserver() as box:
        box.refusals["ana@example.org" if step == "to" else step] = [answer]
        found = sent(letter(box.port), letter(box.port, "bob@example.org"), letter(box.port, "cy@example.org"))
    assert sorted(map(said, found)) == sorted([outcome, (Sent.OK, "250"), (Sent.OK, "250")])
    if step == "to":
        assert said(found[0]) == outcome
    assert len(box.arrived) == 2
    refused = next(one for one in found if one.kind is not Sent.OK)
    assert refused.head.startswith(answer[4:])


def test_accepted_at_the_second_try_it_is_the_same_mail() -> None:
    with mailserver() as box:
        box.refusals["to"] = ["450 greylisted"]
        one = letter(box.port)
        assert [said(*sent(one)), said(*sent(one))] == [(Sent.RETRY, "450"), (Sent.OK, "250")]
    assert box.arrived[0].mail["Message-ID"] == f"<{'0' * 40}@example.org>"


def test_a_connection_that_ends_after_the_content_leaves_open_whether_it_was_taken() -> None:
    with mailserver() as box:
        box.hang_up_after_content = 1
        one = letter(box.port)
        first, second = sent(one)[0], sent(one)[0]
    assert [said(first), said(second)] == [(Sent.RETRY, "dropped"), (Sent.OK, "250")]
    assert len({arrived.mail["Message-ID"] for arrived in box.arrived}) == 1


def test_a_kept_connection_that_was_closed_meanwhile_costs_nobody_an_attempt() -> None:
    with mailserver() as box:
        box.hang_up_on_kept = 3
        found = sent(*(letter(box.port) for _ in range(20)))
    assert {said(one) for one in found} == {(Sent.OK, "250")}
    assert (len(box.arrived), box.hang_up_on_kept) == (20, 0)


def test_many_mails_go_over_few_connections() -> None:
    with mailserver() as box:
        found = sent(*(letter(box.port, f"u{number}@example.org", b"Subject: x\r\n\r\nx\r\n") for number in range(200)))
    assert {one.kind for one in found} == {Sent.OK}
    assert {arrived.to[0] for arrived in box.arrived} == {f"u{number}@example.org" for number in range(200)}
    assert len(box.greeted) <= 4


def test_starttls_comes_before_user_and_content(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    options: dict[str, Any] = {"require_starttls": True, "auth_required": True, "authenticator": signs_in}
    with mailserver(starttls=authority.server("127.0.0.1"), **options) as box:
        secret: dict[str, Any] = {"tls": "starttls", "user": "wf", "password": PASSWORD}
        (outcome,) = sent(letter(box.port, **secret), authorities=authority.pem)
    assert said(outcome) == (Sent.OK, "250")
    assert box.arrived[0].encrypted


def test_tls_from_the_first_byte(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    with mailserver(implicit=authority.server("127.0.0.1")) as box:
        (outcome,) = sent(letter(box.port, tls="implicit"), authorities=authority.pem)
    assert said(outcome) == (Sent.OK, "250")


def test_without_starttls_nothing_is_said_in_clear() -> None:
    with mailserver(authenticator=signs_in, auth_require_tls=False) as box:
        found = sent(*(letter(box.port, tls="starttls", user="wf", password=PASSWORD) for _ in range(5)))
    assert {said(one) for one in found} == {(Sent.RETRY, "tls_not_offered"), (Sent.RETRY, "not_tried")}
    assert box.arrived == []


@pytest.mark.parametrize("way", ["starttls", "implicit"])
def test_a_certificate_that_is_not_the_relays_ends_it(tmp_path: Path, way: str) -> None:
    ours, foreign = Authority(tmp_path), Authority(tmp_path)
    for certificate, trusted, code in [
        (ours.server("other.example"), ours.pem, "relay_tls_name"), (ours.server("127.0.0.1", expired=True), ours.pem, "tls"),
        (foreign.server("127.0.0.1"), ours.pem, "tls"),
    ]:  # fmt: skip
        with mailserver(**{way: certificate}) as box:
            (outcome,) = sent(letter(box.port, tls=way, user="wf", password=PASSWORD), authorities=trusted)
        assert said(outcome) == (Sent.RETRY, code)
        assert box.arrived == []


def test_a_wrong_password_is_tried_once_for_a_batch_and_shown_nowhere(tmp_path: Path) -> None:
    authority, asked = Authority(tmp_path), []

    def refuse(*told: object) -> AuthResult:
        asked.append(told)
        return AuthResult(success=False, handled=False)

    with mailserver(starttls=authority.server("127.0.0.1"), auth_required=True, authenticator=refuse) as box:
        found = sent(
            *(letter(box.port, tls="starttls", user="wf-user", password="wr0ng-pass") for _ in range(20)), authorities=authority.pem
        )
    assert {said(one) for one in found} == {(Sent.RETRY, "relay_535"), (Sent.RETRY, "not_tried")}
    assert len(asked) <= 2 * mail.CONNECTIONS  # the library knows two ways to sign in
    assert not any("wr0ng-pass" in one.model_dump_json() for one in found)


def test_a_relay_that_wants_no_user_is_not_told_one() -> None:
    with mailserver() as box:
        (outcome,) = sent(letter(box.port, user="wf", password=PASSWORD))
    assert said(outcome) == (Sent.RETRY, "auth_not_offered")


@pytest.mark.parametrize(("offered", "outcome"), [(True, (Sent.OK, "250")), (False, (Sent.PERMANENT, "smtputf8_not_offered"))])
def test_addresses_beyond_ascii_need_a_relay_that_takes_them(offered: bool, outcome: tuple[Sent, str]) -> None:  # noqa: FBT001 - a table
    with mailserver(enable_SMTPUTF8=offered) as box:
        (found,) = sent(letter(box.port, "an\u00e4@example.org", content("an\u00e4@example.org")))
    assert said(found) == outcome
    assert [arrived.to for arrived in box.arrived] == ([["an\u00e4@example.org"]] if offered else [])


def test_a_mail_beyond_what_the_relay_takes_is_not_sent_at_all() -> None:
    with mailserver(data_size_limit=1000) as box:
        (outcome,) = sent(letter(box.port))
    assert said(outcome) == (Sent.PERMANENT, "too_large")
    assert box.mails == 0


@pytest.mark.parametrize(
    "to", ["a@example.org>\r\nRCPT TO:<eve@example.org", "a@example.org\nDATA", "a b@example.org", "<a@example.org>", "a\0@b.c", ""]
)
def test_no_address_speaks_smtp(to: str) -> None:
    with mailserver() as box:
        (outcome,) = sent(letter(box.port, to))
    assert said(outcome) == (Sent.PERMANENT, "bad_address")
    assert box.mails == 0


def test_a_line_of_one_dot_does_not_end_a_mail() -> None:
    body = b"Subject: x\r\n\r\none\r\n.\r\nMAIL FROM:<eve@example.org>\r\n..\r\nlast"
    with mailserver() as box:
        sent(letter(box.port, body=body))
    assert [arrived.content for arrived in box.arrived] == [body + b"\r\n"]
    assert box.mails == 1


def says(*lines: bytes) -> Callable[[socket.socket], None]:
    def script(connection: socket.socket) -> None:
        for line in lines:
            connection.sendall(line)
            connection.recv(65536)

    return script


def never_ends(connection: socket.socket) -> None:
    connection.sendall(b"220 hello\r\n")
    connection.recv(65536)
    while True:
        connection.sendall(b"250-MORE\r\n" * 100)


def drips(connection: socket.socket) -> None:
    for byte in b"220 " + b"x" * 3000:
        connection.sendall(bytes([byte]))
        connection.settimeout(0.05)
        try:
            if not connection.recv(1):
                return
        except TimeoutError:
            continue


def is_silent(connection: socket.socket) -> None:
    connection.recv(1)


INJECTED = says(b"220 hello\r\n", b"250-mail.test\r\n250 STARTTLS\r\n", b"220 go on\r\n250 injected\r\n")


@pytest.mark.parametrize(("script", "code"), [
    (never_ends, "relay_500"), (drips, "timeout"), (is_silent, "timeout"), (says(b"SSH-2.0-x\r\n"), "relay_500"), (says(b"x" * 100_000), "connection"),
    (says(b"554 go away\r\n"), "relay_554"), (says(b"421 busy\r\n"), "relay_421"), (says(), "connection"),
])  # fmt: skip
def test_a_relay_that_misbehaves_is_tried_again(
    monkeypatch: pytest.MonkeyPatch, script: Callable[[socket.socket], None], code: str
) -> None:
    monkeypatch.setattr(relay, "ANSWER_S", 0.4)
    with listening(script) as (port, connections):
        (outcome,) = sent(letter(port))
    assert said(outcome) == (Sent.RETRY, code)
    assert len(connections) == 1


def test_what_was_said_before_tls_is_not_believed_after_it() -> None:
    with listening(INJECTED) as (port, _):
        (outcome,) = sent(letter(port, tls="starttls"))
    assert said(outcome) == (Sent.RETRY, "tls")
    assert "before TLS" in outcome.reason


def test_nobody_listening_and_no_such_relay() -> None:
    with listening(is_silent) as (port, _):
        pass
    assert said(*sent(letter(port))) == (Sent.RETRY, "connection")
    assert said(*sent(letter(25, host="no-such-name.invalid"))) == (Sent.RETRY, "lookup")


@pytest.mark.parametrize("host", ["169.254.169.254", "metadata.google.internal", "fe80::1", "0.0.0.0", "[64:ff9b::7f00:1]", "224.0.0.1"])  # noqa: S104 - refused
def test_not_even_an_operators_relay_is_a_metadata_service(host: str) -> None:
    (outcome,) = sent(letter(25, host=host, tls="starttls"))
    assert outcome.kind is (Sent.RETRY if outcome.code == "lookup" else Sent.PERMANENT)
    assert outcome.code in {"egress_refused", "lookup"}


def test_without_encryption_mail_stays_on_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay.Connection, "__init__", _resolving(relay.Connection.__init__, "10.1.2.3"))
    (outcome,) = sent(letter(25, host="mail.corp"))
    assert said(outcome) == (Sent.RETRY, "tls_required")


def _resolving(begin: Callable[..., None], address: str) -> Callable[..., None]:
    return lambda self, where, trusted, ends: begin(self, where, trusted, ends, lambda *_: [address])


def test_a_box_sends_mail(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    with start() as nursery, mailserver(starttls=authority.server("127.0.0.1"), require_starttls=True) as box:
        asked = batch(
            *(letter(box.port, f"u{number}@example.org", tls="starttls") for number in range(30)), authorities=authority.pem, networks=()
        )
        kept: list[Outcome] = []

        def keep(part: Outcomes) -> dict[str, str]:
            kept.extend(part.outcomes)
            return {}

        last = Sandbox(nursery.address).run(mail.send, asked, deadline=timedelta(seconds=30), profile=NOTIFY, keep=keep)
    assert {said(one) for one in (*kept, *last.outcomes)} == {(Sent.OK, "250")}
    assert len(box.arrived) == len(kept) + len(last.outcomes) == 30
