"""What the handler runs in boxes to make a PDF; the libraries are loaded there, not in the worker."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from watchfloor.capabilities.reports.engine.to_pdf.shapes import Compiled, Merged, Plan  # noqa: TC001 - the sandbox reads what a function promises

if TYPE_CHECKING:
    from watchfloor.capabilities.reports.engine.to_pdf.shapes import MergeRequest, PartRequest, PlanRequest
    from watchfloor.kernel.contract import StreamingReport

PACKAGE = "watchfloor.capabilities.reports.engine.to_pdf"


def plan(request: PlanRequest, report: StreamingReport) -> Plan:
    """See `plan.plan`."""
    made: Plan = _module("plan").plan(request, report)
    return made


def compile_part(request: PartRequest, report: StreamingReport) -> Compiled:
    """See `part.compile_part`."""
    made: Compiled = _module("part").compile_part(request, report)
    return made


def merge(request: MergeRequest, report: StreamingReport) -> Merged:
    """See `merge.merge`."""
    made: Merged = _module("merge").merge(request, report)
    return made


def _module(name: str) -> Any:  # noqa: ANN401 - a module
    return importlib.import_module(f"{PACKAGE}.{name}")
