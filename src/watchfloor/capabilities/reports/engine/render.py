"""Render a document in every format that was asked for; runs in the sandbox, because what it shows is hostile text."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

from watchfloor.capabilities.reports.schemas import Document

if TYPE_CHECKING:
    from watchfloor.kernel.contract import Report


class Format(StrEnum):
    """What a report can be rendered as."""

    HTML = "html"
    JSON = "json"


class RenderRequest(BaseModel):
    """One document, several formats."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    document: Document
    formats: tuple[Format, ...] = Field(min_length=1)


class Rendered(BaseModel):
    """The files by their format."""

    model_config = ConfigDict(extra="forbid", frozen=True, ser_json_bytes="base64", val_json_bytes="base64")

    files: dict[Format, bytes]


def render(request: RenderRequest, report: Report) -> Rendered:
    """Return one file for each format; the same document gives the same bytes."""
    files: dict[Format, bytes] = {}
    for done, wanted in enumerate(request.formats):
        report(done, len(request.formats), phase="render")
        files[wanted] = _one(request.document, wanted)
    report(len(request.formats), len(request.formats), phase="render")
    return Rendered(files=files)


def _one(document: Document, wanted: Format) -> bytes:
    if wanted is Format.JSON:
        from watchfloor.capabilities.reports.engine.to_json import render_json  # noqa: PLC0415 - one format does not pay for another

        return render_json(document)
    from watchfloor.capabilities.reports.engine.to_html import render_html  # noqa: PLC0415 - see above

    return render_html(document)
