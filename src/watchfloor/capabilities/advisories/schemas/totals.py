"""Counts of advisories and of an organisation's matches, as a dashboard shows them."""

from __future__ import annotations

from datetime import date, datetime

from pydantic import BaseModel, Field

Counts = dict[str, dict[str, int]]


class DayCounts(BaseModel):
    """The counts as they were last on one day."""

    day: date
    counts: Counts
    matches: Counts


class Statistics(BaseModel):
    """All counts by metric and dimension, taken from counters that are kept while records change: nothing is counted when this is read."""

    counts: Counts = Field(
        description="Of all advisories: cves by state, severity, band, kev by catalog, ransomware, exploited_eu, ssvc, nvd_status, cvss_source, "
        "coverage, epss by lower bound, published_month, product_top."
    )
    matches: Counts = Field(
        description="Of your assets: matches by band, candidates by class, verdict by deadline, overdue, assets_affected by their worst band."
    )
    matches_counted_at: datetime | None = Field(None, description="When the counts of your assets were taken; None: not yet.")
    days: list[DayCounts] = Field([], description="The days before, oldest first, where `days` asked for them.")
