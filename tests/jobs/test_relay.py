"""Events start jobs: each of them exactly once, whoever relays, whenever it commits, whatever dies."""

from __future__ import annotations

import contextlib
import itertools
import json
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import psycopg
import pytest

from tests.architecture.source import ROOT
from tests.jobs.kinds import echo
from tests.jobs.relaying import KINDS, TELL, WAKE, told, woken
from watchfloor.catalog import CATALOG
from watchfloor.kernel.contract import Reaction
from watchfloor.kernel.errors import WatchfloorError
from watchfloor.kernel.events.outbox import Told, emit, emit_all
from watchfloor.kernel.jobs import relay as relay_module
from watchfloor.kernel.jobs.enqueue import enqueue
from watchfloor.kernel.jobs.relay import Relay, faults, know

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.jobs.floor import Floor

HAPPENED = "tests.happened"


def make(floor: Floor, *reactions: Reaction) -> Relay:
    """Return a relay whose reactions are installed."""
    known = Relay(floor.ledger, reactions, lambda: KINDS)
    known._know()
    return known


def happen(floor: Floor, org: UUID, name: str = HAPPENED) -> UUID:
    """Commit one event."""
    with floor.ledger.database.transaction(org) as session:
        return emit(session, org, name)


def drain(*relays: Relay) -> int:
    """Relay until nothing is due; return how many events that were."""
    total = 0
    while found := sum(relay.turn() for relay in relays):
        total += found
    return total


def started(floor: Floor, org: UUID, kind: str = told.name) -> list[UUID]:
    """Return the jobs of a kind, oldest first."""
    return [row[0] for row in floor.ask("select id from job where org = %s and kind = %s order by id", org, kind)]


def events_of(floor: Floor, org: UUID, job: UUID) -> list[UUID]:
    """Return which events a job was told."""
    ((kid, blob),) = floor.ask("select kid, blob from job_payload where job = %s and part = 'args'", job)
    plain = json.loads(floor.ledger.vault.open(org, kid, f"job_payload|args|{job}", bytes(blob)))
    return [UUID(event) for event in plain["event_ids"]]


def all_told(floor: Floor, org: UUID) -> list[UUID]:
    """Return the events of all jobs."""
    return [event for job in started(floor, org) for event in events_of(floor, org, job)]


@pytest.fixture
def org(floor: Floor) -> UUID:
    """Return an organisation to which nothing has happened."""
    return floor.org()


def test_an_event_starts_one_job_in_its_organisation(floor: Floor, org: UUID) -> None:
    relay, other = make(floor, TELL), floor.org()
    event = happen(floor, org)
    assert drain(relay) == 1
    (job,) = started(floor, org)
    assert events_of(floor, org, job) == [event]
    assert floor.job(job, "actor", "label", "stage") == ("reaction", HAPPENED, "queued")
    assert started(floor, other) == []
    assert drain(relay) == 0


def test_one_that_was_rolled_back_starts_nothing(floor: Floor, org: UUID) -> None:
    relay = make(floor, TELL)
    with contextlib.suppress(ZeroDivisionError), floor.ledger.database.transaction(org) as session:
        emit(session, org, HAPPENED)
        raise ZeroDivisionError
    assert drain(relay) == 0
    assert started(floor, org) == []


def test_events_that_nothing_reacts_to_leave_nothing_behind(floor: Floor, org: UUID) -> None:
    make(floor, TELL)
    happen(floor, org, "tests.ignored")
    happen(floor, org, "testsmore.happened")
    assert floor.ask("select * from event_due") == []


def test_a_quiet_event_is_history_and_starts_nothing(floor: Floor, org: UUID) -> None:
    relay = make(floor, TELL)
    with floor.ledger.database.transaction(org) as session:
        loud = emit_all(session, org, [Told(HAPPENED, quiet=True), Told(HAPPENED)])[1]
        emit_all(session, org, [Told(HAPPENED, quiet=True)])
    assert floor.one("select count(*) from event where org = %s and data @> '{\"quiet\": true}'", org) == 2
    drain(relay)
    assert all_told(floor, org) == [loud]


@pytest.mark.parametrize("pattern", [HAPPENED, "tests.*", "*"])
def test_a_reaction_may_name_an_event_a_noun_or_all(floor: Floor, org: UUID, pattern: str) -> None:
    relay = make(floor, Reaction(event=pattern, kind=told.name, with_events=True))
    event = happen(floor, org)
    drain(relay)
    assert all_told(floor, org) == [event]


def test_an_event_that_two_patterns_of_a_kind_name_is_told_once(floor: Floor, org: UUID) -> None:
    relay = make(floor, TELL, Reaction(event="*", kind=told.name, with_events=True))
    event = happen(floor, org)
    drain(relay)
    assert all_told(floor, org) == [event]


def test_of_events_of_one_statement_each_starts_what_reacts_to_it(floor: Floor, org: UUID) -> None:
    relay = make(floor, TELL)
    with floor.ledger.database.transaction(org) as session:
        assert emit_all(session, org, []) == []
        emit(session, org, "tests.ignored")
        events = emit_all(session, org, [Told(HAPPENED), Told("tests.ignored"), Told(HAPPENED, data={"n": 2})])
    assert floor.ask("select name, data from event where org = %s and id = any (%s) order by id", org, events) == [
        (HAPPENED, {}), ("tests.ignored", {}), (HAPPENED, {"n": 2}),
    ]  # fmt: skip
    assert drain(relay) == 2
    assert sorted(all_told(floor, org)) == [events[0], events[2]]


def test_every_kind_that_reacts_is_started(floor: Floor, org: UUID) -> None:
    relay = make(floor, TELL, WAKE)
    happen(floor, org)
    drain(relay)
    assert (len(started(floor, org)), len(started(floor, org, woken.name))) == (1, 1)


def test_what_happened_before_a_reaction_was_installed_starts_nothing(floor: Floor, org: UUID) -> None:
    happen(floor, org)
    relay = make(floor, TELL)
    event = happen(floor, org)
    drain(relay)
    assert all_told(floor, org) == [event]


def test_an_older_event_that_commits_later_is_not_lost(floor: Floor, org: UUID) -> None:
    relay = make(floor, TELL)
    with floor.ledger.database.transaction(org) as session:
        older = emit(session, org, HAPPENED)
        with ThreadPoolExecutor(1) as pool:
            newer = pool.submit(happen, floor, org).result()
        assert drain(relay) == 1  # a transaction that is still open holds nobody up
        assert all_told(floor, org) == [newer]
    assert drain(relay) == 1
    assert all_told(floor, org) == [newer, older]


def test_more_than_500_events_are_several_jobs_of_500(floor: Floor, org: UUID) -> None:
    relay = make(floor, TELL)
    with floor.ledger.database.transaction(org) as session:
        events = [emit(session, org, HAPPENED) for _ in range(1201)]
    assert drain(relay) == 1201
    assert [len(events_of(floor, org, job)) for job in started(floor, org)] == [500, 500, 201]
    assert sorted(all_told(floor, org)) == sorted(events)


def test_events_share_a_job_that_waits(floor: Floor, org: UUID) -> None:
    relay = make(floor, WAKE)
    for _ in range(3):
        happen(floor, org)
        assert drain(relay) == 1
    assert len(started(floor, org, woken.name)) == 1


def test_a_job_that_runs_has_perhaps_looked_already_so_the_next_event_starts_another_one_after_it(floor: Floor, org: UUID) -> None:
    relay, session = make(floor, WAKE), floor.session()
    happen(floor, org)
    drain(relay)
    (first,) = started(floor, org, woken.name)
    held = floor.again(session, first)
    happen(floor, org)
    happen(floor, org)
    assert drain(relay) == 2
    (_, second) = started(floor, org, woken.name)
    assert floor.dispatch() == []  # not beside the first
    floor.end(session, held)
    floor.unpark()
    assert floor.again(session, second).id == second


def test_a_job_that_has_ended_stands_for_nothing_more(floor: Floor, org: UUID) -> None:
    relay, session = make(floor, WAKE), floor.session()
    happen(floor, org)
    drain(relay)
    floor.end(session, floor.again(session, started(floor, org, woken.name)[0]))
    happen(floor, org)
    drain(relay)
    assert len(started(floor, org, woken.name)) == 2


def test_with_a_delay_a_job_waits_for_company(floor: Floor, org: UUID) -> None:
    relay = make(floor, Reaction(event=HAPPENED, kind=told.name, with_events=True, delay=timedelta(minutes=1)))
    first, second = happen(floor, org), happen(floor, org)
    assert drain(relay) == 0
    floor.pass_time(61)
    third = happen(floor, org)
    assert drain(relay) == 2
    floor.pass_time(30)
    assert drain(relay) == 0
    fourth = happen(floor, org)
    floor.pass_time(31)
    assert drain(relay) == 1
    floor.pass_time(61)
    assert drain(relay) == 1
    assert [events_of(floor, org, job) for job in started(floor, org)] == [[first, second], [third], [fourth]]


def test_with_a_delay_two_jobs_are_as_far_apart(floor: Floor, org: UUID) -> None:
    relay = make(floor, Reaction(event=HAPPENED, kind=told.name, with_events=True, delay=timedelta(minutes=1)))
    happen(floor, org)
    floor.pass_time(50)
    happen(floor, org)
    floor.pass_time(11)
    assert drain(relay) == 1
    floor.pass_time(50)
    assert drain(relay) == 0  # due, but a job was started 50 s ago
    floor.pass_time(11)
    assert drain(relay) == 1


def test_many_relays_at_once_tell_each_event_once(floor: Floor, org: UUID) -> None:
    relays, other = [make(floor, TELL) for _ in range(4)], floor.org()
    with floor.ledger.database.transaction(org) as session:
        events = [emit(session, org, HAPPENED) for _ in range(1300)]
    elsewhere = happen(floor, other)
    floor.together(*[lambda relay=relay: [relay.turn() for _ in range(3)] for relay in relays])
    drain(*relays)
    assert sorted(all_told(floor, org)) == sorted(events)
    assert all_told(floor, other) == [elsewhere]


def test_a_relay_that_dies_before_its_commit_has_taken_nothing(floor: Floor, org: UUID, monkeypatch: pytest.MonkeyPatch) -> None:
    relay, event = make(floor, TELL), happen(floor, org)
    monkeypatch.setattr(relay_module, "enqueue", _die)
    with pytest.raises(KeyboardInterrupt):
        relay.turn()
    monkeypatch.undo()
    assert drain(relay) == 1
    assert all_told(floor, org) == [event]


def test_one_organisations_trouble_is_its_own(floor: Floor, org: UUID, monkeypatch: pytest.MonkeyPatch) -> None:
    relay, other = make(floor, TELL), floor.org()
    waits, event = happen(floor, org), happen(floor, other)

    def troubled(ledger: Any, session: Any, owner: UUID, *rest: Any) -> Any:
        if owner == org:
            raise WatchfloorError("no key")
        return enqueue(ledger, session, owner, *rest)

    monkeypatch.setattr(relay_module, "enqueue", troubled)
    assert drain(relay) == 1
    assert all_told(floor, other) == [event]
    monkeypatch.undo()
    assert drain(relay) == 0  # left alone for a while
    assert drain(make(floor, TELL)) == 1
    assert all_told(floor, org) == [waits]


def test_events_of_a_kind_that_this_version_does_not_know_wait_for_one_that_does(floor: Floor, org: UUID) -> None:
    newer = Reaction(event=HAPPENED, kind="tests.newer", with_events=True)
    know(floor.ledger, [newer])
    happen(floor, org)
    assert drain(make(floor, newer), make(floor, TELL)) == 0
    assert len(floor.ask("select 1 from event_due where kind = 'tests.newer'")) == 1


def test_a_reaction_that_nobody_knows_any_more_is_forgotten_with_what_waits(floor: Floor, org: UUID) -> None:
    know(floor.ledger, [Reaction(event=HAPPENED, kind="tests.older")])
    happen(floor, org)
    floor.pass_time(6 * 24 * 3600)
    make(floor, TELL)
    assert len(floor.ask("select 1 from event_due")) == 1
    floor.pass_time(2 * 24 * 3600)
    event = happen(floor, org)
    relay = make(floor, TELL)
    assert floor.ask("select kind from reaction") == [(told.name,)]
    drain(relay)
    assert all_told(floor, org) == [event]
    assert floor.ask("select 1 from event_due") == []


def test_another_organisation_neither_sees_nor_takes_what_waits(floor: Floor, org: UUID) -> None:
    make(floor, TELL)
    happen(floor, org)
    other = floor.org()
    with floor.ledger.database.transaction(other) as session:
        wire: Any = session.connection().connection.driver_connection
        assert wire.execute("select * from event_due").fetchall() == []
        assert wire.execute("delete from event_due").rowcount == 0
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            wire.execute("insert into reaction (event, kind) values ('*', 'tests.told')")


def test_a_commit_rings_and_a_rollback_does_not(floor: Floor, org: UUID, monkeypatch: pytest.MonkeyPatch) -> None:
    make(floor, TELL)
    rung: list[tuple[str, str]] = []
    monkeypatch.setattr(floor.ledger.database, "bell", lambda channel, payload: rung.append((channel, payload)))
    with contextlib.suppress(ZeroDivisionError), floor.ledger.database.transaction(org) as session:
        emit(session, org, HAPPENED)
        raise ZeroDivisionError
    happen(floor, org, "tests.ignored")
    assert rung == []
    with floor.ledger.database.transaction(org) as session:
        emit(session, org, HAPPENED)
        emit(session, org, HAPPENED)
        assert rung == []
    assert rung == [("wf_event", "")]


def test_a_relay_that_waits_is_woken(floor: Floor, org: UUID, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay_module, "POLL_S", 3600.0)
    relay, stop, waiting, done = make(floor, TELL), threading.Event(), threading.Event(), threading.Event()
    turn, wait = relay.turn, relay._wait

    def turns() -> int:
        found = turn()
        if found:
            done.set()
            stop.set()
        return found

    def waits() -> None:
        waiting.set()
        wait()

    monkeypatch.setattr(relay, "turn", turns)
    monkeypatch.setattr(relay, "_wait", waits)
    thread = threading.Thread(target=relay.run, args=(stop,), daemon=True)
    thread.start()
    assert waiting.wait(30)
    event = happen(floor, org)
    assert done.wait(30)
    thread.join(30)
    assert all_told(floor, org) == [event]


class Victims:
    """Two relays in processes of their own, of which one at a time is killed and replaced."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.both = [self.begin(), self.begin()]

    def begin(self) -> subprocess.Popen[str]:
        """Start one and wait until it is about to relay."""
        begin = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from tests.jobs.relaying import main; main(sys.argv[1])"
        process = subprocess.Popen(
            [sys.executable, "-P", "-c", begin, self.url], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        return process

    def replace(self, place: int) -> None:
        """Kill one wherever it is, and start another."""
        end(self.both[place])
        self.both[place] = self.begin()

    def close(self) -> None:
        """Kill both."""
        for process in self.both:
            end(process)


def end(process: subprocess.Popen[str]) -> None:
    """Kill a process and forget it."""
    process.kill()
    process.wait()
    assert process.stdout is not None
    process.stdout.close()


@pytest.fixture
def victims(floor: Floor) -> Iterator[Victims]:
    """Start two relays."""
    made = Victims(floor.ledger.database.url)
    yield made
    made.close()


@pytest.mark.slow
def test_nothing_is_lost_or_doubled_when_schedulers_are_killed(floor: Floor, org: UUID, victims: Victims) -> None:
    relay, enough = make(floor, TELL, WAKE), threading.Event()

    def work(rollback: int) -> list[UUID]:
        kept = []
        for turn in itertools.count():
            with contextlib.suppress(ZeroDivisionError):
                with floor.ledger.database.transaction(org) as session:
                    made = [emit(session, org, HAPPENED) for _ in range(turn % 30)]
                    if turn % rollback == 0:
                        raise ZeroDivisionError
                kept += made
            if enough.wait(0.005):
                break
        return kept

    with ThreadPoolExecutor(2) as pool:
        writers = [pool.submit(work, rollback) for rollback in (3, 7)]
        try:
            for more in (3, 6, 2, 5):
                before = len(started(floor, org))
                while len(started(floor, org)) < before + more:
                    assert any(process.poll() is None for process in victims.both)
                victims.replace(more % 2)
        finally:
            enough.set()
        events = [event for writer in writers for event in writer.result()]
    victims.close()
    while floor.ask("select 1 from event_due limit 1"):  # a dead relay's turn ends with its connection
        drain(relay)
    found = all_told(floor, org)
    assert len(found) == len(set(found))
    assert set(found) == set(events)
    assert len(started(floor, org, woken.name)) == 1


def test_the_catalogs_reactions_name_events_and_kinds_there_are() -> None:
    events = [event.name for capability in CATALOG for event in capability.events]
    assert faults(CATALOG.reactions(), CATALOG.kinds(), events) == []


@pytest.mark.parametrize(
    ("reactions", "fault"),
    [
        ([Reaction(event=HAPPENED, kind="tests.tolt")], "there is no job kind 'tests.tolt'"),
        ([Reaction(event="tests.occurred", kind=woken.name)], "no capability declares an event 'tests.occurred'"),
        ([Reaction(event=HAPPENED, kind=told.name)], "tests.told: event_ids: Field required"),
        ([Reaction(event=HAPPENED, kind=echo.name, with_events=True)], "tests.echo: event_ids: Extra inputs are not permitted"),
        ([TELL, Reaction(event="*", kind=told.name, with_events=True, delay=timedelta(1))], "another delay or other arguments"),
    ],
)
def test_a_catalog_with_a_wrong_reaction_is_told_what_is_wrong(reactions: list[Reaction], fault: str) -> None:
    (found,) = faults(reactions, KINDS | {echo.name: echo}, [HAPPENED])
    assert fault in found


def _die(*_: object) -> None:
    raise KeyboardInterrupt
