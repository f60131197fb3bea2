"""Watches: told once of what happens from now on, never of what was so before, and nobody else's."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest

from tests.advisories.matching import matched
from tests.api.floor import Client, client_of
from tests.cli.desk import OpenDesk
from watchfloor.capabilities.advisories.cli import commands
from watchfloor.capabilities.advisories.engine.priority import score
from watchfloor.capabilities.advisories.engine.watch import value_of
from watchfloor.capabilities.advisories.jobs import watch
from watchfloor.capabilities.advisories.jobs.watching import WatchAdvisories
from watchfloor.capabilities.advisories.queries.changes import write as write_changes
from watchfloor.capabilities.advisories.queries.curator import curating
from watchfloor.capabilities.advisories.queries.settled import drop, write
from watchfloor.capabilities.advisories.schemas.changes import Change, Kind
from watchfloor.capabilities.advisories.schemas.merged import Merged, Settled
from watchfloor.capabilities.advisories.schemas.words import Source
from watchfloor.kernel.assets.inventory import see, tag
from watchfloor.kernel.db.session import wire_of
from watchfloor.kernel.events.outbox import emit
from watchfloor.kernel.jobs.enqueue import submit

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from tests.api.worker import Worker
    from watchfloor.kernel.jobs.ledger import Ledger

TODAY = date(2026, 8, 20)
K = 2026 * 10**10 + 70_000
URGENT, MILD = K, K + 1
RECORDS = (
    Merged(
        k=URGENT, cve_id="CVE-2026-70000", title="Door left open", names="acme gateway", cvss_score=9.8, cvss_version="3.1", kev=True,
        cvss_vector="CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", published=datetime(2026, 8, 1, tzinfo=UTC), severity="critical",
    ),
    Merged(k=MILD, cve_id="CVE-2026-70001", title="Typo in a manual", names="acme manual", cvss_score=2.0, cvss_version="3.1", severity="low"),
)  # fmt: skip


@pytest.fixture(autouse=True)
def shelf(ledger: Ledger, org: UUID) -> None:
    """Begin with two records."""
    with ledger.database.transaction(org) as session, curating(session) as wire:
        write(wire, [Settled(merged=one, priority=score(one, TODAY)) for one in RECORDS], [], scored_on=TODAY)


def happen(ledger: Ledger, org: UUID, *changes: Change) -> None:
    """Write down what happened, as merging does."""
    with ledger.database.transaction(org) as session, curating(session) as wire:
        write_changes(wire, changes)


def added(k: int = URGENT, *, quiet: bool = False, day: str = "2026-08-10") -> Change:
    return Change(k=k, kind=Kind.KEV_ADDED, new={"catalog": "kev", "added": day}, src=Source.KEV, quiet=quiet)


def fixed(k: int = URGENT) -> Change:
    return Change(k=k, kind=Kind.FIX_APPEARED, old=False, new=True)


def hits(worker: Worker, org: UUID) -> list[dict[str, Any]]:
    """Let the watches look and return all that they ever told, oldest first."""
    made = submit(worker.ledger, org, watch, WatchAdvisories())
    worker.run_all(org)
    query = "select stage from job where id = %s union all select stage from job_done where id = %s"
    assert worker.wire.execute(query, (made.id, made.id)).fetchone() == ("succeeded",)
    with worker.ledger.database.transaction(org) as session:
        query = "select data from event where org = %s and name = 'advisories.watch_hit' order by id"
        return [row[0] for row in wire_of(session).execute(query, (org,))]


def told(worker: Worker, org: UUID) -> list[tuple[str, str, str]]:
    """Return what was told as watch, CVE and kind."""
    return [(one["name"], one["cve_id"], one["kind"]) for one in hits(worker, org)]


def make(owner: Client, name: str = "all", **fields: Any) -> UUID:
    return UUID(owner.post("/advisories/watches", {"name": name, **fields})["id"])


def test_a_watch_tells_what_happens_from_now_on(owner: Client, worker: Worker, ledger: Ledger, org: UUID) -> None:
    happen(ledger, org, added(MILD))
    number = make(owner)
    happen(ledger, org, added())
    [hit] = hits(worker, org)
    assert (hit["watch"], hit["cve_id"], hit["kind"], hit["source"]) == (str(number), "CVE-2026-70000", "advisory.kev_added", "kev")
    assert (hit["old"], hit["new"], hit["title"], hit["band"]) == (
        None,
        {"catalog": "kev", "added": "2026-08-10"},
        "Door left open",
        "critical",
    )
    assert (hit["assets"], hit["asset_ids"]) == (0, [])


def test_the_same_news_is_told_once(owner: Client, worker: Worker, ledger: Ledger, org: UUID) -> None:
    make(owner)
    happen(ledger, org, added(), added())
    assert len(hits(worker, org)) == 1
    happen(ledger, org, added())
    assert len(hits(worker, org)) == 1
    happen(ledger, org, added(day="2026-09-01"))
    assert len(hits(worker, org)) == 2
    assert make(owner, "other") != make(owner, "third")
    happen(ledger, org, fixed())
    assert sorted(name for name, _cve, kind in told(worker, org) if kind == "advisory.fix_appeared") == ["all", "other", "third"]


def test_quiet_history_is_told_to_nobody(owner: Client, worker: Worker, ledger: Ledger, org: UUID) -> None:
    make(owner)
    happen(ledger, org, *(added(k, quiet=True) for k in (URGENT, MILD)))
    assert hits(worker, org) == []


@pytest.mark.parametrize(
    ("fields", "cves"),
    [
        ({"query": "gateway"}, ["CVE-2026-70000"]),
        ({"query": "id:CVE-2026-70001"}, ["CVE-2026-70001"]),
        ({"query": "severity:low -gateway"}, ["CVE-2026-70001"]),
        ({"min_score": 85}, ["CVE-2026-70000"]),
        ({"kinds": ["fix_appeared"]}, ["CVE-2026-70001"]),
        ({"kinds": ["advisory.kev_added", "advisory.fix_appeared"]}, ["CVE-2026-70000", "CVE-2026-70001"]),
        ({"asset_tags": ["web"]}, []),
    ],
)
def test_a_watch_is_for_what_it_says(
    owner: Client, worker: Worker, ledger: Ledger, org: UUID, fields: dict[str, Any], cves: list[str]
) -> None:
    make(owner, **fields)
    happen(ledger, org, added(), fixed(MILD))
    assert sorted(one["cve_id"] for one in hits(worker, org)) == cves


def test_a_tag_asks_for_an_asset_that_matches(owner: Client, worker: Worker, ledger: Ledger, org: UUID) -> None:
    with ledger.database.transaction(org) as session:
        asset = see(session, org, kind="host", key="web")
        tag(session, org, asset, ["web"], actor="test")
        matched(session, org, "web", MILD, priority=60.0)
        matched(session, org, "mail", URGENT)
        matched(session, org, "web", URGENT, confidence=0.2)
    make(owner, asset_tags=["web", "shop"])
    make(owner, "only urgent", asset_tags=["web"], min_score=61)
    happen(ledger, org, added(), fixed(MILD))
    [hit] = hits(worker, org)
    assert (hit["name"], hit["cve_id"], hit["assets"], hit["asset_ids"]) == ("all", "CVE-2026-70001", 1, [str(asset)])


def test_a_match_counts_where_the_record_alone_would_not(owner: Client, worker: Worker, ledger: Ledger, org: UUID) -> None:
    with ledger.database.transaction(org) as session:
        matched(session, org, "web", MILD, priority=77.0)
    make(owner, min_score=75, query="manual")
    happen(ledger, org, fixed(MILD))
    assert len(hits(worker, org)) == 1


def test_new_matches_are_told_together_and_those_before_not_at_all(owner: Client, worker: Worker, ledger: Ledger, org: UUID) -> None:
    with ledger.database.transaction(org) as session:
        matched(session, org, "before", URGENT)
    make(owner, kinds=["match.new"], query="gateway")
    with ledger.database.transaction(org) as session:
        matched(session, org, "web", URGENT, priority=70.0, band="high")
        matched(session, org, "mail", URGENT, priority=90.0, band="critical", verdict="3 days", due_on=date(2026, 8, 23))
        matched(session, org, "doubtful", URGENT, confidence=0.3)
        matched(session, org, "other", MILD)
    [hit] = hits(worker, org)
    assert (hit["kind"], hit["assets"], len(hit["asset_ids"])) == ("match.new", 2, 2)
    assert (hit["priority"], hit["band"], hit["new"]) == (90.0, "critical", {"verdict": "3 days", "due": "2026-08-23"})
    assert len(hits(worker, org)) == 1
    with ledger.database.transaction(org) as session:
        matched(session, org, "later", URGENT)
    assert [one["assets"] for one in hits(worker, org)] == [2, 1]


def test_a_match_that_ends_is_told_with_its_reason(owner: Client, worker: Worker, ledger: Ledger, org: UUID) -> None:
    with ledger.database.transaction(org) as session:
        number = matched(session, org, "web", URGENT)
    make(owner, kinds=["match.closed"])
    assert hits(worker, org) == []
    with ledger.database.transaction(org) as session:
        wire_of(session).execute("update adv_match set gone_at = wf_now(), gone_reason = 'fixed version seen' where id = %s", (number,))
    [hit] = hits(worker, org)
    assert (hit["kind"], hit["new"], hit["assets"]) == ("match.closed", {"reason": "fixed version seen"}, 1)


def raise_match(ledger: Ledger, org: UUID, kind: str, cve: str, *assets: UUID, **told: Any) -> None:
    """Tell what a match that goes on did, as matching tells it."""
    data = {"cve": cve, "title": "t", "priority": 72.5, "band": "high", "old": "medium", "new": "high",
            "assets": [str(one) for one in assets], "count": len(assets)} | told  # fmt: skip
    with ledger.database.transaction(org) as session:
        emit(session, org, kind, data=data)


def test_a_match_that_goes_on_and_changes_is_told_once_with_its_assets(owner: Client, worker: Worker, ledger: Ledger, org: UUID) -> None:
    with ledger.database.transaction(org) as session:
        web, mail = (see(session, org, kind="host", key=name) for name in ("web", "mail"))
        tag(session, org, web, ["shop"], actor="test")
        for name in ("web", "mail"):
            matched(session, org, name, URGENT)
    raise_match(ledger, org, "match.band_changed", "CVE-2026-70000", web, new="critical")
    make(owner, kinds=["match.band_changed"], query="gateway", asset_tags=["shop"], min_score=70)
    make(owner, "surer", kinds=["match.confidence_raised"])
    raise_match(ledger, org, "match.band_changed", "CVE-2026-70000", web, mail)
    raise_match(ledger, org, "match.band_changed", "CVE-2026-70000", mail)
    raise_match(ledger, org, "match.band_changed", "CVE-2026-70001", web)
    raise_match(ledger, org, "match.band_changed", "CVE-2026-70000", web, new="low", priority=30.0)
    raise_match(ledger, org, "match.confidence_raised", "CVE-2026-70001", web, old=0.3, new=0.9)
    first, second = sorted(hits(worker, org), key=lambda one: one["name"])
    assert (first["kind"], first["old"], first["new"], first["priority"], first["band"]) == (
        "match.band_changed",
        "medium",
        "high",
        72.5,
        "high",
    )
    assert (first["assets"], first["asset_ids"]) == (2, [str(web), str(mail)])
    assert (second["kind"], second["cve_id"], second["old"], second["new"]) == ("match.confidence_raised", "CVE-2026-70001", 0.3, 0.9)
    raise_match(ledger, org, "match.band_changed", "CVE-2026-70000", web, mail)
    assert len(hits(worker, org)) == 2, "the same again is no news"


def rejected(k: int) -> Change:
    return Change(k=k, kind=Kind.REJECTED, old="published", new="rejected", src=Source.CVE_LIST)


def removed(k: int) -> Change:
    old = {"title": "Door left open", "severity": "critical", "band": "critical", "priority": 91.0}
    return Change(k=k, kind=Kind.REMOVED, old=old)


def end(ledger: Ledger, org: UUID, change: Change) -> None:
    """Let a record lose what it was, as merging does."""
    with ledger.database.transaction(org) as session, curating(session) as wire:
        if change.kind is Kind.REMOVED:
            drop(wire, [change.k])
        else:
            wire.execute(
                "update adv_cve set state = 2, priority = 0, band = 'none', severity = 'unknown', kev = false where k = %s", (change.k,)
            )
        write_changes(wire, [change])


@pytest.mark.parametrize("make_end", [rejected, removed])
def test_who_was_told_of_a_record_is_told_that_it_ended(
    owner: Client, worker: Worker, ledger: Ledger, org: UUID, make_end: Callable[[int], Change]
) -> None:
    make(owner, "told before", query="severity:critical", min_score=85)
    happen(ledger, org, added())
    assert len(hits(worker, org)) == 1
    make(owner, "never told", query="severity:low")
    make(owner, "of everything")
    make(owner, "of what is urgent", min_score=90)
    end(ledger, org, make_end(URGENT))
    ends = {one["name"]: one for one in hits(worker, org)[1:]}
    # Of a rejected record nothing says any more how urgent it was.
    assert set(ends) == {"told before", "of everything"} | ({"of what is urgent"} if make_end is removed else set())
    assert {one["cve_id"] for one in ends.values()} == {"CVE-2026-70000"}
    assert {one["title"] for one in ends.values()} == {"Door left open"}


@pytest.mark.parametrize("make_end", [rejected, removed])
def test_the_end_of_a_record_is_told_to_who_watches_an_asset_that_it_matched(
    owner: Client, worker: Worker, ledger: Ledger, org: UUID, make_end: Callable[[int], Change]
) -> None:
    with ledger.database.transaction(org) as session:
        tag(session, org, see(session, org, kind="host", key="web"), ["shop"], actor="test")
        number = matched(session, org, "web", URGENT, priority=80.0)
    make(owner, asset_tags=["shop"], min_score=75, kinds=["rejected", "removed"])
    make(owner, "others", asset_tags=["mail"], kinds=["rejected", "removed"])
    end(ledger, org, make_end(URGENT))
    with ledger.database.transaction(org) as session:
        wire_of(session).execute("update adv_match set gone_at = wf_now(), gone_reason = 'rejected' where id = %s", (number,))
    assert [(one["name"], one["cve_id"]) for one in hits(worker, org)] == [("all", "CVE-2026-70000")]


def test_more_than_a_page_is_told_whole_and_once(owner: Client, worker: Worker, ledger: Ledger, org: UUID) -> None:
    make(owner)
    happen(ledger, org, *(added(MILD, day=f"day {number}") for number in range(1203)))
    assert len({one["new"]["added"] for one in hits(worker, org)}) == 1203
    assert len(hits(worker, org)) == 1203


def test_switched_off_it_is_silent_and_switched_on_it_begins_anew(owner: Client, worker: Worker, ledger: Ledger, org: UUID) -> None:
    number = make(owner)
    owner.ask("PATCH", f"/advisories/watches/{number}", json={"enabled": False})
    happen(ledger, org, added())
    with ledger.database.transaction(org) as session:
        matched(session, org, "web", URGENT)
    assert hits(worker, org) == []
    owner.ask("PATCH", f"/advisories/watches/{number}", json={"enabled": True})
    assert hits(worker, org) == []
    happen(ledger, org, fixed())
    assert told(worker, org) == [("all", "CVE-2026-70000", "advisory.fix_appeared")]


def test_a_query_that_lost_its_meaning_stops_no_other_watch(owner: Client, worker: Worker, ledger: Ledger, org: UUID) -> None:
    make(owner, "a broken one")
    make(owner, "good")
    with ledger.database.transaction(org) as session:
        wire_of(session).execute("update adv_watch set query = 'gone:1' where name = 'a broken one'")
    happen(ledger, org, added())
    assert told(worker, org) == [("good", "CVE-2026-70000", "advisory.kev_added")]
    broken = {one["name"]: one["broken"] for one in owner.get("/advisories/watches")["items"]}
    assert broken["good"] is None
    assert "gone" in broken["a broken one"]


def test_the_test_shows_the_last_days_and_tells_nobody(owner: Client, worker: Worker, ledger: Ledger, org: UUID) -> None:
    with ledger.database.transaction(org) as session:
        matched(session, org, "web", URGENT, band="high")
    happen(ledger, org, added(day="long ago"))
    with ledger.database.transaction(org) as session, curating(session) as wire:
        wire.execute("update adv_change set at = at - interval '40 days'")
    happen(ledger, org, added(), added(MILD, quiet=True), fixed(MILD))
    number = make(owner, query="acme")
    answer = owner.post(f"/advisories/watches/{number}/test")
    assert [(one["cve_id"], one["kind"]) for one in answer["items"]] == [
        ("CVE-2026-70001", "advisory.fix_appeared"),
        ("CVE-2026-70000", "advisory.kev_added"),
        ("CVE-2026-70000", "match.new"),
    ]
    assert (answer["days"], answer["total"], answer["total_capped"]) == (30, 3, False)
    assert owner.post(f"/advisories/watches/{number}/test", params={"days": 60})["total"] == 4
    assert hits(worker, org) == []


def test_a_watch_is_kept_shown_changed_and_removed(owner: Client, worker: Worker, ledger: Ledger, org: UUID) -> None:
    number = make(owner, "gate", query="gateway", kinds=["kev_added", "match.new", "kev_added"], min_score=40, asset_tags=["web"])
    shown = owner.get(f"/advisories/watches/{number}")
    assert (shown["kinds"], shown["min_score"], shown["asset_tags"], shown["hits"]) == (["advisory.kev_added", "match.new"], 40, ["web"], 0)
    changed = owner.ask("PATCH", f"/advisories/watches/{number}", json={"asset_tags": [], "name": "gates"}).json()
    assert (changed["name"], changed["query"], changed["asset_tags"]) == ("gates", "gateway", [])
    happen(ledger, org, added())
    hits(worker, org)
    listed = owner.get("/advisories/watches")["items"]
    assert [(one["name"], one["hits"]) for one in listed] == [("gates", 1)]
    assert listed[0]["last_hit_at"] is not None
    assert owner.ask("DELETE", f"/advisories/watches/{number}").status_code == 204
    assert owner.ask("GET", f"/advisories/watches/{number}").status_code == 404
    with ledger.database.transaction(org) as session:
        query = "select operation from audit_entry where org = %s and object = %s order by operation"
        assert [row[0] for row in wire_of(session).execute(query, (org, str(number)))] == ["watch.change", "watch.create", "watch.delete"]


@pytest.mark.parametrize(
    ("fields", "status", "said"),
    [
        ({"query": "cvsss:9"}, 422, "cvss?"),
        ({"kinds": ["kev_addd"]}, 422, "kev_added"),
        ({"kinds": ["advisory.vanished"]}, 422, "nothing that happens"),
        ({"kinds": ["%"]}, 422, "choose from"),
        ({"min_score": 101}, 422, ""),
        ({"query": "x" * 2001}, 422, ""),
        ({"name": "taken"}, 409, "already"),
        ({"name": "\x00"}, 422, ""),
        ({"colour": "red"}, 422, ""),
    ],
)
def test_nonsense_is_refused_with_what_may_be_meant(owner: Client, fields: dict[str, Any], status: int, said: str) -> None:
    make(owner, "taken")
    answer = owner.ask("POST", "/advisories/watches", json={"name": "new", **fields})
    assert (answer.status_code, said in answer.text) == (status, True), answer.text


def test_others_neither_see_nor_change_a_watch(
    http: httpx.Client, owner: Client, worker: Worker, ledger: Ledger, org: UUID, stranger: UUID
) -> None:
    number = make(owner)
    theirs = client_of(http, ledger, stranger, "owner")
    assert theirs.get("/advisories/watches")["items"] == []
    for method, path in (("GET", ""), ("PATCH", ""), ("DELETE", ""), ("POST", "/test")):
        body = {"json": {"name": "mine"}} if method == "PATCH" else {}
        assert theirs.ask(method, f"/advisories/watches/{number}{path}", **body).status_code == 404, method
    viewer = client_of(http, ledger, org, "viewer")
    assert len(viewer.get("/advisories/watches")["items"]) == 1
    assert viewer.ask("POST", "/advisories/watches", json={"name": "v"}).status_code == 403
    assert client_of(http, ledger, org, "analyst").ask("POST", "/advisories/watches", json={"name": "a"}).status_code == 201
    happen(ledger, org, added())
    assert hits(worker, stranger) == []


def test_the_commands_add_list_test_and_remove(owner: Client, ledger: Ledger, org: UUID) -> None:
    desk = OpenDesk(ledger, org)
    happen(ledger, org, added())
    made = json.loads(desk.run(commands, "watch", "add", "gate", "gateway", "--kind", "kev_added", "--min-score", "70", "--json").stdout)
    assert (made["name"], made["kinds"], made["created_by"]) == ("gate", ["advisory.kev_added"], "cli")
    assert owner.get(f"/advisories/watches/{made['id']}")["query"] == "gateway"
    assert "gate" in desk.run(commands, "watch", "list").output
    shown = desk.run(commands, "watch", "test", "gate")
    assert ("CVE-2026-70000" in shown.output, "1 in 30 days" in shown.output) == (True, True)
    assert desk.run(commands, "watch", "rm", made["id"]).exit_code == 0
    assert json.loads(desk.run(commands, "watch", "list", "--json").stdout)["items"] == []
    for wrong in (["rm", "gate"], ["test", "gate"], ["add", "x", "cvsss:9"], ["add", "x", "--kind", "nonsense"]):
        assert isinstance(desk.run(commands, "watch", *wrong).exception, Exception), wrong


def test_what_only_moves_is_the_same_news() -> None:
    assert value_of(Kind.BAND_CHANGED, {"band": "high", "priority": 71.0}) == value_of(
        Kind.BAND_CHANGED, {"priority": 83.2, "band": "high"}
    )
    up = {"epss": 0.6, "threshold": 0.5, "direction": "up"}
    assert value_of(Kind.EPSS_CROSSED, up) == value_of(Kind.EPSS_CROSSED, up | {"epss": 0.7})
    assert value_of(Kind.EPSS_CROSSED, up) != value_of(Kind.EPSS_CROSSED, up | {"direction": "down"})
    assert value_of(Kind.SSVC_CHANGED, {"a": "x" * 500}) != value_of(Kind.SSVC_CHANGED, {"a": "y" * 500})
    assert len(value_of(Kind.SSVC_CHANGED, {"a": "x" * 500})) <= 100
    assert value_of(Kind.RANSOMWARE_CHANGED, new=True) == "true"
