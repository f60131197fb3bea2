"""The list of matches: those of one's own, gravest first, page by page, and nobody else's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.advisories.test_match_job import K, World, normal
from tests.api.floor import Client, client_of

if TYPE_CHECKING:
    from uuid import UUID

    from tests.api.worker import Worker


def test_matches_are_listed_gravest_first_to_those_they_belong_to(worker: Worker, owner: Client, stranger: UUID) -> None:
    world = World(worker, owner.org)
    world.say(normal(), normal(K + 1, score_of=3.1), normal(K + 2, below="2.0"))
    world.runs("192.0.2.1", "8.9p1")
    world.match()
    first = owner.get("/advisories/matches", limit=1)
    then = owner.get("/advisories/matches", limit=1, cursor=first["next_cursor"])
    assert [one["id"] for one in (*first["items"], *then["items"])] == ["CVE-2031-0001", "CVE-2031-0002"]
    assert then["next_cursor"] is None
    told = first["items"][0]
    assert (told["why"], told["target"], told["port"], told["fix"]) == ("MatchSSH 8.9p1 lies in < 9.8p1 (NVD)", "192.0.2.1", 22, "9.8p1")
    assert [one["id"] for one in owner.get("/advisories/matches", advisory="cve-2031-0002")["items"]] == ["CVE-2031-0002"]
    assert owner.ask("GET", "/advisories/matches", params={"advisory": "heartbleed"}).status_code == 422
    assert client_of(owner.http, worker.ledger, stranger, "owner").get("/advisories/matches", min_confidence=0)["items"] == []
    world.unsay([K, K + 1, K + 2])


def test_matches_are_narrowed_in_the_language_of_searches(worker: Worker, owner: Client, stranger: UUID) -> None:
    world = World(worker, owner.org)
    world.say(normal(), normal(K + 1, score_of=3.1), normal(K + 2, kind="-", hi=None, product="matchodd"))
    world.runs("192.0.2.1", "8.9p1")
    world.runs("192.0.2.2", "9.1p1", port=2222)
    world.match()

    def found(path: str = "/advisories/matches", **query: object) -> set[tuple[str, str]]:
        return {(one["id"][-1], one["target"]) for one in owner.get(path, **query)["items"]}

    both = {"192.0.2.1", "192.0.2.2"}
    whole = {(n, host) for n in "12" for host in both}
    assert found(q="product:matchssh") == found() == whole
    for text, wanted in (
        ("id:CVE-2031-0001", {("1", host) for host in both}), ("port:2222", {("1", "192.0.2.2"), ("2", "192.0.2.2")}),
        ("asset:192.0.2.1 cvss<5", {("2", "192.0.2.1")}), ("-asset:192.0.2.1 race", {("1", "192.0.2.2"), ("2", "192.0.2.2")}),
        ("class:exact confidence>=90%", whole), ("confidence<10%", set()), ("seen<1d", whole), ("seen>1d", set()), ("port:1", set()),
    ):  # fmt: skip
        assert found(q=text) == wanted, text
    assert found("/advisories/CVE-2031-0002/matches") == {("2", host) for host in both}
    assert found("/advisories/cve-2031-0002/matches", q="port:22") == {("2", "192.0.2.1")}
    assert owner.ask("GET", "/advisories/CVE-2031-9999/matches").status_code == 404
    eve = client_of(owner.http, worker.ledger, stranger, "owner")
    assert eve.get("/advisories/CVE-2031-0002/matches", min_confidence=0) == {"items": [], "next_cursor": None}
    told = owner.ask("GET", "/advisories/matches", params={"q": "prot:22"})
    assert (told.status_code, told.json()["did_you_mean"]) == (422, "port")
    world.unsay([K, K + 1, K + 2])


def test_a_search_for_unsure_matches_finds_candidates(worker: Worker, owner: Client) -> None:
    world = World(worker, owner.org)
    world.say(normal(kind="-", hi=None))
    world.runs("192.0.2.1", "8.9p1")
    world.match()
    assert owner.get("/advisories/matches")["items"] == []
    assert [one["match_class"] for one in owner.get("/advisories/matches", q="confidence<50%")["items"]] == ["version-na"]
    assert [one["match_class"] for one in owner.get("/advisories/matches", min_confidence=0, q="class:version-na")["items"]] == [
        "version-na"
    ]
    assert owner.get("/advisories/matches", min_confidence=0.9, q="confidence<50%")["items"] == []
    world.unsay([K])
