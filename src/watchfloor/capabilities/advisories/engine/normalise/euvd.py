"""ENISA's records in the shape that all sources share. Pure."""

from __future__ import annotations

import re
from collections import defaultdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from watchfloor.capabilities.advisories.engine.affected import worded
from watchfloor.capabilities.advisories.engine.names import normal, plain_vendor
from watchfloor.capabilities.advisories.engine.normalise.products import UNSAID_PART, Found
from watchfloor.capabilities.advisories.engine.normalise.said import score_of, severity
from watchfloor.capabilities.advisories.schemas.facts import Fact, Metric, Normal
from watchfloor.capabilities.advisories.schemas.words import Flag, Provider, Source, State

if TYPE_CHECKING:
    from watchfloor.capabilities.advisories.schemas.records.euvd import EuvdRecord

TEXT = 0.4  # how far a version goes that is written as text

# Month, day, year, then a clock of twelve hours; any blank between them: there is U+202F before AM and PM.
DATE = re.compile(r"([A-Z][a-z]{2})\s+([0-9]{1,2}),\s+([0-9]{4}),\s+([0-9]{1,2}):([0-9]{2}):([0-9]{2})\s+([AP])M")
MONTHS = {
    month: number for number, month in enumerate(["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"], 1)
}
VERSIONS = ("4.0", "3.1", "3.0", "2.0")
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


def euvd(k: int, record: EuvdRecord) -> Normal:
    """Return what one record says; EPSS in it is not ours to read, it is a day old and in percent."""
    published, modified = moment(record.date_published), moment(record.date_updated)
    metrics = _metrics(k, record)
    found = _products(k, record)
    # That a record has this date says that it is exploited, whatever the date is.
    since = (moment(record.exploited_since) or modified or published or LONG_AGO) if record.exploited_since.strip() else None
    rejected = record.description.lstrip(" *").upper().startswith("REJECT")
    return Normal(
        fact=Fact(
            k=k, src=Source.EUVD, state=State.REJECTED if rejected else State.PUBLISHED, descr=record.description.strip(), published=published,
            modified=modified, flags=_flags(metrics), exploited_since=since,
        ),
        metrics=metrics, criteria=() if rejected else tuple(found.criteria), aliases=_aliases(record), skipped=found.skipped,
    )  # fmt: skip


def moment(text: str) -> datetime | None:
    """Return a date such as `Jul 9, 2026, 3:06:00 PM`, UTC; None for what is none."""
    found = DATE.fullmatch(text.strip())
    if found is None or found[1] not in MONTHS:
        return None
    hour = int(found[4]) % 12 + (12 if found[7] == "P" else 0)
    try:
        return datetime(int(found[3]), MONTHS[found[1]], int(found[2]), hour, int(found[5]), int(found[6]), tzinfo=UTC)
    except ValueError:
        return None


def _aliases(record: EuvdRecord) -> tuple[str, ...]:
    named = {one.strip() for one in record.aliases.splitlines()} | {record.id.strip()}
    return tuple(sorted(named - {""}))


def _metrics(k: int, record: EuvdRecord) -> tuple[Metric, ...]:
    score, version = score_of(record.base_score), record.base_score_version.strip()
    if score is None or version not in VERSIONS:
        return ()
    vector = record.base_score_vector.strip()
    return (
        Metric(
            k=k, src=Source.EUVD, version=version, provider=Provider.OTHER, score=score, vector=vector, severity=severity(score, version)
        ),
    )


def _flags(metrics: tuple[Metric, ...]) -> Flag:
    poc = any(one.version == "4.0" and {"E:P", "E:A"} & set(one.vector.split("/")) for one in metrics)
    return Flag.V4_POC if poc else Flag(0)


def _products(k: int, record: EuvdRecord) -> Found:
    found = Found(k, Source.EUVD)
    vendors = {plain_vendor(one.vendor.name) for one in record.vendors} - {""}
    vendor = next(iter(vendors)) if len(vendors) == 1 else ""
    versions: dict[str, list[str]] = defaultdict(list)
    for one in record.products:
        versions[one.product.name].append(one.product_version)
    for name, texts in sorted(versions.items()):
        ranges = worded(texts, name)
        found.skipped += ranges.skipped
        own = normal(vendor, name)
        if own[1]:
            for span in ranges.spans:
                found.add((UNSAID_PART, *own), span, TEXT, names=True)
    return found
