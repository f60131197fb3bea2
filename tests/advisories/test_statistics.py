"""Dashboard counts: from counters alone, put right where they drift, kept by the day, and an organisation's own only its own."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from tests.advisories.matching import matched
from tests.api.floor import Client, client_of
from tests.cli.desk import OpenDesk
from watchfloor.capabilities.advisories.cli import commands
from watchfloor.capabilities.advisories.engine.priority import score
from watchfloor.capabilities.advisories.jobs import update_statistics
from watchfloor.capabilities.advisories.jobs.counting import Scope, UpdateStatistics
from watchfloor.capabilities.advisories.queries import counters
from watchfloor.capabilities.advisories.queries.curator import curating
from watchfloor.capabilities.advisories.queries.settled import write
from watchfloor.capabilities.advisories.queries.totals import statistics
from watchfloor.capabilities.advisories.schemas.merged import Merged, Settled
from watchfloor.kernel.db.rls import PLATFORM_ORG
from watchfloor.kernel.db.session import wire_of
from watchfloor.kernel.jobs.enqueue import submit

if TYPE_CHECKING:
    from uuid import UUID

    import httpx

    from tests.api.worker import Worker
    from watchfloor.capabilities.advisories.schemas.totals import Statistics
    from watchfloor.kernel.jobs.ledger import Ledger

TODAY = date(2026, 8, 20)
FIRST = 2026 * 10**10 + 50_000


def store(ledger: Ledger, org: UUID, count: int, **fields: Any) -> None:
    """Write records that no counter knows of."""
    records = [
        Merged(k=FIRST + number, cve_id=f"CVE-2026-{50_000 + number}", published=datetime(2026, 8, 1, tzinfo=UTC), **fields)
        for number in range(count)
    ]
    with ledger.database.transaction(org) as session, curating(session) as wire:
        write(wire, [Settled(merged=one, priority=score(one, TODAY)) for one in records], [], scored_on=TODAY)


def run(worker: Worker, org: UUID, scope: Scope = Scope.ORG) -> None:
    made = submit(worker.ledger, org, update_statistics, UpdateStatistics(scope=scope))
    worker.run_all(org)
    row = worker.wire.execute(
        "select stage from job where id = %s union all select stage from job_done where id = %s", (made.id, made.id)
    ).fetchone()
    assert row == ("succeeded",)


def read(ledger: Ledger, org: UUID, days: int = 0) -> Statistics:
    with ledger.database.transaction(org) as session:
        return statistics(wire_of(session), org, days=days)


def events(ledger: Ledger, org: UUID, name: str) -> list[Any]:
    with ledger.database.transaction(org) as session:
        return wire_of(session).execute("select data from event where org = %s and name = %s order by id", (org, name)).fetchall()


def test_nothing_is_counted_when_counts_are_read(ledger: Ledger, org: UUID) -> None:
    store(ledger, org, 3, severity="high")
    assert read(ledger, org).counts == {}


def test_a_full_count_puts_every_counter_right_and_says_so(worker: Worker, ledger: Ledger, org: UUID) -> None:
    store(ledger, org, 3, severity="high", kev=True)
    with ledger.database.transaction(org) as session, curating(session) as wire:
        counters.move(wire, {("severity", "high"): 5, ("severity", "low"): 2})
    run(worker, org, Scope.ALL)
    counts = read(ledger, org).counts
    assert counts["severity"] == {"high": 3}
    assert (counts["cves"], counts["kev"], counts["published_month"]) == ({"published": 3}, {"kev": 3}, {"2026-08": 3})
    assert {"severity": {"high": -2, "low": -2}} in [row[0] for row in events(ledger, org, "advisories.counters_drifted")]


def test_each_run_counts_a_part_anew_until_all_are_right(worker: Worker, ledger: Ledger, org: UUID) -> None:
    store(ledger, org, 2)
    right = []
    for _ in range(len(counters.METRICS)):
        run(worker, org)
        right.append(len(read(ledger, org).counts))
    assert right[0] < right[-1]
    assert len(events(ledger, org, "advisories.counters_drifted")) == right[-1]
    run(worker, org)
    assert len(events(ledger, org, "advisories.counters_drifted")) == right[-1]


def test_sums_of_matches_go_by_confidence_deadline_and_the_worst_of_an_asset(worker: Worker, ledger: Ledger, org: UUID) -> None:
    with ledger.database.transaction(org) as session:
        wire = wire_of(session)
        matched(session, org, "web", FIRST, band="critical", verdict="3 days", due_on=date(2020, 1, 1))
        matched(session, org, "web", FIRST + 1, band="low", verdict="60 days", due_on=date(2999, 1, 1))
        matched(session, org, "mail", FIRST, band="high", verdict="3 days")
        matched(session, org, "mail", FIRST + 1, band="critical", confidence=0.3, kind="version-unknown")
        wire.execute("update adv_match set gone_at = wf_now() where id = %s", (matched(session, org, "old", FIRST),))
    run(worker, org)
    found = read(ledger, org)
    assert found.matches == {
        "matches": {"critical": 1, "high": 1, "low": 1},
        "candidates": {"version-unknown": 1},
        "verdict": {"3 days": 2, "60 days": 1},
        "overdue": {"matches": 1},
        "assets_affected": {"critical": 1, "high": 1},
    }
    assert found.matches_counted_at is not None


def test_what_is_gone_is_not_counted_any_more(worker: Worker, ledger: Ledger, org: UUID) -> None:
    with ledger.database.transaction(org) as session:
        match = matched(session, org, "web", FIRST, band="critical")
    run(worker, org)
    with ledger.database.transaction(org) as session:
        wire_of(session).execute("update adv_match set gone_at = wf_now() where id = %s", (match,))
    run(worker, org)
    assert read(ledger, org).matches == {}


def test_an_organisation_counts_only_its_own(worker: Worker, ledger: Ledger, org: UUID, stranger: UUID) -> None:
    with ledger.database.transaction(stranger) as session:
        matched(session, stranger, "web", FIRST, band="critical")
    run(worker, stranger)
    run(worker, org)
    assert read(ledger, org).matches == {}
    assert read(ledger, stranger).matches["matches"] == {"critical": 1}
    with ledger.database.transaction(org) as session:
        seen = wire_of(session).execute("select distinct org from adv_counter union select distinct org from adv_counter_day").fetchall()
    assert {str(row[0]) for row in seen} <= {PLATFORM_ORG, str(org)}


def test_a_day_keeps_its_last_counts(worker: Worker, ledger: Ledger, org: UUID) -> None:
    store(ledger, org, 2, severity="high")
    with ledger.database.transaction(org) as session:
        match = matched(session, org, "web", FIRST, band="high")
    run(worker, org, Scope.ALL)
    with ledger.database.transaction(org) as session:
        wire_of(session).execute("update adv_match set band = 'low' where id = %s", (match,))
    run(worker, org)
    [day] = read(ledger, org, days=7).days
    assert (day.counts["severity"], day.matches["matches"]) == ({"high": 2}, {"low": 1})
    assert not {"counted", "published_month", "product_top"} & day.counts.keys()
    assert read(ledger, org).days == []


def test_the_products_with_most_cves_are_kept(worker: Worker, ledger: Ledger, org: UUID) -> None:
    with ledger.database.transaction(org) as session, curating(session) as wire:
        wire.execute(
            "insert into adv_product (part, vendor, product) values ('a', 'acme', 'server'), ('o', 'acme', 'os'), ('c', 'Acme', 'Server')"
        )
        wire.execute(
            "insert into adv_criterion (k, src, cfg, node, pos, logic, vulnerable, product_id, kind, factor, text, fix) "
            "select %s + n, 1, 0, 0, 0, 0, true, p.id, '*', 1, '', '' from adv_product p, generate_series(1, 3) n "
            "where p.product <> 'os' or n = 1",
            (FIRST,),
        )
    run(worker, org, Scope.ALL)
    assert read(ledger, org).counts["product_top"] == {"acme:server": 3, "acme:os": 1}


def test_a_viewer_reads_the_counts_and_a_stranger_none_of_ours(
    http: httpx.Client, worker: Worker, ledger: Ledger, org: UUID, stranger: UUID, owner: Client
) -> None:
    store(ledger, org, 2)
    with ledger.database.transaction(org) as session:
        matched(session, org, "web", FIRST, band="high")
    run(worker, org, Scope.ALL)
    viewer = client_of(http, ledger, org, "viewer")
    answer = viewer.get("/advisories/stats", days=3)
    assert (answer["counts"]["cves"], answer["matches"]["matches"], len(answer["days"])) == ({"published": 2}, {"high": 1}, 1)
    assert client_of(http, ledger, stranger, "viewer").get("/advisories/stats")["matches"] == {}
    assert owner.ask("GET", "/advisories/stats", params={"days": 731}).status_code == 422


def test_the_command_shows_what_the_counters_hold(worker: Worker, ledger: Ledger, org: UUID) -> None:
    store(ledger, org, 2, severity="high")
    with ledger.database.transaction(org) as session:
        matched(session, org, "web", FIRST, band="critical")
    desk = OpenDesk(ledger, org)
    assert "have not been counted" in desk.run(commands, "stats").output
    run(worker, org, Scope.ALL)
    shown = desk.run(commands, "stats", "--days", "2")
    assert (shown.exit_code, "2 advisories, 1 matches, 1 of them critical" in shown.output) == (0, True)
    told = json.loads(desk.run(commands, "stats", "--json").stdout)
    assert (told["counts"]["severity"], told["matches"]["assets_affected"]) == ({"high": 2}, {"critical": 1})
