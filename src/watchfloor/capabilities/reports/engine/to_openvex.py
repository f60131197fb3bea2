"""Render what a snapshot claims about CVEs as OpenVEX 0.2.0. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from watchfloor.capabilities.reports.engine.filtered import plain
from watchfloor.capabilities.reports.engine.machine import TOOL, VERSION, listed, moment, piece
from watchfloor.capabilities.reports.engine.render import Rendered
from watchfloor.capabilities.reports.engine.text import visible
from watchfloor.capabilities.reports.engine.vex import Status, claims, document_id
from watchfloor.capabilities.reports.schemas.snapshot import FINDINGS
from watchfloor.kernel.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from watchfloor.capabilities.reports.engine.spool import Spool
    from watchfloor.capabilities.reports.engine.vex import Claim, Place, Vulnerability
    from watchfloor.capabilities.reports.schemas.snapshot import Options

CONTEXT: Final = "https://openvex.dev/ns/v0.2.0"


def write(spool: Spool, options: Options, out: Callable[[bytes], None]) -> Rendered:
    """Write one statement for each CVE and claim, with all places that share it.

    Raises:
        InvalidInput: No finding has a CVE; a document of OpenVEX must state something.
    """
    found, shown = claims(spool.rows(FINDINGS))
    if not found:
        raise InvalidInput(
            "no finding of this report names a CVE, and an OpenVEX document must make a statement; choose another format", field="/format"
        )
    about = {
        "@context": CONTEXT, "@id": f"urn:uuid:{document_id(spool.sha256)}", "author": visible(options.author) or visible(spool.head.org) or TOOL,
        "timestamp": moment(spool.head.as_of), "version": 1, "tooling": f"{TOOL} {VERSION}. {plain(spool.head)}".removesuffix(". "),
    }  # fmt: skip
    out(piece(about)[:-1] + b',"statements":')
    listed(_statements(found), out)
    out(b"}\n")
    total = spool.counts.get(FINDINGS, 0)
    return Rendered(rows_shown=shown, rows_total=total)


def _statements(found: list[Vulnerability]) -> Iterator[dict[str, Any]]:
    for one in found:
        alike: dict[tuple[Status, str, str], list[tuple[Place, Claim]]] = {}
        for place, claim in one.claims.items():
            alike.setdefault((claim.status, claim.action, claim.impact), []).append((place, claim))
        for (status, action, impact), places in sorted(alike.items()):
            told: dict[str, Any] = {
                "vulnerability": {"name": one.cve},
                "status": str(status),
                "products": [_product(place) for place, _ in sorted(places, key=_key)],
            }
            if action:
                told["action_statement"] = action
            if impact:
                told["impact_statement"] = impact
            yield told


def _key(claim: tuple[Place, Claim]) -> str:
    return claim[0].key


def _product(place: Place) -> dict[str, Any]:
    """Return a place by an address that people can read and that ends with its key; the schema calls a CPE name @cpe23."""
    told: dict[str, Any] = {"@id": f"urn:watchfloor:{quote(place.target, safe='')}:{'' if place.port is None else place.port}:{place.key}"}
    return {**told, "identifiers": {"@cpe23": place.cpe}} if place.cpe else told
