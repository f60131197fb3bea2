"""One thing that happened, in words that no channel owns: what is put into a mail, a webhook or a chat."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from watchfloor.kernel.contract import Severity


class Part(BaseModel):
    """A value that is what it says, and nothing else."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Message(Part):
    """What people are told. Its texts come from outside as often as not: whoever renders it escapes them."""

    type: str = Field(max_length=100, description="The event's name, such as scans.completed.")
    severity: Severity = Severity.INFO
    title: str = Field(max_length=300)
    asset: str = Field("", max_length=300, description="What it is about, as people name it; empty when it is about nothing we know.")
    lines: tuple[str, ...] = Field((), max_length=200, description="The text, a paragraph each.")
    link: str = Field("", max_length=2000, description="Where people see more; empty when the installation has no address.")
    facts: dict[str, str] = Field(default_factory=dict, max_length=60, description="Short facts by their names, in their order.")
    subject_kind: str = Field("", max_length=40, description="What the message is about: scan, finding, report, job …")
    subject_id: str = Field("", max_length=200)
    occurred_at: datetime
    dedup_key: str = Field("", max_length=300, description="Messages of one type with the same key are the same message.")
