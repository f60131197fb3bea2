"""What a webhook posts to others, as their receivers may rely on it."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from watchfloor.kernel.contract import Severity


class WebhookFacts(BaseModel):
    """What an event says, each as text; an event that has no value for one leaves it out."""

    __pydantic_extra__: dict[str, str]

    model_config = ConfigDict(extra="allow", frozen=True)


class WebhookSubject(BaseModel):
    """What it is about; both are empty when it is about nothing we know."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: str = Field(description="scan, finding, report, job …")
    id: str


class WebhookData(BaseModel):
    """What happened, at most 20 kB: what is too long is left out, and `truncated` says so."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_: Literal[1] = Field(alias="schema", description="The number of this shape.")
    severity: Severity
    title: str
    asset: str = Field(description="What it is about, as people name it; empty when it is about nothing we know.")
    text: list[str] = Field(description="What else there is to say, a paragraph each.")
    facts: WebhookFacts
    subject: WebhookSubject
    link: str = Field(description="Where people see more; empty when the installation has no address.")
    dedup_key: str = Field(description="Messages of one type with the same key are the same message; empty where each is its own.")
    truncated: bool = Field(description="Whether something was left out, for it was too long.")


class Webhook(BaseModel):
    """One message as it is posted. The signature is over the bytes, so check it before they are parsed."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    type: str
    timestamp: datetime = Field(description="When it happened.")
    data: WebhookData
