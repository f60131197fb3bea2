"""What an operator can set about reports."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field


class ReportSettings(BaseModel):
    """Where plain copies go, how long reports are kept, and who signs them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    export_dir: Path | None = Field(
        None, description="Folder for plain copies that only the worker's user can read; by default reports in the embedded data directory."
    )
    author: str = Field("", max_length=200, description="Who publishes reports; without it no CSAF document is written.")
    author_url: str = Field("", max_length=300, description="The publisher's namespace, an https address, for CSAF and OpenVEX.")
    locale: str = Field(
        "en", pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$", max_length=35, description="Language of reports that ask for none."
    )
    time_zone: str = Field("UTC", max_length=64, description="Time zone of reports that ask for none.")
    classification: str = Field("", max_length=60, description="Stands on every page of reports that say no other, such as CONFIDENTIAL.")
    pdf_rows_max: int = Field(10_000, ge=100, le=50_000, description="Rows that a PDF shows; the files attached to it have all.")
    html_rows_max: int = Field(5_000, ge=100, le=50_000, description="Findings that an HTML report shows.")
    font_dir: Path | None = Field(
        None,
        description="Folder with fonts (.ttf, .otf, .ttc, .otc) for characters that the built-in ones lack in PDFs; other fonts make another report.",
    )
    keep_temporary: timedelta = Field(timedelta(days=7), description="How long reports of the class temporary are kept.")
    keep_standard: timedelta = Field(timedelta(days=90), description="How long reports of the class standard are kept.")
    keep_audit: timedelta = Field(timedelta(days=400), description="How long reports of the class audit are kept.")
