"""Entries of the catalogs of known exploited vulnerabilities. Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from watchfloor.capabilities.advisories.schemas.facts import Kev
from watchfloor.capabilities.advisories.schemas.words import Catalog

if TYPE_CHECKING:
    from watchfloor.capabilities.advisories.schemas.records.eu_kev import EuKevEntry
    from watchfloor.capabilities.advisories.schemas.records.kev import KevEntry


def kev(k: int, entry: KevEntry) -> Kev:
    """Return an entry of CISA's catalog.

    Raises:
        ValueError: The date it was added is missing or none.
    """
    extra = {
        "vendor": entry.vendor_project, "product": entry.product, "description": entry.short_description, "notes": entry.notes,
        "cwes": list(entry.cwes),
    }  # fmt: skip
    return Kev(
        k=k, catalog=Catalog.CISA, added=_day(entry.date_added, "-"), due=_day(entry.due_date, "-") if entry.due_date else None,
        ransomware={"known": True, "unknown": False}.get(entry.ransomware.strip().lower()), action=entry.required_action,
        name=entry.vulnerability_name, extra={name: value for name, value in extra.items() if value},
    )  # fmt: skip


def eu_kev(k: int, entry: EuKevEntry) -> Kev:
    """Return an entry of the EU's catalog; it has no due dates.

    Raises:
        ValueError: The date it was reported is missing or none.
    """
    extra = {
        "vendor": entry.vendor_project, "product": entry.product, "description": entry.short_description, "notes": entry.notes,
        "euvd_id": entry.euvd_id, "patched_since": entry.patched_since, "exploitation_type": entry.exploitation_type,
        "threat_actors": entry.threat_actors, "cwes": entry.cwes,
    }  # fmt: skip
    kind = entry.exploitation_type.strip().lower()
    return Kev(
        k=k, catalog=Catalog.EU, added=_day(entry.date_reported, "/"), ransomware=None if kind in {"", "unknown"} else kind == "ransomware",
        name=entry.vulnerability_name, extra={name: value for name, value in extra.items() if value},
    )  # fmt: skip


def _day(text: str, separator: str) -> datetime:
    return datetime.strptime(text.strip(), separator.join(("%Y", "%m", "%d"))).replace(tzinfo=UTC)
