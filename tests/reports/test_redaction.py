"""Facts about what readers of redacted reports cannot learn."""

from __future__ import annotations

import pytest

from watchfloor.capabilities.reports.engine.redaction import Redactor
from watchfloor.capabilities.reports.schemas.findings import COLUMNS
from watchfloor.capabilities.reports.schemas.words import Redaction
from watchfloor.kernel.sections import Column, Redact, Sort

ASSETS = (
    "www.shop.test",
    "192.0.2.7",
    "2001:db8::1",
    "db-server",
    "m\N{LATIN SMALL LETTER U WITH DIAERESIS}nchen.test",
    "192.0.2.8 mail.shop.test",
)
PUBLIC = Redactor(Redaction.PUBLIC, ASSETS)
INTERNAL = Redactor(Redaction.INTERNAL)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("http://www.shop.test:8080/x", "http://asset-1:8080/x"),
        ("192.0.2.7:8741 answers", "asset-2:8741 answers"),
        ("[2001:db8::1]:80 and 2001:DB8:0:0::1", "[asset-3]:80 and asset-3"),
        ("DB-Server:22, x-db-server", "asset-4:22, x-db-server"),
        ("m\N{LATIN SMALL LETTER U WITH DIAERESIS}nchen.test is xn--mnchen-3ya.test", "asset-5 is asset-5"),
        ("192.0.2.8 and mail.shop.test.", "asset-7 and asset-8."),
        ("api.www.shop.test, shop.test, pop.shop.test", "name.asset-1, domain-of-asset-1, name.domain-of-asset-1"),
        ("Targets: 192.0.2.0/24, 2001:db8::/32, 192.0.2.99", "Targets: network, network, asset"),
    ],
)
def test_no_way_to_write_an_asset_gets_past_its_alias(text: str, told: str) -> None:
    assert PUBLIC.text(text) == told


@pytest.mark.parametrize(
    "text",
    [
        "at 12:30:31",
        "nginx 1.28.0",
        "Exchange 15.2.986.5",
        "std::vector",
        "cpe:2.3:a:x:y:1.2.3.4:*",
        "listens on 0.0.0.0 and ::",
        "https://cve.test/",
    ],
)
def test_what_only_looks_like_an_asset_stays(text: str) -> None:
    assert PUBLIC.text(text) == text


def test_a_version_of_four_numbers_stays_and_an_asset_in_its_place_does_not() -> None:
    version = PUBLIC.cell(Column(name="version", title="Version"))
    assert (version("9.0.0.5"), version("192.0.2.7")) == ("9.0.0.5", "asset-2")


def test_a_public_row_has_neither_evidence_nor_persons() -> None:
    assert {PUBLIC.cell(one)("ann said 192.0.2.7") for one in COLUMNS if one.redact} == {None, "asset"}
    assert INTERNAL.cell(Column(name="reason", title="Reason", redact=Redact.PERSON, sort=Sort.PROSE))("ann said so") is None


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("AWS_SECRET_ACCESS_KEY=wJalr", "AWS_SECRET_ACCESS_KEY=[masked]"),
        ("db_pass=x", "db_pass=[masked]"),
        ("client_secret: 'a b'", "client_secret: [masked]"),
        ('{"db_password": "a b", "port": 1}', '{"db_password": [masked], "port": 1}'),
        ("X-Api-Key: abc", "X-Api-Key: [masked]"),
        ("Authorization: Basic YTpi==", "Authorization: [masked]"),
        ('Authorization: Digest username="ann", response="0a1b"\nHost: x', "Authorization: [masked]\nHost: x"),
        ("Cookie: a=1; b=2 | Host: x", "Cookie: [masked] | Host: x"),
        ("Set-Cookie: sid=1; Path=/; HttpOnly", "Set-Cookie: [masked]; Path=/; HttpOnly"),
        ("/login?PHPSESSID=abc&x=1", "/login?PHPSESSID=[masked]&x=1"),
        ("jdbc:mysql://ann:pw@h/db", "jdbc:mysql://[masked]@h/db"),
        ("key AKIAIOSFODNN7EXAMPLE", "key [masked]"),
        ("ghp_abcdefghijklmnopqrstuvwxyz0123456789", "[masked]"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc", "[masked]"),
        ("write to ann@m\N{LATIN SMALL LETTER U WITH DIAERESIS}nchen.test", "write to [masked]"),
        ("-----BEGIN OPENSSH PRIVATE KEY-----\nabc\n-----END OPENSSH PRIVATE KEY-----", "[masked]"),
    ],
)
def test_internal_readers_see_no_secret_and_no_address_of_a_person(text: str, told: str) -> None:
    assert INTERNAL.text(text) == told


@pytest.mark.parametrize("text", ["Passwords are sent in the clear.", "A key of 1024 bits", "sessions: 3", "Set a cookie", "one pass: no"])
def test_prose_about_secrets_stays(text: str) -> None:
    assert INTERNAL.text(text) == text


@pytest.mark.parametrize(
    "text", ["a-" * 5000, "x=1;" * 3000, "cookie: " + "a=b; " * 2000, "A_" * 5000 + "password", "a.a@" * 2500, ":" * 9000, "1.1." * 2500]
)
def test_long_hostile_text_is_read_to_its_end(text: str) -> None:
    assert PUBLIC.text(text + " 192.0.2.7").endswith("asset-2")
