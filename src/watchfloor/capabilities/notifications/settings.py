"""What an operator can set about notifications."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

_PUBLIC: Final = re.compile(r"(https://[A-Za-z0-9.-]{1,253}|http://(localhost|127\.0\.0\.1|\[::1\]))(:[0-9]{1,5})?(/[A-Za-z0-9._~/-]*)?")


class NotificationSettings(BaseModel):
    """How mail leaves, where webhooks may go, and how long what was told is kept."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    smtp_host: str = Field("", max_length=253, description="The relay that takes mail; without it no mail is sent.")
    smtp_port: int = Field(587, ge=1, le=65535, description="The relay's port.")
    smtp_tls: str = Field(
        "starttls", pattern="^(starttls|implicit|none)$", description="starttls, implicit, or none (only for a relay on this machine)."
    )
    smtp_user: str = Field("", max_length=200, description="Who we are to the relay; empty for none.")
    smtp_password: SecretStr = Field(SecretStr(""), description="The password of that user.")
    mail_from: str = Field("", max_length=320, description="The sender of all mail, such as Watchfloor <watchfloor@example.org>.")
    verify_webhooks: bool = Field(
        default=False, description="New webhooks take messages only when their receiver has repeated a challenge (channels verify)."
    )
    slack_api: str = Field(
        "https://slack.com/api/",
        pattern="^https?://[^?#]+/$",
        max_length=300,
        description="Where Slack takes what bots write; governments have one of their own.",
    )
    public_url: str = Field(
        "",
        max_length=300,
        description="Where people reach this installation, such as https://watchfloor.example.org; http only on this machine. Without it mail has no links to unsubscribe.",
    )
    allowed_networks: str = Field("", max_length=2000, description="Private networks where receivers may be, joined by commas.")
    allowed_near: bool = Field(default=False, description="Allowed networks may name this machine itself.")
    allowed_ports: str = Field("443,80", max_length=200, description="Ports that webhooks may be at, joined by commas.")
    ca_file: Path | None = Field(None, description="Authorities that receivers' certificates may come from, beside the system's.")
    expire: timedelta = Field(timedelta(hours=72), description="How long a message is tried before it is given up.")
    keep: timedelta = Field(timedelta(days=180), description="How long notifications and deliveries are kept.")
    keep_attempts: timedelta = Field(timedelta(days=30), description="How long single attempts are kept.")

    @field_validator("public_url")
    @classmethod
    def _can_be_linked(cls, text: str) -> str:
        if text and not _PUBLIC.fullmatch(text):
            message = "it must be an address such as https://watchfloor.example.org, or begin with http://localhost or http://127.0.0.1"
            raise ValueError(message)
        return text.rstrip("/")
