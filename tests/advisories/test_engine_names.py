"""Names as people write them, and what is learned about which products they mean."""

from __future__ import annotations

import gzip

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.advisories.data import shared
from watchfloor.capabilities.advisories.engine.learned import Evidence, Meaning, evidence, tally
from watchfloor.capabilities.advisories.engine.names import GUESSES, normal, pairs
from watchfloor.capabilities.advisories.engine.normalise.cve_list import cve_list
from watchfloor.capabilities.advisories.schemas.records.cve_list import CveRecord
from watchfloor.capabilities.advisories.schemas.words import key_of

HTTPD = ("apache", "http server")
HTTP_SERVER = ("a", "apache", "http_server")
TOMCAT = ("a", "apache", "tomcat")


@pytest.mark.parametrize(
    ("vendor", "product", "expected"),
    [
        ("Apache, Inc.", "Apache HTTP Server", ("apache", "http server")),
        ("Apache Software Foundation", "Apache HTTP Server", ("apache software foundation", "http server")),
        ("Palo Alto Networks", "PAN-OS", ("palo alto networks", "pan os")),
        ("Jenkins Project", "Jenkins", ("jenkins project", "jenkins")),
        ("D-Link", "D-Link DIR-859", ("d link", "dir 859")),
        ("n/a", "OpenSSH", ("", "openssh")),
        ("Microsoft", "n/a", ("microsoft", "")),
    ],
)
def test_names_lose_what_the_law_adds_and_their_vendor(vendor: str, product: str, expected: tuple[str, str]) -> None:
    assert normal(vendor, product) == expected
    assert normal(vendor.upper(), f" {product.upper()} ") == expected


@pytest.mark.parametrize(
    ("vendor", "product", "expected"),
    [
        ("", "OpenSSH", ("openssh", "openssh")),
        ("", "Apache httpd", ("apache", "httpd")),
        ("", "Apache Tomcat", ("apache", "tomcat")),
        ("", "Palo Alto PAN-OS", ("paloalto", "pan-os")),
        ("Apache Software Foundation", "Apache HTTP Server", ("apache", "http_server")),
        ("Palo Alto Networks", "PAN-OS", ("paloaltonetworks", "pan-os")),
        ("Microsoft Corporation", "Microsoft Exchange Server", ("microsoft", "exchange_server")),
        ("OpenBSD", "OpenSSH", ("openbsd", "openssh")),
    ],
)
def test_what_people_write_leads_to_cpe_pairs(vendor: str, product: str, expected: tuple[str, str]) -> None:
    assert expected in pairs(vendor, product)


def test_nothing_leads_nowhere() -> None:
    assert pairs("Microsoft", "") == pairs("", "-") == ()


@given(st.text(max_size=80), st.text(max_size=80))
def test_guesses_are_few_and_have_both_names(vendor: str, product: str) -> None:
    found = pairs(vendor, product)
    assert len(found) <= GUESSES
    assert all(both[0] and both[1] for both in found)
    assert len(set(found)) == len(found)


def test_one_name_and_one_product_belong_together() -> None:
    assert evidence({("acme", "anything")}, {HTTP_SERVER}) == {(("acme", "anything"), HTTP_SERVER)}


def test_of_several_only_equal_words_belong_together() -> None:
    assert evidence({HTTPD, ("apache", "cat")}, {HTTP_SERVER, TOMCAT}) == {(HTTPD, HTTP_SERVER)}
    assert evidence({HTTPD}, {HTTP_SERVER, ("a", "ibm", "http_server")}) == frozenset()
    assert evidence({HTTPD, ("ibm", "http server")}, {HTTP_SERVER}) == frozenset()
    assert evidence({HTTPD}, ()) == evidence((), {HTTP_SERVER}) == frozenset()


@pytest.mark.parametrize(
    ("support", "against", "confidence"), [(3, 0, 1.0), (2, 0, None), (9, 1, 0.9), (8, 1, None), (0, 0, None), (0, 9, None), (95, 5, 0.95)]
)
def test_a_meaning_is_used_from_three_cves_and_nine_in_ten_on(support: int, against: int, confidence: float | None) -> None:
    assert Meaning(support=support, against=against).confidence == confidence


def test_a_cve_counts_once_for_a_meaning_and_against_the_others() -> None:
    other = (HTTPD, TOMCAT)
    right = (HTTPD, HTTP_SERVER)
    found = tally([[right, right], {right}, {right, other}, {other}, {(("x", "y"), TOMCAT)}])
    assert found[HTTPD] == {HTTP_SERVER: Meaning(support=3, against=1), TOMCAT: Meaning(support=2, against=2)}
    assert found["x", "y"] == {TOMCAT: Meaning(support=1)}
    assert tally([]) == {}


def test_a_name_may_mean_two_products_that_are_always_named_together() -> None:
    firmware, hardware = ("o", "acme", "x_firmware"), ("h", "acme", "x")
    both = [(("acme", "x"), firmware), (("acme", "x"), hardware)]
    assert {product: one.confidence for product, one in tally([both] * 3)["acme", "x"].items()} == {firmware: 1.0, hardware: 1.0}


def test_a_person_is_sure() -> None:
    assert Meaning(against=1000, manual=True).confidence == 1.0


@pytest.mark.data
@pytest.mark.slow
def test_what_is_learned_from_all_others_is_right_about_a_record() -> None:
    packed = gzip.decompress(shared("cve5/cve5-sample-3000.jsonl.gz").read_bytes())
    cves: list[frozenset[Evidence]] = []
    for line in packed.splitlines():
        record = msgspec.json.decode(line, type=CveRecord)
        made = cve_list(key_of(record.cve_metadata.cve_id) or 0, record)
        names = {normal(one.vendor, one.product or "") for one in record.containers.cna.affected}
        products = {(one.part, one.vendor, one.product) for one in made.criteria if one.vulnerable and not one.names}
        cves.append(evidence({name for name in names if name[1]}, products))
    known = tally(cves)
    right = wrong = 0
    for said in cves:
        for name, product in said:
            others = {
                one: Meaning(
                    support=known[name][one].support - ((name, one) in said), against=known[name][one].against - ((name, one) not in said)
                )
                for one in known[name]
            }
            if usable := {one for one, meaning in others.items() if meaning.confidence is not None}:
                right += product in usable
                wrong += product not in usable
    assert right > 200
    assert right / (right + wrong) >= 0.98
