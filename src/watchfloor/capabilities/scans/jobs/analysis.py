"""Judge again what a scan saw, with the checks of today."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from pydantic import Field

from watchfloor.capabilities.scans.engine import analysis
from watchfloor.capabilities.scans.engine.analysis import Analysis, SeenService
from watchfloor.capabilities.scans.jobs.starting import LIMITS
from watchfloor.capabilities.scans.queries import read
from watchfloor.capabilities.scans.schemas import Shape
from watchfloor.kernel import clock
from watchfloor.kernel.contract import job
from watchfloor.kernel.errors import GiveUp, InvalidInput, NotFound

if TYPE_CHECKING:
    from watchfloor.kernel.contract import JobContext

PAGE = 500
SERVICES_MAX = 65_536


class VulnerabilityAnalysis(Shape):
    """A scan's id, or the document that `watchfloor scan --json` wrote (up to 64 KiB)."""

    scan_results: UUID | dict[str, Any] = Field(description="A scan's id, or the document of `watchfloor scan --json`.")


@job("scans.vulnerability_analysis", VulnerabilityAnalysis, **LIMITS)
def vulnerability_analysis(context: JobContext, request: VulnerabilityAnalysis) -> Analysis:
    """Judge what a scan saw with the checks of today and return findings by severity; nothing is contacted and nothing is recorded."""
    scan = request.scan_results if isinstance(request.scan_results, UUID) else None
    try:
        seen = _kept(context, scan) if scan else analysis.read_document(request.scan_results)  # type: ignore[arg-type] # no id, so a document
        return analysis.analyse(seen, clock.now(), scan=scan)
    except (InvalidInput, NotFound) as error:
        raise GiveUp(str(error)) from error


def _kept(context: JobContext, scan: UUID) -> list[SeenService]:
    """Return the services of a scan, page by page, each in a short transaction."""
    found: list[SeenService] = []
    after: str | None = None
    while len(found) < SERVICES_MAX:
        with context.transaction() as session:
            page = read.list_services(session, context.org, scan, limit=PAGE, after=after)
        found += [SeenService.model_validate(one.model_dump(mode="json")) for one in page.items]
        after = page.next
        if after is None:
            break
    return found
