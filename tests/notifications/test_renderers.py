"""Messages as mail, webhook and Slack blocks, with everything in them that could hurt."""

from __future__ import annotations

import email.policy
import json
import re
from datetime import UTC, datetime
from email.parser import BytesParser
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import pytest

from watchfloor.capabilities.notifications.engine import texts
from watchfloor.capabilities.notifications.engine.to_email import MOST_BYTES, Mail, mailbox, to_email
from watchfloor.capabilities.notifications.engine.to_slack import to_slack
from watchfloor.capabilities.notifications.engine.to_webhook import own_headers, to_webhook
from watchfloor.capabilities.notifications.schemas.message import Message
from watchfloor.capabilities.notifications.settings import NotificationSettings
from watchfloor.kernel.contract import Severity
from watchfloor.kernel.errors import InvalidInput

if TYPE_CHECKING:
    from email.message import EmailMessage

NOW = datetime(2026, 11, 29, 8, 30, tzinfo=UTC)
KEY = "whsec_" + "A" * 32
HOSTILE = [
    "a\r\nBcc: eve@example.org", "a\nSubject: other", "a\0b", "=?utf-8?q?a=0ABcc=3A_eve?=", "\u202egnp.exe", "a\u2028b", "x" * 5000, "\u00fc" * 300,
    "<script>alert(1)</script>", "<!channel> <@U123> <http://evil|ok>", "\U0001f525", "{{ 7 * 7 }}", "${x}", "\x1b[31m", "a\u200bb",
    "\U000e0041", "%0d%0aX: y", "'\"><img src=x onerror=alert(1)>", "javascript:alert(1)", ".\r\n.\r\n", "&lt;b&gt;", "\ufeffx",
]  # fmt: skip


def message(title: str = "TLS 1.0 is on", **other: Any) -> Message:
    told = {
        "type": "finding.opened", "severity": Severity.HIGH, "asset": "web-1", "occurred_at": NOW, "lines": ("It is old.", "Turn it off."),
        "facts": {"cve": "CVE-2026-1", "cvss_score": "9.8", "epss": "0.91"}, "link": "https://wf.example/f/1", "subject_kind": "finding",
        "subject_id": "1",
    } | other  # fmt: skip
    return Message(title=title[:300], **told)


def hostile(text: str) -> Message:
    return message(
        text,
        asset=text[:300],
        lines=(text, text),
        facts={text[:50]: text, "a": text},
        link=text[:2000],
        subject_id=text[:200],
        dedup_key=text[:300],
    )


def mail(**other: Any) -> Mail:
    usual: dict[str, Any] = {"sender": "Watchfloor <wf@example.org>", "to": "ana@example.org", "idem": b"\x01" * 32, "at": NOW}
    return Mail(**usual | other)


def read(content: bytes) -> EmailMessage:
    return BytesParser(policy=email.policy.default).parsebytes(content)


def part(found: EmailMessage, kind: str) -> str:
    body = found.get_body((kind,))
    assert body is not None
    return str(body.get_content())


class Page(HTMLParser):
    """Collects what an HTML page would load or run."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.links: list[str] = []
        self.attributes: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.links += [value or "" for name, value in attrs if name in {"href", "src", "background", "action", "srcset"}]


def test_a_mail_has_all_that_mail_programs_and_filters_look_for() -> None:
    found = read(to_email(message(), mail(unsubscribe="https://wf.example/u/abc", reason="You follow web-1.")))
    assert {name: str(found[name]) for name in found if name not in {"Content-Type", "References", "In-Reply-To"}} == {
        "From": "Watchfloor <wf@example.org>", "To": "ana@example.org", "Subject": "[Watchfloor] HIGH - TLS 1.0 is on (web-1)",
        "Date": "Sun, 29 Nov 2026 08:30:00 +0000", "Message-ID": f"<{'01' * 20}@example.org>", "Auto-Submitted": "auto-generated",
        "X-Auto-Response-Suppress": "All", "List-Id": "<notifications.example.org>", "List-Unsubscribe": "<https://wf.example/u/abc>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click", "X-Watchfloor-Event": "finding.opened", "X-Watchfloor-Severity": "high",
        "MIME-Version": "1.0",
    }  # fmt: skip
    assert found.get_content_type() == "multipart/alternative"
    for kind in ("plain", "html"):
        text = part(found, kind)
        for told in (
            "TLS 1.0 is on",
            "web-1",
            "It is old.",
            "Turn it off.",
            "CVE-2026-1",
            "9.8",
            "https://wf.example/f/1",
            "You follow web-1.",
        ):
            assert told in text


def test_mails_about_one_thing_are_one_thread() -> None:
    first, second, other = (
        read(to_email(message(subject_id=name), mail(idem=idem * 32))) for name, idem in (("1", b"a"), ("1", b"b"), ("2", b"c"))
    )
    assert first["References"] == second["References"] != other["References"]
    assert first["Message-ID"] != second["Message-ID"]


def test_the_same_mail_has_the_same_bytes() -> None:
    assert to_email(message(), mail()) == to_email(message(), mail())
    assert b"\r\n" in to_email(message(), mail())
    assert b"\n" not in to_email(message(), mail()).replace(b"\r\n", b"")


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_becomes_a_header_markup_or_a_link(text: str) -> None:
    content = to_email(hostile(text), mail())
    usual = set(read(to_email(message(), mail())))
    found = read(content)
    assert set(found) <= usual
    assert len(found.get_all("Subject", [])) == 1
    assert found.defects == []
    assert max(map(len, content.split(b"\r\n"))) <= 998
    page = Page(part(found, "html"))
    assert page.tags <= {
        "html",
        "head",
        "meta",
        "title",
        "body",
        "div",
        "p",
        "strong",
        "h1",
        "table",
        "tr",
        "th",
        "td",
        "ul",
        "li",
        "a",
        "hr",
    }
    assert all(link.startswith(("http://", "https://")) for link in page.links)
    assert not any(name.startswith("on") for name in page.attributes)
    assert "49" not in str(found["Subject"])


@pytest.mark.parametrize("text", [*HOSTILE, "\ud83d"])
def test_no_text_of_ours_hides_or_turns_others(text: str) -> None:
    shown = texts.line(text)
    assert len(shown) <= 200
    assert not re.search("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\ufeff\ud800-\udfff]", shown)
    json.dumps(shown).encode("utf-8")


def test_the_largest_message_is_a_mail_of_bounded_size() -> None:
    huge = message("\u00fc" * 300, lines=("\U0001f525" * 10_000,) * 200, facts={f"f{n}": "\u00fc" * 5000 for n in range(60)})
    content = to_email(huge, mail(), [huge] * 500)
    assert len(content) <= MOST_BYTES
    assert "480 of them not listed here" in part(read(content), "plain")


@pytest.mark.parametrize("address", [
    "", "a", "@", "a@", "@b.c", "a@b@c.d", "a b@c.d", "a@b c.d", "a@b.c, d@e.f", "a@b.c;d@e.f", "a@b.c\r\nBcc: d@e.f", "a\n@b.c", "a@b.c\0", "<a@b.c",
    "=?utf-8?q?a?= <a@b.c>", "a@b.c <d@e.f>", "a..b@c.d", ".a@b.c", "a.@b.c", "a@-b.c", "a@b-.c", "a@b..c", "a@" + "b" * 64 + ".c", "a" * 65 + "@b.c",
    "a@" + "b." * 130 + "c", "a@[127.0.0.1]", '"a b"@c.d', "a(x)@b.c", "a\u200b@b.c", "a\u202e@b.c", "a@\u202eb.c", "a@b_c.d", "a\\@b.c", "group:a@b.c;",
])  # fmt: skip
def test_what_is_not_one_address_is_refused(address: str) -> None:
    with pytest.raises(InvalidInput):
        mailbox(address)
    with pytest.raises(InvalidInput):
        to_email(message(), mail(to=address))


@pytest.mark.parametrize(("text", "address"), [
    ("a@b.c", "a@b.c"), (" a@B.Example ", "a@b.example"), ("Ana B <a+tag@b.c>", "a+tag@b.c"), ('"Ops, Team" <ops@b.c>', "ops@b.c"),
    ("a@b\u00fccher.example", "a@xn--bcher-kva.example"), ("o'neil@b.c", "o'neil@b.c"), ("an\u00e4@b.c", "an\u00e4@b.c"), ("a@localhost", "a@localhost"),
])  # fmt: skip
def test_an_address_is_read_with_its_domain_in_ascii(text: str, address: str) -> None:
    assert mailbox(text).addr_spec == address


@pytest.mark.parametrize(
    "link",
    [
        "http://wf.example/u", "http://127.0.0.1.wf.example/u", "http://[::1/u", "https://wf.example/" + "u" * 1000, "https://wf.example/u\r\nX: y", "https://wf.example/u>", "javascript:x", "https://", "wf.example",
    ],
)  # fmt: skip
def test_an_address_to_unsubscribe_is_a_safe_one(link: str) -> None:
    with pytest.raises(InvalidInput):
        to_email(message(), mail(unsubscribe=link))


def test_long_links_and_ids_stand_in_headers_as_they_are() -> None:
    link, domain = "https://wf.example/" + "u" * 900, "notifications.a-long-name-of-a-company.example.org"
    for to in ("ana@example.org", "an\u00e4@example.org"):
        content = to_email(message(), mail(sender=f"wf@{domain}", to=to, unsubscribe=link))
        head = content.partition(b"\r\n\r\n")[0].decode().split("\r\n")
        assert f"List-Unsubscribe: <{link}>" in head
        assert f"List-Id: <notifications.{domain}>" in head
        assert {one.partition(":")[0] for one in head if one.endswith(f"@{domain}>")} >= {"References", "In-Reply-To"}
        assert max(map(len, content.split(b"\r\n"))) <= 998


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("https://wf.example.org", "https://wf.example.org"), ("https://wf.example.org:8443/watch/", "https://wf.example.org:8443/watch"), ("", ""),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000"), ("http://localhost/", "http://localhost"), ("http://[::1]:8000", "http://[::1]:8000"),
    ],
)  # fmt: skip
def test_where_people_reach_an_installation_is_an_address_of_the_web(text: str, kept: str) -> None:
    assert NotificationSettings.model_validate({"public_url": text}).public_url == kept


@pytest.mark.parametrize(
    "text",
    [
        "wf.example.org", "http://wf.example.org", "ftp://wf.example.org", "https://", "https://ana@wf.example.org", "https://wf.example.org/?a=b",
        "https://wf.example.org/\r\nX: y", "https://wf.example.org\n", "http://127.0.0.1.wf.example.org", "http://127.0.0.1@wf.example.org", "https://wf.example.org/a b",
    ],
)  # fmt: skip
def test_an_address_that_cannot_stand_in_a_mail_is_no_setting(text: str) -> None:
    with pytest.raises(ValueError, match="must be an address"):
        NotificationSettings.model_validate({"public_url": text})


def body(told: Message, items: tuple[Message, ...] = ()) -> tuple[bytes, dict[str, Any]]:
    content, _ = to_webhook(told, idem=b"\x01" * 32, at=NOW, keys=[KEY], items=items)
    return content, json.loads(content)


def test_a_webhook_tells_what_happened_in_one_shape() -> None:
    _, found = body(message(dedup_key="finding:1"))
    assert found == {
        "type": "finding.opened", "timestamp": "2026-11-29T08:30:00+00:00",
        "data": {
            "schema": 1, "severity": "high", "title": "TLS 1.0 is on", "asset": "web-1", "text": ["It is old.", "Turn it off."],
            "facts": {"cve": "CVE-2026-1", "cvss_score": "9.8", "epss": "0.91"}, "subject": {"kind": "finding", "id": "1"},
            "link": "https://wf.example/f/1", "dedup_key": "finding:1", "truncated": False,
        },
    }  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE)
def test_whatever_is_told_a_webhook_is_json_of_bounded_size(text: str) -> None:
    content, found = body(hostile(text), (hostile(text),) * 500)
    assert len(content) <= 20_000
    assert set(found) == {"type", "timestamp", "data"}
    assert found["data"]["count"] == 500


def test_of_a_message_too_large_what_is_longest_goes_and_that_is_told() -> None:
    content, found = body(message(lines=("\u00fc" * 5000,) * 50))
    assert len(content) <= 20_000
    assert (found["data"]["truncated"], found["data"]["text"], found["data"]["facts"]["epss"]) == (True, [], "0.91")


@pytest.mark.parametrize(("name", "value"), [
    ("Host", "x"), ("Content-Length", "0"), ("transfer-encoding", "chunked"), ("Connection", "close"), ("Webhook-Id", "x"), ("webhook-signature", "x"),
    ("webhook-anything", "x"), ("Content-Type", "text/html"), ("User-Agent", "x"), ("X Y", "x"), ("X:Y", "x"), ("", "x"), ("X\r\nY", "x"),
    ("X-A", "a\r\nB: c"), ("X-A", "a\0"), ("X-A", ""), ("X-A", " a"), ("X-A", "\u00fc"), ("X-A", "a" * 4001),
])  # fmt: skip
def test_headers_that_are_ours_or_end_others_are_refused(name: str, value: str) -> None:
    with pytest.raises(InvalidInput):
        own_headers({name: value})
    assert own_headers({"Authorization": "Bearer x", "X-Team": "blue team"}) == {"Authorization": "Bearer x", "X-Team": "blue team"}


def blocks(content: bytes) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(content)
    assert len(found["blocks"]) <= 50
    assert len(content.decode()) <= 13_000 + 3_100
    assert sum(len(json.dumps(one, ensure_ascii=False)) for one in found["blocks"]) <= 13_000
    for one in found["blocks"]:
        shown = [one["text"]] if "text" in one else one.get("fields", [])
        assert all(0 < len(text["text"]) <= (150 if one["type"] == "header" else 3000) for text in shown)
        assert len(one.get("fields", [])) <= 10
        assert all(len(text["text"]) <= 2000 for text in one.get("fields", []))
    return found


def told(found: dict[str, Any]) -> str:
    return json.dumps(found, ensure_ascii=False)


def test_slack_is_told_the_same() -> None:
    found = blocks(
        to_slack(
            message(),
            room="C012AB3CD",
            thread="1700000000.000100",
            mentions=["<!here>", "<@U024BE7LH>"],
            acknowledge="https://wf.example.org/a/t",
        )
    )
    for one in ("TLS 1.0 is on", "web-1", "It is old.", "CVE-2026-1", "https://wf.example/f/1", "<!here>", "<@U024BE7LH>"):
        assert one in told(found)
    assert (found["channel"], found["thread_ts"], found["text"]) == (
        "C012AB3CD",
        "1700000000.000100",
        "[Watchfloor] HIGH - TLS 1.0 is on (web-1)",
    )
    assert [one["action_id"] for one in found["blocks"][-1]["elements"]] == ["open", "acknowledge"]
    assert found["blocks"][-1]["elements"][1]["url"] == "https://wf.example.org/a/t"


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_that_is_told_mentions_or_links_in_slack(text: str) -> None:
    for found in (blocks(to_slack(hostile(text))), blocks(to_slack(hostile(text), items=[hostile(text)] * 10_000))):
        assert not re.search("[<>]", told(found))
        assert all(one["text"].get("verbatim", True) for one in found["blocks"] if "text" in one)


def test_the_largest_message_fits_and_a_shorter_one_is_shorter() -> None:
    huge = message("&" * 300, lines=("&" * 10_000,) * 200, facts={f"f{n}": "<" * 5000 for n in range(60)})
    whole, short = to_slack(huge, items=[huge] * 10_000), to_slack(huge, short=True)
    blocks(whole)
    blocks(short)
    assert len(short) < len(whole)
    assert not re.search(r"&(?!amp;|lt;|gt;)", json.loads(whole)["text"])
    for one in json.loads(whole)["blocks"]:
        assert not re.search(r"&(?!amp;|lt;|gt;)", one.get("text", {}).get("text", ""))


@pytest.mark.parametrize("mention", ["<!channel", "@here", "<@u1>", "<@U1> hello", "<http://x>", "", "<!everyone>\n"])
def test_mentions_come_from_configuration_and_are_mentions(mention: str) -> None:
    with pytest.raises(InvalidInput):
        to_slack(message(), mentions=[mention])
