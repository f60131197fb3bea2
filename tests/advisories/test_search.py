"""Search: what each field finds, in which order, how many, and how the hits divide."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.advisories import shelf
from tests.conftest import as_login
from watchfloor.capabilities.advisories.queries.curator import curating
from watchfloor.capabilities.advisories.queries.facets import FACETS
from watchfloor.capabilities.advisories.queries.fields import language
from watchfloor.capabilities.advisories.queries.search import SORTS, Asked, search
from watchfloor.capabilities.advisories.schemas.words import key_of
from watchfloor.kernel.db.ids import new_id
from watchfloor.kernel.db.session import Database, wire_of
from watchfloor.kernel.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from watchfloor.capabilities.advisories.schemas.faces import Advisories

LOG4J, XZ, SSH, ENUM = "CVE-2021-44228", "CVE-2024-3094", "CVE-2024-6387", "CVE-2018-15473"
NEW, EU, GONE, EUVD = "CVE-2026-1001", "CVE-2026-1002", "CVE-2023-9999", "EUVD-2025-77"
ALL = {LOG4J, XZ, SSH, ENUM, NEW, EU, GONE, EUVD}
ORG, OTHER = new_id(), new_id()
ASSETS = {"10.0.0.1": new_id(), "10.0.0.2": new_id()}


@pytest.fixture(scope="module")
def database(postgres: str) -> Iterator[Database]:
    """Open a database of its own with the shelf, and one organisation's matches."""
    from tests.conftest import create  # noqa: PLC0415 - a database for the module, where the fixture makes one for each test

    opened = Database(as_login(create(postgres, f"search_{new_id().hex}")))
    with opened.transaction(ORG) as session:
        with curating(session) as wire:
            shelf.fill(wire)
        wire = wire_of(session)
        for address, asset in ASSETS.items():
            wire.execute(
                "insert into asset (org, id, kind, key, name, tags) values (%s, %s, 'host', %s, %s, %s)",
                (ORG, asset, address, f"Web{address[-1]}", ["prod"] if address == "10.0.0.1" else []),
            )
        for cve, address, kind, confidence, exposure, priority, verdict in (
            (SSH, "10.0.0.1", "exact", 1.0, "internet", 91.5, "14 days"),
            (SSH, "10.0.0.2", "likely", 0.8, "internal", 60.0, "next upgrade"),
            (ENUM, "10.0.0.2", "backport", 0.4, "internal", 30.0, "next upgrade"),
        ):
            wire.execute(
                "insert into adv_match (org, id, asset, k, class, confidence, src, criterion, exposure, priority, band, why, verdict) "
                "values (%s, %s, %s, %s, %s, %s, 1, '{}', %s, %s, %s, '{}', %s)",
                (
                    ORG,
                    new_id(),
                    ASSETS[address],
                    key_of(cve),
                    kind,
                    confidence,
                    exposure,
                    priority,
                    "critical" if priority > 85 else "medium",
                    verdict,
                ),
            )
    yield opened
    opened.close()


def ask(database: Database, text: str, org: UUID = ORG, **more: Any) -> Advisories:
    with database.transaction(org) as session:
        return search(wire_of(session), Asked(text, shelf.NOW, **more))


def ids(database: Database, text: str, **more: Any) -> list[str]:
    return [one.id for one in ask(database, text, **more).items]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", ALL),
        ("product:openssh", {SSH, ENUM}), ("vendor:openbsd product:openssh", {SSH, ENUM}), ("vendor:debian product:openssh", set()),
        ("vendor:openbsd vendor:debian", set()), ("vendor:apache,tukaani", {LOG4J, XZ}), ("product:open*", {SSH, ENUM}), ("product:HTTP_Server", {NEW}),
        ('product:"http server"', {NEW}), ("-product:openssh vendor:any", {LOG4J, XZ, NEW}),
        ("product:openssh kev:true epss>0.5 cvss>=7 published>90d", set()), ("product:log4j kev:true epss>0.5 cvss>=7 published>90d", {LOG4J}),
        ("cpe:cpe:2.3:a:openbsd:openssh:9.3p1:*:*:*:*:*:*:*", {SSH}), ("cpe:2.3:a:openbsd:openssh", {SSH, ENUM}), ("cpe:/a:openbsd:openssh:7.2", {ENUM}),
        ("cpe:2.3:a:openbsd:openssh:9.8", set()), ("cpe:/o:openbsd:openssh", set()), ("cpe:2.3:a:apache", {LOG4J}),
        ("CVE-2021-44228", {LOG4J}), ("cve-2021-44228", {LOG4J}), ("GHSA-JFH8-C2JP-5V3Q", {LOG4J}), ("EUVD-2025-77", {EUVD}), ("CVE-2020-9999", set()),
        ("id:CVE-2024-3094,GHSA-jfh8-c2jp-5v3q", {XZ, LOG4J}), ("id:CVE-2024-*", {XZ, SSH}), ("id:CVE-2024-63*", {SSH}), ("id:EUVD-2025-77", {EUVD}),
        ("cvss>=7", {LOG4J, XZ, SSH, NEW}), ("cvss:7.1", {NEW}), ("cvss:8.1,5.3", {SSH, ENUM}), ("cvss:none", {EU, GONE, EUVD}),
        ("cvss_version:3.1", {LOG4J, XZ, SSH, ENUM, NEW}), ("cvss_version:none", {EU, GONE, EUVD}), ("severity>=high", {LOG4J, XZ, SSH, NEW}),
        ("severity:unknown", {EU, GONE, EUVD}), ("severity:criticax,high", None),
        ("band:none", {GONE}), ("priority>=70", {LOG4J, XZ, EU}), ("epss>50%", {LOG4J, XZ, ENUM}), ("epss:none", {EU, GONE, EUVD}),
        ("percentile>99%", {LOG4J, XZ, ENUM}), ("percentile>=97.4%", {LOG4J, XZ, SSH, ENUM}), ("percentile<50%", {NEW}), ("percentile:95%..99%", {SSH}),
        ("percentile:100%", set()), ("percentile>99.99%", set()), ("lev>0", {LOG4J, XZ, SSH, ENUM, NEW}), ("lev>50%", {LOG4J}), ("lev>60%", set()),
        ("kev:true", {LOG4J}), ("kev:none", ALL - {LOG4J}), ("kev:<7d", set()), ("kev:2021", {LOG4J}), ("eukev:any", {LOG4J, EU}), ("eukev:<7d", {EU}),
        ("ransomware:yes", {LOG4J}), ("exploited:any", {LOG4J, EU, EUVD}), ("exploited:<7d", {EU}),
        ("ssvc:active", {LOG4J}), ("ssvc>=poc", {LOG4J, XZ, SSH}), ("ssvc:none", {NEW}), ("ssvc:unknown", {ENUM, EU, GONE, EUVD}), ("-ssvc:any", {NEW, ENUM, EU, GONE, EUVD}),
        ("automatable:yes", {LOG4J, NEW}), ("impact:total", {LOG4J, XZ, SSH}), ("impact:partial", {NEW}),
        ("cwe:CWE-362", {SSH, ENUM}), ("cwe:362,506", {SSH, ENUM, XZ}), ("cwe:none", {EU, GONE, EUVD}),
        ("published<90d", {NEW, EU}), ("published:2024", {XZ, SSH}), ("published:none", {EUVD}), ("due<0d", {LOG4J}), ("due:any", {LOG4J}),
        ("state:rejected", {GONE}), ("status:deferred", {EU}), ("status:awaiting-analysis", {NEW}), ("source:nvd", {LOG4J, XZ, SSH, ENUM, NEW}),
        ("source:cve-list", {SSH, NEW}), ("source:none", {EU, GONE, EUVD}), ("tag:disputed", {NEW}), ("fix:any", {LOG4J, SSH, ENUM}),
        ("fix:none criteria:any", {XZ, NEW}), ("exploit:weaponised", {LOG4J}), ("exploit:any", {LOG4J, XZ, SSH, ENUM}), ("criteria:none", {EU, GONE, EUVD}),
        ("affects:any", {SSH}), ("affects:none", ALL - {SSH}), ("affects:candidates", {ENUM}), ("asset:10.0.0.1", {SSH}), ("asset:web2", {SSH}),
        ("asset:prod exposure:internal", set()), ("asset:web2 exposure:internal", {SSH}), ("asset:web2 confidence>30%", {SSH, ENUM}),
        ("class:backport confidence>0", {ENUM}), ("class:backport", set()), ('verdict:"14 days"', {SSH}), ("affects:any priority>90", {SSH}),
        ("affects:any priority>95", set()), ("exposure:internal priority>90", set()), ("priority>90 -affects:any", {LOG4J}),
        ("openssh", {SSH, ENUM}), ("overflow", {NEW, EU}), ("overflowing", {NEW, EU}), ('"buffer overflow"', {NEW, EU}), ('"overflow buffer"', {EU}),
        ("http_server", {NEW}), ("the openssh", {SSH, ENUM}), ("regress*", {SSH}), ("openssh -race", {ENUM}), ("openssh -race -xyzzy -the", {ENUM}), ("openssh cvss>6", {SSH}), ("xyzzy", set()),
        ("Xz:", None), ("-the", ALL), ("JNDI endpoints", {LOG4J}),
    ],
)  # fmt: skip
def test_a_search_finds_exactly(database: Database, text: str, found: set[str] | None) -> None:
    if found is None:
        with pytest.raises(InvalidInput):
            ask(database, text)
        return
    told = ask(database, text)
    assert {one.id for one in told.items} == found
    assert (told.total, told.total_capped) == (len(found), False)


def test_another_organisation_has_none_of_the_matches(database: Database) -> None:
    assert ids(database, "affects:any", org=OTHER) == []
    assert [one.matches for one in ask(database, "openssh", org=ORG, sort="id").items] == [0, 2]
    assert [one.matches for one in ask(database, "openssh", org=OTHER, sort="id").items] == [0, 0]


def test_the_most_urgent_comes_first_and_with_words_the_best_hit(database: Database) -> None:
    told = ask(database, "")
    assert told.sort == "-priority"
    assert [one.priority for one in told.items] == sorted((one.priority for one in told.items), reverse=True)
    told = ask(database, "openssh")
    assert told.sort == "-rank"


def test_with_matches_priority_is_that_of_the_gravest_match(database: Database) -> None:
    assert ids(database, "affects:any,candidates confidence>0", sort="-priority") == [SSH, ENUM]
    assert ids(database, "confidence>0 exposure:internal", sort="priority") == [ENUM, SSH]


@pytest.mark.parametrize("name", SORTS)
@pytest.mark.parametrize("sign", ["", "-"])
def test_pages_of_every_order_hold_everything_once(database: Database, sign: str, name: str) -> None:
    text = "overflow" if name == "rank" else ""
    whole = ids(database, text, sort=sign + name)
    seen: list[str] = []
    cursor = None
    while True:
        page = ask(database, text, sort=sign + name, limit=1, cursor=cursor)
        seen += [one.id for one in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert seen == whole
    assert set(whole) == ({NEW, EU} if text else ALL)


def test_the_default_order_goes_on_where_the_page_before_ended(database: Database) -> None:
    first = ask(database, "openssh", limit=1)
    assert ids(database, "openssh", cursor=first.next_cursor) == ids(database, "openssh")[1:]


def test_facets_divide_the_hits(database: Database) -> None:
    told = ask(database, "vendor:any", facets=FACETS).facets
    assert told is not None
    values = {name: {one.value: one.count for one in facet.values} for name, facet in told.items()}
    assert values["severity"] == {"critical": 2, "high": 2, "medium": 1}
    assert values["kev"] == {"kev": 1, "eu-kev": 1}
    assert values["ssvc"] == {"poc": 2, "active": 1, "none": 1, "unknown": 1}
    assert values["epss"] == {"0.9": 2, "0.5": 1, "0.1": 1, "0": 1}
    assert values["year"] == {"2018": 1, "2021": 1, "2024": 2, "2026": 1}
    assert values["vendor"] == {"openbsd": 2, "acme": 1, "apache": 1, "debian": 1, "tukaani": 1}
    assert values["cwe"]["CWE-362"] == 2
    assert sum(values["band"].values()) == 5
    assert not any(facet.whole for facet in told.values())


def test_a_line_tells_what_is_unknown_apart_from_what_is_not(database: Database) -> None:
    line = ask(database, LOG4J).items[0]
    assert (line.kev, line.impact, line.exploitation, line.exploit, line.epss) == (True, "total", "active", "weaponised", 0.94358)
    line = ask(database, EU).items[0]
    assert (line.kev, line.eukev, line.impact, line.exploitation, line.cvss_score, line.epss) == (False, True, None, None, None, None)


WORDS = st.sampled_from([f"{field.name}{op}" for field in language(0.5).fields for op in (":", ">", "<=")] + ["-", '"', "", " "])
VALUES = st.sampled_from([
    "any", "none", "true", "0", "0.5", "50%", "7", "high", "none", "90d", "2024-02", "CVE-2024-*", "cpe:2.3:a:x:y:1.0", "2.3:a:%:_:'", "79", "x*", "..",
    "1..2", "'", "\\", "%s", "{}", '"', "öß", "\U0001f980", "a_b", "&|!", "<->", ":*", "(", "nvd",
]) | st.text(max_size=6)  # fmt: skip


@settings(max_examples=1500, deadline=None)
@given(
    st.lists(st.tuples(WORDS, VALUES, st.sampled_from(["", " ", ","])), max_size=5), st.sampled_from([None, "-rank", "priority", "-due"])
)
def test_every_text_is_understood_or_refused(database: Database, parts: list[tuple[str, str, str]], sort: str | None) -> None:
    text = "".join(map("".join, parts))
    try:
        assert {one.id for one in ask(database, text, sort=sort).items} <= ALL
    except InvalidInput as error:
        place = error.field
    else:
        return
    assert place in {"/q", "/sort"}
