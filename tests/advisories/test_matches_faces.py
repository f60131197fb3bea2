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
