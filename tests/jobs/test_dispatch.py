"""Who runs next: fair between organisations, by rank inside one, never past a limit; and only what workers have room for."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest

from tests.jobs.kinds import Text, echo, short
from watchfloor.kernel.errors import SourceUnavailable
from watchfloor.kernel.jobs.broker.tickets import MAX_JOBS, parse
from watchfloor.kernel.jobs.dispatch import Dispatcher, Picked, bundles
from watchfloor.kernel.jobs.enqueue import Options, submit_many
from watchfloor.kernel.jobs.states import Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.jobs.floor import Floor, Ticket


class Broker:
    """Keeps what it is given, or refuses it."""

    def __init__(self, *, refuses: bool = False) -> None:
        self.messages: list[Any] = []
        self.refuses = refuses

    def publish(self, messages: Sequence[Any]) -> None:
        if self.refuses:
            raise SourceUnavailable("the broker refuses")
        self.messages += messages


def many(floor: Floor, org: UUID, count: int, **options: Any) -> list[UUID]:
    return [made.id for made in submit_many(floor.ledger, org, echo, [Text()] * count, Options(**options))]


def ids(tickets: list[Ticket]) -> list[UUID]:
    return [job for job, _seq in tickets]


def budget(floor: Floor, key: str, **columns: object) -> None:
    names, marks = ", ".join(columns), ", ".join(["%s"] * len(columns))
    floor.ask(f"insert into budget (key, {names}) values (%s, {marks})", key, *columns.values())


def test_organisations_take_turns(floor: Floor) -> None:
    big, small = floor.org(), floor.org()
    many(floor, big, 200)
    late = many(floor, small, 5)
    picked = ids(floor.dispatch(10))
    assert set(late) <= set(picked)


def test_weight_gives_a_larger_share(floor: Floor) -> None:
    heavy, light = floor.org(), floor.org()
    floor.ask("insert into lane (queue, org, weight) values ('default', %s, 3)", heavy)
    many(floor, heavy, 40)
    many(floor, light, 40)
    share = Counter(floor.job(job, "org") for job in ids(floor.dispatch(40)))
    assert share[heavy] == 30
    assert share[light] == 10


def test_idle_organisation_hoards_no_credit(floor: Floor) -> None:
    busy, idle = floor.org(), floor.org()
    many(floor, busy, 60)
    for _ in range(3):
        floor.dispatch(10)
    many(floor, idle, 60)
    share = Counter(floor.job(job, "org") for job in ids(floor.dispatch(20)))
    assert share == {busy: 10, idle: 10}


def test_more_urgent_jobs_go_first(floor: Floor) -> None:
    org = floor.org()
    low, default, high = floor.submit(org, priority=1), floor.submit(org), floor.submit(org, priority=9)
    assert ids(floor.dispatch()) == [high, default, low]


def test_age_outweighs_priority_in_the_end(floor: Floor) -> None:
    org = floor.org()
    old = floor.submit(org, priority=0)
    floor.pass_time(9 * 600 + 1)
    new = floor.submit(org, priority=9)
    assert ids(floor.dispatch()) == [old, new]


def test_cap_of_an_organisation_holds(floor: Floor) -> None:
    org, other = floor.org(), floor.org()
    floor.ask("insert into lane (queue, org, max_running) values ('default', %s, 3)", org)
    many(floor, org, 10)
    many(floor, other, 2)
    share = Counter(floor.job(job, "org") for job in ids(floor.dispatch(100)))
    assert share == {org: 3, other: 2}
    assert floor.dispatch(100) == []


def test_cap_of_zero_pauses_an_organisation(floor: Floor) -> None:
    org = floor.org()
    floor.ask("insert into lane (queue, org, max_running) values ('default', %s, 0)", org)
    many(floor, org, 3)
    assert floor.dispatch() == []


def test_each_dispatch_raises_the_sequence(floor: Floor) -> None:
    job = floor.submit(floor.org())
    ((_, first),) = floor.dispatch()
    floor.engine("undo_dispatch", ids=[job], seqs=[first])
    ((_, second),) = floor.dispatch()
    assert second == first + 1


def test_full_budget_parks_and_room_unparks_in_rank_order(floor: Floor) -> None:
    org = floor.org()
    budget(floor, "target:x", max_running=2)
    jobs = [floor.submit(org, budgets=("target:x",)) for _ in range(5)]
    sent = floor.dispatch()
    assert ids(sent) == jobs[:2]
    assert [floor.job(job, "stage", "waits_for") for job in jobs[2:]] == [("blocked", "budget:target:x")] * 3
    floor.unpark()
    assert floor.dispatch() == []
    session = floor.session()
    (held,) = floor.claim(session, sent[0])
    floor.end(session, held)
    floor.unpark()
    assert ids(floor.dispatch()) == [jobs[2]]


def test_budget_spans_organisations_and_kinds(floor: Floor) -> None:
    budget(floor, "target:x", max_running=1)
    first = floor.submit(floor.org(), budgets=("target:x",))
    second = floor.submit(floor.org(), short, budgets=("target:x",))
    assert len(floor.dispatch()) == 1
    assert sorted(floor.stage(job) for job in (first, second)) == ["blocked", "dispatched"]


def test_budget_of_a_kind_needs_no_word_from_the_caller(floor: Floor) -> None:
    org = floor.org()
    budget(floor, "kind:tests.echo", max_running=1)
    many(floor, org, 3)
    other = floor.submit(org, short)
    picked = ids(floor.dispatch())
    assert len(picked) == 2
    assert other in picked


def test_rate_spends_tokens_and_earns_them_back(floor: Floor) -> None:
    org = floor.org()
    budget(floor, "api:nvd", per_second=0.5, burst=2)
    for _ in range(6):
        floor.submit(org, budgets=("api:nvd",))
    assert len(floor.dispatch()) == 2
    floor.unpark()
    assert floor.dispatch() == []
    floor.pass_time(2.1)
    floor.unpark()
    assert len(floor.dispatch()) == 1
    floor.pass_time(3600)
    floor.unpark()
    assert len(floor.dispatch()) == 2  # never more than the burst


def test_paused_budget_lets_nothing_through_until_its_time(floor: Floor) -> None:
    org = floor.org()
    budget(floor, "api:nvd", paused_until=floor.one("select wf_now() + interval '1 minute'"))
    job = floor.submit(org, budgets=("api:nvd",))
    assert floor.dispatch() == []
    floor.pass_time(61)
    floor.unpark()
    assert ids(floor.dispatch()) == [job]


def test_two_budgets_bind_together(floor: Floor) -> None:
    org = floor.org()
    budget(floor, "target:x", max_running=5)
    budget(floor, "net:y", max_running=1)
    for _ in range(3):
        floor.submit(org, budgets=("target:x", "net:y"))
    assert len(floor.dispatch()) == 1


def test_mutex_lets_one_job_travel_at_a_time(floor: Floor) -> None:
    org, other = floor.org(), floor.org()
    jobs = [floor.submit(org, mutex="export") for _ in range(3)]
    theirs = floor.submit(other, mutex="export")
    sent = floor.dispatch()
    sent.sort(key=lambda ticket: ticket[0] == theirs)  # organisations have no order among themselves
    assert ids(sent) == [jobs[0], theirs]
    for _ in range(3):  # whoever waits for the mutex waits in the ledger, not in a circle over the broker
        floor.unpark()
        assert floor.dispatch() == []
    session = floor.session()
    (held,) = floor.claim(session, sent[0])
    floor.end(session, held)
    floor.unpark()
    assert ids(floor.dispatch()) == [jobs[1]]


def test_paused_queue_gets_no_credit(floor: Floor) -> None:
    floor.session()
    assert floor.credit() > 0
    floor.ask("update queue set paused = true where name = 'default'")
    assert floor.credit() == 0


def test_credit_is_free_slots_and_a_buffer_less_tickets_under_way(floor: Floor) -> None:
    org = floor.org()
    session = floor.session(slots=4)
    assert floor.credit() == 8
    many(floor, org, 3)
    tickets = floor.dispatch()
    assert floor.credit() == 5
    floor.claim(session, *tickets[:2])
    assert floor.credit() == 5  # two slots fewer, two tickets fewer under way


def test_only_living_sessions_of_the_queue_give_credit(floor: Floor) -> None:
    assert floor.credit() == 0
    floor.session("reports")
    assert floor.credit() == 0
    stopping, lost, quiet = floor.session(), floor.session(), floor.session(ttl_s=10)
    floor.ask("update worker_session set stopping = true where id = %s", stopping)
    floor.engine("lose_session", session=lost)
    floor.pass_time(11)
    assert quiet
    assert floor.credit() == 0
    floor.session(slots=1)
    assert floor.credit() == 2


def test_cap_of_the_queue_holds(floor: Floor) -> None:
    floor.session(slots=50)
    floor.ask("update queue set max_inflight = 7 where name = 'default'")
    assert floor.credit() == 7
    many(floor, floor.org(), 4)
    floor.dispatch(4)
    assert floor.credit() == 3


def test_ticket_names_the_jobs_and_fits_their_sequence(floor: Floor) -> None:
    job = floor.submit(floor.org())
    floor.session()
    broker = Broker()
    assert Dispatcher(floor.ledger, broker).round("default").sent == 1  # type: ignore[arg-type] # a broker as far as a dispatcher sees one
    ((kind, queue, ticket, message_id),) = broker.messages
    assert (kind, queue, message_id) == ("tests.echo", "default", str(job))
    assert parse(ticket).jobs == ((job, floor.job(job, "seq")),)
    assert floor.stage(job) == "dispatched"


def test_refused_tickets_put_their_jobs_back_in_line(floor: Floor) -> None:
    job = floor.submit(floor.org())
    floor.session()
    with pytest.raises(SourceUnavailable):
        Dispatcher(floor.ledger, Broker(refuses=True)).round("default")  # type: ignore[arg-type] # see above
    assert floor.job(job, "stage", "redispatches", "failures", "crash_count") == ("queued", 0, 0, 0)


def test_two_dispatchers_never_decide_at_once(floor: Floor) -> None:
    floor.submit(floor.org())
    floor.session()
    with floor.owner.transaction():
        assert floor.one("select pg_try_advisory_xact_lock(22342, 1)")
        found = Dispatcher(floor.ledger, Broker()).round("default")  # type: ignore[arg-type] # see above
        assert (found.sent, found.eager) == (0, True)
    assert Dispatcher(floor.ledger, Broker()).round("default").sent == 1  # type: ignore[arg-type] # see above


def test_short_kinds_share_tickets_spread_over_the_slots(floor: Floor) -> None:
    org = floor.org()
    submit_many(floor.ledger, org, short, [Text()] * 8)
    floor.session(slots=4)
    broker = Broker()
    Dispatcher(floor.ledger, broker).round("default")  # type: ignore[arg-type] # see above
    assert [len(parse(message[2]).jobs) for message in broker.messages] == [2, 2, 2, 2]


def test_crashed_failed_or_exclusive_job_travels_alone(floor: Floor) -> None:
    org = floor.org()
    session = floor.session()
    crashed, failed = floor.submit(org, short), floor.submit(org, short)
    for held in floor.claim(session, *floor.dispatch()):
        if held.id == failed:
            floor.end(session, held, Outcome.RETRY, reason="later")
    floor.engine("lose_session", session=session)
    floor.reap()
    floor.pass_time(1)
    floor.engine("promote")
    fresh, exclusive = floor.submit(org, short), floor.submit(org, short, mutex="one")
    picked = {UUID(str(job)): alone for job, _seq, _kind, alone in floor.engine("dispatch", queue="default", credit=10)}
    assert picked == {crashed: False, failed: False, fresh: True, exclusive: False}


def test_bundle_is_never_larger_than_a_ticket() -> None:
    jobs = [Picked(UUID(int=n), 1, "tests.short", short=True) for n in range(300)]
    sizes = [len(group) for _kind, group in bundles(jobs, 1)]
    assert max(sizes) == MAX_JOBS
    assert sum(sizes) == 300


def test_delayed_job_is_not_picked(floor: Floor) -> None:
    floor.submit(floor.org(), delay=timedelta(seconds=5))
    assert floor.dispatch() == []
