"""Render a document as JSON: sorted, versioned, the same bytes each time. Pure."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from watchfloor.capabilities.reports.engine.document import by_severity, worst_first

if TYPE_CHECKING:
    from watchfloor.capabilities.reports.schemas import Document

FORMAT = "watchfloor-report/1"


def render_json(document: Document) -> bytes:
    """Return UTF-8 JSON with a final line break; findings worst first, with their counts."""
    content = document.model_dump(mode="json")
    for section, source in zip(content["sections"], document.sections, strict=True):
        section["findings"] = [finding.model_dump(mode="json") for finding in worst_first(source.findings)]
    content |= {"format": FORMAT, "findings_by_severity": {str(severity): count for severity, count in by_severity(document).items()}}
    text = json.dumps(content, ensure_ascii=False, allow_nan=False, indent=2, sort_keys=True)
    return (text + "\n").encode("utf-8", "backslashreplace")
