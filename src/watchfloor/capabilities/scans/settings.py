"""What an operator can set about scans: `WATCHFLOOR_SCANS_*`."""

from __future__ import annotations

from datetime import timedelta

from pydantic import BaseModel, ConfigDict, Field


class ScanSettings(BaseModel):
    """Defaults and ceilings; a request may ask for less, never for more."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    ports: str = Field("top-1000", description="Ports of a scan whose request names none: numbers, ranges, top-100, top-1000 or all.")
    timeout: timedelta = Field(timedelta(hours=1), description="Longest duration of one scan whose request names none.")
    max_concurrent: int = Field(
        6000, ge=1, le=20_000, description="Most connections in flight at once in one shard, whatever profile or request say."
    )
    max_rate: int | None = Field(
        None,
        ge=1,
        le=1_000_000,
        description="Most connection attempts per second of one scan, on all workers together; empty means adaptive only.",
    )
    host_rate: int = Field(
        500,
        ge=1,
        le=1_000_000,
        description="Most connection attempts per second to one public host; profile polite takes a fifth of it, fast ten times as much. "
        "Hosts of private networks set their own pace, except with polite.",
    )
    net_rate: int = Field(
        20_000,
        ge=1,
        le=1_000_000,
        description="Most connection attempts per second to one network (IPv4 /24, IPv6 /48), by all scans together.",
    )
    worker_rate: int = Field(
        50_000, ge=1, le=1_000_000, description="Most connection attempts per second of one worker, all its jobs together."
    )
    looks_at_once: int = Field(
        96,
        ge=1,
        le=512,
        description="Most open ports whose service is identified at the same time in one shard, whatever the profile says.",
    )
    confirm_addresses: int = Field(
        4096, ge=1, description="A scan of more addresses must be confirmed: --yes, `confirmed: true`, or a role that may approve scopes."
    )
    confirm_probes: int = Field(
        4_096_000, ge=1, description="A scan of more probes (addresses times ports) must be confirmed in the same way."
    )
    shard_duration: timedelta = Field(
        timedelta(seconds=20), description="Aimed duration of one shard; decides how a scan is cut into jobs."
    )
    user_agent: str = Field(
        "Watchfloor (exposure check; ask your network operator)",
        max_length=200,
        pattern=r"^[\x20-\x7e]*$",
        description="What HTTP servers see as our name; put a contact address here.",
    )
    daily_targets: str = Field(
        "",
        description="Targets, joined by commas, that the daily scan looks at in every organisation whose scope allows them, "
        "beside assets tagged `daily`.",
    )
