"""An organisation with one large scan in a database, and a process that goes on recording findings there."""

from __future__ import annotations

import multiprocessing
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from psycopg.errors import LockNotAvailable

from watchfloor.kernel.contract import Severity
from watchfloor.kernel.db.ids import new_id
from watchfloor.kernel.db.session import wire_of
from watchfloor.kernel.findings.ledger import Seen, record_all
from watchfloor.kernel.jobs.ledger import make_ledger

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.connection import Connection
    from uuid import UUID

    from watchfloor.kernel.jobs.ledger import Ledger

ASSETS: Final = 250
AT_ONCE: Final = 20  # findings that a writer records in one transaction
PATIENCE: Final = "50ms"  # nobody else writes to the same rows: whoever waits for a lock waits for the reader
ROWS: Final = """
insert into asset (org, id, kind, key) select %(org)s, gen_random_uuid(), 'host', '192.0.2.' || n from generate_series(0, %(assets)s - 1) n;
insert into scan (org, id, request, seed, state, hosts, hosts_up, open_ports, findings, started_at, finished_at, subject)
  values (%(org)s, %(scan)s, '{"targets": ["192.0.2.0/24"], "ports": "1-1000"}', 0, 'finished', 254, %(assets)s, %(assets)s, %(count)s, wf_now(), wf_now(), 'net');
insert into host (org, id, scan, asset, address, counts) select org, gen_random_uuid(), %(scan)s, id, key::inet, '{}' from asset where org = %(org)s;
insert into service (org, id, scan, host, port, port_group, name, product, version)
  select org, gen_random_uuid(), scan, id, 443, 'low', 'https', 'nginx', '1.28.0' from host where org = %(org)s;
insert into finding (org, id, key, capability, "check", asset, target, port, title, description, severity, severity_rank, remedy, "references", evidence, first_seen)
  select a.org, gen_random_uuid(), 'scans:check-' || n, 'scans', 'check-' || n %% 40, a.id, a.key, 443, 'TLS 1.0 is still accepted, number ' || n,
    'TLS 1.0 has known weaknesses and no place on a server of today.', (array['info', 'low', 'medium', 'high', 'critical'])[1 + n %% 5], n %% 5,
    'Switch TLS 1.0 and 1.1 off.', array['https://example.org/checks/tls-old'],
    jsonb_build_object('text', E'HTTP/1.1 200 OK\\nServer: example/9.9\\nX-Request: ' || n, 'priority', n %% 1000 / 10.0, 'cve', 'CVE-2026-' || 10000 + n),
    wf_now() - make_interval(hours => n %% 9000)
  from generate_series(1, %(count)s) n join asset a on a.org = %(org)s and a.key = '192.0.2.' || n %% %(assets)s;
insert into finding_change (org, id, finding, to_state, actor, reason)
  select org, gen_random_uuid(), id, 'open', 'scans', 'seen for the first time' from finding where org = %(org)s;
insert into scan_finding (org, id, scan, finding, is_new) select org, gen_random_uuid(), %(scan)s, id, true from finding where org = %(org)s;
"""


def fill(ledger: Ledger, org: UUID, count: int) -> UUID:
    """Write down a scan with so many findings, as if it had run, and return it."""
    scan = new_id()
    with ledger.database.transaction(org) as session:
        wire = wire_of(session)
        wire.execute("set local statement_timeout = 0")
        for sql in ROWS.split(";\n"):
            if sql.strip():
                wire.execute(sql, {"org": org, "scan": scan, "count": count, "assets": ASSETS})
    return scan


@dataclass
class Written:
    """What a writer did while somebody read."""

    transactions: int = 0
    waited: int = 0  # how many of them found a row locked
    seconds: list[float] = field(default_factory=list)


@contextmanager
def writing(url: str, key: bytes, org: UUID, count: int) -> Iterator[Written]:
    """Let another process record findings, old ones again and new ones, until the block ends."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_write, args=(url, key, org, count, theirs))
    process.start()
    ours.recv()
    written = Written()
    try:
        yield written
    finally:
        ours.send("stop")
        written.transactions, written.waited, written.seconds = ours.recv()
        process.join()


def _write(url: str, key: bytes, org: UUID, count: int, pipe: Connection) -> None:
    ledger = make_ledger(url, key)
    with ledger.database.transaction(org) as session:
        row: Any = wire_of(session).execute("select id, key from asset where org = %s limit 1", (org,)).fetchone()
    seconds, waited, number = list[float](), 0, 0
    while not pipe.poll():
        begun = time.perf_counter()
        try:
            with ledger.database.transaction(org) as session:
                wire_of(session).execute("select set_config('lock_timeout', %s, true)", (PATIENCE,))
                record_all(session, org, _seen(number, count, *row), capability="scans", job=None, quiet=True)
        except LockNotAvailable:
            waited += 1
        seconds.append(time.perf_counter() - begun)
        number += 1
        if number == 1:
            pipe.send("begun")
    pipe.send((number, waited, seconds[1:]))


def _seen(number: int, count: int, asset: UUID, target: str) -> list[Seen]:
    # Every fourth is new; the others are spread over all that there are.
    names = [count + number * AT_ONCE + n if n % 4 == 0 else 1 + (number * AT_ONCE + n) * 997 % count for n in range(AT_ONCE)]
    return [
        Seen(
            key=f"scans:check-{n}", check=f"check-{n % 40}", asset=asset, target=target, port=443, title=f"TLS 1.0 is still accepted, number {n}",
            severity=list(Severity)[n % 5], evidence={"text": "seen again"}, remedy="Switch TLS 1.0 and 1.1 off.",
        )
        for n in names
    ]  # fmt: skip
