"""Look at the doors with Watchfloor's own engine, without a database."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from benchmarks.laboratory.answer import Answer, Look
from watchfloor.capabilities.scans.connect.shard import probe
from watchfloor.capabilities.scans.engine.fingerprint import fingerprint
from watchfloor.capabilities.scans.engine.plan import parse_ports, port_groups
from watchfloor.capabilities.scans.schemas import AddressRange, Limits, ProbeHost, ProbeRequest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from watchfloor.capabilities.scans.schemas import PortAnswer


def look(ports: Mapping[str, Sequence[int]]) -> Look:
    """Scan these ports of these addresses, as one shard after the other."""
    found = Look(tool="watchfloor")
    for address, numbers in ports.items():
        request = ProbeRequest(
            hosts=(ProbeHost(address=address),),
            groups=port_groups(parse_ports(",".join(map(str, numbers)))),
            permitted=(AddressRange(first=address, last=address),),
            limits=Limits(),
        )
        started = time.monotonic()
        answers = probe(request, _quiet)
        for host in answers.hosts:
            for answer in host.ports:
                found.answers[address, answer.port] = _answer(answer)
                found.raw[address, answer.port] = answer
        found.seconds += time.monotonic() - started
    return found


def _answer(answer: PortAnswer) -> Answer:
    service = fingerprint(answer)
    tls = bool(service.tls_version and not answer.starttls)  # from the first byte
    return Answer(
        service=service.name, product=service.product, version=service.version, tls=tls, cpe=service.cpe, evidence=service.evidence[:200]
    )


def _quiet(*_: object, **__: object) -> None:
    """Nobody watches the progress."""
