"""Matching an organisation's inventory: what becomes a match, a finding and an event, and what ends them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from watchfloor.capabilities.advisories.engine.merge import merge
from watchfloor.capabilities.advisories.engine.priority import score
from watchfloor.capabilities.advisories.engine.versions import key
from watchfloor.capabilities.advisories.jobs.match import MatchInventory, match_inventory
from watchfloor.capabilities.advisories.queries.curator import curating
from watchfloor.capabilities.advisories.queries.ingest import Head, replace
from watchfloor.capabilities.advisories.queries.products import Products
from watchfloor.capabilities.advisories.queries.settled import settled, write
from watchfloor.capabilities.advisories.queries.told import told
from watchfloor.capabilities.advisories.schemas.facts import Criterion, Fact, Metric, Normal
from watchfloor.capabilities.advisories.schemas.merged import Settled
from watchfloor.capabilities.advisories.schemas.words import Provider, Source, State
from watchfloor.kernel.assets import facts, inventory
from watchfloor.kernel.db.session import wire_of
from watchfloor.kernel.jobs.enqueue import submit

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from tests.api.worker import Worker

K = 20310000000001
TODAY = date(2026, 8, 20)
OPENSSH = "cpe:2.3:a:openbsd:matchssh:{}:*:*:*:*:*:*:*"


def normal(
    k: int = K, *, below: str = "9.8p1", product: str = "matchssh", state: State = State.PUBLISHED, score_of: float = 9.8, **members: Any
) -> Normal:
    """Return what NVD says: one product, affected below a version."""
    said = {"vendor": "openbsd", "kind": "r", "hi": key(below), "text": f"< {below}", "fix": below, **members}
    criterion = Criterion(k=k, src=Source.NVD, part="a", product=product, **said)
    metric = Metric(
        k=k, src=Source.NVD, version="3.1", provider=Provider.NVD, score=score_of, vector="CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H",
        severity="critical",
    )  # fmt: skip
    fact = Fact(k=k, src=Source.NVD, state=state, descr="A race. It is bad.", published=datetime(2026, 8, 1, tzinfo=UTC))
    return Normal(fact=fact, metrics=(metric,), criteria=() if state is State.REJECTED else (criterion,))


class World:
    """What the world knows, and what one organisation runs."""

    def __init__(self, worker: Worker, org: UUID) -> None:
        self.worker, self.org = worker, org
        self.database = worker.ledger.database

    def say(self, *normals: Normal) -> None:
        """Let NVD say something, and merge it."""
        ks = [one.fact.k for one in normals]
        with self.database.transaction(self.org) as session, curating(session) as wire:
            old = {row[0] for row in wire.execute("select k from adv_raw where src = 1 and k = any (%s)", (ks,))}
            incoming = [(Head(one.fact.k, b"h" * 16, None, None, b"doc"), one) for one in normals]
            replace(wire, Source.NVD, incoming, old, products=Products(), history=0)
            self.merge(wire, ks)

    def merge(self, wire: Any, ks: list[int]) -> None:
        """Merge and score."""
        wire.execute("delete from adv_touched where k = any (%s)", (ks,))
        made = [Settled(merged=one, priority=score(one, TODAY)) for each in told(wire, ks) if (one := merge(each)) is not None]
        before = settled(wire, ks)
        write(
            wire,
            [one for one in made if one.merged.k not in before],
            [(before[one.merged.k], one) for one in made if one.merged.k in before],
            scored_on=TODAY,
        )
        wire.execute("update adv_cve set revision = nextval('adv_revision') where k = any (%s)", (ks,))

    def unsay(self, ks: list[int]) -> None:
        """Forget all about some CVEs."""
        with self.database.transaction(self.org) as session, curating(session) as wire:
            for table in ("adv_raw", "adv_fact", "adv_metric", "adv_criterion", "adv_cve", "adv_text", "adv_touched"):
                wire.execute(f"delete from {table} where k = any (%s)", (ks,))

    def runs(self, host: str, version: str, *, revision: str = "", port: int = 22, gone: bool = False, cpe: bool = True) -> UUID:
        """Learn what runs on a host."""
        with self.database.transaction(self.org) as session:
            asset = inventory.see(session, self.org, kind="host", key=host)
            cpe23 = (OPENSSH.format(version or "*"),) if cpe else ()
            held = facts.Fact(product="MatchSSH", port=port, protocol="tcp", name="ssh", version=version, revision=revision, cpe23=cpe23)
            facts.learn(session, self.org, asset, [] if gone else [held], ports_looked_at={"tcp": [(port, port)]})
            # What is younger than ten seconds is read later.
            wire_of(session).execute("update asset_fact set changed_at = changed_at - interval '20 seconds'")
        return asset

    def exposes(self, asset: UUID, exposure: str) -> None:
        """Say from where an asset can be reached."""
        with self.database.transaction(self.org) as session:
            inventory.expose(session, self.org, asset, exposure, actor="test")

    def match(self, *, full: bool = False) -> dict[str, Any]:
        """Run one job; return what it counted."""
        made = submit(self.worker.ledger, self.org, match_inventory, MatchInventory(full=full))
        self.worker.run_all(self.org)
        row: Any = self.worker.wire.execute(
            "select stage from job where id = %s union all select stage from job_done where id = %s", (made.id, made.id)
        ).fetchone()
        assert row[0] == "succeeded"
        return {name: self.worker.count(name, self.org) for name in ("adv_match", "finding")}

    def rows(self, sql: str) -> list[Any]:
        """Return rows of the organisation."""
        with self.database.transaction(self.org) as session:
            return wire_of(session).execute(sql).fetchall()

    def findings(self) -> list[tuple[str, str]]:
        """Return state and title of findings."""
        return self.rows("select state, title from finding order by title")

    def events(self) -> list[str]:
        """Return the names of the events about matches, in order."""
        return [row[0] for row in self.rows("select name from event where name like 'match.%' order by id")]


@pytest.fixture
def world(worker: Worker, org: UUID) -> Iterator[World]:
    """Be in a world that nobody has said anything about."""
    made = World(worker, org)
    yield made
    made.unsay([K, K + 1, K + 2])


def test_an_affected_service_becomes_a_match_and_a_finding_that_says_why(world: World) -> None:
    world.say(normal())
    asset = world.runs("192.0.2.1", "8.9p1")
    world.match()
    ((kind, confidence, band, verdict, gone, of),) = world.rows("select class, confidence, band, verdict, gone_at, asset from adv_match")
    assert (kind, confidence, gone, of) == ("exact", 1.0, None, asset)
    assert verdict
    assert band == "low"  # nothing says that anybody attacks it
    ((key_, title, remedy, evidence, port, target, references),) = world.rows(
        'select key, title, remedy, evidence, port, target, "references" from finding'
    )
    assert key_.startswith("advisories:")
    assert title == "CVE-2031-0001 in MatchSSH 8.9p1: A race"
    assert remedy == "Update MatchSSH to 9.8p1 or later."
    assert evidence["why"] == "MatchSSH 8.9p1 lies in < 9.8p1 (NVD)"
    assert (evidence["confidence"], evidence["class"], evidence["fixed_in"]) == (1.0, "exact", "9.8p1")
    assert (port, target) == (22, "192.0.2.1")
    assert references[0].endswith("CVE-2031-0001")


def test_what_was_true_before_anybody_looked_is_no_news_and_the_rest_is(world: World) -> None:
    world.say(normal())
    world.runs("192.0.2.1", "8.9p1")
    world.match()
    assert world.events() == []
    world.runs("192.0.2.2", "8.9p1")
    world.match()
    assert world.events() == ["match.new"]
    ((data,),) = world.rows("select data from event where name = 'match.new'")
    assert (data["cve"], data["count"], len(data["assets"])) == ("CVE-2031-0001", 1, 1)


def test_matching_again_writes_nothing(world: World) -> None:
    world.say(normal())
    world.runs("192.0.2.1", "8.9p1")
    world.match()
    before = world.rows("select id, xmin::text from adv_match"), world.rows("select id, xmin::text from finding")
    world.match()
    assert (world.rows("select id, xmin::text from adv_match"), world.rows("select id, xmin::text from finding")) == before


def test_an_advisory_that_appears_meets_what_was_seen_long_ago(world: World) -> None:
    world.runs("192.0.2.1", "8.9p1")
    world.match()
    world.say(normal())
    world.match()
    assert world.findings() == [("open", "CVE-2031-0001 in MatchSSH 8.9p1: A race")]
    assert world.events() == ["match.new"]


@pytest.mark.parametrize(
    ("then", "reason"),
    [
        ("update", "MatchSSH 9.9 was seen, which is not affected; it was MatchSSH 8.9p1"),
        ("stop", "what it was about does not run there any more"),
        ("reject", "the advisory was rejected"),
        ("restate", "the advisory does not name this version as affected any more"),
        ("forget", "the advisory was rejected"),
    ],
)
def test_a_match_ends_with_its_reason_and_so_does_its_finding(world: World, then: str, reason: str) -> None:
    world.say(normal())
    world.runs("192.0.2.1", "8.9p1")
    world.match()
    if then == "update":
        world.runs("192.0.2.1", "9.9")
    elif then == "stop":
        world.runs("192.0.2.1", "", gone=True)
    elif then == "forget":
        world.unsay([K])
    else:
        world.say(normal(state=State.REJECTED) if then == "reject" else normal(below="8.0"))
    world.match()
    assert world.rows("select gone_reason from adv_match where gone_at is not null") == [(reason,)]
    assert world.rows("select state, reason from finding") == [("fixed", reason)]
    assert world.events() == ["match.closed"]


def test_what_comes_back_opens_again(world: World) -> None:
    world.say(normal())
    for version in ("8.9p1", "9.9", "8.9p1"):
        world.runs("192.0.2.1", version)
        world.match()
    assert world.rows("select gone_at, gone_reason from adv_match") == [(None, None)]
    assert [state for state, _title in world.findings()] == ["open"]
    assert world.events() == ["match.closed", "match.new"]


def test_a_distributions_build_is_a_candidate_and_no_finding(world: World) -> None:
    world.say(normal())
    world.runs("192.0.2.1", "8.9p1", revision="Ubuntu-3ubuntu0.10")
    world.match()
    assert world.rows("select class, round(confidence::numeric, 2)::text from adv_match") == [("backport", "0.40")]
    assert world.findings() == []


def test_a_finding_ends_where_its_match_is_not_sure_enough_any_more(world: World) -> None:
    world.say(normal())
    world.runs("192.0.2.1", "8.9p1")
    world.match()
    world.runs("192.0.2.1", "8.9p1", revision="Ubuntu-3ubuntu0.10")
    world.match()
    ((state, reason),) = world.rows("select state, reason from finding")
    assert state == "fixed"
    assert reason.startswith("no longer sure enough for a finding")
    world.runs("192.0.2.1", "8.9p1")
    world.match()
    assert [state for state, _title in world.findings()] == ["open"]
    assert world.events() == ["match.confidence_raised"]


def test_a_version_that_nobody_knows_is_not_kept(world: World) -> None:
    world.say(normal())
    world.runs("192.0.2.1", "")
    world.match()
    assert world.rows("select class from adv_match") == []


def test_exposure_changes_priority_and_severity(world: World) -> None:
    world.say(normal())
    asset = world.runs("192.0.2.1", "8.9p1")
    world.match()
    ((before,),) = world.rows("select priority from adv_match")
    world.exposes(asset, "internet")
    world.match()
    ((after, exposure, deadline),) = world.rows("select priority, exposure, verdict from adv_match")
    assert after > before
    assert exposure == "internet"
    assert deadline


def test_several_services_of_one_asset_are_several_matches(world: World) -> None:
    world.say(normal())
    world.runs("192.0.2.1", "8.9p1")
    world.runs("192.0.2.1", "8.9p1", port=2222)
    world.match()
    assert len(world.rows("select fact from adv_match")) == 2
    assert world.rows("select port from finding order by port") == [(22,), (2222,)]


def test_another_organisation_sees_none_of_it(world: World, worker: Worker, stranger: UUID) -> None:
    world.say(normal())
    world.runs("192.0.2.1", "8.9p1")
    world.match()
    assert worker.count("adv_match", stranger) == 0


def test_criteria_that_are_joined_are_decided_by_all_that_runs_there(world: World) -> None:
    both = msgspec.structs.replace(normal().criteria[0], cfg_and=True)
    system = Criterion(
        k=K, src=Source.NVD, node=1, cfg_and=True, vulnerable=False, part="o", vendor="microsoft", product="windows", kind="-"
    )
    said = msgspec.structs.replace(normal(), criteria=(both, system))
    world.say(said)
    asset = world.runs("192.0.2.1", "8.9p1")
    world.match()
    assert world.rows("select class from adv_match") == [("platform-unknown",)]
    with world.database.transaction(world.org) as session:
        linux = facts.Fact(kind="os", product="Debian", cpe23=("cpe:2.3:o:debian:debian_linux:12:*:*:*:*:*:*:*",))
        facts.learn(session, world.org, asset, [linux])
        wire_of(session).execute("update asset_fact set changed_at = changed_at - interval '20 seconds'")
    world.match()
    assert [row[0] is not None for row in world.rows("select gone_at from adv_match")] == [True]


def test_everything_matched_anew_is_what_was_matched_step_by_step(world: World) -> None:
    for n, version in enumerate(("8.9p1", "9.9", "7.0")):
        world.runs(f"192.0.2.{n}", version)
    world.match()
    world.say(normal(), normal(K + 1, below="8.0"))
    world.match()
    steps = world.rows("select asset, k, class, confidence, priority from adv_match where gone_at is null order by asset, k")
    world.match(full=True)
    assert len(steps) == 3
    assert world.rows("select asset, k, class, confidence, priority from adv_match where gone_at is null order by asset, k") == steps
