"""Give every organisation the default schedules of the catalog, each of them once and never again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from watchfloor.kernel.db.session import wire_of
from watchfloor.kernel.jobs.enqueue import bind
from watchfloor.kernel.jobs.schedules import create

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from uuid import UUID

    from watchfloor.kernel.contract import DefaultSchedule, JobKind
    from watchfloor.kernel.jobs.ledger import Ledger

ACTOR = "default"
PLANT_S = 30.0  # how long an organisation that was just made waits for its default schedules
MISSING = """
select o.id, d.name from org o cross join unnest(%s::text[]) as d (name)
where not exists (select 1 from schedule_planted p where p.org = o.id and p.name = d.name) order by o.id, d.name limit 1000
"""
PLANT = "insert into schedule_planted (org, name) values (%(org)s, %(name)s) on conflict do nothing returning name"
TAKEN = "select exists (select 1 from schedule where org = %(org)s and name = %(name)s)"


def plant(ledger: Ledger, schedules: Sequence[DefaultSchedule], kinds: Callable[[], Mapping[str, JobKind[Any, Any]]]) -> int:
    """Create what organisations have not been given yet and return how many schedules were made; safe to race and to repeat.

    That an organisation was given a schedule is a row of its own, so what an operator removed stays removed. A name that an operator took
    before is left to him. `kinds` is called only when something is missing: on every start but the first, nothing is.
    """
    by_name = {schedule.name: schedule for schedule in schedules}
    missing = ledger.database.wire("wf_engine").execute(MISSING, (list(by_name),)).fetchall() if by_name else []
    known = kinds() if missing else {}
    return sum(_plant_one(ledger, org, by_name[name], known) for org, name in missing)


def _plant_one(ledger: Ledger, org: UUID, wanted: DefaultSchedule, kinds: Mapping[str, JobKind[Any, Any]]) -> bool:
    kind = kinds[wanted.kind]
    request, values = bind(kind, dict(wanted.arguments)), {"org": org, "name": wanted.name}
    with ledger.database.transaction(org) as session:
        if wire_of(session).execute(PLANT, values).fetchone() is None:
            return False  # a rival was faster
        if wire_of(session).execute(TAKEN, values).fetchone() == (True,):
            return False
        create(ledger, session, org, name=wanted.name, kind=kind, request=request, cron=wanted.cron, every=wanted.every, actor=ACTOR)
    return True
