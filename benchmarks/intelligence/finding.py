"""How long it takes to find advisories among those that were taken in: by people who search, and for services that were seen."""

from __future__ import annotations

import os
import random
import statistics
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import psycopg

from benchmarks.intelligence.desk import peak_mib
from watchfloor.capabilities.advisories.engine.observed import Thing
from watchfloor.capabilities.advisories.queries import match
from watchfloor.capabilities.advisories.queries.decisions import KEPT_FROM
from watchfloor.capabilities.advisories.queries.facets import FACETS
from watchfloor.capabilities.advisories.queries.numbering import number
from watchfloor.capabilities.advisories.queries.search import Asked, search
from watchfloor.kernel import clock
from watchfloor.kernel.db.session import wire_of

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from benchmarks.intelligence.desk import Desk
    from watchfloor.capabilities.advisories.schemas.faces import Advisories

# One of each shape: nothing, words common and rare, phrase, exclusion, a product of many records, ranges, classes, weakness, dates, beginnings.
QUERIES = (
    ("", None),
    ("sql injection", None),
    ("remote code -windows severity:critical", None),
    ('"buffer overflow" vendor:micro*', None),
    ("overflow", "-published"),
    ("product:linux_kernel cvss>=7", None),
    ("cvss:7..7.4 cvss_version:3.1 status:analyzed source:nvd", None),
    ("cwe:79 severity>=medium -tag:disputed", None),
    ("published:2015-05 severity:high criteria:any", "-cvss"),
    ("band:critical,high epss>1% kev:none", "-epss"),
)
ROUNDS, FACET_ROUNDS = 40, 5
SERVICES, SAMPLE, RUNS = 100_000, 200, 3
UNSEEN = 0.2  # of the services in the draw in which versions are missing
# On networks a few products in a few versions are most of what runs; the other draw is as varied as the feeds allow.
HEAD = 10  # so many products and versions run about equally often, the others more and more seldom
PRODUCTS = """
select p.part::text, p.vendor, p.product, count(*), (array_agg(distinct split_part(c.text, ' ', 1)) filter (where c.kind = '=' and c.text ~ '^[0-9]'))[1:40]
from adv_criterion c join adv_product p on p.id = c.product_id where c.vulnerable and p.part in ('a', 'o', 'h') and p.vendor <> ''
group by 1, 2, 3 order by 4 desc, 1, 2, 3
"""
UNNAMED = ("1.0", "2.3", "4.5.6", "7.2")  # versions of what criteria name by ranges only


def finding(here: Desk) -> dict[str, Any]:
    """Measure; before, tables are cleaned as autovacuum does it within minutes of so many changes."""
    with psycopg.connect(here.url, autocommit=True) as connection:
        connection.execute("vacuum analyze")
    return {
        "searches": _searches(here, (), ROUNDS),
        "searches with all facets": _searches(here, FACETS, FACET_ROUNDS),
        "matching services as on networks": _matching(here, _services(here, varied=False)),
        "matching services as varied as can be": _matching(here, varied := _services(here, varied=True)),
        "matching services of which a fifth has no version": _matching(here, _unseen(varied)),
    }


def _searches(here: Desk, facets: Collection[str], rounds: int) -> dict[str, Any]:
    """Time each query; the first time, in which pages come from the disk, does not count."""
    told = [_search(here, Asked(text, clock.now(), sort=sort, facets=facets), rounds) for text, sort in QUERIES]
    return {"worst_p95_ms": max(one["p95_ms"] for one in told), "queries": told}


def _search(here: Desk, asked: Asked, rounds: int) -> dict[str, Any]:
    found, _ = _timed(here, asked)
    times = [_timed(here, asked)[1] for _ in range(rounds)]
    total = f"{found.total}{'+' if found.total_capped else ''}"
    return {"query": asked.text, "sort": found.sort, "total": total, "p50_ms": round(statistics.median(times), 1), "p95_ms": _p95(times)}


def _timed(here: Desk, asked: Asked) -> tuple[Advisories, float]:
    begun = time.perf_counter()
    with here.worker.ledger.database.transaction(here.org) as session:
        found = search(wire_of(session), asked)
    return found, 1000 * (time.perf_counter() - begun)


def _p95(times: Sequence[float]) -> float:
    return round(statistics.quantiles(times, n=20, method="inclusive")[-1], 1)


def _services(here: Desk, *, varied: bool) -> list[Thing]:
    """Return services of products that the feeds name, in versions that they name; the same ones in each run."""
    chance = random.Random(1)  # noqa: S311 - a draw that is the same each time
    products = here.rows(PRODUCTS)
    chance.shuffle(products)
    weights = [1.0 if varied else 1 / (HEAD + n) for n in range(len(products))]
    made = []
    for part, vendor, product, _count, versions in chance.choices(products, weights, k=SERVICES):
        known = versions or UNNAMED
        place = chance.randrange(len(known)) if varied else min(int(chance.expovariate(1 / HEAD)), len(known) - 1)
        made.append(Thing(part, vendor, product, known[place]))
    return made


def _unseen(services: Sequence[Thing]) -> list[Thing]:
    """Return services where nobody observed the version of one in five."""
    chance = random.Random(3)  # noqa: S311 - a draw that is the same each time
    return [msgspec.structs.replace(one, version="") if chance.random() < UNSEEN else one for one in services]


def _matching(here: Desk, services: Sequence[Thing]) -> dict[str, Any]:
    runs = [_all_at_once(here, services) for _ in range(RUNS)]
    seconds = statistics.median(one["seconds"] for one in runs)
    each = _one_by_one(here, random.Random(2).sample(services, SAMPLE))  # noqa: S311 - a draw that is the same each time
    return {
        "services": len(services), **runs[-1], "seconds": round(seconds, 2), "worker_peak_mib": round(peak_mib()), "services_per_second": round(len(services) / seconds),
        "one by one": {"sample": SAMPLE, "services_per_second": round(SAMPLE / each, 1)},
        "times one by one": round(len(services) / seconds / (SAMPLE / each), 1),
    }  # fmt: skip


def _all_at_once(here: Desk, services: Sequence[Thing]) -> dict[str, Any]:
    """Time all from the services to those that each advisory meets, one advisory after the other as the job does; counting is not timed."""
    with here.worker.ledger.database.transaction(here.org) as session:
        wire = wire_of(session)
        begun, cpu, server = time.perf_counter(), time.process_time(), _server_cpu(wire.info.backend_pid)
        distinct = list(dict.fromkeys(services))
        found = match.find(wire, number(wire, distinct), least=KEPT_FROM)
        for k in found.ks:
            found.met(k)
        seconds, cpu, server = time.perf_counter() - begun, time.process_time() - cpu, _server_cpu(wire.info.backend_pid) - server
    return {
        "distinct": len(distinct), "hits": sum(len({*plain, *joined}) for plain, joined in map(found.met, found.ks)), "advisories": len(found.ks), "seconds": seconds,
        "worker_cpu_seconds": round(cpu, 2), "database_cpu_seconds": round(server, 2),
    }  # fmt: skip


def _server_cpu(pid: int) -> float:
    """Return the processor seconds that a process of the database has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _one_by_one(here: Desk, services: Sequence[Thing]) -> float:
    """Return the seconds that the same statement takes when it is run for each service."""
    with here.worker.ledger.database.transaction(here.org) as session:
        begun = time.perf_counter()
        for one in services:
            match.find(wire_of(session), number(wire_of(session), [one]), least=KEPT_FROM)
        return time.perf_counter() - begun
