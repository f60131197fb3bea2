"""Render what a snapshot claims about CVEs as CSAF 2.0: profile VEX, or a base document where no finding names a CVE. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from watchfloor.capabilities.reports.engine.filtered import plain
from watchfloor.capabilities.reports.engine.machine import TOOL, VERSION, listed, moment, piece
from watchfloor.capabilities.reports.engine.render import Rendered
from watchfloor.capabilities.reports.engine.text import visible
from watchfloor.capabilities.reports.engine.vex import Status, claims, document_id, is_address
from watchfloor.capabilities.reports.schemas.snapshot import FINDINGS
from watchfloor.kernel.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Callable

    from watchfloor.capabilities.reports.engine.spool import Spool
    from watchfloor.capabilities.reports.engine.vex import Place, Vulnerability
    from watchfloor.capabilities.reports.schemas.snapshot import Options

GROUPS: Final = {
    Status.AFFECTED: "known_affected", Status.FIXED: "fixed", Status.NOT_AFFECTED: "known_not_affected", Status.UNDER_INVESTIGATION: "under_investigation",
}  # fmt: skip
NOTHING: Final = "No finding of this report names a CVE. This speaks only for what was looked at."
ABOUT: Final = "States of known vulnerabilities at assets that this organisation looked at. A place that is not listed was not judged."


def write(spool: Spool, options: Options, out: Callable[[bytes], None]) -> Rendered:
    """Write one document; its id comes from the snapshot.

    Raises:
        InvalidInput: Nobody is named who publishes it.
    """
    publisher = _publisher(options)
    found, shown = claims(spool.rows(FINDINGS))
    out(b'{"document":' + piece(_document(spool, publisher, bool(found))))
    if found:
        places = {place.key: place for one in found for place in one.claims}
        out(b',"product_tree":{"full_product_names":')
        listed((_product(places[key]) for key in sorted(places)), out)
        out(b'},"vulnerabilities":')
        listed((_vulnerability(one) for one in found), out)
    out(b"}\n")
    return Rendered(rows_shown=shown, rows_total=spool.counts.get(FINDINGS, 0))


def _publisher(options: Options) -> dict[str, str]:
    name = visible(options.author).strip()
    if not name or not options.author_url.startswith("https://") or not is_address(options.author_url):
        raise InvalidInput(
            "a CSAF document names its publisher: set its author and the author's https address in the settings of reports", field="/format"
        )
    return {"category": "user", "name": name, "namespace": options.author_url}


def _document(spool: Spool, publisher: dict[str, str], any_cve: bool) -> dict[str, Any]:  # noqa: FBT001 - of a fixed shape
    at = moment(spool.head.as_of)
    notes = [{"category": "summary", "title": "About this document", "text": ABOUT if any_cve else NOTHING}]
    if said := plain(spool.head):
        notes.append({"category": "general", "title": "Filtered", "text": said})
    return {
        "category": "csaf_vex" if any_cve else "csaf_base", "csaf_version": "2.0", "lang": "en", "notes": notes, "publisher": publisher,
        "title": visible(spool.head.title).strip() or "Known vulnerabilities",
        "tracking": {
            "id": f"watchfloor-{document_id(spool.sha256)}", "version": "1", "status": "final", "initial_release_date": at, "current_release_date": at,
            "revision_history": [{"date": at, "number": "1", "summary": "First and only version: a report of one moment."}],
            "generator": {"date": at, "engine": {"name": TOOL, "version": VERSION}},
        },
    }  # fmt: skip


def _product(place: Place) -> dict[str, Any]:
    told: dict[str, Any] = {"product_id": place.key, "name": place.name}
    return {**told, "product_identification_helper": {"cpe": place.cpe}} if place.cpe else told


def _vulnerability(one: Vulnerability) -> dict[str, Any]:
    status: dict[str, list[str]] = {}
    actions: dict[str, list[str]] = {}
    impacts: dict[str, list[str]] = {}
    for place, claim in sorted(one.claims.items(), key=lambda item: item[0].key):
        status.setdefault(GROUPS[claim.status], []).append(place.key)
        if claim.action:
            actions.setdefault(claim.action, []).append(place.key)
        if claim.impact:
            impacts.setdefault(claim.impact, []).append(place.key)
    told: dict[str, Any] = {
        "cve": one.cve, "title": one.title, "notes": [{"category": "description", "text": one.description or one.title}], "product_status": status,
    }  # fmt: skip
    if actions:
        told["remediations"] = [{"category": "mitigation", "details": text, "product_ids": ids} for text, ids in sorted(actions.items())]
    if impacts:
        told["threats"] = [{"category": "impact", "details": text, "product_ids": ids} for text, ids in sorted(impacts.items())]
    if one.references:
        told["references"] = [{"category": "external", "summary": "Read on", "url": address} for address in one.references]
    return told
