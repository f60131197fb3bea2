"""CISA's catalog of known exploited vulnerabilities."""

from __future__ import annotations

import msgspec


class KevEntry(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """One entry, by the names of the catalog; dates are YYYY-MM-DD. Members that the catalog adds one day are in the document."""

    cve_id: str = msgspec.field(default="", name="cveID")
    vendor_project: str = msgspec.field(default="", name="vendorProject")
    product: str = ""
    vulnerability_name: str = msgspec.field(default="", name="vulnerabilityName")
    date_added: str = msgspec.field(default="", name="dateAdded")
    short_description: str = msgspec.field(default="", name="shortDescription")
    required_action: str = msgspec.field(default="", name="requiredAction")
    due_date: str = msgspec.field(default="", name="dueDate")
    ransomware: str = msgspec.field(default="", name="knownRansomwareCampaignUse")  # Known or Unknown
    notes: str = ""  # a list, separated by semicolons
    cwes: tuple[str, ...] = ()
