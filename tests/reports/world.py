"""An organisation with scans written down as if they had run, and a worker that makes its reports."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.api.floor import make_org
from watchfloor.catalog import CATALOG
from watchfloor.kernel.artifacts import store as artifacts
from watchfloor.kernel.contract import Severity
from watchfloor.kernel.db.ids import new_id
from watchfloor.kernel.db.session import wire_of
from watchfloor.kernel.findings import ledger as findings
from watchfloor.kernel.findings.triage import triage
from watchfloor.kernel.jobs.enqueue import Options, bind, submit
from watchfloor.kernel.jobs.facade import JobResult

if TYPE_CHECKING:
    from uuid import UUID

    from tests.api.worker import Worker
    from watchfloor.kernel.jobs.ledger import Ledger

SCAN = """
insert into scan (org, id, request, seed, state, hosts, hosts_up, open_ports, findings, started_at, finished_at, subject, previous_scan)
  values (%(org)s, %(scan)s, '{"targets": ["192.0.2.0/24"], "ports": "1-1000"}', 0, 'finished', 254, 1, 2, %(findings)s, wf_now(), wf_now(), 'net', %(base)s);
insert into asset (org, id, kind, key, tags) values (%(org)s, gen_random_uuid(), 'host', '192.0.2.7', '{shop}') on conflict do nothing;
insert into host (org, id, scan, asset, address, name, counts)
  select %(org)s, gen_random_uuid(), %(scan)s, a.id, '192.0.2.7', 'www.example.org', '{"0": {"low": {"open": 2, "closed": 998}}}' from asset a
  where a.org = %(org)s and a.key = '192.0.2.7';
insert into service (org, id, scan, host, port, port_group, name, product, version)
  select %(org)s, gen_random_uuid(), %(scan)s, h.id, p, 'low', 'http', 'nginx', '1.28.0' from host h cross join unnest(array[80, 443]) p
  where h.org = %(org)s and h.scan = %(scan)s;
"""


@dataclass
class World:
    """One organisation, its worker, and the folder of plain copies."""

    ledger: Ledger
    org: UUID
    worker: Worker
    copies: Path

    def elsewhere(self) -> World:
        """Return the world of another organisation with the same worker."""
        return World(self.ledger, make_org(self.ledger), self.worker, self.copies)

    def scan(self, findings: int = 3, *, text: str | None = None, base: UUID | None = None) -> UUID:
        """Write down a finished scan that saw this many findings, the same ones as scans before it and more."""
        scan = new_id()
        with self.ledger.database.transaction(self.org) as session:
            wire = wire_of(session)
            for sql in SCAN.split(";\n"):
                if sql.strip():
                    wire.execute(sql, {"org": self.org, "scan": scan, "findings": findings, "base": base})
            row: Any = wire.execute("select id from asset where org = %s and key = '192.0.2.7'", (self.org,)).fetchone()
            for n in range(findings):
                self._finding(session, scan, row[0], n, text)
        return scan

    def _finding(self, session: Any, scan: UUID, asset: UUID, n: int, text: str | None) -> None:
        key = f"scans:check-{n}:192.0.2.7"
        fresh = findings.record(
            session, self.org, key=key, capability="scans", check=f"check-{n}", asset=asset, target="192.0.2.7", port=443,
            title=text or f"Finding {n}", severity=list(Severity)[n % 5], evidence={"cve": "CVE-2026-0001", "priority": 71.5, "text": text or "seen"} if n == 1 else text or "password=hunter2 seen", remedy=text or "Mend it.", job=None,
            description=text or "What it is.", references=["https://example.org/"],
        )  # fmt: skip
        wire_of(session).execute(
            "insert into scan_finding (org, id, scan, finding, is_new) select org, %s, %s, id, %s from finding where org = %s and key = %s",
            (new_id(), scan, fresh, self.org, key),
        )

    def accept_one(self, scan: UUID) -> None:
        """Call one finding of a scan a false positive."""
        with self.ledger.database.transaction(self.org) as session:
            row: Any = (
                wire_of(session)
                .execute("select finding from scan_finding where org = %s and scan = %s limit 1", (self.org, scan))
                .fetchone()
            )
            triage(session, self.org, row[0], state="false_positive", reason="looked at", actor="tests")

    def submit(self, kind: str, **arguments: Any) -> JobResult:
        """Ask for a job."""
        found = CATALOG.kinds()[kind]
        made = submit(self.ledger, self.org, found, bind(found, arguments), Options(actor="tests"))
        return JobResult(made.id, self.org, on=self.ledger)

    def run(self, kind: str, **arguments: Any) -> JobResult:
        """Ask for a job and run it."""
        result = self.submit(kind, **arguments)
        self.worker.run_all(self.org)
        return result

    def done(self, kind: str, **arguments: Any) -> dict[str, Any]:
        """Run a job that succeeds and return its result."""
        found: dict[str, Any] = self.run(kind, **arguments).get(timeout=0)
        return found

    def failed(self, kind: str, **arguments: Any) -> str:
        """Run a job that fails and return what it says."""
        result = self.run(kind, **arguments)
        assert result.state == "FAILURE", result.info
        return str(result.info)

    def ask(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """Read or write in the organisation."""
        with self.ledger.database.transaction(self.org) as session:
            found = wire_of(session).execute(sql, values)
            return found.fetchall() if found.description else []

    def stored(self, report: UUID) -> bytes:
        """Return the bytes of a report's stored file."""
        ((artifact,),) = self.ask("select artifact from report where id = %s", report)
        with self.ledger.database.transaction(self.org) as session:
            return b"".join(artifacts.read(self.ledger, session, self.org, artifact)[1])

    def copy(self, path: str) -> bytes:
        """Return the bytes of a plain copy."""
        assert Path(path).is_relative_to(self.copies)
        assert Path(path).stat().st_mode & 0o777 == 0o600
        return Path(path).read_bytes()

    def changes(self, report: UUID) -> dict[str, int]:
        """Count the rows of a JSON report by their change."""
        ((counts,),) = self.ask(
            "select s.counts from report r join report_snapshot s on s.org = r.org and s.id = r.snapshot where r.id = %s", report
        )
        return dict(Counter(counts["changes"]))
