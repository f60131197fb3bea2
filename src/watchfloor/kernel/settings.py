"""The kernel's settings, read once at the door from WATCHFLOOR_* and, where it exists, a settings file."""

from __future__ import annotations

import os
from datetime import timedelta
from enum import StrEnum
from functools import cache
from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Profile(StrEnum):
    """A named set of defaults, not a branch in the code."""

    EMBEDDED = "embedded"
    SINGLE_HOST = "single-host"
    HARDENED = "hardened"


def default_data_dir() -> Path:
    """Return where this user's floor keeps its data."""
    if os.geteuid() == 0:
        return Path("/var/lib/watchfloor")
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "watchfloor"


class KernelSettings(BaseSettings):
    """What every door needs to know."""

    model_config = SettingsConfigDict(env_prefix="WATCHFLOOR_", extra="ignore", frozen=True)

    profile: Profile = Field(Profile.EMBEDDED, description="embedded, single-host or hardened: a named set of defaults")
    data_dir: Path = Field(default_factory=default_data_dir, description="where the embedded services, keys and reports live")
    database_url: SecretStr | None = Field(None, description="PostgreSQL >= 15 of your own; without it an embedded one is started")
    broker_url: SecretStr | None = Field(None, description="redis://, rediss://, valkey:// or amqp:// of your own; without it an embedded Valkey is started")
    kek: SecretStr | None = Field(None, description="key-encryption key, 32 bytes as base64; without it kek_file is used")
    kek_file: Path | None = Field(None, description="file with the key-encryption key; by default keys/kek in the data directory")
    default_org: str = Field("default", description="the organisation used where none is named")
    api_host: str = Field("127.0.0.1", description="address the REST API listens on")
    api_port: int = Field(8000, ge=0, le=65535, description="port the REST API listens on")
    worker_concurrency: int = Field(default_factory=lambda: max(2, os.cpu_count() or 2), ge=1, description="jobs one worker runs at a time")
    worker_drain: timedelta = Field(timedelta(seconds=60), description="how long running jobs may go on after SIGTERM before they are handed back")
    log_level: str = Field("INFO", description="DEBUG, INFO, WARNING or ERROR")

    def kek_path(self) -> Path:
        """Return the file that holds the key-encryption key."""
        return self.kek_file or self.data_dir / "keys" / "kek"


@cache
def kernel_settings() -> KernelSettings:
    """Return this process's settings; read from the environment at the first call."""
    return KernelSettings()
