"""Write down what a shard learned, part by part: what a part says replaces what the part before it said, repeating it changes nothing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from psycopg.types.json import Jsonb

from watchfloor.capabilities.scans.schemas import port_ranges
from watchfloor.kernel.assets.facts import Fact, learn
from watchfloor.kernel.assets.inventory import see
from watchfloor.kernel.db.ids import new_id
from watchfloor.kernel.db.session import wire_of
from watchfloor.kernel.findings.ledger import close_missing, record

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from sqlalchemy.orm import Session

    from watchfloor.capabilities.scans.engine.sight import Sighting
    from watchfloor.capabilities.scans.queries.write import Taken
    from watchfloor.capabilities.scans.schemas import Group, ProbeAnswers, ScanSummary, Service

GONE = "this look found the port closed, or its service without this trouble"


def save_part(
    session: Session, org: UUID, taken: Taken, job: UUID, sightings: Sequence[Sighting], summary: ScanSummary, *, actor: str,
    known: dict[str, UUID], resume: ProbeAnswers | None = None, quiet: bool = False,
) -> None:  # fmt: skip
    """Write down what a shard learned since its last part, all of it or nothing.

    Args:
        session: The attempt's own transaction.
        org: Whose scan it is.
        taken: The shard.
        job: The job that looked.
        sightings: Hosts with news, in the order of their addresses.
        summary: The shard's counts from its beginning.
        actor: On whose behalf.
        known: The assets of addresses saved before by this attempt; grows.
        resume: Where the next attempt goes on. None: the shard is finished.
        quiet: Nobody hears of single findings.
    """
    scan = taken.scan.id
    hosts = _save_hosts(session, org, scan, taken.part.n, sightings, known)
    _save_services(session, org, scan, hosts, sightings)
    for sighting in sightings:
        asset = hosts[sighting.address][1]
        _save_findings(session, org, scan, asset, job, sighting, actor=actor, quiet=quiet)
        _save_facts(session, org, asset, sighting)
    kept = (
        resume.model_dump(mode="json", exclude_defaults=True, exclude={"hosts": {"__all__": {"ports", "name", "skipped"}}})
        if resume
        else None
    )
    wire_of(session).execute(
        "update shard set summary = %s, resume = %s, state = case when %s then 'taken' else 'finished' end, "
        "finished_at = case when %s then null else wf_now() end where org = %s and id = %s",
        (Jsonb(summary.model_dump(mode="json")), Jsonb(kept) if kept else None, bool(kept), bool(kept), org, taken.part.id),
    )
    if sightings or resume is None:
        count(session, org, scan)


HOSTS = """
insert into host as h (org, id, scan, asset, address, name, rtt_ms, counts, silent)
select %s, id, %s, asset, address, name, rtt_ms, counts, silent
from jsonb_to_recordset(%s) as t (id uuid, asset uuid, address inet, name text, rtt_ms double precision, counts jsonb, silent jsonb)
on conflict (org, scan, address) do update set counts = h.counts || excluded.counts, silent = h.silent || excluded.silent,
  name = coalesce(h.name, excluded.name), rtt_ms = coalesce(excluded.rtt_ms, h.rtt_ms)
returning host(address), id, asset
"""


def _save_hosts(
    session: Session, org: UUID, scan: UUID, n: int, sightings: Sequence[Sighting], known: dict[str, UUID]
) -> dict[str, tuple[UUID, UUID]]:
    """Return each address with the ids of its host row and its asset."""
    rows = []
    for one in sorted(sightings, key=lambda sighting: sighting.address):  # one order for all, so that shards do not wait in a circle
        if one.address not in known:
            known[one.address] = see(session, org, kind="host", key=one.address, name=one.name or None)
        silent = {name: held for name, held in (("filtered", one.filtered), ("skipped", one.skipped)) if held and one.protocol == "tcp"}
        rows.append({
            "id": str(new_id()), "asset": str(known[one.address]), "address": one.address, "name": one.name or None, "rtt_ms": one.rtt_ms,
            "counts": {str(n): {str(group): tally.model_dump() for group, tally in one.tallies.items()}}, "silent": {str(n): silent} if silent else {},
        })  # fmt: skip
    found = wire_of(session).execute(HOSTS, (org, scan, Jsonb(rows))).fetchall() if rows else []
    return {row[0]: (row[1], row[2]) for row in found}


SERVICES = """
insert into service as s (org, id, scan, host, port, protocol, port_group, name, product, version, confidence, detail)
select %s, id, %s, host, port, protocol, port_group, name, product, version, confidence, detail
from jsonb_to_recordset(%s::jsonb)
  as t (id uuid, host uuid, port integer, protocol text, port_group text, name text, product text, version text, confidence smallint, detail jsonb)
on conflict (org, host, protocol, port) do """
LOOKED_AT = """update set port_group = excluded.port_group, name = excluded.name, product = excluded.product,
  version = excluded.version, confidence = excluded.confidence, detail = excluded.detail, changed_at = wf_now()
where (s.name, s.product, s.version, s.confidence, s.detail)
  is distinct from (excluded.name, excluded.product, excluded.version, excluded.confidence, excluded.detail)"""
IN_COLUMNS = {"port", "protocol", "name", "product", "version", "confidence"}


def _save_services(session: Session, org: UUID, scan: UUID, hosts: dict[str, tuple[UUID, UUID]], sightings: Sequence[Sighting]) -> None:
    """Save what was looked at, and every other open port without a word about it: what an earlier part said of it stays."""
    for names, then in (("services", LOOKED_AT), ("unlooked", "nothing")):
        rows = [_row(hosts[one.address][0], group, service) for one in sightings for group, service in getattr(one, names)]
        if rows:
            wire_of(session).execute(SERVICES + then, (org, scan, storable(rows)))


def _row(host: UUID, group: Group, service: Service) -> dict[str, Any]:
    return {
        **service.model_dump(mode="json", include=IN_COLUMNS), "id": str(new_id()), "host": str(host), "port_group": str(group),
        "detail": service.model_dump(mode="json", exclude=IN_COLUMNS, exclude_defaults=True),
    }  # fmt: skip


def storable(rows: object) -> str:
    """Return JSON that PostgreSQL takes: it refuses NUL and lone surrogates, which a target may send."""
    return json.dumps(rows, ensure_ascii=False).encode("utf-8", "replace").decode().replace("\\u0000", "\\ufffd")


def _save_findings(session: Session, org: UUID, scan: UUID, asset: UUID, job: UUID, one: Sighting, *, actor: str, quiet: bool) -> None:
    fresh = {
        problem.key: record(
            session, org, key=problem.key, capability="scans", check=problem.check, asset=asset, target=problem.target, port=problem.port,
            title=_plain(problem.title), severity=problem.severity, evidence=_plain(problem.evidence), remedy=problem.remedy, job=job,
            protocol=problem.protocol, description=problem.description, references=problem.references, quiet=quiet,
        )
        for problem in one.problems
    }  # fmt: skip
    if one.known_ports or one.filtered_ports:
        close_missing(
            session, org, capability="scans", asset=asset, seen={*fresh, *one.unmade}, job=job, actor=actor, reason=GONE, ports=one.known_ports,
            filtered=one.filtered_ports, look=scan, protocol=one.protocol, quiet=quiet,
        )  # fmt: skip
    if fresh:
        wire_of(session).execute(
            "insert into scan_finding (org, id, scan, finding, is_new) select %(org)s, t.id, %(scan)s, f.id, t.fresh "
            "from unnest(%(ids)s::uuid[], %(keys)s::text[], %(fresh)s::boolean[]) as t (id, key, fresh) "
            "join finding f on f.org = %(org)s and f.key = t.key on conflict (org, scan, finding) do nothing",
            {"org": org, "scan": scan, "ids": [new_id() for _ in fresh], "keys": list(fresh), "fresh": list(fresh.values())},
        )


def _save_facts(session: Session, org: UUID, asset: UUID, one: Sighting) -> None:
    """Tell the inventory what runs there; a port that is closed now, or answers as something else, has lost what it had."""
    facts = [
        Fact(
            product=service.product, port=service.port, protocol=service.protocol, name=service.name, version=service.version, revision=service.revision,
            cpe23=(service.cpe, *service.cpe_aliases) if service.cpe else (),
        )
        for _group, service in one.services
    ]  # fmt: skip
    if facts or one.known_ports:
        learn(session, org, asset, facts, ports_looked_at={one.protocol: port_ranges(sorted(one.known_ports))})


def _plain(text: str) -> str:
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode()


COUNT = """
update scan c set
  hosts_up = (select count(*) from host where org = c.org and scan = c.id),
  open_ports = (select coalesce(sum((summary->>'open')::int), 0) from shard where org = c.org and scan = c.id),
  probes = (select coalesce(sum((summary->>'probes')::bigint), 0) from shard where org = c.org and scan = c.id),
  findings = (select count(*) from scan_finding where org = c.org and scan = c.id)
where c.org = %s and c.id = %s
"""


def count(session: Session, org: UUID, scan: UUID) -> None:
    """Bring a scan's counts up to date."""
    wire_of(session).execute(COUNT, (org, scan))
