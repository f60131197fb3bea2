"""Load what scans know about hosts: which parts looked where, and what they kept, a page of hosts at a time."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from watchfloor.capabilities.scans.engine.known import Answers, Coverage, Facts, Part, Place, mask
from watchfloor.capabilities.scans.engine.plan import port_groups
from watchfloor.capabilities.scans.engine.ranges import Span, between
from watchfloor.kernel.db.session import wire_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from uuid import UUID

    from sqlalchemy.orm import Session

    from watchfloor.kernel.db.session import Wire

PAGE: Final = 100  # hosts at a time; a host may list a thousand services


def coverage(session: Session, org: UUID, scan: UUID) -> Coverage:
    """Return which addresses and ports the finished parts of a scan had; parts are read one after the other, not all at once."""
    masks: dict[str, tuple[tuple[str, str, int], ...]] = {}

    def parts(wire: Wire) -> Iterator[tuple[Part, Sequence[Span]]]:
        with wire.cursor(f"parts_{scan.hex}") as cursor:
            cursor.itersize = 20
            sql = "select n, request, coalesce((summary->>'skipped')::bigint, 0) from shard where org = %s and scan = %s and state = 'finished'"
            for n, request, skipped in cursor.execute(sql, (org, scan)):
                word = json.dumps([request["groups"], request.get("udp")], sort_keys=True)
                if word not in masks:
                    masks[word] = tuple(_groups(request))
                yield Part(n, masks[word], complete=not skipped), [between(first, last) for first, last in request["spans"]]

    found = wire_of(session).execute("select silent_hosts from scan where org = %s and id = %s", (org, scan)).fetchone()
    return Coverage(parts(wire_of(session)), [between(first, last) for first, last in found[0]] if found else [])


def _groups(request: dict[str, Any]) -> Iterator[tuple[str, str, int]]:
    """Yield group, protocol and ports of a part; one of UDP ports has no groups of its own."""
    udp = [port for first, last in request.get("udp") or () for port in range(first, last + 1)]
    for protocol, groups in (
        ("tcp", [(one["group"], one["ports"]) for one in request["groups"]]),
        ("udp", [(one.group, one.ports) for one in port_groups(udp)]),
    ):
        for group, ports in groups:
            yield str(group), protocol, mask(ports)


def pages(session: Session, org: UUID, scans: Sequence[UUID]) -> Iterator[list[str]]:
    """Yield the addresses that answered in any of the scans, in order, a page at a time."""
    last = "0.0.0.0/0"  # before every address
    while True:
        rows = wire_of(session).execute(
            "select distinct h.address, host(h.address) from unnest(%s::uuid[]) s (scan) cross join lateral (select address from host "
            "where org = %s and scan = s.scan and address > %s::inet order by address limit %s) h order by 1 limit %s",
            (list(scans), org, last, PAGE, PAGE),
        ).fetchall()  # fmt: skip
        if not rows:
            return
        yield [row[1] for row in rows]
        last = rows[-1][1]


def hosts_of(session: Session, org: UUID, scans: Sequence[UUID], addresses: Sequence[str]) -> dict[tuple[UUID, str], Answers]:
    """Return what each scan kept of each of these addresses."""
    wire = wire_of(session)
    rows = wire.execute(
        "select id, scan, host(address), name, counts, silent from host where org = %s and scan = any (%s) and address = any (%s::inet[])",
        (org, list(scans), list(addresses)),
    ).fetchall()
    services: dict[UUID, dict[Place, Facts]] = {row[0]: {} for row in rows}
    listed: dict[UUID, Counter[str]] = {row[0]: Counter() for row in rows}
    found = wire.execute(
        "select host, protocol, port, port_group, name, product, version, detail->>'revision', detail->>'tls_version', "
        "detail#>>'{certificate,sha256}', detail#>>'{certificate,subject}' from service where org = %s and host = any (%s)",
        (org, list(services)),
    )
    for host, protocol, port, group, *facts in found:
        services[host][protocol, port] = Facts(*(fact or "" for fact in facts))
        listed[host][group] += 1
    return {
        (row[1], row[2]): Answers(row[3] or "", counts=row[4], silent=row[5], services=services[row[0]], listed=listed[row[0]])
        for row in rows
    }
